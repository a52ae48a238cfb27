//! Primitives into one set of vertex arrays.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use glam::{Affine3A, Mat4, Vec2, Vec3, Vec4};
use gltf::json::accessor::Type;
use gltf::json::mesh::{Mode, Primitive as JsonPrimitive, Semantic};
use gltf::json::validation::Checked;
use gltf::json::{Node as JsonNode, Root};

use crate::error::{invalid, within};
use crate::{Joint, LoadLimits, Primitive, Rig, RigError};

use super::accessor::{Accessors, Scaling, Values};
use super::left_out::LeftOut;
use super::material::UvMapping;
use super::morph::Names;
use super::node::Order;

/// Adds the primitives of all shown nodes to `rig`, whose nodes and morphs are there already.
pub(super) fn meshes(
    root: &Root,
    accessors: &Accessors<'_>,
    order: &Order,
    morphs: &Names,
    rig: &mut Rig,
    limits: &LoadLimits,
) -> Result<(), RigError> {
    let mut reader = Reader {
        root,
        accessors,
        order,
        limits,
        influences: Vec::new(),
        skins: HashMap::new(),
        rigid_joints: HashMap::new(),
        morph_deltas: 0,
        negative_weights: LeftOut::default(),
        unfit_colors: LeftOut::default(),
    };
    for (node_index, &file) in order.files.iter().enumerate() {
        let Some(node) = root.nodes.get(file) else { continue };
        if let (Some(mesh), true) = (node.mesh, order.shown[node_index]) {
            reader.mesh(mesh.value(), node, node_index, morphs.of_mesh(mesh.value()), rig)?;
        }
    }
    reader.finish(rig);
    Ok(())
}

struct Reader<'a> {
    root: &'a Root,
    accessors: &'a Accessors<'a>,
    order: &'a Order,
    limits: &'a LoadLimits,
    /// Up to eight (joint, weight) pairs per vertex, those of weight 0 left out.
    influences: Vec<Influences>,
    /// First joint and number of joints of each skin that is in use.
    skins: HashMap<usize, Range<usize>>,
    /// The joint of each node that carries a mesh without a skin.
    rigid_joints: HashMap<usize, usize>,
    /// Displacements so far.
    morph_deltas: u64,
    negative_weights: LeftOut,
    unfit_colors: LeftOut,
}

#[derive(Clone, Copy)]
struct Influences {
    joints: [u16; 8],
    weights: [f32; 8],
}

impl Reader<'_> {
    fn mesh(
        &mut self,
        mesh_index: usize,
        node: &JsonNode,
        node_index: usize,
        morphs: &[usize],
        rig: &mut Rig,
    ) -> Result<(), RigError> {
        let Some(mesh) = self.root.meshes.get(mesh_index) else { return Ok(()) };
        let mut seen = HashSet::new();
        for (i, primitive) in mesh.primitives.iter().enumerate() {
            let place = format!("mesh {mesh_index}, primitive {i}");
            let mode = match primitive.mode {
                Checked::Valid(Mode::Points | Mode::Lines | Mode::LineLoop | Mode::LineStrip) => continue,
                Checked::Valid(mode) => mode,
                Checked::Invalid => return Err(invalid(place, "its mode is unknown")),
            };
            let material = primitive.material.map(|m| m.value());
            let mapping = UvMapping::new(self.root, material)?;
            within("the number of primitives", rig.primitives.len() as u64 + 1, self.limits.primitives)?;
            let first = rig.positions.len() as u32;
            let count = self.positions(primitive, rig, &place)?;
            let vertices = first..first + count as u32;
            let mut triangles = self.triangles(primitive, mode, count, rig.triangles.len(), &place)?;
            self.attributes(primitive, &vertices, &triangles, mapping, rig, &place)?;
            let skinned = self.bind(primitive, node, node_index, count, rig, &place)?;
            self.morphs(primitive, morphs, &vertices, rig, &place)?;
            // Exporters often let all primitives of a mesh index the same vertices; each gets its own copy, so that
            // primitives can be changed and written one by one.
            if !seen.insert(attribute(primitive, Semantic::Positions)) {
                keep_used(rig, &mut self.influences, morphs, first, &mut triangles);
            }
            let vertices = first..rig.positions.len() as u32;
            let start = rig.triangles.len() as u32;
            rig.triangles.extend(triangles.into_iter().map(|t| t.map(|v| first + v)));
            rig.primitives.push(Primitive {
                node: node_index,
                mesh_name: mesh.name.clone().unwrap_or_default(),
                vertices,
                triangles: start..rig.triangles.len() as u32,
                material,
                skinned,
            });
        }
        Ok(())
    }

    fn positions(&self, primitive: &JsonPrimitive, rig: &mut Rig, place: &str) -> Result<usize, RigError> {
        let Some(accessor) = attribute(primitive, Semantic::Positions) else {
            return Err(invalid(place, "has no POSITION"));
        };
        let place = format!("{place}, POSITION");
        let count = self.accessors.count(accessor, &place)?;
        let total = (rig.positions.len() as u64).saturating_add(count as u64);
        within("the number of vertices", total, self.limits.vertices.min(u64::from(u32::MAX) / 16))?;
        let values = self.accessors.floats(accessor, Type::Vec3, Scaling::AsDeclared, &place)?;
        rig.positions.extend(vec3s(&values));
        Ok(count)
    }

    fn triangles(
        &self,
        primitive: &JsonPrimitive,
        mode: Mode,
        vertices: usize,
        before: usize,
        place: &str,
    ) -> Result<Vec<[u32; 3]>, RigError> {
        let limit = self.limits.triangles.min(u64::from(u32::MAX) / 3);
        let place = format!("{place}, indices");
        let indices = match primitive.indices {
            Some(accessor) => {
                let count = self.accessors.count(accessor.value(), &place)? as u64;
                let triangles = if mode == Mode::Triangles { count / 3 } else { count };
                within("the number of triangles", triangles.saturating_add(before as u64), limit)?;
                self.accessors.integers(accessor.value(), Type::Scalar, &place)?
            }
            None => {
                within("the number of triangles", (vertices as u64).saturating_add(before as u64), limit)?;
                (0..vertices as u32).collect()
            }
        };
        if let Some(&wrong) = indices.iter().find(|&&i| i as usize >= vertices) {
            return Err(invalid(place, format!("vertex {wrong} is out of range, there are {vertices}")));
        }
        // Strips are stitched with triangles of two corners, which show nothing.
        let solid = |t: &[u32; 3]| t[0] != t[1] && t[1] != t[2] && t[2] != t[0];
        let triples = || indices.windows(3).map(|w| [w[0], w[1], w[2]]);
        Ok(match mode {
            Mode::TriangleStrip => triples()
                .enumerate()
                .map(|(i, [a, b, c])| if i % 2 == 0 { [a, b, c] } else { [a, c, b] })
                .filter(solid)
                .collect(),
            Mode::TriangleFan => {
                let centre = indices.first().copied().unwrap_or(0);
                triples().map(|[_, b, c]| [b, c, centre]).filter(solid).collect()
            }
            _ => {
                let (whole, rest) = indices.as_chunks();
                if !rest.is_empty() {
                    return Err(invalid(place, format!("{} is not a multiple of 3", indices.len())));
                }
                whole.to_vec()
            }
        })
    }

    /// Normals, texture coordinates and colours.
    fn attributes(
        &mut self,
        primitive: &JsonPrimitive,
        vertices: &Range<u32>,
        triangles: &[[u32; 3]],
        mapping: UvMapping,
        rig: &mut Rig,
        place: &str,
    ) -> Result<(), RigError> {
        let positions = &rig.positions[vertices.start as usize..vertices.end as usize];
        let mut computed = Vec::new();
        let mut normals = match attribute(primitive, Semantic::Normals) {
            Some(accessor) => {
                let values =
                    self.attribute(accessor, Type::Vec3, vertices.len(), &format!("{place}, NORMAL"))?;
                vec3s(&values).collect()
            }
            None => vec![Vec3::ZERO; vertices.len()],
        };
        for (v, normal) in normals.iter_mut().enumerate() {
            *normal = normal.try_normalize().unwrap_or_else(|| {
                if computed.is_empty() {
                    computed = vertex_normals(positions, triangles);
                }
                computed[v]
            });
        }
        rig.normals.extend(normals);
        match attribute(primitive, Semantic::TexCoords(mapping.set)) {
            Some(accessor) => {
                let place = format!("{place}, TEXCOORD_{}", mapping.set);
                let values = self.attribute(accessor, Type::Vec2, vertices.len(), &place)?;
                rig.uvs.extend(values.as_chunks().0.iter().map(|uv| mapping.apply(Vec2::from_array(*uv))));
            }
            None => rig.uvs.resize(vertices.end as usize, Vec2::ZERO),
        }
        if let Some(accessor) = attribute(primitive, Semantic::Colors(0)) {
            match self.colors(accessor, vertices.len(), &format!("{place}, COLOR_0")) {
                Ok(colors) => {
                    rig.colors.resize(vertices.start as usize, Vec4::ONE);
                    rig.colors.extend(colors);
                }
                Err(fault @ RigError::Limit { .. }) => return Err(fault),
                Err(fault) => self.unfit_colors.add(|| fault.to_string()),
            }
        }
        if !rig.colors.is_empty() {
            rig.colors.resize(vertices.end as usize, Vec4::ONE);
        }
        Ok(())
    }

    /// Colours, opaque where they have no alpha.
    fn colors(&self, accessor: usize, vertices: usize, place: &str) -> Result<Vec<Vec4>, RigError> {
        self.same_count(accessor, vertices, place)?;
        let kind = if self.accessors.kind(accessor) == Some(Type::Vec3) { Type::Vec3 } else { Type::Vec4 };
        let values = self.accessors.floats(accessor, kind, Scaling::Normalized, place)?;
        let colors: Vec<Vec4> = match kind {
            Type::Vec3 => vec3s(&values).map(|rgb| rgb.extend(1.0)).collect(),
            _ => values.as_chunks().0.iter().map(|rgba| Vec4::from_array(*rgba)).collect(),
        };
        Ok(colors.into_iter().map(|color| color.max(Vec4::ZERO)).collect())
    }

    fn attribute(
        &self,
        accessor: usize,
        kind: Type,
        vertices: usize,
        place: &str,
    ) -> Result<Vec<f32>, RigError> {
        self.same_count(accessor, vertices, place)?;
        self.accessors.floats(accessor, kind, Scaling::AsDeclared, place)
    }

    fn same_count(&self, accessor: usize, vertices: usize, place: &str) -> Result<(), RigError> {
        let count = self.accessors.count(accessor, place)?;
        if count != vertices {
            return Err(invalid(place, format!("has {count} elements for {vertices} vertices")));
        }
        Ok(())
    }

    /// Influences of the new vertices; whether they are skinned.
    fn bind(
        &mut self,
        primitive: &JsonPrimitive,
        node: &JsonNode,
        node_index: usize,
        vertices: usize,
        rig: &mut Rig,
        place: &str,
    ) -> Result<bool, RigError> {
        let Some(skin) = skin_of(primitive, node) else {
            let joint = match self.rigid_joints.get(&node_index) {
                Some(&joint) => joint,
                None => {
                    let joint = Joint { node: node_index, node_from_mesh: Affine3A::IDENTITY };
                    let added = self.add_joints(vec![joint], rig)?;
                    *self.rigid_joints.entry(node_index).or_insert(added.start)
                }
            };
            let mut rigid = Influences { joints: [joint as u16; 8], weights: [0.0; 8] };
            rigid.weights[0] = 1.0;
            self.influences.resize(self.influences.len() + vertices, rigid);
            return Ok(false);
        };
        let joints = self.skin(skin, rig)?;
        let start = self.influences.len();
        self.influences
            .resize(start + vertices, Influences { joints: [joints.start as u16; 8], weights: [0.0; 8] });
        for set in 0..2u32 {
            let Some(indices) = attribute(primitive, Semantic::Joints(set)) else { break };
            let joint_place = format!("{place}, JOINTS_{set}");
            let weight_place = format!("{place}, WEIGHTS_{set}");
            let Some(weights) = attribute(primitive, Semantic::Weights(set)) else {
                return Err(invalid(weight_place, "is missing"));
            };
            self.same_count(indices, vertices, &joint_place)?;
            self.same_count(weights, vertices, &weight_place)?;
            let indices = self.accessors.integers(indices, Type::Vec4, &joint_place)?;
            let weights = self.accessors.floats(weights, Type::Vec4, Scaling::Normalized, &weight_place)?;
            let of_vertices = indices.as_chunks::<4>().0.iter().zip(weights.as_chunks::<4>().0);
            for (v, (out, (indices, weights))) in
                self.influences[start..].iter_mut().zip(of_vertices).enumerate()
            {
                for (slot, (&joint, &weight)) in indices.iter().zip(weights).enumerate() {
                    if weight < 0.0 {
                        self.negative_weights.add(|| format!("{weight_place}, vertex {v}"));
                    }
                    // Slots of weight 0 mean nothing, and some exporters leave anything in them.
                    if weight > 0.0 {
                        if joint as usize >= joints.len() {
                            let fault = format!("vertex {v} names joint {joint} of {}", joints.len());
                            return Err(invalid(joint_place, fault));
                        }
                        let slot = slot + 4 * set as usize;
                        out.joints[slot] = (joints.start + joint as usize) as u16;
                        out.weights[slot] = weight;
                    }
                }
            }
        }
        if attribute(primitive, Semantic::Joints(2)).is_some() {
            tracing::warn!("{place}: more than 8 influences per vertex; the first 8 are used");
        }
        for influences in &mut self.influences[start..] {
            let sum: f32 = influences.weights.iter().sum();
            if !sum.is_finite() {
                return Err(invalid(place, "skin weights are too large"));
            }
            if sum <= f32::MIN_POSITIVE {
                // A vertex that no joint holds follows the skin's first.
                influences.weights = [0.0; 8];
                influences.weights[0] = 1.0;
                influences.joints[0] = joints.start as u16;
            } else if (sum - 1.0).abs() > 1e-7 {
                influences.weights = influences.weights.map(|w| w / sum);
            }
        }
        Ok(true)
    }

    /// The joints of a skin in the palette; added when first met.
    fn skin(&mut self, index: usize, rig: &mut Rig) -> Result<Range<usize>, RigError> {
        if let Some(joints) = self.skins.get(&index) {
            return Ok(joints.clone());
        }
        let place = format!("skin {index}");
        let skin = self.root.skins.get(index).ok_or_else(|| invalid(&place, "is not there"))?;
        if skin.joints.is_empty() {
            return Err(invalid(place, "has no joints"));
        }
        within("the number of joints", skin.joints.len() as u64, self.limits.joints)?;
        let mut matrices = vec![Affine3A::IDENTITY; skin.joints.len()];
        if let Some(accessor) = skin.inverse_bind_matrices {
            let place = format!("{place}, inverse bind matrices");
            let count = self.accessors.count(accessor.value(), &place)?;
            if count < matrices.len() {
                return Err(invalid(place, format!("{count} for {} joints", matrices.len())));
            }
            within("the number of inverse bind matrices", count as u64, self.limits.joints)?;
            let values = self.accessors.floats(accessor.value(), Type::Mat4, Scaling::AsDeclared, &place)?;
            for (matrix, values) in matrices.iter_mut().zip(values.as_chunks::<16>().0) {
                *matrix = Affine3A::from_mat4(Mat4::from_cols_array(values));
            }
        }
        let joints: Result<Vec<Joint>, RigError> = skin
            .joints
            .iter()
            .zip(matrices)
            .map(|(node, node_from_mesh)| match self.order.rig(node.value()) {
                Some(node) => Ok(Joint { node, node_from_mesh }),
                None => Err(invalid(&place, format!("there is no node {}", node.value()))),
            })
            .collect();
        let range = self.add_joints(joints?, rig)?;
        self.skins.insert(index, range.clone());
        Ok(range)
    }

    fn add_joints(&self, joints: Vec<Joint>, rig: &mut Rig) -> Result<Range<usize>, RigError> {
        let start = rig.joints.len();
        let end = start + joints.len();
        within("the number of joints", end as u64, self.limits.joints.min(1 << 16))?;
        rig.joints.extend(joints);
        Ok(start..end)
    }

    fn morphs(
        &mut self,
        primitive: &JsonPrimitive,
        morphs: &[usize],
        vertices: &Range<u32>,
        rig: &mut Rig,
        place: &str,
    ) -> Result<(), RigError> {
        for (i, (target, &morph)) in primitive.targets.iter().flatten().zip(morphs).enumerate() {
            let Some(accessor) = target.positions else { continue };
            let place = format!("{place}, morph target {i}");
            self.same_count(accessor.value(), vertices.len(), &place)?;
            let Some(morph) = rig.morphs.get_mut(morph) else { continue };
            let before = morph.indices.len();
            let mut push = |v: u32, delta: &[f32; 3]| {
                if *delta != [0.0; 3] {
                    morph.indices.push(vertices.start + v);
                    morph.deltas.push(Vec3::from_array(*delta));
                }
            };
            match self.accessors.values(accessor.value(), Type::Vec3, Scaling::AsDeclared, &place)? {
                Values::Dense(values) => {
                    values.as_chunks().0.iter().zip(0..).for_each(|(delta, v)| push(v, delta));
                }
                Values::Sparse(indices, values) => {
                    indices.iter().zip(values.as_chunks().0).for_each(|(&v, delta)| push(v, delta));
                }
            }
            self.morph_deltas += (morph.indices.len() - before) as u64;
            within("the number of morph displacements", self.morph_deltas, self.limits.morph_deltas)?;
        }
        Ok(())
    }

    /// Writes the influences with as many slots as any vertex needs, and turns over what is mirrored.
    fn finish(self, rig: &mut Rig) {
        self.negative_weights.warn("negative skin weights are taken as 0");
        self.unfit_colors.warn("primitives have vertex colours that cannot be used");
        if rig.colors.iter().all(|&color| color == Vec4::ONE) {
            rig.colors = Vec::new();
        }
        let skinned = rig.primitives.iter().any(|p| p.skinned);
        let eight = self.influences.iter().any(|i| i.weights[4..].iter().any(|&w| w > 0.0));
        let slots = if eight {
            8
        } else if skinned {
            4
        } else {
            1
        };
        rig.influences = slots;
        for i in &self.influences {
            rig.joint_indices.extend_from_slice(&i.joints[..slots]);
            rig.joint_weights.extend_from_slice(&i.weights[..slots]);
        }
        for (primitive, mirrored) in rig.primitives.iter().zip(rig.mirrored_primitives()) {
            let triangles = primitive.triangles.start as usize..primitive.triangles.end as usize;
            if mirrored {
                rig.triangles[triangles].iter_mut().for_each(|triangle| triangle.swap(1, 2));
            }
        }
    }
}

/// Drops what stands from vertex `first` on and is in none of `triangles`, which count from there.
fn keep_used(
    rig: &mut Rig,
    influences: &mut Vec<Influences>,
    morphs: &[usize],
    first: u32,
    triangles: &mut [[u32; 3]],
) {
    let start = first as usize;
    let mut places = vec![None; rig.positions.len().saturating_sub(start)];
    for &v in triangles.iter().flatten() {
        places[v as usize] = Some(0);
    }
    for (new, place) in (0..).zip(places.iter_mut().flatten()) {
        *place = new;
    }
    let place = |v: u32| places.get(v as usize).copied().flatten();
    triangles.iter_mut().flatten().for_each(|v| *v = place(*v).unwrap_or(0));
    keep_marked(&mut rig.positions, start, &places);
    keep_marked(&mut rig.normals, start, &places);
    keep_marked(&mut rig.uvs, start, &places);
    if !rig.colors.is_empty() {
        keep_marked(&mut rig.colors, start, &places);
    }
    keep_marked(influences, start, &places);
    for &morph in morphs {
        let Some(morph) = rig.morphs.get_mut(morph) else { continue };
        let added = morph.indices.partition_point(|&v| v < first);
        let mut kept = added;
        for i in added..morph.indices.len() {
            if let Some(new) = place(morph.indices[i] - first) {
                (morph.indices[kept], morph.deltas[kept]) = (first + new, morph.deltas[i]);
                kept += 1;
            }
        }
        morph.indices.truncate(kept);
        morph.deltas.truncate(kept);
    }
}

fn keep_marked<T: Copy>(values: &mut Vec<T>, start: usize, marks: &[Option<u32>]) {
    let mut kept = start;
    for (from, _) in (start..values.len()).zip(marks).filter(|(_, mark)| mark.is_some()) {
        values[kept] = values[from];
        kept += 1;
    }
    values.truncate(kept);
}

fn attribute(primitive: &JsonPrimitive, semantic: Semantic) -> Option<usize> {
    primitive.attributes.get(&Checked::Valid(semantic)).map(|a| a.value())
}

/// The skin that moves a primitive; one without joints follows its node although the node has a skin.
fn skin_of(primitive: &JsonPrimitive, node: &JsonNode) -> Option<usize> {
    attribute(primitive, Semantic::Joints(0)).and(node.skin).map(|s| s.value())
}

fn vec3s(values: &[f32]) -> impl Iterator<Item = Vec3> + '_ {
    values.as_chunks().0.iter().map(|v| Vec3::from_array(*v))
}

/// Area-weighted normals; +Z for vertices without any area around them.
fn vertex_normals(positions: &[Vec3], triangles: &[[u32; 3]]) -> Vec<Vec3> {
    let mut normals = vec![Vec3::ZERO; positions.len()];
    for triangle in triangles {
        let [a, b, c] = triangle.map(|v| positions[v as usize]);
        let normal = (b - a).cross(c - a);
        for &v in triangle {
            normals[v as usize] += normal;
        }
    }
    normals.into_iter().map(|n| n.try_normalize().unwrap_or(Vec3::Z)).collect()
}
