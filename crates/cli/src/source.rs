//! Opening the avatar that a command is about.

use std::path::Path;

use clap::{Args, ValueEnum};
use effigy_avatar::splat_file::UpAxis;
use effigy_avatar::{Avatar, OpenOptions};

/// Options that every command takes which opens an avatar.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct SourceOptions {
    /// Where +Y points in a .ply and in a cameras.json: down, as trainers of 3D Gaussian Splatting write them, or up.
    #[arg(long, value_enum, default_value_t = YAxis::Down, value_name = "WAY")]
    pub(crate) y_axis: YAxis,
}

/// Where +Y points in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum YAxis {
    /// To the ground.
    Down,
    /// To the sky.
    Up,
}

impl YAxis {
    /// As the crates call it.
    pub(crate) fn up_axis(self) -> UpAxis {
        match self {
            Self::Down => UpAxis::YDown,
            Self::Up => UpAxis::YUp,
        }
    }
}

impl SourceOptions {
    /// The crates' defaults, with these options.
    pub(crate) fn open_options(self) -> OpenOptions {
        let mut options = OpenOptions::default();
        options.splat.ply_up = self.y_axis.up_axis();
        options
    }

    /// Opens `path`.
    pub(crate) fn open(self, path: &Path) -> anyhow::Result<Avatar> {
        Ok(Avatar::open(path, &self.open_options())?)
    }
}
