//! What is exported: the avatar as it stands, moved as it is moved in the view, seen by the view's camera.

use std::f32::consts::TAU;
use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_rig::{Pose, Wrap};
use effigy_splat::Camera;

use crate::motion::Motion;
use crate::overrides::Overrides;
use effigy_render::OrbitCamera;

/// What is exported, apart from the viewer, which goes on.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) avatar: Arc<Avatar>,
    pub(crate) motion: Motion,
    pub(crate) controls: Overrides,
    pub(crate) camera: OrbitCamera,
    /// Of the view, pixels.
    pub(crate) view: [u32; 2],
}

impl Subject {
    /// The pose at `time`, seconds; none without a rig.
    pub(crate) fn pose_at(&self, time: f64) -> Option<Pose> {
        let rig = &self.avatar.body.as_ref()?.rig;
        let mut pose = Pose::rest(rig);
        self.motion.apply(rig, time, Wrap::Loop, &mut pose);
        self.controls.apply(rig, &mut pose);
        Some(pose)
    }

    /// The camera after `turn` of a full turn. All that the view shows is in the picture, and where its shape is another
    /// more at two of its sides.
    pub(crate) fn camera(&self, size: [u32; 2], turn: f32) -> Camera {
        let orbit = OrbitCamera { yaw: self.camera.yaw - TAU * turn, ..self.camera };
        let mut camera = orbit.camera(size);
        let [width, height] = size.map(|side| side as f32);
        let [across, up] = self.view.map(|side| side.max(1) as f32);
        let focal = orbit.camera(self.view).fx * (width / across).min(height / up);
        (camera.fx, camera.fy) = (focal, focal);
        camera
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_view_shows_is_in_pictures_of_any_shape() {
        let camera = OrbitCamera { lens: 36.0, ..OrbitCamera::default() };
        let subject = Subject {
            avatar: Arc::new(Avatar::from_glb(include_bytes!("../../../../assets/head.glb")).unwrap()),
            motion: Motion::Still,
            controls: Overrides::default(),
            camera,
            view: [200, 100],
        };
        // A lens as long as the film is wide: the view's width of 200 pixels is as far as the target.
        assert_eq!(subject.camera([200, 100], 0.0), camera.camera([200, 100]));
        assert_eq!(subject.camera([400, 400], 0.0).fx, 400.0);
        // Half as wide for its height: the height of 100 becomes 300.
        assert_eq!(subject.camera([900, 300], 0.0).fy, 600.0);
        // A quarter of a turn: the camera goes left, so that the avatar turns to its left.
        let eye = subject.camera([10, 10], 0.25).camera_from_world.inverse().translation;
        assert!((glam::Vec3::from(eye) - glam::Vec3::new(-2.0, 0.0, 0.0)).length() < 1e-5, "{eye}");
    }
}
