//! The two ways to composite.

/// How a view composites its sorted splats ([`crate::View::set_method`]).
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
    /// Which is the better on such a device is what [`crate::Renderer::fastest`] measures: of real GPUs none has been measured
    /// yet. On software Vulkan (lavapipe, two cores) quads take about twice the processor time of tiles (1.9 to 2.2
    /// times): per frame 0.14 s for 0.07 s with 20,000 Gaussians at 512², 0.62 s for 0.30 s with 100,000 at 1024².
    /// Drawing front to back in batches, with a depth test that rejects finished pixels between two of them, has been
    /// tried: it took 2.4 to 2.7 times as long as tiles there, and its rounding to half floats adds up instead of fading.
    ///
    /// Colour and coverage are blended as half floats and agree with tiles to about 55 dB or better, single values to
    /// 1e-2; depth to 4e-3 of the distance between the nearest and the farthest Gaussian in the picture. Splats at which
    /// a pixel is already opaque count, though by less than that. [`crate::Precision::Full`] and a guide
    /// ([`crate::Outputs::guide`]) are not to be had, and such views stay with tiles ([`crate::View::method`]); a pick goes
    /// through all splats of the picture instead of a tile's. The vertex stage reads storage buffers, which WebGPU
    /// promises and some OpenGL and compatibility devices lack: recording a frame is an error there.
    Quads,
}
