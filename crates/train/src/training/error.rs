//! What can stop training.

use effigy_avatar::AvatarError;
use effigy_capture::{CaptureError, Problem};
use effigy_field::FieldError;
use effigy_quality::QualityError;
use effigy_rig::RigError;
use effigy_splat::SplatError;

/// Why training stopped. Each is one line, but for [`TrainError::Problems`].
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Something about the capture.
    #[error("{0}")]
    Capture(String),
    /// The capture was checked and cannot be used: everything that is wrong with it, a line each.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Problems(Vec<Problem>),
    /// A picture or file of the capture.
    #[error(transparent)]
    Picture(#[from] CaptureError),
    /// A configuration that makes no sense.
    #[error("configuration: {0}")]
    Config(String),
    /// The rig.
    #[error(transparent)]
    Rig(#[from] RigError),
    /// The avatar.
    #[error(transparent)]
    Avatar(#[from] AvatarError),
    /// The field.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Rendering.
    #[error(transparent)]
    Splat(#[from] SplatError),
    /// Comparing pictures.
    #[error(transparent)]
    Quality(#[from] QualityError),
    /// The loss stopped being a number.
    #[error(
        "the loss is not finite at step {0}; lower the learning rates, or resume from the last checkpoint with another seed"
    )]
    NotFinite(usize),
    /// The device failed or ran out of memory.
    #[error("the device failed: {0}")]
    Device(String),
    /// A checkpoint that cannot be used.
    #[error("checkpoint: {0}")]
    Checkpoint(String),
    /// A file that cannot be written or read.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: std::path::PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
}
