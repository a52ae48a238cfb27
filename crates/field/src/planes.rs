//! Where feature planes lie over a rig's surface, and which texels a point of it reads.
//!
//! Primitives of a rig often share texture coordinates (both eyes, teeth and skin, each with a picture of its own), so
//! every primitive gets a patch of its own in every level, as large as its share of the surface.

use effigy_rig::Rig;
use glam::{Vec2, Vec3};

use crate::{FieldConfig, FieldError};

/// A patch is at least this many texels wide and high.
const MIN_SIDE: usize = 4;

/// The patches of all levels over one rig, and the box of the tri-plane.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaneLayout {
    levels: Vec<Level>,
    triplane: Triplane,
    /// The primitive of each triangle.
    primitive_of: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq)]
struct Level {
    /// One for each primitive.
    patches: Vec<Patch>,
    texels: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Patch {
    first: usize,
    width: usize,
    height: usize,
    uv_min: Vec2,
    uv_size: Vec2,
}

#[derive(Clone, Debug, PartialEq)]
struct Triplane {
    resolution: usize,
    low: Vec3,
    size: Vec3,
}

/// Texels and their weights, which sum to 1.
pub(crate) type Corners = [(u32, f32); 4];

impl PlaneLayout {
    /// Lays the planes of `config` over `rig`. The same rig and configuration give the same layout.
    ///
    /// # Errors
    /// [`FieldError::Surface`] for a rig without triangles, or whose indices are out of range.
    pub fn new(rig: &Rig, config: &FieldConfig) -> Result<Self, FieldError> {
        config.validate()?;
        check_surface(rig)?;
        let mut primitive_of = vec![0; rig.triangles.len()];
        let mut areas = Vec::new();
        let mut uv_boxes = Vec::new();
        for (p, primitive) in rig.primitives.iter().enumerate() {
            let triangles = primitive.triangles.start as usize..primitive.triangles.end as usize;
            primitive_of[triangles.clone()].fill(p as u32);
            let mut area = 0.0;
            let (mut low, mut high) = (Vec2::INFINITY, Vec2::NEG_INFINITY);
            for t in &rig.triangles[triangles] {
                let [a, b, c] = t.map(|v| rig.positions[v as usize]);
                area += 0.5 * (b - a).cross(c - a).length();
                for uv in t.map(|v| rig.uvs[v as usize]) {
                    (low, high) = (low.min(uv), high.max(uv));
                }
            }
            areas.push(area);
            let usable = low.is_finite() && high.is_finite();
            uv_boxes.push(if usable {
                (low, (high - low).max(Vec2::splat(1e-6)))
            } else {
                (Vec2::ZERO, Vec2::ONE)
            });
        }
        let total: f32 = areas.iter().sum();
        let levels = config
            .planes
            .iter()
            .map(|plane| {
                let mut texels = 0;
                let patches = areas
                    .iter()
                    .zip(&uv_boxes)
                    .zip(&rig.primitives)
                    .map(|((area, &(uv_min, uv_size)), primitive)| {
                        // What has no triangles is not kept in files, and must not shift what follows.
                        if primitive.triangles.is_empty() {
                            return Patch { first: texels, ..Patch::default() };
                        }
                        let share = if total > 0.0 { area / total } else { 1.0 };
                        let side = plane.resolution as f32 * share.sqrt();
                        let aspect = (uv_size.x / uv_size.y).clamp(0.25, 4.0).sqrt();
                        let texels_of =
                            |x: f32| (x.round() as usize).clamp(MIN_SIDE, 2 * plane.resolution.max(2));
                        let (width, height) = (texels_of(side * aspect), texels_of(side / aspect));
                        let patch = Patch { first: texels, width, height, uv_min, uv_size };
                        texels += width * height;
                        patch
                    })
                    .collect();
                Level { patches, texels }
            })
            .collect();
        let first = rig.positions[rig.triangles[0][0] as usize];
        let (low, high) = rig.triangles.iter().flatten().fold((first, first), |(low, high), &v| {
            let p = rig.positions[v as usize];
            (low.min(p), high.max(p))
        });
        let triplane = Triplane {
            resolution: config.triplane.resolution.max(2),
            low,
            size: (high - low).max(Vec3::splat(1e-6)),
        };
        Ok(Self { levels, triplane, primitive_of })
    }

    /// How many triangles the rig of this layout has.
    pub(crate) fn triangle_count(&self) -> usize {
        self.primitive_of.len()
    }

    /// Texels of each level, then of the three tri-planes together.
    pub fn texels(&self) -> Vec<usize> {
        let triplane = 3 * self.triplane.resolution * self.triplane.resolution;
        self.levels.iter().map(|level| level.texels).chain([triplane]).collect()
    }

    /// The texels of `level` around a point of `triangle`.
    pub(crate) fn corners(&self, level: usize, triangle: usize, uv: Vec2) -> Corners {
        let patch = &self.levels[level].patches[self.primitive_of[triangle] as usize];
        let at = (uv - patch.uv_min) / patch.uv_size;
        bilinear(patch.first, patch.width, patch.height, at)
    }

    /// The texels of the three tri-planes (yz, xz, xy) around a rest position.
    pub(crate) fn triplane_corners(&self, position: Vec3) -> [Corners; 3] {
        let Triplane { resolution, low, size } = self.triplane;
        let at = (position - low) / size;
        let plane = |k: usize, u: f32, v: f32| {
            bilinear(k * resolution * resolution, resolution, resolution, Vec2::new(u, v))
        };
        [plane(0, at.y, at.z), plane(1, at.x, at.z), plane(2, at.x, at.y)]
    }
}

/// Checks what layouts, regions and sites read of a rig.
pub(crate) fn check_surface(rig: &Rig) -> Result<(), FieldError> {
    let fail = |what: &str| Err(FieldError::Surface(what.into()));
    let vertices = rig.vertex_count();
    let outside = |v: &u32| *v as usize >= vertices;
    if rig.triangles.is_empty() {
        return fail("the rig has no surface");
    }
    if rig.triangles.iter().flatten().any(outside) || rig.uvs.len() != vertices {
        return fail("a triangle of the rig has no vertices");
    }
    if rig.morphs.iter().flat_map(|m| &m.indices).any(outside) {
        return fail("a morph moves a vertex that is not there");
    }
    let mut covered = vec![false; rig.triangles.len()];
    for primitive in &rig.primitives {
        match covered.get_mut(primitive.triangles.start as usize..primitive.triangles.end as usize) {
            Some(part) => part.fill(true),
            None => return fail("a primitive ends behind the rig"),
        }
    }
    if covered.contains(&false) { fail("a triangle belongs to no primitive") } else { Ok(()) }
}

/// The four texels around `at` (0 to 1 over the patch, texel centres at the ends) in a patch that starts at `first`.
fn bilinear(first: usize, width: usize, height: usize, at: Vec2) -> Corners {
    let axis = |x: f32, count: usize| {
        // NaN goes to 0.
        let x = (x.clamp(0.0, 1.0) * (count - 1) as f32).max(0.0);
        let i = (x as usize).min(count - 2);
        (i, x - i as f32)
    };
    let (i, fx) = axis(at.x, width);
    let (j, fy) = axis(at.y, height);
    let texel = |i: usize, j: usize| (first + j * width + i) as u32;
    [
        (texel(i, j), (1.0 - fx) * (1.0 - fy)),
        (texel(i + 1, j), fx * (1.0 - fy)),
        (texel(i, j + 1), (1.0 - fx) * fy),
        (texel(i + 1, j + 1), fx * fy),
    ]
}

#[cfg(test)]
mod tests {
    use effigy_rig::Primitive;

    use super::*;
    use crate::PlaneConfig;

    /// Two squares of different sizes over the same texture coordinates, and a primitive of nothing between them.
    fn rig() -> Rig {
        let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        let mut rig = Rig::default();
        for (p, size) in [0.2_f32, 0.05].into_iter().enumerate() {
            let first = rig.positions.len() as u32;
            rig.positions.extend(corners.map(|(x, y)| Vec3::new(x * size, y * size, p as f32 * 0.1)));
            rig.uvs.extend(corners.map(|(x, y)| Vec2::new(0.2 + 0.5 * x, 0.1 + 0.3 * y)));
            rig.triangles.extend([[first, first + 1, first + 2], [first, first + 2, first + 3]]);
            let primitive = |vertices, triangles| Primitive {
                node: 0,
                mesh_name: String::new(),
                vertices,
                triangles,
                material: None,
                skinned: false,
            };
            let t = 2 * p as u32;
            rig.primitives.push(primitive(first..first + 4, t..t + 2));
            if p == 0 {
                rig.primitives.push(primitive(first + 4..first + 4, t + 2..t + 2));
            }
        }
        rig
    }

    fn config() -> FieldConfig {
        let plane = |resolution, channels| PlaneConfig { resolution, channels };
        FieldConfig {
            planes: vec![plane(16, 2), plane(40, 1)],
            triplane: plane(9, 3),
            ..FieldConfig::default()
        }
    }

    #[test]
    fn corners_give_back_a_linear_function_of_the_texture_coordinates() {
        let layout = PlaneLayout::new(&rig(), &config()).unwrap();
        let linear = |uv: Vec2| 3.0 * uv.x - 7.0 * uv.y + 0.5;
        for (l, level) in layout.levels.iter().enumerate() {
            assert_eq!(level.patches.iter().map(|p| p.width * p.height).sum::<usize>(), level.texels);
            // Texel centres stand at the ends of a patch and evenly between.
            let mut table = vec![f32::NAN; level.texels];
            for patch in &level.patches {
                for (j, i) in (0..patch.height).flat_map(|j| (0..patch.width).map(move |i| (j, i))) {
                    let at =
                        Vec2::new(i as f32 / (patch.width - 1) as f32, j as f32 / (patch.height - 1) as f32);
                    table[patch.first + j * patch.width + i] = linear(patch.uv_min + at * patch.uv_size);
                }
            }
            for triangle in 0..4 {
                for k in 0..200 {
                    let at = Vec2::new((k as f32 * 0.618).fract(), (k as f32 * 0.414).fract());
                    let uv = Vec2::new(0.2, 0.1) + at * Vec2::new(0.5, 0.3);
                    let corners = layout.corners(l, triangle, uv);
                    let sum: f32 = corners.iter().map(|c| c.1).sum();
                    let value: f32 = corners.iter().map(|&(t, w)| w * table[t as usize]).sum();
                    assert!((sum - 1.0).abs() < 1e-6 && corners.iter().all(|c| c.1 >= 0.0), "{corners:?}");
                    assert!((value - linear(uv)).abs() < 1e-4, "{value} {}", linear(uv));
                    let patch = &level.patches[if triangle < 2 { 0 } else { 2 }];
                    let own = patch.first..patch.first + patch.width * patch.height;
                    assert!(corners.iter().all(|c| own.contains(&(c.0 as usize))), "a patch of its own");
                }
            }
        }
    }

    #[test]
    fn patches_are_as_large_as_their_share_of_the_surface() {
        let layout = PlaneLayout::new(&rig(), &config()).unwrap();
        let [large, none, small] = layout.levels[1].patches[..] else { panic!("three patches") };
        // 16 to 1 by area; the texture coordinates are 5 to 3.
        let side = 40.0 * (16.0_f32 / 17.0).sqrt();
        let aspect = (5.0_f32 / 3.0).sqrt();
        assert_eq!(
            (large.width, large.height),
            ((side * aspect).round() as usize, (side / aspect).round() as usize)
        );
        assert_eq!(none.width * none.height, 0);
        assert_eq!((small.width, small.height), (13, 8), "40/√17 = 9.70, times and over √(5/3)");
    }

    #[test]
    fn the_three_space_planes_give_back_a_linear_function_of_position() {
        let layout = PlaneLayout::new(&rig(), &config()).unwrap();
        let n = layout.triplane.resolution;
        let axes = [(1, 2), (0, 2), (0, 1)];
        let linear = |k: usize, a: f32, b: f32| (k + 1) as f32 * a - 2.0 * b;
        let coordinate = |axis: usize, i: usize| {
            layout.triplane.low[axis] + layout.triplane.size[axis] * i as f32 / (n - 1) as f32
        };
        let mut table = vec![0.0; 3 * n * n];
        for (k, (a, b)) in axes.into_iter().enumerate() {
            for (j, i) in (0..n).flat_map(|j| (0..n).map(move |i| (j, i))) {
                table[(k * n + j) * n + i] = linear(k, coordinate(a, i), coordinate(b, j));
            }
        }
        let p = Vec3::new(0.13, 0.07, 0.04);
        for (k, corners) in layout.triplane_corners(p).into_iter().enumerate() {
            let value: f32 = corners.iter().map(|&(t, w)| w * table[t as usize]).sum();
            assert!((value - linear(k, p[axes[k].0], p[axes[k].1])).abs() < 1e-5, "plane {k}");
        }
    }

    #[test]
    fn points_that_are_nowhere_read_some_texel() {
        let layout = PlaneLayout::new(&rig(), &config()).unwrap();
        for x in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -5.0, 1e30] {
            let corners = layout.corners(0, 3, Vec2::splat(x));
            assert!(corners.iter().all(|&(t, w)| (t as usize) < layout.levels[0].texels && w.is_finite()));
        }
    }

    #[test]
    fn rigs_that_do_not_hold_together_are_refused() {
        let refused = |change: fn(&mut Rig)| {
            let mut broken = rig();
            change(&mut broken);
            PlaneLayout::new(&broken, &config()).unwrap_err().to_string()
        };
        assert!(refused(|r| r.triangles.clear()).contains("no surface"));
        assert!(refused(|r| r.triangles[1][2] = 8).contains("no vertices"));
        assert!(refused(|r| r.uvs.truncate(3)).contains("no vertices"));
        assert!(refused(|r| r.primitives[2].triangles.end = 9).contains("behind the rig"));
        assert!(refused(|r| r.primitives[2].triangles.start = 3).contains("no primitive"));
        let config = FieldConfig { bases: 0, ..config() };
        assert!(PlaneLayout::new(&rig(), &config).unwrap_err().to_string().contains("number of bases 0"));
    }
}
