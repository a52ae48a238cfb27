//! The derivative of projection: from a loss's gradient on a splat to the one on its Gaussian.
//!
//! The steps of [`Projector::project`] in reverse order. Notation: W the camera's rotation, R·S the Gaussian's rotation
//! and scale, J the derivative of perspective, T = J·W·R·S with the rows t0 and t1, Σ = T·Tᵀ + v·I the covariance on
//! the picture and K its inverse, the conic.

use glam::{Mat3A, Quat, Vec3, Vec3A, Vec4};

use crate::projection::{Affine, Projector, Splat};
use crate::{ActivatedGaussian, ActivatedGradient};

/// A loss's gradient on a [`Splat`]. The box is not differentiated: nothing of it is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SplatGradient {
    /// On the centre.
    pub center: [f32; 2],
    /// On the inverse covariance (xx, xy, yy), the second standing for both off-diagonal entries.
    pub conic: [f32; 3],
    /// On the opacity after compensation.
    pub opacity: f32,
    /// On the depth.
    pub depth: f32,
}

impl Projector {
    /// The derivative of [`Self::project`], of a Gaussian that was not culled and became `splat`: a loss's gradient on
    /// the position, in world space, and on the activated Gaussian.
    ///
    /// Where a slope is clamped to the bounds of the affine approximation, none passes through it.
    #[inline(always)]
    pub fn project_backward(
        &self,
        position: Vec3,
        gaussian: &ActivatedGaussian,
        splat: &Splat,
        gradient: &SplatGradient,
    ) -> (Vec3, ActivatedGradient) {
        let p = self.camera_space(position);
        let Affine { inv, slope, clamped, view, t0, t1, xy, det_unfiltered, det, .. } =
            self.affine(p, gaussian);

        // The inverse of a matrix: dL/dΣ = −K·(dL/dK)·K.
        let [a, b, c] = splat.conic;
        let [ga, gb, gc] = [gradient.conic[0], 0.5 * gradient.conic[1], gradient.conic[2]];
        let mut d_xx = -(a * a * ga + 2.0 * a * b * gb + b * b * gc);
        let mut d_xy = -2.0 * (a * b * ga + (a * c + b * b) * gb + b * c * gc);
        let mut d_yy = -(b * b * ga + 2.0 * b * c * gb + c * c * gc);
        let (mut d_t0, mut d_t1) = (Vec3A::ZERO, Vec3A::ZERO);
        let mut d_opacity = gradient.opacity;
        if self.filter.compensate {
            // Opacity is o·√(|t0 × t1|²/det Σ).
            d_opacity *= (det_unfiltered / det).sqrt();
            let half = 0.5 * gradient.opacity * splat.opacity;
            d_xx -= half * a;
            d_yy -= half * c;
            d_xy += 2.0 * half * xy / det;
            let normal = t0.cross(t1);
            let k = 2.0 * half / det_unfiltered;
            d_t0 += k * t1.cross(normal);
            d_t1 += k * normal.cross(t0);
        }
        d_t0 += 2.0 * d_xx * t0 + d_xy * t1;
        d_t1 += 2.0 * d_yy * t1 + d_xy * t0;

        // t0 = fx/depth · (row 0 + slope · row 2) of W·R·S, and t1 likewise.
        let (k0, k1) = (self.focal[0] * inv, -self.focal[1] * inv);
        let (d_u0, d_u1) = (k0 * d_t0, k1 * d_t1);
        let d_view = Mat3A::from_cols(d_u0, d_u1, clamped[0] * d_u0 + clamped[1] * d_u1);
        let mut d_inv = (d_t0.dot(t0) + d_t1.dot(t1)) / inv;
        let mut d_slope = [self.focal[0] * gradient.center[0], -self.focal[1] * gradient.center[1]];
        if slope[0] == clamped[0] {
            d_slope[0] += d_u0.dot(view.z_axis);
        }
        if slope[1] == clamped[1] {
            d_slope[1] += d_u1.dot(view.z_axis);
        }
        d_inv += d_slope[0] * p.x + d_slope[1] * p.y;
        // depth = −z.
        let d_p = Vec3A::new(d_slope[0] * inv, d_slope[1] * inv, inv * inv * d_inv - gradient.depth);
        let to_world = self.rotation.transpose();
        let position = Vec3::from(to_world * d_p);

        // The columns of R·S are those of R times the scales.
        let d_scaled = to_world * d_view.transpose();
        let rotation = Mat3A::from_quat(gaussian.rotation);
        let scale = Vec3::new(
            d_scaled.x_axis.dot(rotation.x_axis),
            d_scaled.y_axis.dot(rotation.y_axis),
            d_scaled.z_axis.dot(rotation.z_axis),
        );
        let d_rotation = d_scaled * Mat3A::from_diagonal(gaussian.scale);
        let rotation = rotation_matrix_backward(gaussian.rotation, &d_rotation);
        (position, ActivatedGradient { rotation, scale, opacity: d_opacity })
    }
}

/// The derivative of the rotation matrix of a unit quaternion (x, y, z, w), whose entries are taken as the usual
/// polynomials of second degree.
#[inline(always)]
fn rotation_matrix_backward(q: Quat, gradient: &Mat3A) -> Vec4 {
    let [x, y, z, w] = q.to_array();
    let [g00, g10, g20, g01, g11, g21, g02, g12, g22] = gradient.to_cols_array();
    2.0 * Vec4::new(
        y * (g01 + g10) + z * (g02 + g20) - 2.0 * x * (g11 + g22) + w * (g21 - g12),
        x * (g01 + g10) + z * (g12 + g21) - 2.0 * y * (g00 + g22) + w * (g02 - g20),
        x * (g02 + g20) + y * (g12 + g21) - 2.0 * z * (g00 + g11) + w * (g10 - g01),
        x * (g21 - g12) + y * (g02 - g20) + z * (g10 - g01),
    )
}
