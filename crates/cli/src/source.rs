//! Opening the avatar that a command is about.

use std::path::Path;

use clap::{Args, ValueEnum};
use effigy_avatar::splat_file::UpAxis;
use effigy_avatar::{Avatar, OpenOptions};

/// Options that every command takes which opens an avatar.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct SourceOptions {
    /// Where +Y points in a splat file and in a cameras.json, whatever they say themselves. Without this it is what the
    /// file says, else down for .ply and cameras.json, as trainers write them, and up for .spz. `effigy info` tells.
    #[arg(long, value_enum, value_name = "WAY")]
    pub(crate) y_axis: Option<YAxis>,
    /// The filter that the Gaussians of a splat file were trained with, whatever it says itself.
    #[arg(long, value_enum, value_name = "FILTER")]
    pub(crate) splat_filter: Option<SplatFilter>,
}

/// A filter that Gaussians are trained with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplatFilter {
    /// Of Mip-Splatting and of trainers' antialiased modes: opacity is compensated.
    Mip,
    /// Of the original 3D Gaussian Splatting.
    Classic,
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
        options.splat.up = self.y_axis.map(YAxis::up_axis);
        options.splat.mip = self.splat_filter.map(|filter| filter == SplatFilter::Mip);
        options
    }

    /// Opens `path`.
    pub(crate) fn open(self, path: &Path) -> anyhow::Result<Avatar> {
        Ok(Avatar::open(path, &self.open_options())?)
    }
}
