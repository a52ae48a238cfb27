//! How much of its surroundings a point of the surface sees.

use effigy_rig::Rig;
use glam::Vec3;

use super::bvh::Bvh;
use super::material;
use super::place;
use super::sample::Sample;

/// Occlusion rays per sample, and how far they look, in units of the diagonal of the rig's bounds.
const RAYS: u32 = 32;
const REACH: f32 = 0.05;

/// The opaque surface in some poses.
pub(super) struct Occlusion<'a> {
    poses: Vec<(&'a [Vec3], Bvh)>,
    reach: f32,
}

impl<'a> Occlusion<'a> {
    /// In `poses`, of which the first is rest.
    pub(super) fn new(rig: &Rig, poses: &'a [Vec<Vec3>]) -> Self {
        let (low, high) = poses.first().map_or((Vec3::ZERO, Vec3::ZERO), |rest| place::bounds(rest));
        let solid: Vec<u32> = (0..rig.primitives.len())
            .filter(|&p| material::is_solid(rig, p))
            .flat_map(|p| rig.primitives[p].triangles.clone())
            .collect();
        let hierarchy = |positions: &'a Vec<Vec3>| {
            let corners = |&t: &u32| rig.triangles[t as usize].map(|v| positions[v as usize]);
            (&positions[..], Bvh::new(solid.iter().map(corners).collect()))
        };
        Self { poses: poses.iter().map(hierarchy).collect(), reach: REACH * (high - low).length() }
    }

    /// How much of the hemisphere over a sample is open, 0 to 1, in the pose that shows it best. What is hit farther
    /// away darkens less.
    pub(super) fn openness(&self, rig: &Rig, sample: &Sample, smooth: Vec3, salt: u64) -> f32 {
        let triangle = rig.triangles[sample.triangle as usize];
        let mut best = 0.0_f32;
        for (index, (positions, bvh)) in self.poses.iter().enumerate() {
            // Only what is shut in at rest is worth a second look.
            if index > 0 && best > 0.6 {
                break;
            }
            let corners = triangle.map(|v| positions[v as usize]);
            let w = sample.weights;
            let at = corners[0] * w.x + corners[1] * w.y + corners[2] * w.z;
            let face = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize_or(smooth);
            let normal = if index == 0 && smooth.dot(face) > 0.0 { smooth } else { face };
            let origin = at + face * (1e-3 * self.reach + 1e-2 * sample.spacing);
            let (x, y) = normal.any_orthonormal_pair();
            let turn = place::unit_random(salt, 17) * std::f32::consts::TAU;
            let mut open = 0.0;
            for ray in 0..RAYS {
                // Cosine-distributed, on a spiral.
                let r2 = (ray as f32 + 0.5) / RAYS as f32;
                let angle = turn + ray as f32 * 2.399_963;
                let (sin, cos) = angle.sin_cos();
                let direction = (x * cos + y * sin) * r2.sqrt() + normal * (1.0 - r2).sqrt();
                open += match bvh.hit(origin, direction, self.reach) {
                    Some(distance) => (distance / self.reach).powi(2),
                    None => 1.0,
                };
            }
            best = best.max(open / RAYS as f32);
        }
        best
    }
}
