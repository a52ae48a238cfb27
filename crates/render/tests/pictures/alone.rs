//! Single avatars without a rig.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_render::{AdapterChoice, Gpu, Precision, Renderer, read_frame};
use effigy_splat::{Camera, Filter, Frame, Gaussians, Rasterizer};
use glam::Vec3;

use crate::{compare, oracle};

fn gpu() -> Gpu {
    pollster::block_on(Gpu::open(&AdapterChoice::Best))
        .expect("GPU tests need an adapter: install a driver, for instance mesa-vulkan-drivers")
}

fn splat_avatar(gaussians: Gaussians, filter: Filter) -> Arc<Avatar> {
    Arc::new(Avatar { name: String::new(), gaussians, filter, body: None })
}

fn render(gpu: &Gpu, renderer: &Renderer, avatar: &Arc<Avatar>, camera: &Camera) -> Frame {
    let uploaded = renderer.upload(avatar).expect("an avatar");
    let mut view = renderer.create_view(camera.width, camera.height).expect("a view");
    let mut frame = Frame::default();
    // Twice, so that what a frame leaves behind is seen by the next.
    for _ in 0..2 {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        renderer.record(&mut encoder, &[&uploaded], camera, &mut view).expect("a frame");
        gpu.queue.submit([encoder.finish()]);
    }
    read_frame(&gpu.device, &gpu.queue, &view, &mut frame).expect("a picture");
    gpu.check().expect("no GPU errors");
    frame
}

#[test]
fn agrees_with_the_oracle_on_random_scenes() {
    let gpu = gpu();
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Full).unwrap();
    for (seed, degree, (width, height)) in
        [(1, 0, (67, 45)), (2, 1, (64, 64)), (3, 2, (33, 71)), (4, 3, (50, 50))]
    {
        let (g, _) = oracle::random_scene(seed, 300, degree);
        let camera = oracle::camera(width, height);
        for filter in [Filter::CLASSIC, Filter { variance: 0.1, compensate: true, ..Filter::CLASSIC }] {
            let ours = render(&gpu, &renderer, &splat_avatar(g.clone(), filter), &camera);
            let (color, depth) = oracle::render(&g, &[], &camera, filter);
            let difference = compare::max_difference(&ours.color, &color);
            assert!(difference < 1e-4, "seed {seed}: colour differs by {difference}");
            for (i, (a, b)) in ours.depth.iter().zip(&depth).enumerate() {
                assert!((f64::from(*a) - b).abs() < 1e-3, "seed {seed}: depth of pixel {i}: {a}, oracle {b}");
            }
        }
    }
}

#[test]
fn agrees_with_the_cpu_on_a_scene_of_many_blocks() {
    let gpu = gpu();
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Full).unwrap();
    let (mut g, _) = oracle::random_scene(11, 30_000, 1);
    // Smaller Gaussians than the oracle's, so that none is hidden and the order of all of them matters; some exactly as
    // far as others.
    for scale in &mut g.log_scales {
        *scale -= Vec3::splat(1.5);
    }
    for i in (0..g.len()).step_by(7) {
        g.positions[i].z = 0.25;
    }
    let camera = oracle::camera(333, 257);
    let ours = render(&gpu, &renderer, &splat_avatar(g.clone(), Filter::MIP), &camera);
    let mut cpu = Frame::default();
    Rasterizer::new().render(&g, &[], &camera, Filter::MIP, &mut cpu).unwrap();
    let squared: f64 = (ours.color.iter().flatten())
        .zip(cpu.color.iter().flatten())
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum();
    let psnr = -10.0 * (squared / (4.0 * cpu.color.len() as f64)).log10();
    assert!(psnr > 80.0, "{psnr} dB");
}

#[test]
fn the_same_frame_gives_the_same_bytes() {
    let gpu = gpu();
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half).unwrap();
    let (g, _) = oracle::random_scene(12, 10_000, 0);
    let avatar = splat_avatar(g, Filter::MIP);
    let camera = oracle::camera(200, 150);
    assert_eq!(render(&gpu, &renderer, &avatar, &camera), render(&gpu, &renderer, &avatar, &camera));
}

#[test]
fn a_camera_among_the_gaussians_neither_fails_nor_lies() {
    let gpu = gpu();
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Full).unwrap();
    let (g, _) = oracle::random_scene(13, 300, 0);
    let mut camera = oracle::camera(64, 48);
    camera.camera_from_world = glam::Affine3A::from_rotation_y(0.4);
    let ours = render(&gpu, &renderer, &splat_avatar(g.clone(), Filter::CLASSIC), &camera);
    let (color, _) = oracle::render(&g, &[], &camera, Filter::CLASSIC);
    let difference = compare::max_difference(&ours.color, &color);
    assert!(difference < 1e-3, "colour differs by {difference}");
}

#[test]
fn nothing_to_draw_gives_a_clear_picture() {
    let gpu = gpu();
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half).unwrap();
    let camera = Camera::look_at(Vec3::new(0.0, 0.0, -3.0), Vec3::new(0.0, 0.0, -5.0), Vec3::Y, 0.6, 40, 30);
    for count in [0, 100] {
        let (g, _) = oracle::random_scene(14, count, 0);
        let frame = render(&gpu, &renderer, &splat_avatar(g, Filter::MIP), &camera);
        assert!(frame.color.iter().flatten().chain(&frame.depth).all(|v| *v == 0.0));
    }
}

#[test]
fn unusable_sizes_are_refused() {
    let gpu = gpu();
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half).unwrap();
    for (width, height) in [(0, 10), (10, 0), (100_000, 10)] {
        let Err(error) = renderer.create_view(width, height) else { panic!("{width}x{height} was accepted") };
        assert!(error.to_string().contains("picture size"), "{error}");
    }
    let (g, _) = oracle::random_scene(15, 10, 0);
    let uploaded = renderer.upload(&splat_avatar(g, Filter::MIP)).unwrap();
    let mut view = renderer.create_view(32, 32).unwrap();
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    assert!(renderer.record(&mut encoder, &[&uploaded], &oracle::camera(33, 32), &mut view).is_err());
    gpu.check().unwrap();
}
