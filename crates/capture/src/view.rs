//! Cameras of other programs as this program's.

use glam::{DAffine3, DMat3, DQuat, DVec3};

use crate::options::UpAxis;

/// The near plane of captured cameras, in the capture's unit of length.
pub(crate) const NEAR: f32 = 0.01;

/// The transform of a camera from a camera-to-world matrix with OpenGL's axes (right, up, backward).
pub(crate) fn from_opengl(world_from_camera: &DAffine3, up: UpAxis) -> DAffine3 {
    world_from_camera.inverse() * upright_from_capture(up).transpose()
}

/// The same from a world-to-camera rotation and translation with OpenCV's axes (right, down, forward).
pub(crate) fn from_opencv(rotation: DQuat, translation: DVec3, up: UpAxis) -> DAffine3 {
    let opengl_from_opencv = DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0));
    let opencv_from_world = DAffine3::from_rotation_translation(rotation.normalize(), translation);
    DAffine3::from_mat3(opengl_from_opencv) * opencv_from_world * upright_from_capture(up).transpose()
}

/// The rotation that turns a capture's world upright.
pub(crate) fn upright_from_capture(up: UpAxis) -> Upright {
    Upright(match up {
        UpAxis::Y => DMat3::IDENTITY,
        UpAxis::Z => DMat3::from_cols(DVec3::X, DVec3::NEG_Z, DVec3::Y),
        UpAxis::MinusY => DMat3::from_diagonal(DVec3::new(1.0, -1.0, -1.0)),
    })
}

/// A rotation by quarter turns, exact.
#[derive(Clone, Copy)]
pub(crate) struct Upright(DMat3);

impl Upright {
    fn transpose(self) -> DAffine3 {
        DAffine3::from_mat3(self.0.transpose())
    }

    pub(crate) fn apply(self, point: DVec3) -> DVec3 {
        self.0 * point
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point 2 in front of a camera at the origin that looks along −z of its world, 1 up in that world: whatever is
    /// called up, the picture is the same, and up becomes +Y.
    #[test]
    fn turning_the_world_upright_keeps_the_picture() {
        // Camera to world for worlds with up +Y, +Z, −Y, each looking at the same thing with the same side up.
        for (up, right, camera_up, back, world_up) in [
            (UpAxis::Y, DVec3::X, DVec3::Y, DVec3::Z, DVec3::Y),
            (UpAxis::Z, DVec3::X, DVec3::Z, DVec3::NEG_Y, DVec3::Z),
            (UpAxis::MinusY, DVec3::X, DVec3::NEG_Y, DVec3::NEG_Z, DVec3::NEG_Y),
        ] {
            let world_from_camera = DAffine3::from_mat3(DMat3::from_cols(right, camera_up, back));
            let camera_from_world = from_opengl(&world_from_camera, up);
            assert!(camera_from_world.abs_diff_eq(DAffine3::IDENTITY, 1e-9), "{up:?}");
            assert_eq!(upright_from_capture(up).apply(world_up), DVec3::Y);
        }
    }
}
