//! Writing a rig as plain glTF 2.0: meshes, morph targets, skins, nodes, materials and pictures.

use std::collections::BTreeSet;
use std::io::Cursor;

use effigy_rig::{AlphaMode, Image, Joint, Material, Morph, Node, Primitive, Rig};
use glam::{Affine3A, Quat, Vec3, Vec4};
use serde_json::{Value, json};

use crate::AvatarError;
use crate::glb::{BufferBuilder, ElementType, F32, U16, ViewUse, index_bytes, number, vector};
use crate::morph::part_within;

/// Consecutive primitives of one node: one glTF mesh.
pub(super) struct Mesh<'a> {
    pub(super) node: usize,
    primitives: Vec<&'a Primitive>,
    /// For each of them, whether triangles are written in the opposite order: what is mirrored turns them over, and
    /// every reader turns them back (glTF 2.0, 3.7.4).
    mirrored: Vec<bool>,
    /// Whether it carries the rig's morph targets. It carries all of them or none, so that their order is the same
    /// wherever they are read.
    pub(super) morphed: bool,
    /// Whether it has a skin; otherwise it follows its node.
    skinned: bool,
}

/// Groups the primitives of `rig`, which must have passed [`Rig::validate`], into meshes, and checks that glTF can hold
/// them.
pub(super) fn meshes(rig: &Rig) -> Result<Vec<Mesh<'_>>, AvatarError> {
    let fail = |what: &str| Err(AvatarError::Asset(format!("rig: {what}")));
    let (mut vertex, mut triangle) = (0, 0);
    let mut seen = BTreeSet::new();
    let mut meshes: Vec<Mesh<'_>> = Vec::new();
    let mut previous = None;
    for (primitive, mirrored) in rig.primitives.iter().zip(rig.mirrored_primitives()) {
        if primitive.vertices.start != vertex || primitive.triangles.start != triangle {
            return fail("primitives do not follow one another");
        }
        (vertex, triangle) = (primitive.vertices.end, primitive.triangles.end);
        let triangles = &rig.triangles[primitive.triangles.start as usize..primitive.triangles.end as usize];
        if triangles.iter().flatten().any(|v| !primitive.vertices.contains(v)) {
            return fail("a triangle has a vertex of another primitive");
        }
        if previous != Some(primitive.node) && !seen.insert(primitive.node) {
            return fail("the primitives of a node do not follow one another");
        }
        previous = Some(primitive.node);
        if triangles.is_empty() {
            continue;
        }
        match meshes.last_mut() {
            Some(mesh) if mesh.node == primitive.node => {
                mesh.primitives.push(primitive);
                mesh.mirrored.push(mirrored);
            }
            _ => meshes.push(Mesh {
                node: primitive.node,
                primitives: vec![primitive],
                mirrored: vec![mirrored],
                morphed: false,
                skinned: false,
            }),
        }
    }
    if vertex as usize != rig.vertex_count() || triangle as usize != rig.triangles.len() {
        return fail("vertices or triangles belong to no primitive");
    }
    for mesh in &mut meshes {
        let moves = |m: &Morph| mesh.primitives.iter().any(|p| !part_within(m, &p.vertices).0.is_empty());
        mesh.morphed = rig.morphs.iter().any(moves);
        mesh.skinned = mesh.primitives.iter().any(|p| p.skinned);
        if !mesh.skinned && !mesh.primitives.iter().all(|p| follows_its_node(rig, p)) {
            return fail("a primitive without a skin follows something else than its node");
        }
    }
    // Morph targets that move nothing are still controls: someone must carry them.
    if !rig.morphs.is_empty()
        && meshes.iter().all(|m| !m.morphed)
        && let Some(first) = meshes.first_mut()
    {
        first.morphed = true;
    }
    Ok(meshes)
}

/// How many vertices and triangles the written meshes have.
pub(super) fn written_counts(meshes: &[Mesh<'_>]) -> (usize, usize) {
    let primitives = meshes.iter().flat_map(|m| &m.primitives);
    primitives.fold((0, 0), |(v, t), p| (v + p.vertices.len(), t + p.triangles.len()))
}

/// Whether a reader, which is told nothing but the node of an unskinned primitive, gives it the joint that it has.
fn follows_its_node(rig: &Rig, primitive: &Primitive) -> bool {
    let is_node = |joint: &Joint| joint.node == primitive.node && joint.node_from_mesh == Affine3A::IDENTITY;
    primitive.vertices.clone().all(|v| {
        influences(rig, v as usize).iter().all(|&(joint, _)| rig.joints.get(joint).is_some_and(is_node))
    })
}

/// Adds everything of the rig but its animations to `document`.
pub(super) fn write(
    rig: &Rig,
    meshes: &[Mesh<'_>],
    buffer: &mut BufferBuilder,
    document: &mut Value,
) -> Result<(), AvatarError> {
    let mut nodes: Vec<Value> = rig.nodes.iter().map(node).collect();
    for (i, n) in rig.nodes.iter().enumerate() {
        if let Some(parent) = n.parent {
            match nodes[parent].get_mut("children").and_then(Value::as_array_mut) {
                Some(children) => children.push(json!(i)),
                None => nodes[parent]["children"] = json!([i]),
            }
        }
    }
    let mut skins: Vec<Skin> = Vec::new();
    let mut mesh_values = Vec::new();
    for (index, mesh) in meshes.iter().enumerate() {
        nodes[mesh.node]["mesh"] = json!(index);
        let skin = if mesh.skinned {
            let skin = Skin::of(rig, mesh)?;
            let at = skins.iter().position(|s| *s == skin).unwrap_or_else(|| {
                skins.push(skin);
                skins.len() - 1
            });
            nodes[mesh.node]["skin"] = json!(at);
            Some(&skins[at])
        } else {
            None
        };
        mesh_values.push(mesh_value(rig, mesh, skin, buffer)?);
    }
    let skin_values: Vec<Value> = skins.iter().map(|skin| skin.write(buffer)).collect();
    let mut images = Vec::new();
    for image in &rig.images {
        images.push(image_value(image, buffer)?);
    }
    let textures: Vec<Value> = (0..images.len()).map(|i| json!({ "source": i })).collect();
    let materials: Result<Vec<Value>, _> = rig.materials.iter().map(|m| material(m, images.len())).collect();
    for (key, list) in [
        ("nodes", nodes),
        ("meshes", mesh_values),
        ("skins", skin_values),
        ("images", images),
        ("textures", textures),
        ("materials", materials?),
    ] {
        if !list.is_empty() {
            document[key] = Value::Array(list);
        }
    }
    let roots: Vec<usize> = (0..rig.nodes.len()).filter(|&i| rig.nodes[i].parent.is_none()).collect();
    if !roots.is_empty() {
        document["scenes"] = json!([{ "nodes": roots }]);
        document["scene"] = json!(0);
    }
    Ok(())
}

fn node(node: &Node) -> Value {
    let mut value = json!({});
    if !node.name.is_empty() {
        value["name"] = json!(node.name);
    }
    if node.translation != Vec3::ZERO {
        value["translation"] = vector(&node.translation.to_array());
    }
    if node.rotation != Quat::IDENTITY {
        value["rotation"] = vector(&node.rotation.to_array());
    }
    if node.scale != Vec3::ONE {
        value["scale"] = vector(&node.scale.to_array());
    }
    value
}

fn mesh_value(
    rig: &Rig,
    mesh: &Mesh<'_>,
    skin: Option<&Skin>,
    buffer: &mut BufferBuilder,
) -> Result<Value, AvatarError> {
    let mut primitives = Vec::new();
    for (primitive, &mirrored) in mesh.primitives.iter().zip(&mesh.mirrored) {
        let range = primitive.vertices.start as usize..primitive.vertices.end as usize;
        let (positions, normals) = (&rig.positions[range.clone()], &rig.normals[range.clone()]);
        let uvs = &rig.uvs[range.clone()];
        let count = positions.len();
        let vec3 = ElementType::new(F32, "VEC3");
        let position = buffer.accessor(bytemuck::cast_slice(positions), ViewUse::Vertices, vec3, count);
        let first = positions.first().copied().unwrap_or_default();
        let (lo, hi) = positions.iter().fold((first, first), |(lo, hi), &p| (lo.min(p), hi.max(p)));
        buffer.accessors[position]["min"] = vector(&lo.to_array());
        buffer.accessors[position]["max"] = vector(&hi.to_array());
        let normals: Vec<Vec3> = normals.iter().map(|&n| unit(n)).collect();
        let normal = buffer.accessor(bytemuck::cast_slice(&normals), ViewUse::Vertices, vec3, count);
        let vec2 = ElementType::new(F32, "VEC2");
        let uv = buffer.accessor(bytemuck::cast_slice(uvs), ViewUse::Vertices, vec2, count);
        let mut attributes = json!({ "POSITION": position, "NORMAL": normal, "TEXCOORD_0": uv });
        let colors = rig.colors.get(range).unwrap_or_default();
        if colors.iter().any(|&color| color != Vec4::ONE) {
            let vec4 = ElementType::new(F32, "VEC4");
            let color = buffer.accessor(bytemuck::cast_slice(colors), ViewUse::Vertices, vec4, count);
            attributes["COLOR_0"] = json!(color);
        }
        if let Some(skin) = skin {
            skin.attributes(rig, primitive, buffer, &mut attributes)?;
        }
        let start = primitive.vertices.start;
        let triangles = &rig.triangles[primitive.triangles.start as usize..primitive.triangles.end as usize];
        let in_file = |&[a, b, c]: &[u32; 3]| if mirrored { [a, c, b] } else { [a, b, c] };
        let indices: Vec<u32> = triangles.iter().flat_map(in_file).map(|v| v - start).collect();
        let (component, bytes) = index_bytes(&indices, count);
        let kind = ElementType::new(component, "SCALAR");
        let index_accessor = buffer.accessor(&bytes, ViewUse::Indices, kind, indices.len());
        let mut value = json!({ "attributes": attributes, "indices": index_accessor });
        if let Some(material) = primitive.material {
            value["material"] = json!(material);
        }
        if mesh.morphed {
            let mut unmoved = None;
            let mut targets = Vec::new();
            for morph in &rig.morphs {
                let (indices, deltas) = part_within(morph, &primitive.vertices);
                let (indices, deltas): (Vec<u32>, Vec<Vec3>) = indices
                    .iter()
                    .zip(deltas)
                    .filter(|(_, d)| **d != Vec3::ZERO)
                    .map(|(v, d)| (v - start, *d))
                    .unzip();
                let accessor = if indices.is_empty() {
                    *unmoved.get_or_insert_with(|| buffer.sparse_vectors(count, &[], &[]))
                } else {
                    buffer.sparse_vectors(count, &indices, &deltas)
                };
                targets.push(json!({ "POSITION": accessor }));
            }
            value["targets"] = Value::Array(targets);
        }
        primitives.push(value);
    }
    let mut value = json!({ "primitives": primitives });
    if let Some(name) = mesh.primitives.first().map(|p| &p.mesh_name).filter(|n| !n.is_empty()) {
        value["name"] = json!(name);
    }
    if mesh.morphed {
        value["weights"] = vector(&rig.morphs.iter().map(|m| m.default_weight).collect::<Vec<_>>());
        let names: Vec<&str> = rig.morphs.iter().map(|m| m.name.as_str()).collect();
        value["extras"] = json!({ "targetNames": names });
    }
    Ok(value)
}

fn unit(n: Vec3) -> Vec3 {
    let normalize = |n: [f32; 3]| Vec3::from_array(n).try_normalize().unwrap_or(Vec3::Y).to_array();
    Vec3::from_array(settled(n.to_array(), normalize))
}

/// The value at which `normalize`, which every reader applies, changes nothing more. Rounding may have it go round in
/// a small circle instead; then that member of it that sorts first.
pub(super) fn settled<const N: usize>(start: [f32; N], normalize: impl Fn([f32; N]) -> [f32; N]) -> [f32; N] {
    let mut value = start;
    for _ in 0..8 {
        let next = normalize(value);
        if next == value {
            return value;
        }
        value = next;
    }
    let mut circle = [value; 4];
    for i in 1..4 {
        circle[i] = normalize(circle[i - 1]);
    }
    circle.into_iter().min_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal)).unwrap_or(value)
}

/// The joints that move one mesh, in an order that depends on nothing but them.
#[derive(PartialEq)]
struct Skin {
    /// Palette index and joint.
    joints: Vec<(usize, Joint)>,
}

impl Skin {
    fn of(rig: &Rig, mesh: &Mesh<'_>) -> Result<Self, AvatarError> {
        let mut used = BTreeSet::new();
        for primitive in &mesh.primitives {
            for vertex in primitive.vertices.clone() {
                used.extend(influences(rig, vertex as usize).into_iter().map(|(joint, _)| joint));
            }
        }
        let mut joints = Vec::new();
        for index in used {
            let joint = rig.joints.get(index).ok_or_else(|| {
                AvatarError::Asset(format!("rig: joint {index} of a vertex does not exist"))
            })?;
            joints.push((index, joint.clone()));
        }
        joints.sort_by_key(|(_, j)| (j.node, j.node_from_mesh.to_cols_array().map(f32::to_bits)));
        Ok(Self { joints })
    }

    fn write(&self, buffer: &mut BufferBuilder) -> Value {
        let mut matrices: Vec<f32> = Vec::with_capacity(self.joints.len() * 16);
        for (_, joint) in &self.joints {
            // glTF wants the last row to be 0 0 0 1 to the bit.
            for (c, column) in joint.node_from_mesh.to_cols_array_2d().iter().enumerate() {
                matrices.extend(column);
                matrices.push(if c == 3 { 1.0 } else { 0.0 });
            }
        }
        let kind = ElementType::new(F32, "MAT4");
        let accessor =
            buffer.accessor(bytemuck::cast_slice(&matrices), ViewUse::Data, kind, self.joints.len());
        let nodes: Vec<usize> = self.joints.iter().map(|(_, j)| j.node).collect();
        json!({ "joints": nodes, "inverseBindMatrices": accessor })
    }

    /// Adds JOINTS_n and WEIGHTS_n: strongest first, weights as 16-bit fractions that sum to exactly 1.
    fn attributes(
        &self,
        rig: &Rig,
        primitive: &Primitive,
        buffer: &mut BufferBuilder,
        attributes: &mut Value,
    ) -> Result<(), AvatarError> {
        let mut slots = vec![None; rig.joints.len()];
        for (slot, (index, _)) in self.joints.iter().enumerate() {
            slots[*index] = Some(slot as u16);
        }
        let vertices: Vec<Vec<(u16, u16)>> = primitive
            .vertices
            .clone()
            .map(|v| {
                let mut list: Vec<(u16, u16)> = influences(rig, v as usize)
                    .into_iter()
                    .filter_map(|(joint, weight)| Some((slots.get(joint).copied()??, weight)))
                    .collect();
                list.sort_by_key(|&(slot, weight)| (std::cmp::Reverse(weight), slot));
                list
            })
            .collect();
        if vertices.iter().any(Vec::is_empty) {
            return Err(AvatarError::Asset("rig: a skinned vertex has no weights".into()));
        }
        let sets = if vertices.iter().any(|list| list.len() > 4) { 2 } else { 1 };
        for set in 0..sets {
            let (mut joints, mut weights) = (Vec::new(), Vec::new());
            for list in &vertices {
                for k in set * 4..set * 4 + 4 {
                    let (joint, weight) = list.get(k).copied().unwrap_or((0, 0));
                    joints.push(joint);
                    weights.push(weight);
                }
            }
            let count = vertices.len();
            let kind = ElementType::new(U16, "VEC4");
            let bytes: &[u8] = bytemuck::cast_slice(&joints);
            attributes[format!("JOINTS_{set}")] =
                json!(buffer.accessor(bytes, ViewUse::Vertices, kind, count));
            let kind = ElementType::normalized(U16, "VEC4");
            let bytes: &[u8] = bytemuck::cast_slice(&weights);
            attributes[format!("WEIGHTS_{set}")] =
                json!(buffer.accessor(bytes, ViewUse::Vertices, kind, count));
        }
        Ok(())
    }
}

/// The distinct joints of a vertex with weights in 1/65535 that sum to 65535; nothing if no weight is positive.
fn influences(rig: &Rig, vertex: usize) -> Vec<(usize, u16)> {
    let range = vertex * rig.influences..(vertex + 1) * rig.influences;
    let mut list: Vec<(usize, f32)> = Vec::with_capacity(rig.influences);
    for (&joint, &weight) in rig.joint_indices[range.clone()].iter().zip(&rig.joint_weights[range]) {
        if !(weight.is_finite() && weight > 0.0) {
            continue;
        }
        match list.iter_mut().find(|(j, _)| *j == usize::from(joint)) {
            Some((_, w)) => *w += weight,
            None => list.push((usize::from(joint), weight)),
        }
    }
    let total: f32 = list.iter().map(|(_, w)| w).sum();
    let mut fixed: Vec<(usize, u16)> =
        list.iter().map(|&(j, w)| (j, (w / total * 65535.0).round() as u16)).collect();
    let sum: i32 = fixed.iter().map(|&(_, w)| i32::from(w)).sum();
    if let Some(strongest) = fixed.iter_mut().max_by_key(|(_, w)| *w) {
        strongest.1 = (i32::from(strongest.1) + 65535 - sum).clamp(0, 65535) as u16;
    }
    fixed.retain(|&(_, w)| w > 0);
    fixed
}

fn image_value(image: &Image, buffer: &mut BufferBuilder) -> Result<Value, AvatarError> {
    let (mime, view) = match image.mime.as_str() {
        mime @ ("image/png" | "image/jpeg") => (mime, buffer.view(&image.bytes, ViewUse::Data)),
        // Plain glTF 2.0 knows only PNG and JPEG.
        _ => {
            let picture = image::load_from_memory(&image.bytes)
                .map_err(|e| AvatarError::Asset(format!("picture {:?}: {e}", image.name)))?;
            let mut png = Cursor::new(Vec::new());
            image::DynamicImage::ImageRgba8(picture.to_rgba8())
                .write_to(&mut png, image::ImageFormat::Png)
                .map_err(|e| AvatarError::Asset(format!("picture {:?}: {e}", image.name)))?;
            ("image/png", buffer.view(png.get_ref(), ViewUse::Data))
        }
    };
    let mut value = json!({ "bufferView": view, "mimeType": mime });
    if !image.name.is_empty() {
        value["name"] = json!(image.name);
    }
    Ok(value)
}

fn material(material: &Material, images: usize) -> Result<Value, AvatarError> {
    let texture = |image: usize| -> Result<Value, AvatarError> {
        if image >= images {
            return Err(AvatarError::Asset(format!(
                "rig: material {:?} has no picture {image}",
                material.name
            )));
        }
        Ok(json!({ "index": image }))
    };
    let mut pbr = json!({
        "baseColorFactor": vector(&material.base_color),
        "metallicFactor": number(material.metallic),
        "roughnessFactor": number(material.roughness)
    });
    if let Some(image) = material.base_color_image {
        pbr["baseColorTexture"] = texture(image)?;
    }
    if let Some(image) = material.metallic_roughness_image {
        pbr["metallicRoughnessTexture"] = texture(image)?;
    }
    let mut value = json!({ "pbrMetallicRoughness": pbr });
    if let Some((image, scale)) = material.normal_image {
        value["normalTexture"] = texture(image)?;
        value["normalTexture"]["scale"] = number(scale);
    }
    if !material.name.is_empty() {
        value["name"] = json!(material.name);
    }
    match material.alpha {
        AlphaMode::Opaque => {}
        AlphaMode::Mask(cutoff) => {
            value["alphaMode"] = json!("MASK");
            value["alphaCutoff"] = number(cutoff);
        }
        AlphaMode::Blend => value["alphaMode"] = json!("BLEND"),
    }
    if material.double_sided {
        value["doubleSided"] = json!(true);
    }
    Ok(value)
}
