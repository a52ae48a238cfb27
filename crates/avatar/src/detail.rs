//! Level of detail: an order of the Gaussians of which every beginning is a usable avatar.

use std::cmp::Ordering;

use effigy_splat::opacity_from_logit;
use glam::Vec3;

use crate::{Avatar, parts};

/// The most that [`PrefixGrowth`] asks for: one Gaussian for 256.
const MAX_GROWTH: f32 = 16.0;
/// How much less a Gaussian at the rim of its cell counts than one in the middle.
const RIM_LOSS: f32 = 0.75;
/// Below this many Gaussians a cell is not worth sharing among threads.
const SERIAL_CELL: usize = 4096;

/// An order of the avatar's N Gaussians, as a permutation of 0 to N − 1, of which every prefix is a usable avatar: as
/// evenly spread as the whole is, and made of those that contribute most around where they stand.
///
/// The Gaussians at rest are halved again and again, at the median along the longest side, into a balanced k-d tree.
/// In every cell the winners of its two halves meet; the one that contributes more goes up, the other gets its place on
/// this level. Levels come coarse to fine, the cells of one in bit-reversed order, so that a prefix of 2ᵈ holds one
/// Gaussian of each cell at depth d and any other prefix is as even as it can be. What a Gaussian contributes is opacity ×
/// area of its largest cross-section × the importance of its part ([`Part::importance`](crate::Part::importance): where
/// skin and an eye compete, the eye stays), and less towards the rim of a cell, so that among equals the gaps are even.
///
/// The order depends on the avatar alone. Growing what is kept by [`PrefixGrowth`] closes the gaps. O(N log N).
pub fn detail_order(avatar: &Avatar) -> Vec<u32> {
    let count = u32::try_from(avatar.gaussians.len()).unwrap_or(u32::MAX);
    // Without a sound binding the offsets still tell the Gaussians apart.
    let rest = avatar.posed_at_rest().ok().map(|posed| posed.gaussians);
    let gaussians = rest.as_ref().unwrap_or(&avatar.gaussians);
    let positions = &gaussians.positions;
    let strength: Vec<f32> = parts(avatar)
        .iter()
        .enumerate()
        .map(|(i, part)| {
            let log_scale = gaussians.log_scales.get(i).copied().unwrap_or(Vec3::NEG_INFINITY);
            let logit = gaussians.opacity_logits.get(i).copied().unwrap_or(f32::NEG_INFINITY);
            let strength = coverage(log_scale, logit) * part.importance();
            if strength.is_nan() { 0.0 } else { strength }
        })
        .collect();

    let mut slots: Vec<u32> = (0..count).collect();
    let (winner, mut placed) = Contest { positions, strength: &strength }.play(&mut slots, 0, 0);
    placed.sort_unstable();
    winner.into_iter().chain(placed.into_iter().map(|place| place.gaussian)).collect()
}

/// How much larger the Gaussians of each beginning of an avatar's [`detail_order`] have to be drawn, so that they cover
/// the surface as all of them do.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixGrowth {
    /// Of the first 0, 1, 2 and so on, opacity × area of the largest cross-sections, summed.
    covered: Vec<f64>,
}

impl PrefixGrowth {
    /// For `order`, a permutation of the avatar's N Gaussians.
    pub fn new(avatar: &Avatar, order: &[u32]) -> Self {
        let g = &avatar.gaussians;
        let mut sum = 0.0;
        let covers = order.iter().map(|&i| {
            let i = i as usize;
            let (scale, logit) = (g.log_scales.get(i), g.opacity_logits.get(i));
            let cover = scale.zip(logit).map_or(0.0, |(&scale, &logit)| f64::from(coverage(scale, logit)));
            sum += if cover.is_finite() { cover } else { 0.0 };
            sum
        });
        Self { covered: std::iter::once(0.0).chain(covers).collect() }
    }

    /// What standard deviations are to be multiplied by where the first `kept` are drawn: √(what all cover / what these
    /// cover). 1 if all are kept, and never more than 16.
    pub fn of(&self, kept: usize) -> f32 {
        let all = self.covered[self.covered.len() - 1];
        // Of none, as if there were one.
        let kept = self.covered[kept.max(1).min(self.covered.len() - 1)];
        if kept >= all {
            return 1.0;
        }
        ((all / kept).sqrt() as f32).clamp(1.0, MAX_GROWTH)
    }
}

/// Opacity × area of the largest cross-section.
fn coverage(log_scale: Vec3, opacity_logit: f32) -> f32 {
    // The two largest, whatever the order.
    opacity_from_logit(opacity_logit) * (log_scale.element_sum() - log_scale.min_element()).exp()
}

/// Where a Gaussian that lost stands in the order: by level, then by cell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    level: u32,
    /// The way from the root to the cell, the first turn in the lowest bit.
    reversed_path: u64,
    gaussian: u32,
}

struct Contest<'a> {
    positions: &'a [Vec3],
    strength: &'a [f32],
}

impl Contest<'_> {
    /// Plays out the cell of the Gaussians in `slots`, which get reordered: the winner, and places for all others.
    fn play(&self, slots: &mut [u32], level: u32, reversed_path: u64) -> (Option<u32>, Vec<Place>) {
        if slots.len() < 2 {
            return (slots.first().copied(), Vec::new());
        }
        let (low, high, middle) = self.extent(slots);
        let axis = longest(high - low);
        let half = slots.len() / 2;
        slots.select_nth_unstable_by(half, |&a, &b| {
            let along = |i: u32| self.position(i)[axis];
            along(a).total_cmp(&along(b)).then(a.cmp(&b))
        });
        let is_large = slots.len() > SERIAL_CELL;
        let (first, second) = slots.split_at_mut(half);
        // Halving 2³² of them takes 32 levels, so the shift stays within the path.
        let other_path = reversed_path | 1_u64.checked_shl(level).unwrap_or(0);
        let mut play_first = || self.play(first, level + 1, reversed_path);
        let mut play_second = || self.play(second, level + 1, other_path);
        let ((a, mut places), (b, more)) =
            if is_large { rayon::join(play_first, play_second) } else { (play_first(), play_second()) };
        places.extend(more);
        let radius_squared = (high - low).length_squared() / 4.0;
        let (winner, loser) = match (a, b) {
            (Some(a), Some(b)) if self.compare(a, b, middle, radius_squared).is_lt() => (Some(b), Some(a)),
            (Some(a), b) => (Some(a), b),
            (None, b) => (b, None),
        };
        places.extend(loser.map(|gaussian| Place { level, reversed_path, gaussian }));
        (winner, places)
    }

    /// Bounds and centroid.
    fn extent(&self, slots: &[u32]) -> (Vec3, Vec3, Vec3) {
        let mut low = Vec3::INFINITY;
        let mut high = Vec3::NEG_INFINITY;
        let mut sum = Vec3::ZERO;
        for &i in slots {
            let at = self.position(i);
            low = low.min(at);
            high = high.max(at);
            sum += at;
        }
        (low, high, sum / slots.len() as f32)
    }

    /// Which counts more in a cell; the lower index among equals.
    fn compare(&self, a: u32, b: u32, middle: Vec3, radius_squared: f32) -> Ordering {
        let worth = |i: u32| {
            let off = self.position(i).distance_squared(middle) / radius_squared;
            // In a cell without extent nobody stands at the rim.
            let loss = if off.is_nan() { 0.0 } else { RIM_LOSS * off.min(1.0) };
            self.strength.get(i as usize).copied().unwrap_or(0.0) * (1.0 - loss)
        };
        worth(a).total_cmp(&worth(b)).then(b.cmp(&a))
    }

    fn position(&self, i: u32) -> Vec3 {
        self.positions.get(i as usize).copied().unwrap_or_default()
    }
}

/// The axis of the longest side.
fn longest(sides: Vec3) -> usize {
    let [x, y, z] = sides.to_array();
    if x >= y && x >= z {
        0
    } else if y >= z {
        1
    } else {
        2
    }
}
