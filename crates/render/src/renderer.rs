//! The pipeline: records the stages of a frame.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_splat::Camera;

use crate::avatar::PROJECT_THREADS;
use crate::pipelines::Pipelines;
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
    /// makes it happen; until then nothing else may be recorded for the same avatar or view with another pose or
    /// camera, since both share their uniforms.
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
        self.record_stages(encoder, avatar, camera, view, None)
    }

    /// As [`Renderer::record`], with each stage timed.
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
        self.record_stages(encoder, avatar, camera, view, Some(timer))
    }

    fn record_stages(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        avatar: &mut GpuAvatar,
        camera: &Camera,
        view: &mut View,
        timer: Option<&StageTimer>,
    ) -> Result<(), RenderError> {
        camera.validate()?;
        if (camera.width, camera.height) != view.size() {
            return Err(effigy_splat::SplatError::Camera(format!(
                "its picture is {}x{}, the view is {}x{}",
                camera.width, camera.height, view.width, view.height
            ))
            .into());
        }
        let entries = avatar.tile_entries_bound(camera);
        if !view.fits(avatar, entries) {
            scoped(&self.device, "growing the working memory", || {
                view.prepare(&self.device, &self.pipelines, avatar, entries)
            })?;
        }
        self.queue.write_buffer(&view.camera, 0, bytemuck::bytes_of(&CameraData::new(camera, avatar)));
        let pipelines = &self.pipelines;
        let stage = |encoder: &mut wgpu::CommandEncoder, stage: Stage| {
            encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor {
                    label: Some(stage.name()),
                    timestamp_writes: timer.map(|timer| timer.writes(stage)),
                })
                .forget_lifetime()
        };
        avatar.record_pose(&self.queue, pipelines, &mut stage(encoder, Stage::Pose));
        let Some(bindings) = &view.bindings else { return Ok(()) };

        encoder.copy_buffer_to_buffer(&bindings.initial_state, 0, &bindings.state, 0, 16);
        encoder.clear_buffer(&bindings.ranges, 0, None);
        {
            let mut pass = stage(encoder, Stage::Project);
            pass.set_pipeline(&pipelines.project);
            pass.set_bind_group(0, &bindings.project, &[]);
            pass.dispatch_workgroups(avatar.count.div_ceil(PROJECT_THREADS), 1, 1);
        }
        bindings.sort_depths.record(pipelines, &bindings.dispatches, &mut stage(encoder, Stage::Sort));
        {
            let mut pass = stage(encoder, Stage::Bin);
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
        {
            let mut pass = stage(encoder, Stage::Rasterize);
            pass.set_pipeline(&pipelines.rasterize);
            pass.set_bind_group(0, &bindings.rasterize, &[]);
            pass.dispatch_workgroups(view.width.div_ceil(TILE), view.height.div_ceil(TILE), 1);
        }
        if let Some(timer) = timer {
            timer.resolve(encoder);
        }
        Ok(())
    }
}

/// Runs `work` and turns what wgpu reports about it into an error of ours.
fn scoped<T>(
    device: &wgpu::Device,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let out = work();
    for scope in [validation, memory] {
        // Natively the answer is there at once; a browser reports it through the device's own error callback.
        if let Some(Some(error)) = ready(scope.pop()) {
            return Err(RenderError::Gpu { doing, message: error.to_string() });
        }
    }
    out
}

/// The value of a future that is ready now.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}
