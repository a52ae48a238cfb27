//! Sample elimination: from many points, those that keep apart.
//!
//! Yuksel, "Sample Elimination for Generating Poisson Disk Sample Sets", 2015: the point that its neighbours crowd most
//! is taken away, again and again, until as many are left as are wanted.

use std::collections::BinaryHeap;

use glam::{IVec3, Vec3};
use rayon::prelude::*;

/// Points of a surface.
#[derive(Default)]
pub(super) struct Points {
    /// Where each is in each of some poses; the first is rest.
    pub(super) poses: Vec<Vec<Vec3>>,
    /// Unit normals at rest.
    pub(super) normals: Vec<Vec3>,
}

/// Shape of the weight (1 − d/2r)^α and of the distance below which it stays flat, as the paper has them.
const ALPHA: i32 = 8;
const BETA: f64 = 0.65;
const GAMMA: f64 = 1.5;

/// Most points looked at around one. On a sheet it is some fifty; a heap of coincident points must not take forever.
const MAX_VISITS: usize = 1024;

/// Neighbours must lie this near the tangent plane, relative to their distance: the layers of a fold are not.
const MAX_STEEPNESS: f32 = 0.6;

/// Distance that `count` points keep at best on a surface of `area`.
fn best_radius(area: f64, count: usize) -> f64 {
    (area / (2.0 * 3_f64.sqrt() * count.max(1) as f64)).sqrt()
}

/// Which `keep` of `points` on a surface of `area` square metres to keep, ascending.
///
/// The distance of two points is the largest over the poses, and points that face away from each other or lie on
/// different layers do not count as neighbours: lips and lids are as dense when they part as everything else.
pub(super) fn eliminate(points: &Points, keep: usize, area: f64) -> Vec<usize> {
    let count = points.normals.len();
    if keep >= count {
        return (0..count).collect();
    }
    let radius = best_radius(area, keep);
    let closest = radius * (1.0 - (keep as f64 / count as f64).powf(GAMMA)) * BETA;
    let kernel = Kernel { reach: 2.0 * radius as f32, flat: 2.0 * closest as f32 };
    let grid = Grid::new(points, kernel.reach);

    let mut weights: Vec<f32> = (0..count)
        .into_par_iter()
        .map(|i| {
            let mut sum = 0.0;
            grid.neighbours(points, i, |_, distance| sum += kernel.weight(distance));
            sum
        })
        .collect();
    // Weights only fall, so that an entry with an old one comes up too early, never too late. Weights are not
    // negative, so their bits are ordered as they are.
    let entry = |weight: f32, i: usize| u64::from(weight.to_bits()) << 32 | i as u64;
    let mut heap: BinaryHeap<u64> = weights.iter().enumerate().map(|(i, &w)| entry(w, i)).collect();
    let mut alive = vec![true; count];
    let mut left = count;
    while left > keep {
        let Some(top) = heap.pop() else { break };
        let i = (top & u64::from(u32::MAX)) as usize;
        if (top >> 32) as u32 != weights[i].to_bits() {
            heap.push(entry(weights[i], i));
            continue;
        }
        alive[i] = false;
        left -= 1;
        grid.neighbours(points, i, |j, distance| {
            if alive[j] {
                weights[j] = (weights[j] - kernel.weight(distance)).max(0.0);
            }
        });
    }
    (0..count).filter(|&i| alive[i]).collect()
}

struct Kernel {
    /// Twice the radius.
    reach: f32,
    /// Distance up to which the weight is the same.
    flat: f32,
}

impl Kernel {
    fn weight(&self, distance: f32) -> f32 {
        (1.0 - distance.max(self.flat) / self.reach).max(0.0).powi(ALPHA)
    }
}

/// Points at rest by cell of a hashed grid.
struct Grid {
    cell: f32,
    mask: usize,
    /// Where each bucket starts in `order`, and behind the last where it ends.
    starts: Vec<u32>,
    order: Vec<u32>,
}

impl Grid {
    fn new(points: &Points, cell: f32) -> Self {
        let rest = points.poses.first().map_or(&[][..], |p| &p[..]);
        let mask = rest.len().next_power_of_two() - 1;
        let mut grid =
            Self { cell: cell.max(f32::MIN_POSITIVE), mask, starts: vec![0; mask + 2], order: vec![] };
        let buckets: Vec<usize> = rest.iter().map(|&p| grid.bucket(grid.cell_of(p))).collect();
        for &bucket in &buckets {
            grid.starts[bucket + 1] += 1;
        }
        for b in 0..=mask {
            grid.starts[b + 1] += grid.starts[b];
        }
        let mut next = grid.starts.clone();
        grid.order = vec![0; rest.len()];
        for (i, &bucket) in buckets.iter().enumerate() {
            grid.order[next[bucket] as usize] = i as u32;
            next[bucket] += 1;
        }
        grid
    }

    fn cell_of(&self, p: Vec3) -> IVec3 {
        (p / self.cell).floor().as_ivec3()
    }

    fn bucket(&self, cell: IVec3) -> usize {
        let [x, y, z] = cell.to_array().map(|c| c as u32);
        let mixed = x.wrapping_mul(73_856_093) ^ y.wrapping_mul(19_349_663) ^ z.wrapping_mul(83_492_791);
        (mixed ^ mixed >> 15) as usize & self.mask
    }

    /// Calls `visit` with each neighbour of point `i` and its distance.
    fn neighbours(&self, points: &Points, i: usize, mut visit: impl FnMut(usize, f32)) {
        let rest = &points.poses[0];
        let (here, normal) = (rest[i], points.normals[i]);
        let middle = self.cell_of(here);
        let reach_squared = self.cell * self.cell;
        let mut visits = 0;
        for step in 0..27 {
            let step = IVec3::new(step % 3 - 1, step / 3 % 3 - 1, step / 9 - 1);
            let cell = middle.wrapping_add(step);
            let bucket = self.bucket(cell);
            for &j in &self.order[self.starts[bucket] as usize..self.starts[bucket + 1] as usize] {
                visits += 1;
                if visits > MAX_VISITS {
                    return;
                }
                let j = j as usize;
                let apart = rest[j] - here;
                let near = apart.length_squared();
                if j == i || near >= reach_squared || self.cell_of(rest[j]) != cell {
                    continue;
                }
                let steepest = apart.dot(normal).abs().max(apart.dot(points.normals[j]).abs());
                if normal.dot(points.normals[j]) <= 0.0 || steepest > MAX_STEEPNESS * near.sqrt() {
                    continue;
                }
                let moved = points.poses.iter().skip(1).map(|p| p[j].distance_squared(p[i]));
                let distance = moved.fold(near, f32::max);
                if distance < reach_squared {
                    visit(j, distance.sqrt());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::unit_random;
    use super::*;

    /// Random points of the unit square, in one pose.
    fn square(count: usize, z: f32, normal: Vec3) -> Points {
        let at = |i: usize| Vec3::new(unit_random(3, 2 * i as u64), unit_random(3, 2 * i as u64 + 1), z);
        Points { poses: vec![(0..count).map(at).collect()], normals: vec![normal; count] }
    }

    fn nearest(points: &[Vec3], i: usize) -> f32 {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, p)| p.distance(points[i])).fold(f32::INFINITY, f32::min)
    }

    #[test]
    fn what_is_left_keeps_its_distance() {
        let points = square(5000, 0.0, Vec3::Z);
        let kept = eliminate(&points, 1000, 1.0);
        assert_eq!(kept.len(), 1000);
        let left: Vec<Vec3> = kept.iter().map(|&i| points.poses[0][i]).collect();
        // Hexagons of 1000 points would be 2 × sqrt(1 / (2 √3 · 1000)) = 0.03398 apart; random points come within
        // 0.0005. The paper's own figure for α = 8 is about 0.7 of the former.
        let closest = (0..1000).map(|i| nearest(&left, i)).fold(f32::INFINITY, f32::min);
        assert!(closest > 0.6 * 0.033_98, "{closest}");
        // And no hole: every point of the square has one within the distance of hexagons.
        for i in 0..400 {
            let p = Vec3::new((i % 20) as f32 / 19.0, (i / 20) as f32 / 19.0, 0.0);
            let hole = left.iter().map(|q| q.distance(p)).fold(f32::INFINITY, f32::min);
            assert!(hole < 0.034, "{p}: {hole}");
        }
    }

    #[test]
    fn two_sides_of_a_sheet_do_not_compete() {
        let (mut both, back) = (square(3000, 0.0, Vec3::Z), square(3000, 0.002, Vec3::NEG_Z));
        let alone = eliminate(&both, 600, 1.0);
        both.poses[0].extend(&back.poses[0]);
        both.normals.extend(&back.normals);
        let kept = eliminate(&both, 1200, 2.0);
        assert_eq!(kept.iter().copied().filter(|&i| i < 3000).collect::<Vec<_>>(), alone);
        assert_eq!(kept.len(), 1200);
    }

    #[test]
    fn points_that_part_in_a_pose_do_not_compete() {
        let mut points = square(4000, 0.0, Vec3::Z);
        // Every other point is carried far away: two sheets of 2000 points each.
        let parted = points.poses[0].iter().enumerate().map(|(i, &p)| p + Vec3::Y * (3 * (i % 2)) as f32);
        points.poses.push(parted.collect());
        let kept = eliminate(&points, 800, 2.0);
        for half in [0, 1] {
            let left: Vec<Vec3> =
                kept.iter().filter(|&&i| i % 2 == half).map(|&i| points.poses[0][i]).collect();
            assert!((left.len() as i32 - 400).abs() < 15, "{}", left.len());
            let closest = (0..left.len()).map(|i| nearest(&left, i)).fold(f32::INFINITY, f32::min);
            assert!(closest > 0.55 * 0.053_73, "{closest}");
        }
    }

    #[test]
    fn coincident_and_distant_points_are_no_trouble() {
        let heap = Points { poses: vec![vec![Vec3::ONE; 3000]], normals: vec![Vec3::Z; 3000] };
        assert_eq!(eliminate(&heap, 10, 1.0).len(), 10);
        let mut far = square(100, 0.0, Vec3::Z);
        far.poses[0][50] = Vec3::splat(3e38);
        far.poses[0][51] = Vec3::splat(-3e38);
        assert_eq!(eliminate(&far, 40, 1.0).len(), 40);
        assert_eq!(eliminate(&far, 40, 0.0).len(), 40);
        assert_eq!(eliminate(&Points::default(), 5, 1.0), Vec::<usize>::new());
    }
}
