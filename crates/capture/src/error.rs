//! Why a capture cannot be read.

use std::path::{Path, PathBuf};

use effigy_rig::shown;

/// Why a capture or one of its pictures cannot be read. Each message is one line and names the file.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Nothing in the folder is known.
    #[error("{}: no capture here: neither transforms.json, transforms_train.json nor a COLMAP model in sparse/0", path.display())]
    NotACapture {
        /// The folder.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{}: {fault}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file asks for more than [`CaptureLimits`](crate::CaptureLimits) allow.
    #[error("{}: {what}: {size}, over the limit of {limit}", path.display())]
    Limit {
        /// The file.
        path: PathBuf,
        /// What is too large.
        what: &'static str,
        /// How large it is, as far as was looked.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// A picture index or halving that the capture does not have.
    #[error("there is no picture {index} in a capture of {count}")]
    NoSuchPicture {
        /// The index asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
}

impl CaptureError {
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// What `fault` quotes from files is made fit to be shown.
    pub(crate) fn format(path: &Path, fault: impl AsRef<str>) -> Self {
        Self::Format { path: path.to_owned(), fault: shown(fault.as_ref()) }
    }

    /// What is wrong, without the file's name.
    pub(crate) fn fault(&self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::Format { fault, .. } => fault.clone(),
            Self::Limit { what, size, limit, .. } => format!("{what}: {size}, over the limit of {limit}"),
            Self::NotACapture { .. } | Self::NoSuchPicture { .. } => self.to_string(),
        }
    }
}

/// An error unless `size` is at most `limit`.
pub(crate) fn within(path: &Path, what: &'static str, size: u64, limit: u64) -> Result<(), CaptureError> {
    if size > limit {
        return Err(CaptureError::Limit { path: path.to_owned(), what, size, limit });
    }
    Ok(())
}
