//! The order of detail: every beginning of it is evenly spread and made of what contributes most.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::f32::consts::{PI, TAU};

use common::avatar as bound_avatar;
use effigy_avatar::{Avatar, PrefixGrowth, detail_order};
use effigy_splat::{Filter, Gaussians};
use effigy_tests::Xorshift64;
use glam::{Quat, Vec3};
use rayon::prelude::*;

/// Unbound Gaussians, each with its logarithm of scale and opacity logit.
fn avatar(gaussians: impl IntoIterator<Item = (Vec3, f32, f32)>) -> Avatar {
    let mut out = Gaussians::with_capacity(0, 0);
    for (position, log_scale, opacity_logit) in gaussians {
        out.positions.push(position);
        out.rotations.push(Quat::IDENTITY);
        out.log_scales.push(Vec3::new(log_scale, log_scale, log_scale - 2.0));
        out.opacity_logits.push(opacity_logit);
        out.sh.extend([0.0; 3]);
    }
    Avatar { name: String::new(), gaussians: out, filter: Filter::MIP, body: None }
}

/// Numbers from 0 to 1, always the same.
fn random() -> impl FnMut() -> f32 {
    let mut random = Xorshift64(0x9E37_79B9_7F4A_7C15);
    move || random.unit()
}

/// The farthest that any point is from the nearest of the first `kept` in the order.
fn largest_hole(points: &[Vec3], order: &[u32], kept: usize) -> f32 {
    let kept: Vec<Vec3> = order[..kept].iter().map(|&i| points[i as usize]).collect();
    let nearest = |p: &Vec3| kept.iter().map(|k| k.distance_squared(*p)).fold(f32::MAX, f32::min);
    points.par_iter().map(nearest).reduce(|| 0.0, f32::max).sqrt()
}

/// How many points there are in each cube with sides of a quarter.
fn by_region<'a>(points: impl Iterator<Item = &'a Vec3>) -> [f32; 512] {
    let mut counts = [0.0; 512];
    for point in points {
        let [x, y, z] = ((*point + Vec3::ONE) * 4.0).floor().clamp(Vec3::ZERO, Vec3::splat(7.0)).to_array();
        counts[x as usize + 8 * y as usize + 64 * z as usize] += 1.0;
    }
    counts
}

/// Points on a unit square, Fibonacci's on a unit sphere, and the area of each.
fn surfaces(count: usize) -> [(&'static str, Vec<Vec3>, f32); 2] {
    let mut random = random();
    let plane = (0..count).map(|_| Vec3::new(random(), random(), 0.0)).collect();
    let golden = PI * (3.0 - 5.0_f32.sqrt());
    let sphere = (0..count).map(|i| {
        let y = 1.0 - (2.0 * i as f32 + 1.0) / count as f32;
        let (sin, cos) = ((golden * i as f32) % TAU).sin_cos();
        let radius = (1.0 - y * y).sqrt();
        Vec3::new(radius * cos, y, radius * sin)
    });
    [("plane", plane, 1.0), ("sphere", sphere.collect(), 4.0 * PI)]
}

#[test]
fn the_order_is_a_permutation_and_always_the_same() {
    let [(_, points, _), _] = surfaces(10_001);
    let mut random = random();
    let avatar = avatar(points.into_iter().map(|p| (p, -4.0 + random(), 3.0 * random())));
    let order = detail_order(&avatar);
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..10_001).collect::<Vec<u32>>());
    // Ten thousand are shared among threads.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(alone.install(|| detail_order(&avatar)), order);
}

#[test]
fn every_prefix_is_even() {
    const COUNT: usize = 20_000;
    for (name, points, area) in surfaces(COUNT) {
        // Contributions that differ by up to 4 must not tear holes.
        let mut random = random();
        let avatar = avatar(points.iter().map(|&p| (p, -4.0 + 0.7 * random(), 2.0)));
        let order = detail_order(&avatar);
        for share in [2, 3, 5, 11, 16] {
            let kept = COUNT / share;
            let ideal = (area / kept as f32).sqrt();
            let hole = largest_hole(&points, &order, kept);
            println!("{name}, 1/{share}: hole {:.2} of the ideal spacing", hole / ideal);
            assert!(hole < 2.2 * ideal, "{name}, 1/{share}: {hole} for a spacing of {ideal}");
            // Nor is one region served before another.
            let all = by_region(points.iter());
            let some = by_region(order[..kept].iter().map(|&i| &points[i as usize]));
            for (all, some) in all.iter().zip(&some).filter(|(all, _)| **all > 300.0) {
                let fair = all / share as f32;
                assert!((some / fair - 1.0).abs() < 0.15, "{name}, 1/{share}: {some} of a region for {fair}");
            }
        }
    }
}

#[test]
fn what_contributes_most_comes_first() {
    let mut random = random();
    let mut faint = Vec::new();
    let mut pairs = Vec::new();
    for i in 0..4096_u32 {
        let at = Vec3::new(random(), random(), 0.0);
        // The second of a pair is fainter, smaller or both; which stands first in the file changes.
        let strong = (at, -4.0, 2.0);
        let weak = [(at, -4.0, -3.0), (at, -5.5, 2.0), (at, -4.5, 0.0)][i as usize % 3];
        let weak_first = i % 2 == 0;
        pairs.extend(if weak_first { [weak, strong] } else { [strong, weak] });
        faint.push(2 * i + u32::from(!weak_first));
    }
    let order = detail_order(&avatar(pairs));
    let (first, last) = order.split_at(4096);
    assert!(faint.iter().all(|i| last.contains(i) && !first.contains(i)));
}

#[test]
fn an_eye_stays_where_skin_of_the_same_size_is_dropped() {
    // Two Gaussians, on triangles of two primitives; the first contributes a little more.
    let mut avatar = bound_avatar();
    let gaussians = &mut avatar.gaussians;
    gaussians.positions.truncate(2);
    gaussians.rotations.truncate(2);
    gaussians.sh.truncate(24);
    gaussians.log_scales = vec![Vec3::splat(-3.0); 2];
    gaussians.opacity_logits = vec![0.2, 0.0];
    let body = avatar.body.as_mut().unwrap();
    body.binding.triangles = vec![0, 2];
    body.binding.barycentric.truncate(2);
    body.rig.morphs.clear();
    body.rig.expressions.clear();
    body.rig.animations.clear();
    avatar.validate().unwrap();
    assert_eq!(detail_order(&avatar), [0, 1]);
    avatar.body.as_mut().unwrap().rig.primitives[1].mesh_name = "iris".into();
    assert_eq!(detail_order(&avatar), [1, 0]);
}

#[test]
fn odd_input_is_ordered_all_the_same() {
    assert!(detail_order(&avatar([])).is_empty());
    assert_eq!(detail_order(&avatar([(Vec3::ONE, 0.0, 0.0)])), [0]);
    let odd = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0, f32::MAX, 1.0];
    let all = odd.iter().flat_map(|&a| odd.iter().map(move |&b| (Vec3::new(a, b, 1.0), b, a)));
    let mut order = detail_order(&avatar(all));
    order.sort_unstable();
    assert_eq!(order, (0..49).collect::<Vec<u32>>());
    // A binding that is not sound, and arrays that are too short.
    let mut bound = bound_avatar();
    bound.body.as_mut().unwrap().binding.triangles.clear();
    bound.gaussians.log_scales.pop();
    assert_eq!(detail_order(&bound).len(), 3);
}

#[test]
fn growth_keeps_the_area_covered() {
    // By hand. A hundred alike: a quarter of them, each four times the area, twice the length.
    let alike = PrefixGrowth::new(&avatar((0..100).map(|i| (Vec3::X * i as f32, 0.0, 1.0))), &order_of(100));
    for (kept, want) in [(25, 2.0), (1, 10.0), (0, 10.0), (100, 1.0), (200, 1.0)] {
        assert!((alike.of(kept) - want).abs() < 1e-5, "{kept}");
    }
    // One that covers four times as much as each of the twelve others: of 16 areas it stands for 4. The faint ones, with
    // a third of the opacity, count a third.
    let large = (Vec3::ZERO, 2f32.ln(), 0.0);
    let uneven = std::iter::once(large).chain((0..12).map(|i| (Vec3::X * i as f32, 0.0, 0.0)));
    assert!((PrefixGrowth::new(&avatar(uneven), &order_of(13)).of(1) - 2.0).abs() < 1e-5);
    let half_to_sixth = (1.0 / 6.0_f32 / (5.0 / 6.0)).ln();
    let faint = std::iter::once((Vec3::ZERO, 0.0, 0.0)).chain((0..9).map(|_| (Vec3::X, 0.0, half_to_sixth)));
    assert!((PrefixGrowth::new(&avatar(faint), &order_of(10)).of(1) - 2.0).abs() < 1e-5);
    // Nothing is grown beyond bounds, nor where there is nothing.
    let many = PrefixGrowth::new(&avatar((0..1000).map(|i| (Vec3::X * i as f32, 0.0, 1.0))), &order_of(1000));
    assert_eq!(many.of(1), 16.0);
    assert_eq!(PrefixGrowth::new(&avatar([]), &[]).of(0), 1.0);
}

fn order_of(count: u32) -> Vec<u32> {
    (0..count).collect()
}
