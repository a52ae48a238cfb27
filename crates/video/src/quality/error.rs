//! What can go wrong when pictures are measured.

use std::path::{Path, PathBuf};

/// A comparison that cannot be made. Measures that alone are missing are no error: they are
/// [absent with a reason](super::MeasureScores::result).
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// The number of bytes is not 3 × width × height, or the picture is empty.
    #[error("a picture of {width}x{height} does not have {bytes} bytes")]
    ByteCount {
        /// Width, pixels.
        width: usize,
        /// Height, pixels.
        height: usize,
        /// Bytes that were given.
        bytes: usize,
    },
    /// Two pictures that should be of one size are not.
    #[error("{what} is {width}x{height}, where {expected_width}x{expected_height} is expected")]
    Size {
        /// Which picture.
        what: String,
        /// Its width, pixels.
        width: usize,
        /// Its height, pixels.
        height: usize,
        /// The width of what it is compared with, pixels.
        expected_width: usize,
        /// The height of what it is compared with, pixels.
        expected_height: usize,
    },
    /// One sequence ends before another.
    #[error("{short} ends after {frames} frames, {long} goes on")]
    Length {
        /// The one that ends.
        short: String,
        /// How many frames it has.
        frames: usize,
        /// The one that goes on.
        long: String,
    },
    /// There is not one picture to compare.
    #[error("{0} has no frames")]
    Empty(String),
    /// A region does not lie within the pictures, or has no pixels.
    #[error("region {region} does not lie within pictures of {width}x{height}")]
    Region {
        /// Its name and corners.
        region: String,
        /// Width of the pictures, pixels.
        width: usize,
        /// Height of the pictures, pixels.
        height: usize,
    },
    /// A region is of masks, and no masks are given.
    #[error("region {0} is of masks, and there are no masks")]
    NoMasks(String),
    /// A file or folder that cannot be read as pictures.
    #[error("{}: {fault}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, one line.
        fault: String,
    },
    /// A file that cannot be written.
    #[error("{}: {fault}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What is wrong, one line.
        fault: String,
    },
    /// There is no FFmpeg, or it does not work.
    #[error("{0}")]
    Ffmpeg(String),
}

impl QualityError {
    pub(super) fn read(path: &Path, fault: impl ToString) -> Self {
        Self::Read { path: path.to_owned(), fault: fault.to_string() }
    }
}
