//! What renders: the GPU pipeline or the CPU rasteriser, behind one face.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use effigy_avatar::{Avatar, PosedGaussians};
use effigy_render::{
    AdapterChoice, Gpu, GpuAvatar, Precision, RenderError, Renderer, Stage, StageTimer, View, read_frame,
};
use effigy_rig::{Pose, PosedVertices, Poser};
use effigy_splat::{Camera, Frame, Rasterizer};

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
pub(crate) enum Engine {
    Gpu(Box<GpuEngine>),
    Cpu(Box<CpuEngine>),
}

pub(crate) struct GpuEngine {
    gpu: Gpu,
    renderer: Renderer,
    avatar: GpuAvatar,
    view: Option<View>,
    timer: Option<StageTimer>,
}

pub(crate) struct CpuEngine {
    avatar: Arc<Avatar>,
    poser: Option<Poser>,
    pose: Option<Pose>,
    vertices: PosedVertices,
    posed: PosedGaussians,
    rasterizer: Rasterizer,
}

/// Milliseconds of the stages of one frame.
pub(crate) struct Times {
    /// Stage by stage; empty where the driver cannot tell.
    pub(crate) stages: Vec<(&'static str, f64)>,
    /// Wall time of the whole frame, waited for.
    pub(crate) frame: f64,
}

impl Engine {
    /// Opens `backend` for `avatar`. `adapter` picks a GPU by part of its name.
    pub(crate) fn open(
        backend: Backend,
        adapter: Option<&str>,
        avatar: &Arc<Avatar>,
    ) -> anyhow::Result<Self> {
        let choice = adapter.map_or(AdapterChoice::Best, |name| AdapterChoice::Named(name.into()));
        match backend {
            Backend::Cpu => Self::cpu(avatar),
            Backend::Gpu => Ok(Self::Gpu(Box::new(GpuEngine::new(
                pollster::block_on(Gpu::open(&choice))
                    .context("the GPU backend is not available (--backend cpu always is)")?,
                avatar,
            )?))),
            Backend::Auto => match pollster::block_on(Gpu::open(&choice)) {
                // A driver on the CPU is a slower way to the same picture than our own rasteriser.
                Ok(gpu) if gpu.is_software() && adapter.is_none() => Self::cpu(avatar),
                Ok(gpu) => Ok(Self::Gpu(Box::new(GpuEngine::new(gpu, avatar)?))),
                Err(error) if adapter.is_some() => Err(error.into()),
                Err(error) => {
                    tracing::info!("{error}; rendering on the CPU");
                    Self::cpu(avatar)
                }
            },
        }
    }

    fn cpu(avatar: &Arc<Avatar>) -> anyhow::Result<Self> {
        avatar.validate()?;
        let poser = match &avatar.body {
            Some(body) => Some(Poser::new(&body.rig, body.binding.frame)?),
            None => None,
        };
        Ok(Self::Cpu(Box::new(CpuEngine {
            avatar: avatar.clone(),
            poser,
            pose: None,
            vertices: PosedVertices::default(),
            posed: PosedGaussians::default(),
            rasterizer: Rasterizer::new(),
        })))
    }

    /// What renders, for people.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Gpu(engine) => engine.gpu.adapter.get_info().name,
            Self::Cpu(_) => "CPU".into(),
        }
    }

    /// `gpu` or `cpu`.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Gpu(_) => "gpu",
            Self::Cpu(_) => "cpu",
        }
    }

    /// Renders the avatar in `pose` (ignored if it has no rig) into `frame`.
    pub(crate) fn render(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> anyhow::Result<()> {
        match self {
            Self::Gpu(engine) => {
                engine.draw(pose, camera, false)?;
                if let Some(view) = &engine.view {
                    read_frame(&engine.gpu.device, &engine.gpu.queue, view, frame)?;
                }
                Ok(engine.gpu.check()?)
            }
            Self::Cpu(engine) => engine.draw(pose, camera, frame),
        }
    }

    /// Renders without bringing the picture back, and measures.
    pub(crate) fn measure(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> anyhow::Result<Times> {
        let start = Instant::now();
        match self {
            Self::Gpu(engine) => {
                engine.draw(pose, camera, true)?;
                engine.gpu.device.poll(wgpu::PollType::wait_indefinitely()).context("waiting for the GPU")?;
                let total = start.elapsed().as_secs_f64() * 1e3;
                let stages = match &engine.timer {
                    Some(timer) => Stage::ALL
                        .iter()
                        .map(|stage| stage.name())
                        .zip(timer.read(&engine.gpu.device)?)
                        .collect(),
                    None => Vec::new(),
                };
                engine.gpu.check()?;
                Ok(Times { stages, frame: total })
            }
            Self::Cpu(engine) => {
                engine.draw(pose, camera, frame)?;
                let total = start.elapsed().as_secs_f64() * 1e3;
                let t = engine.rasterizer.stage_times();
                let rest = t.project + t.sort + t.bin + t.rasterize;
                Ok(Times {
                    stages: vec![
                        ("pose", total - rest),
                        ("project", t.project),
                        ("sort", t.sort),
                        ("bin", t.bin),
                        ("rasterize", t.rasterize),
                    ],
                    frame: total,
                })
            }
        }
    }
}

impl GpuEngine {
    fn new(gpu: Gpu, avatar: &Arc<Avatar>) -> Result<Self, RenderError> {
        // Files hold 8 bits a channel, but half floats would already round what is compared and encoded.
        let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Full)?;
        let avatar = renderer.upload(avatar)?;
        let timer = StageTimer::new(&gpu.device, &gpu.queue);
        Ok(Self { gpu, renderer, avatar, view: None, timer })
    }

    fn draw(&mut self, pose: Option<&Pose>, camera: &Camera, timed: bool) -> Result<(), RenderError> {
        if let Some(pose) = pose {
            self.avatar.set_pose(pose)?;
        }
        let size = (camera.width, camera.height);
        let view = match &mut self.view {
            Some(view) if view.size() == size => view,
            slot => slot.insert(self.renderer.create_view(size.0, size.1)?),
        };
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        match &self.timer {
            Some(timer) if timed => {
                self.renderer.record_timed(&mut encoder, &mut self.avatar, camera, view, timer)?;
            }
            _ => self.renderer.record(&mut encoder, &mut self.avatar, camera, view)?,
        }
        self.gpu.queue.submit([encoder.finish()]);
        Ok(())
    }
}

impl CpuEngine {
    fn draw(&mut self, pose: Option<&Pose>, camera: &Camera, frame: &mut Frame) -> anyhow::Result<()> {
        if let (Some(poser), Some(body)) = (&mut self.poser, &self.avatar.body) {
            let fresh;
            let pose = match pose {
                Some(pose) => pose,
                None => {
                    fresh = Pose::rest(&body.rig);
                    &fresh
                }
            };
            if self.pose.as_ref() != Some(pose) {
                poser.pose(&body.rig, pose, &mut self.vertices)?;
                self.avatar.pose_gaussians(&self.vertices, &mut self.posed)?;
                self.pose.get_or_insert_with(|| pose.clone()).clone_from(pose);
            }
            self.rasterizer.render(
                &self.posed.gaussians,
                &self.posed.frames,
                camera,
                self.avatar.filter,
                frame,
            )?;
        } else {
            self.rasterizer.render(&self.avatar.gaussians, &[], camera, self.avatar.filter, frame)?;
        }
        Ok(())
    }
}
