//! Where frames go: a PNG or an EXR, a folder of PNGs, or a video. Files appear whole or not at all.

mod device_video;
mod exr;
mod importance;
mod png;
mod video;

use std::path::Path;

use anyhow::Context;
use effigy_splat::Frame;
use effigy_video::Importance;
use tempfile::NamedTempFile;

use crate::failure::bad_input;
use crate::framing::Size;

pub(crate) use device_video::DeviceVideo;
pub(crate) use importance::ImportanceFile;
pub(crate) use video::{PresetName, VideoOptions};

/// Takes frames in order; nothing is visible before [`Sink::finish`] returns.
pub(crate) trait Sink {
    /// Adds a frame, which may be changed on the way. `importance` is that of its pixels, where
    /// [`VideoOptions::need_importance`] asks for it.
    fn write(&mut self, frame: &mut Frame, importance: Option<&Importance<'_>>) -> anyhow::Result<()>;
    /// Puts the file in its place.
    fn finish(self: Box<Self>) -> anyhow::Result<()>;
}

/// What a path asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One picture.
    Png,
    /// One picture in linear light.
    Exr,
    /// A folder of pictures.
    Folder,
    /// A video.
    Mp4,
    /// A video's pictures, not encoded.
    Y4m,
}

impl Kind {
    /// By the path's extension; a path without one is a folder.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        match path.extension().map(|e| e.to_string_lossy().to_lowercase()).as_deref() {
            Some("png") => Ok(Self::Png),
            Some("exr") => Ok(Self::Exr),
            Some("mp4") => Ok(Self::Mp4),
            Some("y4m") => Ok(Self::Y4m),
            None => Ok(Self::Folder),
            Some(other) => Err(bad_input(format!(
                "{}: cannot write .{other}; use .png, .exr, .mp4, .y4m, or a name without extension for a folder of pictures",
                path.display()
            ))),
        }
    }
}

/// Opens the sink for `kind` at `path`. `background` is what frames are put over; `None` keeps them transparent, which
/// a video cannot be.
pub(crate) fn open(
    kind: Kind,
    path: &Path,
    size: Size,
    fps: f64,
    background: Option<[f32; 3]>,
    options: &VideoOptions,
) -> anyhow::Result<Box<dyn Sink>> {
    if !matches!(kind, Kind::Mp4 | Kind::Y4m) {
        options.refuse_preparation(path)?;
    }
    Ok(match kind {
        Kind::Png => Box::new(png::Picture::create(path, background)?),
        Kind::Folder => Box::new(png::Folder::create(path, background)?),
        Kind::Exr => Box::new(exr::Exr::create(path)?),
        Kind::Mp4 => Box::new(video::Video::encoded(path, size, fps, background, options)?),
        Kind::Y4m => Box::new(video::Video::raw(path, size, fps, background, options)?),
    })
}

/// What videos of a transparent avatar are put over.
pub(crate) const STUDIO_GREY: [f32; 3] = [0.13, 0.135, 0.145];

/// The folder that a file at `path` is to be put in, which must exist.
pub(crate) fn folder_of(path: &Path) -> anyhow::Result<&Path> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(bad_input(format!("{}: there is no folder {}", path.display(), folder.display())));
    }
    Ok(folder)
}

/// As [`folder_of`], for a file that may replace another one but not a folder.
pub(crate) fn folder_of_file(path: &Path) -> anyhow::Result<&Path> {
    if path.is_dir() {
        return Err(bad_input(format!("{}: is a folder", path.display())));
    }
    folder_of(path)
}

/// A temporary file beside `path`, to be moved there when it is whole. It is as readable as the user's other files.
pub(crate) fn new_file(path: &Path) -> anyhow::Result<NamedTempFile> {
    temporary(0o666)
        .prefix(".effigy-")
        .tempfile_in(folder_of_file(path)?)
        .with_context(|| path.display().to_string())
}

/// Makes temporary files or folders with these permissions, less the user's mask.
fn temporary(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}
