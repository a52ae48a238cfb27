//! The pipeline: records the stages of a frame.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_splat::Camera;

use crate::avatar::PROJECT_THREADS;
use crate::pipelines::Pipelines;
use crate::scope::scoped;
use crate::sort::DISPATCH_STRIDE;
use crate::view::{CameraData, TILE};
use crate::{GpuAvatar, RenderError, Stage, StageTimer, View};

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
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: Pipelines,
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
        let (pipelines, color_format) = scoped(device, "building the kernels", || {
            let full = precision == Precision::Full;
            let format =
                if full { wgpu::TextureFormat::Rgba32Float } else { wgpu::TextureFormat::Rgba16Float };
            Ok((Pipelines::new(device, full), format))
        })?;
        Ok(Self { device: device.clone(), queue: queue.clone(), pipelines, color_format })
    }

    /// Puts an avatar on the device, in its rest pose.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] if it is not valid, [`RenderError::TooLarge`] or [`RenderError::Gpu`] if it does not fit.
    pub fn upload(&self, avatar: &Arc<Avatar>) -> Result<GpuAvatar, RenderError> {
        scoped(&self.device, "uploading the avatar", || GpuAvatar::new(&self.device, &self.pipelines, avatar))
    }

    /// Makes a picture of the given size to render into.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for a size of zero or beyond what the device can do, [`RenderError::Gpu`] if there is
    /// no memory for it.
    pub fn create_view(&self, width: u32, height: u32) -> Result<View, RenderError> {
        scoped(&self.device, "creating the picture", || {
            View::new(&self.device, width, height, self.color_format)
        })
    }

    /// Records the frame that shows `avatar` in its current pose through `camera` into `view`. Submitting the encoder
    /// makes it happen. Any number of frames, of the same avatar and view too, may be recorded for one submission.
    ///
    /// # Errors
    /// [`RenderError::Splat`] for an unusable camera or one of another size than the view, and what
    /// [`Renderer::upload`] returns if the view's working memory has to grow and cannot.
    pub fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatar: &mut GpuAvatar,
        camera: &Camera,
        view: &mut View,
    ) -> Result<(), RenderError> {
        self.prepare(avatar, camera, view)?;
        Stage::ALL.iter().try_for_each(|&stage| self.record_stage(stage, encoder, avatar, camera, view, None))
    }

    /// As [`Renderer::record`], with each stage timed by the GPU's clock.
    ///
    /// # Errors
    /// As [`Renderer::record`].
    pub fn record_timed(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatar: &mut GpuAvatar,
        camera: &Camera,
        view: &mut View,
        timer: &StageTimer,
    ) -> Result<(), RenderError> {
        self.prepare(avatar, camera, view)?;
        for stage in Stage::ALL {
            self.record_stage(stage, encoder, avatar, camera, view, Some(timer))?;
        }
        timer.resolve(encoder);
        Ok(())
    }

    /// Renders a frame stage by stage, submitting each and waiting for it: wall milliseconds in the order of
    /// [`Stage::ALL`]. For benchmarks on devices without a clock of their own.
    ///
    /// # Errors
    /// As [`Renderer::record`], and [`RenderError::Gpu`] if the device is lost.
    pub fn time_stages(
        &self,
        avatar: &mut GpuAvatar,
        camera: &Camera,
        view: &mut View,
    ) -> Result<[f64; Stage::ALL.len()], RenderError> {
        self.prepare(avatar, camera, view)?;
        let mut times = [0.0; Stage::ALL.len()];
        for (stage, ms) in Stage::ALL.into_iter().zip(&mut times) {
            let start = std::time::Instant::now();
            let mut encoder = self.device.create_command_encoder(&Default::default());
            self.record_stage(stage, &mut encoder, avatar, camera, view, None)?;
            self.queue.submit([encoder.finish()]);
            self.device
                .poll(wgpu::PollType::wait_indefinitely())
                .map_err(|error| RenderError::Gpu { doing: "timing a stage", message: error.to_string() })?;
            *ms = start.elapsed().as_secs_f64() * 1e3;
        }
        Ok(times)
    }

    /// Checks the camera and makes sure that the view has the working memory for the frame.
    fn prepare(&self, avatar: &GpuAvatar, camera: &Camera, view: &mut View) -> Result<(), RenderError> {
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
        let entries = avatar.tile_entries_estimate(camera);
        if !view.fits(avatar, entries) {
            let grown = scoped(&self.device, "growing the working memory", || {
                view.prepare(&self.device, &self.pipelines, avatar, entries)
            });
            if grown.is_err() {
                view.bindings = None;
            }
            grown?;
        }
        Ok(())
    }

    fn record_stage(
        &self,
        stage: Stage,
        encoder: &mut wgpu::CommandEncoder,
        avatar: &GpuAvatar,
        camera: &Camera,
        view: &View,
        timer: Option<&StageTimer>,
    ) -> Result<(), RenderError> {
        let pipelines = &self.pipelines;
        let Some(bindings) = &view.bindings else {
            return Err(RenderError::Gpu {
                doing: "recording a frame",
                message: "the view has no working memory".into(),
            });
        };
        match stage {
            Stage::Pose => {
                let recorded = avatar.record_pose(pipelines, encoder, timer)?;
                if !recorded && timer.is_some() {
                    // A timestamp that is never written must not be waited for.
                    drop(stage.begin(encoder, timer));
                }
            }
            Stage::Decode => {
                let recorded = avatar.record_decode(pipelines, encoder, timer)?;
                if !recorded && timer.is_some() {
                    drop(stage.begin(encoder, timer));
                }
            }
            Stage::Project => {
                let data = CameraData::new(camera, avatar);
                view.uploads.record(encoder, &[(bytemuck::bytes_of(&data), &view.camera)])?;
                encoder.copy_buffer_to_buffer(&bindings.initial_state, 0, &bindings.state, 0, 16);
                encoder.clear_buffer(&bindings.ranges, 0, None);
                let mut pass = stage.begin(encoder, timer);
                pass.set_pipeline(&pipelines.project);
                pass.set_bind_group(0, &bindings.project, &[]);
                pass.dispatch_workgroups(avatar.count.div_ceil(PROJECT_THREADS), 1, 1);
            }
            Stage::Sort => {
                let mut pass = stage.begin(encoder, timer);
                bindings.sort_depths.record(pipelines, &bindings.dispatches, &mut pass);
            }
            Stage::Bin => {
                let mut pass = stage.begin(encoder, timer);
                pass.set_pipeline(&pipelines.sum_blocks);
                pass.set_bind_group(0, &bindings.sum_blocks, &[]);
                pass.dispatch_workgroups_indirect(&bindings.dispatches, DISPATCH_STRIDE);
                pass.set_pipeline(&pipelines.scan_blocks);
                pass.set_bind_group(0, &bindings.scan_blocks, &[]);
                pass.dispatch_workgroups(1, 1, 1);
                pass.set_pipeline(&pipelines.expand_tiles);
                pass.set_bind_group(0, &bindings.expand_tiles, &[]);
                pass.dispatch_workgroups_indirect(&bindings.dispatches, DISPATCH_STRIDE);
                bindings.sort_tiles.record(pipelines, &bindings.dispatches, &mut pass);
                pass.set_pipeline(&pipelines.find_ranges);
                pass.set_bind_group(0, &bindings.find_ranges, &[]);
                pass.dispatch_workgroups_indirect(&bindings.dispatches, 3 * DISPATCH_STRIDE);
            }
            Stage::Rasterize => {
                let mut pass = stage.begin(encoder, timer);
                pass.set_pipeline(&pipelines.rasterize);
                pass.set_bind_group(0, &bindings.rasterize, &[]);
                pass.dispatch_workgroups(view.width.div_ceil(TILE), view.height.div_ceil(TILE), 1);
            }
        }
        Ok(())
    }
}
