//! Cameras of other programs as this program's.

use effigy_splat::Camera;
use glam::{Affine3A, DAffine3, DMat3, DQuat, DVec3, Mat3A, Vec3A};

use super::UpAxis;

/// The near plane of captured cameras, in the capture's unit of length.
const NEAR: f32 = 0.01;

/// Intrinsics in pixels, as wide as files write them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pinhole {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) fx: f64,
    pub(super) fy: f64,
    pub(super) cx: f64,
    pub(super) cy: f64,
}

/// A camera from `camera_from_world` with OpenGL's axes in the capture's world.
fn camera(pinhole: &Pinhole, camera_from_world: DAffine3, up: UpAxis) -> Camera {
    let m = camera_from_world * upright_from_capture(up).transpose();
    let round = |v: DVec3| Vec3A::new(v.x as f32, v.y as f32, v.z as f32);
    let matrix = Mat3A::from_cols(round(m.matrix3.x_axis), round(m.matrix3.y_axis), round(m.matrix3.z_axis));
    Camera {
        width: pinhole.width,
        height: pinhole.height,
        fx: pinhole.fx as f32,
        fy: pinhole.fy as f32,
        cx: pinhole.cx as f32,
        cy: pinhole.cy as f32,
        camera_from_world: Affine3A { matrix3: matrix, translation: round(m.translation) },
        near: NEAR,
    }
}

/// From a camera-to-world matrix with OpenGL's axes (right, up, backward).
pub(super) fn from_opengl(pinhole: &Pinhole, world_from_camera: DAffine3, up: UpAxis) -> Camera {
    camera(pinhole, world_from_camera.inverse(), up)
}

/// From a world-to-camera rotation and translation with OpenCV's axes (right, down, forward).
pub(super) fn from_opencv(pinhole: &Pinhole, rotation: DQuat, translation: DVec3, up: UpAxis) -> Camera {
    let opengl_from_opencv = DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0));
    let opencv_from_world = DAffine3::from_rotation_translation(rotation.normalize(), translation);
    camera(pinhole, DAffine3::from_mat3(opengl_from_opencv) * opencv_from_world, up)
}

/// The rotation that turns a capture's world upright.
pub(super) fn upright_from_capture(up: UpAxis) -> Upright {
    Upright(match up {
        UpAxis::Y => DMat3::IDENTITY,
        UpAxis::Z => DMat3::from_cols(DVec3::X, DVec3::NEG_Z, DVec3::Y),
        UpAxis::MinusY => DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0)),
    })
}

/// A rotation by quarter turns, exact.
#[derive(Clone, Copy)]
pub(super) struct Upright(DMat3);

impl Upright {
    fn transpose(self) -> DAffine3 {
        DAffine3::from_mat3(self.0.transpose())
    }

    pub(super) fn apply(self, point: DVec3) -> DVec3 {
        self.0 * point
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glam::Vec3;

    /// A point 2 in front of a camera at the origin that looks along −z of its world, 1 up in that world: whatever is
    /// called up, the picture is the same, and up becomes +Y.
    #[test]
    fn turning_the_world_upright_keeps_the_picture() {
        let pinhole = Pinhole { width: 100, height: 80, fx: 50.0, fy: 60.0, cx: 50.0, cy: 40.0 };
        // Camera to world for worlds with up +Y, +Z, −Y, each looking at the same thing with the same side up.
        for (up, right, camera_up, back, world_up) in [
            (UpAxis::Y, DVec3::X, DVec3::Y, DVec3::Z, DVec3::Y),
            (UpAxis::Z, DVec3::X, DVec3::Z, DVec3::NEG_Y, DVec3::Z),
            (UpAxis::MinusY, DVec3::X, DVec3::NEG_Y, DVec3::NEG_Z, DVec3::NEG_Y),
        ] {
            let world_from_camera = DAffine3::from_mat3(DMat3::from_cols(right, camera_up, back));
            let camera = from_opengl(&pinhole, world_from_camera, up);
            assert!(camera.camera_from_world.abs_diff_eq(Affine3A::IDENTITY, 1e-6), "{up:?}");
            assert_eq!(upright_from_capture(up).apply(world_up), DVec3::Y);
            assert_eq!(camera.eye(), Vec3::ZERO);
        }
    }
}
