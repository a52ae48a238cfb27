//! Files of a run, which appear whole or not at all.

use std::io::Write as _;
use std::path::Path;

use crate::TrainError;

/// Writes a file, naming it in what goes wrong.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    effigy_avatar::write_whole(path, |to| to.write_all(bytes))
        .map_err(|error| TrainError::Io { path: path.to_owned(), error })
}
