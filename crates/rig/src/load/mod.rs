//! Loading glTF 2.0.
//!
//! The `gltf` crate parses the JSON; everything behind it (buffers, accessors, the node tree) is read here with every
//! index and range checked, because that crate's own readers trust the file.

mod accessor;
mod animation;
mod material;
mod mesh;
mod morph;
mod node;
mod resource;
mod vrm;

use std::path::Path;

use gltf::json::Root;
use serde_json::Value;

use crate::container::check_versions_and_extensions;
use crate::error::shown;
use crate::limits::read_within;
use crate::{GlbChunks, LoadLimits, Rig, RigError, split_glb};

use self::accessor::Accessors;
use self::resource::Files;

impl Rig {
    /// Reads a `.glb`, `.gltf` or `.vrm` file, with the files it refers to beside or below it.
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

    /// Reads a glTF 2.0 file, binary or JSON, from memory. Files that it refers to are looked up in `base_dir`; without
    /// one, and for absolute paths, paths with `..` and network addresses, they are an error.
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
    let (root, bin) = document(bytes, limits)?;
    let mut files = Files::new(base_dir, limits.bytes.saturating_sub(bytes.len() as u64));
    let buffers = resource::buffers(&root, bin, &mut files)?;
    let accessors = Accessors::new(&root, &buffers, limits.numbers);

    let mut rig = Rig { images: resource::images(&root, &accessors, &mut files)?, ..Rig::default() };
    rig.copyright.clone_from(&root.asset.copyright);
    rig.materials = material::materials(&root, rig.images.len())?;
    let order = node::Order::new(&root, limits)?;
    rig.nodes = order.nodes(&root)?;
    let morphs = morph::Names::new(&root, &order, &mut rig, limits)?;
    mesh::meshes(&root, &accessors, &order, &morphs, &mut rig, limits)?;
    rig.expressions = vrm::expressions(&root, &order, &morphs, limits)?;
    rig.animations = animation::animations(&root, &accessors, &order, &morphs)?;
    rig.validate()?;
    Ok((rig, Extensions { root, order }))
}

/// The JSON of a file, whose version and extensions fit, and its binary chunk.
fn document<'a>(bytes: &'a [u8], limits: &LoadLimits) -> Result<(Root, &'a [u8]), RigError> {
    let GlbChunks { json, binary } = split_glb(bytes, limits)?;
    let root: Root = gltf::json::deserialize::from_slice(json)
        .map_err(|e| RigError::Format { format: "glTF", fault: shown(&e.to_string()) })?;
    let required = root.extensions_required.iter().map(String::as_str);
    check_versions_and_extensions(&root.asset.version, root.asset.min_version.as_deref(), required)?;
    Ok((root, binary))
}
