//! Where Gaussians sit in a field: the texels they read and the regions they belong to. It depends on the rig and the
//! binding only, so it is found once.

use effigy_rig::Rig;
use glam::{Vec2, Vec3};
use rayon::prelude::*;

use crate::config::check_region_count;
use crate::planes::check_surface;
use crate::regions::{TRAITS, vertex_mobility, vertex_traits};
use crate::{FieldError, PlaneLayout, RegionBlend, Regions};

/// The texels of N points on a rig, level by level, and their regions.
#[derive(Clone, Debug, PartialEq)]
pub struct Sites {
    /// One for each level of planes, and the last for the tri-plane.
    pub levels: Vec<LevelSites>,
    /// N entries.
    pub regions: Vec<RegionBlend>,
}

/// What N points read of one level: `corners` texels each, weighted.
#[derive(Clone, Debug, PartialEq)]
pub struct LevelSites {
    /// 4 texels of a plane, or 12 of the tri-plane.
    pub corners: usize,
    /// Rows of the level's table, N × `corners`.
    pub texels: Vec<u32>,
    /// Weight of each, N × `corners`.
    pub weights: Vec<f32>,
}

impl Sites {
    /// Finds the sites of points given by triangle and barycentric weights.
    ///
    /// # Errors
    /// [`FieldError::Surface`] if a triangle or vertex is out of range, or lengths disagree;
    /// [`FieldError::Config`] if there are no regions or too many.
    pub fn new(
        rig: &Rig,
        layout: &PlaneLayout,
        regions: &Regions,
        triangles: &[u32],
        barycentric: &[Vec3],
    ) -> Result<Self, FieldError> {
        check_surface(rig)?;
        check_region_count(regions.centers.len())?;
        if layout.triangle_count() != rig.triangles.len() {
            return Err(FieldError::Surface("the planes were laid over another rig".into()));
        }
        if triangles.len() != barycentric.len()
            || triangles.iter().any(|&t| t as usize >= rig.triangles.len())
        {
            return Err(FieldError::Surface("a point is bound to no triangle of the rig".into()));
        }
        let vertices = Vertices { traits: vertex_traits(rig), mobility: vertex_mobility(rig) };
        let points: Vec<Point> = triangles
            .par_iter()
            .zip(barycentric)
            .map(|(&t, &weights)| Point::on(rig, &vertices, t as usize, weights))
            .collect();
        let levels = layout.texels().len() - 1;
        let mut out: Vec<LevelSites> = (0..levels)
            .map(|level| {
                LevelSites::of(4, points.iter().flat_map(|p| layout.corners(level, p.triangle, p.uv)))
            })
            .collect();
        let triplane = points.iter().flat_map(|p| layout.triplane_corners(p.position)).flatten();
        out.push(LevelSites::of(12, triplane));
        let regions = points.par_iter().map(|p| regions.blend(&p.traits, p.mobility)).collect();
        Ok(Self { levels: out, regions })
    }

    /// How many points.
    pub fn len(&self) -> usize {
        self.regions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty()
    }
}

impl LevelSites {
    fn of(corners: usize, read: impl Iterator<Item = (u32, f32)>) -> Self {
        let (texels, weights) = read.unzip();
        Self { corners, texels, weights }
    }
}

/// What is known of each vertex.
struct Vertices {
    traits: Vec<[f32; TRAITS]>,
    mobility: Vec<f32>,
}

struct Point {
    triangle: usize,
    uv: Vec2,
    position: Vec3,
    traits: [f32; TRAITS],
    mobility: f32,
}

impl Point {
    fn on(rig: &Rig, vertices: &Vertices, triangle: usize, weights: Vec3) -> Self {
        let mut out =
            Self { triangle, uv: Vec2::ZERO, position: Vec3::ZERO, traits: [0.0; TRAITS], mobility: 0.0 };
        for (&v, weight) in rig.triangles[triangle].iter().zip(weights.to_array()) {
            let v = v as usize;
            out.uv += rig.uvs[v] * weight;
            out.position += rig.positions[v] * weight;
            out.mobility += vertices.mobility[v] * weight;
            for (sum, x) in out.traits.iter_mut().zip(&vertices.traits[v]) {
                *sum += x * weight;
            }
        }
        out
    }
}
