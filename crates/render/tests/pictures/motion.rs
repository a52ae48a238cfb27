//! Pictures that follow one another: nothing in them jumps, and nothing shimmers that is far away.

use std::sync::{Arc, OnceLock};

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{Detail, Precision, View, read_frame};
use effigy_splat::{Camera, Filter, Frame};
use glam::Vec3;

use crate::sequence::{Dolly, faults};
use crate::stage::Stage;

const SIZE: u32 = 112;

fn head() -> &'static Avatar {
    static HEAD: OnceLock<Avatar> = OnceLock::new();
    HEAD.get_or_init(|| {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets/head.glb");
        Avatar::open(path, &OpenOptions::default()).expect("the bundled avatar")
    })
}

fn around(angle: f32) -> Camera {
    let eye = 0.9 * Vec3::new(angle.sin(), 0.05, angle.cos());
    Camera::look_at(eye, Vec3::ZERO, Vec3::Y, 0.42, SIZE, SIZE)
}

fn picture(stage: &Stage, avatar: &effigy_render::GpuAvatar, camera: &Camera, view: &mut View) -> Frame {
    let mut encoder = stage.gpu.device.create_command_encoder(&Default::default());
    stage.renderer.record(&mut encoder, &[avatar], camera, view).expect("a frame");
    stage.gpu.queue.submit([encoder.finish()]);
    let mut frame = Frame::default();
    read_frame(&stage.gpu.device, &stage.gpu.queue, view, &mut frame).expect("a picture");
    frame
}

/// The largest difference of a channel of a pixel, in steps of 8-bit colour.
fn change(a: &Frame, b: &Frame) -> f32 {
    let pairs = a.color.iter().flatten().zip(b.color.iter().flatten());
    255.0 * pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// What a picture may change by when nothing has moved to speak of. Gaussians end where they are fainter than 1/255, and
/// two of them may come to their ends in one pixel.
const JUMP: f32 = 4.0;

#[test]
fn nothing_pops_as_the_order_changes() {
    let stage = Stage::new(Precision::Full);
    let avatar = stage.renderer.upload(&Arc::new(head().clone())).unwrap();
    let mut view = stage.renderer.create_view(SIZE, SIZE).unwrap();
    let mut at = |angle: f32| picture(&stage, &avatar, &around(angle), &mut view);
    let positions = head().posed_at_rest().unwrap().gaussians.positions;
    let order = |angle: f32| {
        let camera_from_world = around(angle).camera_from_world;
        let depths: Vec<f32> = positions.iter().map(|p| -camera_from_world.transform_point3(*p).z).collect();
        let mut order: Vec<usize> = (0..depths.len()).collect();
        order.sort_by(|&a, &b| depths[a].total_cmp(&depths[b]));
        order
    };
    let (mut largest, mut whole, mut halves) = (0.0_f32, 0.0_f32, 0.0_f32);
    for place in 0..8 {
        let angle = 0.8 * place as f32;
        let first = at(angle);
        let mut last = first.clone();
        for step in 1..=3 {
            // 0.005 pixels at the surface, and thousands of Gaussians overtake others.
            let next = at(angle + 1e-4 * step as f32);
            largest = largest.max(change(&last, &next));
            last = next;
        }
        let moved = order(angle).iter().zip(&order(angle + 1e-4)).filter(|(a, b)| a != b).count();
        assert!(moved > 1000, "{moved}");
        // Half the way is half the change, unless something jumps on it.
        let (middle, last) = (at(angle + 5e-3), at(angle + 1e-2));
        whole = whole.max(change(&first, &last));
        halves = halves.max(change(&first, &middle)).max(change(&middle, &last));
    }
    println!(
        "largest change in 0.0001 rad: {largest:.2}/255; in 0.01: {whole:.1}, in its halves: {halves:.1}"
    );
    assert!(largest < JUMP, "{largest}");
    assert!(halves < 0.75 * whole && whole > 20.0, "{halves} and {whole}");
}

#[test]
fn nothing_pops_as_detail_changes() {
    let stage = Stage::new(Precision::Full);
    let mut avatar = stage.renderer.upload(&Arc::new(head().clone())).unwrap();
    let mut view = stage.renderer.create_view(SIZE, SIZE).unwrap();
    let camera = around(0.3);
    let mut largest = 0.0_f32;
    for from in [1.0, 0.95, 0.901, 0.85, 0.7, 0.5, 0.3] {
        // Thirty Gaussians fewer.
        let [before, after] = [from, from - 5e-4].map(|part| {
            avatar.set_detail(Detail::Fraction(part));
            picture(&stage, &avatar, &camera, &mut view)
        });
        let change = change(&before, &after);
        println!("{from}: {change:.2}/255");
        largest = largest.max(change);
    }
    assert!(largest < JUMP, "{largest}");
}

#[test]
fn what_is_far_away_does_not_shimmer() {
    let stage = Stage::new(Precision::Half);
    let dolly = Dolly {
        target: Vec3::ZERO,
        eye: Vec3::new(0.2, 0.05, 0.85),
        vertical_fov: 0.42,
        // Nearer it fills the picture.
        nearest: 3.0,
        farthest: 12.0,
        count: 61,
        size: 128,
    };
    let none = Filter { variance: 0.0, compensate: false, ..Filter::CLASSIC };
    let pictures = |filter, finer| {
        let avatar = stage.renderer.upload(&Arc::new(Avatar { filter, ..head().clone() })).unwrap();
        let on = (&stage.gpu.device, &stage.gpu.queue, &stage.renderer);
        dolly.pictures(on, &avatar, finer).unwrap()
    };
    let truth = pictures(none, 4);
    let [mip, classic, none] = [Filter::MIP, Filter::CLASSIC, none].map(|filter| {
        let faults = faults(&pictures(filter, 1), &truth);
        println!("{filter:?}: {faults:.1?}");
        faults
    });
    assert!(mip.error < 0.6 * classic.error);
    assert!(mip.shimmer < 0.75 * classic.shimmer && mip.shimmer < 0.75 * none.shimmer);
}
