//! VRM 1.0 (VRMC_vrm-1.0) and VRM 0.x (`VRM`): the morph part of expressions, the bones, and which way the model faces.

use std::collections::{BTreeMap, HashMap, HashSet};

use glam::{Quat, Vec3};
use gltf::json::Root;
use serde_json::{Map, Value};

use crate::error::{invalid, within};
use crate::{ChannelValues, Expression, LoadLimits, Override, Rig, RigError, canonical};

use super::left_out::LeftOut;
use super::morph::Names;
use super::node::Order;

/// What a file has of VRM.
pub(super) enum Vrm<'a> {
    One(&'a Value),
    Zero(&'a Value),
}

/// VRM 0.x's names of what VRM 1.0 calls otherwise, each beside that. A thumb's middle bone was counted with the fingers'.
const PRESETS_OF_ZERO: [(&str, &str); 17] = [
    ("a", "aa"),
    ("i", "ih"),
    ("u", "ou"),
    ("e", "ee"),
    ("o", "oh"),
    ("blink", "blink"),
    ("blink_l", "blinkLeft"),
    ("blink_r", "blinkRight"),
    ("joy", "happy"),
    ("angry", "angry"),
    ("sorrow", "sad"),
    ("fun", "relaxed"),
    ("lookup", "lookUp"),
    ("lookdown", "lookDown"),
    ("lookleft", "lookLeft"),
    ("lookright", "lookRight"),
    ("neutral", "neutral"),
];
const BONES_OF_ZERO: [(&str, &str); 4] = [
    ("leftThumbProximal", "leftThumbMetacarpal"),
    ("leftThumbIntermediate", "leftThumbProximal"),
    ("rightThumbProximal", "rightThumbMetacarpal"),
    ("rightThumbIntermediate", "rightThumbProximal"),
];

impl<'a> Vrm<'a> {
    /// Where a file has both, VRM 1.0.
    pub(super) fn of(root: &'a Root) -> Option<Self> {
        let others = &root.extensions.as_ref()?.others;
        others.get("VRMC_vrm").map(Self::One).or_else(|| others.get("VRM").map(Self::Zero))
    }

    /// Turns the nodes of a model that faces −Z about, and what moves them.
    pub(super) fn face_forward(&self, rig: &mut Rig) {
        if matches!(self, Self::One(_)) {
            return;
        }
        let turn = |v: &mut Vec3| *v = Vec3::new(-v.x, v.y, -v.z);
        // Half a turn about +Y from the left.
        let turn_rotation = |q: &mut Quat| *q = Quat::from_xyzw(q.z, q.w, -q.x, -q.y);
        let mut is_root = vec![false; rig.nodes.len()];
        for (node, is_root) in rig.nodes.iter_mut().zip(&mut is_root).filter(|(n, _)| n.parent.is_none()) {
            turn(&mut node.translation);
            turn_rotation(&mut node.rotation);
            *is_root = true;
        }
        let is_root = |node: usize| is_root.get(node) == Some(&true);
        for channel in rig.animations.iter_mut().flat_map(|a| &mut a.channels) {
            match &mut channel.values {
                ChannelValues::Translation(node, values) if is_root(*node) => {
                    values.iter_mut().for_each(turn);
                }
                ChannelValues::Rotation(node, values) if is_root(*node) => {
                    values.iter_mut().for_each(turn_rotation);
                }
                _ => {}
            }
        }
    }

    /// The rig's nodes for the bones.
    pub(super) fn humanoid(&self, order: &Order) -> BTreeMap<String, usize> {
        let node = |bone: &Value| order.rig(index(bone.get("node")?)?);
        let bones = match self {
            Self::One(vrm) | Self::Zero(vrm) => vrm.get("humanoid").and_then(|h| h.get("humanBones")),
        };
        match self {
            Self::One(_) => {
                let bones = bones.and_then(Value::as_object).into_iter().flatten();
                bones.filter_map(|(name, bone)| Some((name.clone(), node(bone)?))).collect()
            }
            Self::Zero(_) => {
                let bones = bones.and_then(Value::as_array).into_iter().flatten();
                let named = |bone: &Value| {
                    let name = bone.get("bone")?.as_str()?;
                    Some((renamed(&BONES_OF_ZERO, name).unwrap_or(name).to_owned(), node(bone)?))
                };
                bones.filter_map(named).collect()
            }
        }
    }

    /// Of VRM 1.0 preset expressions, then custom ones, each in the order of their names; of VRM 0.x the groups in the
    /// order of the file. Binds that lead nowhere are left out, with a warning.
    pub(super) fn expressions(
        &self,
        root: &Root,
        order: &Order,
        morphs: &Names,
        limits: &LoadLimits,
    ) -> Result<Vec<Expression>, RigError> {
        let of_zero = matches!(self, Self::Zero(_));
        let (found, names) = (Vec::new(), HashSet::new());
        let mut reader = Reader { root, order, morphs, limits, of_zero, found, names };
        let mut left_out = LeftOut::default();
        match self {
            Self::One(vrm) => {
                let groups = vrm.get("expressions");
                for group in ["preset", "custom"] {
                    let group = groups.and_then(|g| g.get(group)).and_then(Value::as_object);
                    for (name, json) in group.into_iter().flatten() {
                        reader.expression(name, json, &mut left_out)?;
                    }
                }
            }
            Self::Zero(vrm) => {
                let groups = vrm.get("blendShapeMaster").and_then(|m| m.get("blendShapeGroups"));
                for json in groups.and_then(Value::as_array).into_iter().flatten() {
                    let text = |key: &str| json.get(key).and_then(Value::as_str);
                    let preset = text("presetName").map(str::to_ascii_lowercase).unwrap_or_default();
                    let name = renamed(&PRESETS_OF_ZERO, &preset).or(text("name")).unwrap_or_default();
                    if name.is_empty() {
                        left_out.add(|| "a group of blend shapes has no name".into());
                        continue;
                    }
                    reader.expression(name, json, &mut left_out)?;
                }
            }
        }
        left_out.warn("binds of expressions are left out, what they would move stays still");
        Ok(reader.found)
    }
}

fn renamed(names: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    names.iter().find(|(old, _)| *old == name).map(|&(_, new)| new)
}

fn index(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}

struct Reader<'a> {
    root: &'a Root,
    order: &'a Order,
    morphs: &'a Names,
    limits: &'a LoadLimits,
    of_zero: bool,
    found: Vec<Expression>,
    names: HashSet<String>,
}

impl Reader<'_> {
    fn expression(&mut self, file_name: &str, json: &Value, left_out: &mut LeftOut) -> Result<(), RigError> {
        let place = || format!("VRM expression {file_name:.64}");
        let name = canonical(file_name).map_or_else(|| file_name.to_owned(), str::to_owned);
        if !self.names.insert(name.clone()) {
            // Two spellings of one name, or a custom expression named like a preset: the first one stands.
            return Ok(());
        }
        within("the number of expressions", self.names.len() as u64, self.limits.expressions)?;
        let Some(json) = json.as_object() else {
            left_out.add(|| invalid(place(), "is not an object").to_string());
            return Ok(());
        };
        let mut binds: Vec<(usize, f32)> = Vec::new();
        let mut places = HashMap::new();
        let key = if self.of_zero { "binds" } else { "morphTargetBinds" };
        for bind in json.get(key).and_then(Value::as_array).into_iter().flatten() {
            let resolved = bind
                .as_object()
                .and_then(|bind| if self.of_zero { self.bind_of_zero(bind) } else { self.bind_of_one(bind) });
            let Some((morph, weight)) = resolved else {
                let fault = "binds a morph target that is not there, or a weight that is not a number";
                left_out.add(|| invalid(place(), fault).to_string());
                continue;
            };
            // Meshes that share a morph's name share the morph, and each of them may be bound to it.
            let place = *places.entry(morph).or_insert(binds.len());
            match binds.get_mut(place) {
                Some((_, w)) if w.abs() >= weight.abs() => {}
                Some((_, w)) => *w = weight,
                None => binds.push((morph, weight)),
            }
        }
        let overrides = ["overrideBlink", "overrideLookAt", "overrideMouth"].map(|key| {
            match json.get(key).and_then(Value::as_str) {
                Some("block") => Override::Block,
                Some("blend") => Override::Blend,
                _ => Override::None,
            }
        });
        let binary = json.get("isBinary").and_then(Value::as_bool).unwrap_or(false);
        self.found.push(Expression { name, binds, binary, overrides });
        Ok(())
    }

    fn bind_of_one(&self, bind: &Map<String, Value>) -> Option<(usize, f32)> {
        let node = index(bind.get("node")?).filter(|&n| self.order.rig(n).is_some())?;
        let morph = *self.morphs.of_node(self.root, node).get(index(bind.get("index")?)?)?;
        let weight = bind.get("weight")?.as_f64()? as f32;
        weight.is_finite().then_some((morph, weight))
    }

    /// A bind of a mesh, by a weight in percent.
    fn bind_of_zero(&self, bind: &Map<String, Value>) -> Option<(usize, f32)> {
        let morph = *self.morphs.of_mesh(index(bind.get("mesh")?)?).get(index(bind.get("index")?)?)?;
        let percent = bind.get("weight").map_or(Some(100.0), Value::as_f64)?;
        let weight = (percent / 100.0) as f32;
        weight.is_finite().then_some((morph, weight))
    }
}
