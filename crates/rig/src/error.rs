//! What can go wrong in this crate.

use std::path::{Path, PathBuf};

/// Why a rig or a track cannot be read or used. Each message is one line that names the fault.
#[derive(Debug, thiserror::Error)]
pub enum RigError {
    /// A fault, with the file it is in.
    #[error("{}: {fault}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Box<RigError>,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The bytes are not the format they should be.
    #[error("not a readable {format} file: {fault}")]
    Format {
        /// The format that was expected.
        format: &'static str,
        /// What does not fit.
        fault: String,
    },
    /// The file needs something that this crate does not do.
    #[error("{0}")]
    Unsupported(String),
    /// A part of the file contradicts another, or holds a value that means nothing.
    #[error("{place}: {fault}")]
    Invalid {
        /// Where, such as `mesh 0, primitive 2, POSITION`.
        place: String,
        /// What is wrong there.
        fault: String,
    },
    /// The file is larger than the caller's limits allow.
    #[error("{what} is {size}, over the limit of {limit}")]
    Limit {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        size: u64,
        /// How large it may be.
        limit: u64,
    },
    /// Arguments that do not belong together, such as a pose of another rig.
    #[error("{0}")]
    Mismatch(String),
}

impl RigError {
    /// The same fault with the file that it is in.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        match self {
            Self::File { .. } => self,
            fault => Self::File { path: path.to_owned(), fault: Box::new(fault) },
        }
    }
}

/// Shorthand for [`RigError::Invalid`]; what it quotes from files is made fit to be shown.
pub(crate) fn invalid(place: impl Into<String>, fault: impl Into<String>) -> RigError {
    RigError::Invalid { place: shown(&place.into()), fault: shown(&fault.into()) }
}

/// An error unless `size` is at most `limit`.
pub(crate) fn within(what: &'static str, size: u64, limit: u64) -> Result<(), RigError> {
    if size > limit { Err(RigError::Limit { what, size, limit }) } else { Ok(()) }
}

/// Text from a file for a message: on one line, without what a terminal would act on, and not longer than 300 characters.
pub fn shown(text: &str) -> String {
    const MOST: usize = 300;
    let mut out = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == MOST {
            out.push('…');
            break;
        }
        // Marks of writing direction reorder what stands around them.
        if c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}
