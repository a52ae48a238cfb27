//! What renders: the GPU or the CPU, as the user chose.

use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use effigy_avatar::Avatar;
use effigy_render::{AdapterChoice, FrameRenderer, Gpu, GpuFrames, Precision, RenderError, Renderer};

use crate::bandwidth::copy_bandwidth;
use crate::failure::bad_input;

/// Which of the two renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// The GPU if there is one, otherwise the CPU.
    Auto,
    /// The GPU, or a driver that imitates one.
    Gpu,
    /// The CPU.
    Cpu,
}

/// Renders one avatar.
pub(crate) struct Engine {
    pub(crate) frames: FrameRenderer,
}

impl Engine {
    /// Opens `backend` for `avatar`. `adapter` picks a GPU by part of its name, `precision` is that of a GPU's pictures.
    pub(crate) fn open(
        backend: Backend,
        adapter: Option<&str>,
        avatar: &Arc<Avatar>,
        precision: Precision,
    ) -> anyhow::Result<Self> {
        let choice = adapter.map_or(AdapterChoice::Best, |name| AdapterChoice::Named(name.into()));
        let cpu = || Ok(Self { frames: FrameRenderer::cpu(avatar)? });
        match (backend, adapter) {
            (Backend::Cpu, None) => cpu(),
            (Backend::Cpu, Some(_)) => Err(bad_input("--adapter names a GPU: leave out --backend cpu")),
            (Backend::Gpu, _) | (Backend::Auto, Some(_)) => {
                let gpu = pollster::block_on(Gpu::open(&choice))
                    .context("the GPU backend is not available (--backend cpu always is)")?;
                Ok(Self::gpu(gpu, avatar, precision)?)
            }
            (Backend::Auto, None) => {
                let engine = match pollster::block_on(Gpu::open(&choice)) {
                    // A driver on the CPU is a slower way to the same picture than our own rasteriser: `effigy bench`.
                    Ok(gpu) if gpu.is_software() => return cpu(),
                    Ok(gpu) => Self::gpu(gpu, avatar, precision),
                    Err(error) => Err(error),
                };
                match engine {
                    Ok(engine) => Ok(engine),
                    // What is wrong with the avatar itself stays wrong on the CPU.
                    Err(error @ (RenderError::Avatar(_) | RenderError::Splat(_))) => Err(error.into()),
                    Err(RenderError::NoAdapter(_)) => cpu(),
                    Err(error) => {
                        tracing::warn!("{error}; rendering on the CPU");
                        cpu()
                    }
                }
            }
        }
    }

    fn gpu(gpu: Gpu, avatar: &Arc<Avatar>, precision: Precision) -> Result<Self, RenderError> {
        let renderer = Renderer::new(&gpu.device, &gpu.queue, precision)?;
        let avatar = renderer.upload(avatar)?;
        Ok(Self { frames: FrameRenderer::gpu(Arc::new(gpu), Arc::new(renderer), avatar) })
    }

    /// What renders on a GPU, where one does.
    pub(crate) fn on_gpu(&mut self) -> Option<&mut GpuFrames> {
        match &mut self.frames {
            FrameRenderer::Gpu(frames) => Some(frames),
            FrameRenderer::Cpu(_) => None,
        }
    }

    /// Bytes a second that copies on the GPU reach; nothing for the CPU.
    pub(crate) fn copy_bandwidth(&self) -> anyhow::Result<Option<f64>> {
        match &self.frames {
            FrameRenderer::Gpu(frames) => copy_bandwidth(frames.gpu()).map(Some),
            FrameRenderer::Cpu(_) => Ok(None),
        }
    }

    /// What renders, for people.
    pub(crate) fn describe(&self) -> String {
        match &self.frames {
            FrameRenderer::Gpu(frames) => frames.gpu().adapter.get_info().name,
            FrameRenderer::Cpu(_) => "CPU".into(),
        }
    }

    /// `gpu` or `cpu`.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.frames {
            FrameRenderer::Gpu(_) => "gpu",
            FrameRenderer::Cpu(_) => "cpu",
        }
    }
}
