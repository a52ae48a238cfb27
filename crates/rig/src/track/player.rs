//! Playing a track on a rig.

use glam::Quat;

use crate::controls::canonical_among;
use crate::error::invalid;
use crate::expression::mix;
use crate::{ARKIT_NAMES, Expression, Pose, Rig, RigError, Track};

use super::matching::{Binds, direct, nothing_matches, resolve};
use super::turn::{Head, NodeTurn, eyes};

/// What happens before the first and after the last frame of a track.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wrap {
    /// Starts over, going from the last frame to the first within one [`Track::frame_interval`].
    #[default]
    Loop,
    /// Holds the first or last frame.
    Clamp,
}

/// A track tied to a rig: names are resolved once, playing allocates nothing.
#[derive(Clone, Debug)]
pub struct TrackPlayer {
    track: Track,
    controls: Vec<Control>,
    /// The rig's expressions that any control moves.
    expressions: Vec<Expression>,
    /// For each of them, the controls that move it and the weight that each gives it at 1.
    inputs: Vec<Vec<(usize, f32)>>,
    /// Every morph that any control moves.
    driven: Vec<usize>,
    head: Head,
    eyes: [Option<NodeTurn>; 2],
    turns: Vec<Turning>,
    unmatched: Vec<String>,
}

/// What one of the track's controls does.
#[derive(Clone, Debug)]
struct Control {
    column: usize,
    binds: Binds,
}

/// A node that the track turns about its own axes.
#[derive(Clone, Debug)]
struct Turning {
    /// In the track.
    name: String,
    node: usize,
    /// What it turns away from, unless head or eyes have been turned before it.
    rest: Option<Quat>,
}

impl TrackPlayer {
    /// Ties `track` to `rig`. Each of the track's names is looked up, in this order, as a morph, as an expression, both
    /// also as the ARKit name that they stand for ([`canonical`](crate::canonical); where several stand for one, the
    /// one without a prefix), and as an Oculus viseme or VRM preset made of the rig's ARKit shapes; on a rig
    /// without ARKit shapes, ARKit names fall back on VRM presets (`jawOpen` on `aa`).
    ///
    /// # Errors
    /// [`RigError::Mismatch`] if not one control or turned node matches; whatever [`Track::validate`] and
    /// [`Rig::validate`] find.
    pub fn new(track: &Track, rig: &Rig) -> Result<Self, RigError> {
        track.validate()?;
        rig.validate()?;
        let has_arkit = ARKIT_NAMES.into_iter().any(|name| direct(rig, name).is_some());
        let mut controls = Vec::new();
        let mut unmatched = Vec::new();
        for ((column, name), arkit) in track.names.iter().enumerate().zip(canonical_among(&track.names)) {
            match resolve(rig, name, arkit, has_arkit) {
                Some(binds) => controls.push(Control { column, binds }),
                None => unmatched.push(name.clone()),
            }
        }
        let mut driven: Vec<usize> = controls.iter().flat_map(|c| c.binds.driven(rig)).collect();
        driven.sort_unstable();
        driven.dedup();
        driven.retain(|&m| m < rig.morphs.len());
        let head = Head::find(rig);
        let mut turns: Vec<Turning> = Vec::new();
        for name in track.node_turns.keys() {
            match rig.nodes.iter().position(|node| !name.is_empty() && node.name == *name) {
                Some(node) => {
                    let rest = rig.nodes.get(node).map(|node| node.rotation);
                    turns.push(Turning { name: name.clone(), node, rest });
                }
                None => unmatched.push(name.clone()),
            }
        }
        // A track of nothing but turns of the head and the eyes fits any rig.
        let turns_only = track.names.is_empty() && track.node_turns.is_empty();
        if driven.is_empty() && turns.is_empty() && !turns_only {
            return Err(nothing_matches(track, rig));
        }
        let looks = |c: &&Control| track.names.get(c.column).is_some_and(|n| n.starts_with("eyeLook"));
        let mut looking: Vec<usize> =
            controls.iter().filter(looks).flat_map(|c| c.binds.driven(rig)).collect();
        looking.sort_unstable();
        looking.dedup();
        let eyes = eyes(rig, &looking);
        for turning in &mut turns {
            let by_head = track.head_rotations.is_some()
                && matches!(head, Head::Node(head) if head.node() == turning.node);
            let by_eyes =
                track.eye_rotations.is_some() && eyes.iter().flatten().any(|eye| eye.node() == turning.node);
            if by_head || by_eyes {
                turning.rest = None;
            }
        }
        let mut inputs = vec![Vec::new(); rig.expressions.len()];
        for control in &controls {
            for &(expression, weight) in &control.binds.expressions {
                if let Some(inputs) = inputs.get_mut(expression) {
                    inputs.push((control.column, weight));
                }
            }
        }
        let moved = rig.expressions.iter().cloned().zip(inputs).filter(|(_, inputs)| !inputs.is_empty());
        let (expressions, inputs) = moved.unzip();
        Ok(Self { track: track.clone(), head, eyes, turns, controls, expressions, inputs, driven, unmatched })
    }

    /// The track that is played.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// Names in the track that do nothing on this rig.
    pub fn unmatched(&self) -> &[String] {
        &self.unmatched
    }

    /// The node that turns with the head, if the rig has one; otherwise `world_from_scene` turns.
    pub fn head_node(&self) -> Option<usize> {
        match self.head {
            Head::Node(turn) => Some(turn.node()),
            Head::Scene { .. } => None,
        }
    }

    /// The nodes that turn with the left and the right eye. There is none where the rig has no such node, or where the
    /// track also moves that eye by a morph.
    pub fn eye_nodes(&self) -> [Option<usize>; 2] {
        self.eyes.map(|eye| Some(eye?.node()))
    }

    /// Sets what the track moves to its state at `time` seconds: morph weights, interpolated linearly, and the head's
    /// rotation and those of the eyes, spherically. Expressions override others as VRMC_vrm-1.0 has it. The head is the node of that name, turned from its rest by the track's rotation about
    /// world axes; without such a node, `world_from_scene` becomes that rotation about the bottom centre of the rest
    /// mesh. Eyes turn about the axes that the head has at rest, and with it; then the track's other nodes turn about
    /// their own. All else in `pose` is left alone. A `time` that is not finite counts as 0.
    pub fn apply(&self, time: f64, wrap: Wrap, pose: &mut Pose) {
        let (from, to, part) = self.locate(time, wrap);
        for &morph in &self.driven {
            if let Some(weight) = pose.morph_weights.get_mut(morph) {
                *weight = 0.0;
            }
        }
        let (a, b) = (self.track.frame(from), self.track.frame(to));
        let value = |column: usize| match (a.get(column), b.get(column)) {
            (Some(&a), Some(&b)) => a + (b - a) * part,
            _ => 0.0,
        };
        let mut add = |morph: usize, weight: f32| {
            if let Some(sum) = pose.morph_weights.get_mut(morph) {
                *sum += weight;
            }
        };
        for control in &self.controls {
            let value = value(control.column);
            control.binds.morphs.iter().for_each(|&(morph, weight)| add(morph, value * weight));
        }
        let weight = |expression: usize| {
            let inputs = self.inputs.get(expression).map_or(&[][..], Vec::as_slice);
            inputs.iter().map(|&(column, weight)| value(column) * weight).sum()
        };
        mix(&self.expressions, weight, add);
        if let Some(rotations) = &self.track.head_rotations
            && let (Some(&a), Some(&b)) = (rotations.get(from), rotations.get(to))
        {
            self.head.turn(a.slerp(b, part).normalize(), pose);
        }
        if let Some(rotations) = &self.track.eye_rotations
            && let (Some(a), Some(b)) = (rotations.get(from), rotations.get(to))
        {
            for ((eye, &a), &b) in self.eyes.iter().zip(a).zip(b) {
                if let Some(eye) = eye {
                    eye.turn(a.slerp(b, part).normalize(), pose);
                }
            }
        }
        for Turning { name, node, rest } in &self.turns {
            let turns = self.track.node_turns.get(name).map_or(&[][..], Vec::as_slice);
            if let (Some(&a), Some(&b)) = (turns.get(from), turns.get(to))
                && let Some(node) = pose.nodes.get_mut(*node)
            {
                node.rotation = (rest.unwrap_or(node.rotation) * a.slerp(b, part)).normalize();
            }
        }
    }

    /// Puts one frame in place of all that the track has, for controls that come one by one: the C weights of the track's
    /// names, and the rotations of head and eyes, which are left alone where there is `None`.
    ///
    /// # Errors
    /// [`RigError::Invalid`] for another number of weights, or what is not finite or not a unit quaternion; the track is
    /// as it was then.
    pub fn set_frame(
        &mut self,
        weights: &[f32],
        head: Option<Quat>,
        eyes: Option<[Quat; 2]>,
    ) -> Result<(), RigError> {
        let unit = |q: &Quat| (q.length_squared() - 1.0).abs() < 1e-3;
        if weights.len() != self.track.names.len() || !weights.iter().all(|w| w.is_finite()) {
            return Err(invalid("the frame", "is not one finite weight per control"));
        }
        if !head.iter().chain(eyes.iter().flatten()).all(unit) {
            return Err(invalid("the frame", "a rotation is not a unit quaternion"));
        }
        let track = &mut self.track;
        track.times.clear();
        track.times.push(0.0);
        track.weights.clear();
        track.weights.extend_from_slice(weights);
        track.head_rotations = head.map(|q| vec![q]);
        track.eye_rotations = eyes.map(|q| vec![q]);
        track.node_turns.clear();
        Ok(())
    }

    /// The frames around `time` and how far it is from the first to the second.
    fn locate(&self, time: f64, wrap: Wrap) -> (usize, usize, f32) {
        let times = &self.track.times;
        let last = times.len().saturating_sub(1);
        let end = self.track.duration();
        let time = if time.is_finite() { time } else { 0.0 };
        let time = match wrap {
            Wrap::Clamp => time.clamp(0.0, end),
            Wrap::Loop => time.rem_euclid(end + self.track.frame_interval()),
        };
        let next = times.partition_point(|&t| t <= time);
        match (next.checked_sub(1), times.get(next)) {
            (None, _) => (0, 0, 0.0),
            (Some(from), Some(&t)) => {
                let start = times[from];
                (from, next, ((time - start) / (t - start)) as f32)
            }
            (Some(_), None) => match wrap {
                Wrap::Clamp => (last, last, 0.0),
                Wrap::Loop => (last, 0, ((time - end) / self.track.frame_interval()).clamp(0.0, 1.0) as f32),
            },
        }
    }
}
