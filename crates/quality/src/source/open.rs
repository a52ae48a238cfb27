//! Any file or folder of pictures.

use std::path::Path;

use super::frame_source::{FrameSource, SourceOptions};
use super::png::{PngSequence, is_png};
use super::y4m::{Y4mReader, is_y4m};
use crate::error::QualityError;
use crate::ffmpeg::{Decoder, Ffmpeg};

/// Opens a sequence: a folder of PNG pictures (see [`PngSequence`]), one PNG picture, a Y4M file, or through FFmpeg
/// whatever that decodes. Of an MP4 with a [clean aperture](super::clean_aperture) only that is read.
///
/// # Errors
/// [`QualityError::Read`] for what is not there or not readable; [`QualityError::Ffmpeg`] where FFmpeg is needed and
/// `ffmpeg` is none.
pub fn open_frames(
    path: &Path,
    ffmpeg: Result<&Ffmpeg, String>,
    options: &SourceOptions,
) -> Result<Box<dyn FrameSource>, QualityError> {
    if path.is_dir() || is_png(path) {
        return Ok(Box::new(PngSequence::open(path, options)?));
    }
    if is_y4m(path)? {
        return Ok(Box::new(Y4mReader::open(path, options)?));
    }
    let ffmpeg = ffmpeg.map_err(|e| QualityError::read(path, format!("ffmpeg must decode it: {e}")))?;
    Ok(Box::new(Decoder::open(ffmpeg, path, options)?))
}
