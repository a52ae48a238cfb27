//! A rig for unit tests.

use effigy_rig::{Morph, Node, Rig};
use glam::{Quat, Vec3};

/// With these morphs, which move nothing, and a node called `neck` that is turned so at rest.
pub(crate) fn rig(morphs: &[&str], neck: Quat) -> Rig {
    let morph = |name: &&str| Morph {
        name: (*name).into(),
        default_weight: 0.0,
        indices: Vec::new(),
        deltas: Vec::new(),
    };
    let node =
        Node { name: "neck".into(), parent: None, translation: Vec3::ZERO, rotation: neck, scale: Vec3::ONE };
    Rig { morphs: morphs.iter().map(morph).collect(), nodes: vec![node], influences: 4, ..Rig::default() }
}
