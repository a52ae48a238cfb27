//! Playing a track on a rig.

use glam::{Affine3A, Quat, Vec3};

use crate::controls::nearest_preset;
use crate::poser::{apply_morphs, skin};
use crate::{ARKIT_NAMES, Palette, Pose, Rig, RigError, Track, canonical, joint_palette, recipe};

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
    /// Every morph that any control moves.
    driven: Vec<usize>,
    head: Head,
    unmatched: Vec<String>,
}

/// What one of the track's controls does.
#[derive(Clone, Debug)]
struct Control {
    column: usize,
    binds: Vec<(usize, f32)>,
    binary: bool,
}

/// What turns with the head.
#[derive(Clone, Copy, Debug)]
enum Head {
    /// A node: its rotation at rest and that of its parent in the scene.
    Node { node: usize, local: Quat, scene_from_parent: Quat },
    /// Everything, about the bottom centre of the mesh at rest.
    Scene { neck: Vec3 },
}

impl TrackPlayer {
    /// Ties `track` to `rig`. Each of the track's names is looked up, in this order, as a morph, as an expression, both
    /// also in their ARKit spelling, and as an Oculus viseme or VRM preset made of the rig's ARKit shapes; on a rig
    /// without ARKit shapes, ARKit names fall back on VRM presets (`jawOpen` on `aa`).
    ///
    /// # Errors
    /// [`RigError::Mismatch`] if not one control matches; whatever [`Track::validate`] finds.
    pub fn new(track: &Track, rig: &Rig) -> Result<Self, RigError> {
        track.validate()?;
        let has_arkit = ARKIT_NAMES.into_iter().any(|name| direct(rig, name).is_some());
        let mut controls = Vec::new();
        let mut unmatched = Vec::new();
        for (column, name) in track.names.iter().enumerate() {
            match resolve(rig, name, has_arkit) {
                Some((binds, binary)) => controls.push(Control { column, binds, binary }),
                None => unmatched.push(name.clone()),
            }
        }
        let mut driven: Vec<usize> = controls.iter().flat_map(|c| c.binds.iter().map(|b| b.0)).collect();
        driven.sort_unstable();
        driven.dedup();
        driven.retain(|&m| m < rig.morphs.len());
        if driven.is_empty() {
            return Err(RigError::Mismatch("not a single control of the track matches the rig".into()));
        }
        Ok(Self { track: track.clone(), controls, driven, head: Head::find(rig), unmatched })
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
            Head::Node { node, .. } => Some(node),
            Head::Scene { .. } => None,
        }
    }

    /// Sets what the track moves to its state at `time` seconds: morph weights, interpolated linearly, and the head's
    /// rotation, spherically. The head is the node of that name, turned from its rest by the track's rotation about
    /// world axes; without such a node, `world_from_scene` becomes that rotation about the bottom centre of the rest
    /// mesh. All else in `pose` is left alone. A `time` that is not finite counts as 0.
    pub fn apply(&self, time: f64, wrap: Wrap, pose: &mut Pose) {
        let (from, to, part) = self.locate(time, wrap);
        for &morph in &self.driven {
            if let Some(weight) = pose.morph_weights.get_mut(morph) {
                *weight = 0.0;
            }
        }
        let (a, b) = (self.track.frame(from), self.track.frame(to));
        for control in &self.controls {
            let (Some(&a), Some(&b)) = (a.get(control.column), b.get(control.column)) else { continue };
            let mut value = a + (b - a) * part;
            if control.binary {
                value = if value > 0.5 { 1.0 } else { 0.0 };
            }
            for &(morph, weight) in &control.binds {
                if let Some(sum) = pose.morph_weights.get_mut(morph) {
                    *sum += value * weight;
                }
            }
        }
        if let Some(rotations) = &self.track.head_rotations
            && let (Some(&a), Some(&b)) = (rotations.get(from), rotations.get(to))
        {
            self.head.turn(a.slerp(b, part).normalize(), pose);
        }
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

/// Morphs and weights of one control, and whether it is binary.
type Resolved = (Vec<(usize, f32)>, bool);

fn direct(rig: &Rig, name: &str) -> Option<Resolved> {
    if let Some(morph) = rig.morph(name) {
        return Some((vec![(morph, 1.0)], false));
    }
    let expression = rig.expressions.iter().find(|e| e.name == name && !e.binds.is_empty())?;
    Some((expression.binds.clone(), expression.binary))
}

fn resolve(rig: &Rig, name: &str, has_arkit: bool) -> Option<Resolved> {
    let arkit = canonical(name);
    if let Some(found) = direct(rig, name).or_else(|| direct(rig, arkit?)) {
        return Some(found);
    }
    if let Some(recipe) = recipe(name) {
        let mut binds = Vec::new();
        for &(shape, weight) in recipe {
            let (found, _) = direct(rig, shape).unwrap_or_default();
            binds.extend(found.into_iter().map(|(morph, w)| (morph, w * weight)));
        }
        return (!binds.is_empty()).then_some((binds, false));
    }
    let (preset, weight) = nearest_preset(arkit?).filter(|_| !has_arkit)?;
    let (binds, binary) = direct(rig, preset)?;
    Some((binds.into_iter().map(|(morph, w)| (morph, w * weight)).collect(), binary))
}

impl Head {
    fn find(rig: &Rig) -> Self {
        let mut skinned = vec![false; rig.nodes.len()];
        let mut carries_mesh = vec![false; rig.nodes.len()];
        for primitive in &rig.primitives {
            if let Some(node) = carries_mesh.get_mut(primitive.node) {
                *node |= !primitive.skinned;
            }
        }
        for joint in &rig.joints {
            if let Some(node) = skinned.get_mut(joint.node) {
                *node = true;
            }
        }
        // A root that is the mesh itself turns about wherever the model's origin is, not about a neck.
        let bone = |&node: &usize| rig.nodes[node].parent.is_some() || !carries_mesh[node];
        let heads: Vec<usize> =
            (0..rig.nodes.len()).filter(|&n| is_head(&rig.nodes[n].name)).filter(bone).collect();
        let best = heads.iter().copied().find(|&n| skinned[n]).or_else(|| heads.first().copied());
        match best {
            Some(node) => {
                let mut scene_from_parent = Quat::IDENTITY;
                let mut above = rig.nodes[node].parent;
                while let Some(parent) = above.and_then(|p| rig.nodes.get(p)) {
                    scene_from_parent = parent.rotation * scene_from_parent;
                    above = parent.parent.filter(|&p| above.is_some_and(|a| p < a));
                }
                Self::Node { node, local: rig.nodes[node].rotation, scene_from_parent }
            }
            None => Self::Scene { neck: bottom_centre(rig) },
        }
    }

    fn turn(self, rotation: Quat, pose: &mut Pose) {
        match self {
            Self::Node { node, local, scene_from_parent } => {
                if let Some(node) = pose.nodes.get_mut(node) {
                    let turned = scene_from_parent.inverse() * rotation * scene_from_parent * local;
                    node.rotation = turned.normalize();
                }
            }
            Self::Scene { neck } => {
                pose.world_from_scene = Affine3A::from_translation(neck)
                    * Affine3A::from_quat(rotation)
                    * Affine3A::from_translation(-neck);
            }
        }
    }
}

/// Whether the last word of a node's name is `head`, whatever its capitals and number: `Head`, `mixamorig:Head`,
/// `J_Bip_C_Head`, `head_06`, but not `head_end` or `headUpper`.
fn is_head(name: &str) -> bool {
    let words = name.split([':', '_', '.', '|', '/', ' ', '-']);
    words
        .rev()
        .find(|word| !word.is_empty() && !word.bytes().all(|b| b.is_ascii_digit()))
        .is_some_and(|word| word.eq_ignore_ascii_case("head"))
}

fn bottom_centre(rig: &Rig) -> Vec3 {
    let pose = Pose::rest(rig);
    let mut palette = Palette::default();
    joint_palette(rig, &pose, &mut palette);
    let mut morphed = Vec::new();
    apply_morphs(rig, &pose, &mut morphed);
    let mut world = vec![Vec3::ZERO; morphed.len()];
    skin(rig, &palette.world_from_mesh, &morphed, &mut world);
    let finite = || world.iter().copied().filter(|p| p.is_finite());
    let Some(low) = finite().reduce(Vec3::min) else { return Vec3::ZERO };
    let high = finite().reduce(Vec3::max).unwrap_or(low);
    Vec3::new(0.5 * (low.x + high.x), low.y, 0.5 * (low.z + high.z))
}
