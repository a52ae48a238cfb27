//! Reading a capture's files, and where the paths in them lead.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use crate::error::{CaptureError, within};
use crate::limits::CaptureLimits;

/// Extensions tried, in this order, where a capture leaves them out, or there is no file with its own.
const PICTURE_EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "PNG", "JPG", "JPEG", "WEBP"];
/// The folder of pictures in their full size, and those of smaller ones beside it, which nerfstudio and 3D Gaussian
/// Splatting name by how much smaller.
const PICTURE_FOLDER: &str = "images";
const SMALLER_FOLDERS: [&str; 3] = ["images_2", "images_4", "images_8"];

/// The bytes of a file, unless there are more than `limit`.
pub(crate) fn read_within(path: &Path, limit: u64) -> Result<Vec<u8>, CaptureError> {
    let io = |error| CaptureError::io(path, error);
    let file = open(path)?;
    within(path, "bytes", file.metadata().map_err(io)?.len(), limit)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    within(path, "bytes", bytes.len() as u64, limit)?;
    Ok(bytes)
}

/// Opens a file, but no device or pipe, on which reading might never end.
pub(crate) fn open(path: &Path) -> Result<File, CaptureError> {
    let metadata = std::fs::metadata(path).map_err(|error| CaptureError::io(path, error))?;
    if !metadata.is_file() {
        return Err(CaptureError::format(path, "not a file"));
    }
    File::open(path).map_err(|error| CaptureError::io(path, error))
}

/// Where `text`, a path in a capture's file, leads from `folder`. Nothing on disk is looked at.
///
/// # Errors
/// What is wrong with it: empty, absolute outside of the folder, or further up than the limits allow.
pub(crate) fn resolve(folder: &Path, text: &str, limits: &CaptureLimits) -> Result<PathBuf, &'static str> {
    if text.trim().is_empty() {
        return Err("is empty");
    }
    if text.contains('\0') {
        return Err("holds a NUL");
    }
    // Captures made on Windows.
    let text = text.replace('\\', "/");
    let mut relative = Path::new(&text);
    if relative.is_absolute() || relative.has_root() {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let inside = relative.strip_prefix(folder).or_else(|_| relative.strip_prefix(&absolute)).ok();
        relative = inside
            .filter(|rest| rest.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)))
            .ok_or("is absolute and outside of the capture")?;
    }
    let mut up = 0u32;
    let mut down = PathBuf::new();
    for component in relative.components() {
        match component {
            Component::Normal(part) => down.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !down.pop() {
                    up = up.saturating_add(1);
                }
            }
            Component::RootDir | Component::Prefix(_) => {
                return Err("is absolute and outside of the capture");
            }
        }
    }
    if up > limits.folders_up {
        return Err("leads too far out of the capture");
    }
    if down.as_os_str().is_empty() {
        return Err("names no file");
    }
    let mut path = folder.to_owned();
    path.extend((0..up).map(|_| ".."));
    path.push(down);
    Ok(path)
}

/// As [`resolve`], for pictures: see [`find_picture`].
pub(crate) fn resolve_picture(
    folder: &Path,
    text: &str,
    limits: &CaptureLimits,
) -> Result<PathBuf, &'static str> {
    resolve(folder, text, limits).map(|path| find_picture(folder, path))
}

/// The picture at `path` in a capture's `folder`. Where there is none: with an extension that the path lacks, or another
/// than it has (pictures are converted, and their names change between upper and lower case), and in a folder of smaller
/// pictures. `path` itself if there is none of these either.
pub(crate) fn find_picture(folder: &Path, path: PathBuf) -> PathBuf {
    let in_folder = |path: &Path| -> Option<PathBuf> {
        if path.is_file() {
            return Some(path.to_owned());
        }
        let with = |extension: &&str| {
            let mut longer = path.to_owned().into_os_string();
            longer.push(".");
            longer.push(extension);
            PathBuf::from(longer)
        };
        if let Some(longer) = PICTURE_EXTENSIONS.iter().map(with).find(|longer| longer.is_file()) {
            return Some(longer);
        }
        let own = path.extension()?.to_str()?;
        PICTURE_EXTENSIONS.iter().find(|known| known.eq_ignore_ascii_case(own))?;
        PICTURE_EXTENSIONS.iter().map(|other| path.with_extension(other)).find(|other| other.is_file())
    };
    let smaller = || {
        let inside = path.strip_prefix(folder.join(PICTURE_FOLDER)).ok()?;
        SMALLER_FOLDERS.iter().find_map(|smaller| in_folder(&folder.join(smaller).join(inside)))
    };
    in_folder(&path).or_else(smaller).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_near_the_capture() {
        let limits = CaptureLimits::default();
        let to = |text| resolve(Path::new("/c/capture"), text, &limits);
        assert_eq!(to("images/a.png"), Ok("/c/capture/images/a.png".into()));
        assert_eq!(to("./images/./x/../a.png"), Ok("/c/capture/images/a.png".into()));
        assert_eq!(to("images\\a.png"), Ok("/c/capture/images/a.png".into()));
        assert_eq!(to("../other/a.png"), Ok("/c/capture/../other/a.png".into()));
        assert_eq!(to("/c/capture/images/a.png"), Ok("/c/capture/images/a.png".into()));
        for text in [
            "",
            " ",
            ".",
            "a/..",
            "..",
            "../..",
            "a\0b",
            "/etc/passwd",
            "/c/capture/../../etc/passwd",
            "../../../a.png",
            "a/../../../../b.png",
        ] {
            assert!(to(text).is_err(), "{text:?}");
        }
    }
}
