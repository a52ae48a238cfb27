//! Regions of the surface: parts that move together, each with an expression network of its own.

use effigy_rig::{Rig, metres_per_unit};
use glam::Vec3;

use crate::FieldError;
use crate::config::check_region_count;
use crate::planes::check_surface;

/// Rest position, and displacement with the jaw open and with the lids shut, so that the lips part, and the lids.
pub const TRAITS: usize = 9;
/// Displacement counts this much more than distance.
const MOTION_WEIGHT: f32 = 1.5;
/// A morph that moves a region by this or more, metres, counts in full.
const FULL_MOTION: f32 = 1.5e-3;
/// A morph that moves a region less than this part of [`FULL_MOTION`] does not count at all.
const LEAST_RELEVANCE: f32 = 0.02;
/// How far the morph that moves a point furthest has to move it, metres, before the field says anything there, and where
/// it has its full say. What no expression moves, scalp and shoulders, stays as it is: it costs nothing a frame, and
/// cannot learn the accidents of single pictures.
const STILL: f32 = 1e-4;
const MOBILE: f32 = 1e-3;
const ROUNDS: usize = 12;

/// The regions of one rig.
#[derive(Clone, Debug, PartialEq)]
pub struct Regions {
    /// Centres, R entries.
    pub centers: Vec<[f32; TRAITS]>,
    /// How much each of the rig's E morphs has to say in each region, 0 to 1: R × E, region-major.
    pub relevance: Vec<f32>,
}

/// The two regions that a point belongs to, the weight of the first, and how mobile the point is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RegionBlend {
    /// The nearest region and the next.
    pub regions: [u16; 2],
    /// Share of the first, ½ to 1; the second has what is left to 1.
    pub weight: f32,
    /// What the point takes of its residuals: 0 where no morph moves the surface, to 1.
    pub mobility: f32,
}

impl RegionBlend {
    /// What each region's coefficients count at the point. They sum to its mobility.
    #[inline(always)]
    pub fn weights(&self) -> [f32; 2] {
        [self.mobility * self.weight, self.mobility * (1.0 - self.weight)]
    }
}

/// What tells a vertex's region, V entries.
pub(crate) fn vertex_traits(rig: &Rig) -> Vec<[f32; TRAITS]> {
    let mut moved = [vec![Vec3::ZERO; rig.vertex_count()], vec![Vec3::ZERO; rig.vertex_count()]];
    for (moved, names) in moved.iter_mut().zip([&["jawOpen"][..], &["eyeBlinkLeft", "eyeBlinkRight"]]) {
        for morph in names.iter().filter_map(|name| rig.morph(name)).map(|m| &rig.morphs[m]) {
            for (&v, &delta) in morph.indices.iter().zip(&morph.deltas) {
                moved[v as usize] += delta;
            }
        }
    }
    let [jaw, lids] = moved;
    rig.positions
        .iter()
        .zip(jaw.iter().zip(&lids))
        .map(|(p, (jaw, lids))| {
            let mut out = [0.0; TRAITS];
            out[..3].copy_from_slice(&p.to_array());
            out[3..6].copy_from_slice(&(*jaw * MOTION_WEIGHT).to_array());
            out[6..].copy_from_slice(&(*lids * MOTION_WEIGHT).to_array());
            out
        })
        .collect()
}

/// How mobile each vertex is, V entries of 0 to 1.
pub(crate) fn vertex_mobility(rig: &Rig) -> Vec<f32> {
    let mut furthest = vec![0.0_f32; rig.vertex_count()];
    let metres = metres_per_unit(rig);
    for morph in &rig.morphs {
        for (&v, delta) in morph.indices.iter().zip(&morph.deltas) {
            let furthest = &mut furthest[v as usize];
            *furthest = furthest.max(delta.length() * metres[v as usize]);
        }
    }
    for x in &mut furthest {
        let t = ((*x - STILL) / (MOBILE - STILL)).clamp(0.0, 1.0);
        *x = t * t * (3.0 - 2.0 * t);
    }
    furthest
}

impl Regions {
    /// Divides `rig` into `count` regions, smaller where more moves: k-means over position and motion, each vertex
    /// weighted by the area around it and by how far morphs move it.
    ///
    /// # Errors
    /// [`FieldError::Surface`] for a rig without a surface, [`FieldError::Config`] for no regions or too many.
    pub fn new(rig: &Rig, count: usize) -> Result<Self, FieldError> {
        check_region_count(count)?;
        check_surface(rig)?;
        let traits = vertex_traits(rig);
        let areas = vertex_areas(rig);
        let mut motion = vec![0.0_f32; rig.vertex_count()];
        for morph in &rig.morphs {
            for (&v, delta) in morph.indices.iter().zip(&morph.deltas) {
                motion[v as usize] += delta.length();
            }
        }
        let total: f32 = areas.iter().sum();
        if !(total > 0.0) {
            return Err(FieldError::Surface("the rig has no surface".into()));
        }
        let mean = areas.iter().zip(&motion).map(|(a, m)| a * m).sum::<f32>() / total;
        let weights: Vec<f32> = areas
            .iter()
            .zip(&motion)
            .map(|(area, motion)| area * (0.2 + if mean > 0.0 { motion / mean } else { 1.0 }))
            .collect();
        let centers = k_means(&traits, &weights, count);
        let relevance = relevance(rig, &traits, &areas, &centers);
        Ok(Self { centers, relevance })
    }

    /// The regions of `rig` around `centers`, which [`Regions::new`] found for the same rig.
    ///
    /// # Errors
    /// As [`Regions::new`].
    pub fn around(rig: &Rig, centers: Vec<[f32; TRAITS]>) -> Result<Self, FieldError> {
        check_region_count(centers.len())?;
        check_surface(rig)?;
        let relevance = relevance(rig, &vertex_traits(rig), &vertex_areas(rig), &centers);
        Ok(Self { centers, relevance })
    }

    /// The regions of a point with the given traits and mobility. Weights change without a step as the nearest, the second or the
    /// third region changes.
    pub(crate) fn blend(&self, traits: &[f32; TRAITS], mobility: f32) -> RegionBlend {
        let mut best = [(f32::INFINITY, 0usize); 3];
        for (r, center) in self.centers.iter().enumerate() {
            let d = distance_squared(center, traits);
            if d < best[0].0 {
                best = [(d, r), best[0], best[1]];
            } else if d < best[1].0 {
                best = [best[0], (d, r), best[1]];
            } else if d < best[2].0 {
                best[2] = (d, r);
            }
        }
        let [first, second, third] = best.map(|(d, _)| d.sqrt());
        // With fewer than three regions the third is infinitely far, and with one the second.
        let weight = if second == f32::INFINITY {
            1.0
        } else if third == f32::INFINITY {
            second / (first + second).max(f32::MIN_POSITIVE)
        } else {
            (third - first) / (2.0 * third - first - second).max(f32::MIN_POSITIVE)
        };
        let weight = if weight.is_finite() { weight.clamp(0.5, 1.0) } else { 0.5 };
        RegionBlend { regions: [best[0].1 as u16, best[1].1 as u16], weight, mobility }
    }
}

/// A third of the area of the triangles around each vertex.
fn vertex_areas(rig: &Rig) -> Vec<f32> {
    let mut areas = vec![0.0_f32; rig.vertex_count()];
    for t in &rig.triangles {
        let [a, b, c] = t.map(|v| rig.positions[v as usize]);
        let third = (b - a).cross(c - a).length() / 6.0;
        t.iter().for_each(|&v| areas[v as usize] += third);
    }
    areas
}

fn relevance(rig: &Rig, traits: &[[f32; TRAITS]], areas: &[f32], centers: &[[f32; TRAITS]]) -> Vec<f32> {
    let region_of: Vec<usize> = traits.iter().map(|traits| nearest(centers, traits).0).collect();
    let metres = metres_per_unit(rig);
    let controls = rig.morphs.len();
    let mut relevance = vec![0.0_f32; centers.len() * controls];
    for (c, morph) in rig.morphs.iter().enumerate() {
        for (&v, delta) in morph.indices.iter().zip(&morph.deltas) {
            if areas[v as usize] > 0.0 {
                let cell = &mut relevance[region_of[v as usize] * controls + c];
                *cell = cell.max((delta.length() * metres[v as usize] / FULL_MOTION).min(1.0));
            }
        }
    }
    for cell in &mut relevance {
        if *cell < LEAST_RELEVANCE {
            *cell = 0.0;
        }
    }
    relevance
}

fn distance_squared(a: &[f32; TRAITS], b: &[f32; TRAITS]) -> f32 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

fn nearest(centers: &[[f32; TRAITS]], point: &[f32; TRAITS]) -> (usize, f32) {
    let mut best = (0, f32::INFINITY);
    for (r, center) in centers.iter().enumerate() {
        let d = distance_squared(center, point);
        if d < best.1 {
            best = (r, d);
        }
    }
    best
}

/// Lloyd's algorithm from farthest points: each next centre is the point of greatest weight times squared distance
/// to those that are there. Nothing is random.
fn k_means(points: &[[f32; TRAITS]], weights: &[f32], count: usize) -> Vec<[f32; TRAITS]> {
    let mut gap = vec![f32::MAX; points.len()];
    let mut centers: Vec<[f32; TRAITS]> = Vec::with_capacity(count);
    let mut next = (0..points.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap_or(0);
    while centers.len() < count {
        centers.push(points[next]);
        for (gap, point) in gap.iter_mut().zip(points) {
            *gap = gap.min(distance_squared(&points[next], point));
        }
        let worth = |i: usize| weights[i] * gap[i];
        next = (0..points.len()).max_by(|&a, &b| worth(a).total_cmp(&worth(b))).unwrap_or(0);
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![([0.0_f64; TRAITS], 0.0_f64); count];
        for (point, &weight) in points.iter().zip(weights) {
            let (sum, total) = &mut sums[nearest(&centers, point).0];
            *total += f64::from(weight);
            for (s, x) in sum.iter_mut().zip(point) {
                *s += f64::from(*x) * f64::from(weight);
            }
        }
        for (center, (sum, total)) in centers.iter_mut().zip(&sums) {
            if *total > 0.0 {
                *center = sum.map(|s| (s / total) as f32);
            }
        }
    }
    centers
}
