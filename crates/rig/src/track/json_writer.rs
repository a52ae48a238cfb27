//! Writing tracks as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::RigError;

use super::Track;
use super::names::any_known;

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
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    own_names: bool,
}

#[derive(Serialize)]
struct SavedFrame<'a> {
    weights: &'a [f32],
    time: f64,
    rotation: Vec<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eye_rotations: Option<[[f32; 4]; 2]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    turns: BTreeMap<&'a str, [f32; 4]>,
}

/// The bytes of a JSON file.
pub(super) fn json(track: &Track) -> Result<Vec<u8>, RigError> {
    track.validate()?;
    // Numbers of so few digits are read as they were written, and a file that is read and written is the same.
    let nanoseconds: Vec<f64> = track.times.iter().map(|time| (time * 1e9).round() / 1e9).collect();
    let times = if nanoseconds.is_sorted_by(|a, b| a < b) { &nanoseconds } else { &track.times };
    let rotation = |i: usize| track.head_rotations.as_ref()?.get(i).map(|q| q.to_array().to_vec());
    let eyes = |i: usize| track.eye_rotations.as_ref()?.get(i).map(|eyes| eyes.map(|q| q.to_array()));
    let turns = |i: usize| {
        let turns = track.node_turns.iter();
        turns.filter_map(|(name, turns)| Some((name.as_str(), turns.get(i)?.to_array()))).collect()
    };
    let saved = SavedTrack {
        names: &track.names,
        metadata: SavedMetadata {
            fps: (1e6 / track.frame_interval()).round() / 1e6,
            frame_count: track.frame_count(),
            own_names: !any_known(track.names.iter().map(String::as_str)),
        },
        frames: times
            .iter()
            .enumerate()
            .map(|(i, &time)| SavedFrame {
                weights: track.frame(i),
                time,
                rotation: rotation(i).unwrap_or_default(),
                eye_rotations: eyes(i),
                turns: turns(i),
            })
            .collect(),
    };
    Ok(serde_json::to_vec(&saved).map_err(std::io::Error::from)?)
}
