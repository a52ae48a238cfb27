//! The transfer curve of sRGB (IEC 61966-2-1), continued above 1. Twin of `shaders/math/srgb.wesl`.

use glam::Vec3;

/// Linear light of sRGB colour that is not negative.
#[inline]
pub fn linear_from_srgb(color: Vec3) -> Vec3 {
    color.map(|c| if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) })
}

/// sRGB colour of linear light that is not negative.
#[inline]
pub fn srgb_from_linear(light: Vec3) -> Vec3 {
    light.map(|l| if l <= 0.003_130_8 { 12.92 * l } else { 1.055 * l.powf(1.0 / 2.4) - 0.055 })
}
