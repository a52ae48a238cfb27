//! Writing Live Link Face CSV (Epic Games), so that [`super::table`] reads the same again.

use std::fmt::Write;

use glam::{DQuat, EulerRot, Quat};

use crate::controls::canonical_among;
use crate::error::invalid;
use crate::{ARKIT_NAMES, RigError};

use super::Track;
use super::table::TURNING;

/// Thousandths of a frame in a second: the smallest step of a timecode.
const STEPS: f64 = 60_000.0;
/// Thousandths of a frame before the first one. Readers tell the rate from the largest frame number, which thus stands
/// in every file, and from a full second after it.
const START: u64 = 59_000;
/// Steps in a day, after which timecodes start over.
const DAY: f64 = 86_400.0 * STEPS;

/// The bytes of the file, and the names of what it leaves out.
pub(super) fn csv(track: &Track) -> Result<(Vec<u8>, Vec<String>), RigError> {
    track.validate()?;
    let known = canonical_among(&track.names);
    let column = |shape: &str| known.iter().position(|name| *name == Some(shape));
    let columns = ARKIT_NAMES.map(column);
    if columns.iter().all(Option::is_none) {
        let fault = "has no ARKit shape, and a Live Link Face file holds nothing else";
        return Err(invalid("the track", fault));
    }
    let mut text = "Timecode,BlendshapeCount".to_owned();
    for shape in ARKIT_NAMES {
        let (first, rest) = shape.split_at(1);
        text.push(',');
        text += &first.to_ascii_uppercase();
        text += rest;
    }
    for of in TURNING {
        for angle in ["Yaw", "Pitch", "Roll"] {
            text.push(',');
            text += of;
            text += angle;
        }
    }
    text.push('\n');
    let mut before = None;
    for (i, &time) in track.times.iter().enumerate() {
        if time * STEPS >= DAY {
            return Err(invalid(format!("frame {i}"), "stands more than a day after the first"));
        }
        let steps = (time * STEPS).round() as u64;
        if before.replace(steps) == Some(steps) {
            let fault = "stands less than a thousandth of a sixtieth of a second after the one before";
            return Err(invalid(format!("frame {i}"), fault));
        }
        let mut row = timecode(steps + START);
        row += ",61";
        let weights = track.frame(i);
        for column in columns {
            let weight = column.and_then(|c| weights.get(c)).copied().unwrap_or(0.0);
            // As short as it can be to be read as the same number.
            let _ = write!(row, ",{weight}");
        }
        let head = track.head_rotations.as_ref().and_then(|r| r.get(i)).copied();
        let eyes = track.eye_rotations.as_ref().and_then(|r| r.get(i)).copied();
        for rotation in [head, eyes.map(|eyes| eyes[0]), eyes.map(|eyes| eyes[1])] {
            for angle in rotation.map_or([0.0; 3], angles) {
                let _ = write!(row, ",{angle:.5}");
            }
        }
        row.push('\n');
        text += &row;
    }
    let unknown = track.names.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(name, _)| name);
    Ok((text.into_bytes(), unknown.chain(track.node_turns.keys()).cloned().collect()))
}

fn timecode(steps: u64) -> String {
    let (seconds, frame) = (steps / 60_000, steps % 60_000);
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}:{:02}.{:03}", seconds % 60, frame / 1000, frame % 1000)
}

/// Yaw, pitch and roll as the file has them: seen from the person, to their right, down, to their right shoulder.
fn angles(rotation: Quat) -> [f64; 3] {
    let [x, y, z, w] = rotation.to_array().map(f64::from);
    let (yaw, pitch, roll) = DQuat::from_xyzw(x, y, z, w).normalize().to_euler(EulerRot::YXZ);
    // Rounding must not leave a negative zero.
    [-yaw, pitch, roll].map(|angle| (angle * 1e5).round() / 1e5 + 0.0)
}
