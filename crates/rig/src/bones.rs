//! Which nodes are the head and the eyes, by their names.

use glam::Vec3;

use crate::Rig;

impl Rig {
    /// The node that turns with the head: the one that [`Rig::humanoid`] names, otherwise one whose name's last word is `head`, whatever its capitals and number
    /// (`Head`, `mixamorig:Head`, `J_Bip_C_Head`, `head_06`, but not `head_end` or `headUpper`). Among several, the
    /// first that is a joint of a skin, otherwise the first. A root that carries a mesh without a skin is none.
    pub fn head_node(&self) -> Option<usize> {
        if let Some(&head) = self.humanoid.get("head") {
            return Some(head);
        }
        let mut carries_mesh = vec![false; self.nodes.len()];
        for primitive in self.primitives.iter().filter(|p| !p.skinned) {
            if let Some(node) = carries_mesh.get_mut(primitive.node) {
                *node = true;
            }
        }
        // A root that is the mesh itself turns about wherever the model's origin is, not about a neck.
        self.named(|index, name| {
            let is_bone = self.nodes.get(index).is_some_and(|n| n.parent.is_some()) || !carries_mesh[index];
            is_bone && is_head(name)
        })
    }

    /// The nodes that turn with the left and the right eye: those that [`Rig::humanoid`] names, otherwise their names' last words are a side and `eye`, in either
    /// order (`LeftEye`, `eye_L`, `mixamorig:RightEye`, `CC_Base_R_Eye`) or as in VRoid's `J_Adj_L_FaceEye`. Among
    /// several, the first that is a joint of a skin, otherwise the first. A node that carries a mesh without a skin is
    /// one only if its origin, about which it turns, is within that mesh.
    pub fn eye_nodes(&self) -> [Option<usize>; 2] {
        let mut turns_elsewhere = vec![false; self.nodes.len()];
        for primitive in self.primitives.iter().filter(|p| !p.skinned) {
            let range = primitive.vertices.start as usize..primitive.vertices.end as usize;
            let positions = self.positions.get(range).unwrap_or_default();
            let low = positions.iter().copied().fold(Vec3::INFINITY, Vec3::min);
            let high = positions.iter().copied().fold(Vec3::NEG_INFINITY, Vec3::max);
            let around_origin = low.cmple(Vec3::ZERO).all() && high.cmpge(Vec3::ZERO).all();
            if let Some(node) = turns_elsewhere.get_mut(primitive.node) {
                *node |= !around_origin;
            }
        }
        [(Side::Left, "leftEye"), (Side::Right, "rightEye")].map(|(side, bone)| {
            let by_name =
                || self.named(|index, name| !turns_elsewhere[index] && eye_side(name) == Some(side));
            self.humanoid.get(bone).copied().or_else(by_name)
        })
    }

    /// The first joint that `is_it`, otherwise the first node.
    fn named(&self, is_it: impl Fn(usize, &str) -> bool) -> Option<usize> {
        let mut is_joint = vec![false; self.nodes.len()];
        for joint in &self.joints {
            if let Some(node) = is_joint.get_mut(joint.node) {
                *node = true;
            }
        }
        let found = || (0..self.nodes.len()).filter(|&i| is_it(i, &self.nodes[i].name));
        found().find(|&i| is_joint[i]).or_else(|| found().next())
    }
}

fn is_head(name: &str) -> bool {
    let words = name.split([':', '_', '.', '|', '/', ' ', '-']);
    words
        .rev()
        .find(|word| !word.is_empty() && !word.bytes().all(|b| b.is_ascii_digit()))
        .is_some_and(|word| word.eq_ignore_ascii_case("head"))
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Left,
    Right,
}

fn eye_side(name: &str) -> Option<Side> {
    let mut words: Vec<String> = Vec::new();
    for part in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()) {
        let mut before = '_';
        for c in part.chars() {
            // `leftEye` and `FaceEye` are two words each.
            match words.last_mut() {
                Some(word) if before != '_' && !(before.is_ascii_lowercase() && c.is_ascii_uppercase()) => {
                    word.push(c.to_ascii_lowercase());
                }
                _ => words.push(c.to_ascii_lowercase().into()),
            }
            before = c;
        }
    }
    while words.last().is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit())) {
        words.pop();
    }
    let side = |word: &str| match word {
        "l" | "left" => Some(Side::Left),
        "r" | "right" => Some(Side::Right),
        _ => None,
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [.., before, "eye"] if *before != "face" => side(before),
        [.., before, "face", "eye"] => side(before),
        [.., "eye", after] => side(after),
        [.., "lefteye" | "eyeleft"] => Some(Side::Left),
        [.., "righteye" | "eyeright"] => Some(Side::Right),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eyes_are_told_from_what_is_around_them() {
        for (name, side) in [
            ("LeftEye", Some(Side::Left)),
            ("mixamorig:RightEye", Some(Side::Right)),
            ("eye_L", Some(Side::Left)),
            ("Eye.R.001", Some(Side::Right)),
            ("J_Adj_L_FaceEye", Some(Side::Left)),
            ("CC_Base_R_Eye", Some(Side::Right)),
            ("lEye", Some(Side::Left)),
            ("righteye", Some(Side::Right)),
            ("eyeRight", Some(Side::Right)),
            ("lEye_end", None),
            ("lEyelidUpper", None),
            ("LeftEyeBrow", None),
            ("eyeBlink_L", None),
            ("Eye", None),
            ("FaceEye", None),
            ("", None),
        ] {
            assert_eq!(eye_side(name), side, "{name}");
        }
    }
}
