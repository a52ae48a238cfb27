//! Frames of one avatar in memory, for files: drawn by the GPU or by the CPU, behind one face.

mod cpu;
mod gpu;
mod measure;

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Light};

use crate::{Gpu, GpuAvatar, RenderError, Renderer};

pub use cpu::CpuFrames;
pub use gpu::GpuFrames;
pub use measure::{FrameTimes, StageTime};

/// Draws frames of one avatar for programs that keep them: each call waits for its frame.
///
/// Both ways give the same picture (the CPU's defines it), rounded as the renderer's [`crate::Precision`] says on a GPU. A
/// driver that imitates a GPU is slower than the CPU's way: [`Gpu::is_software`].
pub enum FrameRenderer {
    /// By the GPU.
    Gpu(Box<GpuFrames>),
    /// By the CPU.
    Cpu(Box<CpuFrames>),
}

impl FrameRenderer {
    /// By a GPU: `avatar` is of `renderer`, which is of `gpu`.
    pub fn gpu(gpu: Arc<Gpu>, renderer: Arc<Renderer>, avatar: GpuAvatar) -> Self {
        Self::Gpu(Box::new(GpuFrames::new(gpu, renderer, avatar)))
    }

    /// By the CPU.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] for an avatar that cannot be drawn.
    pub fn cpu(avatar: &Arc<Avatar>) -> Result<Self, RenderError> {
        Ok(Self::Cpu(Box::new(CpuFrames::new(avatar)?)))
    }

    /// From now on [`FrameRenderer::importance`] tells how much a viewer looks at each pixel.
    pub fn watch_importance(&mut self) {
        match self {
            Self::Gpu(frames) => frames.watch_importance(),
            Self::Cpu(frames) => frames.watch_importance(),
        }
    }

    /// Shows the avatar in `light` from now on; `None` is the captured one.
    pub fn set_light(&mut self, light: Option<Light>) {
        match self {
            Self::Gpu(frames) => frames.set_light(light),
            Self::Cpu(frames) => frames.set_light(light),
        }
    }

    /// Draws the avatar in `pose` (at rest without one, and ignored if it has no rig) into `frame`.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] for a pose of another rig, [`RenderError::Splat`] for an unusable camera, and of a GPU what it
    /// has to say.
    pub fn render(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> Result<(), RenderError> {
        match self {
            Self::Gpu(frames) => frames.render(pose, camera, frame),
            Self::Cpu(frames) => frames.render(pose, camera, frame),
        }
    }

    /// The importance of every pixel of the frame that was drawn last, with `camera`: 0 where the background shows to 1.
    /// One copy of it is kept in `values`. Empty before [`FrameRenderer::watch_importance`].
    ///
    /// # Errors
    /// As [`FrameRenderer::render`].
    pub fn importance(&mut self, camera: &Camera, values: &mut Vec<f32>) -> Result<(), RenderError> {
        values.clear();
        match self {
            Self::Gpu(frames) => frames.importance(values),
            Self::Cpu(frames) => frames.importance(camera, values),
        }
    }

    /// Draws without bringing the picture back, into `frame` on the CPU, and measures.
    ///
    /// # Errors
    /// As [`FrameRenderer::render`].
    pub fn measure(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> Result<FrameTimes, RenderError> {
        match self {
            Self::Gpu(frames) => frames.measure(pose, camera),
            Self::Cpu(frames) => frames.measure(pose, camera, frame),
        }
    }
}
