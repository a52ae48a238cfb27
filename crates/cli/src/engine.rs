//! What renders: the GPU pipeline or the CPU rasteriser, behind one face.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::ValueEnum;
use cpu_time::ProcessTime;
use effigy_avatar::{Avatar, AvatarPoser, ImportanceRaster, PosedGaussians, normals};
use effigy_render::{
    AdapterChoice, Counts, Gpu, GpuAvatar, Outputs, Precision, RenderError, Renderer, Stage, StageTimer,
    View, read_counts, read_frame, read_guide,
};
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Light, Lit, Rasterizer};
use glam::Vec3;

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
pub(crate) enum Engine {
    Gpu(Box<GpuEngine>),
    Cpu(Box<CpuEngine>),
}

pub(crate) struct GpuEngine {
    gpu: Gpu,
    renderer: Renderer,
    avatar: GpuAvatar,
    view: Option<View>,
    /// Of views: with the guide where importance is asked for.
    outputs: Outputs,
    light: Option<Light>,
    timer: Option<StageTimer>,
    /// The avatar's rest pose, if it has a rig.
    rest: Option<Pose>,
}

pub(crate) struct CpuEngine {
    avatar: Arc<Avatar>,
    poser: AvatarPoser,
    rest: Option<Pose>,
    pose: Option<Pose>,
    posed: PosedGaussians,
    rasterizer: Rasterizer,
    /// And the normals that it needs.
    light: Option<(Light, Vec<Vec3>)>,
    importance: Option<ImportanceRaster>,
}

/// What one frame took.
pub(crate) struct Times {
    pub(crate) stages: Vec<StageTime>,
    /// Wall time of the whole frame, waited for.
    pub(crate) frame: f64,
    /// Processor seconds of this process during the frame, all threads.
    pub(crate) cpu_seconds: f64,
    /// What the frame held, of a GPU.
    pub(crate) counts: Option<Counts>,
}

/// A stage of one frame.
pub(crate) struct StageTime {
    pub(crate) name: &'static str,
    pub(crate) ms: f64,
    /// What it had to move, of a GPU.
    pub(crate) bytes: Option<u64>,
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
        match (backend, adapter) {
            (Backend::Cpu, None) => Self::cpu(avatar),
            (Backend::Cpu, Some(_)) => Err(bad_input("--adapter names a GPU: leave out --backend cpu")),
            (Backend::Gpu, _) | (Backend::Auto, Some(_)) => {
                let gpu = pollster::block_on(Gpu::open(&choice))
                    .context("the GPU backend is not available (--backend cpu always is)")?;
                Ok(Self::Gpu(Box::new(GpuEngine::new(gpu, avatar, precision)?)))
            }
            (Backend::Auto, None) => {
                let engine = match pollster::block_on(Gpu::open(&choice)) {
                    // A driver on the CPU is a slower way to the same picture than our own rasteriser: `effigy bench`.
                    Ok(gpu) if gpu.is_software() => return Self::cpu(avatar),
                    Ok(gpu) => GpuEngine::new(gpu, avatar, precision),
                    Err(error) => Err(error),
                };
                match engine {
                    Ok(engine) => Ok(Self::Gpu(Box::new(engine))),
                    // What is wrong with the avatar itself stays wrong on the CPU.
                    Err(error @ (RenderError::Avatar(_) | RenderError::Splat(_))) => Err(error.into()),
                    Err(RenderError::NoAdapter(_)) => Self::cpu(avatar),
                    Err(error) => {
                        tracing::warn!("{error}; rendering on the CPU");
                        Self::cpu(avatar)
                    }
                }
            }
        }
    }

    fn cpu(avatar: &Arc<Avatar>) -> anyhow::Result<Self> {
        avatar.validate()?;
        Ok(Self::Cpu(Box::new(CpuEngine {
            avatar: avatar.clone(),
            poser: AvatarPoser::new(avatar)?,
            rest: avatar.body.as_ref().map(|body| Pose::rest(&body.rig)),
            pose: None,
            posed: PosedGaussians::default(),
            rasterizer: Rasterizer::new(),
            light: None,
            importance: None,
        })))
    }

    /// From now on [`Engine::importance`] tells how much a viewer looks at each pixel.
    pub(crate) fn watch_importance(&mut self) {
        match self {
            Self::Gpu(engine) => {
                engine.outputs.guide = true;
                engine.view = None;
            }
            Self::Cpu(engine) => engine.importance = Some(ImportanceRaster::new(&engine.avatar)),
        }
    }

    /// The importance of every pixel of the picture that was rendered last, with `camera`: 0 where the background shows
    /// to 1. One copy of it is kept in `values`. Empty before [`Engine::watch_importance`].
    pub(crate) fn importance(&mut self, camera: &Camera, values: &mut Vec<f32>) -> anyhow::Result<()> {
        values.clear();
        match self {
            Self::Gpu(engine) => {
                let Some(view) = engine.view.as_ref().filter(|view| view.guide().is_some()) else {
                    return Ok(());
                };
                let guide = read_guide(&engine.gpu.device, &engine.gpu.queue, view)?;
                values.extend(guide.iter().map(|pixel| pixel[2]));
                Ok(engine.gpu.check()?)
            }
            Self::Cpu(engine) => {
                let (filter, shown) = (
                    engine.avatar.filter,
                    match engine.avatar.body {
                        Some(_) => &engine.posed.gaussians,
                        None => &engine.avatar.gaussians,
                    },
                );
                match &mut engine.importance {
                    Some(importance) => Ok(importance.render(shown, camera, filter, values)?),
                    None => Ok(()),
                }
            }
        }
    }

    /// Shows the avatar in `light` from now on; `None` is the captured one.
    pub(crate) fn set_light(&mut self, light: Option<Light>) {
        match self {
            Self::Gpu(engine) => engine.light = light,
            Self::Cpu(engine) => engine.light = light.map(|light| (light, normals(&engine.avatar))),
        }
    }

    /// Bytes a second that copies on the GPU reach; nothing for the CPU.
    pub(crate) fn copy_bandwidth(&self) -> anyhow::Result<Option<f64>> {
        match self {
            Self::Gpu(engine) => copy_bandwidth(&engine.gpu).map(Some),
            Self::Cpu(_) => Ok(None),
        }
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
                engine.draw(pose, camera, frame)?;
                Ok(engine.gpu.check()?)
            }
            Self::Cpu(engine) => {
                engine.pose(pose)?;
                engine.rasterize(camera, frame)
            }
        }
    }

    /// Renders without bringing the picture back, and measures.
    pub(crate) fn measure(
        &mut self,
        pose: Option<&Pose>,
        camera: &Camera,
        frame: &mut Frame,
    ) -> anyhow::Result<Times> {
        match self {
            Self::Gpu(engine) => engine.measure(pose, camera),
            Self::Cpu(engine) => {
                let (start, cpu) = (Instant::now(), ProcessTime::now());
                engine.pose(pose)?;
                let posed = start.elapsed().as_secs_f64() * 1e3;
                // Of what posing took, the field's part; none of it if the pose was there already.
                let decode = engine.poser.times().decode.min(posed);
                engine.rasterize(camera, frame)?;
                let total = start.elapsed().as_secs_f64() * 1e3;
                let cpu_seconds = cpu.elapsed().as_secs_f64();
                let t = engine.rasterizer.stage_times();
                let stages = [
                    ("pose", posed - decode),
                    ("decode", decode),
                    ("project", t.project),
                    ("sort", t.sort),
                    ("bin", t.bin),
                    ("rasterize", t.rasterize),
                ];
                let stages = stages.map(|(name, ms)| StageTime { name, ms, bytes: None });
                Ok(Times { stages: stages.into(), frame: total, cpu_seconds, counts: None })
            }
        }
    }
}

impl GpuEngine {
    fn new(gpu: Gpu, avatar: &Arc<Avatar>, precision: Precision) -> Result<Self, RenderError> {
        let renderer = Renderer::new(&gpu.device, &gpu.queue, precision)?;
        let rest = avatar.body.as_ref().map(|body| Pose::rest(&body.rig));
        let avatar = renderer.upload(avatar)?;
        let timer = StageTimer::new(&gpu.device, &gpu.queue);
        let outputs = Outputs::default();
        Ok(Self { gpu, renderer, avatar, view: None, outputs, light: None, timer, rest })
    }

    fn draw(&mut self, pose: Option<&Pose>, camera: &Camera, frame: &mut Frame) -> Result<(), RenderError> {
        if let Some(pose) = pose {
            self.avatar.set_pose(pose)?;
        }
        let view = view_for(&mut self.view, &self.renderer, camera, self.outputs)?;
        view.set_light(self.light.as_ref())?;
        let Gpu { device, queue, .. } = &self.gpu;
        let mut encoder = device.create_command_encoder(&Default::default());
        self.renderer.record(&mut encoder, &[&self.avatar], camera, view)?;
        queue.submit([encoder.finish()]);
        read_frame(device, queue, view, frame)
    }

    /// Times a whole frame, and then its stages: by the GPU's clock, or one after another where that cannot be trusted.
    fn measure(&mut self, pose: Option<&Pose>, camera: &Camera) -> anyhow::Result<Times> {
        if let Some(pose) = pose {
            self.avatar.set_pose(pose)?;
        }
        let view = view_for(&mut self.view, &self.renderer, camera, self.outputs)?;
        view.set_light(self.light.as_ref())?;
        let Gpu { device, queue, .. } = &self.gpu;
        let timer = self.timer.as_ref().filter(|_| !self.gpu.is_software());
        let (start, cpu) = (Instant::now(), ProcessTime::now());
        let mut encoder = device.create_command_encoder(&Default::default());
        match timer {
            Some(timer) => {
                self.renderer.record_timed(&mut encoder, &[&self.avatar], camera, view, timer)?;
            }
            None => self.renderer.record(&mut encoder, &[&self.avatar], camera, view)?,
        }
        queue.submit([encoder.finish()]);
        device.poll(wgpu::PollType::wait_indefinitely()).context("waiting for the GPU")?;
        let frame = start.elapsed().as_secs_f64() * 1e3;
        let cpu_seconds = cpu.elapsed().as_secs_f64();
        let times = match timer {
            Some(timer) => timer.read(device)?,
            None => {
                // The pose has been computed by now: compute it again from rest.
                if let (Some(pose), Some(rest)) = (pose, &self.rest) {
                    self.avatar.set_pose(rest)?;
                    self.avatar.set_pose(pose)?;
                }
                self.renderer.time_stages(&[&self.avatar], camera, view)?
            }
        };
        let counts = read_counts(device, queue, view)?;
        let bytes = self.renderer.traffic(&[&self.avatar], view, counts)?;
        self.gpu.check()?;
        let stages = Stage::ALL.iter().zip(times).zip(bytes);
        Ok(Times {
            stages: stages
                .map(|((stage, ms), bytes)| StageTime { name: stage.name(), ms, bytes: Some(bytes) })
                .collect(),
            frame,
            cpu_seconds,
            counts: Some(counts),
        })
    }
}

/// The view in `slot`, made anew if it has another size than the camera's picture.
fn view_for<'a>(
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

impl CpuEngine {
    fn pose(&mut self, pose: Option<&Pose>) -> anyhow::Result<()> {
        let Some(pose) = pose.or(self.rest.as_ref()) else { return Ok(()) };
        if self.pose.as_ref() != Some(pose) {
            self.poser.pose(&self.avatar, pose, &mut self.posed)?;
            self.pose.get_or_insert_with(|| pose.clone()).clone_from(pose);
        }
        Ok(())
    }

    fn rasterize(&mut self, camera: &Camera, frame: &mut Frame) -> anyhow::Result<()> {
        let (gaussians, frames) = match self.avatar.body {
            Some(_) => (&self.posed.gaussians, &self.posed.frames[..]),
            None => (&self.avatar.gaussians, &[][..]),
        };
        let filter = self.avatar.filter;
        match &self.light {
            None => self.rasterizer.render(gaussians, frames, camera, filter, frame)?,
            Some((light, normals)) => {
                let lit = Lit { light, normals };
                self.rasterizer.render_lit(gaussians, frames, &lit, camera, filter, frame)?;
            }
        }
        Ok(())
    }
}
