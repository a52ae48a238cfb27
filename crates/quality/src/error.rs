//! What can go wrong when pictures are measured.

use std::path::{Path, PathBuf};

/// A comparison that cannot be made. Measures that alone are missing are no error: they are
/// [absent with a reason](crate::MeasureScores::result).
#[derive(Debug, thiserror::Error)]
pub enum QualityError {
    /// A picture or mask that is empty, or has more or less than its size says.
    #[error("{what} of {width}x{height} does not have {found} {of}")]
    Count {
        /// Picture or mask.
        what: &'static str,
        /// Width, pixels.
        width: usize,
        /// Height, pixels.
        height: usize,
        /// How many were given.
        found: usize,
        /// Bytes or pixels.
        of: &'static str,
    },
    /// A picture holds infinity or NaN.
    #[error("the picture is not finite at ({x}, {y})")]
    NotFinite {
        /// Column.
        x: usize,
        /// Row.
        y: usize,
    },
    /// A mask has a weight outside 0..=1, or NaN.
    #[error("the mask is outside 0..1 at ({x}, {y})")]
    Weight {
        /// Column.
        x: usize,
        /// Row.
        y: usize,
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
    /// A file or folder that cannot be written.
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
    pub(crate) fn read(path: &Path, fault: impl ToString) -> Self {
        Self::Read { path: path.to_owned(), fault: fault.to_string() }
    }

    pub(crate) fn write(path: &Path, fault: impl ToString) -> Self {
        Self::Write { path: path.to_owned(), fault: fault.to_string() }
    }

    /// `what` is not of the size that it should be.
    pub(crate) fn size(what: impl Into<String>, found: (usize, usize), expected: (usize, usize)) -> Self {
        let ((width, height), (expected_width, expected_height)) = (found, expected);
        Self::Size { what: what.into(), width, height, expected_width, expected_height }
    }
}
