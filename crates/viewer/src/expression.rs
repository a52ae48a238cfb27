//! Expressions and poses: presets, those that the user keeps, and blending towards them.

use std::collections::BTreeMap;

use effigy_rig::{Pose, Rig, RigError, Track, TrackLimits, TrackPlayer, TrackRecorder, Wrap};
use glam::{EulerRot, Quat};
use serde::{Deserialize, Serialize};

use crate::overrides::Overrides;

/// Presets by the name that people see and the name in the vocabularies of [`effigy_rig::recipe`].
pub(crate) const FACES: [(&str, &str); 12] = [
    ("Neutral", "neutral"),
    ("Smile", "happy"),
    ("Calm", "relaxed"),
    ("Surprise", "surprised"),
    ("Sadness", "sad"),
    ("Anger", "angry"),
    ("Blink", "blink"),
    ("Wink", "blinkLeft"),
    ("Look up", "lookUp"),
    ("Look down", "lookDown"),
    ("Look left", "lookLeft"),
    ("Look right", "lookRight"),
];

/// Mouth shapes of speech.
pub(crate) const VISEMES: [(&str, &str); 15] = [
    ("aa", "aa"),
    ("ee", "ee"),
    ("ih", "ih"),
    ("oh", "oh"),
    ("ou", "ou"),
    ("E", "E"),
    ("PP", "PP"),
    ("FF", "FF"),
    ("TH", "TH"),
    ("DD", "DD"),
    ("kk", "kk"),
    ("CH", "CH"),
    ("SS", "SS"),
    ("nn", "nn"),
    ("RR", "RR"),
];

/// Values of controls under a name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Expression {
    pub(crate) name: String,
    /// Weights of morphs.
    pub(crate) morphs: BTreeMap<String, f32>,
    /// Degrees about a node's own x, y and z.
    pub(crate) joints: BTreeMap<String, [f32; 3]>,
}

impl Expression {
    /// A preset on `rig`: what of it the rig can do; nothing if that is nothing.
    pub(crate) fn preset(name: &str, control: &str, rig: &Rig) -> Option<Self> {
        if control == "neutral" {
            let rest = rig.morphs.iter().map(|morph| (morph.name.clone(), morph.default_weight));
            return Some(Self { name: name.into(), morphs: rest.collect(), ..Self::default() });
        }
        let track =
            Track { names: vec![control.into()], times: vec![0.0], weights: vec![1.0], ..Track::default() };
        Self::of_track(name, &track, rig).ok()
    }

    /// The first frame of a track on `rig`.
    ///
    /// # Errors
    /// If the track has no control of the rig.
    pub(crate) fn of_track(name: &str, track: &Track, rig: &Rig) -> Result<Self, RigError> {
        let player = TrackPlayer::new(track, rig)?;
        let mut pose = Pose::rest(rig);
        // What the track says nothing of stays no number.
        pose.morph_weights.fill(f32::NAN);
        player.apply(0.0, Wrap::Clamp, &mut pose);
        let weights = rig.morphs.iter().zip(&pose.morph_weights).filter(|(_, weight)| weight.is_finite());
        let turned = rig.nodes.iter().zip(&pose.nodes).filter_map(|(rest, shown)| {
            let degrees = degrees(rest.rotation.inverse() * shown.rotation);
            let named = !rest.name.is_empty() && degrees.iter().any(|angle| angle.abs() > 1e-2);
            named.then(|| (rest.name.clone(), degrees))
        });
        Ok(Self {
            name: name.into(),
            morphs: weights.map(|(morph, &weight)| (morph.name.clone(), weight)).collect(),
            joints: turned.collect(),
        })
    }

    /// What is shown: all weights that are not at rest, and the joints that are set by hand.
    pub(crate) fn shown(name: &str, rig: &Rig, pose: &Pose, controls: &Overrides) -> Self {
        let weights = rig.morphs.iter().zip(&pose.morph_weights);
        let moved = weights.filter(|(morph, weight)| **weight != morph.default_weight);
        Self {
            name: name.into(),
            morphs: moved.map(|(morph, &weight)| (morph.name.clone(), weight)).collect(),
            joints: controls.joints.clone(),
        }
    }

    /// A track of one frame, which every program that plays tracks can show.
    ///
    /// # Errors
    /// If the rig has nothing that a track can hold.
    pub(crate) fn to_track(&self, rig: &Rig) -> Result<Track, RigError> {
        let controls = Overrides { morphs: self.morphs.clone(), joints: self.joints.clone() };
        let mut pose = Pose::rest(rig);
        controls.apply(rig, &mut pose);
        let mut recorder = TrackRecorder::new(rig, 60.0, &TrackLimits::default())?;
        recorder.push(0.0, &pose)?;
        recorder.finish()
    }

    /// `controls` on their way to this: at 1 it has arrived. Unless it is `added` to them, morphs that it says nothing of
    /// go back to what `followed`, the pose without `controls`, has; joints do if it says something of any.
    pub(crate) fn blend(
        &self,
        controls: &Overrides,
        rig: &Rig,
        followed: &Pose,
        amount: f32,
        added: bool,
    ) -> Overrides {
        let mut blended = Overrides { morphs: BTreeMap::new(), joints: controls.joints.clone() };
        for (morph, &follows) in rig.morphs.iter().zip(&followed.morph_weights) {
            let now = controls.morphs.get(&morph.name).copied();
            let value = match (now, self.morphs.get(&morph.name)) {
                (None, None) => continue,
                (Some(now), None) if added => now,
                (Some(_), None) if amount >= 1.0 => continue,
                (Some(now), None) => mix(now, follows, amount),
                (now, Some(&target)) => mix(now.unwrap_or(follows), target, amount),
            };
            blended.morphs.insert(morph.name.clone(), value);
        }
        if !self.joints.is_empty() {
            let fading = if added { None } else { Some([0.0; 3]) };
            for (name, now) in &mut blended.joints {
                if let Some(target) = self.joints.get(name).copied().or(fading) {
                    *now = std::array::from_fn(|i| mix(now[i], target[i], amount));
                }
            }
            for (name, target) in &self.joints {
                if !controls.joints.contains_key(name) {
                    blended.joints.insert(name.clone(), target.map(|angle| angle * amount));
                }
            }
            blended.joints.retain(|_, angles| *angles != [0.0; 3]);
        }
        blended
    }
}

/// An expression that was chosen last, as long as nothing else has been set since: its amount can still be changed.
#[derive(Clone, Debug)]
pub(crate) struct Blend {
    pub(crate) target: Expression,
    /// What was set before.
    base: Overrides,
    added: bool,
    /// What it made of it.
    result: Overrides,
}

impl Blend {
    /// Starts from `controls`, or, if these are what `last` made of others and it is not to be added, from those.
    pub(crate) fn new(last: Option<Self>, target: Expression, controls: &Overrides, added: bool) -> Self {
        let base = match last {
            Some(last) if last.is_shown(controls) && !added => last.base,
            _ => controls.clone(),
        };
        Self { target, base, added, result: Overrides::default() }
    }

    /// What follows for an amount between 0 and 1.
    pub(crate) fn at(&mut self, rig: &Rig, followed: &Pose, amount: f32, still: bool) -> Overrides {
        let mut result = self.target.blend(&self.base, rig, followed, amount, self.added);
        if still {
            // Nothing moves that they would have to be kept against.
            result.morphs.retain(|name, weight| {
                rig.morph(name).and_then(|m| rig.morphs.get(m)).is_none_or(|m| m.default_weight != *weight)
            });
        }
        self.result = result.clone();
        result
    }

    /// Whether it is what `controls` show.
    pub(crate) fn is_shown(&self, controls: &Overrides) -> bool {
        self.result == *controls
    }
}

fn mix(from: f32, to: f32, amount: f32) -> f32 {
    if amount >= 1.0 { to } else { from + (to - from) * amount }
}

fn degrees(turn: Quat) -> [f32; 3] {
    let (x, y, z) = turn.normalize().to_euler(EulerRot::XYZ);
    [x, y, z].map(|angle| (angle.to_degrees() * 1e3).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig;

    fn rig() -> Rig {
        test_rig::rig(&["jawOpen", "mouthSmileLeft", "eyeBlinkLeft"], Quat::from_rotation_y(0.5))
    }

    fn controls(morphs: &[(&str, f32)]) -> Overrides {
        let morphs = morphs.iter().map(|&(name, weight)| (name.to_owned(), weight)).collect();
        Overrides { morphs, ..Overrides::default() }
    }

    #[test]
    fn presets_take_what_a_rig_has() {
        let rig = rig();
        // 0.8 of a smile; the right side, the cheeks and the lids are missing.
        let smile = Expression::preset("Smile", "happy", &rig).unwrap();
        assert_eq!(smile.morphs, controls(&[("mouthSmileLeft", 0.8)]).morphs);
        assert!(Expression::preset("Anger", "angry", &rig).is_none());
        assert_eq!(Expression::preset("Neutral", "neutral", &rig).unwrap().morphs.len(), 3);
        for (_, control) in FACES.iter().chain(&VISEMES) {
            assert!(effigy_rig::recipe(control).is_some(), "{control}");
        }
    }

    #[test]
    fn blending_goes_in_a_straight_line_and_arrives() {
        let rig = rig();
        let smile =
            Expression { morphs: controls(&[("mouthSmileLeft", 0.8)]).morphs, ..Expression::default() };
        let mut followed = Pose::rest(&rig);
        followed.morph_weights = vec![0.5, 0.4, 0.25];
        let before = controls(&[("jawOpen", 0.1)]);
        let at = |amount, added| smile.blend(&before, &rig, &followed, amount, added);
        // The smile goes from the track's 0.4; the jaw, set by hand, to the track's 0.5, where it is let go.
        let half = at(0.5, false);
        assert!(
            (half.morphs["mouthSmileLeft"] - 0.6).abs() < 1e-6 && (half.morphs["jawOpen"] - 0.3).abs() < 1e-6
        );
        assert_eq!(at(1.0, false), controls(&[("mouthSmileLeft", 0.8)]));
        assert_eq!(at(1.0, true), controls(&[("mouthSmileLeft", 0.8), ("jawOpen", 0.1)]));
    }

    #[test]
    fn the_amount_of_the_last_expression_can_be_changed_until_something_else_is() {
        let rig = rig();
        let rest = Pose::rest(&rig);
        let of = |control| Expression::preset("", control, &rig).unwrap();
        let start = controls(&[("jawOpen", 1.0)]);
        let mut blend = Blend::new(None, of("happy"), &start, false);
        let smile = blend.at(&rig, &rest, 1.0, true);
        assert_eq!(smile, controls(&[("mouthSmileLeft", 0.8)]));
        // Half of another, chosen right after: from the jaw, not from the smile.
        let mut blend = Blend::new(Some(blend), of("blinkLeft"), &smile, false);
        let wink = blend.at(&rig, &rest, 0.5, true);
        assert_eq!(wink, controls(&[("jawOpen", 0.5), ("eyeBlinkLeft", 0.5)]));
        assert!(blend.is_shown(&wink));
        // Added, or after something else was set: from what there is.
        let mut added = Blend::new(Some(blend.clone()), of("happy"), &wink, true);
        assert_eq!(added.at(&rig, &rest, 1.0, true).morphs.len(), 3);
        let changed = controls(&[("eyeBlinkLeft", 1.0)]);
        assert!(!blend.is_shown(&changed));
        let mut neutral = Blend::new(Some(blend), of("neutral"), &changed, false);
        assert!(neutral.at(&rig, &rest, 1.0, true).is_empty());
        assert_eq!(neutral.at(&rig, &rest, 1.0, false).morphs.len(), 3, "against a track zeros are kept");
    }

    #[test]
    fn an_expression_is_a_track_of_one_frame() {
        let rig = rig();
        let kept = Expression {
            name: "a".into(),
            morphs: controls(&[("jawOpen", 0.25), ("eyeBlinkLeft", 1.0)]).morphs,
            joints: [("neck".to_owned(), [20.0, 0.0, -5.0])].into(),
        };
        let track = kept.to_track(&rig).unwrap();
        assert_eq!((track.frame_count(), track.names.len()), (1, 2));
        let back = Expression::of_track("a", &track, &rig).unwrap();
        assert_eq!(back.morphs, kept.morphs);
        let angles = back.joints["neck"];
        assert!(angles.iter().zip([20.0, 0.0, -5.0]).all(|(a, b)| (a - b).abs() < 0.01), "{angles:?}");
        // The pose that a program makes of it is the one that was kept.
        let mut shown = Pose::rest(&rig);
        Overrides { morphs: kept.morphs, joints: kept.joints }.apply(&rig, &mut shown);
        let mut played = Pose::rest(&rig);
        TrackPlayer::new(&track, &rig).unwrap().apply(0.0, Wrap::Clamp, &mut played);
        assert_eq!(played.morph_weights, shown.morph_weights);
        assert!(played.nodes[0].rotation.angle_between(shown.nodes[0].rotation) < 2e-3);
    }
}
