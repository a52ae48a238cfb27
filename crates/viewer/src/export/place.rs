//! Where files are put.

use std::path::{Path, PathBuf};

use directories::UserDirs;

/// What is put there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Pictures,
    Videos,
    Documents,
}

/// Where the user has files of this kind, or else the home folder.
pub(crate) fn usual_folder(kind: Kind) -> PathBuf {
    let folders = UserDirs::new();
    let usual = folders.as_ref().and_then(|folders| match kind {
        Kind::Pictures => folders.picture_dir(),
        Kind::Videos => folders.video_dir(),
        Kind::Documents => folders.document_dir(),
    });
    let home = folders.as_ref().map(|folders| folders.home_dir());
    usual.filter(|folder| folder.is_dir()).or(home).unwrap_or(Path::new(".")).to_owned()
}

/// `path`, or where something is there already the same with the next number that is free.
pub(crate) fn free_path(path: &Path) -> PathBuf {
    if !path.exists() {
        return path.to_owned();
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    // The number that it has already is counted on from.
    let (stem, from) = match stem.rsplit_once(' ') {
        Some((stem, number)) if !stem.is_empty() && number.parse::<u32>().is_ok() => {
            (stem.to_owned(), number.parse().unwrap_or(1))
        }
        _ => (stem.into_owned(), 1),
    };
    let extension =
        path.extension().map_or(String::new(), |extension| format!(".{}", extension.to_string_lossy()));
    (1..=10_000_u32)
        .map(|i| path.with_file_name(format!("{stem} {}{extension}", i.saturating_add(from))))
        .find(|path| !path.exists())
        .unwrap_or_else(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_counted_on() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let next = |name: &str| free_path(&at(name)).file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(next("a.png"), "a.png");
        for name in ["a.png", "a 2.png", "take 7.mp4", "none"] {
            std::fs::write(at(name), "").unwrap();
        }
        assert_eq!(next("a.png"), "a 3.png");
        assert_eq!(next("a 2.png"), "a 3.png");
        assert_eq!(next("take 7.mp4"), "take 8.mp4");
        assert_eq!(next("none"), "none 2");
    }
}
