//! VRM 1.0 expressions (VRMC_vrm-1.0, `expressions`): the morph part of them.

use std::collections::{HashMap, HashSet};

use gltf::json::Root;
use serde_json::{Map, Value};

use crate::error::{invalid, within};
use crate::{Expression, LoadLimits, RigError, canonical};

use super::morph::Names;
use super::node::Order;

/// Preset expressions, then custom ones, each in the order of their names.
pub(super) fn expressions(
    root: &Root,
    order: &Order,
    morphs: &Names,
    limits: &LoadLimits,
) -> Result<Vec<Expression>, RigError> {
    let vrm = root.extensions.as_ref().and_then(|e| e.others.get("VRMC_vrm"));
    let groups = vrm.and_then(|v| v.get("expressions"));
    let mut expressions: Vec<Expression> = Vec::new();
    let mut names = HashSet::new();
    for group in ["preset", "custom"] {
        let group = groups.and_then(|g| g.get(group)).and_then(Value::as_object);
        for (file_name, json) in group.into_iter().flatten() {
            let place = || format!("VRM expression {file_name:.64}");
            let name = canonical(file_name).map_or_else(|| file_name.clone(), str::to_owned);
            if !names.insert(name.clone()) {
                // Two spellings of one name, or a custom expression named like a preset: the first one stands.
                continue;
            }
            within("the number of expressions", names.len() as u64, limits.expressions)?;
            let Some(json) = json.as_object() else { return Err(invalid(place(), "is not an object")) };
            let mut binds: Vec<(usize, f32)> = Vec::new();
            let mut places = HashMap::new();
            for bind in json.get("morphTargetBinds").and_then(Value::as_array).into_iter().flatten() {
                let (morph, weight) =
                    bind.as_object().and_then(|b| resolve(b, root, order, morphs)).ok_or_else(|| {
                        invalid(
                            place(),
                            "binds a morph target that is not there, or a weight that is not a number",
                        )
                    })?;
                // Meshes that share a morph's name share the morph, and each of them may be bound to it.
                let place = *places.entry(morph).or_insert(binds.len());
                match binds.get_mut(place) {
                    Some((_, w)) if w.abs() >= weight.abs() => {}
                    Some((_, w)) => *w = weight,
                    None => binds.push((morph, weight)),
                }
            }
            let binary = json.get("isBinary").and_then(Value::as_bool).unwrap_or(false);
            expressions.push(Expression { name, binds, binary });
        }
    }
    Ok(expressions)
}

fn resolve(bind: &Map<String, Value>, root: &Root, order: &Order, morphs: &Names) -> Option<(usize, f32)> {
    let index = |key: &str| usize::try_from(bind.get(key)?.as_u64()?).ok();
    let node = index("node").filter(|&n| order.rig(n).is_some())?;
    let morph = *morphs.of_node(root, node).get(index("index")?)?;
    let weight = bind.get("weight")?.as_f64()? as f32;
    weight.is_finite().then_some((morph, weight))
}
