//! The JSON of LAM's web player and of this project's tools.

use std::collections::BTreeMap;

use glam::Quat;
use serde::Deserialize;

use crate::RigError;
use crate::error::{invalid, within};

use super::super::times::{USUAL_RATE, regular};
use super::super::{Track, TrackLimits, names};

#[derive(Deserialize)]
struct Document {
    names: Vec<String>,
    frames: Vec<Frame>,
    metadata: Option<Metadata>,
    head_pose: Option<Vec<[f32; 3]>>,
}

#[derive(Deserialize)]
struct Metadata {
    fps: Option<f64>,
    #[serde(default)]
    own_names: bool,
}

#[derive(Deserialize)]
struct Frame {
    weights: Vec<f32>,
    time: Option<f64>,
    #[serde(default)]
    rotation: Option<Vec<f32>>,
    eye_rotations: Option<[Vec<f32>; 2]>,
    #[serde(default)]
    turns: BTreeMap<String, Vec<f32>>,
}

/// The track in JSON text with `names` and `frames`.
pub(super) fn read(text: &str, limits: &TrackLimits) -> Result<Track, RigError> {
    let document: Document = serde_json::from_str(text).map_err(|e| super::fault(&e))?;
    let Document { names, frames, metadata, head_pose } = document;
    within("the number of controls", names.len() as u64, limits.controls)?;
    within("the number of frames", frames.len() as u64, limits.frames)?;
    within(
        "the number of weights",
        (names.len() as u64).saturating_mul(frames.len() as u64),
        limits.weights,
    )?;
    let own_names = metadata.as_ref().is_some_and(|m| m.own_names);
    let names = names::of_own_layout(names, own_names)?;
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
    track.times = times(&frames, metadata.and_then(|m| m.fps))?;
    track.head_rotations = rotations(&frames, head_pose.as_deref())?;
    track.eye_rotations = eye_rotations(&frames)?;
    track.node_turns = node_turns(&frames, limits)?;
    Ok(track)
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
    regular(frames.len(), fps.unwrap_or(USUAL_RATE))
}

fn rotations(frames: &[Frame], head_pose: Option<&[[f32; 3]]>) -> Result<Option<Vec<Quat>>, RigError> {
    let given = |f: &Frame| f.rotation.as_ref().is_some_and(|r| !r.is_empty());
    let rotations: Vec<Quat> = if frames.iter().any(given) {
        let one = |(i, f): (usize, &Frame)| rotation(i, f.rotation.as_deref().unwrap_or_default());
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

fn eye_rotations(frames: &[Frame]) -> Result<Option<Vec<[Quat; 2]>>, RigError> {
    if frames.iter().all(|f| f.eye_rotations.is_none()) {
        return Ok(None);
    }
    let both = |(i, frame): (usize, &Frame)| {
        let [left, right] = frame
            .eye_rotations
            .as_ref()
            .ok_or_else(|| invalid(format!("frame {i}"), "has no eye rotations, while others have"))?;
        let eyes = [rotation(i, left)?, rotation(i, right)?];
        match eyes.iter().all(|q| q.is_finite()) {
            true => Ok(eyes),
            false => Err(invalid(format!("frame {i}"), "an eye's rotation means nothing")),
        }
    };
    frames.iter().enumerate().map(both).collect::<Result<_, _>>().map(Some)
}

fn node_turns(frames: &[Frame], limits: &TrackLimits) -> Result<BTreeMap<String, Vec<Quat>>, RigError> {
    let mut turns: BTreeMap<String, Vec<Quat>> = BTreeMap::new();
    for (i, frame) in frames.iter().enumerate() {
        for (name, numbers) in &frame.turns {
            let turn = rotation(i, numbers)?;
            if !turn.is_finite() {
                return Err(invalid(format!("frame {i}"), format!("the turn of {name:.64?} means nothing")));
            }
            if !turns.contains_key(name) {
                let values = (turns.len() as u64 + 1).saturating_mul(frames.len() as u64);
                within("the number of turns", values, limits.weights)?;
                turns.insert(name.clone(), vec![Quat::IDENTITY; frames.len()]);
            }
            if let Some(slot) = turns.get_mut(name).and_then(|turns| turns.get_mut(i)) {
                *slot = turn;
            }
        }
    }
    Ok(turns)
}

/// A rotation vector or a quaternion; what means nothing is not finite.
fn rotation(frame: usize, numbers: &[f32]) -> Result<Quat, RigError> {
    match *numbers {
        [x, y, z] => Ok(from_rotation_vector([x, y, z])),
        [x, y, z, w] => {
            let q = Quat::from_xyzw(x, y, z, w);
            // What is of unit length as far as numbers go stays as it is written.
            Ok(if (q.length_squared() - 1.0).abs() < 1e-6 { q } else { q.normalize() })
        }
        _ => Err(invalid(format!("frame {frame}"), format!("a rotation of {} numbers", numbers.len()))),
    }
}

/// A rotation vector, radians, as a quaternion.
fn from_rotation_vector(v: [f32; 3]) -> Quat {
    Quat::from_scaled_axis(v.into())
}
