//! Frames of named weights as they come, made into a track: for formats whose frames say what they hold.

use std::collections::{BTreeMap, HashMap};

use glam::{EulerRot, Quat};

use crate::RigError;
use crate::error::{invalid, within};

use super::left_out::LeftOut;
use super::times::{self, Clock};
use super::{Track, TrackLimits, names};

/// One frame.
#[derive(Default)]
pub(super) struct Frame {
    /// In whatever unit the file has.
    pub(super) time: Option<f64>,
    pub(super) weights: Vec<(String, f32)>,
    pub(super) head: Option<Quat>,
    pub(super) eyes: Option<[Quat; 2]>,
}

/// What frames have been given so far.
pub(super) struct Gathered<'a> {
    limits: &'a TrackLimits,
    columns: HashMap<String, usize>,
    names: Vec<String>,
    /// Of each frame, as many as there were names by then.
    weights: Vec<Vec<f32>>,
    times: Vec<Option<f64>>,
    heads: Vec<Option<Quat>>,
    eyes: Vec<Option<[Quat; 2]>>,
    left_out: LeftOut,
}

impl<'a> Gathered<'a> {
    pub(super) fn new(limits: &'a TrackLimits) -> Self {
        Self {
            limits,
            columns: HashMap::new(),
            names: Vec::new(),
            weights: Vec::new(),
            times: Vec::new(),
            heads: Vec::new(),
            eyes: Vec::new(),
            left_out: LeftOut::default(),
        }
    }

    /// Adds a frame, or leaves it out for what is wrong with it.
    ///
    /// # Errors
    /// [`RigError::Limit`].
    pub(super) fn add(&mut self, frame: Result<Frame, RigError>) -> Result<(), RigError> {
        let frame = match frame {
            Ok(frame) => frame,
            Err(fault) => {
                self.left_out.add(fault);
                return Ok(());
            }
        };
        // Tables of one weight a line: all of one time are one frame.
        let same_time = frame.time.is_some() && self.times.last() == Some(&frame.time);
        if !(same_time && frame.weights.len() == 1) {
            within("the number of frames", self.weights.len() as u64 + 1, self.limits.frames)?;
            self.weights.push(vec![0.0; self.names.len()]);
            self.times.push(frame.time);
            self.heads.push(frame.head.filter(|q| q.is_finite()));
            self.eyes.push(frame.eyes.filter(|eyes| eyes.iter().all(|q| q.is_finite())));
        }
        for (name, weight) in frame.weights {
            let column = match self.columns.get(&name) {
                Some(&column) => column,
                None => {
                    within("the number of controls", self.names.len() as u64 + 1, self.limits.controls)?;
                    self.names.push(name.clone());
                    self.columns.insert(name, self.names.len() - 1);
                    self.names.len() - 1
                }
            };
            if let Some(row) = self.weights.last_mut() {
                let columns = self.names.len();
                row.resize(columns.max(row.len()), 0.0);
                row[column] = weight;
            }
        }
        let values = (self.weights.len() as u64).saturating_mul(self.names.len() as u64);
        within("the number of weights", values, self.limits.weights)
    }

    /// The track: times by `clock`, or at `rate` per second where not every frame has one; a weight that a frame lacks
    /// is 0.
    pub(super) fn track(self, clock: Clock, rate: f64) -> Result<Track, RigError> {
        let frames = self.weights.len();
        if frames == 0 {
            return Err(self.left_out.all("frame").unwrap_or_else(|| invalid("the track", "has no frames")));
        }
        self.left_out.warn("frame", frames);
        let columns = self.names.len();
        let mut track = Track { names: names::of_other_tools(self.names)?, ..Track::default() };
        for mut row in self.weights {
            row.resize(columns, 0.0);
            track.weights.append(&mut row);
        }
        track.head_rotations = turned(self.heads, |q| q == Quat::IDENTITY, Quat::IDENTITY);
        track.eye_rotations = turned(self.eyes, |eyes| eyes == [Quat::IDENTITY; 2], [Quat::IDENTITY; 2]);
        let seconds = match self.times.iter().copied().collect::<Option<Vec<f64>>>() {
            Some(mut times) if frames == 1 || times.iter().any(|time| *time != times[0]) => {
                clock.seconds(&mut times);
                times
            }
            _ => times::regular(frames, rate)?,
        };
        times::place(&mut track, &seconds)?;
        Ok(track)
    }
}

/// What frames without it hold from the one before; `None` if none turns.
fn turned<T: Copy>(frames: Vec<Option<T>>, rests: impl Fn(T) -> bool, rest: T) -> Option<Vec<T>> {
    if frames.iter().flatten().all(|&turn| rests(turn)) {
        return None;
    }
    let mut held = rest;
    Some(
        frames
            .into_iter()
            .map(|turn| {
                held = turn.unwrap_or(held);
                held
            })
            .collect(),
    )
}

/// A rotation from the angles of ARKit's face anchor, degrees: about +X (down), +Y (to the person's left) and +Z (to
/// their right shoulder), the first applied after the last and +Y after both.
pub(super) fn from_degrees([x, y, z]: [f32; 3]) -> Quat {
    Quat::from_euler(EulerRot::YXZ, y.to_radians(), x.to_radians(), z.to_radians()).normalize()
}

/// The weights of ARKit shapes among `weights`, of which others are no matter.
pub(super) fn known_only(weights: BTreeMap<String, f32>) -> Vec<(String, f32)> {
    weights.into_iter().filter(|(name, _)| crate::canonical(name).is_some()).collect()
}
