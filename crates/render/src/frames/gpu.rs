//! Frames that the GPU draws.

use std::sync::Arc;

use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Light};

use crate::{Gpu, GpuAvatar, Outputs, RenderError, Renderer, StageTimer, View, read_frame, read_guide};

/// Draws frames of one avatar on a GPU.
pub struct GpuFrames {
    pub(super) gpu: Arc<Gpu>,
    pub(super) renderer: Arc<Renderer>,
    pub(super) avatar: GpuAvatar,
    pub(super) view: Option<View>,
    /// Of the view: with the guide where importance is asked for.
    pub(super) outputs: Outputs,
    pub(super) light: Option<Light>,
    /// Where the GPU's clock can be trusted.
    pub(super) timer: Option<StageTimer>,
    /// The avatar's rest pose, if it has a rig.
    pub(super) rest: Option<Pose>,
}

impl GpuFrames {
    pub(super) fn new(gpu: Arc<Gpu>, renderer: Arc<Renderer>, avatar: GpuAvatar) -> Self {
        let rest = avatar.avatar().body.as_ref().map(|body| Pose::rest(&body.rig));
        // What imitates a GPU has no clock that its stages can be told by.
        let timer = match gpu.is_software() {
            true => None,
            false => StageTimer::new(&gpu.device, &gpu.queue),
        };
        let outputs = Outputs::default();
        Self { gpu, renderer, avatar, view: None, outputs, light: None, timer, rest }
    }

    /// What draws.
    pub fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Records drawing the avatar into a view that is kept, and gives the view, with a guide after
    /// [`super::FrameRenderer::watch_importance`]: for programs that have the picture encoded where it is. Waits for nothing.
    ///
    /// # Errors
    /// As [`super::FrameRenderer::render`].
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        pose: Option<&Pose>,
        camera: &Camera,
    ) -> Result<&View, RenderError> {
        self.pose(pose)?;
        let view = view_for(&mut self.view, &self.renderer, camera, self.outputs)?;
        view.set_light(self.light.as_ref())?;
        self.renderer.record(encoder, &[&self.avatar], camera, view)?;
        Ok(view)
    }

    pub(super) fn watch_importance(&mut self) {
        self.outputs.guide = true;
        self.view = None;
    }

    pub(super) fn set_light(&mut self, light: Option<Light>) {
        self.light = light;
    }

    pub(super) fn render(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> Result<(), RenderError> {
        let gpu = self.gpu.clone();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        let view = self.record(&mut encoder, pose, camera)?;
        gpu.queue.submit([encoder.finish()]);
        read_frame(&gpu.device, &gpu.queue, view, frame)?;
        gpu.check()
    }

    pub(super) fn importance(&mut self, values: &mut Vec<f32>) -> Result<(), RenderError> {
        let Some(view) = self.view.as_ref().filter(|view| view.guide().is_some()) else { return Ok(()) };
        let guide = read_guide(&self.gpu.device, &self.gpu.queue, view)?;
        values.extend(guide.iter().map(|pixel| pixel[2]));
        self.gpu.check()
    }

    pub(super) fn pose(&mut self, pose: Option<&Pose>) -> Result<(), RenderError> {
        match (&self.rest, pose) {
            (Some(rest), pose) => self.avatar.set_pose(pose.unwrap_or(rest)),
            (None, _) => Ok(()),
        }
    }
}

/// The view in `slot`, made anew if it has another size than the camera's picture.
pub(super) fn view_for<'a>(
    slot: &'a mut Option<View>,
    renderer: &Renderer,
    camera: &Camera,
    outputs: Outputs,
) -> Result<&'a mut View, RenderError> {
    let size = (camera.width, camera.height);
    // Let the old memory go before the new is taken.
    slot.take_if(|view| view.size() != size);
    match slot {
        Some(view) => Ok(view),
        None => Ok(slot.insert(renderer.create_view_with(size.0, size.1, outputs)?)),
    }
}
