//! Which morphs of a rig the controls of a track move.

use crate::controls::{few, nearest_preset};
use crate::{Rig, RigError, Track, recipe};

/// What a control moves, and the weight of each at control value 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Binds {
    pub(super) morphs: Vec<(usize, f32)>,
    pub(super) expressions: Vec<(usize, f32)>,
}

impl Binds {
    fn is_empty(&self) -> bool {
        self.morphs.is_empty() && self.expressions.is_empty()
    }

    /// Adds what another control moves, of which this one is a part.
    fn extend(&mut self, other: Self, weight: f32) {
        let scaled = |(index, share): (usize, f32)| (index, share * weight);
        self.morphs.extend(other.morphs.into_iter().map(scaled));
        self.expressions.extend(other.expressions.into_iter().map(scaled));
    }

    /// Every morph that is moved, directly or through an expression.
    pub(super) fn driven<'a>(&'a self, rig: &'a Rig) -> impl Iterator<Item = usize> + 'a {
        let bound = self.expressions.iter().filter_map(|&(e, _)| rig.expressions.get(e));
        let bound = bound.flat_map(|expression| &expression.binds);
        self.morphs.iter().chain(bound).map(|&(morph, _)| morph)
    }
}

/// The morph or the expression called `name`.
pub(super) fn direct(rig: &Rig, name: &str) -> Option<Binds> {
    if let Some(morph) = rig.morph(name) {
        return Some(Binds { morphs: vec![(morph, 1.0)], ..Binds::default() });
    }
    let expression = rig.expressions.iter().position(|e| e.name == name && e.does_something())?;
    Some(Binds { expressions: vec![(expression, 1.0)], ..Binds::default() })
}

/// What `name` moves, which stands for the ARKit shape `arkit` among the names of its track.
pub(super) fn resolve(rig: &Rig, name: &str, arkit: Option<&str>, has_arkit: bool) -> Option<Binds> {
    if let Some(found) = direct(rig, name).or_else(|| direct(rig, arkit?)) {
        return Some(found);
    }
    let mut binds = Binds::default();
    if let Some(recipe) = recipe(name) {
        for &(shape, weight) in recipe {
            binds.extend(direct(rig, shape).unwrap_or_default(), weight);
        }
        return (!binds.is_empty()).then_some(binds);
    }
    let (preset, weight) = nearest_preset(arkit?).filter(|_| !has_arkit)?;
    binds.extend(direct(rig, preset)?, weight);
    Some(binds)
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
