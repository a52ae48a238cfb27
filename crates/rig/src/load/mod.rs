//! Loading glTF 2.0.
//!
//! The `gltf` crate parses the JSON; everything behind it (buffers, accessors, the node tree) is read here with every
//! index and range checked, because that crate's own readers trust the file.

mod accessor;
mod animation;
mod left_out;
mod material;
mod mesh;
mod morph;
mod node;
mod packed;
mod primitives;
mod resource;
mod vrm;

use std::path::Path;

use gltf::json::Root;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::container::check_versions_and_extensions;
use crate::error::shown;
use crate::limits::read_within;
use crate::{GlbChunks, LoadLimits, Rig, RigError, split_glb};

pub use self::primitives::{RawPrimitive, visit_primitives};

use self::accessor::Accessors;
use self::resource::Files;
use self::vrm::Vrm;

impl Rig {
    /// Reads a `.glb`, `.gltf` or `.vrm` file, with the files it refers to beside or below it, or a few folders above.
    ///
    /// # Errors
    /// [`RigError::File`] with the file's name and what is wrong.
    pub fn open(path: impl AsRef<Path>, limits: &LoadLimits) -> Result<Self, RigError> {
        let path = path.as_ref();
        let read = || {
            let bytes = read_within(path, limits.bytes)?;
            Self::from_slice(&bytes, Some(path.parent().unwrap_or(Path::new(""))), limits)
        };
        read().map_err(|fault: RigError| fault.in_file(path))
    }

    /// Reads a glTF 2.0 file, binary or JSON, from memory. Files that it refers to are looked up from `base_dir`, and
    /// up to `limits.folders_up` folders above it. A buffer is an error without `base_dir`, and for network addresses,
    /// absolute paths and others that lead farther; a picture that cannot be read is left out.
    ///
    /// A model of VRM 0.x, which faces −Z, is turned to face +Z.
    ///
    /// What can be done without is left out, with a warning that counts it: pictures, channels of animations and binds
    /// of expressions that cannot be used, vertex colours that do not fit their vertices, and negative skin weights.
    ///
    /// All triangle primitives of all nodes of the default scene are concatenated, a mesh that several nodes carry once
    /// for each. Primitives of points and lines are passed over.
    ///
    /// # Errors
    /// [`RigError`], one for the first fault: truncated or contradictory data, values that are not finite, indices out
    /// of range, no triangles at all, required extensions that are not supported, sizes over `limits`.
    pub fn from_slice(bytes: &[u8], base_dir: Option<&Path>, limits: &LoadLimits) -> Result<Self, RigError> {
        let rig = load(bytes, base_dir, limits)?;
        if rig.triangles.is_empty() {
            return Err(crate::error::invalid("the file", "has no triangles"));
        }
        Ok(rig)
    }
}

/// As [`Rig::from_slice`], but a file without triangles is fine: animations stand on their own.
pub(crate) fn load(bytes: &[u8], base_dir: Option<&Path>, limits: &LoadLimits) -> Result<Rig, RigError> {
    load_with_extensions(bytes, base_dir, limits).map(|(rig, _)| rig)
}

/// What stands beside a rig in its file.
pub(crate) struct Extensions {
    root: Root,
    order: node::Order,
}

impl Extensions {
    /// The extension of the whole file called `name`.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.root.extensions.as_ref()?.others.get(name)
    }

    /// The rig's node for the file's.
    pub(crate) fn node(&self, file: u64) -> Option<usize> {
        self.order.rig(usize::try_from(file).ok()?)
    }
}

/// As [`load`], with the file's own extensions.
pub(crate) fn load_with_extensions(
    bytes: &[u8],
    base_dir: Option<&Path>,
    limits: &LoadLimits,
) -> Result<(Rig, Extensions), RigError> {
    let Document { root, animations, binary } = document(bytes, limits)?;
    let left = limits.bytes.saturating_sub(bytes.len() as u64);
    let mut files = Files::new(base_dir, limits.folders_up, left);
    let buffers = resource::buffers(&root, binary, &mut files)?;
    let unpacked = packed::unpack(&root, &buffers, &mut files)?;
    let accessors = Accessors::new(&root, &buffers, &unpacked, limits.numbers);

    let pictures = resource::images(&root, &accessors, &mut files)?;
    let mut rig = Rig { copyright: root.asset.copyright.clone(), ..Rig::default() };
    rig.materials = material::materials(&root, &pictures.places)?;
    rig.images = pictures.images;
    let order = node::Order::new(&root, limits)?;
    rig.nodes = order.nodes(&root)?;
    let morphs = morph::Names::new(&root, &order, &mut rig, limits)?;
    mesh::meshes(&root, &accessors, &order, &morphs, &mut rig, limits)?;
    if let Some(text) = animations {
        let scene = animation::Scene { root: &root, accessors: &accessors, order: &order, morphs: &morphs };
        rig.animations = animation::animations(text, &scene)?;
    }
    if let Some(vrm) = Vrm::of(&root) {
        rig.expressions = vrm.expressions(&root, &order, &morphs, limits)?;
        rig.humanoid = vrm.humanoid(&order);
        vrm.face_forward(&mut rig);
    }
    rig.validate()?;
    Ok((rig, Extensions { root, order }))
}

/// A file whose version and extensions fit.
struct Document<'a> {
    /// All of its JSON but the animations.
    root: Root,
    /// The list of animations, which is read apart: the parser refuses a whole file for a channel without a node.
    animations: Option<&'a str>,
    /// The binary chunk.
    binary: &'a [u8],
}

fn document<'a>(bytes: &'a [u8], limits: &LoadLimits) -> Result<Document<'a>, RigError> {
    #[derive(Deserialize)]
    struct Parts<'a> {
        #[serde(borrow)]
        animations: Option<&'a RawValue>,
    }
    let GlbChunks { json, binary } = split_glb(bytes, limits)?;
    let fault = |e: serde_json::Error| RigError::Format { format: "glTF", fault: shown(&e.to_string()) };
    let parts: Parts<'a> = serde_json::from_slice(json).map_err(fault)?;
    let animations = parts.animations.map(RawValue::get);
    let root: Result<Root, _> = match animations {
        None => gltf::json::deserialize::from_slice(json),
        Some(list) => {
            let start = list.as_ptr().addr() - json.as_ptr().addr();
            let without = [&json[..start], b"[]", &json[start + list.len()..]].concat();
            gltf::json::deserialize::from_slice(&without)
        }
    };
    let root = root.map_err(fault)?;
    let required = root.extensions_required.iter().map(String::as_str);
    check_versions_and_extensions(&root.asset.version, root.asset.min_version.as_deref(), required)?;
    Ok(Document { root, animations, binary })
}
