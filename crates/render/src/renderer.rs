//! The pipeline: records the stages of a frame.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_splat::Camera;

use crate::avatar::Shared;
use crate::instance::PROJECT_THREADS;
use crate::memory::Pictures;
use crate::pipelines::{Pipelines, Teamwork};
use crate::scope::scoped;
use crate::sort::DISPATCH_STRIDE;
use crate::view::{TILE, no_memory};
use crate::{GpuAvatar, Occluder, Outputs, PendingPick, RenderError, Stage, StageTimer, View};

/// How colour is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// 16-bit floats, which every device can filter and blend.
    #[default]
    Half,
    /// 32-bit floats, for files and measurements.
    Full,
}

/// Renders avatars on one device. Cheap to share, made once: building its kernels takes a moment.
pub struct Renderer {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) pipelines: Pipelines,
    color_format: wgpu::TextureFormat,
}

impl Renderer {
    /// On a device and queue that the host program made or that [`crate::Gpu`] did. Nothing beyond the default limits
    /// of WebGPU is needed.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the device rejects a kernel.
    pub fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        precision: Precision,
    ) -> Result<Self, RenderError> {
        Self::with_teamwork(device, queue, precision, Teamwork::of(device))
    }

    pub(crate) fn with_teamwork(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        precision: Precision,
        teamwork: Teamwork,
    ) -> Result<Self, RenderError> {
        let (pipelines, color_format) = scoped(device, "building the kernels", || {
            let full = precision == Precision::Full;
            let format =
                if full { wgpu::TextureFormat::Rgba32Float } else { wgpu::TextureFormat::Rgba16Float };
            Ok((Pipelines::new(device, full, teamwork), format))
        })?;
        Ok(Self { device: device.clone(), queue: queue.clone(), pipelines, color_format })
    }

    /// Puts an avatar on the device: at the origin, in its rest pose, in full detail.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] if it is not valid, [`RenderError::TooLarge`] or [`RenderError::Gpu`] if it does not fit.
    pub fn upload(&self, avatar: &Arc<Avatar>) -> Result<GpuAvatar, RenderError> {
        scoped(&self.device, "uploading the avatar", || {
            let full_precision = self.color_format == wgpu::TextureFormat::Rgba32Float;
            let shared = Arc::new(Shared::new(&self.device, avatar, full_precision)?);
            GpuAvatar::new(&self.device, &self.pipelines, shared)
        })
    }

    /// Another person of the same avatar, with a pose, a place and a detail of its own. Gaussians, field and rig are held
    /// once for all of them.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if there is no memory for its pose.
    pub fn another(&self, of: &GpuAvatar) -> Result<GpuAvatar, RenderError> {
        scoped(&self.device, "making another of an avatar", || {
            GpuAvatar::new(&self.device, &self.pipelines, of.shared.clone())
        })
    }

    /// Makes a picture of the given size to render into.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for a size of zero or beyond what the device can do, [`RenderError::Gpu`] if there is
    /// no memory for it.
    pub fn create_view(&self, width: u32, height: u32) -> Result<View, RenderError> {
        self.create_view_with(width, height, Outputs::default())
    }

    /// As [`Renderer::create_view`], with more than colour and depth.
    ///
    /// # Errors
    /// As [`Renderer::create_view`].
    pub fn create_view_with(&self, width: u32, height: u32, outputs: Outputs) -> Result<View, RenderError> {
        scoped(&self.device, "creating the picture", || {
            View::new(&self.device, width, height, self.color_format, outputs)
        })
    }

    /// Asks what is seen at pixel (`x`, `y`) of the frame of `avatars` that was recorded last into `view`. The answer comes
    /// when the encoder has been submitted and its work is done.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] for a pixel outside of the view, and if the last frame was not of these avatars.
    pub fn pick(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        view: &View,
        x: u32,
        y: u32,
    ) -> Result<PendingPick, RenderError> {
        PendingPick::record(&self.device, &self.pipelines, encoder, avatars, view, [x, y])
    }

    /// Hides in `view`, from the next recorded frame on, what is behind the scene of the host. Once for each depth
    /// buffer: what it holds is read when a frame is drawn. See also [`View::set_occluder_projection`] and
    /// [`View::clear_occluder`].
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if the texture is no depth texture that can be read, or is of another device.
    pub fn occlude(&self, view: &mut View, occluder: &Occluder<'_>) -> Result<(), RenderError> {
        let size = occluder.depth.texture().size();
        if size.width < view.width || size.height < view.height {
            return Err(RenderError::Gpu {
                doing: "reading the host's depth",
                message: format!(
                    "it is {}x{}, the view is {}x{}",
                    size.width, size.height, view.width, view.height
                ),
            });
        }
        let bound = scoped(&self.device, "reading the host's depth", || {
            Ok(view.bind_occluder(&self.device, &self.pipelines, occluder))
        })?;
        view.set_occluder(bound);
        Ok(())
    }

    /// Records the frame that shows `avatars`, each in its current pose and place, through `camera` into `view`. Their
    /// Gaussians are sorted together, so that they may touch and overlap; their order in the list does not matter.
    /// Submitting the encoder makes it happen. Any number of frames, of the same avatars and view too, may be recorded
    /// for one submission.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for an unusable camera or one of another size than the view, and what
    /// [`Renderer::upload`] returns if the view's working memory has to grow and cannot.
    pub fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
    ) -> Result<(), RenderError> {
        self.prepare(avatars, camera, view)?;
        Stage::ALL
            .iter()
            .try_for_each(|&stage| self.record_stage(stage, encoder, avatars, camera, view, None))
    }

    /// As [`Renderer::record`], with each stage timed by the GPU's clock.
    ///
    /// # Errors
    /// As [`Renderer::record`].
    pub fn record_timed(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
        timer: &StageTimer,
    ) -> Result<(), RenderError> {
        self.prepare(avatars, camera, view)?;
        for stage in Stage::ALL {
            self.record_stage(stage, encoder, avatars, camera, view, Some(timer))?;
        }
        timer.resolve(encoder);
        Ok(())
    }

    /// Renders a frame stage by stage, submitting each and waiting for it: wall milliseconds in the order of
    /// [`Stage::ALL`]. For benchmarks on devices without a clock of their own.
    ///
    /// # Errors
    /// As [`Renderer::record`], and [`RenderError::Gpu`] if the device is lost.
    #[expect(clippy::disallowed_methods, reason = "a stage is timed by waiting for it")]
    pub fn time_stages(
        &self,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
    ) -> Result<[f64; Stage::ALL.len()], RenderError> {
        self.prepare(avatars, camera, view)?;
        let mut times = [0.0; Stage::ALL.len()];
        for (stage, ms) in Stage::ALL.into_iter().zip(&mut times) {
            let start = std::time::Instant::now();
            let mut encoder = self.device.create_command_encoder(&Default::default());
            self.record_stage(stage, &mut encoder, avatars, camera, view, None)?;
            self.queue.submit([encoder.finish()]);
            self.device
                .poll(wgpu::PollType::wait_indefinitely())
                .map_err(|error| RenderError::Gpu { doing: "timing a stage", message: error.to_string() })?;
            *ms = start.elapsed().as_secs_f64() * 1e3;
        }
        Ok(times)
    }

    /// Checks the camera and makes sure that the view has the working memory for the frame.
    fn prepare(&self, avatars: &[&GpuAvatar], camera: &Camera, view: &mut View) -> Result<(), RenderError> {
        camera.validate()?;
        if (camera.width, camera.height) != view.size() {
            return Err(effigy_splat::SplatError::Camera(format!(
                "its picture is {}x{}, the view is {}x{}",
                camera.width, camera.height, view.width, view.height
            ))
            .into());
        }
        if view.color_texture().format() != self.color_format {
            return Err(RenderError::Gpu {
                doing: "recording a frame",
                message: "the view was made by a renderer of another precision".into(),
            });
        }
        view.choose(&self.device, avatars, camera);
        if !view.is_ready(avatars) {
            let grown = scoped(&self.device, "growing the working memory", || {
                view.prepare(&self.device, &self.pipelines, avatars)
            });
            if grown.is_err() {
                view.forget();
            }
            grown?;
        }
        Ok(())
    }

    fn record_stage(
        &self,
        stage: Stage,
        encoder: &mut wgpu::CommandEncoder,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
        timer: Option<&StageTimer>,
    ) -> Result<(), RenderError> {
        let pipelines = &self.pipelines;
        match stage {
            Stage::Pose => {
                view.posed.clear();
                for (avatar, share) in avatars.iter().zip(&view.drawn) {
                    view.posed.push(share.drawn > 0 && avatar.upload_pose(encoder)?);
                }
                let changed = || avatars.iter().zip(&view.posed).filter(|(_, new)| **new);
                if timer.is_some() || changed().next().is_some() {
                    // A timestamp that is never written must not be waited for.
                    let mut pass = stage.begin(encoder, timer);
                    changed().for_each(|(avatar, _)| avatar.dispatch_pose(pipelines, &mut pass));
                }
                changed().for_each(|(avatar, _)| avatar.note_pose(encoder));
            }
            Stage::Decode => {
                view.decoded.clear();
                for (avatar, share) in avatars.iter().zip(&view.drawn) {
                    view.decoded.push(avatar.upload_decode(share.drawn, encoder)?);
                }
                let drawn = || avatars.iter().zip(&view.drawn).zip(&view.decoded);
                let changed = || drawn().filter(|(_, new)| **new).map(|(drawn, _)| drawn);
                if timer.is_some() || changed().next().is_some() {
                    let mut pass = stage.begin(encoder, timer);
                    changed().for_each(|(avatar, share)| {
                        avatar.dispatch_decode(pipelines, share.drawn, &mut pass);
                    });
                }
                changed().for_each(|(avatar, share)| avatar.note_decode(share.drawn, encoder));
            }
            Stage::Project => {
                view.record_uploads(encoder, avatars, camera)?;
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let mut pass = stage.begin(encoder, timer);
                pass.set_pipeline(&pipelines.project);
                for (bind_group, share) in memory.project.iter().zip(&view.drawn) {
                    if share.drawn > 0 {
                        pass.set_bind_group(0, bind_group, &[]);
                        pass.dispatch_workgroups(share.drawn.div_ceil(PROJECT_THREADS), 1, 1);
                    }
                }
                if view.kind().0 {
                    pass.set_pipeline(pipelines.guide(&self.device));
                    for (bind_group, avatar) in memory.guide.iter().zip(avatars) {
                        pass.set_bind_group(0, bind_group, &[]);
                        pass.dispatch_workgroups(avatar.shared.count.div_ceil(PROJECT_THREADS), 1, 1);
                    }
                }
            }
            Stage::Sort => {
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let mut pass = stage.begin(encoder, timer);
                let sort = &memory.sort_depths[usize::from(view.coarse_depths && !pipelines.full_precision)];
                sort.record(pipelines, &memory.dispatches, view.gaussians(), &mut pass);
            }
            Stage::Bin => {
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let mut pass = stage.begin(encoder, timer);
                if let Some(Pictures::Quads(quads)) = &memory.pictures {
                    quads.record_size(&self.device, pipelines, &mut pass);
                    return Ok(());
                }
                pass.set_pipeline(&pipelines.sum_blocks);
                pass.set_bind_group(0, &memory.sum_blocks, &[]);
                pass.dispatch_workgroups_indirect(&memory.dispatches, DISPATCH_STRIDE);
                pass.set_pipeline(&pipelines.scan_blocks);
                pass.set_bind_group(0, &memory.scan_blocks, &[]);
                pass.dispatch_workgroups(1, 1, 1);
                pass.set_pipeline(&pipelines.expand_tiles);
                pass.set_bind_group(0, &memory.expand_tiles, &[]);
                pass.dispatch_workgroups_indirect(&memory.dispatches, DISPATCH_STRIDE);
                memory.sort_tiles.record(pipelines, &memory.dispatches, 0, &mut pass);
                pass.set_pipeline(&pipelines.find_ranges);
                pass.set_bind_group(0, &memory.find_ranges, &[]);
                pass.dispatch_workgroups_indirect(&memory.dispatches, 3 * DISPATCH_STRIDE);
            }
            Stage::Rasterize => {
                let Some(memory) = &view.memory else { return Err(no_memory()) };
                let rasterize = match &memory.pictures {
                    Some(Pictures::Tiles(rasterize)) => rasterize,
                    Some(Pictures::Quads(quads)) => {
                        quads.record(&self.device, pipelines, view, encoder, timer);
                        return Ok(());
                    }
                    None => return Err(no_memory()),
                };
                let mut pass = stage.begin(encoder, timer);
                view.record_occluder(&self.device, pipelines, &mut pass);
                let (guided, occluded) = view.kind();
                pass.set_pipeline(pipelines.rasterize(&self.device, guided, occluded));
                pass.set_bind_group(0, rasterize, &[]);
                pass.dispatch_workgroups(view.width.div_ceil(TILE), view.height.div_ceil(TILE), 1);
            }
        }
        Ok(())
    }
}
