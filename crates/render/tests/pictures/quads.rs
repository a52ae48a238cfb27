//! Pictures that are composited as blended quads, against those of tiles and of the CPU rasteriser.
//!
//! Half floats that are blended are rounded at every splat, values from 1/2 to 1 by up to 2⁻¹¹ where the hardware cuts off
//! (lavapipe does) and half of that where it rounds. A splat of opacity α leaves 1 − α of the error before it, so that
//! splats of 1/10 settle at ten times that, 5e-3. Pictures are held to 50 dB and 1e-2.

use effigy_render::{
    Detail, GpuAvatar, Method, Occluder, Outputs, Placement, Precision, Renderer, Stage as Step, StageTimer,
    View, read_frame,
};
use effigy_splat::{Camera, Filter, Frame, Gaussians};
use glam::camera::rh::proj::directx::perspective_infinite_reverse;
use glam::{Quat, Vec3};

use crate::oracle;
use crate::stage::{Stage, cpu, difference, psnr};

const NEAR_ENOUGH: f64 = 50.0;
const WORST: f64 = 1e-2;

fn view(stage: &Stage, camera: &Camera, method: Method) -> View {
    let mut view = stage.renderer.create_view(camera.width, camera.height).expect("a view");
    view.set_method(method);
    assert_eq!(view.method(), method);
    view
}

fn draw(stage: &Stage, avatars: &[&GpuAvatar], camera: &Camera, view: &mut View) -> Frame {
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    stage.renderer.record(&mut encoder, avatars, camera, view).expect("a frame");
    stage.gpu.queue.submit([encoder.finish()]);
    read(stage, view)
}

fn read(stage: &Stage, view: &View) -> Frame {
    let mut frame = Frame::default();
    read_frame(&stage.gpu.device, &stage.gpu.queue, view, &mut frame).expect("a picture");
    stage.gpu.check().expect("no GPU errors");
    frame
}

fn quads(stage: &Stage, avatars: &[&GpuAvatar], camera: &Camera) -> Frame {
    let mut view = view(stage, camera, Method::Quads);
    draw(stage, avatars, camera, &mut view);
    // Twice, so that what a frame leaves behind is seen by the next.
    draw(stage, avatars, camera, &mut view)
}

#[track_caller]
fn assert_near(got: &Frame, want: &Frame) {
    let (score, worst) = (psnr(got, want), difference(got, want));
    println!("{score:.1} dB, at worst {worst:.1e}");
    assert!(score > NEAR_ENOUGH && worst < WORST, "{score} dB, at worst {worst}");
}

/// Largest difference in depth between pixels that are covered by more than `coverage` in both.
fn depth_difference(a: &Frame, b: &Frame, coverage: f32) -> f32 {
    (a.depth.iter().zip(&b.depth))
        .zip(a.color.iter().zip(&b.color))
        .filter(|(_, (a, b))| a[3].min(b[3]) > coverage)
        .map(|((a, b), _)| (a - b).abs())
        .fold(0.0, f32::max)
}

fn depth_range(g: &Gaussians, camera: &Camera) -> f32 {
    let depths = g.positions.iter().map(|p| -camera.camera_from_world.transform_point3(*p).z);
    let (low, high) =
        depths.fold((f32::INFINITY, 0.0_f32), |(low, high), d| (low.min(d.max(camera.near)), high.max(d)));
    high - low
}

/// Smaller Gaussians than the oracle's, so that none is hidden and the order of all of them matters; some exactly as far
/// as others, some of them needles.
fn many(count: usize) -> Gaussians {
    let (mut g, _) = oracle::random_scene(11, count, 1);
    for (i, scale) in g.log_scales.iter_mut().enumerate() {
        *scale -= Vec3::splat(1.5);
        if i % 5 == 0 {
            *scale += Vec3::new(2.5, -3.0, -3.0);
        }
    }
    for i in (0..g.len()).step_by(7) {
        g.positions[i].z = 0.25;
    }
    g
}

#[test]
fn quads_agree_with_the_cpu_in_colour_and_depth() {
    let stage = Stage::new(Precision::Half);
    for (seed, degree, (width, height)) in
        [(1, 0, (67, 45)), (2, 1, (64, 64)), (3, 2, (33, 71)), (4, 3, (50, 50))]
    {
        let (g, _) = oracle::random_scene(seed, 300, degree);
        let camera = oracle::camera(width, height);
        for filter in [Filter::CLASSIC, Filter { variance: 0.1, compensate: true, ..Filter::CLASSIC }] {
            let want = cpu(&g, &[], &camera, filter);
            let got = quads(&stage, &[&stage.upload(g.clone(), filter)], &camera);
            assert_near(&got, &want);
            // Depth is kept as a half float of the range that the picture spans.
            let (off, range) = (depth_difference(&got, &want, 0.02), depth_range(&g, &camera));
            println!("depth {off:.1e} of {range:.2}");
            assert!(off < 4e-3 * range, "depth differs by {off} of {range}");
            for (got, want) in got.depth.iter().zip(&want.depth) {
                assert_eq!(*got > 0.0, *want > 0.0);
            }
        }
    }
}

#[test]
fn quads_agree_with_tiles_on_a_scene_of_many_batches() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(333, 257);
    // Of so many that a draw has several instances, and the last instance is not full.
    let avatar = stage.upload(many(30_000), Filter::MIP);
    let by_quads = quads(&stage, &[&avatar], &camera);
    let by_tiles = draw(&stage, &[&avatar], &camera, &mut view(&stage, &camera, Method::Tiles));
    assert_near(&by_quads, &by_tiles);
    // Depth keys of 16 bits leave the order of a few that stand side by side open.
    let want = cpu(&avatar.avatar().gaussians, &[], &camera, Filter::MIP);
    let (db, worst) = (psnr(&by_quads, &want), difference(&by_quads, &want));
    assert!(db > 50.0 && worst < 2e-2, "{db} dB, at worst {worst}");
}

#[test]
fn what_is_opaque_stays_in_front_of_later_batches() {
    let stage = Stage::new(Precision::Half);
    let camera = Camera::look_at(Vec3::Z * 3.0, Vec3::ZERO, Vec3::Y, 0.6, 64, 64);
    // Sheets of Gaussians behind each other, each a batch or more, red before green before blue.
    let mut g = Gaussians::with_capacity(3 * 1600, 0);
    for i in 0..3 * 1600 {
        let (sheet, at) = (i / 1600, i % 1600);
        let place = |k: usize| (k as f32 + 0.5) / 20.0 - 1.0;
        g.positions.push(Vec3::new(place(at % 40), place(at / 40), 0.5 - 0.5 * sheet as f32));
        g.rotations.push(Quat::IDENTITY);
        g.log_scales.push(Vec3::new(0.06, 0.06, 0.001).map(f32::ln));
        g.opacity_logits.push(6.0);
        let color = [Vec3::X, Vec3::Y, Vec3::Z][sheet];
        g.sh.extend(((color - 0.5) / effigy_splat::SH_C0).to_array());
    }
    let got = quads(&stage, &[&stage.upload(g.clone(), Filter::MIP)], &camera);
    assert_near(&got, &cpu(&g, &[], &camera, Filter::MIP));
    let middle = got.color[32 * 64 + 32];
    assert!(middle[0] > 0.99 && middle[1] < 0.01 && middle[2] < 0.01, "{middle:?}");
}

#[test]
fn a_camera_among_the_gaussians_neither_fails_nor_lies() {
    let stage = Stage::new(Precision::Half);
    let (g, _) = oracle::random_scene(13, 300, 0);
    let mut camera = oracle::camera(64, 48);
    camera.camera_from_world = glam::Affine3A::from_rotation_y(0.4);
    let got = quads(&stage, &[&stage.upload(g.clone(), Filter::CLASSIC)], &camera);
    assert_near(&got, &cpu(&g, &[], &camera, Filter::CLASSIC));
}

#[test]
fn nothing_to_draw_gives_a_clear_picture() {
    let stage = Stage::new(Precision::Half);
    let camera = Camera::look_at(Vec3::new(0.0, 0.0, -3.0), Vec3::new(0.0, 0.0, -5.0), Vec3::Y, 0.6, 40, 30);
    let (g, _) = oracle::random_scene(14, 100, 0);
    let behind = stage.upload(g, Filter::MIP);
    for avatars in [&[][..], &[&behind]] {
        let frame = quads(&stage, avatars, &camera);
        assert!(frame.color.iter().flatten().chain(&frame.depth).all(|v| *v == 0.0));
    }
}

#[test]
fn avatars_are_sorted_together_whatever_their_order() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(80, 64);
    let [(a, _), (b, _)] = [(31, 500), (32, 300)].map(|(seed, count)| oracle::random_scene(seed, count, 1));
    let first = stage.upload(a, Filter::MIP);
    let mut second = stage.upload(b, Filter { variance: 2.0, compensate: false, ..Filter::CLASSIC });
    second
        .set_placement(Placement {
            rotation: Quat::from_xyzw(0.36, 0.48, 0.0, 0.8),
            scale: 0.7,
            translation: Vec3::new(0.15, -0.1, 0.2),
        })
        .unwrap();
    second.set_detail(Detail::Fraction(0.9));
    let one = quads(&stage, &[&first, &second], &camera);
    let other = quads(&stage, &[&second, &first], &camera);
    assert_eq!((&one.color, &one.depth), (&other.color, &other.depth));
    let by_tiles = draw(&stage, &[&first, &second], &camera, &mut view(&stage, &camera, Method::Tiles));
    assert_near(&one, &by_tiles);
    // One of them alone is another picture.
    assert!(difference(&quads(&stage, &[&first], &camera), &one) > 0.1);
}

#[test]
fn what_is_behind_the_hosts_scene_is_neither_drawn_nor_picked() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(60, 44);
    let (g, _) = oracle::random_scene(53, 400, 0);
    let (near, wall) = crate::guides::walled(&g, &camera);
    let (all, want) = (cpu(&g, &[], &camera, Filter::MIP), cpu(&near, &[], &camera, Filter::MIP));
    assert!(difference(&all, &want) > 0.1);
    let avatar = stage.upload(g, Filter::MIP);
    let mut shown = view(&stage, &camera, Method::Quads);
    let clip_from_camera = perspective_infinite_reverse(0.8, 1.0, 0.05);
    let on_wall = |distance: f32| {
        crate::guides::cleared(&stage, clip_from_camera.project_point3(Vec3::NEG_Z * distance).z, 1)
    };
    let pick = |shown: &mut View| {
        let most = |&a: &usize, &b: &usize| all.color[a][3].total_cmp(&all.color[b][3]);
        let at = (0..all.color.len()).max_by(most).unwrap() as u32;
        let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
        stage.renderer.record(&mut encoder, &[&avatar], &camera, shown).unwrap();
        let mut pending = stage.renderer.pick(&mut encoder, &[&avatar], shown, at % 60, at / 60).unwrap();
        stage.gpu.queue.submit([encoder.finish()]);
        stage.gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        pending.poll().expect("an answer").unwrap()
    };
    assert_near(&draw(&stage, &[&avatar], &camera, &mut shown), &all);
    // The same as tiles say.
    let by_quads = pick(&mut shown).expect("something");
    assert_eq!(pick(&mut view(&stage, &camera, Method::Tiles)), Some(by_quads));

    let buffer = on_wall(wall);
    stage.renderer.occlude(&mut shown, &Occluder { depth: &buffer, clip_from_camera }).unwrap();
    assert_near(&draw(&stage, &[&avatar], &camera, &mut shown), &want);
    // The buffer is read anew every frame, and may be of nothing at all.
    for (distance, hidden) in [(0.1, true), (1e6, false)] {
        let buffer = on_wall(distance);
        stage.renderer.occlude(&mut shown, &Occluder { depth: &buffer, clip_from_camera }).unwrap();
        let frame = draw(&stage, &[&avatar], &camera, &mut shown);
        if hidden {
            assert!(frame.color.iter().flatten().chain(&frame.depth).all(|v| *v == 0.0));
        } else {
            assert_near(&frame, &all);
        }
        assert_eq!(pick(&mut shown).is_none(), hidden);
    }
    shown.clear_occluder();
    assert_near(&draw(&stage, &[&avatar], &camera, &mut shown), &all);
}

#[test]
fn a_view_may_change_its_method_and_gives_what_it_gave() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(100, 70);
    let avatar = stage.upload(many(3000), Filter::MIP);
    let mut shown = view(&stage, &camera, Method::Quads);
    let by_quads = draw(&stage, &[&avatar], &camera, &mut shown);
    shown.set_method(Method::Tiles);
    let by_tiles = draw(&stage, &[&avatar], &camera, &mut shown);
    assert_eq!(by_tiles, stage.picture(&[&avatar], &camera, 1.0));
    shown.set_method(Method::Quads);
    assert_eq!(draw(&stage, &[&avatar], &camera, &mut shown), by_quads);
    assert_ne!(by_quads, by_tiles);
}

#[test]
fn what_quads_cannot_give_is_given_by_tiles() {
    let camera = oracle::camera(50, 40);
    let (g, _) = oracle::random_scene(61, 200, 1);
    for precision in [Precision::Full, Precision::Half] {
        let stage = Stage::new(precision);
        let avatar = stage.upload(g.clone(), Filter::MIP);
        let outputs = Outputs { guide: precision == Precision::Half };
        let mut shown = stage.renderer.create_view_with(50, 40, outputs).unwrap();
        let before = draw(&stage, &[&avatar], &camera, &mut shown);
        shown.set_method(Method::Quads);
        assert_eq!(shown.method(), Method::Tiles);
        assert_eq!(draw(&stage, &[&avatar], &camera, &mut shown), before);
        let fastest = stage.renderer.fastest(&[&avatar], &camera).unwrap();
        println!("{fastest:?}");
        assert!(precision == Precision::Half || fastest == Method::Tiles);
        stage.gpu.check().unwrap();
    }
}

#[test]
fn nothing_beyond_the_default_limits_is_needed() {
    let stage = Stage::new(Precision::Half);
    let (device, queue) =
        pollster::block_on(stage.gpu.adapter.request_device(&wgpu::DeviceDescriptor::default())).unwrap();
    let renderer = Renderer::new(&device, &queue, Precision::Half).unwrap();
    let camera = oracle::camera(90, 60);
    let avatar = stage.upload(many(2000), Filter::MIP);
    let want = quads(&stage, &[&avatar], &camera);
    let avatar = renderer.upload(avatar.avatar()).unwrap();
    let mut shown = renderer.create_view(90, 60).unwrap();
    shown.set_method(Method::Quads);
    let mut encoder = device.create_command_encoder(&Default::default());
    renderer.record(&mut encoder, &[&avatar], &camera, &mut shown).unwrap();
    queue.submit([encoder.finish()]);
    let mut got = Frame::default();
    read_frame(&device, &queue, &shown, &mut got).unwrap();
    assert_eq!(got, want);
}

#[test]
fn the_stages_of_quads_are_timed() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(64, 64);
    let avatar = stage.upload(many(2000), Filter::MIP);
    let want = quads(&stage, &[&avatar], &camera);
    let clip_from_camera = perspective_infinite_reverse(0.8, 1.0, 0.05);
    let sky = crate::guides::cleared(&stage, 0.0, 1);
    for occluded in [false, true] {
        let mut shown = view(&stage, &camera, Method::Quads);
        if occluded {
            stage.renderer.occlude(&mut shown, &Occluder { depth: &sky, clip_from_camera }).unwrap();
        }
        let times = stage.renderer.time_stages(&[&avatar], &camera, &mut shown).unwrap();
        assert!(times[Step::Rasterize as usize] > 0.0, "{times:?}");
        assert_eq!(read(&stage, &shown), want);
        let Some(timer) = StageTimer::new(&stage.gpu.device, &stage.gpu.queue) else {
            println!("skipped: this adapter has no timestamp queries");
            return;
        };
        let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
        stage.renderer.record_timed(&mut encoder, &[&avatar], &camera, &mut shown, &timer).unwrap();
        stage.gpu.queue.submit([encoder.finish()]);
        let times = timer.read(&stage.gpu.device).unwrap();
        assert!(times.iter().all(|t| (0.0..60_000.0).contains(t)), "{times:?}");
        stage.gpu.check().unwrap();
    }
}

#[test]
fn no_tile_entries_are_held_for_quads() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(64, 64);
    let (g, _) = oracle::random_scene(62, 100, 0);
    let avatar = stage.upload(g, Filter::MIP);
    let held = || stage.gpu.device.generate_allocator_report().map(|report| report.total_allocated_bytes);
    let takes = |method| {
        let before = held()?;
        let mut shown = view(&stage, &camera, method);
        draw(&stage, &[&avatar], &camera, &mut shown);
        Some(held()? - before)
    };
    // What the first frame of all takes is not the view's alone.
    takes(Method::Tiles);
    let (Some(by_tiles), Some(by_quads)) = (takes(Method::Tiles), takes(Method::Quads)) else {
        println!("skipped: this backend does not tell what it holds");
        return;
    };
    println!("{by_tiles} and {by_quads} bytes");
    assert!(by_quads < by_tiles / 4, "{by_tiles} and {by_quads} bytes");
}
