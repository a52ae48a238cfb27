//! Turning the head and the eyes of a rig.

use glam::{Affine3A, Quat, Vec3};

use crate::poser::{apply_morphs, skin};
use crate::{Palette, Pose, Rig, joint_palette};

/// What turns with the head.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    /// A node.
    Node(NodeTurn),
    /// Everything, about the bottom centre of the mesh at rest.
    Scene { neck: Vec3 },
}

/// A node that turns about its origin, away from its rotation at rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeTurn {
    node: usize,
    local: Quat,
    scene_from_parent: Quat,
}

impl NodeTurn {
    /// `None` without such a node.
    fn new(rig: &Rig, node: usize) -> Option<Self> {
        let rest = rig.nodes.get(node)?;
        let mut scene_from_parent = Quat::IDENTITY;
        let mut above = rest.parent;
        while let Some(parent) = above.and_then(|p| rig.nodes.get(p)) {
            scene_from_parent = parent.rotation * scene_from_parent;
            above = parent.parent.filter(|&p| above.is_some_and(|a| p < a));
        }
        Some(Self { node, local: rest.rotation, scene_from_parent })
    }

    pub(super) fn node(&self) -> usize {
        self.node
    }

    /// How far `pose` has turned the node about the world axes at rest: what [`NodeTurn::turn`] takes.
    pub(super) fn turned(&self, pose: &Pose) -> Quat {
        let Self { node, local, scene_from_parent } = *self;
        let shown = pose.nodes.get(node).map_or(local, |node| node.rotation);
        (scene_from_parent * shown * local.inverse() * scene_from_parent.inverse()).normalize()
    }

    /// Turns the node by `rotation` about the world axes at rest.
    pub(super) fn turn(&self, rotation: Quat, pose: &mut Pose) {
        let Self { node, local, scene_from_parent } = *self;
        if let Some(node) = pose.nodes.get_mut(node) {
            let turned = scene_from_parent.inverse() * rotation * scene_from_parent * local;
            node.rotation = turned.normalize();
        }
    }
}

impl Head {
    pub(super) fn find(rig: &Rig) -> Self {
        match rig.head_node().and_then(|node| NodeTurn::new(rig, node)) {
            Some(turn) => Self::Node(turn),
            None => Self::Scene { neck: bottom_centre(rig) },
        }
    }

    /// How far `pose` has turned the head: what [`Head::turn`] takes.
    pub(super) fn turned(&self, pose: &Pose) -> Quat {
        match self {
            Self::Node(node) => node.turned(pose),
            Self::Scene { .. } => Quat::from_mat3a(&pose.world_from_scene.matrix3).normalize(),
        }
    }

    pub(super) fn turn(&self, rotation: Quat, pose: &mut Pose) {
        match self {
            Self::Node(node) => node.turn(rotation, pose),
            &Self::Scene { neck } => {
                pose.world_from_scene = Affine3A::from_translation(neck)
                    * Affine3A::from_quat(rotation)
                    * Affine3A::from_translation(-neck);
            }
        }
    }
}

/// The eyes of `rig`, which has been validated, that turn by their nodes alone. Capture gives the same gaze twice, as
/// angles and as `eyeLook…` weights: an eye whose vertices are moved by one of the morphs in `looking`, which these
/// weights drive, would turn by both.
pub(super) fn eyes(rig: &Rig, looking: &[usize]) -> [Option<NodeTurn>; 2] {
    rig.eye_nodes().map(|node| {
        let node = node?;
        // An eyeball may hang from the eye's node on one of its own.
        let mut within = vec![false; rig.nodes.len()];
        for (i, candidate) in rig.nodes.iter().enumerate() {
            within[i] = i == node || candidate.parent.is_some_and(|p| within[p]);
        }
        let looks = looking.iter().filter_map(|&m| rig.morphs.get(m));
        let follows = |v: u32| {
            let start = (v as usize).saturating_mul(rig.influences);
            let influences = start..start.saturating_add(rig.influences);
            let joints = rig.joint_indices.get(influences.clone()).unwrap_or_default();
            let weights = rig.joint_weights.get(influences).unwrap_or_default();
            joints.iter().zip(weights).any(|(&joint, &weight)| {
                weight > 0.5 && rig.joints.get(usize::from(joint)).is_some_and(|j| within[j.node])
            })
        };
        let by_morph = looks.flat_map(|m| &m.indices).any(|&v| follows(v));
        (!by_morph).then(|| NodeTurn::new(rig, node)).flatten()
    })
}

fn bottom_centre(rig: &Rig) -> Vec3 {
    let pose = Pose::rest(rig);
    let mut palette = Palette::default();
    joint_palette(rig, &pose, &mut palette);
    let mut morphed = Vec::new();
    apply_morphs(rig, &pose, &mut morphed);
    let mut world = vec![Vec3::ZERO; morphed.len()];
    skin(rig, &palette.world_from_mesh, &morphed, &mut world);
    let finite = || world.iter().copied().filter(|p| p.is_finite());
    let Some(low) = finite().reduce(Vec3::min) else { return Vec3::ZERO };
    let high = finite().reduce(Vec3::max).unwrap_or(low);
    Vec3::new(0.5 * (low.x + high.x), low.y, 0.5 * (low.z + high.z))
}
