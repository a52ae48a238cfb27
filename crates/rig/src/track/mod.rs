//! Expression tracks: named controls over time.

mod gltf_weights;
mod json;
mod live_link;
mod live_link_writer;
mod player;
mod recorder;
mod save;
mod turn;

use std::collections::BTreeMap;
use std::path::Path;

use glam::Quat;

use crate::error::{invalid, within};
use crate::limits::read_within;
use crate::{RigError, canonical, recipe};

pub use player::{TrackPlayer, Wrap};
pub use recorder::TrackRecorder;

/// Weights of named controls at given times, and the head's rotation where it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Track {
    /// Names of the controls, C of them. ARKit shapes have their camelCase name, whatever the file writes.
    pub names: Vec<String>,
    /// Time of each of the F frames, seconds, ascending from 0.
    pub times: Vec<f64>,
    /// F × C weights, frame after frame.
    pub weights: Vec<f32>,
    /// F rotations of the head away from rest, about the axes of the world (+Y up, face towards +Z).
    pub head_rotations: Option<Vec<Quat>>,
    /// F rotations of the left and the right eye away from rest, about the axes of the head (+Y up, face towards +Z).
    pub eye_rotations: Option<Vec<[Quat; 2]>>,
    /// Of other nodes by name, F rotations each about the node's own axes: away from its rest, or, for the head and the
    /// eyes, from where the rotations above have turned them.
    pub node_turns: BTreeMap<String, Vec<Quat>>,
}

/// Upper bounds on what reading a track may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackLimits {
    /// Bytes of the file.
    pub bytes: u64,
    /// Frames.
    pub frames: u64,
    /// Controls per frame.
    pub controls: u64,
    /// Frames times controls.
    pub weights: u64,
}

impl Default for TrackLimits {
    fn default() -> Self {
        Self { bytes: 256 << 20, frames: 4 << 20, controls: 4096, weights: 64 << 20 }
    }
}

impl Track {
    /// Reads a track file; see [`Track::from_bytes`]. Files that a `.gltf` refers to are looked up beside it.
    ///
    /// # Errors
    /// [`RigError::File`] with the file's name and what is wrong.
    pub fn open(path: impl AsRef<Path>, limits: &TrackLimits) -> Result<Self, RigError> {
        let path = path.as_ref();
        let read = || {
            Self::read(
                &read_within(path, limits.bytes)?,
                Some(path.parent().unwrap_or(Path::new(""))),
                limits,
            )
        };
        read().map_err(|fault: RigError| fault.in_file(path))
    }

    /// Reads a track from memory, whatever its format:
    ///
    /// - Live Link Face CSV: `Timecode`, `BlendshapeCount`, 52 shapes, 9 angles of head and eyes. The frame rate is worked out from the
    ///   timecodes; missing frames leave gaps that are interpolated over. Angles are radians. Seen from the person, yaw
    ///   is positive to their right, pitch positive downwards and roll positive towards their right shoulder; yaw is
    ///   applied last. (Yaw and pitch follow from the eyes' angles and `eyeLook…` shapes in recorded takes.)
    /// - JSON: `{"names": [C], "frames": [{"weights": [C], "time": s, "rotation": [], "eye_rotations": [[], []]}],
    ///   "metadata": {"fps": f}, "head_pose": [[3]]}`. Time is optional (then `fps`, 30 without). A head rotation is either a frame's
    ///   `rotation`, as a rotation vector in radians (3 numbers) or a quaternion xyzw (4), or its entry in `head_pose`,
    ///   a rotation vector. Those of the left and the right eye are written like a frame's `rotation`, in every frame
    ///   or in none. A frame's `turns` are those of other nodes, `{"neck": []}`, written alike; a node that stands in
    ///   some frames only is at rest in the others.
    /// - glTF, binary or JSON: the first animation with morph weights, sampled 60 times per second.
    ///
    /// # Errors
    /// [`RigError`]: not any of these formats, no frames, rows of unequal length, values that are not finite, times that
    /// go back, sizes over `limits`; for CSV and JSON also when no name is a known control, unless the JSON's metadata says
    /// `"own_names": true`: that they are a certain rig's.
    pub fn from_bytes(bytes: &[u8], limits: &TrackLimits) -> Result<Self, RigError> {
        Self::read(bytes, None, limits)
    }

    fn read(bytes: &[u8], base_dir: Option<&Path>, limits: &TrackLimits) -> Result<Self, RigError> {
        within("the file", bytes.len() as u64, limits.bytes)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        let track = if bytes.starts_with(b"glTF") {
            gltf_weights::read(bytes, base_dir, limits)?
        } else if text.starts_with(b"{") {
            match json::read(text, limits)? {
                Some(track) => track,
                None => gltf_weights::read(text, base_dir, limits)?,
            }
        } else {
            live_link::read(text, limits)?
        };
        track.validate()?;
        Ok(track)
    }

    /// Checks that all lengths agree, times ascend from 0, and all numbers are finite.
    ///
    /// # Errors
    /// [`RigError::Invalid`] with the first fault.
    pub fn validate(&self) -> Result<(), RigError> {
        if self.times.is_empty() || (self.names.is_empty() && self.node_turns.is_empty()) {
            return Err(invalid("the track", "has no frames or no controls"));
        }
        if self.times.len().checked_mul(self.names.len()) != Some(self.weights.len()) {
            return Err(invalid("the track", "has frames of unequal length"));
        }
        if let Some(at) = self.weights.iter().position(|w| !w.is_finite()) {
            return Err(invalid(format!("frame {}", at / self.names.len()), "a weight is not finite"));
        }
        if self.times[0] != 0.0
            || !self.times.iter().all(|t| t.is_finite())
            || !self.times.is_sorted_by(|a, b| a < b)
        {
            return Err(invalid("the track", "its times do not ascend from 0"));
        }
        let unit = |q: &Quat| (q.length_squared() - 1.0).abs() < 1e-3;
        if let Some(rotations) = &self.head_rotations
            && (rotations.len() != self.times.len() || !rotations.iter().all(unit))
        {
            return Err(invalid("the track", "its head rotations are not one unit quaternion per frame"));
        }
        if let Some(rotations) = &self.eye_rotations
            && (rotations.len() != self.times.len() || !rotations.iter().flatten().all(unit))
        {
            return Err(invalid("the track", "its eye rotations are not two unit quaternions per frame"));
        }
        let whole = |turns: &Vec<Quat>| turns.len() == self.times.len() && turns.iter().all(unit);
        if let Some((name, _)) = self.node_turns.iter().find(|(_, turns)| !whole(turns)) {
            let fault = format!("the turns of {name:.64?} are not one unit quaternion per frame");
            return Err(invalid("the track", fault));
        }
        Ok(())
    }

    /// Number of frames.
    pub fn frame_count(&self) -> usize {
        self.times.len()
    }

    /// Time of the last frame, seconds.
    pub fn duration(&self) -> f64 {
        self.times.last().copied().unwrap_or(0.0)
    }

    /// Mean time from frame to frame, seconds; 1/30 for a single frame.
    pub fn frame_interval(&self) -> f64 {
        let intervals = self.times.len().saturating_sub(1);
        if intervals == 0 { 1.0 / 30.0 } else { self.duration() / intervals as f64 }
    }

    /// Weights of one frame, C of them; empty for a frame that is not there.
    pub fn frame(&self, index: usize) -> &[f32] {
        let controls = self.names.len();
        index.checked_mul(controls).and_then(|start| self.weights.get(start..start + controls)).unwrap_or(&[])
    }

    /// Writes the track as JSON in the layout that [`Track::from_bytes`] reads, rotations as quaternions, times to the
    /// nanosecond. The file
    /// appears complete or not at all.
    ///
    /// # Errors
    /// [`RigError::File`] if the track is not valid or the file cannot be written.
    pub fn save_json(&self, path: impl AsRef<Path>) -> Result<(), RigError> {
        let path = path.as_ref();
        save::json(self).and_then(|bytes| save::whole(&bytes, path)).map_err(|fault| fault.in_file(path))
    }

    /// Writes the track as a Live Link Face CSV: 52 ARKit shapes, and the angles of head and eyes, under timecodes of 60
    /// frames per second. Times are kept to 1/60,000 s, angles to 0.00001 radians; shapes that the track lacks are 0.
    /// The file appears complete or not at all. Returns the names of controls and nodes that such a file cannot hold.
    ///
    /// # Errors
    /// [`RigError::File`] if the track is not valid, has no ARKit shape, goes beyond a day, has frames that one timecode
    /// would stand for, or the file cannot be written.
    pub fn save_live_link(&self, path: impl AsRef<Path>) -> Result<Vec<String>, RigError> {
        let path = path.as_ref();
        let write = || {
            let (bytes, left_out) = live_link_writer::csv(self)?;
            save::whole(&bytes, path)?;
            Ok(left_out)
        };
        write().map_err(|fault: RigError| fault.in_file(path))
    }
}

/// Names as the rest of the crate writes them. An error if one stands twice.
fn distinct_names(names: Vec<String>) -> Result<Vec<String>, RigError> {
    let names: Vec<String> =
        names.into_iter().map(|n| canonical(&n).map_or_else(|| n.clone(), str::to_owned)).collect();
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|w| w[0] == w[1]) {
        Some(twice) => Err(invalid("the track", format!("names the control {} twice", twice[0]))),
        None => Ok(names),
    }
}

/// Whether any of these is a name that more than one rig knows.
fn any_known(names: &[String]) -> bool {
    names.iter().any(|n| canonical(n).is_some() || recipe(n).is_some())
}

/// As [`distinct_names`], and an error if none is known.
fn known_names(names: Vec<String>) -> Result<Vec<String>, RigError> {
    if any_known(&names) {
        distinct_names(names)
    } else {
        Err(invalid("the track", "names not a single known control (ARKit, Oculus or VRM)"))
    }
}

/// A rotation vector, radians, as a quaternion.
fn from_rotation_vector(v: [f32; 3]) -> Quat {
    Quat::from_scaled_axis(v.into())
}
