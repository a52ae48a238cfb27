//! What can be wrong with a judgement's inputs and outputs.

use std::path::{Path, PathBuf};

/// A fault in the pictures to be judged or in writing the result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JudgeError {
    /// A picture or mask without pixels, or with more or fewer than its size says.
    #[error("{what} of {width}x{height} has {count} pixels")]
    PixelCount {
        /// Picture or mask.
        what: &'static str,
        /// Width, pixels.
        width: usize,
        /// Height, pixels.
        height: usize,
        /// Entries found.
        count: usize,
    },
    /// Two things that must be of one size are not.
    #[error("{what} is {width}x{height} where {expected_width}x{expected_height} is expected")]
    Size {
        /// Which of them is of another size.
        what: String,
        /// Its width, pixels.
        width: usize,
        /// Its height, pixels.
        height: usize,
        /// The other's width, pixels.
        expected_width: usize,
        /// The other's height, pixels.
        expected_height: usize,
    },
    /// A picture holds infinity or NaN.
    #[error("the picture is not finite at ({x}, {y})")]
    NotFinite {
        /// Column.
        x: usize,
        /// Row.
        y: usize,
    },
    /// A mask weight outside 0..=1, or NaN.
    #[error("the mask of area {area} is outside 0..1 at ({x}, {y})")]
    Weight {
        /// The area's name.
        area: String,
        /// Column.
        x: usize,
        /// Row.
        y: usize,
    },
    /// FLIP refused the pictures.
    #[error("FLIP: {0}")]
    Flip(#[from] flip_rs::FlipError),
    /// A file or folder could not be written.
    #[error("{path}: {message}", path = path.display())]
    Output {
        /// Where.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

impl JudgeError {
    /// An output fault at `path`.
    pub(super) fn output(path: &Path, message: impl ToString) -> Self {
        Self::Output { path: path.into(), message: message.to_string() }
    }
}
