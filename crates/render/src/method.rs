//! The two ways to composite, and which of them a device is quicker with.

use std::time::Instant;

use effigy_splat::Camera;

use crate::{GpuAvatar, RenderError, Renderer, View};

/// How a view composites its sorted splats ([`View::set_method`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// Compute kernels list the splats that come to each tile of 16 × 16 pixels, and composite each tile's list front to
    /// back until its pixels are opaque. What lies behind costs a place in a list, not the picture's memory: for adapters
    /// whose compute units are strong beside their blending (desktop and datacentre GPUs), and for processors that
    /// imitate a GPU. Gives everything that a view can hold.
    #[default]
    Tiles,
    /// The hardware rasterises a parallelogram around each splat's ellipse and blends it, the farthest first. It needs
    /// neither lists of tiles nor the memory for them (8 MiB a view at least), but pays for every splat of a pixel, seen
    /// or not, because blending cannot look at what is there. For GPUs that keep the picture in memory on the chip while
    /// they draw (phones, tablets), where blending costs little and compute shaders more; and for pictures of few layers.
    ///
    /// Which is the better on such a device is what [`Renderer::fastest`] measures: of real GPUs none has been measured
    /// yet. On software Vulkan (lavapipe, two cores) quads take about twice the processor time of tiles (1.9 to 2.2
    /// times): per frame 0.14 s for 0.07 s with 20,000 Gaussians at 512², 0.62 s for 0.30 s with 100,000 at 1024².
    /// Drawing front to back in batches, with a depth test that rejects finished pixels between two of them, has been
    /// tried: it took 2.4 to 2.7 times as long as tiles there, and its rounding to half floats adds up instead of fading.
    ///
    /// Colour and coverage are blended as half floats and agree with tiles to about 55 dB or better, single values to
    /// 1e-2; depth to 4e-3 of the distance between the nearest and the farthest Gaussian in the picture. Splats at which
    /// a pixel is already opaque count, though by less than that. [`crate::Precision::Full`] and a guide
    /// ([`crate::Outputs::guide`]) are not to be had, and such views stay with tiles ([`View::method`]); a pick goes
    /// through all splats of the picture instead of a tile's. The vertex stage reads storage buffers, which WebGPU
    /// promises and some OpenGL and compatibility devices lack: recording a frame is an error there.
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
