//! Where the samples go: evenly over the surface, then onto a simplified one.

use effigy_rig::{Morph, Rig};
use glam::Vec3;
use rayon::prelude::*;

use super::bvh::Bvh;
use super::eliminate::{Points, eliminate};
use super::material;
use super::sample::Sample;
use super::{MAX_SAMPLES, SurfaceOptions};
use crate::AvatarError;

/// A primitive gets at least this part of the samples that an even split would give it.
const MIN_SHARE: f64 = 0.05;

/// Points that are made for each that is kept, and how many there may be of a primitive: above that, fewer are made
/// and what is left is less even.
const CANDIDATES: usize = 5;
const MAX_CANDIDATES: usize = 1 << 23;
/// How many points tell how much of a primitive is visible, and how many more than else are made of one that hardly is.
const PROBES: usize = 4096;
const MAX_THINNING: f64 = 16.0;

/// How much denser than by its area at rest a triangle is sampled for the poses that stretch it, such as a lid that
/// is folded at rest.
const MAX_STRETCH: f64 = 4.0;

/// The rig's surface in some poses, of which the first is rest.
pub(super) struct Sheet<'a> {
    pub(super) rig: &'a Rig,
    pub(super) poses: &'a [Vec<Vec3>],
}

/// Spreads `options.count` samples over the visible surface: evenly, and as far apart as that many can be.
///
/// Candidates are spread by area, those that are not `visible` dropped, and the rest thinned out ([`eliminate`]).
/// There are fewer than asked for only if almost nothing of the surface is visible.
pub(super) fn spread(
    sheet: &Sheet<'_>,
    options: &SurfaceOptions,
    visible: impl Fn(&Sample) -> bool + Sync,
) -> Result<Vec<Sample>, AvatarError> {
    let fail = |what: &str| AvatarError::Surface(what.into());
    let rig = sheet.rig;
    let salt = |p: usize| options.seed.wrapping_mul(0x9E37_79B9).wrapping_add(p as u64);
    let areas: Vec<f64> =
        rig.primitives.iter().map(|p| p.triangles.clone().map(|t| sheet.area(t)).sum()).collect();
    let whole: f64 = areas.iter().sum();
    if !(whole > 0.0 && whole.is_finite()) {
        return Err(fail("the rig has no surface to sample"));
    }
    // How much of each primitive is visible.
    let shown: Vec<f64> = areas
        .iter()
        .enumerate()
        .map(|(p, &area)| {
            if material::is_solid(rig, p) || area <= 0.0 {
                return 1.0;
            }
            let probes = sheet.candidates(p, area, PROBES, PROBES, salt(p));
            probes.iter().filter(|s| visible(s)).count() as f64 / probes.len().max(1) as f64
        })
        .collect();
    let weighted: Vec<f64> =
        (0..areas.len()).map(|p| areas[p] * shown[p] * material::importance(rig, p)).collect();
    let whole: f64 = weighted.iter().sum();
    if whole <= 0.0 {
        return Err(fail("the surface is transparent everywhere"));
    }
    let floor = MIN_SHARE / rig.primitives.len().max(1) as f64;
    let shares: Vec<f64> =
        weighted.iter().map(|w| if *w > 0.0 { (w / whole).max(floor) } else { 0.0 }).collect();
    let total_share: f64 = shares.iter().sum();

    let mut samples = Vec::with_capacity(options.count.min(MAX_SAMPLES));
    let mut owed = 0.0;
    // What a primitive with little to see falls short of, solid ones make up for.
    let mut order: Vec<usize> = (0..rig.primitives.len()).collect();
    order.sort_by_key(|&p| material::is_solid(rig, p));
    for index in order {
        owed += options.count as f64 * shares[index] / total_share;
        let count = (owed.round() as usize).saturating_sub(samples.len());
        if count == 0 || shares[index] <= 0.0 {
            continue;
        }
        let area = areas[index] * shown[index];
        let wanted =
            if MAX_CANDIDATES / count < 2 { count } else { (count * CANDIDATES).min(MAX_CANDIDATES) };
        let made = (wanted as f64 / shown[index].max(1.0 / MAX_THINNING)).ceil() as usize;
        let mut candidates = sheet.candidates(index, areas[index], made, count, salt(index));
        if !material::is_solid(rig, index) {
            let seen: Vec<bool> = candidates.par_iter().map(&visible).collect();
            let mut seen = seen.into_iter();
            candidates.retain(|_| seen.next().unwrap_or(false));
        }
        let kept = eliminate(&sheet.points(&candidates), count, area);
        let mut kept = kept.into_iter().peekable();
        let thinned = candidates.into_iter().enumerate().filter(|(i, _)| kept.next_if_eq(i).is_some());
        let shrink = shown[index].sqrt() as f32;
        samples.extend(thinned.map(|(_, s)| Sample { spacing: s.spacing * shrink, ..s }));
    }
    Ok(samples)
}

impl Sheet<'_> {
    fn corners(&self, triangle: u32, pose: &[Vec3]) -> [Vec3; 3] {
        self.rig.triangles[triangle as usize].map(|v| pose[v as usize])
    }

    /// Area of a triangle at rest, square metres; 0 if it is not finite.
    fn rest_area(&self, triangle: u32) -> f64 {
        self.poses.first().map_or(0.0, |pose| area(&self.corners(triangle, pose)))
    }

    /// The largest area of a triangle over the poses, within [`MAX_STRETCH`].
    fn area(&self, triangle: u32) -> f64 {
        let rest = self.rest_area(triangle);
        let largest = self.poses.iter().map(|pose| area(&self.corners(triangle, pose))).fold(rest, f64::max);
        largest.min(MAX_STRETCH * rest)
    }

    /// `made` points spread by area over a primitive of `area` in all, for `kept` to be kept.
    ///
    /// Triangles are ordered along a space-filling curve and points taken at even steps of accumulated area, so that
    /// neighbouring triangles share them fairly; within a triangle they follow Roberts' R2 sequence.
    fn candidates(&self, primitive: usize, area: f64, made: usize, kept: usize, salt: u64) -> Vec<Sample> {
        let Some(rest) = self.poses.first() else { return Vec::new() };
        let (low, high) = bounds(rest);
        let scale = (high - low).max_element().max(f32::MIN_POSITIVE);
        let mut order: Vec<(u32, u32)> = self.rig.primitives[primitive]
            .triangles
            .clone()
            .map(|t| {
                let [a, b, c] = self.corners(t, rest);
                (morton((((a + b + c) / 3.0) - low) / scale), t)
            })
            .collect();
        order.sort_unstable();
        let step = area / made.max(1) as f64;
        let mut points = Vec::with_capacity(made);
        let (mut passed, mut next) = (0.0, 0.5 * step);
        for (_, triangle) in order {
            let area_here = self.area(triangle);
            passed += area_here;
            if next >= passed {
                continue;
            }
            let unstretched = self.rest_area(triangle) / area_here;
            let spacing = (area / kept.max(1) as f64 * unstretched).sqrt() as f32;
            while next < passed && points.len() < made {
                let weights = r2(points.len() as u64, salt);
                points.push(Sample { primitive, triangle, weights, spacing });
                // Jittered within its step, so that regular meshes leave no pattern.
                let jitter = 0.5 * f64::from(unit_random(salt, points.len() as u64));
                next = (points.len() as f64 + 0.25 + jitter) * step;
            }
        }
        points
    }

    fn points(&self, samples: &[Sample]) -> Points {
        let at = |sample: &Sample, pose: &[Vec3]| {
            let [a, b, c] = self.corners(sample.triangle, pose);
            a * sample.weights.x + b * sample.weights.y + c * sample.weights.z
        };
        let normal = |sample: &Sample| {
            let [a, b, c] = self.poses.first().map_or([Vec3::ZERO; 3], |p| self.corners(sample.triangle, p));
            (b - a).cross(c - a).normalize_or(Vec3::Z)
        };
        Points {
            poses: self.poses.iter().map(|p| samples.par_iter().map(|s| at(s, p)).collect()).collect(),
            normals: samples.par_iter().map(normal).collect(),
        }
    }
}

fn area([a, b, c]: &[Vec3; 3]) -> f64 {
    let area = 0.5 * f64::from((*b - *a).cross(*c - *a).length());
    if area.is_finite() { area } else { 0.0 }
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
            match hierarchies[sample.primitive].nearest(point, f32::INFINITY, penalty) {
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
