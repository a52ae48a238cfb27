//! Real spherical harmonics to degree 3, in the order and signs of 3D Gaussian Splatting.
//!
//! The constants are the normalisation factors of the real harmonics (Sloan, "Efficient Spherical Harmonic
//! Evaluation", JCGT 2013), with the Condon-Shortley phase that 3D Gaussian Splatting uses. Twin of
//! `shaders/splat/harmonics.wesl`.

use glam::Vec3;

/// Y₀⁰, the factor of the constant coefficient.
pub const SH_C0: f32 = 0.282_094_8;
const C1: f32 = 0.488_602_52;
const C2: [f32; 5] = [1.092_548_5, -1.092_548_5, 0.315_391_57, -1.092_548_5, 0.546_274_24];
const C3: [f32; 7] =
    [-0.590_043_6, 2.890_611_4, -0.457_045_8, 0.373_176_33, -0.457_045_8, 1.445_305_7, -0.590_043_6];

/// Display-referred RGB of a Gaussian seen along `direction`: 0.5 + Σ Yᵢ cᵢ, clamped below at 0.
///
/// `direction` is the unit vector from the camera to the Gaussian, in the frame in which the coefficients were
/// fitted. `sh` holds (degree + 1)² × 3 values, coefficient-major.
#[inline(always)]
pub fn sh_color(degree: u8, sh: &[f32], direction: Vec3) -> Vec3 {
    let c = |i: usize| Vec3::new(sh[3 * i], sh[3 * i + 1], sh[3 * i + 2]);
    let mut color = Vec3::splat(0.5) + SH_C0 * c(0);
    if degree >= 1 {
        let Vec3 { x, y, z } = direction;
        color += C1 * (z * c(2) - y * c(1) - x * c(3));
        if degree >= 2 {
            let (xx, yy, zz) = (x * x, y * y, z * z);
            color += (C2[0] * x * y) * c(4)
                + (C2[1] * y * z) * c(5)
                + (C2[2] * (2.0 * zz - xx - yy)) * c(6)
                + (C2[3] * x * z) * c(7)
                + (C2[4] * (xx - yy)) * c(8);
            if degree >= 3 {
                color += (C3[0] * y * (3.0 * xx - yy)) * c(9)
                    + (C3[1] * x * y * z) * c(10)
                    + (C3[2] * y * (4.0 * zz - xx - yy)) * c(11)
                    + (C3[3] * z * (2.0 * zz - 3.0 * xx - 3.0 * yy)) * c(12)
                    + (C3[4] * x * (4.0 * zz - xx - yy)) * c(13)
                    + (C3[5] * z * (xx - yy)) * c(14)
                    + (C3[6] * x * (xx - 3.0 * yy)) * c(15);
            }
        }
    }
    color.max(Vec3::ZERO)
}
