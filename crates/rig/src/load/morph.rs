//! Names of morph targets, and which of the rig's morphs each mesh's targets are.

use std::collections::HashMap;

use gltf::json::{Extras, Root};

use crate::controls::canonical_names;
use crate::error::{invalid, within};
use crate::{LoadLimits, Morph, Rig, RigError};

use super::left_out::LeftOut;
use super::node::Order;

/// For each mesh of the file, the rig's morph for each of its targets.
pub(super) struct Names {
    by_mesh: HashMap<usize, Vec<usize>>,
}

impl Names {
    /// Adds an empty morph to `rig` for each named target of each mesh that a node carries. Targets of one name in
    /// several meshes are one morph. A primitive may have fewer than others of its mesh: the first of them.
    pub(super) fn new(
        root: &Root,
        order: &Order,
        rig: &mut Rig,
        limits: &LoadLimits,
    ) -> Result<Self, RigError> {
        let mut by_mesh: HashMap<usize, Vec<usize>> = HashMap::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut copies: HashMap<String, u32> = HashMap::new();
        let mut fewer = LeftOut::default();
        for &file in &order.files {
            let Some(node) = root.nodes.get(file) else { continue };
            let Some(mesh_index) = node.mesh.map(|m| m.value()) else { continue };
            let Some(mesh) = root.meshes.get(mesh_index) else {
                return Err(invalid(format!("node {file}"), format!("there is no mesh {mesh_index}")));
            };
            if by_mesh.contains_key(&mesh_index) {
                continue;
            }
            let targets = |p: &gltf::json::mesh::Primitive| p.targets.as_ref().map_or(0, Vec::len);
            let count = mesh.primitives.iter().map(targets).max().unwrap_or(0);
            for (i, primitive) in mesh.primitives.iter().enumerate().filter(|(_, p)| targets(p) < count) {
                fewer.add(|| {
                    let own = targets(primitive);
                    format!("mesh {mesh_index}, primitive {i} has {own} where another has {count}")
                });
            }
            let names = target_names(&mesh.extras)
                .or_else(|| mesh.primitives.iter().find_map(|p| target_names(&p.extras)))
                .unwrap_or_default();
            let names = canonical_names(names, &format!("mesh {mesh_index}"));
            let weights = node.weights.as_deref().or(mesh.weights.as_deref()).unwrap_or_default();
            let mut morphs = Vec::new();
            // The morphs that this mesh has already.
            let mut taken = vec![false; rig.morphs.len()];
            for i in 0..count {
                let base = match names.get(i) {
                    Some(name) => name.clone(),
                    None => format!("morph_{i}"),
                };
                // Only targets that the file itself names alike are known to belong together.
                let same =
                    known.get(&base).copied().filter(|&m| i < names.len() && taken.get(m) == Some(&false));
                let morph = match same {
                    Some(morph) => {
                        taken[morph] = true;
                        morph
                    }
                    None => {
                        let name = unused(base, mesh_index, &known, &mut copies);
                        within("the number of morph targets", rig.morphs.len() as u64 + 1, limits.morphs)?;
                        known.insert(name.clone(), rig.morphs.len());
                        let default_weight = weights.get(i).copied().unwrap_or(0.0);
                        if !default_weight.is_finite() {
                            return Err(invalid(
                                format!("mesh {mesh_index}"),
                                "a morph weight is not finite",
                            ));
                        }
                        rig.morphs.push(Morph {
                            name,
                            default_weight,
                            indices: Vec::new(),
                            deltas: Vec::new(),
                        });
                        rig.morphs.len() - 1
                    }
                };
                morphs.push(morph);
            }
            by_mesh.insert(mesh_index, morphs);
        }
        fewer.warn("primitives lack morph targets that others of their mesh have, and stay still there");
        Ok(Self { by_mesh })
    }

    /// The rig's morphs for the targets of a mesh.
    pub(super) fn of_mesh(&self, mesh: usize) -> &[usize] {
        self.by_mesh.get(&mesh).map_or(&[], Vec::as_slice)
    }

    /// The rig's morphs for the targets of the mesh that a node of the file carries.
    pub(super) fn of_node(&self, root: &Root, file: usize) -> &[usize] {
        root.nodes.get(file).and_then(|n| n.mesh).map_or(&[], |mesh| self.of_mesh(mesh.value()))
    }
}

/// `base`, or where that is taken `base` with the mesh and a number. `copies` holds the last number of each.
fn unused(
    base: String,
    mesh: usize,
    known: &HashMap<String, usize>,
    copies: &mut HashMap<String, u32>,
) -> String {
    if !known.contains_key(&base) {
        return base;
    }
    let first = format!("mesh_{mesh}.{base}");
    let copy = copies.entry(first.clone()).or_insert(0);
    loop {
        *copy = copy.saturating_add(1);
        let name = if *copy == 1 { first.clone() } else { format!("{first}.{copy}") };
        if !known.contains_key(&name) {
            return name;
        }
    }
}

fn target_names(extras: &Extras) -> Option<Vec<String>> {
    let value: serde_json::Value = serde_json::from_str(extras.as_ref()?.get()).ok()?;
    let names = value.get("targetNames")?.as_array()?;
    Some(names.iter().map(|n| n.as_str().unwrap_or_default().to_owned()).collect())
}
