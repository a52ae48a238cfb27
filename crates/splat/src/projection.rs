//! From a Gaussian in space to a splat on the picture: the local affine approximation of perspective
//! (Zwicker et al., "EWA Splatting", 2002), the screen-space filter, and tight bounds.
//!
//! Twin of `shaders/splat/projection.wesl`.

use glam::{Mat3, Mat3A, Vec3, Vec3A};

use crate::{ActivatedGaussian, Camera, Filter};

/// A contribution below this is not drawn; it bounds how far a splat reaches.
pub const MIN_ALPHA: f32 = 1.0 / 255.0;
/// No single splat covers more than this, so that transmittance never reaches zero.
pub const MAX_ALPHA: f32 = 0.99;
/// A pixel is finished when less than this of the light behind would still reach the eye.
pub const MIN_TRANSMITTANCE: f32 = 1e-4;

/// A projected Gaussian. Lengths in pixels, depth in metres along the view axis.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Splat {
    /// Centre on the picture.
    pub center: [f32; 2],
    /// Inverse covariance (xx, xy, yy) after the filter, 1/pixels².
    pub conic: [f32; 3],
    /// Opacity at the centre, after compensation.
    pub opacity: f32,
    /// Half extents of the box outside of which alpha is below `least_alpha`.
    pub extent: [f32; 2],
    /// Distance of the centre along the view axis.
    pub depth: f32,
    /// A contribution below this is not drawn: [`MIN_ALPHA`], or more where the rules cut the splat off before that.
    pub least_alpha: f32,
}

/// What projecting needs of a camera, computed once a frame.
#[derive(Clone, Copy, Debug)]
pub struct Projector {
    pub(crate) rotation: Mat3A,
    translation: Vec3A,
    pub(crate) focal: [f32; 2],
    principal: [f32; 2],
    size: [f32; 2],
    /// Bounds of x/depth and y/depth within which the affine approximation is used as it is.
    slope_min: [f32; 2],
    slope_max: [f32; 2],
    near: f32,
    pub(crate) filter: Filter,
    /// What the rules leave of a splat where they cut it off, as a part of its opacity.
    cut: f32,
}

impl Projector {
    /// For pictures by `camera`, which must be valid, of Gaussians that want `filter`.
    pub fn new(camera: &Camera, filter: Filter) -> Self {
        let (slope_min, slope_max) = camera.slope_bounds();
        Self {
            rotation: camera.camera_from_world.matrix3,
            translation: camera.camera_from_world.translation,
            focal: [camera.fx, camera.fy],
            principal: [camera.cx, camera.cy],
            size: [camera.width as f32, camera.height as f32],
            slope_min,
            slope_max,
            near: camera.near,
            filter,
            cut: (-0.5 * filter.rules.cutoff * filter.rules.cutoff).exp(),
        }
    }

    /// Projects one Gaussian; `None` if it is behind the near plane, off the picture, or too faint to see.
    #[inline(always)]
    pub fn project(&self, position: Vec3, gaussian: &ActivatedGaussian) -> Option<Splat> {
        let p = self.camera_space(position);
        let depth = -p.z;
        // Written so that NaN is culled.
        if !(depth > self.near) {
            return None;
        }
        let Affine { center, xx, xy, yy, det_unfiltered, det, .. } = self.affine(p, gaussian);
        let v = self.filter.variance;
        let opacity = if self.filter.compensate {
            gaussian.opacity * (det_unfiltered / det).sqrt()
        } else {
            gaussian.opacity
        };
        if !(opacity > MIN_ALPHA && det > 0.0 && det < f32::INFINITY) {
            return None;
        }
        let (xx, yy) = (xx + v, yy + v);
        let least_alpha = (opacity * self.cut).max(MIN_ALPHA);
        // opacity · exp(−q/2) = least_alpha at q = reach.
        let reach = 2.0 * (opacity / least_alpha).ln();
        let extent = [(reach * xx).sqrt(), (reach * yy).sqrt()];
        let visible = center[0] + extent[0] > 0.0
            && center[0] - extent[0] < self.size[0]
            && center[1] + extent[1] > 0.0
            && center[1] - extent[1] < self.size[1];
        if !visible {
            return None;
        }
        let inv_det = 1.0 / det;
        let conic = [yy * inv_det, -xy * inv_det, xx * inv_det];
        Some(Splat { center, conic, opacity, extent, depth, least_alpha })
    }

    /// The local affine approximation of perspective at `p` in camera space, in front of the camera.
    #[inline(always)]
    pub(crate) fn affine(&self, p: Vec3A, gaussian: &ActivatedGaussian) -> Affine {
        let inv = 1.0 / -p.z;
        let slope = [p.x * inv, p.y * inv];
        let center =
            [self.principal[0] + self.focal[0] * slope[0], self.principal[1] - self.focal[1] * slope[1]];
        let clamped = [
            slope[0].clamp(self.slope_min[0], self.slope_max[0]),
            slope[1].clamp(self.slope_min[1], self.slope_max[1]),
        ];
        // Rows of J·W·R·S, so that the covariance is T·Tᵀ and its determinant |t0 × t1|² suffers no cancellation.
        let scaled = Mat3A::from(Mat3::from_quat(gaussian.rotation)) * Mat3A::from_diagonal(gaussian.scale);
        let view = (self.rotation * scaled).transpose();
        let t0 = (self.focal[0] * inv) * (view.x_axis + clamped[0] * view.z_axis);
        let t1 = (-self.focal[1] * inv) * (view.y_axis + clamped[1] * view.z_axis);
        let v = self.filter.variance;
        let (xx, xy, yy) = (t0.dot(t0), t0.dot(t1), t1.dot(t1));
        let det_unfiltered = t0.cross(t1).length_squared();
        let det = det_unfiltered + v * (xx + yy) + v * v;
        Affine { inv, slope, center, clamped, view, t0, t1, xx, xy, yy, det_unfiltered, det }
    }

    /// From world to camera space.
    #[inline(always)]
    pub(crate) fn camera_space(&self, position: Vec3) -> Vec3A {
        self.rotation * Vec3A::from(position) + self.translation
    }
}

/// The local affine approximation of perspective at the centre of a Gaussian.
pub(crate) struct Affine {
    /// 1/depth.
    pub(crate) inv: f32,
    /// x/depth and y/depth.
    pub(crate) slope: [f32; 2],
    pub(crate) center: [f32; 2],
    /// Slopes within the bounds of the approximation.
    pub(crate) clamped: [f32; 2],
    /// (W·R·S)ᵀ: its columns are the rows of W·R·S.
    pub(crate) view: Mat3A,
    /// Rows of J·W·R·S.
    pub(crate) t0: Vec3A,
    pub(crate) t1: Vec3A,
    /// Covariance on the picture before the filter.
    pub(crate) xx: f32,
    pub(crate) xy: f32,
    pub(crate) yy: f32,
    pub(crate) det_unfiltered: f32,
    pub(crate) det: f32,
}
