//! The two ways to composite, and which of them a device is quicker with.

use std::time::Instant;

use effigy_splat::Camera;

use crate::{GpuAvatar, RenderError, Renderer, View};

/// How a view composites its sorted splats ([`View::set_method`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Compute: splats are listed by tile, and each tile goes through its own until its pixels are opaque.
    #[default]
    Tiles,
    /// Quads.
    Quads,
}

/// Frames of each method before measuring, in which kernels are built and memory grows, and measured ones.
const WARM_UP: usize = 2;
const MEASURED: usize = 7;

impl Renderer {
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
