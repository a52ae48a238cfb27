//! Frames that are waited for, to know what they take.

use std::time::Instant;

use effigy_splat::Camera;

use crate::{GpuAvatar, Method, RenderError, Renderer, Stage, View};

/// Frames of each method before measuring, in which kernels are built and memory grows, and measured ones.
const WARM_UP: usize = 2;
const MEASURED: usize = 7;

impl Renderer {
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
            let start = Instant::now();
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

    /// Which method shows `avatars` through `camera` in less time on this device: some frames of each, taking turns, are
    /// rendered and waited for. For a host to ask once and keep the answer, with the adapter's name; the answer depends
    /// on the size of the picture more than on the avatar. It blocks, for some tenths of a second on a GPU, and takes the
    /// memory of two views while it does; browsers, which cannot wait, have to measure frames of their own.
    ///
    /// Where quads cannot be drawn at all (see [`Method::Quads`]) the answer is [`Method::Tiles`].
    ///
    /// # Errors
    /// As [`Renderer::create_view`] and [`Renderer::record`], and [`RenderError::Gpu`] if the device is lost.
    pub fn fastest(&self, avatars: &[&GpuAvatar], camera: &Camera) -> Result<Method, RenderError> {
        let view = |method| {
            let mut view = self.create_view(camera.width, camera.height)?;
            view.set_method(method);
            Ok::<_, RenderError>(view)
        };
        let (mut tiles, mut quads) = (view(Method::Tiles)?, view(Method::Quads)?);
        if quads.method() == Method::Tiles {
            return Ok(Method::Tiles);
        }
        let mut times = [[0.0; MEASURED]; 2];
        for i in 0..WARM_UP + MEASURED {
            let by_tiles = self.time_frame(avatars, camera, &mut tiles)?;
            let Ok(by_quads) = self.time_frame(avatars, camera, &mut quads) else {
                return Ok(Method::Tiles);
            };
            if let Some(i) = i.checked_sub(WARM_UP) {
                times[0][i] = by_tiles;
                times[1][i] = by_quads;
            }
        }
        let [by_tiles, by_quads] = times.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[MEASURED / 2]
        });
        Ok(if by_quads < by_tiles { Method::Quads } else { Method::Tiles })
    }

    /// Seconds from recording a frame until it is there.
    #[expect(clippy::disallowed_methods, reason = "a frame is timed by waiting for it")]
    fn time_frame(
        &self,
        avatars: &[&GpuAvatar],
        camera: &Camera,
        view: &mut View,
    ) -> Result<f64, RenderError> {
        let start = Instant::now();
        let mut encoder = self.device.create_command_encoder(&Default::default());
        self.record(&mut encoder, avatars, camera, view)?;
        self.queue.submit([encoder.finish()]);
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| RenderError::Gpu { doing: "comparing methods", message: error.to_string() })?;
        Ok(start.elapsed().as_secs_f64())
    }
}
