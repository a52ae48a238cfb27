//! Zip archives, read in memory: no entry is ever written to disk.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::AvatarError;

/// Whether a file begins as a zip does; an empty one consists of its end record alone.
pub(crate) fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
}

/// A zip whose entries have been looked over.
pub(crate) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    /// Index and path of every entry that is a file and no litter of the system that packed it.
    files: Vec<(usize, String)>,
    unpacked_left: u64,
}

impl<'a> Archive<'a> {
    /// Looks over a zip of at most `entries` entries, which unpack to at most `unpacked_bytes` bytes.
    pub(crate) fn open(bytes: &'a [u8], entries: usize, unpacked_bytes: u64) -> Result<Self, AvatarError> {
        let fail = |what: String| AvatarError::Archive(what);
        let mut zip = ZipArchive::new(Cursor::new(bytes)).map_err(|e| fail(e.to_string()))?;
        if zip.len() > entries {
            return Err(fail(format!("{} entries are more than {entries}", zip.len())));
        }
        let mut files = Vec::new();
        let mut declared = 0_u64;
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|e| fail(format!("entry {index}: {e}")))?;
            let name = String::from_utf8_lossy(entry.name_raw()).replace('\\', "/");
            let rooted = name.starts_with('/') || name.as_bytes().get(1) == Some(&b':');
            if rooted || name.split('/').any(|component| component == "..") {
                return Err(fail(format!("entry {name:?} lies outside the archive")));
            }
            declared = declared.saturating_add(entry.size());
            if declared > unpacked_bytes {
                return Err(too_large(unpacked_bytes));
            }
            if !entry.is_dir() && !is_litter(&name) {
                files.push((index, name));
            }
        }
        Ok(Self { zip, files, unpacked_left: unpacked_bytes })
    }

    /// The paths of all files, with `/` between folders.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|(_, path)| path.as_str())
    }

    /// The path of the one file that is called `name`, in whatever folder; `None` if there is none.
    ///
    /// # Errors
    /// [`AvatarError::Archive`] if there is more than one.
    pub(crate) fn find(&self, name: &str) -> Result<Option<&str>, AvatarError> {
        let mut found = self.paths().filter(|path| file_name(path) == name);
        match (found.next(), found.next()) {
            (_, Some(_)) => Err(AvatarError::Archive(format!("more than one {name}"))),
            (first, None) => Ok(first),
        }
    }

    /// Unpacks the file at `path`, counting the bytes that really come out: the declared size may lie.
    ///
    /// # Errors
    /// [`AvatarError::Archive`] with the file's name.
    pub(crate) fn read(&mut self, path: &str) -> Result<Vec<u8>, AvatarError> {
        let name = file_name(path);
        let Some(&(index, _)) = self.files.iter().find(|(_, found)| found == path) else {
            return Err(part(name, &"not in the archive"));
        };
        let limit = self.unpacked_left;
        let entry = self.zip.by_index(index).map_err(|e| part(name, &e))?;
        let mut bytes = Vec::new();
        entry.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| part(name, &e))?;
        let length = bytes.len() as u64;
        self.unpacked_left = limit.checked_sub(length).ok_or_else(|| too_large(limit))?;
        Ok(bytes)
    }
}

/// A fault in a file of an archive.
pub(crate) fn part(file: &str, fault: &dyn std::fmt::Display) -> AvatarError {
    AvatarError::Archive(format!("{file}: {fault}"))
}

/// The last component of a path in an archive.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn too_large(limit: u64) -> AvatarError {
    AvatarError::Archive(format!("unpacks to more than {limit} bytes"))
}

/// What macOS leaves in archives.
fn is_litter(path: &str) -> bool {
    path.split('/').any(|component| component == "__MACOSX" || component.starts_with("._"))
        || path.ends_with(".DS_Store")
}
