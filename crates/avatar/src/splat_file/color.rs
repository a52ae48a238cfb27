//! Colours and opacities of bytes, as several formats store them.

use effigy_splat::SH_C0;

/// The coefficient of degree 0 that gives a colour of `value` by itself.
pub(super) fn harmonic_from_rgb(value: impl Into<f64>) -> f32 {
    ((value.into() - 0.5) / f64::from(SH_C0)) as f32
}

/// The logit of an opacity of 0 to 1 in a byte; infinite at the ends.
pub(super) fn logit_from_byte(opacity: u8) -> f32 {
    logit(f64::from(opacity) / 255.0)
}

/// The logit of an opacity, which is clamped to 0 to 1; infinite at the ends.
pub(super) fn logit(opacity: f64) -> f32 {
    let opacity = opacity.clamp(0.0, 1.0);
    (opacity / (1.0 - opacity)).ln() as f32
}
