//! Where the samples go: evenly over the surface, then onto a simplified one.

use effigy_rig::{Morph, Rig};
use glam::Vec3;
use rayon::prelude::*;

use super::bvh::Bvh;
use super::material;
use super::{MAX_SAMPLES, SurfaceOptions};
use crate::AvatarError;

/// A point of the surface.
pub(super) struct Sample {
    pub(super) primitive: usize,
    pub(super) triangle: u32,
    /// Of the triangle's vertices.
    pub(super) weights: Vec3,
    /// Distance to its neighbours, metres: the root of the area it stands for.
    pub(super) spacing: f32,
}

/// A primitive gets at least this part of the samples that an even split would give it.
const MIN_SHARE: f64 = 0.05;

/// Spreads samples over the rig with its vertices at `positions`.
///
/// Triangles are ordered along a space-filling curve and samples taken at even steps of accumulated area, so that
/// neighbouring triangles share them fairly; within a triangle they follow Roberts' R2 sequence.
pub(super) fn spread(
    rig: &Rig,
    positions: &[Vec3],
    options: &SurfaceOptions,
) -> Result<Vec<Sample>, AvatarError> {
    let fail = |what: &str| AvatarError::Surface(what.into());
    let corners = |t: u32| rig.triangles[t as usize].map(|v| positions[v as usize]);
    let area = |t: u32| {
        let [a, b, c] = corners(t);
        let area = 0.5 * f64::from((b - a).cross(c - a).length());
        if area.is_finite() { area } else { 0.0 }
    };
    let areas: Vec<f64> = rig.primitives.iter().map(|p| p.triangles.clone().map(area).sum()).collect();
    let weighted: Vec<f64> =
        areas.iter().enumerate().map(|(p, a)| a * material::importance(rig, p)).collect();
    let whole: f64 = weighted.iter().sum();
    if !(whole > 0.0 && whole.is_finite()) {
        return Err(fail("the rig has no surface to sample"));
    }
    let floor = MIN_SHARE / rig.primitives.len().max(1) as f64;
    let shares: Vec<f64> =
        weighted.iter().map(|w| if *w > 0.0 { (w / whole).max(floor) } else { 0.0 }).collect();
    let total_share: f64 = shares.iter().sum();

    let (low, high) = bounds(positions);
    let scale = (high - low).max_element().max(f32::MIN_POSITIVE);
    let mut samples = Vec::with_capacity(options.count.min(MAX_SAMPLES));
    let mut owed = 0.0;
    for (index, primitive) in rig.primitives.iter().enumerate() {
        owed += options.count as f64 * shares[index] / total_share;
        let count = (owed.round() as usize).saturating_sub(samples.len());
        if count == 0 {
            continue;
        }
        let mut order: Vec<(u32, u32)> = primitive
            .triangles
            .clone()
            .map(|t| {
                let [a, b, c] = corners(t);
                (morton((((a + b + c) / 3.0) - low) / scale), t)
            })
            .collect();
        order.sort_unstable();
        let step = areas[index] / count as f64;
        let spacing = step.sqrt() as f32;
        let salt = options.seed.wrapping_mul(0x9E37_79B9).wrapping_add(index as u64);
        let (mut passed, mut next, mut made) = (0.0, 0.5 * step, 0_usize);
        for (_, triangle) in order {
            passed += area(triangle);
            while next < passed && made < count {
                let weights = r2(made as u64, salt);
                samples.push(Sample { primitive: index, triangle, weights, spacing });
                made += 1;
                // Jittered within its step, so that regular meshes leave no pattern.
                next = (made as f64 + 0.25 + 0.5 * f64::from(unit_random(salt, made as u64))) * step;
            }
        }
    }
    Ok(samples)
}

/// Carries samples from the full rig to a simplified one: for each, triangle and weights of the point of the same
/// primitive that is nearest in place and in what the strongest morphs do to it. Lips and lids that touch at rest but
/// part in motion are told apart by that.
pub(super) fn rebind(
    full: &Rig,
    full_positions: &[Vec3],
    samples: &[Sample],
    small: &Rig,
    small_positions: &[Vec3],
) -> Vec<(u32, Vec3)> {
    let guides = guiding_morphs(full);
    let full_motion: Vec<Vec<Vec3>> =
        guides.iter().map(|&m| dense(&full.morphs[m], full.vertex_count())).collect();
    let small_motion: Vec<Vec<Vec3>> =
        guides.iter().map(|&m| dense(&small.morphs[m], small.vertex_count())).collect();
    let at = |motion: &[Vec3], triangle: &[u32; 3], w: Vec3| {
        motion[triangle[0] as usize] * w.x
            + motion[triangle[1] as usize] * w.y
            + motion[triangle[2] as usize] * w.z
    };
    let hierarchies: Vec<Bvh> = small
        .primitives
        .iter()
        .map(|p| {
            let corners = |t: u32| small.triangles[t as usize].map(|v| small_positions[v as usize]);
            Bvh::new(p.triangles.clone().map(corners).collect())
        })
        .collect();
    samples
        .par_iter()
        .map(|sample| {
            let triangle = &full.triangles[sample.triangle as usize];
            let point = at(full_positions, triangle, sample.weights);
            let wanted: Vec<Vec3> = full_motion.iter().map(|m| at(m, triangle, sample.weights)).collect();
            let first = small.primitives[sample.primitive].triangles.start;
            let penalty = |t: u32, w: Vec3| {
                let candidate = &small.triangles[(first + t) as usize];
                let difference = |(m, d): (&Vec<Vec3>, &Vec3)| at(m, candidate, w).distance_squared(*d);
                small_motion.iter().zip(&wanted).map(difference).sum::<f32>()
            };
            match hierarchies[sample.primitive].nearest(point, penalty) {
                Some((t, weights)) => (first + t, weights),
                None => (0, Vec3::X),
            }
        })
        .collect()
}

/// Morphs that tell parts of the surface apart: the jaw and lids if named, and those that move a vertex farthest.
fn guiding_morphs(rig: &Rig) -> Vec<usize> {
    let named = ["jawOpen", "eyeBlinkLeft", "eyeBlinkRight", "mouthClose"];
    let mut guides: Vec<usize> = named.iter().filter_map(|n| rig.morph(n)).collect();
    let mut rest: Vec<usize> = (0..rig.morphs.len()).filter(|m| !guides.contains(m)).collect();
    let farthest = |m: &usize| rig.morphs[*m].deltas.iter().map(|d| d.length_squared()).fold(0.0, f32::max);
    rest.sort_by(|a, b| farthest(b).total_cmp(&farthest(a)));
    guides.extend(rest.into_iter().take(8));
    guides
}

fn dense(morph: &Morph, vertices: usize) -> Vec<Vec3> {
    let mut motion = vec![Vec3::ZERO; vertices];
    for (&v, &delta) in morph.indices.iter().zip(&morph.deltas) {
        motion[v as usize] = delta;
    }
    motion
}

/// Bounds of `positions`; of nothing, the origin.
pub(super) fn bounds(positions: &[Vec3]) -> (Vec3, Vec3) {
    let first = positions.first().copied().unwrap_or_default();
    positions.iter().fold((first, first), |(lo, hi), &p| (lo.min(p), hi.max(p)))
}

/// 10 bits of each axis of a point in the unit cube, interleaved.
fn morton(p: Vec3) -> u32 {
    let spread = |x: f32| {
        let mut v = (x.clamp(0.0, 1.0) * 1023.0) as u32;
        v = (v | v << 16) & 0x0300_00FF;
        v = (v | v << 8) & 0x0300_F00F;
        v = (v | v << 4) & 0x030C_30C3;
        (v | v << 2) & 0x0924_9249
    };
    spread(p.x) | spread(p.y) << 1 | spread(p.z) << 2
}

/// Point `index` of the R2 sequence (Roberts 2018), mapped onto a triangle: barycentric weights.
fn r2(index: u64, salt: u64) -> Vec3 {
    const STEPS: [f64; 2] = [0.754_877_666_246_693, 0.569_840_290_998_053];
    let at = |axis: usize| {
        let offset = f64::from(unit_random(salt, 1000 + axis as u64));
        (offset + index as f64 * STEPS[axis]).fract() as f32
    };
    // The map of Heitz, "A Low-Distortion Map Between Triangle and Square", 2019, keeps the points apart; folding the
    // square would lay one half's points between the other's.
    let (mut u, mut v) = (at(0), at(1));
    if v > u {
        u *= 0.5;
        v -= u;
    } else {
        v *= 0.5;
        u -= v;
    }
    Vec3::new((1.0 - u - v).max(0.0), u, v)
}

/// A number in 0 to 1 from a seed and a counter (SplitMix64).
pub(super) fn unit_random(seed: u64, counter: u64) -> f32 {
    let mut z = seed.wrapping_add(counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 40) as f32 / (1_u64 << 24) as f32
}
