//! What a frame holds besides colour, and what a host's scene hides of it.

use effigy_avatar::Part;
use effigy_render::{GpuAvatar, Occluder, Outputs, Placement, Precision, View, read_guide};
use effigy_splat::{Camera, Filter, Frame, Gaussians};
use glam::camera::rh::proj::directx::{perspective, perspective_infinite_reverse};
use glam::{Mat4, Quat, Vec3};

use crate::oracle;
use crate::stage::{Stage, cpu, difference};

fn draw(stage: &Stage, avatars: &[&GpuAvatar], camera: &Camera, view: &mut View) {
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    stage.renderer.record(&mut encoder, avatars, camera, view).expect("a frame");
    stage.gpu.queue.submit([encoder.finish()]);
}

fn guide(stage: &Stage, view: &View) -> Vec<[f32; 4]> {
    let guide = read_guide(&stage.gpu.device, &stage.gpu.queue, view).expect("a guide");
    stage.gpu.check().expect("no GPU errors");
    guide
}

/// Motion and importance by the definition: every Gaussian at every pixel, nearest first.
fn expected(before: &Gaussians, now: &Gaussians, camera: &Camera, filter: Filter) -> Vec<[f64; 3]> {
    let splats = |g: &Gaussians| oracle::splats(&oracle::Scene::of(g), &[], camera, filter);
    let (before, now) = (splats(before), splats(now));
    let mut order: Vec<usize> = (0..now.len()).filter(|&i| now[i].is_some()).collect();
    let depth = |i: usize| now[i].as_ref().map_or(0.0, |s| s.depth);
    order.sort_by(|&a, &b| depth(a).total_cmp(&depth(b)));
    (0..(camera.width * camera.height) as usize)
        .map(|pixel| {
            let at = oracle::pixel_center(camera, pixel);
            let (mut left, mut motion, mut weights) = (1.0, glam::DVec2::ZERO, 0.0);
            for &i in &order {
                let Some(splat) = &now[i] else { continue };
                let alpha = splat.alpha(at);
                if alpha >= 1.0 / 255.0 && left >= 1e-4 {
                    let moved = before[i].as_ref().map_or(glam::DVec2::ZERO, |b| splat.center - b.center);
                    motion += left * alpha * moved;
                    weights += left * alpha;
                    left *= 1.0 - alpha;
                }
            }
            let motion = if weights > 0.0 { motion / weights } else { motion };
            [motion.x, motion.y, weights * f64::from(Part::Body.importance())]
        })
        .collect()
}

fn placed(g: &Gaussians, placement: Placement) -> Gaussians {
    let mut out = g.clone();
    out.positions.iter_mut().for_each(|p| *p = placement.rotation * *p + placement.translation);
    out.rotations.iter_mut().for_each(|q| *q = placement.rotation * *q);
    out
}

#[test]
fn the_guide_tells_how_far_each_pixel_has_moved_and_how_much_it_matters() {
    let stage = Stage::new(Precision::Full);
    let camera = oracle::camera(48, 40);
    let filter = Filter::MIP;
    let (g, _) = oracle::random_scene(51, 150, 0);
    let mut avatar = stage.upload(g.clone(), filter);
    let mut view = stage.renderer.create_view_with(48, 40, Outputs { guide: true }).unwrap();
    draw(&stage, &[&avatar], &camera, &mut view);
    let first = guide(&stage, &view);
    assert!(first.iter().all(|p| p[0] == 0.0 && p[1] == 0.0), "nothing has moved before the first frame");
    assert!(first.iter().any(|p| p[2] > 0.1));

    let moved = Placement {
        rotation: Quat::from_rotation_y(0.1),
        translation: Vec3::new(0.05, 0.03, -0.1),
        ..Placement::default()
    };
    avatar.set_placement(moved).unwrap();
    draw(&stage, &[&avatar], &camera, &mut view);
    let want = expected(&g, &placed(&g, moved), &camera, filter);
    let mut most = 0.0_f64;
    for (pixel, (got, want)) in guide(&stage, &view).iter().zip(&want).enumerate() {
        for c in 0..3 {
            let tolerance = if c < 2 { 5e-3 } else { 1e-4 };
            let error = (f64::from(got[c]) - want[c]).abs();
            assert!(error < tolerance, "pixel {pixel}, channel {c}: {} for {}", got[c], want[c]);
        }
        most = most.max(want[0].abs());
    }
    assert!(most > 1.0, "{most}");
    // Standing still again, nothing moves; nor does it for one that has just come.
    draw(&stage, &[&avatar], &camera, &mut view);
    assert!(guide(&stage, &view).iter().all(|p| p[0].abs() < 1e-5 && p[1].abs() < 1e-5));
    let other = stage.upload(g, filter);
    draw(&stage, &[&other, &avatar], &camera, &mut view);
    assert!(guide(&stage, &view).iter().all(|p| p[0].abs() < 1e-5 && p[1].abs() < 1e-5));
}

#[test]
fn colour_and_depth_are_the_same_with_a_guide() {
    let stage = Stage::new(Precision::Full);
    let camera = oracle::camera(70, 50);
    let (g, _) = oracle::random_scene(52, 300, 2);
    let avatar = stage.upload(g, Filter::MIP);
    let mut view = stage.renderer.create_view_with(70, 50, Outputs { guide: true }).unwrap();
    draw(&stage, &[&avatar], &camera, &mut view);
    let mut guided = Frame::default();
    effigy_render::read_frame(&stage.gpu.device, &stage.gpu.queue, &view, &mut guided).unwrap();
    let plain = stage.picture(&[&avatar], &camera, 1.0);
    assert_eq!((guided.color, guided.depth), (plain.color, plain.depth));
}

/// A depth buffer that is `depth` everywhere.
pub(crate) fn cleared(stage: &Stage, depth: f32, samples: u32) -> wgpu::TextureView {
    let texture = stage.gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: 64, height: 64, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: samples,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Depth32Float,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    });
    let view = texture.create_view(&Default::default());
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: None,
        color_attachments: &[],
        depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
            view: &view,
            depth_ops: Some(wgpu::Operations {
                load: wgpu::LoadOp::Clear(depth),
                store: wgpu::StoreOp::Store,
            }),
            stencil_ops: None,
        }),
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    });
    stage.gpu.queue.submit([encoder.finish()]);
    view
}

/// A wall within the scene: what is left of it before the wall, and how far that stands.
pub(crate) fn walled(g: &Gaussians, camera: &Camera) -> (Gaussians, f32) {
    let depth = |p: &Vec3| -camera.camera_from_world.transform_point3(*p).z;
    let mut depths: Vec<f32> = g.positions.iter().map(depth).collect();
    depths.sort_by(f32::total_cmp);
    let wall = 0.5 * (depths[180] + depths[181]);
    let mut near = g.clone();
    for (logit, position) in near.opacity_logits.iter_mut().zip(&g.positions) {
        if depth(position) > wall {
            *logit = -60.0;
        }
    }
    (near, wall)
}

#[test]
fn what_is_behind_the_hosts_scene_is_not_drawn() {
    let stage = Stage::new(Precision::Full);
    let camera = oracle::camera(60, 44);
    let (g, _) = oracle::random_scene(53, 400, 0);
    let (near, wall) = walled(&g, &camera);
    let (all, want) = (cpu(&g, &[], &camera, Filter::MIP), cpu(&near, &[], &camera, Filter::MIP));
    assert!(difference(&all, &want) > 0.1);

    let avatar = stage.upload(g, Filter::MIP);
    let mut view = stage.renderer.create_view(60, 44).unwrap();
    let mut picture = |occluder: Option<&Occluder<'_>>| {
        match occluder {
            Some(occluder) => stage.renderer.occlude(&mut view, occluder).unwrap(),
            None => view.clear_occluder(),
        }
        draw(&stage, &[&avatar], &camera, &mut view);
        let mut frame = Frame::default();
        effigy_render::read_frame(&stage.gpu.device, &stage.gpu.queue, &view, &mut frame).unwrap();
        stage.gpu.check().unwrap();
        frame
    };
    // Projections of hosts: to 0 and 1, reversed, and reversed without end.
    let (far, close) = (50.0, 0.05);
    for clip_from_camera in [
        perspective(0.8, 1.0, close, far),
        perspective(0.8, 1.0, far, close),
        perspective_infinite_reverse(0.8, 1.0, close),
    ] {
        let on_wall = clip_from_camera.project_point3(Vec3::new(0.0, 0.0, -wall)).z;
        for samples in [1, 4] {
            let buffer = cleared(&stage, on_wall, samples);
            let got = picture(Some(&Occluder { depth: &buffer, clip_from_camera }));
            assert!(difference(&got, &want) < 1e-4, "{samples} samples: {}", difference(&got, &want));
        }
        let sky = clip_from_camera.project_point3(Vec3::new(0.0, 0.0, -1e6)).z.clamp(0.0, 1.0);
        let buffer = cleared(&stage, sky, 1);
        assert!(difference(&picture(Some(&Occluder { depth: &buffer, clip_from_camera })), &all) < 1e-4);
    }
    assert!(difference(&picture(None), &all) < 1e-4);

    // What is hidden is not picked either.
    let clip_from_camera = perspective(0.8, 1.0, close, far);
    let in_front = cleared(&stage, clip_from_camera.project_point3(Vec3::NEG_Z * 0.1).z, 1);
    let at =
        (0..all.color.len()).max_by(|&a, &b| all.color[a][3].total_cmp(&all.color[b][3])).unwrap() as u32;
    for (hidden, occluder) in [(false, None), (true, Some(Occluder { depth: &in_front, clip_from_camera }))] {
        if let Some(occluder) = &occluder {
            stage.renderer.occlude(&mut view, occluder).unwrap();
        }
        let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
        stage.renderer.record(&mut encoder, &[&avatar], &camera, &mut view).unwrap();
        let mut pending = stage.renderer.pick(&mut encoder, &[&avatar], &view, at % 60, at / 60).unwrap();
        stage.gpu.queue.submit([encoder.finish()]);
        stage.gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        assert_eq!(pending.poll().expect("an answer").unwrap().is_none(), hidden);
    }
    // A buffer that cannot be read changes nothing.
    let unreadable = stage.gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width: 64, height: 64, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Depth32Float,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT,
        view_formats: &[],
    });
    view.clear_occluder();
    let depth = &unreadable.create_view(&Default::default());
    assert!(stage.renderer.occlude(&mut view, &Occluder { depth, clip_from_camera }).is_err());
    draw(&stage, &[&avatar], &camera, &mut view);
    let mut frame = Frame::default();
    effigy_render::read_frame(&stage.gpu.device, &stage.gpu.queue, &view, &mut frame).unwrap();
    assert!(difference(&frame, &all) < 1e-4);
    let mut larger = stage.renderer.create_view(65, 64).unwrap();
    let small = cleared(&stage, 0.5, 1);
    let occluder = Occluder { depth: &small, clip_from_camera: Mat4::IDENTITY };
    assert!(stage.renderer.occlude(&mut larger, &occluder).is_err());
}
