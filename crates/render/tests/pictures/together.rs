//! Scenes of several avatars: each at its place, in its detail, sorted together.

use std::sync::Arc;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{Detail, Placement, Precision};
use effigy_splat::{Camera, Filter, Frame, Gaussians};
use glam::{Quat, Vec3};

use crate::oracle;
use crate::stage::{Stage, cpu, difference, psnr};

/// What `placement` makes of Gaussians, and the rotations of their rest frames.
fn placed(g: &Gaussians, placement: Placement) -> (Gaussians, Vec<Quat>) {
    let Placement { rotation, scale, translation } = placement;
    let mut out = g.clone();
    out.positions.iter_mut().for_each(|p| *p = translation + scale * (rotation * *p));
    out.rotations.iter_mut().for_each(|q| *q = rotation * *q);
    out.log_scales.iter_mut().for_each(|s| *s += Vec3::splat(scale.ln()));
    (out, vec![rotation; g.len()])
}

fn joined(a: &Gaussians, b: &Gaussians) -> Gaussians {
    let mut out = a.clone();
    out.positions.extend(&b.positions);
    out.rotations.extend(&b.rotations);
    out.log_scales.extend(&b.log_scales);
    out.opacity_logits.extend(&b.opacity_logits);
    out.sh.extend(&b.sh);
    out
}

const TURNED: Placement = Placement {
    rotation: Quat::from_xyzw(0.36, 0.48, 0.0, 0.8),
    scale: 0.7,
    translation: Vec3::new(0.15, -0.1, 0.2),
};

#[test]
fn an_avatar_stands_where_it_is_placed() {
    let stage = Stage::new(Precision::Full);
    let (g, _) = oracle::random_scene(21, 400, 3);
    let camera = oracle::camera(90, 70);
    let filter = Filter { variance: 0.2, compensate: true, ..Filter::CLASSIC };
    let mut avatar = stage.upload(g.clone(), filter);
    avatar.set_placement(TURNED).unwrap();
    assert_eq!(avatar.placement(), TURNED);
    let (moved, frames) = placed(&g, TURNED);
    let want = cpu(&moved, &frames, &camera, filter);
    let got = stage.picture(&[&avatar], &camera, 1.0);
    assert!(difference(&got, &want) < 1e-4, "{}", difference(&got, &want));
    // A different place is a different picture, or this shows nothing.
    assert!(difference(&want, &cpu(&g, &[], &camera, filter)) > 0.1);

    for wrong in [
        Placement { scale: 0.0, ..TURNED },
        Placement { scale: f32::NAN, ..TURNED },
        Placement { rotation: Quat::from_xyzw(0.0, 0.0, 0.0, 0.0), ..TURNED },
        Placement { translation: Vec3::INFINITY, ..TURNED },
    ] {
        assert!(avatar.set_placement(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn avatars_are_sorted_together_whatever_their_order() {
    let stage = Stage::new(Precision::Full);
    let camera = oracle::camera(80, 64);
    let (a, _) = oracle::random_scene(31, 500, 1);
    let (b, _) = oracle::random_scene(32, 300, 1);
    let (moved, b_frames) = placed(&b, TURNED);
    let mut frames = vec![Quat::IDENTITY; a.len()];
    frames.extend(b_frames);
    let want = cpu(&joined(&a, &moved), &frames, &camera, Filter::MIP);
    let first = stage.upload(a.clone(), Filter::MIP);
    let mut second = stage.upload(b, Filter::MIP);
    second.set_placement(TURNED).unwrap();
    let one = stage.picture(&[&first, &second], &camera, 1.0);
    let other = stage.picture(&[&second, &first], &camera, 1.0);
    assert_eq!(one.color, other.color);
    assert_eq!(one.depth, other.depth);
    assert!(difference(&one, &want) < 1e-4, "{}", difference(&one, &want));
    // Drawn one over the other they would be something else: some of each is in front.
    let alone = cpu(&a, &[], &camera, Filter::MIP);
    let over = cpu(&moved, &frames[a.len()..], &camera, Filter::MIP);
    let mut stacked = alone.clone();
    for (under, over) in stacked.color.iter_mut().zip(&over.color) {
        *under = std::array::from_fn(|c| over[c] + (1.0 - over[3]) * under[c]);
    }
    assert!(difference(&stacked, &want) > 0.05);
}

#[test]
fn each_keeps_its_own_filter_and_no_avatar_is_an_empty_picture() {
    let stage = Stage::new(Precision::Full);
    let camera = oracle::camera(40, 40);
    let (g, _) = oracle::random_scene(41, 200, 0);
    let wide = Filter { variance: 4.0, compensate: false, ..Filter::CLASSIC };
    for filter in [wide, Filter::MIP] {
        let avatar = stage.upload(g.clone(), filter);
        let got = stage.picture(&[&avatar], &camera, 1.0);
        assert!(difference(&got, &cpu(&g, &[], &camera, filter)) < 1e-4);
    }
    let empty = stage.picture(&[], &camera, 1.0);
    assert!(empty.color.iter().flatten().all(|c| *c == 0.0) && empty.depth.iter().all(|d| *d == 0.0));
}

#[test]
fn half_floats_are_near_full_ones() {
    let stage = Stage::new(Precision::Half);
    let camera = oracle::camera(60, 60);
    for degree in 0..=3 {
        let (g, _) = oracle::random_scene(60 + u64::from(degree), 300, degree);
        let avatar = stage.upload(g.clone(), Filter::MIP);
        let got = stage.picture(&[&avatar], &camera, 1.0);
        let off = difference(&got, &cpu(&g, &[], &camera, Filter::MIP));
        // 11 bits of colours below 2, and of the coefficients that make them.
        assert!(off < 2e-3, "degree {degree}: {off}");
    }
}

/// A ball of small Gaussians.
fn ball(count: usize) -> Gaussians {
    let mut g = Gaussians::with_capacity(count, 0);
    let sigma = (4.0 * std::f32::consts::PI * 0.16 / count as f32).sqrt();
    for i in 0..count {
        // Points of a spiral, evenly over the sphere.
        let y = 1.0 - 2.0 * (i as f32 + 0.5) / count as f32;
        let (s, c) = (i as f32 * 2.399_963_2).sin_cos();
        let r = (1.0 - y * y).sqrt();
        let normal = Vec3::new(r * c, y, r * s);
        g.positions.push(0.4 * normal);
        g.rotations.push(Quat::from_rotation_arc(Vec3::Z, normal));
        g.log_scales.push(Vec3::new(sigma.ln(), sigma.ln(), (0.2 * sigma).ln()));
        g.opacity_logits.push(3.0);
        let color = 0.5 + 0.3 * Vec3::new((6.0 * normal.x).sin(), (5.0 * normal.y).sin(), normal.z);
        g.sh.extend(((color - 0.5) / effigy_splat::SH_C0).to_array());
    }
    g
}

#[test]
fn fewer_gaussians_still_make_the_avatar() {
    let stage = Stage::new(Precision::Half);
    let at = |distance: f32| Camera::look_at(Vec3::Z * distance, Vec3::ZERO, Vec3::Y, 0.6, 128, 128);
    let full = stage.upload(ball(20_000), Filter::MIP);
    let mut part = stage.renderer.another(&full).unwrap();
    let camera = at(2.0);
    let whole = stage.picture(&[&full], &camera, 1.0);
    // What is left is blurred by its spacing, which the outline of a small ball shows most.
    let mut last = f64::INFINITY;
    // Nothing changes at once on the way to full detail.
    part.set_detail(Detail::Fraction(0.9999));
    let almost = psnr(&stage.picture(&[&part], &camera, 1.0), &whole);
    assert!(almost > 60.0, "{almost}");
    for (fraction, least) in [(0.5, 36.0), (0.1, 21.0), (0.02, 14.0)] {
        part.set_detail(Detail::Fraction(fraction));
        let picture = stage.picture(&[&part], &camera, 1.0);
        let score = psnr(&picture, &whole);
        println!("{fraction}: {score:.1} dB");
        assert!(score > least && score < last, "{fraction}: {score}");
        last = score;
        // No holes: the middle of the ball stays covered.
        let covered = (40..88).flat_map(|y| (40..88).map(move |x| y * 128 + x));
        let least = covered.map(|i| picture.color[i][3]).fold(1.0, f32::min);
        assert!(least > 0.95, "{fraction}: {least}");
    }

    // From afar the automatic detail leaves out most and hardly shows it; near by it leaves out nothing.
    part.set_detail(Detail::Auto);
    assert_eq!(stage.picture(&[&part], &at(0.9), 1.0).color, stage.picture(&[&full], &at(0.9), 1.0).color);
    let (near, far) = (at(8.0), at(25.0));
    // From the farther place the ball is seven pixels wide.
    for (camera, least) in [(near, 45.0), (far, 35.0)] {
        let score = psnr(&stage.picture(&[&part], &camera, 1.0), &stage.picture(&[&full], &camera, 1.0));
        println!("automatic: {score:.1} dB");
        assert!(score > least, "{score}");
    }
    // Less quality leaves out more.
    let coarse = psnr(&stage.picture(&[&part], &near, 0.05), &stage.picture(&[&full], &near, 1.0));
    assert!(coarse < 45.0, "{coarse}");
}

#[test]
fn a_pixel_tells_whom_it_shows() {
    let stage = Stage::new(Precision::Full);
    let camera = Camera::look_at(Vec3::Z * 3.0, Vec3::ZERO, Vec3::Y, 0.6, 90, 60);
    let near = stage.upload(ball(3000), Filter::MIP);
    let mut far = stage.renderer.another(&near).unwrap();
    // Half behind the other, to its right.
    let right = Placement { translation: Vec3::new(0.4, 0.0, -0.5), ..Placement::default() };
    far.set_placement(right).unwrap();
    far.set_detail(Detail::Fraction(0.8));
    let avatars = [&near, &far];
    let mut view = stage.renderer.create_view(90, 60).unwrap();
    let mut ask = |x: u32, y: u32| {
        let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
        stage.renderer.record(&mut encoder, &avatars, &camera, &mut view).unwrap();
        let mut pending = stage.renderer.pick(&mut encoder, &avatars, &view, x, y).unwrap();
        assert!(pending.poll().is_none(), "not before the frame is submitted");
        stage.gpu.queue.submit([encoder.finish()]);
        stage.gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let answer = pending.poll().expect("an answer").unwrap();
        assert_eq!(pending.poll().expect("it stays").unwrap(), answer);
        answer
    };
    for (point, avatar) in
        [(Vec3::new(0.1, 0.1, 0.3), 0), (Vec3::new(0.6, 0.0, -0.2), 1), (Vec3::new(-0.3, 0.0, 0.2), 0)]
    {
        let p = camera.camera_from_world.transform_point3(point);
        let x = camera.cx - camera.fx * p.x / p.z;
        let y = camera.cy + camera.fy * p.y / p.z;
        let found = ask(x as u32, y as u32).expect("somebody");
        assert_eq!(found.avatar, avatar, "{point}");
        let mut at = near.avatar().gaussians.positions[found.gaussian as usize];
        if avatar == 1 {
            at += right.translation;
        }
        assert!((-camera.camera_from_world.transform_point3(at).z - found.depth).abs() < 1e-4);
        assert!((at - point).truncate().length() < 0.08, "{point}: found {at}");
        assert_eq!(found.part, effigy_avatar::Part::Body);
    }
    assert_eq!(ask(1, 1), None);
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    assert!(stage.renderer.pick(&mut encoder, &avatars, &view, 90, 0).is_err());
    assert!(stage.renderer.pick(&mut encoder, &avatars[..1], &view, 5, 5).is_err());
    drop(encoder);
}

/// A head goes away: as few Gaussians as its size asks for cover as much of the picture as all of them do in a picture
/// eight times as fine.
#[test]
fn a_distant_head_keeps_its_size() {
    let stage = Stage::new(Precision::Half);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
    let head = Arc::new(Avatar::open(path, &OpenOptions::default()).unwrap());
    let (low, high) = head.bounds().unwrap().unwrap();
    let middle = 0.5 * (low + high);
    let mut uploaded = stage.renderer.upload(&head).unwrap();
    // What the filter of the splats adds to a silhouette of so few pixels is allowed for.
    for (far, most) in [(1.0, 1.1), (2.0, 1.25), (4.0, 1.5)] {
        let camera = |size| Camera::look_at(middle + 1.4 * far * Vec3::Z, middle, Vec3::Y, 0.35, size, size);
        let cover = |frame: &Frame| frame.color.iter().map(|p| p[3]).sum::<f32>();
        uploaded.set_detail(Detail::Full);
        let all = cover(&stage.picture(&[&uploaded], &camera(512), 1.0)) / 64.0;
        uploaded.set_detail(Detail::Auto);
        let few = cover(&stage.picture(&[&uploaded], &camera(64), 1.0));
        println!("{far} times as far: {few:.0} pixels of {all:.0}");
        assert!((0.95..most).contains(&(few / all)), "{far} times as far: {few} pixels of {all}");
    }
}
