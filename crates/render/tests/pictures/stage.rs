//! What the tests of this program draw with, and how they compare pictures.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_render::{AdapterChoice, Gpu, GpuAvatar, Precision, Renderer, View, read_frame};
use effigy_splat::{Camera, Filter, Frame, Gaussians, Rasterizer};
use glam::Quat;

/// A device and a renderer.
pub(crate) struct Stage {
    pub(crate) gpu: Gpu,
    pub(crate) renderer: Renderer,
}

impl Stage {
    pub(crate) fn new(precision: Precision) -> Self {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))
            .expect("GPU tests need an adapter: install a driver, for instance mesa-vulkan-drivers");
        let renderer = Renderer::new(&gpu.device, &gpu.queue, precision).expect("kernels");
        Self { gpu, renderer }
    }

    pub(crate) fn upload(&self, gaussians: Gaussians, filter: Filter) -> GpuAvatar {
        let avatar = Avatar { name: String::new(), gaussians, filter, body: None };
        self.renderer.upload(&Arc::new(avatar)).expect("an avatar")
    }

    pub(crate) fn picture(&self, avatars: &[&GpuAvatar], camera: &Camera, quality: f32) -> Frame {
        let mut view = self.renderer.create_view(camera.width, camera.height).expect("a view");
        view.set_quality(quality);
        self.picture_in(&mut view, avatars, camera)
    }

    pub(crate) fn picture_in(&self, view: &mut View, avatars: &[&GpuAvatar], camera: &Camera) -> Frame {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        self.renderer.record(&mut encoder, avatars, camera, view).expect("a frame");
        self.gpu.queue.submit([encoder.finish()]);
        let mut frame = Frame::default();
        read_frame(&self.gpu.device, &self.gpu.queue, view, &mut frame).expect("a picture");
        self.gpu.check().expect("no GPU errors");
        frame
    }
}

pub(crate) fn cpu(gaussians: &Gaussians, frames: &[Quat], camera: &Camera, filter: Filter) -> Frame {
    let mut frame = Frame::default();
    Rasterizer::new().render(gaussians, frames, camera, filter, &mut frame).expect("a picture");
    frame
}

pub(crate) fn difference(a: &Frame, b: &Frame) -> f64 {
    let pairs = a.color.iter().flatten().zip(b.color.iter().flatten());
    pairs.map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

pub(crate) fn psnr(a: &Frame, b: &Frame) -> f64 {
    let squared: f64 =
        (a.color.iter().flatten()).zip(b.color.iter().flatten()).map(|(a, b)| f64::from(a - b).powi(2)).sum();
    -10.0 * (squared / (4 * a.color.len()) as f64).log10()
}
