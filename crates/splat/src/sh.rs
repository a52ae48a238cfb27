//! Real spherical harmonics to degree 3, in the order and signs of 3D Gaussian Splatting.
//!
//! The constants are the normalisation factors of the real harmonics (Sloan, "Efficient Spherical Harmonic
//! Evaluation", JCGT 2013), with the Condon-Shortley phase that 3D Gaussian Splatting uses. Twin of
//! `shaders/splat/harmonics.wesl`.

use glam::{DVec3, Quat, Vec3};

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

/// The values of the sixteen harmonics in the unit direction `d`, in double precision.
pub(crate) fn sh_basis(d: DVec3) -> [f64; 16] {
    let DVec3 { x, y, z } = d;
    let (xx, yy, zz) = (x * x, y * y, z * z);
    let (c0, c1, c2, c3) = (f64::from(SH_C0), f64::from(C1), C2.map(f64::from), C3.map(f64::from));
    [
        c0,
        -c1 * y,
        c1 * z,
        -c1 * x,
        c2[0] * x * y,
        c2[1] * y * z,
        c2[2] * (2.0 * zz - xx - yy),
        c2[3] * x * z,
        c2[4] * (xx - yy),
        c3[0] * y * (3.0 * xx - yy),
        c3[1] * x * y * z,
        c3[2] * y * (4.0 * zz - xx - yy),
        c3[3] * z * (2.0 * zz - 3.0 * xx - 3.0 * yy),
        c3[4] * x * (4.0 * zz - xx - yy),
        c3[5] * z * (xx - yy),
        c3[6] * x * (xx - 3.0 * yy),
    ]
}

/// The derivative of [`sh_color`]: from a loss's gradient on the colour to its gradients on the coefficients, which
/// are written to `sh_gradient` (as long as `sh`), and on the direction, which is returned.
///
/// `color` is what [`sh_color`] gave: a channel that was clamped at 0 passes nothing on. The direction's gradient is
/// that of the polynomials as they are written, whose part along the direction has no meaning.
#[inline(always)]
pub fn sh_color_backward(
    degree: u8,
    sh: &[f32],
    direction: Vec3,
    color: Vec3,
    color_gradient: Vec3,
    sh_gradient: &mut [f32],
) -> Vec3 {
    let g = Vec3::select(color.cmpgt(Vec3::ZERO), color_gradient, Vec3::ZERO);
    let mut put = |i: usize, basis: f32| {
        sh_gradient[3 * i] = basis * g.x;
        sh_gradient[3 * i + 1] = basis * g.y;
        sh_gradient[3 * i + 2] = basis * g.z;
    };
    // The loss's gradient on the value of basis function i.
    let e = |i: usize| sh[3 * i] * g.x + sh[3 * i + 1] * g.y + sh[3 * i + 2] * g.z;
    put(0, SH_C0);
    let mut d = Vec3::ZERO;
    if degree >= 1 {
        let Vec3 { x, y, z } = direction;
        put(1, -C1 * y);
        put(2, C1 * z);
        put(3, -C1 * x);
        d += C1 * Vec3::new(-e(3), -e(1), e(2));
        if degree >= 2 {
            let (xx, yy, zz) = (x * x, y * y, z * z);
            put(4, C2[0] * x * y);
            put(5, C2[1] * y * z);
            put(6, C2[2] * (2.0 * zz - xx - yy));
            put(7, C2[3] * x * z);
            put(8, C2[4] * (xx - yy));
            d += (C2[0] * e(4)) * Vec3::new(y, x, 0.0)
                + (C2[1] * e(5)) * Vec3::new(0.0, z, y)
                + (C2[2] * e(6)) * Vec3::new(-2.0 * x, -2.0 * y, 4.0 * z)
                + (C2[3] * e(7)) * Vec3::new(z, 0.0, x)
                + (C2[4] * e(8)) * Vec3::new(2.0 * x, -2.0 * y, 0.0);
            if degree >= 3 {
                let (xy, xz, yz) = (x * y, x * z, y * z);
                put(9, C3[0] * y * (3.0 * xx - yy));
                put(10, C3[1] * xy * z);
                put(11, C3[2] * y * (4.0 * zz - xx - yy));
                put(12, C3[3] * z * (2.0 * zz - 3.0 * xx - 3.0 * yy));
                put(13, C3[4] * x * (4.0 * zz - xx - yy));
                put(14, C3[5] * z * (xx - yy));
                put(15, C3[6] * x * (xx - 3.0 * yy));
                d += (C3[0] * e(9)) * Vec3::new(6.0 * xy, 3.0 * (xx - yy), 0.0)
                    + (C3[1] * e(10)) * Vec3::new(yz, xz, xy)
                    + (C3[2] * e(11)) * Vec3::new(-2.0 * xy, 4.0 * zz - xx - 3.0 * yy, 8.0 * yz)
                    + (C3[3] * e(12)) * Vec3::new(-6.0 * xz, -6.0 * yz, 6.0 * zz - 3.0 * xx - 3.0 * yy)
                    + (C3[4] * e(13)) * Vec3::new(4.0 * zz - 3.0 * xx - yy, -2.0 * xy, 8.0 * xz)
                    + (C3[5] * e(14)) * Vec3::new(2.0 * xz, -2.0 * yz, xx - yy)
                    + (C3[6] * e(15)) * Vec3::new(3.0 * (xx - yy), -6.0 * xy, 0.0);
            }
        }
    }
    d
}

/// The unit vector towards a Gaussian at `from_eye` from the eye, in the frame in which its harmonics were fitted;
/// the rotation `frame` takes that one to the world.
#[inline(always)]
pub(crate) fn rest_direction(from_eye: Vec3, frame: Option<&Quat>) -> Vec3 {
    let direction = from_eye.normalize_or_zero();
    frame.map_or(direction, |frame| frame.inverse() * direction)
}

/// The derivative of [`rest_direction`]: from a gradient on the direction to the one on `from_eye`.
#[inline(always)]
pub(crate) fn rest_direction_backward(from_eye: Vec3, frame: Option<&Quat>, gradient: Vec3) -> Vec3 {
    let gradient = frame.map_or(gradient, |frame| *frame * gradient);
    let direction = from_eye.normalize_or_zero();
    // Only what is across the direction turns it. At the eye itself there is no direction, and no gradient.
    let inv = from_eye.length_recip();
    if inv.is_finite() { (gradient - direction * direction.dot(gradient)) * inv } else { Vec3::ZERO }
}
