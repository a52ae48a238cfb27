//! Tracks from glTF animations of morph weights.

use std::path::Path;

use crate::error::{invalid, within};
use crate::{Animation, ChannelValues, LoadLimits, Pose, RigError};

use super::{Track, TrackLimits};

/// Samples per second, as many as face capture usually takes; what moves between two samples is passed over.
const RATE: f64 = 60.0;

pub(super) fn read(bytes: &[u8], base_dir: Option<&Path>, limits: &TrackLimits) -> Result<Track, RigError> {
    let load_limits = LoadLimits { bytes: limits.bytes, ..LoadLimits::default() };
    let rig = crate::load::load(bytes, base_dir, &load_limits)?;
    let animated = |a: &Animation| {
        let mut morphs: Vec<usize> = Vec::new();
        for channel in &a.channels {
            if let ChannelValues::Weights(of_channel, _) = &channel.values {
                morphs.extend(of_channel);
            }
        }
        morphs.sort_unstable();
        morphs.dedup();
        morphs
    };
    let found = rig.animations.iter().map(|a| (a, animated(a))).find(|(_, morphs)| !morphs.is_empty());
    let Some((animation, morphs)) = found else {
        return Err(invalid("the file", "has no animation of morph weights"));
    };
    let weights_only = Animation {
        name: animation.name.clone(),
        channels: animation
            .channels
            .iter()
            .filter(|c| matches!(c.values, ChannelValues::Weights(..)))
            .cloned()
            .collect(),
    };
    // A key at 1e30 s saturates here and is over any limit.
    let frames = ((weights_only.duration() * RATE).ceil() as u64).saturating_add(1);
    within("the number of frames", frames, limits.frames)?;
    within("the number of controls", morphs.len() as u64, limits.controls)?;
    within("the number of weights", frames.saturating_mul(morphs.len() as u64), limits.weights)?;

    let mut track =
        Track { names: morphs.iter().map(|&m| rig.morphs[m].name.clone()).collect(), ..Track::default() };
    let mut pose = Pose::rest(&rig);
    for frame in 0..frames {
        // The last sample may lie past the last key, which is held.
        let time = frame as f64 / RATE;
        weights_only.sample(time, &mut pose);
        track.times.push(time);
        track.weights.extend(morphs.iter().map(|&m| pose.morph_weights[m]));
    }
    Ok(track)
}
