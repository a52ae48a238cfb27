//! Primitives with their attributes by name, for extensions that this crate knows nothing of: point clouds among them.

use std::collections::BTreeMap;
use std::path::Path;

use glam::{Affine3A, Mat4};
use gltf::json::Root;
use gltf::json::accessor::Type;
use gltf::json::mesh::{Mode, Primitive};
use gltf::json::validation::Checked;
use serde::Deserialize;
use serde_json::Value;

use crate::container::GlbChunks;
use crate::error::{invalid, shown, within};
use crate::{LoadLimits, RigError, split_glb};

use super::accessor::{Accessors, Scaling};
use super::node::Order;
use super::resource::{self, Files};
use super::{Document, document, packed};

/// A primitive of a mesh, where a node of the scene shows it.
pub struct RawPrimitive<'a> {
    /// Where it is in the file, for messages: `mesh 0, primitive 1`.
    pub place: String,
    /// Takes its positions to world space, animations at rest.
    pub world_from_mesh: Affine3A,
    primitive: &'a Primitive,
    attributes: &'a BTreeMap<String, usize>,
    accessors: &'a Accessors<'a>,
}

impl RawPrimitive<'_> {
    /// Whether it is of points; of lines or triangles otherwise.
    pub fn is_points(&self) -> bool {
        self.primitive.mode == Checked::Valid(Mode::Points)
    }

    /// The names of its extensions and what they hold.
    pub fn extensions(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.primitive.extensions.iter().flat_map(|e| &e.others).map(|(name, value)| (name.as_str(), value))
    }

    /// The JSON that a program left in its `extras`, if that is readable.
    pub fn extras(&self) -> Option<Value> {
        serde_json::from_str(self.primitive.extras.as_ref()?.get()).ok()
    }

    /// Number of elements of the attribute `name`; `None` if there is none.
    ///
    /// # Errors
    /// [`RigError::Invalid`] for an accessor that does not exist.
    pub fn count(&self, name: &str) -> Result<Option<usize>, RigError> {
        let accessor = self.attributes.get(name);
        accessor.map(|&accessor| self.accessors.count(accessor, &self.place_of(name))).transpose()
    }

    /// Number of components of each element of the attribute `name`; `None` if there is none.
    ///
    /// # Errors
    /// As [`RawPrimitive::count`], and for an accessor of unknown type.
    pub fn components(&self, name: &str) -> Result<Option<usize>, RigError> {
        let accessor = self.attributes.get(name);
        accessor.map(|&accessor| self.accessors.components(accessor, &self.place_of(name))).transpose()
    }

    /// All components of all elements of the attribute `name`, a scalar or a vector of `components`, integers as the
    /// accessor says; `None` if there is none. Values that are not finite are passed on.
    ///
    /// # Errors
    /// [`RigError`] for an accessor of another type, or whose data is not there or over the limit.
    pub fn floats(&self, name: &str, components: usize) -> Result<Option<Vec<f32>>, RigError> {
        let kind = match components {
            1 => Type::Scalar,
            2 => Type::Vec2,
            3 => Type::Vec3,
            _ => Type::Vec4,
        };
        let Some(&accessor) = self.attributes.get(name) else { return Ok(None) };
        self.accessors.any_floats(accessor, kind, Scaling::AsDeclared, &self.place_of(name)).map(Some)
    }

    /// The bytes of a buffer view.
    ///
    /// # Errors
    /// [`RigError::Invalid`] if it does not exist or reaches past its buffer.
    pub fn buffer_view(&self, index: usize) -> Result<&[u8], RigError> {
        self.accessors.view(index, &self.place)
    }

    fn place_of(&self, name: &str) -> String {
        format!("{}, {name}", self.place)
    }
}

/// Shows `visit` every primitive of every node of the default scene of a glTF file, binary or JSON, with the files it
/// refers to as [`Rig::from_slice`](crate::Rig::from_slice) says. A mesh that several nodes carry comes once for each.
///
/// # Errors
/// [`RigError`] for a file that is malformed or over `limits`, and the first that `visit` gives.
pub fn visit_primitives<E: From<RigError>>(
    bytes: &[u8],
    base_dir: Option<&Path>,
    limits: &LoadLimits,
    mut visit: impl FnMut(&RawPrimitive<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let Document { root, binary, .. } = document(bytes, limits)?;
    let names = Names::of(bytes, limits)?;
    let left = limits.bytes.saturating_sub(bytes.len() as u64);
    let mut files = Files::new(base_dir, limits.folders_up, left);
    let buffers = resource::buffers(&root, binary, &mut files)?;
    let unpacked = packed::unpack(&root, &buffers, &mut files)?;
    let accessors = Accessors::new(&root, &buffers, &unpacked, limits.numbers);
    let order = Order::new(&root, limits)?;
    let worlds = world_transforms(&root, &order)?;
    let mut shown = 0;
    for (i, &file) in order.files.iter().enumerate() {
        let node = root.nodes.get(file).filter(|_| order.shown.get(i) == Some(&true));
        let Some(mesh) = node.and_then(|node| node.mesh).map(|mesh| mesh.value()) else { continue };
        let fault = || invalid(format!("node {file}"), format!("there is no mesh {mesh}"));
        let primitives = &root.meshes.get(mesh).ok_or_else(fault)?.primitives;
        let named = &names.meshes.get(mesh).ok_or_else(fault)?.primitives;
        shown += primitives.len() as u64;
        within("the number of primitives", shown, limits.primitives)?;
        for (k, (primitive, named)) in primitives.iter().zip(named).enumerate() {
            visit(&RawPrimitive {
                place: format!("mesh {mesh}, primitive {k}"),
                world_from_mesh: worlds.get(i).copied().unwrap_or(Affine3A::IDENTITY),
                primitive,
                attributes: &named.attributes,
                accessors: &accessors,
            })?;
        }
    }
    Ok(())
}

/// World from node, in rig order. Matrices are taken as they are, shear and all.
fn world_transforms(root: &Root, order: &Order) -> Result<Vec<Affine3A>, RigError> {
    let mut worlds: Vec<Affine3A> = Vec::with_capacity(order.files.len());
    for (node, &file) in order.nodes(root)?.iter().zip(&order.files) {
        let local = match root.nodes.get(file).and_then(|node| node.matrix) {
            Some(matrix) => Affine3A::from_mat4(Mat4::from_cols_array(&matrix)),
            None => Affine3A::from_scale_rotation_translation(node.scale, node.rotation, node.translation),
        };
        // Parents come first.
        let parent = node.parent.and_then(|parent| worlds.get(parent));
        let world = parent.map_or(local, |parent| *parent * local);
        if !world.is_finite() {
            return Err(invalid(format!("node {file}"), "its transform is not finite"));
        }
        worlds.push(world);
    }
    Ok(worlds)
}

/// What the `gltf` crate leaves out of the JSON: it knows attributes of the standard only.
#[derive(Deserialize)]
struct Names {
    #[serde(default)]
    meshes: Vec<MeshNames>,
}

#[derive(Deserialize)]
struct MeshNames {
    #[serde(default)]
    primitives: Vec<PrimitiveNames>,
}

#[derive(Deserialize)]
struct PrimitiveNames {
    #[serde(default)]
    attributes: BTreeMap<String, usize>,
}

impl Names {
    fn of(bytes: &[u8], limits: &LoadLimits) -> Result<Self, RigError> {
        let GlbChunks { json, .. } = split_glb(bytes, limits)?;
        serde_json::from_slice(json)
            .map_err(|e| RigError::Format { format: "glTF", fault: shown(&e.to_string()) })
    }
}
