//! Names of a track's controls.

use std::collections::HashSet;

use crate::RigError;
use crate::controls::{canonical, canonical_names, few, spelled};
use crate::error::invalid;
use crate::recipe;

/// Whether any of these is a name that more than one rig knows.
pub(super) fn any_known<'a>(mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|n| canonical(n).is_some() || recipe(n).is_some())
}

/// Names that other tools wrote, as the rest of the crate writes them.
///
/// # Errors
/// None is known, or one stands twice.
pub(super) fn of_other_tools(names: Vec<String>) -> Result<Vec<String>, RigError> {
    known(&names)?;
    distinct(canonical_names(names, "the track"))
}

/// Names of a track of this project's own layout, where those of a rig may be among them: what has a prefix stays.
///
/// # Errors
/// As [`of_other_tools`]; with `own_names`, none need be known.
pub(super) fn of_own_layout(names: Vec<String>, own_names: bool) -> Result<Vec<String>, RigError> {
    if !own_names {
        known(&names)?;
    }
    distinct(names.into_iter().map(|n| spelled(&n).map_or(n, str::to_owned)).collect())
}

fn known(names: &[String]) -> Result<(), RigError> {
    if any_known(names.iter().map(String::as_str)) {
        return Ok(());
    }
    let some = few(names.iter().map(String::as_str));
    Err(invalid("the track", format!("names not a single known control (ARKit, Oculus or VRM), but {some}")))
}

fn distinct(names: Vec<String>) -> Result<Vec<String>, RigError> {
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(twice) => Err(invalid("the track", format!("names the control {twice} twice"))),
        None => Ok(names),
    }
}
