//! The controls of a rig that can be set, a slider for each.

use effigy_rig::Rig;

use crate::control_groups::{Group, label, mirrored, mirrored_turn};
use crate::overrides::Overrides;

/// One slider.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) group: Group,
    pub(crate) target: Target,
    /// Of the morph or node.
    pub(crate) name: String,
    /// Of the same control on the other side.
    pub(crate) other_side: Option<String>,
    pub(crate) label: String,
    /// For the search.
    pub(crate) lower: String,
}

/// What a slider sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A morph of the rig.
    Morph(usize),
    /// The turn about one of a node's axes.
    Turn(usize),
}

/// Everything about a rig that can be set, by groups.
pub(crate) fn catalogue(rig: &Rig) -> Vec<Entry> {
    let entry = |group, target, name: &str, label: String, other_side: Option<String>| {
        let lower = format!("{name} {label}").to_lowercase();
        Entry { group, target, name: name.to_owned(), other_side, label, lower }
    };
    let mut entries: Vec<Entry> = rig
        .morphs
        .iter()
        .enumerate()
        .map(|(i, morph)| {
            let other = mirrored(&morph.name).filter(|other| rig.morph(other).is_some());
            let group = Group::of_morph(&morph.name);
            entry(group, Target::Morph(i), &morph.name, label(&morph.name, group), other)
        })
        .collect();
    let mut nodes: Vec<usize> = rig.joints.iter().map(|joint| joint.node).collect();
    nodes.extend(rig.head_node());
    nodes.extend(rig.eye_nodes().into_iter().flatten());
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes.into_iter().filter_map(|node| rig.nodes.get(node)).filter(|node| !node.name.is_empty())
    {
        let other = mirrored(&node.name).filter(|other| rig.nodes.iter().any(|node| node.name == *other));
        for (axis, letter) in ["X", "Y", "Z"].into_iter().enumerate() {
            let label = format!("{} {letter}", node.name);
            entries.push(entry(Group::Joints, Target::Turn(axis), &node.name, label, other.clone()));
        }
    }
    entries.sort_by_key(|entry| entry.group);
    entries
}

impl Entry {
    /// Whether it does not follow the track.
    pub(crate) fn is_set(&self, controls: &Overrides) -> bool {
        match self.target {
            Target::Morph(_) => controls.morphs.contains_key(&self.name),
            Target::Turn(axis) => controls.joints.get(&self.name).is_some_and(|turn| turn[axis] != 0.0),
        }
    }

    /// Sets it, and its other side where `mirror` says so; nothing lets it follow the track again.
    pub(crate) fn set(&self, controls: &mut Overrides, value: Option<f32>, mirror: bool) {
        let other = self.other_side.as_ref().filter(|_| mirror);
        match self.target {
            Target::Morph(_) => {
                for name in std::iter::once(&self.name).chain(other) {
                    match value {
                        Some(value) => _ = controls.morphs.insert(name.clone(), value),
                        None => _ = controls.morphs.remove(name),
                    }
                }
            }
            Target::Turn(axis) => {
                let turn = controls.joints.entry(self.name.clone()).or_default();
                turn[axis] = value.unwrap_or(0.0);
                let turn = *turn;
                if let Some(other) = other {
                    let there = controls.joints.entry(other.clone()).or_default();
                    there[axis] = mirrored_turn(turn)[axis];
                }
                controls.joints.retain(|_, turn| *turn != [0.0; 3]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: Target, name: &str, other_side: Option<&str>) -> Entry {
        Entry {
            group: Group::Other,
            target,
            name: name.into(),
            other_side: other_side.map(str::to_owned),
            label: String::new(),
            lower: String::new(),
        }
    }

    #[test]
    fn both_sides_move_together_when_they_are_to() {
        let mut controls = Overrides::default();
        let blink = entry(Target::Morph(0), "eyeBlinkLeft", Some("eyeBlinkRight"));
        blink.set(&mut controls, Some(0.5), false);
        assert_eq!(controls.morphs.get("eyeBlinkRight"), None);
        blink.set(&mut controls, Some(0.75), true);
        assert_eq!(controls.morphs["eyeBlinkRight"], 0.75);
        assert!(blink.is_set(&controls));
        blink.set(&mut controls, None, true);
        assert!(controls.is_empty());
        let arm = |axis| entry(Target::Turn(axis), "arm_L", Some("arm_R"));
        arm(0).set(&mut controls, Some(10.0), true);
        arm(2).set(&mut controls, Some(30.0), true);
        assert_eq!(controls.joints["arm_L"], [10.0, 0.0, 30.0]);
        assert_eq!(controls.joints["arm_R"], [10.0, 0.0, -30.0]);
        assert!(arm(2).is_set(&controls) && !arm(1).is_set(&controls));
        arm(0).set(&mut controls, None, true);
        arm(2).set(&mut controls, None, false);
        assert_eq!(controls.joints.len(), 1, "the other side keeps what it was given");
    }
}
