//! Tracks as JSON, as LAM's web player and this project's tools write them.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use glam::Quat;
use serde::{Deserialize, Serialize};

use crate::RigError;
use crate::error::{invalid, within};

use super::{Track, TrackLimits, from_rotation_vector, known_names};

#[derive(Deserialize)]
struct Document {
    names: Option<Vec<String>>,
    frames: Option<Vec<Frame>>,
    metadata: Option<Metadata>,
    head_pose: Option<Vec<[f32; 3]>>,
    /// What tells a glTF file.
    asset: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Metadata {
    fps: Option<f64>,
}

#[derive(Deserialize)]
struct Frame {
    weights: Vec<f32>,
    time: Option<f64>,
    #[serde(default)]
    rotation: Option<Vec<f32>>,
}

/// The track in `bytes`, or `None` if it is a glTF file.
pub(super) fn read(bytes: &[u8], limits: &TrackLimits) -> Result<Option<Track>, RigError> {
    let fault = |fault: String| RigError::Format { format: "track", fault };
    let document: Document = serde_json::from_slice(bytes).map_err(|e| fault(e.to_string()))?;
    let (names, frames) = match (document.names, document.frames) {
        (Some(names), Some(frames)) => (names, frames),
        _ if document.asset.is_some() => return Ok(None),
        _ => return Err(fault("JSON without `names` and `frames`".into())),
    };
    within("the number of controls", names.len() as u64, limits.controls)?;
    within("the number of frames", frames.len() as u64, limits.frames)?;
    within(
        "the number of weights",
        (names.len() as u64).saturating_mul(frames.len() as u64),
        limits.weights,
    )?;
    let names = known_names(names)?;
    if frames.is_empty() {
        return Err(invalid("the track", "has no frames"));
    }

    let mut track = Track { names, ..Track::default() };
    for (i, frame) in frames.iter().enumerate() {
        if frame.weights.len() != track.names.len() {
            let fault = format!("has {} weights for {} names", frame.weights.len(), track.names.len());
            return Err(invalid(format!("frame {i}"), fault));
        }
        track.weights.extend_from_slice(&frame.weights);
    }
    track.times = times(&frames, document.metadata.and_then(|m| m.fps))?;
    track.head_rotations = rotations(&frames, document.head_pose.as_deref())?;
    Ok(Some(track))
}

fn times(frames: &[Frame], fps: Option<f64>) -> Result<Vec<f64>, RigError> {
    let given: Option<Vec<f64>> = frames.iter().map(|f| f.time).collect();
    if let (Some(mut times), true) = (given, frames.len() > 1) {
        let start = times.first().copied().unwrap_or(0.0);
        times.iter_mut().for_each(|t| *t -= start);
        // Some writers leave every time at 0.
        if times.iter().any(|&t| t != 0.0) {
            if let Some(at) = times.windows(2).position(|w| w[0] >= w[1]) {
                return Err(invalid(format!("frame {}", at + 1), "its time is not after the frame before"));
            }
            return Ok(times);
        }
    }
    let fps = fps.unwrap_or(30.0);
    if !(fps.is_finite() && (1e-3..=1e6).contains(&fps)) {
        return Err(invalid("metadata", format!("{fps} frames per second")));
    }
    Ok((0..frames.len()).map(|i| i as f64 / fps).collect())
}

fn rotations(frames: &[Frame], head_pose: Option<&[[f32; 3]]>) -> Result<Option<Vec<Quat>>, RigError> {
    let given = |f: &Frame| f.rotation.as_ref().is_some_and(|r| !r.is_empty());
    let rotations: Vec<Quat> = if frames.iter().any(given) {
        let one = |(i, f): (usize, &Frame)| match f.rotation.as_deref().unwrap_or_default() {
            &[x, y, z] => Ok(from_rotation_vector([x, y, z])),
            &[x, y, z, w] => Ok(Quat::from_xyzw(x, y, z, w).normalize()),
            other => Err(invalid(format!("frame {i}"), format!("a rotation of {} numbers", other.len()))),
        };
        frames.iter().enumerate().map(one).collect::<Result<_, _>>()?
    } else if let Some(poses) = head_pose.filter(|p| !p.is_empty()) {
        if poses.len() != frames.len() {
            return Err(invalid("head_pose", format!("{} entries for {} frames", poses.len(), frames.len())));
        }
        poses.iter().map(|&v| from_rotation_vector(v)).collect()
    } else {
        return Ok(None);
    };
    match rotations.iter().position(|q| !q.is_finite()) {
        Some(at) => Err(invalid(format!("frame {at}"), "its head rotation means nothing")),
        None => Ok(Some(rotations)),
    }
}

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
}

pub(super) fn save(track: &Track, path: &Path) -> Result<(), RigError> {
    track.validate()?;
    let rotation = |i: usize| track.head_rotations.as_ref()?.get(i).map(|q| q.to_array().to_vec());
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
            })
            .collect(),
    };
    let name = path.file_name().ok_or_else(|| invalid("the path", "names no file"))?;
    let mut partial_name = name.to_owned();
    partial_name.push(format!(".{}.part", std::process::id()));
    let partial = path.with_file_name(partial_name);
    let write = || -> Result<(), RigError> {
        let mut file = BufWriter::new(File::create(&partial)?);
        serde_json::to_writer(&mut file, &saved).map_err(std::io::Error::from)?;
        file.into_inner().map_err(|e| e.into_error())?.sync_all()?;
        std::fs::rename(&partial, path)?;
        Ok(())
    };
    write().inspect_err(|_| {
        // Whether there is anything to remove depends on how far it got.
        let _ = std::fs::remove_file(&partial);
    })
}
