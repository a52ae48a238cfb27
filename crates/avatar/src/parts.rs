//! Which part of the person each Gaussian belongs to, as far as the rig tells.

use effigy_rig::{Morph, Primitive, Rig, canonical, metres_per_unit};
use glam::Vec3;

use crate::{Avatar, Body};

/// A part of the person, those that viewers look at most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// Eyeballs, lashes and the lids around them.
    Eyes,
    /// Lips, teeth, gums, tongue and the inside of the mouth.
    Mouth,
    /// What else of the face an expression moves, brows included.
    Face,
    /// Hair of head and beard, where the rig has a surface for it.
    Hair,
    /// Everything else, also where nothing is known.
    Body,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Self; 5] = [Self::Eyes, Self::Mouth, Self::Face, Self::Hair, Self::Body];

    /// How much a viewer looks there, 0 to 1, where 0 is the background.
    ///
    /// Eyes and mouth stand highest because that is where the looks go that viewers of a face in conversation cast
    /// (Yarbus, "Eye Movements and Vision", 1967; Võ et al., "Do the eyes really have it?", Journal of Vision 2012).
    /// Their ranking follows from that; the numbers are this crate's own.
    pub fn importance(self) -> f32 {
        match self {
            Self::Eyes => 1.0,
            Self::Mouth => 0.9,
            Self::Face => 0.6,
            Self::Hair => 0.35,
            Self::Body => 0.2,
        }
    }

    /// Its name in English, in small letters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eyes => "eyes",
            Self::Mouth => "mouth",
            Self::Face => "face",
            Self::Hair => "hair",
            Self::Body => "body",
        }
    }
}

/// The part that each of the avatar's N Gaussians belongs to, N entries.
///
/// Only the rig is asked, in this order:
/// 1. The names of the material, the mesh or the node of the primitive that the Gaussian is bound to, the first of
///    them to hold a word such as `iris`, `teeth`, `brow` or `hair`; a name that speaks of two parts says nothing.
/// 2. The joint that moves it most: an eye's ([`Rig::eye_nodes`]).
/// 3. What ARKit shapes (as morphs or VRM expressions) do there, at full weight. Blinking or gaze moves it by a
///    millimetre and 15 % of the farthest that they move anything, and by more than shapes of the lips do: eyes. Those
///    move it by 1.5 mm, and half as far as they move anything: mouth. Any shape moves it by 0.3 mm and, but for blinking
///    and gaze, by 15 % of the farthest it moves anything (50 % if it pulls at the throat too, as the jaw does): face.
/// 4. In a rig without any such shape: the head and what hangs on it ([`Rig::head_node`]) is face.
///
/// The rest is body, and so is everything without a rig or out of the binding's range.
pub fn parts(avatar: &Avatar) -> Vec<Part> {
    let count = avatar.gaussians.len();
    let Some(body) = &avatar.body else { return vec![Part::Body; count] };
    let surface = Surface::new(&body.rig);
    (0..count).map(|i| surface.part_at(body, i).unwrap_or(Part::Body)).collect()
}

/// Lids and gaze must move a place by this, in metres, for it to be of the eyes.
const EYES_MOVE: f32 = 0.001;
/// Lip shapes must move a place by this, in metres, for it to be of the mouth...
const LIPS_MOVE: f32 = 0.0015;
/// ... and by this share of the farthest that they move any place: cheeks and chin are dragged along by less.
const LIPS_SHARE: f32 = 0.5;
/// A shape must move a place by this, in metres, for it to be of the face...
const FACE_MOVES: f32 = 0.0003;
/// ... and by this share of the farthest that it moves any place: ears, throat and shoulders are dragged along by less.
const FACE_SHARE: f32 = 0.15;
/// The same for shapes that pull at the throat.
const PULL_SHARE: f32 = 0.5;
/// Lids and gaze must move a place by this share of the farthest that they move any place.
const EYES_SHARE: f32 = 0.15;

/// What an ARKit shape is a movement of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moves {
    Eyes,
    Lips,
    Throat,
    Other,
}

/// What a control moves, if it is an ARKit shape or one of the VRM 1.0 presets.
fn moves(control: &str) -> Option<Moves> {
    let vrm = match control {
        "blink" | "blinkLeft" | "blinkRight" | "lookUp" | "lookDown" | "lookLeft" | "lookRight" => {
            Some(Moves::Eyes)
        }
        "ou" | "oh" => Some(Moves::Lips),
        "aa" => Some(Moves::Throat),
        "ih" | "ee" | "happy" | "angry" | "sad" | "relaxed" | "surprised" => Some(Moves::Other),
        _ => None,
    };
    vrm.or_else(|| {
        let name = canonical(control)?;
        let begins = |stems: &[&str]| stems.iter().any(|stem| name.starts_with(stem));
        Some(if begins(&EYE_SHAPES) {
            Moves::Eyes
        } else if begins(&LIP_SHAPES) {
            Moves::Lips
        } else if begins(&THROAT_SHAPES) {
            Moves::Throat
        } else {
            Moves::Other
        })
    })
}

/// Shapes that move lids and eyeballs more than what is around them: squinting lifts the cheeks, wide eyes the brows.
const EYE_SHAPES: [&str; 2] = ["eyeBlink", "eyeLook"];
/// Shapes that pull at the throat, down to the collarbones, nearly as much as at the face.
const THROAT_SHAPES: [&str; 3] = ["jaw", "tongue", "mouthStretch"];
/// Shapes that move the lips more than what is around them. Those that open the jaw or pull at the corners are left
/// out, for they move chin and cheeks as far.
const LIP_SHAPES: [&str; 5] = ["mouthFunnel", "mouthPucker", "mouthRoll", "mouthUpperUp", "mouthLowerDown"];

/// The farthest that shapes of lids and lips move a vertex, metres at full weight.
#[derive(Clone, Copy, Default)]
struct Reach {
    eyes: f32,
    lips: f32,
    /// Whether one of any kind moves it as it does the face.
    is_face: bool,
}

/// What is known of a rig's surface.
struct Surface {
    /// By triangle: what the primitive's names say.
    named: Vec<Option<Part>>,
    /// By vertex.
    reach: Vec<Reach>,
    /// By joint: part of an eye, part of the head.
    eye_joint: Vec<bool>,
    head_joint: Vec<bool>,
    /// The largest of all.
    eyes_most: f32,
    lips_most: f32,
    has_shapes: bool,
}

impl Surface {
    fn new(rig: &Rig) -> Self {
        let mut named = vec![None; rig.triangles.len()];
        for primitive in &rig.primitives {
            let part = part_named(rig, primitive);
            let range = primitive.triangles.start as usize..primitive.triangles.end as usize;
            named.get_mut(range).unwrap_or_default().fill(part);
        }
        let (reach, has_shapes) = reach(rig);
        let below = |roots: &[Option<usize>]| {
            let on = nodes_below(rig, roots);
            rig.joints.iter().map(|j| on.get(j.node).copied().unwrap_or(false)).collect()
        };
        Self {
            named,
            eyes_most: reach.iter().fold(0.0, |most, r| r.eyes.max(most)),
            lips_most: reach.iter().fold(0.0, |most, r| r.lips.max(most)),
            reach,
            eye_joint: below(&rig.eye_nodes()),
            head_joint: below(&[rig.head_node()]),
            has_shapes,
        }
    }

    fn part_at(&self, body: &Body, gaussian: usize) -> Option<Part> {
        let triangle = *body.binding.triangles.get(gaussian)? as usize;
        if let Some(part) = *self.named.get(triangle)? {
            return Some(part);
        }
        let corners = body.rig.triangles.get(triangle)?;
        let weights = body.binding.barycentric.get(gaussian)?.to_array();
        let share = |of: &[bool]| {
            corners.iter().zip(weights).map(|(&v, w)| w * skin_share(&body.rig, v as usize, of)).sum::<f32>()
        };
        if share(&self.eye_joint) > 0.5 {
            return Some(Part::Eyes);
        }
        if !self.has_shapes {
            return (share(&self.head_joint) > 0.5).then_some(Part::Face);
        }
        let mut here = Reach::default();
        let mut moved_as_face = 0.0;
        for (&v, weight) in corners.iter().zip(weights) {
            let at = self.reach.get(v as usize)?;
            here.eyes += weight * at.eyes;
            here.lips += weight * at.lips;
            moved_as_face += if at.is_face { weight } else { 0.0 };
        }
        if here.eyes >= EYES_MOVE.max(EYES_SHARE * self.eyes_most) && here.eyes > here.lips {
            Some(Part::Eyes)
        } else if here.lips >= LIPS_MOVE.max(LIPS_SHARE * self.lips_most) {
            Some(Part::Mouth)
        } else {
            (moved_as_face >= 0.5).then_some(Part::Face)
        }
    }
}

/// How far shapes move each vertex, and whether there are any.
fn reach(rig: &Rig) -> (Vec<Reach>, bool) {
    let mut reach = vec![Reach::default(); rig.vertex_count()];
    let metres = metres_per_unit(rig);
    let mut has_shapes = false;
    let mut add = |kind: Moves, moved: &[(usize, Vec3)]| {
        has_shapes = true;
        let distance = |v: usize, delta: Vec3| metres.get(v).map_or(0.0, |unit| delta.length() * unit);
        let most = moved.iter().fold(0.0, |most: f32, &(v, delta)| most.max(distance(v, delta)));
        let share = match kind {
            Moves::Eyes => 0.0,
            Moves::Throat => PULL_SHARE,
            Moves::Lips | Moves::Other => FACE_SHARE,
        };
        for &(v, delta) in moved {
            let Some(at) = reach.get_mut(v) else { continue };
            let distance = distance(v, delta);
            match kind {
                Moves::Eyes => at.eyes = at.eyes.max(distance),
                Moves::Lips => at.lips = at.lips.max(distance),
                Moves::Throat | Moves::Other => {}
            }
            at.is_face |= distance >= FACE_MOVES.max(share * most);
        }
    };
    let mut moved: Vec<(usize, Vec3)> = Vec::new();
    for morph in &rig.morphs {
        let Some(kind) = moves(&morph.name) else { continue };
        moved.clear();
        moved.extend(morph.indices.iter().zip(&morph.deltas).map(|(&v, &delta)| (v as usize, delta)));
        add(kind, &moved);
    }
    let mut sum = Vec::new();
    for expression in &rig.expressions {
        let Some(kind) = moves(&expression.name) else { continue };
        if expression.binds.is_empty() {
            continue;
        }
        sum.clear();
        sum.resize(rig.vertex_count(), Vec3::ZERO);
        for &(morph, weight) in &expression.binds {
            let Some(Morph { indices, deltas, .. }) = rig.morphs.get(morph) else { continue };
            for (&v, &delta) in indices.iter().zip(deltas) {
                if let Some(slot) = sum.get_mut(v as usize) {
                    *slot += weight * delta;
                }
            }
        }
        moved.clear();
        moved.extend(sum.iter().copied().enumerate());
        add(kind, &moved);
    }
    (reach, has_shapes)
}

/// Joints of vertex `v` and their weights.
fn influences(rig: &Rig, v: usize) -> impl Iterator<Item = (usize, f32)> {
    let begin = v.saturating_mul(rig.influences);
    let range = begin..begin.saturating_add(rig.influences);
    let joints = rig.joint_indices.get(range.clone()).unwrap_or_default();
    let weights = rig.joint_weights.get(range).unwrap_or_default();
    joints.iter().map(|&joint| usize::from(joint)).zip(weights.iter().copied())
}

/// How much of vertex `v` follows the joints that are `of` something.
fn skin_share(rig: &Rig, v: usize, of: &[bool]) -> f32 {
    influences(rig, v).filter(|(joint, _)| of.get(*joint) == Some(&true)).map(|(_, weight)| weight).sum()
}

/// Which nodes are one of `roots` or hang on one.
fn nodes_below(rig: &Rig, roots: &[Option<usize>]) -> Vec<bool> {
    let mut below: Vec<bool> = Vec::with_capacity(rig.nodes.len());
    for (i, node) in rig.nodes.iter().enumerate() {
        let parent = node.parent.and_then(|p| below.get(p).copied()).unwrap_or(false);
        below.push(parent || roots.contains(&Some(i)));
    }
    below
}

/// What the names of a primitive say.
fn part_named(rig: &Rig, primitive: &Primitive) -> Option<Part> {
    let material = primitive.material.and_then(|m| rig.materials.get(m)).map(|m| m.name.as_str());
    let node = rig.nodes.get(primitive.node).map(|n| n.name.as_str());
    [material, Some(primitive.mesh_name.as_str()), node].into_iter().flatten().find_map(part_of_name)
}

/// The one part that a name's words speak of.
fn part_of_name(name: &str) -> Option<Part> {
    let words = words(name);
    // Brows are named for the eyes they stand above, and often in two words.
    if words.iter().any(|w| matches!(w.trim_end_matches('s'), "brow" | "eyebrow")) {
        return Some(Part::Face);
    }
    let mut found = words.iter().filter_map(|word| part_of_word(word));
    let first = found.next()?;
    found.all(|part| part == first).then_some(first)
}

fn part_of_word(word: &str) -> Option<Part> {
    let begins = |stems: &[&str]| stems.iter().any(|stem| word.starts_with(stem));
    let ends = |stems: &[&str]| stems.iter().any(|stem| word.trim_end_matches('s').ends_with(stem));
    if begins(&["eyewear", "eyeglass", "chair"]) || word.ends_with("chair") {
        None
    } else if begins(&["eye", "iris", "cornea", "sclera", "pupil", "lash"]) || ends(&["eye", "eyelashe"]) {
        Some(Part::Eyes)
    } else if begins(&["mouth", "teeth", "tooth", "tongue"])
        || ends(&["mouth", "teeth", "tooth", "tongue"])
        || matches!(word, "gum" | "gums")
    {
        Some(Part::Mouth)
    } else if begins(&["hair", "beard", "scalp", "moustache", "mustache"]) || ends(&["hair", "beard"]) {
        Some(Part::Hair)
    } else {
        None
    }
}

/// The words of a name in small letters: `FaceEyelash_01` is `face`, `eyelash`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in name.split(|c: char| !c.is_alphabetic()).filter(|p| !p.is_empty()) {
        let mut before_is_small = None;
        for c in part.chars() {
            let begins = before_is_small.is_none_or(|small| small && c.is_uppercase());
            match words.last_mut() {
                Some(word) if !begins => word.extend(c.to_lowercase()),
                _ => words.push(c.to_lowercase().collect()),
            }
            before_is_small = Some(c.is_lowercase());
        }
    }
    words
}
