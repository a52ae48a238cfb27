//! Open borders of a surface, at which Gaussians must end.

use std::collections::HashMap;

use effigy_rig::Rig;
use glam::Vec3;

use super::bvh::Bvh;
use super::material;

/// Edges that one triangle alone has. Vertices that lie in the same place are one: texture seams are no borders.
pub(super) struct Borders {
    edges: Vec<Edge>,
    /// Edges as flat triangles.
    hierarchy: Bvh,
}

struct Edge {
    primitive: usize,
    /// Unit.
    along: Vec3,
    /// Normal of the triangle.
    normal: Vec3,
}

/// The border beside a point.
pub(super) struct Border {
    /// From the border to the point within the surface, metres; never negative.
    pub(super) distance: f32,
    /// Unit vectors along the border and from it into the surface.
    pub(super) along: Vec3,
    pub(super) inward: Vec3,
}

impl Borders {
    /// Of the solid parts of `rig` with its vertices at `positions`; others end where their picture says.
    pub(super) fn new(rig: &Rig, positions: &[Vec3]) -> Self {
        let mut numbers: HashMap<[u32; 3], u32> = HashMap::new();
        let welded: Vec<u32> = positions
            .iter()
            .map(|p| {
                let next = numbers.len() as u32;
                // Adding zero makes −0 and 0 one.
                *numbers.entry((*p + Vec3::ZERO).to_array().map(f32::to_bits)).or_insert(next)
            })
            .collect();
        let sides = |t: &[u32; 3]| [(t[0], t[1]), (t[1], t[2]), (t[2], t[0])];
        let key = |(a, b): (u32, u32)| {
            let (a, b) = (welded[a as usize], welded[b as usize]);
            (a.min(b), a.max(b))
        };
        let mut uses: HashMap<(u32, u32), u32> = HashMap::new();
        for side in rig.triangles.iter().flat_map(sides) {
            *uses.entry(key(side)).or_default() += 1;
        }
        let mut edges = Vec::new();
        let mut flat = Vec::new();
        for (index, primitive) in
            rig.primitives.iter().enumerate().filter(|(i, _)| material::is_solid(rig, *i))
        {
            for triangle in
                &rig.triangles[primitive.triangles.start as usize..primitive.triangles.end as usize]
            {
                let [a, b, c] = triangle.map(|v| positions[v as usize]);
                let Some(normal) = (b - a).cross(c - a).try_normalize() else { continue };
                for side in sides(triangle) {
                    let (start, end) = (positions[side.0 as usize], positions[side.1 as usize]);
                    if uses.get(&key(side)) != Some(&1) {
                        continue;
                    }
                    let Some(along) = (end - start).try_normalize() else { continue };
                    edges.push(Edge { primitive: index, along, normal });
                    flat.push([start, end, end]);
                }
            }
        }
        Self { edges, hierarchy: Bvh::new(flat) }
    }

    /// The border of the same primitive and side within `reach` of a point of the surface.
    pub(super) fn near(&self, primitive: usize, point: Vec3, normal: Vec3, reach: f32) -> Option<Border> {
        let other = |edge: u32, _: Vec3| {
            let edge = &self.edges[edge as usize];
            if edge.primitive != primitive || edge.normal.dot(normal) <= 0.0 { f32::INFINITY } else { 0.0 }
        };
        let (index, weights) = self.hierarchy.nearest(point, reach, other)?;
        let edge = &self.edges[index as usize];
        let [start, end, _] = *self.hierarchy.corners(index);
        let apart = point - (start + (end - start) * (1.0 - weights.x));
        let inward = normal.cross(edge.along).try_normalize()?;
        let along = inward.cross(normal).try_normalize()?;
        // Beyond an edge's end, or above it on another layer of a fold, it is not this point's border.
        let distance = apart.dot(inward);
        let beside = apart.dot(normal).abs() <= 0.6 * apart.length().max(1e-6 * reach);
        (distance >= -0.1 * reach && beside).then_some(Border { distance: distance.max(0.0), along, inward })
    }
}
