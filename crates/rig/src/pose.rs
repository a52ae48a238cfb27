//! Poses: what the controls and the skeleton are at one instant, and the joint matrices that follow.

use glam::{Affine3A, Mat3, Quat, Vec3};

use crate::{Node, Rig};

/// The local transform of a node: scale, then rotation, then translation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeTransform {
    /// Metres.
    pub translation: Vec3,
    /// Unit quaternion.
    pub rotation: Quat,
    /// Scale along each axis.
    pub scale: Vec3,
}

impl NodeTransform {
    /// As a matrix, `parent_from_node`.
    pub fn matrix(&self) -> Affine3A {
        Affine3A::from_scale_rotation_translation(self.scale, self.rotation, self.translation)
    }
}

impl From<&Node> for NodeTransform {
    fn from(node: &Node) -> Self {
        Self { translation: node.translation, rotation: node.rotation, scale: node.scale }
    }
}

/// A rig's state: morph weights, local node transforms, and where the scene stands in the world.
#[derive(Clone, Debug, PartialEq)]
pub struct Pose {
    /// One weight for each of [`Rig::morphs`].
    pub morph_weights: Vec<f32>,
    /// One local transform for each of [`Rig::nodes`].
    pub nodes: Vec<NodeTransform>,
    /// Placement of the whole scene.
    pub world_from_scene: Affine3A,
}

impl Pose {
    /// The rig as the file has it.
    pub fn rest(rig: &Rig) -> Self {
        let mut pose =
            Self { morph_weights: Vec::new(), nodes: Vec::new(), world_from_scene: Affine3A::IDENTITY };
        pose.reset(rig);
        pose
    }

    /// Sets this to [`Pose::rest`], keeping its memory.
    pub fn reset(&mut self, rig: &Rig) {
        self.morph_weights.clear();
        self.morph_weights.extend(rig.morphs.iter().map(|m| m.default_weight));
        self.nodes.clear();
        self.nodes.extend(rig.nodes.iter().map(NodeTransform::from));
        self.world_from_scene = Affine3A::IDENTITY;
    }

    /// Whether this pose has an entry for each of the rig's morphs and nodes.
    pub fn fits(&self, rig: &Rig) -> bool {
        self.morph_weights.len() == rig.morphs.len() && self.nodes.len() == rig.nodes.len()
    }
}

/// World transforms of a posed rig. Made empty with `default()`, filled by [`joint_palette`], reused without
/// allocation.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Palette {
    /// One for each of [`Rig::nodes`].
    pub world_from_node: Vec<Affine3A>,
    /// One for each of [`Rig::joints`]: what skinning blends.
    pub world_from_mesh: Vec<Affine3A>,
}

/// Fills `palette` with the transforms of `rig` in `pose`, and returns those of the joints.
///
/// glTF 2.0, 3.7.3.1: `world_from_mesh = world_from_scene · world_from_node · inverse bind matrix`. A node or joint
/// that the pose or rig lacks counts as identity.
pub fn joint_palette<'a>(rig: &Rig, pose: &Pose, palette: &'a mut Palette) -> &'a [Affine3A] {
    let nodes = &mut palette.world_from_node;
    nodes.clear();
    for (i, node) in rig.nodes.iter().enumerate() {
        let local = pose.nodes.get(i).map_or(Affine3A::IDENTITY, NodeTransform::matrix);
        let parent = node.parent.and_then(|p| nodes.get(p)).copied().unwrap_or(pose.world_from_scene);
        nodes.push(parent * local);
    }
    palette.world_from_mesh.clear();
    palette.world_from_mesh.extend(
        rig.joints
            .iter()
            .map(|joint| nodes.get(joint.node).copied().unwrap_or(Affine3A::IDENTITY) * joint.node_from_mesh),
    );
    &palette.world_from_mesh
}

/// The blend of joint matrices that carries one vertex from mesh to world space.
pub(crate) fn blend(palette: &[Affine3A], indices: &[u16], weights: &[f32]) -> Affine3A {
    let mut sum = Affine3A::ZERO;
    for (&index, &weight) in indices.iter().zip(weights) {
        if weight != 0.0
            && let Some(m) = palette.get(usize::from(index))
        {
            sum.matrix3 += m.matrix3 * weight;
            sum.translation += m.translation * weight;
        }
    }
    sum
}

/// The transform of normals under `m`: its inverse transpose up to a positive factor, finite for singular matrices.
pub(crate) fn normal_matrix(m: Mat3) -> Mat3 {
    let cofactors =
        Mat3::from_cols(m.y_axis.cross(m.z_axis), m.z_axis.cross(m.x_axis), m.x_axis.cross(m.y_axis));
    if m.determinant() < 0.0 { cofactors * -1.0 } else { cofactors }
}
