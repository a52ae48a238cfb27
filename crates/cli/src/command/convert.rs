//! `effigy convert`: any avatar to our file, or to a PLY of its Gaussians.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error};
use clap::Args;
use effigy_avatar::splat_file::write_ply;
use effigy_avatar::{Avatar, AvatarError, PosedGaussians};
use effigy_rig::{Pose, PosedVertices, Poser};

use crate::failure::bad_input;
use crate::output::folder_of_file;
use crate::source::SourceOptions;

/// Convert any avatar to .glb, or its Gaussians at rest to .ply.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy convert man.zip man.glb
  effigy convert head.glb avatar.glb --gaussians 65536 --triangles 12000
  effigy convert body.spz body.ply")]
pub(crate) struct Arguments {
    /// .glb, .gltf, .vrm, .ply, .spz or a LAM .zip.
    input: PathBuf,
    /// .glb (the whole avatar) or .ply (3D Gaussian Splatting).
    output: PathBuf,
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
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let output = &arguments.output;
    let extension = output.extension().map(|e| e.to_string_lossy().to_lowercase());
    let to_glb = match extension.as_deref() {
        Some("glb") => true,
        Some("ply") => false,
        _ => return Err(bad_input(format!("{}: cannot write this; use .glb or .ply", output.display()))),
    };
    folder_of_file(output)?;
    let mut options = arguments.source.open_options();
    if let Some(count) = arguments.gaussians {
        options.surface.count = count;
    }
    if let Some(seed) = arguments.seed {
        options.surface.seed = seed;
    }
    options.surface.simplify_to = arguments.triangles.or(options.surface.simplify_to);
    let mut avatar = Avatar::open(&arguments.input, &options)?;
    if let Some(name) = &arguments.name {
        avatar.name.clone_from(name);
    }
    if to_glb {
        avatar.save(output).map_err(|error| match error {
            // What cannot be read is the user's affair, what cannot be written this machine's.
            AvatarError::Io { path, source } => Error::from(source).context(path.display().to_string()),
            other => other.into(),
        })?;
    } else {
        save_ply(&avatar, output)?;
    }
    println!(
        "{}: {} Gaussians, {} bytes",
        output.display(),
        avatar.gaussians.len(),
        std::fs::metadata(output).map(|m| m.len()).unwrap_or_default()
    );
    Ok(())
}

fn save_ply(avatar: &Avatar, path: &Path) -> anyhow::Result<()> {
    let mut posed = PosedGaussians::default();
    let mut vertices = PosedVertices::default();
    if let Some(body) = &avatar.body {
        let mut poser = Poser::new(&body.rig, body.binding.frame)?;
        poser.pose(&body.rig, &Pose::rest(&body.rig), &mut vertices)?;
    }
    avatar.pose_gaussians(&vertices, &mut posed)?;
    let name = || path.display().to_string();
    let mut file = tempfile::NamedTempFile::new_in(folder_of_file(path)?).with_context(name)?;
    let mut to = BufWriter::new(&mut file);
    write_ply(&posed.gaussians, &mut to)?;
    to.flush().with_context(name)?;
    drop(to);
    file.persist(path).with_context(name)?;
    Ok(())
}
