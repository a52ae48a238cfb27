//! Which morphs of a rig the controls of a track move.

use crate::controls::{few, nearest_preset};
use crate::{Rig, RigError, Track, recipe};

/// Morphs and weights of one control, and whether it is binary.
pub(super) type Resolved = (Vec<(usize, f32)>, bool);

/// The morph or the expression called `name`.
pub(super) fn direct(rig: &Rig, name: &str) -> Option<Resolved> {
    if let Some(morph) = rig.morph(name) {
        return Some((vec![(morph, 1.0)], false));
    }
    let expression = rig.expressions.iter().find(|e| e.name == name && !e.binds.is_empty())?;
    Some((expression.binds.clone(), expression.binary))
}

/// What `name` moves, which stands for the ARKit shape `arkit` among the names of its track.
pub(super) fn resolve(rig: &Rig, name: &str, arkit: Option<&str>, has_arkit: bool) -> Option<Resolved> {
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

/// That nothing of `track` moves anything of `rig`, with some names of both.
pub(super) fn nothing_matches(track: &Track, rig: &Rig) -> RigError {
    let of_track = track.names.iter().chain(track.node_turns.keys());
    let of_rig =
        rig.morphs.iter().map(|m| m.name.as_str()).chain(rig.expressions.iter().map(|e| e.name.as_str()));
    RigError::Mismatch(format!(
        "not a single control of the track matches the rig: the track has {}; the rig has {}",
        few(of_track.map(String::as_str)),
        few(of_rig)
    ))
}
