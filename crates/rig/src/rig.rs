//! The rig: a mesh with morph targets, skins and a node hierarchy, as plain arrays.

use std::collections::BTreeMap;
use std::ops::Range;

use glam::{Affine3A, Quat, Vec2, Vec3, Vec4};

use crate::Override;

/// A rigged mesh: all primitives of all mesh nodes of a glTF scene, concatenated.
///
/// A mesh without a skin is bound rigidly to its own node, so that every vertex is posed the same way: morphs in mesh
/// space, then a blend of [`Joint`] transforms into world space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rig {
    /// Whose work the file is and on what terms: `asset.copyright` as it stood there.
    pub copyright: Option<String>,
    /// Rest positions in mesh space, metres. V entries.
    pub positions: Vec<Vec3>,
    /// Rest normals in mesh space, V entries; computed from the triangles where the file has none.
    pub normals: Vec<Vec3>,
    /// First texture coordinates, V entries; zero where the file has none.
    pub uvs: Vec<Vec2>,
    /// Linear colour and alpha that the material's base colour is multiplied by, V entries; none where no vertex has
    /// any but white.
    pub colors: Vec<Vec4>,
    /// Joint influences, V entries of [`Rig::influences`] each: indices into [`Rig::joints`] and weights that sum to 1.
    pub joint_indices: Vec<u16>,
    /// Weights beside [`Rig::joint_indices`].
    pub joint_weights: Vec<f32>,
    /// Influences per vertex: 1, 4 or 8.
    pub influences: usize,
    /// Vertex indices, counter-clockwise from the front.
    pub triangles: Vec<[u32; 3]>,
    /// Runs of vertices and triangles that share a material.
    pub primitives: Vec<Primitive>,
    /// Morph targets, merged by name over all meshes.
    pub morphs: Vec<Morph>,
    /// The joint palette.
    pub joints: Vec<Joint>,
    /// The scene's nodes; parents come before their children.
    pub nodes: Vec<Node>,
    /// Surface materials.
    pub materials: Vec<Material>,
    /// Encoded pictures.
    pub images: Vec<Image>,
    /// Controls that move several morphs at once, such as VRM expressions.
    pub expressions: Vec<Expression>,
    /// Nodes of a human body by the names of VRM 1.0 (`head`, `leftEye`, ...), where the file says which they are.
    pub humanoid: BTreeMap<String, usize>,
    /// Animations in the file.
    pub animations: Vec<Animation>,
}

/// A run of vertices and triangles with one material, from one glTF primitive.
#[derive(Clone, Debug, PartialEq)]
pub struct Primitive {
    /// The node that carries the mesh.
    pub node: usize,
    /// The mesh's name, possibly empty. Consecutive primitives of the same node are one mesh.
    pub mesh_name: String,
    /// Vertices of this primitive in the rig's arrays.
    pub vertices: Range<u32>,
    /// Triangles of this primitive in [`Rig::triangles`].
    pub triangles: Range<u32>,
    /// Index into [`Rig::materials`].
    pub material: Option<usize>,
    /// Whether the mesh is skinned; otherwise it follows `node` rigidly.
    pub skinned: bool,
}

/// One morph target: sparse displacements in mesh space.
#[derive(Clone, Debug, PartialEq)]
pub struct Morph {
    /// Canonical name (camelCase ARKit where known), otherwise as in the file.
    pub name: String,
    /// Weight at rest, usually 0.
    pub default_weight: f32,
    /// Vertices that move, ascending.
    pub indices: Vec<u32>,
    /// Displacement of each of them at weight 1, metres.
    pub deltas: Vec<Vec3>,
}

/// One entry of the joint palette: `world_from_mesh = world_from_node · node_from_mesh`.
#[derive(Clone, Debug, PartialEq)]
pub struct Joint {
    /// The node that moves it.
    pub node: usize,
    /// The inverse bind matrix.
    pub node_from_mesh: Affine3A,
}

/// A node of the scene, with its local transform at rest.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name, possibly empty.
    pub name: String,
    /// Parent, which stands earlier in the array.
    pub parent: Option<usize>,
    /// Local translation, metres.
    pub translation: Vec3,
    /// Local rotation.
    pub rotation: Quat,
    /// Local scale.
    pub scale: Vec3,
}

/// What of a glTF material is used for colouring Gaussians and for writing the mesh back.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Name, possibly empty.
    pub name: String,
    /// Linear base colour and alpha.
    pub base_color: [f32; 4],
    /// sRGB picture multiplied onto it: index into [`Rig::images`].
    pub base_color_image: Option<usize>,
    /// Tangent-space normal map and its scale.
    pub normal_image: Option<(usize, f32)>,
    /// Roughness (green) and metalness (blue).
    pub metallic_roughness_image: Option<usize>,
    /// Metalness factor.
    pub metallic: f32,
    /// Roughness factor.
    pub roughness: f32,
    /// How alpha is used.
    pub alpha: AlphaMode,
    /// Whether back faces are drawn.
    pub double_sided: bool,
}

/// How a material's alpha is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AlphaMode {
    /// Ignored.
    Opaque,
    /// Cut at the given value.
    Mask(f32),
    /// Blended.
    Blend,
}

/// An encoded picture as it stood in the file.
#[derive(Clone, PartialEq)]
pub struct Image {
    /// Name, possibly empty.
    pub name: String,
    /// `image/png`, `image/jpeg` or `image/webp`.
    pub mime: String,
    /// The encoded file.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image {{ {:?}, {}, {} bytes }}", self.name, self.mime, self.bytes.len())
    }
}

/// A control that moves several morphs: a VRM expression.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expression {
    /// Control name: the ARKit name where the expression is an ARKit shape (whatever its capitals), otherwise as in
    /// the file (`happy`, `aa`, ...).
    pub name: String,
    /// Morphs and the weight each gets at control value 1.
    pub binds: Vec<(usize, f32)>,
    /// Whether the control snaps to 0 or 1 at one half.
    pub binary: bool,
    /// What it does to expressions of each kind of [`Procedural::ALL`](crate::Procedural::ALL) while it is shown.
    pub overrides: [Override; 3],
}

/// An animation: channels over nodes and morph weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Animation {
    /// Name, possibly empty.
    pub name: String,
    /// Its channels.
    pub channels: Vec<Channel>,
}

/// One animated property. `times` (seconds, ascending) and `values` go together; cubic channels hold in-tangent,
/// value and out-tangent per key.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// How values are blended between keys.
    pub interpolation: Interpolation,
    /// Key times, seconds.
    pub times: Vec<f32>,
    /// What moves, with its values.
    pub values: ChannelValues,
}

/// Interpolation between animation keys, as in glTF 2.0 appendix C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Hold the earlier key.
    Step,
    /// Linear, or spherical for rotations.
    Linear,
    /// Cubic Hermite spline.
    CubicSpline,
}

/// The target and key values of a [`Channel`].
#[derive(Clone, Debug, PartialEq)]
pub enum ChannelValues {
    /// Local translation of a node.
    Translation(usize, Vec<Vec3>),
    /// Local rotation of a node.
    Rotation(usize, Vec<Quat>),
    /// Local scale of a node.
    Scale(usize, Vec<Vec3>),
    /// Weights of the listed morphs (indices into [`Rig::morphs`]), key-major.
    Weights(Vec<usize>, Vec<f32>),
}

impl Rig {
    /// Number of vertices.
    pub fn vertex_count(&self) -> usize {
        self.positions.len()
    }

    /// The morph called `name`.
    pub fn morph(&self, name: &str) -> Option<usize> {
        self.morphs.iter().position(|m| m.name == name)
    }
}
