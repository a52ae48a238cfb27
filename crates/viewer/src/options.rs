//! What a viewer starts with.

use std::path::PathBuf;

use effigy_avatar::OpenOptions;

/// What a viewer starts with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Files to open, as if they were dropped on the window: an avatar, tracks. Without an avatar among them the bundled
    /// one is opened.
    pub files: Vec<PathBuf>,
    /// What moves the avatar.
    pub track: Option<PathBuf>,
    /// What the middle of the window shows.
    pub centre: Centre,
    /// Values of named controls, as if their sliders were set.
    pub expression: Vec<(String, f32)>,
    /// Seconds into the track.
    pub time: Option<f64>,
    /// How files that leave something open are read.
    pub open: OpenOptions,
    /// What is shown where no file is given.
    pub bundled: Bundled,
    /// Where settings are kept.
    pub storage: Storage,
    /// Who is asked for files.
    pub dialogs: Dialogs,
}

impl Options {
    /// Nothing but what is bundled.
    pub fn new(bundled: Bundled) -> Self {
        Self {
            files: Vec::new(),
            track: None,
            centre: Centre::default(),
            expression: Vec::new(),
            time: None,
            open: OpenOptions::default(),
            bundled,
            storage: Storage::default(),
            dialogs: Dialogs::default(),
        }
    }
}

/// The avatar and the track that come with the program.
#[derive(Clone, Copy)]
pub struct Bundled {
    /// An avatar, as `.glb`.
    pub avatar: &'static [u8],
    /// A track for it, of any kind that [`effigy_rig::Track::from_bytes`] reads.
    pub track: &'static [u8],
}

impl std::fmt::Debug for Bundled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bundled({} and {} bytes)", self.avatar.len(), self.track.len())
    }
}

/// What the middle of the window shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Centre {
    /// The avatar, to be looked at from all sides.
    #[default]
    View3d,
    /// The rendered frame, pixel for pixel.
    View2d,
}

/// Where settings are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Storage {
    /// In the folder that the platform has for it.
    #[default]
    Platform,
    /// In this file.
    File(PathBuf),
    /// Nowhere: every start is like the first.
    Nowhere,
}

/// Who is asked for files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialogs {
    /// The user, by the platform's dialogs.
    #[default]
    Platform,
    /// Nobody, for there is nobody: a message says so.
    Refuse,
}
