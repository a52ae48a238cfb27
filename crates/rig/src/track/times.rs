//! Times as files give them: in which unit, and which frames go on.

use glam::Quat;

use crate::error::invalid;
use crate::{RigError, Track};

/// Frames per second where a file gives no times.
pub(super) const USUAL_RATE: f64 = 30.0;

/// What the numbers under a heading or key count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Time in a unit of so many to the second.
    PerSecond(u32),
    /// Time in a unit that has to be told from the steps.
    Unknown,
    /// Frames.
    Frames,
}

impl Clock {
    /// Of a column or key: `timestamp_ms`, `time`, `timeCode`, `frame` and so on.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let key: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let unit = key.strip_prefix("timestamp").or_else(|| key.strip_prefix("time"));
        Some(match unit.unwrap_or(&key) {
            "" | "code" | "t" | "stamp" if unit.is_some() || key == "t" => Self::Unknown,
            "s" | "sec" | "secs" | "seconds" | "insec" | "inseconds" if unit.is_some() || key.len() > 2 => {
                Self::PerSecond(1)
            }
            "ms" | "msec" | "millis" | "milliseconds" | "inms" => Self::PerSecond(1_000),
            "us" | "usec" | "micros" | "microseconds" => Self::PerSecond(1_000_000),
            "ns" | "nsec" | "nanos" | "nanoseconds" => Self::PerSecond(1_000_000_000),
            "frame" | "frameid" | "frameindex" | "frameidx" | "framenumber" | "frameno" => Self::Frames,
            _ => return None,
        })
    }

    /// Seconds from the first of `times`; what is not finite stays so.
    pub(super) fn seconds(self, times: &mut [f64]) {
        let start = times.iter().copied().find(|t| t.is_finite()).unwrap_or(0.0);
        times.iter_mut().for_each(|time| *time -= start);
        let per_second = match self {
            Self::PerSecond(per_second) => f64::from(per_second),
            Self::Frames => USUAL_RATE,
            Self::Unknown => {
                let mut steps: Vec<f64> = times
                    .windows(2)
                    .map(|w| w[1] - w[0])
                    .filter(|step| step.is_finite() && *step > 0.0)
                    .collect();
                match median(&mut steps) {
                    // Faces are taken between once and a thousand times per second.
                    Some(step) if step > 1e6 => 1e9,
                    Some(step) if step > 1e3 => 1e6,
                    Some(step) if step > 1.0 => 1e3,
                    _ => 1.0,
                }
            }
        };
        times.iter_mut().for_each(|time| *time /= per_second);
    }
}

/// The middle one of `values`, which must be finite.
pub(super) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// Times of `frames` frames at `rate` per second.
pub(super) fn regular(frames: usize, rate: f64) -> Result<Vec<f64>, RigError> {
    if !(rate.is_finite() && (1e-3..=1e6).contains(&rate)) {
        return Err(invalid("metadata", format!("{rate} frames per second")));
    }
    Ok((0..frames).map(|i| i as f64 / rate).collect())
}

/// Gives `track`, which has all else, its times: those of `seconds` that go on from the first. The frames of the others
/// are left out, with a warning where times are no numbers or go back; frames of the same time are copies.
///
/// # Errors
/// No frame has a time.
pub(super) fn place(track: &mut Track, seconds: &[f64]) -> Result<(), RigError> {
    let mut kept = Vec::with_capacity(seconds.len());
    let mut astray = 0;
    for (row, &time) in seconds.iter().enumerate() {
        match kept.last().map(|&last: &usize| seconds[last]) {
            _ if !time.is_finite() => astray += 1,
            Some(last) if time < last => astray += 1,
            Some(last) if time == last => {}
            _ => kept.push(row),
        }
    }
    let Some(start) = kept.first().map(|&row| seconds[row]) else {
        return Err(invalid("the track", "has no frames"));
    };
    if astray > 0 {
        tracing::warn!(
            "{astray} of {} frames are left out: their times go back or are no numbers",
            seconds.len()
        );
    }
    track.times = kept.iter().map(|&row| seconds[row] - start).collect();
    keep(track, &kept);
    Ok(())
}

/// Drops the frames that `kept` does not list.
fn keep(track: &mut Track, kept: &[usize]) {
    let turns = track.node_turns.values_mut().chain(&mut track.head_rotations);
    turns.for_each(|rotations: &mut Vec<Quat>| {
        *rotations = kept.iter().filter_map(|&row| rotations.get(row).copied()).collect();
    });
    if let Some(rotations) = &mut track.eye_rotations {
        *rotations = kept.iter().filter_map(|&row| rotations.get(row).copied()).collect();
    }
    let controls = track.names.len();
    for (to, &from) in kept.iter().enumerate() {
        if from != to {
            track.weights.copy_within(from * controls..(from + 1) * controls, to * controls);
        }
    }
    track.weights.truncate(kept.len() * controls);
}
