//! The rig's pose in each frame of a capture.

use std::collections::BTreeSet;

use effigy_rig::{Pose, Rig, RigError, Track, TrackPlayer, Wrap};
use glam::Quat;

use crate::capture::Capture;

/// One pose for each frame of `capture`, by its controls, which are looked up as a track's are, and its joints.
///
/// # Errors
/// [`RigError`] if the controls have values that are not finite, or not one of them is the rig's.
pub fn poses(capture: &Capture, rig: &Rig) -> Result<Vec<Pose>, RigError> {
    let mut out = vec![Pose::rest(rig); capture.frames.len()];
    let names: BTreeSet<&String> = capture.frames.iter().flat_map(|f| f.controls.keys()).collect();
    if !names.is_empty() {
        // A track with one frame a second, so that looking names up is the same in training and in playing.
        let frames = &capture.frames;
        let track = Track {
            names: names.iter().map(|name| (*name).clone()).collect(),
            times: (0..frames.len()).map(|i| i as f64).collect(),
            weights: frames
                .iter()
                .flat_map(|f| names.iter().map(|name| f.controls.get(*name).copied().unwrap_or(0.0)))
                .collect(),
            ..Track::default()
        };
        let player = TrackPlayer::new(&track, rig)?;
        for (i, pose) in out.iter_mut().enumerate() {
            player.apply(i as f64, Wrap::Clamp, pose);
        }
    }
    for (frame, pose) in capture.frames.iter().zip(&mut out) {
        for (name, &rotation) in &frame.joints {
            let node = rig.nodes.iter().position(|node| node.name == *name);
            if let Some(node) = node.and_then(|n| pose.nodes.get_mut(n)) {
                node.rotation = Quat::from_array(rotation).normalize();
            }
        }
    }
    Ok(out)
}
