//! Files that are too large for the repository.

use std::path::{Path, PathBuf};

/// A file or folder of `$EFFIGY_DATA`, or of `shared/data` beside the repository; `None`, with a note that the test is
/// skipped, where it is not there.
pub fn data(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let path = std::env::var_os("EFFIGY_DATA").map_or_else(beside, PathBuf::from).join(name);
    if !path.exists() {
        println!("skipped: there is no {}", path.display());
        return None;
    }
    Some(path)
}
