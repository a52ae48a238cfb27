//! Tracks to frames of a stream, and back.

use effigy_rig::{Track, TrackLimits};
use glam::Quat;

use crate::{Layout, StreamError, StreamFrame};

/// The layout and frames of a track: its controls, 0 to 1, and the rotations of head and eyes if it has them. What lies
/// outside 0 to 1 is clamped by the encoder.
pub fn stream_frames(track: &Track) -> (Layout, Vec<StreamFrame>) {
    let mut rotations: Vec<&str> = Vec::new();
    if track.head_rotations.is_some() {
        rotations.push(Layout::HEAD);
    }
    if track.eye_rotations.is_some() {
        rotations.extend([Layout::LEFT_EYE, Layout::RIGHT_EYE]);
    }
    let layout = Layout::of_names(track.names.iter().cloned(), &rotations);
    let frames = track.times.iter().enumerate().map(|(i, &time)| {
        let head = track.head_rotations.as_ref().map(|r| r.get(i).copied().unwrap_or(Quat::IDENTITY));
        let eyes = track.eye_rotations.as_ref().map(|r| r.get(i).copied().unwrap_or([Quat::IDENTITY; 2]));
        StreamFrame {
            time,
            controls: track.frame(i).to_vec(),
            rotations: head.into_iter().chain(eyes.into_iter().flatten()).collect(),
            placement: None,
            camera: None,
        }
    });
    let frames = frames.collect();
    (layout, frames)
}

/// The track of some frames: controls, and the rotations of head and both eyes if there are any. Times count from the
/// first frame. Other rotations, placement and camera have no place in a track.
///
/// # Errors
/// [`StreamError::Input`] if the frames make no valid track.
pub fn track_of<'a>(
    layout: &Layout,
    frames: impl IntoIterator<Item = &'a StreamFrame>,
) -> Result<Track, StreamError> {
    let find = |name: &str| layout.rotations.iter().position(|r| r == name);
    let (head, left, right) = (find(Layout::HEAD), find(Layout::LEFT_EYE), find(Layout::RIGHT_EYE));
    let mut track = Track {
        names: layout.controls.iter().map(|c| c.name.clone()).collect(),
        head_rotations: head.map(|_| Vec::new()),
        eye_rotations: left.and(right).map(|_| Vec::new()),
        ..Track::default()
    };
    let mut start = None;
    for frame in frames {
        let start = *start.get_or_insert(frame.time);
        track.times.push(frame.time - start);
        track.weights.extend_from_slice(&frame.controls);
        let rotation =
            |at: Option<usize>| at.and_then(|at| frame.rotations.get(at)).copied().unwrap_or(Quat::IDENTITY);
        if let Some(rotations) = &mut track.head_rotations {
            rotations.push(rotation(head));
        }
        if let Some(rotations) = &mut track.eye_rotations {
            rotations.push([rotation(left), rotation(right)]);
        }
    }
    track.validate().map_err(|e| StreamError::Input(e.to_string()))?;
    Ok(track)
}

/// A track at `rate` frames per second, interpolated as [`effigy_rig::TrackPlayer`] does.
///
/// # Errors
/// [`StreamError::Input`] for a rate that is not positive, a track that is not valid, or more frames or weights than
/// [`TrackLimits`] allow by default.
pub fn resample(track: &Track, rate: f64) -> Result<Track, StreamError> {
    track.validate().map_err(|e| StreamError::Input(e.to_string()))?;
    let count = (track.duration() * rate + 1e-6).floor() + 1.0;
    let limits = TrackLimits::default();
    let fits = count <= limits.frames as f64 && count * track.names.len() as f64 <= limits.weights as f64;
    if !(rate.is_finite() && rate > 0.0 && fits) {
        return Err(StreamError::Input(format!("a track cannot be sampled {rate} times a second")));
    }
    let mut out = Track {
        names: track.names.clone(),
        head_rotations: track.head_rotations.as_ref().map(|_| Vec::new()),
        eye_rotations: track.eye_rotations.as_ref().map(|_| Vec::new()),
        node_turns: track.node_turns.keys().map(|name| (name.clone(), Vec::new())).collect(),
        ..Track::default()
    };
    let last = track.frame_count() - 1;
    for i in 0..count as u64 {
        let time = i as f64 / rate;
        let to = track.times.partition_point(|&t| t <= time).min(last);
        let from = to.saturating_sub(1);
        let span = track.times[to] - track.times[from];
        let part = if span > 0.0 { ((time - track.times[from]) / span).clamp(0.0, 1.0) as f32 } else { 0.0 };
        out.times.push(time);
        out.weights.extend(track.frame(from).iter().zip(track.frame(to)).map(|(a, b)| a + (b - a) * part));
        let between = |a: Quat, b: Quat| a.slerp(b, part).normalize();
        if let (Some(out), Some(r)) = (&mut out.head_rotations, &track.head_rotations) {
            out.push(between(r[from], r[to]));
        }
        if let (Some(out), Some(r)) = (&mut out.eye_rotations, &track.eye_rotations) {
            out.push([between(r[from][0], r[to][0]), between(r[from][1], r[to][1])]);
        }
        for (out, r) in out.node_turns.values_mut().zip(track.node_turns.values()) {
            out.push(between(r[from], r[to]));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_become_frames_and_come_back() {
        let track = Track {
            names: vec!["jawOpen".into(), "tongueOut".into()],
            times: vec![0.0, 0.5, 1.0],
            weights: vec![0.0, 1.0, 0.5, 0.0, 1.0, 0.25],
            head_rotations: Some(vec![Quat::IDENTITY, Quat::from_rotation_y(0.5), Quat::IDENTITY]),
            eye_rotations: Some(vec![[Quat::IDENTITY, Quat::from_rotation_x(0.1)]; 3]),
            ..Track::default()
        };
        let (layout, frames) = stream_frames(&track);
        assert_eq!(track_of(&layout, &frames).unwrap(), track);
        let fine = resample(&track, 4.0).unwrap();
        assert_eq!(fine.times, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(fine.weights, [0.0, 1.0, 0.25, 0.5, 0.5, 0.0, 0.75, 0.125, 1.0, 0.25]);
        assert!(fine.head_rotations.unwrap()[1].angle_between(Quat::from_rotation_y(0.25)) < 1e-3);
        assert!(resample(&track, f64::NAN).is_err());
        assert!(resample(&track, 1e12).is_err());
    }
}
