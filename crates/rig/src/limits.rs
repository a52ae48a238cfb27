//! How much a rig file may ask for.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::RigError;
use crate::error::within;

/// Upper bounds on what loading a rig may read and keep. Counts are checked before anything of that size is allocated.
/// Parsed JSON of many small objects takes some 250 times the bytes of its text, which with the default `json_bytes` is
/// 4 GiB at worst; lower it where files come from strangers. In practice a load stays near the file's own size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Bytes of the file and of all buffers and pictures that it refers to, together, and of what is unpacked from it.
    pub bytes: u64,
    /// How many folders above its own the file may refer to.
    pub folders_up: u32,
    /// Bytes of the JSON part, where of a text longer than 1024 bytes (embedded data) only the first 1024 count.
    pub json_bytes: u64,
    /// Primitives, instances included.
    pub primitives: u64,
    /// Vertices of all primitives, instances included.
    pub vertices: u64,
    /// Triangles of all primitives, instances included.
    pub triangles: u64,
    /// Nodes.
    pub nodes: u64,
    /// Joints of the palette; at most 65,536, since vertices refer to them by 16 bits.
    pub joints: u64,
    /// Morph targets.
    pub morphs: u64,
    /// Displacements that are not zero, over all morph targets.
    pub morph_deltas: u64,
    /// VRM expressions.
    pub expressions: u64,
    /// Numbers read from accessors altogether, at least 16 for each accessor; bounds the time taken by many accessors
    /// over the same bytes.
    pub numbers: u64,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            bytes: 1 << 30,
            folders_up: 2,
            json_bytes: 16 << 20,
            primitives: 1 << 14,
            vertices: 4 << 20,
            triangles: 8 << 20,
            nodes: 1 << 16,
            joints: 1 << 16,
            morphs: 4096,
            morph_deltas: 32 << 20,
            expressions: 4096,
            numbers: 256 << 20,
        }
    }
}

/// The bytes of a file, unless there are more than `limit`; of a device or pipe no more than that is ever read.
pub(crate) fn read_within(path: &Path, limit: u64) -> Result<Vec<u8>, RigError> {
    let file = File::open(path)?;
    within("the file", file.metadata()?.len(), limit)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    within("the file", bytes.len() as u64, limit)?;
    Ok(bytes)
}
