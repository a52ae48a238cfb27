//! What came of a run.

use std::path::PathBuf;

use serde::Serialize;

/// What was written in the end.
#[derive(Serialize)]
pub(super) struct Outcome {
    /// The avatar.
    pub(super) output: PathBuf,
    /// Steps that are done.
    pub(super) steps: usize,
    /// Steps of the whole run.
    pub(super) of: usize,
    pub(super) gaussians: usize,
    /// Size of the file.
    pub(super) bytes: u64,
}
