//! What is to be learned, and how.

use std::path::{Path, PathBuf};

use effigy_capture::UpAxis;
use effigy_train::{Preset, RunFolder};

/// Where a run trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A GPU if there is one, else the CPU.
    Best,
    Processor,
}

/// What is to be learned, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// A folder, or a file that describes a capture.
    pub(crate) capture: PathBuf,
    /// The avatar to make, a .glb; the run's files are in a folder beside it.
    pub(crate) output: PathBuf,
    pub(crate) preset: Preset,
    /// A file of settings that change the preset's.
    pub(crate) config: Option<PathBuf>,
    pub(crate) up: UpAxis,
    pub(crate) place: Place,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capture: PathBuf::new(),
            output: PathBuf::new(),
            preset: Preset::Preview,
            config: None,
            up: UpAxis::Y,
            place: Place::Best,
        }
    }
}

impl Settings {
    /// Takes a capture, and unless a name was chosen the avatar's from it.
    pub(crate) fn choose_capture(&mut self, capture: PathBuf) {
        let folder = if capture.is_dir() { Some(capture.as_path()) } else { capture.parent() };
        let own = |folder: &Path| folder.with_extension("glb");
        if self.output.as_os_str().is_empty() || self.capture.as_path().with_extension("glb") == self.output {
            self.output = folder.map(own).unwrap_or_default();
        }
        self.capture = capture;
    }

    /// Whether an earlier run left a checkpoint that can be gone on from.
    pub(crate) fn has_checkpoint(&self) -> bool {
        !self.output.as_os_str().is_empty() && RunFolder::beside(&self.output).checkpoint().is_file()
    }
}
