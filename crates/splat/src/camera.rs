//! Pinhole cameras.

use glam::{Affine3A, Mat3A, Vec3, Vec3A};

use crate::SplatError;

/// A pinhole camera in glTF's convention: right-handed, +Y up, looking down its −Z.
///
/// A point at (x, y, z) in camera space (z negative in front) lands on the pixel
/// (`cx` + `fx`·x/−z, `cy` − `fy`·y/−z), with pixel centres at (i + 0.5, j + 0.5) and the origin at the top left.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Camera {
    /// Picture width, pixels.
    pub width: u32,
    /// Picture height, pixels.
    pub height: u32,
    /// Focal length along x, pixels.
    pub fx: f32,
    /// Focal length along y, pixels.
    pub fy: f32,
    /// Principal point, pixels from the left edge.
    pub cx: f32,
    /// Principal point, pixels from the top edge.
    pub cy: f32,
    /// Rigid transform from world to camera space.
    pub camera_from_world: Affine3A,
    /// Gaussians with a centre nearer than this, in metres along the view axis, are not drawn.
    pub near: f32,
}

/// The widest and highest picture that can be rendered.
pub const MAX_PICTURE_SIZE: u32 = 16_384;
/// The largest picture that can be rendered, pixels; in memory it takes 20 bytes a pixel.
pub const MAX_PICTURE_PIXELS: u64 = 1 << 26;

impl Camera {
    /// A camera with square pixels, a focal length of so many of them, and a centred principal point.
    pub fn centered([width, height]: [u32; 2], focal: f32, camera_from_world: Affine3A, near: f32) -> Self {
        let [cx, cy] = [width, height].map(|side| 0.5 * side as f32);
        Self { width, height, fx: focal, fy: focal, cx, cy, camera_from_world, near }
    }

    /// A camera at `eye` looking at `target`, with the given vertical field of view in radians and a centred
    /// principal point. `up` must not be parallel to the view direction.
    pub fn look_at(eye: Vec3, target: Vec3, up: Vec3, vertical_fov: f32, width: u32, height: u32) -> Self {
        let backward = Vec3A::from(eye - target).normalize();
        let right = Vec3A::from(up).cross(backward).normalize();
        let world_from_camera = Affine3A::from_mat3_translation(
            Mat3A::from_cols(right, backward.cross(right), backward).into(),
            eye,
        );
        let focal = 0.5 * height as f32 / (0.5 * vertical_fov).tan();
        Self::centered([width, height], focal, world_from_camera.inverse(), 0.01)
    }

    /// The least and greatest x/depth and y/depth at which the local affine approximation of perspective is taken:
    /// 0.15 of the picture's size outside of its edges (3D Gaussian Splatting's clamp at 1.3 times the field of view),
    /// beyond which it would blow up.
    pub fn slope_bounds(&self) -> ([f32; 2], [f32; 2]) {
        const MARGIN: f32 = 0.15;
        let (w, h) = (self.width as f32, self.height as f32);
        (
            [(-MARGIN * w - self.cx) / self.fx, (self.cy - h - MARGIN * h) / self.fy],
            [(w + MARGIN * w - self.cx) / self.fx, (self.cy + MARGIN * h) / self.fy],
        )
    }

    /// The camera's centre in world space.
    pub fn eye(&self) -> Vec3 {
        self.camera_from_world.inverse().translation.into()
    }

    /// The same view at another picture size: the horizontal field of view is kept and rows are added or cut
    /// symmetrically.
    pub fn resized(&self, width: u32, height: u32) -> Self {
        let k = width as f32 / self.width as f32;
        Self {
            width,
            height,
            fx: self.fx * k,
            fy: self.fy * k,
            cx: self.cx * k,
            cy: (self.cy - 0.5 * self.height as f32) * k + 0.5 * height as f32,
            ..*self
        }
    }

    /// Checks that the camera can project.
    ///
    /// # Errors
    /// [`SplatError::Camera`] for a size of zero, above [`MAX_PICTURE_SIZE`] or above [`MAX_PICTURE_PIXELS`], a focal length that is not positive
    /// and finite, a near plane that is not positive, or a transform that is not rigid.
    pub fn validate(&self) -> Result<(), SplatError> {
        let fail = |what: String| Err(SplatError::Camera(what));
        if self.width == 0
            || self.height == 0
            || self.width > MAX_PICTURE_SIZE
            || self.height > MAX_PICTURE_SIZE
        {
            return fail(format!(
                "picture size {}x{} is outside 1 to {MAX_PICTURE_SIZE}",
                self.width, self.height
            ));
        }
        if u64::from(self.width) * u64::from(self.height) > MAX_PICTURE_PIXELS {
            return fail(format!(
                "a picture of {}x{} is more than {MAX_PICTURE_PIXELS} pixels",
                self.width, self.height
            ));
        }
        for (name, f) in [("fx", self.fx), ("fy", self.fy)] {
            if !(f.is_finite() && f > 0.0) {
                return fail(format!("focal length {name} = {f} is not a positive number of pixels"));
            }
        }
        if !(self.cx.is_finite() && self.cy.is_finite()) {
            return fail("principal point is not finite".into());
        }
        if !(self.near.is_finite() && self.near > 0.0) {
            return fail(format!("near plane {} is not a positive distance", self.near));
        }
        let m = self.camera_from_world.matrix3;
        let gram = m.transpose() * m;
        if !self.camera_from_world.is_finite()
            || !gram.abs_diff_eq(Mat3A::IDENTITY, 1e-3)
            || m.determinant() < 0.0
        {
            return fail("transform is not a rotation and a translation".into());
        }
        Ok(())
    }
}
