//! Writing tracks as JSON.

use std::io::BufWriter;
use std::path::Path;

use serde::Serialize;

use crate::RigError;

use super::Track;

#[derive(Serialize)]
struct SavedTrack<'a> {
    names: &'a [String],
    metadata: SavedMetadata,
    frames: Vec<SavedFrame<'a>>,
}

#[derive(Serialize)]
struct SavedMetadata {
    fps: f64,
    frame_count: usize,
}

#[derive(Serialize)]
struct SavedFrame<'a> {
    weights: &'a [f32],
    time: f64,
    rotation: Vec<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eye_rotations: Option<[[f32; 4]; 2]>,
}

pub(super) fn save(track: &Track, path: &Path) -> Result<(), RigError> {
    track.validate()?;
    let rotation = |i: usize| track.head_rotations.as_ref()?.get(i).map(|q| q.to_array().to_vec());
    let eyes = |i: usize| track.eye_rotations.as_ref()?.get(i).map(|eyes| eyes.map(|q| q.to_array()));
    let saved = SavedTrack {
        names: &track.names,
        metadata: SavedMetadata { fps: 1.0 / track.frame_interval(), frame_count: track.frame_count() },
        frames: track
            .times
            .iter()
            .enumerate()
            .map(|(i, &time)| SavedFrame {
                weights: track.frame(i),
                time,
                rotation: rotation(i).unwrap_or_default(),
                eye_rotations: eyes(i),
            })
            .collect(),
    };
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        // Otherwise a temporary file is its owner's alone; this is what a new file has, less the umask.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = BufWriter::new(builder.tempfile_in(folder)?);
    serde_json::to_writer(&mut file, &saved).map_err(std::io::Error::from)?;
    let file = file.into_inner().map_err(|e| e.into_error())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}
