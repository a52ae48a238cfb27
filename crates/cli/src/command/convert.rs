//! `effigy convert`: any avatar to our file, or its Gaussians to a PLY or to glTF as other programs read it.

use std::path::{Path, PathBuf};

use anyhow::Error;
use clap::{Args, ValueEnum};
use effigy_avatar::{Avatar, AvatarError};
use serde::Serialize;

use crate::failure::bad_input;
use crate::output::folder_of_file;
use crate::progress::Progress;
use crate::report::{print, print_json};
use crate::source::SourceOptions;

/// Convert any avatar to .glb, or its Gaussians at rest to .ply or to glTF of splats (KHR_gaussian_splatting).
#[derive(Args)]
#[command(after_help = "Examples:
  effigy convert man.zip man.glb
  effigy convert head.glb avatar.glb --gaussians 65536 --triangles 12000
  effigy convert body.spz body.ply
  effigy convert head.glb splats.glb --format khr")]
pub(crate) struct Arguments {
    /// .glb, .gltf, .vrm, .ply, .spz, .splat, .ksplat, .sog or a LAM .zip.
    input: PathBuf,
    /// .glb (the whole avatar, if no other format is asked for) or .ply (3D Gaussian Splatting).
    output: PathBuf,
    /// What to write, if the ending of the output does not tell.
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// For a glTF without Gaussians: how many to put on its surface.
    #[arg(long, value_name = "N")]
    gaussians: Option<usize>,
    /// For a glTF without Gaussians: simplify its mesh to this many triangles.
    #[arg(long, value_name = "N")]
    triangles: Option<usize>,
    /// For a glTF without Gaussians: seed of their placement.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    source: SourceOptions,
    /// Name to store in the file.
    #[arg(long)]
    name: Option<String>,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
}

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The whole avatar, a .glb.
    Avatar,
    /// A .glb of the Gaussians at rest for programs that read KHR_gaussian_splatting.
    Khr,
    /// A .ply of the Gaussians at rest.
    Ply,
}

impl Format {
    /// Of `output`, as it was asked for or as its ending has it.
    fn of(output: &Path, asked: Option<Self>) -> anyhow::Result<Self> {
        let ending = output.extension().map(|e| e.to_string_lossy().to_lowercase());
        match (ending.as_deref(), asked) {
            (Some("glb"), None | Some(Self::Avatar)) => Ok(Self::Avatar),
            (Some("glb"), Some(Self::Khr)) => Ok(Self::Khr),
            (Some("ply"), None | Some(Self::Ply)) => Ok(Self::Ply),
            (Some("glb" | "ply"), Some(_)) => {
                Err(bad_input(format!("{}: its ending is not that of the format", output.display())))
            }
            _ => Err(bad_input(format!("{}: cannot write this; use .glb or .ply", output.display()))),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let output = &arguments.output;
    let format = Format::of(output, arguments.format)?;
    folder_of_file(output)?;
    let mut options = arguments.source.open_options();
    if let Some(count) = arguments.gaussians {
        options.surface.count = count;
    }
    if let Some(seed) = arguments.seed {
        options.surface.seed = seed;
    }
    options.surface.simplify_to = arguments.triangles.or(options.surface.simplify_to);
    let progress = Progress::of_unknown_length("converting");
    let mut avatar = Avatar::open(&arguments.input, &options)?;
    if let Some(name) = &arguments.name {
        avatar.name.clone_from(name);
    }
    let saved = match format {
        Format::Avatar => avatar.save(output),
        Format::Khr => avatar.save_khr(output),
        Format::Ply => avatar.save_ply(output),
    };
    saved.map_err(|error| match error {
        // What cannot be read is the user's affair, what cannot be written this machine's.
        AvatarError::Io { path, fault } => Error::from(fault).context(path.display().to_string()),
        other => other.into(),
    })?;
    drop(progress);
    let report = Report {
        output: output.clone(),
        gaussians: avatar.gaussians.len(),
        triangles: avatar.body.map_or(0, |body| body.rig.triangles.len()),
        bytes: std::fs::metadata(output).map(|m| m.len()).unwrap_or_default(),
    };
    if arguments.json {
        return print_json(&report);
    }
    print(&format!("{}: {} Gaussians, {} bytes", output.display(), report.gaussians, report.bytes))
}

#[derive(Serialize)]
struct Report {
    output: PathBuf,
    gaussians: usize,
    triangles: usize,
    bytes: u64,
}
