//! The bundled avatar saying its greeting, from the front.

use std::sync::Arc;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{Gpu, GpuAvatar, Outputs, Precision, Renderer, View, wgpu};
use effigy_rig::{Pose, Track, TrackLimits, TrackPlayer, Wrap};
use effigy_splat::Camera;
use glam::Vec3;

use crate::Fault;

/// Frames a second.
pub(crate) const FPS: f64 = 30.0;

/// An avatar with something to do.
pub(crate) struct Performance {
    pub(crate) avatar: Arc<Avatar>,
    player: TrackPlayer,
    pub(crate) pose: Pose,
    pub(crate) camera: Camera,
}

impl Performance {
    pub(crate) fn new((width, height): (u32, u32)) -> Result<Self, Fault> {
        let assets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets");
        let avatar = Arc::new(Avatar::open(format!("{assets}/head.glb"), &OpenOptions::default())?);
        let rig = &avatar.body.as_ref().ok_or("the bundled avatar has a rig")?.rig;
        let track = Track::open(format!("{assets}/greeting.json"), &TrackLimits::default())?;
        let (player, pose) = (TrackPlayer::new(&track, rig)?, Pose::rest(rig));
        // The box around all Gaussians, and the whole of it in the picture.
        let (mut low, mut high) = (Vec3::INFINITY, Vec3::NEG_INFINITY);
        for position in &avatar.gaussians.positions {
            (low, high) = (low.min(*position), high.max(*position));
        }
        let center = 0.5 * (low + high);
        let fov: f32 = 0.5;
        let distance = 0.55 * (high.y - low.y) / (0.5 * fov).tan() + 0.5 * (high.z - low.z);
        let camera = Camera::look_at(center + Vec3::Z * distance, center, Vec3::Y, fov, width, height);
        Ok(Self { avatar, player, pose, camera })
    }

    /// The pose of a frame.
    pub(crate) fn pose_at(&mut self, frame: usize) -> &Pose {
        if let Some(body) = &self.avatar.body {
            self.pose.reset(&body.rig);
        }
        self.player.apply(frame as f64 / FPS, Wrap::Loop, &mut self.pose);
        &self.pose
    }
}

/// The same on a GPU.
pub(crate) struct Stage<'a> {
    pub(crate) gpu: &'a Gpu,
    renderer: Renderer,
    person: GpuAvatar,
    pub(crate) view: View,
    performance: Performance,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(gpu: &'a Gpu, size: (u32, u32), guide: bool) -> Result<Self, Fault> {
        let performance = Performance::new(size)?;
        let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half)?;
        let person = renderer.upload(&performance.avatar)?;
        let view = renderer.create_view_with(size.0, size.1, Outputs { guide })?;
        Ok(Self { gpu, renderer, person, view, performance })
    }

    pub(crate) fn encoder(&self) -> wgpu::CommandEncoder {
        self.gpu.device.create_command_encoder(&Default::default())
    }

    pub(crate) fn draw(&mut self, encoder: &mut wgpu::CommandEncoder, frame: usize) -> Result<(), Fault> {
        self.person.set_pose(self.performance.pose_at(frame))?;
        let camera = &self.performance.camera;
        Ok(self.renderer.record(encoder, &[&self.person], camera, &mut self.view)?)
    }

    /// Submits, and waits for all of it.
    pub(crate) fn run(&self, encoder: wgpu::CommandEncoder) -> Result<(), Fault> {
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(())
    }
}
