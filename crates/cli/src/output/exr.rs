//! One OpenEXR picture: linear light, premultiplied, floats.

use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use effigy_splat::Frame;
use effigy_video::Importance;
use effigy_video::container::write_exr;
use tempfile::NamedTempFile;

use super::{Sink, new_file};

/// The file being written.
pub(super) struct Exr {
    path: PathBuf,
    file: NamedTempFile,
}

impl Exr {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        Ok(Self { path: path.into(), file: new_file(path)? })
    }
}

impl Sink for Exr {
    fn write(&mut self, frame: &mut Frame, _: Option<&Importance<'_>>) -> anyhow::Result<()> {
        let mut to = BufWriter::new(&mut self.file);
        write_exr(frame, &mut to)?;
        Ok(to.flush()?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        self.file.persist(&self.path).with_context(|| self.path.display().to_string())?;
        Ok(())
    }
}
