//! The files of a run.

use std::path::{Path, PathBuf};

/// The files of a run, in one folder.
#[derive(Clone, Debug)]
pub struct RunFolder {
    folder: PathBuf,
}

impl RunFolder {
    /// Those in `folder`, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The folder where a run that makes `avatar` keeps its files unless told otherwise: beside it, of its name.
    pub fn beside(avatar: &Path) -> Self {
        Self::new(avatar.with_extension("train"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoint.safetensors")
    }

    /// The configuration, in full.
    pub fn config(&self) -> PathBuf {
        self.folder.join("config.toml")
    }

    /// The log.
    pub fn metrics(&self) -> PathBuf {
        self.folder.join("metrics.csv")
    }

    /// What a held-out picture looks like now: the truth, the model, and four times their difference.
    pub fn preview(&self) -> PathBuf {
        self.folder.join("preview.png")
    }

    /// The avatar as it stood when somebody who watches the run asked for it.
    pub fn shown(&self) -> PathBuf {
        self.folder.join("shown.glb")
    }
}
