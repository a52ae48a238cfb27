//! What can be wrong with a splat file.

use effigy_rig::RigError;
use effigy_splat::SplatError;

/// A fault in a splat file, or in writing one. One line; the name of the file is for the caller to add.
#[derive(Debug, thiserror::Error)]
pub enum SplatFileError {
    /// The first bytes are those of no format that is read.
    #[error("not a splat file: it begins as neither PLY nor SPZ does")]
    UnknownFormat,
    /// A line of the PLY header cannot be understood.
    #[error("PLY header, line {line}: {fault}")]
    PlyHeader {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// The PLY header says something that no set of Gaussians can be.
    #[error("PLY: {0}")]
    PlyLayout(String),
    /// An element of the PLY lacks properties that are needed.
    #[error("PLY: element \"{element}\" lacks {}", .properties.join(", "))]
    MissingProperties {
        /// The element.
        element: &'static str,
        /// All the properties that are needed and not there.
        properties: Vec<String>,
    },
    /// The Gaussians of the PLY are posed by a mesh that is not in it.
    #[error(
        "PLY: its Gaussians are bound to triangles of a mesh (property {property}), as GaussianAvatars writes them; \
         without that mesh, FLAME, their positions mean nothing: export them posed"
    )]
    Bound {
        /// The property that says so.
        property: &'static str,
    },
    /// The file ends before what it declares.
    #[error(
        "file ends within {what}: {needed} bytes are needed from byte {offset} on, {available} are there"
    )]
    Truncated {
        /// Part of the file.
        what: String,
        /// Where that part begins.
        offset: u64,
        /// How many bytes it takes.
        needed: u64,
        /// How many there are.
        available: u64,
    },
    /// A value is none that can be rendered.
    #[error("{element} {index}, {property}: {fault}")]
    Value {
        /// Element of the file.
        element: String,
        /// Index of the element, from 0.
        index: u64,
        /// Name of the property.
        property: String,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The file asks for more than [`SplatLimits`](super::SplatLimits) allow.
    #[error("{found} {what} are more than the limit of {limit}")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// How much the file asks for.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The SPZ header or table of contents is not as it should be.
    #[error("SPZ: {0}")]
    Spz(String),
    /// A compressed stream of an SPZ file is corrupt, or of the wrong length.
    #[error("SPZ: stream of {stream}: {fault}")]
    Compression {
        /// Which stream.
        stream: &'static str,
        /// What the decompressor says.
        fault: String,
    },
    /// A `.splat` is not as it should be.
    #[error(".splat: {0}")]
    Antimatter(String),
    /// Headers of a `.ksplat` are not as they should be.
    #[error(".ksplat: {0}")]
    Ksplat(String),
    /// The `meta.json` of a SOG, or one of its pictures, is not as it should be.
    #[error("SOG: {0}")]
    Sog(String),
    /// A primitive with the glTF extension is not as it should be.
    #[error("KHR_gaussian_splatting: {0}")]
    Khr(String),
    /// The glTF file that holds splats is at fault.
    #[error(transparent)]
    Gltf(#[from] RigError),
    /// Of all the Gaussians none can be drawn.
    #[error("none of its {count} Gaussians can be drawn: {fault}")]
    NothingLeft {
        /// How many there are.
        count: usize,
        /// What is wrong with the first.
        fault: &'static str,
    },
    /// The Gaussians are not fit to be rendered.
    #[error(transparent)]
    Gaussians(#[from] SplatError),
    /// The destination cannot be written.
    #[error("cannot write: {0}")]
    Write(std::io::Error),
}

/// By hand: derived, the fault would be shown here and offered as a source to be shown again.
impl From<std::io::Error> for SplatFileError {
    fn from(fault: std::io::Error) -> Self {
        Self::Write(fault)
    }
}

/// Text from a file, fit to be shown on one line: escaped and at most 40 characters.
pub(super) fn shown(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut short: String = text.chars().take(40).flat_map(char::escape_debug).collect();
    if text.chars().nth(40).is_some() {
        short.push('…');
    }
    short
}
