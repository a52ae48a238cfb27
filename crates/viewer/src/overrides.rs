//! What the user has set by hand: it comes after the track, by name, so that it outlives the avatar it was made for.

use std::collections::BTreeMap;

use effigy_rig::{Pose, Rig, RigError, Track, TrackPlayer, Wrap};
use glam::{EulerRot, Quat};
use serde::{Deserialize, Serialize};

/// Values of morphs and joints that were set by hand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Overrides {
    /// Weight of each morph that does not follow the track.
    pub(crate) morphs: BTreeMap<String, f32>,
    /// How far each node is turned beyond what the track says: degrees about its own x, y and z, in this order.
    pub(crate) joints: BTreeMap<String, [f32; 3]>,
}

impl Overrides {
    pub(crate) fn is_empty(&self) -> bool {
        self.morphs.is_empty() && self.joints.is_empty()
    }

    /// Changes a pose of `rig`; names that the rig lacks do nothing.
    pub(crate) fn apply(&self, rig: &Rig, pose: &mut Pose) {
        for (name, &weight) in &self.morphs {
            if let Some(slot) = rig.morph(name).and_then(|morph| pose.morph_weights.get_mut(morph)) {
                *slot = weight;
            }
        }
        for (name, degrees) in &self.joints {
            let node = rig.nodes.iter().position(|node| node.name == *name);
            if let Some(node) = node.and_then(|node| pose.nodes.get_mut(node)) {
                let [x, y, z] = degrees.map(f32::to_radians);
                node.rotation = (node.rotation * Quat::from_euler(EulerRot::XYZ, x, y, z)).normalize();
            }
        }
    }

    /// Sets the morphs that named controls move, whatever vocabulary the names are of ([`TrackPlayer::new`]).
    ///
    /// # Errors
    /// Names the controls that the rig does not have.
    pub(crate) fn set_controls(&mut self, rig: &Rig, controls: &[(String, f32)]) -> Result<(), String> {
        if controls.is_empty() {
            return Ok(());
        }
        let track = Track {
            names: controls.iter().map(|(name, _)| name.clone()).collect(),
            times: vec![0.0],
            weights: controls.iter().map(|&(_, weight)| weight).collect(),
            ..Track::default()
        };
        let unknown = |names: &[String]| format!("the avatar has no control called {}", names.join(", "));
        let player = TrackPlayer::new(&track, rig).map_err(|error| match error {
            RigError::Mismatch(_) => unknown(&track.names),
            error => error.to_string(),
        })?;
        let rest = Pose::rest(rig);
        let mut pose = rest.clone();
        player.apply(0.0, Wrap::Clamp, &mut pose);
        for ((morph, &weight), &before) in rig.morphs.iter().zip(&pose.morph_weights).zip(&rest.morph_weights)
        {
            // Also morphs that are named with the value they have: they shall keep it against the track.
            if weight != before || controls.iter().any(|(name, _)| *name == morph.name) {
                self.morphs.insert(morph.name.clone(), weight);
            }
        }
        match player.unmatched() {
            [] => Ok(()),
            names => Err(unknown(names)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_rig;

    fn rig() -> Rig {
        test_rig::rig(&["jawOpen", "eyeBlinkLeft", "eyeBlinkRight"], Quat::from_rotation_x(0.5))
    }

    #[test]
    fn what_is_set_by_hand_replaces_weights_and_adds_turns() {
        let rig = rig();
        let mut overrides = Overrides::default();
        overrides.morphs.insert("jawOpen".into(), 0.25);
        overrides.morphs.insert("tail".into(), 1.0);
        overrides.joints.insert("neck".into(), [90.0, 0.0, 0.0]);
        let mut pose = Pose::rest(&rig);
        pose.morph_weights = vec![0.9, 0.5, 0.0];
        overrides.apply(&rig, &mut pose);
        assert_eq!(pose.morph_weights, [0.25, 0.5, 0.0]);
        // Turns about one axis add up: half a radian and a right angle.
        let expected = Quat::from_rotation_x(0.5 + std::f32::consts::FRAC_PI_2);
        assert!(pose.nodes[0].rotation.angle_between(expected) < 1e-3);
    }

    #[test]
    fn names_of_other_vocabularies_set_the_morphs_they_stand_for() {
        let mut overrides = Overrides::default();
        overrides.set_controls(&rig(), &[("blink".into(), 0.75), ("jaw_open".into(), 0.0)]).unwrap();
        assert_eq!(overrides.morphs.get("eyeBlinkLeft"), Some(&0.75));
        assert_eq!(overrides.morphs.get("eyeBlinkRight"), Some(&0.75));
        let error = overrides.set_controls(&rig(), &[("jawOpen".into(), 1.0), ("tail".into(), 1.0)]);
        assert!(error.unwrap_err().contains("tail"));
        assert_eq!(overrides.morphs.get("jawOpen"), Some(&1.0));
    }
}
