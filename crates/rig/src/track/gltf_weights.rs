//! Tracks from glTF animations of morph weights.

use crate::error::{invalid, within};
use crate::{Animation, ChannelValues, Pose, Rig, RigError};

use super::{Track, TrackLimits};

/// Samples per second, as many as face capture usually takes; what moves between two samples is passed over.
const RATE: f64 = 60.0;

/// The track of the first animation of morph weights in `rig`.
pub(super) fn read(rig: &Rig, limits: &TrackLimits) -> Result<Track, RigError> {
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
    let times = sample_times(weights_only.duration(), morphs.len(), limits)?;

    let mut track =
        Track { names: morphs.iter().map(|&m| rig.morphs[m].name.clone()).collect(), ..Track::default() };
    let mut pose = Pose::rest(rig);
    for &time in &times {
        weights_only.sample(time, &mut pose);
        track.weights.extend(morphs.iter().map(|&m| pose.morph_weights[m]));
    }
    track.times = times;
    Ok(track)
}

/// When an animation of `duration` seconds that moves `controls` controls is sampled. The last time may lie past the
/// last key, which is held.
pub(super) fn sample_times(
    duration: f64,
    controls: usize,
    limits: &TrackLimits,
) -> Result<Vec<f64>, RigError> {
    // A key at 1e30 s saturates here and is over any limit.
    let frames = ((duration * RATE).ceil() as u64).saturating_add(1);
    within("the number of frames", frames, limits.frames)?;
    within("the number of controls", controls as u64, limits.controls)?;
    within("the number of weights", frames.saturating_mul(controls as u64), limits.weights)?;
    Ok((0..frames).map(|frame| frame as f64 / RATE).collect())
}
