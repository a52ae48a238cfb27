//! What can go wrong in this crate.

use std::path::{Path, PathBuf};

use effigy_field::FieldError;
use effigy_rig::RigError;
use effigy_splat::SplatError;

use crate::splat_file::SplatFileError;

/// Why an avatar cannot be read, made, posed or written. Each message is one line that says everything, so that none
/// of these has another error as its source.
#[derive(Debug, thiserror::Error)]
pub enum AvatarError {
    /// A file could not be read or written.
    #[error("{}: {fault}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        fault: std::io::Error,
    },
    /// A file was read but what it holds cannot be used.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        fault: Box<AvatarError>,
    },
    /// The rig is at fault.
    #[error(transparent)]
    Rig(#[from] RigError),
    /// A splat file is at fault.
    #[error(transparent)]
    SplatFile(#[from] SplatFileError),
    /// The Gaussians are at fault.
    #[error(transparent)]
    Splat(#[from] SplatError),
    /// The neural field is at fault.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A `.glb` avatar is at fault, or an avatar cannot be written as one.
    #[error("{0}")]
    Asset(String),
    /// A zip archive is at fault.
    #[error("zip: {0}")]
    Archive(String),
    /// The binding of Gaussians to the rig is at fault.
    #[error("binding: {0}")]
    Binding(String),
    /// The surface cannot be sampled.
    #[error("{0}")]
    Surface(String),
    /// The file is of a kind that is known and not read.
    #[error("{name} is not read: {advice}")]
    Unread {
        /// What it is.
        name: &'static str,
        /// How to get to a file that is read.
        advice: &'static str,
    },
    /// The file is of no known kind.
    #[error(
        "not an avatar: expected a .glb, .gltf, .vrm, .ply, .spz, .splat, .ksplat, .sog or LAM .zip file"
    )]
    UnknownFormat,
}

impl AvatarError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        move |fault| Self::Io { path: path.to_owned(), fault }
    }

    /// Names `path` in front of the fault, unless the fault names a file already.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            named @ (Self::Io { .. } | Self::File { .. }) => named,
            other => Self::File { path: path.to_owned(), fault: Box::new(other) },
        }
    }
}
