//! Fewer triangles for a rig, keeping what its morphs need.

use effigy_rig::{Morph, Primitive, Rig};
use glam::Vec3;
use meshopt::{SimplifyOptions, VertexDataAdapter, simplify_with_attributes_and_locks};

use crate::morph::part_within;

/// Morphs whose displacements the simplifier sees; with normal and UV they fill its 32 attributes.
const GUIDING_MORPHS: usize = 9;
/// Relative weights of attributes against position. Displacements are lengths, as positions are.
const NORMAL_WEIGHT: f32 = 0.15;
const UV_WEIGHT: f32 = 0.25;
const MORPH_WEIGHT: f32 = 1.0;

/// `rig` with about `target_triangles` triangles, shared among its primitives as they have them now.
///
/// Edges are collapsed onto vertices that exist already, by quadric error over position, normal, UV and the
/// displacements of the strongest morphs, so that eyelids and lips keep their detail; open borders stay as they are.
/// The result may have more triangles than asked for where borders and seams leave no choice. Unused vertices are
/// dropped; nodes, joints, materials and animations are kept. A rig that has no more than the target is returned as
/// it is, and so is one that [`Rig::validate`] refuses or whose primitives share vertices or stand in another order than
/// these, which no loaded rig does.
pub fn simplify(rig: &Rig, target_triangles: usize) -> Rig {
    let total = rig.triangles.len();
    let in_order = rig.primitives.is_sorted_by(|a, b| a.vertices.end <= b.vertices.start);
    if total <= target_triangles || !in_order || rig.validate().is_err() {
        return rig.clone();
    }
    let ratio = target_triangles as f64 / total as f64;
    let mut out = Rig { morphs: Vec::new(), ..rig.clone() };
    (out.positions, out.normals, out.uvs, out.colors) = Default::default();
    (out.joint_indices, out.joint_weights) = Default::default();
    (out.triangles, out.primitives) = Default::default();
    // Where each old vertex went.
    let mut moved_to: Vec<Option<u32>> = vec![None; rig.vertex_count()];
    for primitive in &rig.primitives {
        let kept = simplify_primitive(rig, primitive, ratio);
        let mut used: Vec<u32> = kept.iter().flatten().copied().collect();
        used.sort_unstable();
        used.dedup();
        let first_vertex = out.positions.len() as u32;
        for &old in &used {
            let v = old as usize;
            moved_to[v] = Some(out.positions.len() as u32);
            out.positions.push(rig.positions[v]);
            out.normals.push(rig.normals[v]);
            out.uvs.push(rig.uvs[v]);
            out.colors.extend(rig.colors.get(v));
            let influences = v * rig.influences..(v + 1) * rig.influences;
            out.joint_indices.extend(&rig.joint_indices[influences.clone()]);
            out.joint_weights.extend(&rig.joint_weights[influences]);
        }
        let first_triangle = out.triangles.len() as u32;
        let place = |v: u32| moved_to[v as usize].unwrap_or(first_vertex);
        out.triangles.extend(kept.iter().map(|t| t.map(place)));
        out.primitives.push(Primitive {
            vertices: first_vertex..out.positions.len() as u32,
            triangles: first_triangle..out.triangles.len() as u32,
            ..primitive.clone()
        });
    }
    // New vertices stand in the order of the old, as primitives do, so the lists stay ascending.
    out.morphs = rig
        .morphs
        .iter()
        .map(|morph| {
            let (indices, deltas) = morph
                .indices
                .iter()
                .zip(&morph.deltas)
                .filter_map(|(&v, &delta)| Some((moved_to[v as usize]?, delta)))
                .unzip();
            Morph { indices, deltas, ..morph.clone() }
        })
        .collect();
    out
}

/// The triangles that are left of `primitive`, with the rig's vertex numbers.
fn simplify_primitive(rig: &Rig, primitive: &Primitive, ratio: f64) -> Vec<[u32; 3]> {
    let triangles = &rig.triangles[primitive.triangles.start as usize..primitive.triangles.end as usize];
    let start = primitive.vertices.start;
    let range = start as usize..primitive.vertices.end as usize;
    let positions = &rig.positions[range.clone()];
    if triangles.iter().flatten().any(|v| !primitive.vertices.contains(v)) {
        return triangles.to_vec();
    }
    let indices: Vec<u32> = triangles.iter().flatten().map(|v| v - start).collect();
    let target = (triangles.len() as f64 * ratio).ceil() as usize * 3;
    let Some(&first) = positions.first() else { return triangles.to_vec() };
    let (lo, hi) = positions.iter().fold((first, first), |(lo, hi), &p| (lo.min(p), hi.max(p)));
    let extent = (hi - lo).max_element().max(f32::MIN_POSITIVE);

    let guides = strongest_morphs(rig, primitive);
    let width = 5 + 3 * guides.len();
    let mut attributes = vec![0.0_f32; positions.len() * width];
    for (v, row) in attributes.chunks_exact_mut(width).enumerate() {
        row[..3].copy_from_slice(&rig.normals[range.start + v].to_array());
        row[3..5].copy_from_slice(&rig.uvs[range.start + v].to_array());
    }
    for (k, (indices, deltas)) in guides.iter().enumerate() {
        for (&v, &delta) in indices.iter().zip(*deltas) {
            let at = (v - start) as usize * width + 5 + 3 * k;
            attributes[at..at + 3].copy_from_slice(&(delta / extent).to_array());
        }
    }
    let mut weights = vec![MORPH_WEIGHT; width];
    weights[..3].fill(NORMAL_WEIGHT);
    weights[3..5].fill(UV_WEIGHT);
    let Ok(vertices) = VertexDataAdapter::new(bytemuck::cast_slice(positions), 12, 0) else {
        return triangles.to_vec();
    };
    let kept = simplify_with_attributes_and_locks(
        &indices,
        &vertices,
        &attributes,
        &weights,
        width * 4,
        &vec![false; positions.len()],
        target,
        // No bound on the error: the count decides.
        f32::MAX,
        SimplifyOptions::LockBorder,
        None,
    );
    if kept.is_empty() {
        return triangles.to_vec();
    }
    kept.chunks_exact(3).map(|t| [t[0] + start, t[1] + start, t[2] + start]).collect()
}

/// The part in `primitive` of the morphs that move it most: first by farthest vertex, which finds eyelids, then by
/// the sum over vertices, which finds the jaw.
fn strongest_morphs<'a>(rig: &'a Rig, primitive: &Primitive) -> Vec<(&'a [u32], &'a [Vec3])> {
    let part = |morph: &'a Morph| part_within(morph, &primitive.vertices);
    let mut parts: Vec<(&[u32], &[Vec3])> =
        rig.morphs.iter().map(part).filter(|(indices, _)| !indices.is_empty()).collect();
    let farthest = |deltas: &[Vec3]| deltas.iter().map(|d| d.length_squared()).fold(0.0, f32::max);
    let total = |deltas: &[Vec3]| deltas.iter().map(|d| d.length_squared()).sum::<f32>();
    parts.sort_by(|a, b| farthest(b.1).total_cmp(&farthest(a.1)));
    let split = (GUIDING_MORPHS / 2 + 1).min(parts.len());
    parts[split..].sort_by(|a, b| total(b.1).total_cmp(&total(a.1)));
    parts.truncate(GUIDING_MORPHS);
    parts
}
