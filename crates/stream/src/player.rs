//! Frames of a stream on a rig.

use effigy_rig::{Pose, Rig, Track, TrackPlayer, Wrap};
use effigy_splat::Camera;
use glam::{Affine3A, Quat};

use crate::{Layout, Placement, StreamCamera, StreamError, StreamFrame};

/// Poses a rig as frames of a stream say. Names are resolved once.
#[derive(Clone, Debug)]
pub struct StreamPlayer {
    player: Option<TrackPlayer>,
    head: Option<usize>,
    eyes: Option<[usize; 2]>,
    /// Which of the layout's rotations turn which nodes.
    nodes: Vec<(usize, usize)>,
}

impl StreamPlayer {
    /// Ties a layout to the rig of the avatar that the receiver has. Controls, head and eyes are looked up as
    /// [`TrackPlayer::new`] does; any other rotation is that of the node of its name.
    ///
    /// # Errors
    /// [`StreamError::Input`] if nothing of the layout matches the rig.
    pub fn new(layout: &Layout, rig: &Rig) -> Result<Self, StreamError> {
        let find = |name: &str| layout.rotations.iter().position(|r| r == name);
        let head = find(Layout::HEAD);
        let eyes = find(Layout::LEFT_EYE).zip(find(Layout::RIGHT_EYE)).map(|(left, right)| [left, right]);
        let taken = |at: usize| head == Some(at) || eyes.is_some_and(|eyes| eyes.contains(&at));
        let node = |name: &str| rig.nodes.iter().position(|n| n.name == name);
        let nodes: Vec<(usize, usize)> = layout
            .rotations
            .iter()
            .enumerate()
            .filter(|(at, _)| !taken(*at))
            .filter_map(|(at, name)| Some((at, node(name)?)))
            .collect();
        let track = Track {
            names: layout.controls.iter().map(|c| c.name.clone()).collect(),
            times: vec![0.0],
            weights: vec![0.0; layout.controls.len()],
            head_rotations: head.map(|_| vec![Quat::IDENTITY]),
            eye_rotations: eyes.map(|_| vec![[Quat::IDENTITY; 2]]),
            ..Track::default()
        };
        let player = TrackPlayer::new(&track, rig);
        let moves = !nodes.is_empty() || layout.placement || layout.camera;
        match player {
            Ok(player) => Ok(Self { player: Some(player), head, eyes, nodes }),
            // A stream of joints or of a camera alone drives no control.
            Err(_) if moves => Ok(Self { player: None, head: None, eyes: None, nodes }),
            Err(fault) => Err(StreamError::Input(fault.to_string())),
        }
    }

    /// Sets what the stream moves. The placement moves the whole scene, after the turn of a head without a node of its own;
    /// start from [`Pose::reset`] for each frame.
    ///
    /// # Errors
    /// [`StreamError::Input`] for a frame of another layout.
    pub fn apply(&mut self, frame: &StreamFrame, pose: &mut Pose) -> Result<(), StreamError> {
        let rotation = |at: usize| frame.rotations.get(at).copied();
        if let Some(player) = &mut self.player {
            let head = self.head.and_then(rotation);
            let eyes = self.eyes.and_then(|[left, right]| Some([rotation(left)?, rotation(right)?]));
            player
                .set_frame(&frame.controls, head, eyes)
                .map_err(|fault| StreamError::Input(fault.to_string()))?;
            player.apply(0.0, Wrap::Clamp, pose);
        }
        for &(at, node) in &self.nodes {
            if let (Some(rotation), Some(node)) = (rotation(at), pose.nodes.get_mut(node)) {
                node.rotation = rotation;
            }
        }
        if let Some(placement) = &frame.placement {
            pose.world_from_scene = placement.matrix() * pose.world_from_scene;
        }
        Ok(())
    }
}

impl Placement {
    /// As a matrix: rotation, then translation.
    pub fn matrix(&self) -> Affine3A {
        Affine3A::from_rotation_translation(self.rotation, self.translation)
    }
}

impl StreamCamera {
    /// The camera for a picture of this size, pixels, with what is nearer than `near` metres left out.
    pub fn camera(&self, width: u32, height: u32, near: f32) -> Camera {
        let focal = self.focal * height as f32;
        Camera::centered([width, height], focal, self.placement.matrix().inverse(), near)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use effigy_rig::LoadLimits;
    use glam::Vec3;

    /// A triangle whose third vertex `jawOpen` moves by +Z, on the node `tail`.
    const TRIANGLE: &str = r#"{"asset":{"version":"2.0"},"scene":0,"scenes":[{"nodes":[0]}],
        "nodes":[{"name":"tail","mesh":0}],
        "meshes":[{"primitives":[{"attributes":{"POSITION":0},"targets":[{"POSITION":1}]}],
            "extras":{"targetNames":["jawOpen"]}}],
        "accessors":[{"bufferView":0,"componentType":5126,"count":3,"type":"VEC3","min":[0,0,0],"max":[1,1,0]},
            {"bufferView":1,"componentType":5126,"count":3,"type":"VEC3","min":[0,0,0],"max":[0,0,1]}],
        "bufferViews":[{"buffer":0,"byteLength":36},{"buffer":0,"byteOffset":36,"byteLength":36}],
        "buffers":[{"byteLength":72,"uri":"data:application/octet-stream;base64,AAAAAAAAAAAAAAAAAACAPwAAAAAAAAAAAAAAAAAAgD8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA/"}]}"#;

    #[test]
    fn frames_move_the_rig() {
        let rig = Rig::from_slice(TRIANGLE.as_bytes(), None, &LoadLimits::default()).unwrap();
        let mut layout = Layout::of_names(["jawOpen", "tongueOut"], &["tail", Layout::HEAD]);
        layout.placement = true;
        let mut player = StreamPlayer::new(&layout, &rig).unwrap();
        let (turn, nod) = (Quat::from_rotation_z(0.5), Quat::from_rotation_x(0.25));
        let placement = Placement { rotation: Quat::IDENTITY, translation: Vec3::new(1.0, 2.0, 3.0) };
        let frame = StreamFrame {
            controls: vec![0.75, 0.5],
            rotations: vec![turn, nod],
            placement: Some(placement),
            ..StreamFrame::default()
        };
        let mut pose = Pose::rest(&rig);
        player.apply(&frame, &mut pose).unwrap();
        assert_eq!(pose.morph_weights, [0.75]);
        assert_eq!(pose.nodes[0].rotation, turn);
        // No node is a head, so the scene nods about the bottom centre of the mesh, (0.5, 0, 0), and is placed then.
        let foot = pose.world_from_scene.transform_point3(Vec3::new(0.5, 0.0, 0.0));
        assert!(foot.abs_diff_eq(Vec3::new(1.5, 2.0, 3.0), 1e-6), "{foot}");
        assert!(player.apply(&StreamFrame::default(), &mut pose).is_err());
        assert!(StreamPlayer::new(&Layout::of_names(["nothing"], &[]), &rig).is_err());
        let mut alone = StreamPlayer::new(&Layout::of_names(["nothing"], &["tail"]), &rig).unwrap();
        let frame = StreamFrame { controls: vec![0.0], rotations: vec![nod], ..StreamFrame::default() };
        alone.apply(&frame, &mut pose).unwrap();
        assert_eq!(pose.nodes[0].rotation, nod);
    }

    #[test]
    fn cameras_look_where_they_should() {
        let fov = 0.6f32;
        let (eye, target) = (Vec3::new(1.0, 2.0, 3.0), Vec3::new(0.0, 1.5, 0.0));
        let expected = Camera::look_at(eye, target, Vec3::Y, fov, 640, 480);
        let (_, rotation, translation) = expected.camera_from_world.inverse().to_scale_rotation_translation();
        let placement = Placement { rotation, translation };
        let camera = StreamCamera { placement, focal: 0.5 / (0.5 * fov).tan() }.camera(640, 480, 0.01);
        assert!((camera.fy - expected.fy).abs() < 1e-2 && camera.validate().is_ok());
        assert!(camera.camera_from_world.abs_diff_eq(expected.camera_from_world, 1e-5));
    }
}
