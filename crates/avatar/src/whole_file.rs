//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

/// Writes a file beside `path` and moves it there when it is whole. In a browser there are no files, and it fails.
///
/// # Errors
/// What the system says, and what `write` returns; `path` is as it was then.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<()> {
    #[cfg(target_arch = "wasm32")]
    {
        let _ = (path, write);
        Err(io::ErrorKind::Unsupported.into())
    }
    #[cfg(not(target_arch = "wasm32"))]
    write_beside(path, write)
}

#[cfg(not(target_arch = "wasm32"))]
fn write_beside(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<()> {
    use std::io::Write;

    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    // Temporary files are private; this one is to end as readable as any other.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.prefix(".effigy-").suffix(".part").tempfile_in(folder)?;
    let mut to = BufWriter::new(file.as_file_mut());
    write(&mut to)?;
    to.flush()?;
    drop(to);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_appears_whole_and_as_any_new_file_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a file");
        write_whole(&path, |to| to.write_all(b"first")).unwrap();
        let cut = write_whole(&path, |to| {
            to.write_all(b"second")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(cut.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let plain = folder.path().join("plain");
            std::fs::write(&plain, "").unwrap();
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode(&path), mode(&plain));
        }
    }
}
