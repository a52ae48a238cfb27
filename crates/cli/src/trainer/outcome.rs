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
    /// Over held-out pictures, or training pictures where none are held out; of runs that are done, dB.
    pub(super) psnr: Option<f32>,
    /// The same of pictures of one colour.
    pub(super) single_color_psnr: Option<f32>,
    /// Whether the avatar comes nearer to the pictures than one colour does.
    pub(super) learned: Option<bool>,
    /// That it does not, in a line for people.
    #[serde(skip)]
    pub(super) nothing_learned: Option<String>,
}
