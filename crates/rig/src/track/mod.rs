//! Expression tracks: named controls over time.

mod content;
mod face_cap;
mod gathered;
mod gltf_weights;
mod ifacialmocap;
mod json;
mod json_writer;
mod left_out;
mod live_link_writer;
mod matching;
mod names;
mod player;
mod recorder;
mod table;
mod timecode;
mod times;
mod turn;
mod vrm_animation;

use std::collections::BTreeMap;
use std::path::Path;

use glam::Quat;

use crate::RigError;
use crate::error::invalid;
use crate::limits::read_within;

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
        // Names the file in what is told about it while it is read.
        let _reading = tracing::warn_span!("track", file = %path.display()).entered();
        let read = || {
            let bytes = read_within(path, limits.bytes)?;
            Self::read(&bytes, Some(path.parent().unwrap_or(Path::new(""))), limits)
        };
        read().map_err(|fault: RigError| fault.in_file(path))
    }

    /// Reads a track from memory, whatever its format:
    ///
    /// - Tables of numbers under a line of names, between commas, semicolons or tabs, with decimal points or commas, as
    ///   programs and spreadsheets write them. Live Link Face: `Timecode`, `BlendshapeCount`, 52 shapes, 9 angles of head
    ///   and eyes. The frame rate is worked out from the timecodes; missing frames leave gaps that are interpolated over.
    ///   Angles are radians. Seen from the person, yaw is positive to their right, pitch positive downwards and roll
    ///   positive towards their right shoulder; yaw is applied last. (Yaw and pitch follow from the eyes' angles and
    ///   `eyeLook…` shapes in recorded takes.) MediaPipe and others: ARKit names, and a column of times by whatever name
    ///   says so (`timestamp_ms`, `time`, `timeCode` of Audio2Face), or of frames, 30 per second.
    /// - JSON of LAM and of this project: `{"names": [C], "frames": [{"weights": [C], "time": s, "rotation": [],
    ///   "eye_rotations": [[], []]}], "metadata": {"fps": f}, "head_pose": [[3]]}`. Time is optional (then `fps`, 30
    ///   without). A head rotation is either a frame's `rotation`, as a rotation vector in radians (3 numbers) or a
    ///   quaternion xyzw (4), or its entry in `head_pose`, a rotation vector. Those of the left and the right eye are
    ///   written like a frame's `rotation`, in every frame or in none. A frame's `turns` are those of other nodes,
    ///   `{"neck": []}`, written alike; a node that stands in some frames only is at rest in the others.
    /// - JSON of names beside rows of weights, as Audio2Face exports it: `facsNames`, `weightMat`, `exportFps`.
    /// - JSON of frames, in a list, one a line or by their times: results of MediaPipe's FaceLandmarker (of the first face;
    ///   the head by its transformation matrix), and what recorders of ARKit write: for each frame an object of names
    ///   and numbers, or a list of objects with a name and a score, somewhere within it. Times are seconds or parts of
    ///   them, by their key or by how far apart they are; without any, frames come at `fps`, or 30 per second.
    /// - Face Cap's text: lines `bs` with names and `k` with milliseconds, the head, the eyes (degrees) and weights.
    /// - What iFacialMocap and Facemotion3d send, a packet a line: weights from 0 to 100, the head and the eyes in degrees;
    ///   60 per second, unless a recorder has put times in front.
    /// - VRM animations (`.vrma`): the first animation's expressions, the head as the neck and itself turn it, and the
    ///   gaze; other bones are left alone.
    /// - glTF, binary or JSON: the first animation with morph weights. Like VRM animations it is sampled 60 times per second.
    ///
    /// What of a file cannot be used, such as a row that was cut, is left out with a warning that counts.
    ///
    /// # Errors
    /// [`RigError`]: not any of these formats, no frames, times in JSON of the first kind that go back, sizes over
    /// `limits`, nothing that can be used; when no name is a known control, unless the JSON's metadata says
    /// `"own_names": true`: that they are a certain rig's.
    pub fn from_bytes(bytes: &[u8], limits: &TrackLimits) -> Result<Self, RigError> {
        Self::read(bytes, None, limits)
    }

    fn read(bytes: &[u8], base_dir: Option<&Path>, limits: &TrackLimits) -> Result<Self, RigError> {
        let track = content::read(bytes, base_dir, limits)?;
        track.validate()?;
        Ok(track)
    }

    /// Checks that all lengths agree, times ascend from 0, and all numbers are finite.
    ///
    /// # Errors
    /// [`RigError::Invalid`] with the first fault.
    pub fn validate(&self) -> Result<(), RigError> {
        let turns =
            self.head_rotations.is_some() || self.eye_rotations.is_some() || !self.node_turns.is_empty();
        if self.times.is_empty() || (self.names.is_empty() && !turns) {
            return Err(invalid("the track", "has no frames or no controls"));
        }
        if self.times.len().checked_mul(self.names.len()) != Some(self.weights.len()) {
            return Err(invalid("the track", "has frames of unequal length"));
        }
        if let Some(at) = self.weights.iter().position(|w| !w.is_finite()) {
            return Err(invalid(format!("frame {}", at / self.names.len().max(1)), "a weight is not finite"));
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

    /// The bytes of a JSON file in the layout that [`Track::from_bytes`] reads, rotations as quaternions, times to the
    /// nanosecond.
    ///
    /// # Errors
    /// [`RigError::Invalid`] if the track is not valid.
    pub fn to_json(&self) -> Result<Vec<u8>, RigError> {
        json_writer::json(self)
    }

    /// The bytes of a Live Link Face CSV: 52 ARKit shapes, and the angles of head and eyes, under timecodes of 60 frames
    /// per second. Times are kept to 1/60,000 s, angles to 0.00001 radians; shapes that the track lacks are 0. Beside
    /// them, the names of controls and nodes that such a file cannot hold.
    ///
    /// # Errors
    /// [`RigError::Invalid`] if the track is not valid, has no ARKit shape, goes beyond a day, or has frames that one
    /// timecode would stand for.
    pub fn to_live_link(&self) -> Result<(Vec<u8>, Vec<String>), RigError> {
        live_link_writer::csv(self)
    }
}
