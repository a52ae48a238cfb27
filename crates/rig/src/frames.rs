//! Surface frames: how each vertex's neighbourhood has turned and stretched since rest.
//!
//! Weighted least squares over the one-ring gives, for each vertex, fixed coefficients whose sums over posed edges are
//! the images of two rest tangents (the surface's deformation gradient). Neither texture coordinates nor triangles are
//! needed at run time, and morphs, skinning and their combination are followed alike.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use glam::{Affine3A, DVec3, Mat3, Quat, Vec3};

use crate::error::within;
use crate::pose::{blend, joint_palette, normal_matrix};
use crate::poser::{apply_morphs, skin};
use crate::{Palette, Pose, Rig, RigError};

/// Where a vertex's frame comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameMode {
    /// The motion of the surface around the vertex; where there is too little of it, the skin.
    #[default]
    Surface,
    /// The blended joint matrix alone; morphs do not turn anything.
    Skin,
}

/// One neighbour in a vertex's ring and its share in the two tangents.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RingEntry {
    /// Vertex index.
    pub neighbour: u32,
    /// Coefficient of the edge in T, 1/metres.
    pub a: f32,
    /// Coefficient of the edge in B, 1/metres.
    pub b: f32,
}

/// Precomputed surface frames of a rig with V vertices.
///
/// A vertex has no ring where its neighbours, across seams, are more than 64 or do not span a plane.
///
/// Posed tangents of vertex v at p are `T = Σ a_j (p_j − p)` and `B = Σ b_j (p_j − p)` over its ring; of a vertex with
/// an empty ring, and wherever the ring has collapsed, they are the upper 3×3 of the blended joint matrix times
/// `rest_tangents`. With `(q, area) = frame_from_tangents(T, B)`, the vertex has turned by `q · rest_inverse` and grown
/// by `clamp(sqrt(area / rest_area), 0.25, 4)`; the rest pose gives the identity and 1. A `rest_area` of 0 marks a
/// vertex without any frame: it keeps the identity and 1 in every pose.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceFrames {
    /// V + 1 entries: the ring of v is `ring[ring_offsets[v]..ring_offsets[v + 1]]`.
    pub ring_offsets: Vec<u32>,
    /// All rings.
    pub ring: Vec<RingEntry>,
    /// V entries: T and B at rest, in mesh space.
    pub rest_tangents: Vec<[Vec3; 2]>,
    /// V entries: conjugate of the frame at rest.
    pub rest_inverse_rotations: Vec<Quat>,
    /// V entries: |T × B| at rest, or 0.
    pub rest_area: Vec<f32>,
}

/// A ring whose normal matrix has a smaller determinant, relative to the square of half its trace, is a line.
const MIN_RELATIVE_DETERMINANT: f64 = 1e-6;
/// A vertex with more neighbours than this, across seams, has no ring: every copy of it would hold them all.
const MAX_NEIGHBOURS: usize = 64;
/// Tangents that span less than this part of their rest area have collapsed.
const MIN_RELATIVE_AREA: f32 = 1e-12;

/// The rotation of the frame spanned by two tangents, and the area |T × B|.
///
/// `n = T × B`, `u = normalize(T/|T| + (B/|B|) × n/|n|)`, `v = n/|n| × u`; the rotation has columns u, v, n. It treats
/// T and B alike, so that shear turns the frame by half the angle either tangent turns. Parallel or zero tangents give
/// values that are not finite.
pub fn frame_from_tangents(t: Vec3, b: Vec3) -> (Quat, f32) {
    let n = t.cross(b);
    let area = n.length();
    let normal = n / area;
    let sum = t / t.length() + (b / b.length()).cross(normal);
    let u = sum / sum.length();
    let v = normal.cross(u);
    (Quat::from_mat3(&Mat3::from_cols(u, v, normal)), area)
}

impl SurfaceFrames {
    /// Prepares the frames of `rig`, whose rest mesh is the rig in [`Pose::rest`].
    ///
    /// # Errors
    /// Whatever [`Rig::validate`] finds; [`RigError::Limit`] for rings of more than 2³² entries.
    pub fn new(rig: &Rig, mode: FrameMode) -> Result<Self, RigError> {
        rig.validate()?;
        let pose = Pose::rest(rig);
        let mut palette = Palette::default();
        joint_palette(rig, &pose, &mut palette);
        let palette = palette.world_from_mesh;
        let mut morphed = Vec::new();
        apply_morphs(rig, &pose, &mut morphed);
        let mut positions = vec![Vec3::ZERO; rig.positions.len()];
        skin(rig, &palette, &morphed, &mut positions);

        let vertices = rig.positions.len();
        let mut frames = Self {
            ring_offsets: Vec::with_capacity(vertices + 1),
            ring: Vec::new(),
            rest_tangents: Vec::with_capacity(vertices),
            rest_inverse_rotations: Vec::with_capacity(vertices),
            rest_area: Vec::with_capacity(vertices),
        };
        frames.ring_offsets.push(0);
        let rings = (mode == FrameMode::Surface).then(|| Rings::new(rig));
        for v in 0..vertices {
            let skin = Mat3::from(blended(rig, &palette, v).matrix3);
            let normal = rig.normals[v];
            let start = frames.ring.len();
            if let Some(rings) = &rings {
                fit_ring(&positions, v, normal_matrix(skin) * normal, rings.around(v), &mut frames.ring);
            }
            let mut rest = tangents(&frames.ring[start..], &positions, v).map(|[t, b]| (t, b));
            // The same two tangents must serve a ring that collapses later, hence the way back into mesh space.
            let mut in_mesh = rest.and_then(|(t, b)| {
                let inverse = skin.inverse();
                let pair = [inverse * t, inverse * b];
                pair.iter().all(|p| p.is_finite()).then_some(pair)
            });
            if usable(rest, 0.0).is_none() || in_mesh.is_none() {
                frames.ring.truncate(start);
                let (x, y) = tangent_basis(normal);
                rest = Some((skin * x, skin * y));
                in_mesh = Some([x, y]);
            }
            let (inverse, area) =
                usable(rest, 0.0).map_or((Quat::IDENTITY, 0.0), |(q, a)| (q.conjugate(), a));
            let entries = frames.ring.len() as u64;
            within("the number of neighbours in surface frames", entries, u64::from(u32::MAX))?;
            frames.ring_offsets.push(entries as u32);
            frames.rest_tangents.push(in_mesh.unwrap_or([Vec3::X, Vec3::Y]));
            frames.rest_inverse_rotations.push(inverse);
            frames.rest_area.push(area);
        }
        Ok(frames)
    }

    /// How far vertex `v` of the posed mesh has turned and grown. `positions` are world space, `skin` is the vertex's
    /// blended joint matrix.
    fn evaluate(&self, v: usize, positions: &[Vec3], skin: impl Fn() -> Affine3A) -> (Quat, f32) {
        let rest_area = self.rest_area[v];
        if rest_area <= 0.0 {
            return (Quat::IDENTITY, 1.0);
        }
        let ring = &self.ring[self.ring_offsets[v] as usize..self.ring_offsets[v + 1] as usize];
        let by_ring = tangents(ring, positions, v).map(|[t, b]| (t, b));
        let frame = usable(by_ring, MIN_RELATIVE_AREA * rest_area).or_else(|| {
            let skin = skin().matrix3;
            let [t, b] = self.rest_tangents[v];
            usable(Some((skin * t, skin * b)), MIN_RELATIVE_AREA * rest_area)
        });
        match frame {
            Some((q, area)) => {
                (q * self.rest_inverse_rotations[v], (area / rest_area).sqrt().clamp(0.25, 4.0))
            }
            None => (Quat::IDENTITY, 1.0),
        }
    }

    /// Rotation and scale of every vertex since rest: `positions` are the posed vertices, `palette` the joint matrices
    /// that posed them. `rotations` and `scales` have V entries and are overwritten.
    pub(crate) fn write(
        &self,
        rig: &Rig,
        palette: &[Affine3A],
        positions: &[Vec3],
        rotations: &mut [Quat],
        scales: &mut [f32],
    ) {
        for (v, (rotation, scale)) in rotations.iter_mut().zip(scales).enumerate() {
            (*rotation, *scale) = self.evaluate(v, positions, || blended(rig, palette, v));
        }
    }
}

fn blended(rig: &Rig, palette: &[Affine3A], v: usize) -> Affine3A {
    let range = v * rig.influences..(v + 1) * rig.influences;
    blend(palette, &rig.joint_indices[range.clone()], &rig.joint_weights[range])
}

fn tangents(ring: &[RingEntry], positions: &[Vec3], v: usize) -> Option<[Vec3; 2]> {
    if ring.is_empty() {
        return None;
    }
    let origin = positions[v];
    let (mut t, mut b) = (Vec3::ZERO, Vec3::ZERO);
    for entry in ring {
        let edge = positions[entry.neighbour as usize] - origin;
        t += edge * entry.a;
        b += edge * entry.b;
    }
    Some([t, b])
}

fn usable(pair: Option<(Vec3, Vec3)>, min_area: f32) -> Option<(Quat, f32)> {
    let (t, b) = pair?;
    let (q, area) = frame_from_tangents(t, b);
    (area > min_area && area.is_finite() && q.is_finite()).then_some((q, area))
}

/// Two unit vectors perpendicular to `normal` and to each other, with x × y = normal.
fn tangent_basis(normal: Vec3) -> (Vec3, Vec3) {
    normal.try_normalize().unwrap_or(Vec3::Z).any_orthonormal_pair()
}

/// Appends the ring of vertex `v` to `ring`, or nothing where its neighbours do not span the tangent plane.
fn fit_ring(positions: &[Vec3], v: usize, normal: Vec3, neighbours: &[u32], ring: &mut Vec<RingEntry>) {
    let (x_axis, y_axis) = tangent_basis(normal);
    let (x_axis, y_axis) = (x_axis.as_dvec3(), y_axis.as_dvec3());
    let origin: DVec3 = positions[v].as_dvec3();
    let edge = |j: u32| positions[j as usize].as_dvec3() - origin;
    let longest = neighbours.iter().map(|&j| edge(j).length_squared()).fold(0.0, f64::max);
    // Vertices that coincide at rest but may part (lips) carry no direction.
    let spread = neighbours.iter().filter_map(|&j| {
        let e = edge(j);
        let squared = e.length_squared();
        (squared > 1e-12 * longest).then(|| (j, e.dot(x_axis), e.dot(y_axis), 1.0 / squared))
    });
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (_, x, y, w) in spread.clone() {
        xx += w * x * x;
        xy += w * x * y;
        yy += w * y * y;
    }
    let determinant = xx * yy - xy * xy;
    let half_trace = 0.5 * (xx + yy);
    if !(determinant > MIN_RELATIVE_DETERMINANT * half_trace * half_trace) {
        return;
    }
    let start = ring.len();
    ring.extend(spread.map(|(neighbour, x, y, w)| RingEntry {
        neighbour,
        a: (w * (yy * x - xy * y) / determinant) as f32,
        b: (w * (xx * y - xy * x) / determinant) as f32,
    }));
    if !ring[start..].iter().all(|e| e.a.is_finite() && e.b.is_finite()) {
        ring.truncate(start);
    }
}

/// Neighbours of each vertex, across seams.
struct Rings {
    /// The first of the vertices that v is welded to.
    weld: Vec<u32>,
    /// Neighbours by weld group, as sorted (group, neighbour) pairs; neighbours are first vertices of their groups.
    neighbours: Vec<u32>,
    offsets: Vec<usize>,
}

impl Rings {
    fn new(rig: &Rig) -> Self {
        let weld = weld(rig);
        let mut pairs = Vec::with_capacity(rig.triangles.len() * 6);
        for triangle in &rig.triangles {
            let [a, b, c] = triangle.map(|v| weld[v as usize]);
            pairs
                .extend([(a, b), (a, c), (b, a), (b, c), (c, a), (c, b)].into_iter().filter(|(i, j)| i != j));
        }
        pairs.sort_unstable();
        pairs.dedup();
        let mut offsets = vec![0usize; weld.len() + 1];
        for &(group, _) in &pairs {
            offsets[group as usize + 1] += 1;
        }
        for i in 1..offsets.len() {
            offsets[i] += offsets[i - 1];
        }
        Self { weld, neighbours: pairs.into_iter().map(|(_, j)| j).collect(), offsets }
    }

    /// Neighbours of vertex `v`, none where there are more than [`MAX_NEIGHBOURS`].
    fn around(&self, v: usize) -> &[u32] {
        let group = self.weld[v] as usize;
        let all = &self.neighbours[self.offsets[group]..self.offsets[group + 1]];
        if all.len() > MAX_NEIGHBOURS { &[] } else { all }
    }
}

/// For each vertex, the first one that moves exactly as it does: equal rest position, influences and displacement in
/// every morph. Seams in normals or texture coordinates do not part such vertices; coincident lips are not such.
fn weld(rig: &Rig) -> Vec<u32> {
    let vertices = rig.positions.len();
    let mut offsets = vec![0usize; vertices + 1];
    let moving = |m: &'_ crate::Morph| {
        m.indices
            .iter()
            .copied()
            .zip(m.deltas.iter().copied())
            .filter(|(_, d)| *d != Vec3::ZERO)
            .collect::<Vec<_>>()
    };
    for morph in &rig.morphs {
        for (v, _) in moving(morph) {
            offsets[v as usize + 1] += 1;
        }
    }
    for i in 1..offsets.len() {
        offsets[i] += offsets[i - 1];
    }
    let mut next = offsets.clone();
    let mut moves = vec![(0u32, [0u32; 3]); offsets[vertices]];
    for (k, morph) in rig.morphs.iter().enumerate() {
        for (v, delta) in moving(morph) {
            moves[next[v as usize]] = (k as u32, bits(delta));
            next[v as usize] += 1;
        }
    }
    let key = |v: usize| {
        let influences = v * rig.influences..(v + 1) * rig.influences;
        (
            bits(rig.positions[v]),
            &rig.joint_indices[influences.clone()],
            &rig.joint_weights[influences],
            &moves[offsets[v]..offsets[v + 1]],
        )
    };
    let mut first: HashMap<u64, u32> = HashMap::with_capacity(vertices);
    (0..vertices)
        .map(|v| {
            let (position, joints, weights, moves) = key(v);
            let mut hasher = DefaultHasher::new();
            (position, joints, moves).hash(&mut hasher);
            weights.iter().for_each(|w| w.to_bits().hash(&mut hasher));
            let known = *first.entry(hasher.finish()).or_insert(v as u32);
            // Unequal vertices of equal hash stay apart.
            if key(known as usize) == key(v) { known } else { v as u32 }
        })
        .collect()
}

/// The bit pattern, with −0 as 0.
fn bits(v: Vec3) -> [u32; 3] {
    (v + Vec3::ZERO).to_array().map(f32::to_bits)
}
