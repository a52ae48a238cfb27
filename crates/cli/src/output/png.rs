//! PNG pictures, one or a folder of them.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use effigy_splat::Frame;
use effigy_video::Importance;
use effigy_video::container::write_png;
use tempfile::{NamedTempFile, TempDir};

use super::{Sink, folder_of, new_file, temporary};
use crate::failure::bad_input;

/// One PNG.
pub(super) struct Picture {
    path: PathBuf,
    file: NamedTempFile,
    background: Option<[f32; 3]>,
}

impl Picture {
    pub(super) fn create(path: &Path, background: Option<[f32; 3]>) -> anyhow::Result<Self> {
        Ok(Self { path: path.into(), file: new_file(path)?, background })
    }
}

impl Sink for Picture {
    fn write(&mut self, frame: &mut Frame, _: Option<&Importance<'_>>) -> anyhow::Result<()> {
        let mut to = BufWriter::new(&mut self.file);
        write_png(frame, self.background, &mut to)?;
        Ok(to.flush()?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        self.file.persist(&self.path).with_context(|| self.path.display().to_string())?;
        Ok(())
    }
}

/// Frames as numbered PNGs.
pub(super) struct Folder {
    pictures: NumberedPngs,
    background: Option<[f32; 3]>,
}

impl Folder {
    pub(super) fn create(path: &Path, background: Option<[f32; 3]>) -> anyhow::Result<Self> {
        Ok(Self { pictures: NumberedPngs::create(path)?, background })
    }
}

impl Sink for Folder {
    fn write(&mut self, frame: &mut Frame, _: Option<&Importance<'_>>) -> anyhow::Result<()> {
        self.pictures.add(|to| Ok(write_png(frame, self.background, to)?))
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        self.pictures.finish()
    }
}

/// Numbered PNGs in a folder of their own, which appears when it is whole.
pub(super) struct NumberedPngs {
    path: PathBuf,
    partial: TempDir,
    count: usize,
}

fn frame_name(index: usize) -> String {
    format!("frame_{index:05}.png")
}

/// Whether a file is one that this program puts into such folders.
fn is_frame(name: &str) -> bool {
    name.strip_prefix("frame_")
        .and_then(|rest| rest.strip_suffix(".png"))
        .is_some_and(|n| n.len() >= 5 && n.bytes().all(|b| b.is_ascii_digit()))
}

impl NumberedPngs {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            let foreign = fs::read_dir(path)
                .map_err(|error| bad_input(format!("{}: {error}", path.display())))?
                .filter_map(Result::ok)
                .find(|entry| !is_frame(&entry.file_name().to_string_lossy()));
            if let Some(entry) = foreign {
                return Err(bad_input(format!(
                    "{}: the folder holds other files ({}) and will not be replaced; name a new one",
                    path.display(),
                    entry.file_name().to_string_lossy()
                )));
            }
        }
        // A name that a folder can be moved to: not `.`, and not a link.
        if path.file_name().is_none() || path.is_symlink() {
            return Err(bad_input(format!("{}: name a new folder", path.display())));
        }
        let partial = temporary(0o777)
            .prefix(".effigy-frames-")
            .tempdir_in(folder_of(path)?)
            .with_context(|| path.display().to_string())?;
        Ok(Self { path: path.into(), partial, count: 0 })
    }

    /// Adds the picture that `encode` writes.
    pub(super) fn add(
        &mut self,
        encode: impl FnOnce(&mut BufWriter<fs::File>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let path = self.partial.path().join(frame_name(self.count));
        let mut to = BufWriter::new(fs::File::create(path)?);
        encode(&mut to)?;
        to.flush()?;
        self.count += 1;
        Ok(())
    }

    /// Puts the folder in its place.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let path = self.path.clone();
        let name = || path.display().to_string();
        // The old pictures stay until the new ones are in place.
        let old = match path.exists() {
            true => {
                let old = temporary(0o777).prefix(".effigy-replaced-").tempdir_in(folder_of(&path)?)?;
                fs::rename(&path, old.path().join("old")).with_context(name)?;
                Some(old)
            }
            false => None,
        };
        if let Err(error) = fs::rename(self.partial.path(), &path) {
            if let Some(old) = &old {
                fs::rename(old.path().join("old"), &path).with_context(name)?;
            }
            return Err(error).with_context(name);
        }
        // There is nothing to remove any more where it was.
        self.partial.disable_cleanup(true);
        Ok(())
    }
}
