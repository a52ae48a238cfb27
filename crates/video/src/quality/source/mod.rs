//! Where sequences of pictures come from.

mod memory;
mod packets;
mod planes;
mod png;
mod y4m;

use std::path::Path;

pub use memory::Frames;
pub use packets::H264Packets;
pub use png::PngSequence;
pub use y4m::Y4mReader;
pub(super) use y4m::Y4mStream;

use super::ffmpeg::{Decoder, Ffmpeg};
use super::{Picture, QualityError};

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

impl Matrix {
    /// The weights of red and blue in luma.
    fn weights(self) -> [f32; 2] {
        match self {
            Self::Bt601 => [0.299, 0.114],
            Self::Bt709 => [0.2126, 0.0722],
        }
    }
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

/// Opens a sequence: a folder of PNG pictures in the order of the numbers in their names, one PNG picture, a
/// Y4M file, or through FFmpeg whatever that decodes.
///
/// # Errors
/// [`QualityError::Read`] for what is not there or not readable; [`QualityError::Ffmpeg`] where FFmpeg is needed and
/// `ffmpeg` is none.
pub fn open_frames(
    path: &Path,
    ffmpeg: Result<&Ffmpeg, String>,
    options: &SourceOptions,
) -> Result<Box<dyn FrameSource>, QualityError> {
    if path.is_dir() || png::is_png(path) {
        return Ok(Box::new(png::PngSequence::open(path, options)?));
    }
    if y4m::is_y4m(path)? {
        return Ok(Box::new(Y4mReader::open(path, options)?));
    }
    let ffmpeg = ffmpeg.map_err(|e| QualityError::read(path, format!("ffmpeg must decode it: {e}")))?;
    Ok(Box::new(Decoder::open(ffmpeg, path, options)?))
}
