//! A sequence of pictures, and how files of them are read.

use crate::error::QualityError;
use crate::picture::Picture;

/// A sequence of pictures, read one after another.
pub trait FrameSource: Send {
    /// What errors and reports call it, such as its path.
    fn name(&self) -> String;

    /// Its nominal frame rate per second, where it has one.
    fn frames_per_second(&self) -> Option<f64>;

    /// The next picture, or `None` after the last.
    ///
    /// # Errors
    /// [`QualityError`] for what cannot be read or decoded.
    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError>;
}

/// The matrix between R'G'B' and Y'CbCr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    #[default]
    Bt709,
}

/// How files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceOptions {
    /// The matrix of files that do not say theirs; Y4M never does.
    pub matrix: Matrix,
    /// The most pixels of a frame, 2²⁶ unless set otherwise.
    pub most_pixels: usize,
}

impl Default for SourceOptions {
    fn default() -> Self {
        Self { matrix: Matrix::default(), most_pixels: 1 << 26 }
    }
}
