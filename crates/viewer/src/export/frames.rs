//! Frames for files, drawn beside the interface: on the device with an avatar and a picture of their own, or on the CPU
//! where the device is a program on the CPU itself and the slower one.

use std::sync::Arc;

use effigy_avatar::{Avatar, AvatarPoser, ImportanceRaster, PosedGaussians};
use effigy_render::{GpuAvatar, Outputs, RenderError, Renderer, View, read_frame, read_guide};
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Rasterizer};

use crate::graphics::Graphics;

/// Draws frames of one avatar.
pub(crate) enum Frames {
    Device(Box<OnDevice>),
    Processor(Box<OnProcessor>),
}

pub(crate) struct OnDevice {
    graphics: Graphics,
    renderer: Arc<Renderer>,
    avatar: GpuAvatar,
    view: Option<View>,
    outputs: Outputs,
}

pub(crate) struct OnProcessor {
    avatar: Arc<Avatar>,
    poser: AvatarPoser,
    posed: PosedGaussians,
    rasterizer: Rasterizer,
    importance: Option<ImportanceRaster>,
}

impl Frames {
    /// Where they are drawn sooner. `shown` is on the device already; `looked_at` says that importance is wanted as well.
    pub(crate) fn new(graphics: &Graphics, shown: &GpuAvatar, looked_at: bool) -> Result<Self, RenderError> {
        match graphics.gpu.is_software() {
            true => Self::on_processor(shown.avatar(), looked_at),
            false => Self::on_device(graphics, shown, looked_at),
        }
    }

    pub(crate) fn on_device(
        graphics: &Graphics,
        shown: &GpuAvatar,
        looked_at: bool,
    ) -> Result<Self, RenderError> {
        let renderer = graphics.build_renderer()?;
        let avatar = renderer.another(shown)?;
        let outputs = Outputs { guide: looked_at };
        let graphics = graphics.clone();
        Ok(Self::Device(Box::new(OnDevice { graphics, renderer, avatar, view: None, outputs })))
    }

    pub(crate) fn on_processor(avatar: &Arc<Avatar>, looked_at: bool) -> Result<Self, RenderError> {
        let poser = AvatarPoser::new(avatar).map_err(|error| RenderError::Avatar(error.to_string()))?;
        Ok(Self::Processor(Box::new(OnProcessor {
            poser,
            posed: PosedGaussians::default(),
            rasterizer: Rasterizer::new(),
            importance: looked_at.then(|| ImportanceRaster::new(avatar)),
            avatar: avatar.clone(),
        })))
    }

    /// Draws a frame, and where it is wanted puts the importance of its pixels into `values`.
    pub(crate) fn draw(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
        values: &mut Vec<f32>,
    ) -> Result<(), RenderError> {
        values.clear();
        match self {
            Self::Device(device) => device.draw(pose, camera, frame, values),
            Self::Processor(processor) => processor.draw(pose, camera, frame, values),
        }
    }
}

impl OnDevice {
    fn draw(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
        values: &mut Vec<f32>,
    ) -> Result<(), RenderError> {
        if let Some(pose) = pose {
            self.avatar.set_pose(pose)?;
        }
        let size = (camera.width, camera.height);
        let view = match self.view.take().filter(|view| view.size() == size) {
            Some(view) => view,
            None => self.renderer.create_view_with(size.0, size.1, self.outputs)?,
        };
        let view = self.view.insert(view);
        let (device, queue) = (self.graphics.device(), self.graphics.queue());
        let mut encoder = device.create_command_encoder(&Default::default());
        self.renderer.record(&mut encoder, &[&self.avatar], camera, view)?;
        queue.submit([encoder.finish()]);
        read_frame(device, queue, view, frame)?;
        if self.outputs.guide {
            values.extend(read_guide(device, queue, view)?.iter().map(|pixel| pixel[2]));
        }
        Ok(())
    }
}

impl OnProcessor {
    fn draw(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
        values: &mut Vec<f32>,
    ) -> Result<(), RenderError> {
        let (gaussians, frames) = match pose {
            Some(pose) => {
                let posed = self.poser.pose(&self.avatar, pose, &mut self.posed);
                posed.map_err(|error| RenderError::Avatar(error.to_string()))?;
                (&self.posed.gaussians, &self.posed.frames[..])
            }
            None => (&self.avatar.gaussians, &[][..]),
        };
        let filter = self.avatar.filter;
        self.rasterizer.render(gaussians, frames, camera, filter, frame)?;
        if let Some(importance) = &mut self.importance {
            importance.render(gaussians, camera, filter, values)?;
        }
        Ok(())
    }
}
