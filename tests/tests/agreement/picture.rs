//! Rendering one avatar both ways, and comparing what comes out.

use std::sync::{Arc, OnceLock};

use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_render::{AdapterChoice, Gpu, GpuAvatar, Precision, Renderer, read_frame};
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Gaussians, Rasterizer};
use glam::{Affine3A, Vec3};

/// The device and its kernels, made once for all tests.
fn device() -> &'static (Gpu, Renderer) {
    static DEVICE: OnceLock<(Gpu, Renderer)> = OnceLock::new();
    DEVICE.get_or_init(|| {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))
            .expect("GPU tests need an adapter: install a driver, for instance mesa-vulkan-drivers");
        println!("on {}", gpu.adapter.get_info().name);
        let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Full).unwrap();
        (gpu, renderer)
    })
}

/// Both renderers with one avatar.
pub(crate) struct Renderers {
    avatar: Arc<Avatar>,
    uploaded: GpuAvatar,
    poser: AvatarPoser,
    rasterizer: Rasterizer,
}

impl Renderers {
    pub(crate) fn new(avatar: &Arc<Avatar>) -> Self {
        let uploaded = device().1.upload(avatar).unwrap();
        let poser = AvatarPoser::new(avatar).unwrap();
        Self { avatar: avatar.clone(), uploaded, poser, rasterizer: Rasterizer::new() }
    }

    pub(crate) fn pose_on_cpu(&mut self, pose: Option<&Pose>) -> PosedGaussians {
        let mut posed = PosedGaussians::default();
        // What has no rig is in no pose.
        let none =
            Pose { morph_weights: Vec::new(), nodes: Vec::new(), world_from_scene: Affine3A::IDENTITY };
        self.poser.pose(&self.avatar, pose.unwrap_or(&none), &mut posed).unwrap();
        posed
    }

    pub(crate) fn cpu(&mut self, pose: Option<&Pose>, camera: &Camera) -> Frame {
        let posed = self.pose_on_cpu(pose);
        let mut frame = Frame::default();
        self.rasterizer
            .render(&posed.gaussians, &posed.frames, camera, self.avatar.filter, &mut frame)
            .unwrap();
        frame
    }

    pub(crate) fn gpu(&mut self, pose: Option<&Pose>, camera: &Camera) -> Frame {
        if let Some(pose) = pose {
            self.uploaded.set_pose(pose).unwrap();
        }
        let (gpu, renderer) = device();
        let mut view = renderer.create_view(camera.width, camera.height).unwrap();
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        renderer.record(&mut encoder, &[&self.uploaded], camera, &mut view).unwrap();
        gpu.queue.submit([encoder.finish()]);
        let mut frame = Frame::default();
        read_frame(&gpu.device, &gpu.queue, &view, &mut frame).unwrap();
        gpu.check().unwrap();
        frame
    }
}

/// A square picture filled by the middle 98 % of the Gaussians, seen a little from the side and from above.
pub(crate) fn frame_subject(gaussians: &Gaussians, size: u32) -> Camera {
    let (mut low, mut high) = (Vec3::ZERO, Vec3::ZERO);
    for axis in 0..3 {
        let mut values: Vec<f32> = gaussians.positions.iter().map(|p| p[axis]).collect();
        values.sort_by(f32::total_cmp);
        (low[axis], high[axis]) = (values[values.len() / 100], values[values.len() - 1 - values.len() / 100]);
    }
    let (middle, radius) = (0.5 * (low + high), 0.5 * (high - low).length());
    let fov = 0.5_f32;
    let eye = middle + Vec3::new(0.2, 0.1, 1.0).normalize() * (0.9 * radius / (0.5 * fov).tan());
    Camera::look_at(eye, middle, Vec3::Y, fov, size, size)
}

/// How well two pictures agree.
pub(crate) struct Agreement {
    /// Over all pixels and the four channels of premultiplied colour, decibels relative to 1.
    pub(crate) psnr: f64,
    /// Over pixels where either shows anything.
    pub(crate) psnr_covered: f64,
    /// Largest difference in depth, relative, where coverage is above one half.
    pub(crate) depth: f64,
}

pub(crate) fn compare(a: &Frame, b: &Frame) -> Agreement {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let (mut squares, mut pixels, mut depth) = (0.0, 0, 0.0_f64);
    for (i, (p, q)) in a.color.iter().zip(&b.color).enumerate() {
        squares += p.iter().zip(q).map(|(x, y)| f64::from(x - y).powi(2)).sum::<f64>();
        pixels += usize::from(p[3].max(q[3]) > 0.0);
        if p[3].min(q[3]) > 0.5 {
            depth = depth.max(f64::from((a.depth[i] - b.depth[i]).abs() / a.depth[i]));
        }
    }
    assert!(!squares.is_nan() && !depth.is_nan(), "a pixel is not a number");
    // Pictures may be equal to the last bit.
    let decibels = |pixels: usize| -10.0 * (squares / (4 * pixels.max(1)) as f64).max(1e-20).log10();
    Agreement { psnr: decibels(a.color.len()), psnr_covered: decibels(pixels), depth }
}

/// The part of the picture that is more than half covered.
pub(crate) fn covered(frame: &Frame) -> f64 {
    frame.color.iter().filter(|p| p[3] > 0.5).count() as f64 / frame.color.len() as f64
}

/// Where what is drawn has its centre, in pixels, and its mean depth; weighted by coverage.
pub(crate) fn centroid(frame: &Frame) -> Option<(f64, f64, f64)> {
    let (mut x, mut y, mut depth, mut sum) = (0.0, 0.0, 0.0, 0.0);
    for (i, (color, d)) in frame.color.iter().zip(&frame.depth).enumerate() {
        let weight = f64::from(color[3]);
        x += weight * ((i % frame.width as usize) as f64 + 0.5);
        y += weight * ((i / frame.width as usize) as f64 + 0.5);
        depth += weight * f64::from(*d);
        sum += weight;
    }
    (sum > 0.0).then(|| (x / sum, y / sum, depth / sum))
}
