//! Files and folders that appear whole or not at all: made beside their place and moved there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::QualityError;

/// Writes a file, replacing an older one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), QualityError> {
    if path.is_dir() {
        return Err(QualityError::write(path, "is a folder"));
    }
    let mut file = temporary(0o666)
        .prefix(".effigy-")
        .tempfile_in(parent(path)?)
        .map_err(|e| QualityError::write(path, e))?;
    file.write_all(bytes).map_err(|e| QualityError::write(path, e))?;
    file.persist(path).map_err(|e| QualityError::write(path, e.error))?;
    Ok(())
}

/// A folder being made; removed again unless it is [placed](Self::place).
#[derive(Debug)]
pub(crate) struct PartialFolder {
    path: PathBuf,
    partial: TempDir,
}

impl PartialFolder {
    /// Begins a folder that will stand at `path`, whose parent must exist.
    pub(crate) fn begin(path: &Path) -> Result<Self, QualityError> {
        // A name that a folder can be moved to: not `.`, and not a link.
        if path.file_name().is_none() || path.is_symlink() {
            return Err(QualityError::write(path, "name a new folder"));
        }
        let partial = temporary(0o777)
            .prefix(".effigy-")
            .tempdir_in(parent(path)?)
            .map_err(|e| QualityError::write(path, e))?;
        Ok(Self { path: path.into(), partial })
    }

    /// Where to put its files for now.
    pub(crate) fn inside(&self) -> &Path {
        self.partial.path()
    }

    /// Where it will be.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Moves the folder to its place. An older one there stays until then, and comes back if the move fails.
    pub(crate) fn place(mut self) -> Result<(), QualityError> {
        let path = &self.path;
        let fault = |e: std::io::Error| QualityError::write(path, e);
        let old = match path.exists() {
            true => {
                let old = temporary(0o777).prefix(".effigy-old-").tempdir_in(parent(path)?).map_err(fault)?;
                fs::rename(path, old.path().join("old")).map_err(fault)?;
                Some(old)
            }
            false => None,
        };
        if let Err(error) = fs::rename(self.partial.path(), path) {
            if let Some(old) = &old {
                fs::rename(old.path().join("old"), path).map_err(fault)?;
            }
            return Err(fault(error));
        }
        // There is nothing to remove any more where it was.
        self.partial.disable_cleanup(true);
        Ok(())
    }
}

fn parent(path: &Path) -> Result<&Path, QualityError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match folder.is_dir() {
        true => Ok(folder),
        false => Err(QualityError::write(path, format_args!("there is no folder {}", folder.display()))),
    }
}

/// Makes temporary files or folders with these permissions, less the user's mask.
fn temporary(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
