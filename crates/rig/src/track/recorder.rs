//! Recording poses into a track.

use std::collections::BTreeMap;

use glam::Quat;

use crate::error::invalid;
use crate::{Pose, Rig, RigError, Track, TrackLimits};

use super::turn::{Head, NodeTurn, eyes};

/// Two rotations are the same if their quaternions differ by less.
const STILL: f32 = 1e-6;

/// Makes a track of poses of a rig as they come, at any pace, in frames at equal distances.
///
/// What is recorded plays the same on that rig: weights of morphs, the rotation of the head (of the whole scene where
/// the rig has no head), and those of all other nodes. Nodes that move or grow do not fit into a track.
#[derive(Clone, Debug)]
pub struct TrackRecorder {
    names: Vec<String>,
    rest_weights: Vec<f32>,
    rest_rotations: Vec<Quat>,
    nodes: Vec<String>,
    head: Head,
    /// The eyes as nodes, and which of the morphs look.
    rig_eyes: [[Option<NodeTurn>; 2]; 2],
    looking: Vec<usize>,
    interval: f64,
    limits: TrackLimits,
    /// Since the first pose, seconds.
    now: f64,
    last: Option<Instant>,
    weights: Vec<f32>,
    heads: Vec<Quat>,
    eyes: Vec<[Quat; 2]>,
    /// Of the nodes that have turned so far, away from rest.
    turns: BTreeMap<usize, Vec<Quat>>,
}

/// What is recorded of a pose.
#[derive(Clone, Debug)]
struct Instant {
    time: f64,
    weights: Vec<f32>,
    head: Quat,
    eyes: [Quat; 2],
    turns: Vec<Quat>,
}

impl TrackRecorder {
    /// For poses of `rig`, in `rate` frames per second.
    ///
    /// # Errors
    /// [`RigError::Invalid`] for a rate that is not between 1 and 1000; what [`Rig::validate`] finds.
    pub fn new(rig: &Rig, rate: f64, limits: &TrackLimits) -> Result<Self, RigError> {
        if !(1.0..=1000.0).contains(&rate) {
            return Err(invalid("the recording", format!("{rate} frames per second")));
        }
        rig.validate()?;
        let names: Vec<String> = rig.morphs.iter().map(|morph| morph.name.clone()).collect();
        let looking: Vec<usize> = (0..names.len()).filter(|&i| names[i].starts_with("eyeLook")).collect();
        Ok(Self {
            rest_weights: rig.morphs.iter().map(|morph| morph.default_weight).collect(),
            rest_rotations: rig.nodes.iter().map(|node| node.rotation).collect(),
            nodes: rig.nodes.iter().map(|node| node.name.clone()).collect(),
            head: Head::find(rig),
            rig_eyes: [eyes(rig, &[]), eyes(rig, &looking)],
            looking,
            names,
            interval: 1.0 / rate,
            limits: limits.clone(),
            now: 0.0,
            last: None,
            weights: Vec::new(),
            heads: Vec::new(),
            eyes: Vec::new(),
            turns: BTreeMap::new(),
        })
    }

    /// Takes the pose of `seconds` after the last one; the first is at 0. Between two poses it goes in a straight line.
    /// Says whether there is room for more.
    ///
    /// # Errors
    /// [`RigError::Mismatch`] if the pose is of another rig; [`RigError::Invalid`] if it is not finite.
    pub fn push(&mut self, seconds: f64, pose: &Pose) -> Result<bool, RigError> {
        if pose.morph_weights.len() != self.names.len() || pose.nodes.len() != self.nodes.len() {
            return Err(RigError::Mismatch("the pose is of another rig than the recording".into()));
        }
        let finite = pose.nodes.iter().all(|node| node.rotation.is_finite())
            && pose.morph_weights.iter().all(|weight| weight.is_finite())
            && pose.world_from_scene.is_finite();
        if !finite {
            return Err(invalid("the pose", "is not finite"));
        }
        if self.last.is_some() && seconds.is_finite() {
            self.now += seconds.max(0.0);
        }
        let next = self.instant(pose);
        let last = self.last.take().unwrap_or_else(|| next.clone());
        let mut room = self.has_room();
        // A thousandth of a frame: the clock's own rounding shall not put a frame off.
        while room && self.frame_time() <= self.now + 1e-3 * self.interval {
            let span = next.time - last.time;
            let part =
                if span > 0.0 { ((self.frame_time() - last.time) / span).clamp(0.0, 1.0) } else { 1.0 };
            self.write(&last, &next, part as f32);
            room = self.has_room();
        }
        self.last = Some(next);
        Ok(room)
    }

    /// Seconds since the first pose.
    pub fn duration(&self) -> f64 {
        self.now
    }

    /// Frames so far.
    pub fn frame_count(&self) -> usize {
        self.heads.len()
    }

    /// The track so far. Morphs that were at rest all the time are left out, unless nothing else would be there.
    ///
    /// # Errors
    /// [`RigError::Invalid`] before the first pose, and if the rig has neither morphs nor nodes that turned.
    pub fn finish(self) -> Result<Track, RigError> {
        let controls = self.names.len();
        let moved =
            |c: usize| self.weights.iter().skip(c).step_by(controls).any(|&w| w != self.rest_weights[c]);
        let mut kept: Vec<usize> = (0..controls).filter(|&c| moved(c)).collect();
        if kept.is_empty() {
            kept = (0..controls).collect();
        }
        let frames = self.heads.len();
        let mut track = Track {
            names: kept.iter().map(|&c| self.names[c].clone()).collect(),
            times: (0..frames).map(|i| i as f64 * self.interval).collect(),
            ..Track::default()
        };
        for frame in 0..frames {
            track.weights.extend(kept.iter().map(|&c| self.weights[frame * controls + c]));
        }
        if self.heads.iter().any(|&head| turned(head)) {
            track.head_rotations = Some(self.heads);
        }
        let mut turns = self.turns;
        if let Head::Node(head) = self.head {
            turns.remove(&head.node());
        }
        // Eyes that the track's shapes move are not turned by a player: then they are nodes like others.
        let looks = self.looking.iter().any(|l| kept.contains(l));
        if let [Some(left), Some(right)] = self.rig_eyes[usize::from(looks)]
            && self.eyes.iter().flatten().any(|&eye| turned(eye))
        {
            turns.remove(&left.node());
            turns.remove(&right.node());
            track.eye_rotations = Some(self.eyes);
        }
        track.node_turns = turns
            .into_iter()
            .filter_map(|(node, turns)| Some((self.nodes.get(node)?.clone(), turns)))
            .filter(|(name, _)| !name.is_empty())
            .collect();
        track.validate()?;
        Ok(track)
    }

    fn frame_time(&self) -> f64 {
        self.heads.len() as f64 * self.interval
    }

    fn has_room(&self) -> bool {
        let frames = self.heads.len() as u64;
        let values = self.names.len() as u64 + 4 * (self.turns.len() as u64 + 3);
        frames < self.limits.frames && (frames + 1).saturating_mul(values) <= self.limits.weights
    }

    fn instant(&self, pose: &Pose) -> Instant {
        let [left, right] = self.rig_eyes[0].map(|eye| eye.map_or(Quat::IDENTITY, |eye| eye.turned(pose)));
        let turns = pose.nodes.iter().zip(&self.rest_rotations);
        Instant {
            time: self.now,
            weights: pose.morph_weights.clone(),
            head: self.head.turned(pose),
            eyes: [left, right],
            turns: turns.map(|(node, rest)| (rest.inverse() * node.rotation).normalize()).collect(),
        }
    }

    fn write(&mut self, from: &Instant, to: &Instant, part: f32) {
        let between = |a: Quat, b: Quat| a.slerp(b, part).normalize();
        let weights = from.weights.iter().zip(&to.weights);
        self.weights.extend(weights.map(|(a, b)| if part < 1.0 { a + (b - a) * part } else { *b }));
        for (node, (&a, &b)) in from.turns.iter().zip(&to.turns).enumerate() {
            let turn = between(a, b);
            let frames = self.heads.len();
            if let Some(turns) = self.turns.get_mut(&node) {
                turns.push(turn);
            } else if turned(turn) {
                let mut turns = vec![Quat::IDENTITY; frames];
                turns.push(turn);
                self.turns.insert(node, turns);
            }
        }
        self.heads.push(between(from.head, to.head));
        self.eyes.push([between(from.eyes[0], to.eyes[0]), between(from.eyes[1], to.eyes[1])]);
    }
}

fn turned(rotation: Quat) -> bool {
    !(rotation.abs_diff_eq(Quat::IDENTITY, STILL) || rotation.abs_diff_eq(-Quat::IDENTITY, STILL))
}
