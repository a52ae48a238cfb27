//! Controls and joints: known to the rig, with values that mean something.

use std::collections::{BTreeMap, BTreeSet};

use effigy_rig::{ARKIT_NAMES, Rig, RigError, Track, TrackPlayer, canonical};

use crate::capture::Capture;
use crate::problem::{Problem, counted};

/// Values outside of 0 to 1 by more than this are worth a word. Solvers overshoot a little.
const RANGE: std::ops::RangeInclusive<f32> = -0.1..=1.5;
/// Values beyond this are most likely percentages.
const PERCENT: f32 = 10.0;
/// How far a joint's quaternion may be from unit length.
const UNIT_TOLERANCE: f32 = 1e-2;

/// More names than this are no rig's, and would take long to look up.
const MOST_NAMES: usize = 4096;
/// For so many unknown names a likely one is sought.
const MOST_SUGGESTIONS: usize = 100;

/// How one control is used throughout a capture.
struct Use {
    frames: usize,
    /// The first frame with a value that is not a number, and how many there are.
    not_numbers: Option<(String, usize)>,
    least: f32,
    greatest: f32,
}

pub(super) fn check(capture: &Capture, rig: Option<&Rig>, problems: &mut Vec<Problem>) {
    let uses = uses(capture);
    for (name, used) in &uses {
        let subject = format!("control {name}");
        if let Some((first, count)) = &used.not_numbers {
            let line = format!("is not a finite number in {}, first in {first}", counted(*count, "frame"));
            problems.push(Problem::error(&subject, line));
        }
        if used.least < *RANGE.start() || used.greatest > *RANGE.end() {
            let hint = if used.greatest > PERCENT { "; are they percentages?" } else { "" };
            let line = format!("has values from {} to {}, not 0 to 1{hint}", used.least, used.greatest);
            problems.push(Problem::warning(&subject, line));
        }
    }
    if let Some(rig) = rig {
        check_names(&uses, rig, problems);
    }
    check_joints(capture, rig, problems);
}

fn uses(capture: &Capture) -> BTreeMap<&str, Use> {
    let mut uses: BTreeMap<&str, Use> = BTreeMap::new();
    for frame in &capture.frames {
        for (name, &value) in &frame.controls {
            let used =
                uses.entry(name).or_insert(Use { frames: 0, not_numbers: None, least: 0.0, greatest: 0.0 });
            used.frames += 1;
            if value.is_finite() {
                used.least = used.least.min(value);
                used.greatest = used.greatest.max(value);
            } else {
                used.not_numbers.get_or_insert_with(|| (frame.name.clone(), 0)).1 += 1;
            }
        }
    }
    uses
}

/// Names are looked up as a track's are, so that what is found here is what will move.
fn check_names(uses: &BTreeMap<&str, Use>, rig: &Rig, problems: &mut Vec<Problem>) {
    let names: Vec<String> = uses.keys().map(|&name| name.to_owned()).collect();
    if names.is_empty() {
        return;
    }
    if names.len() > MOST_NAMES {
        let line = format!("{} different controls, over the limit of {MOST_NAMES}", names.len());
        problems.push(Problem::error("capture", line));
        return;
    }
    let weights = vec![0.0; names.len()];
    let track = Track { names: names.clone(), times: vec![0.0], weights, ..Track::default() };
    let unmatched = match TrackPlayer::new(&track, rig) {
        Ok(player) => player.unmatched().to_vec(),
        Err(RigError::Mismatch(_)) => {
            problems.push(Problem::error(
                "rig",
                format!("has none of the capture's {}", counted(names.len(), "control")),
            ));
            names
        }
        // A rig that is broken was named before.
        Err(_) => return,
    };
    let known: Vec<&str> = rig
        .morphs
        .iter()
        .map(|m| m.name.as_str())
        .chain(rig.expressions.iter().map(|e| e.name.as_str()))
        .collect();
    for (place, name) in unmatched.into_iter().enumerate() {
        let Some(used) = uses.get(name.as_str()) else { continue };
        let still = used.least == 0.0 && used.greatest == 0.0 && used.not_numbers.is_none();
        let arkit = canonical(&name).is_some();
        if arkit && still {
            continue;
        }
        let subject = format!("control {name}");
        let line = format!("is not in the rig ({})", counted(used.frames, "frame"));
        problems.push(if arkit {
            Problem::warning(subject, line)
        } else if place < MOST_SUGGESTIONS
            && let Some(near) = nearest(&name, known.iter().copied().chain(ARKIT_NAMES))
        {
            Problem::error(subject, format!("{line}; is it {near}?"))
        } else {
            Problem::warning(subject, line)
        });
    }
}

fn check_joints(capture: &Capture, rig: Option<&Rig>, problems: &mut Vec<Problem>) {
    let mut uses: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for frame in &capture.frames {
        for (name, q) in &frame.joints {
            let length = q.iter().map(|x| x * x).sum::<f32>().sqrt();
            let used = uses.entry(name).or_default();
            used.0 += 1;
            used.1 += usize::from(!((length - 1.0).abs() <= UNIT_TOLERANCE));
        }
    }
    if uses.len() > MOST_NAMES {
        let line = format!("{} different joints, over the limit of {MOST_NAMES}", uses.len());
        problems.push(Problem::error("capture", line));
        return;
    }
    let nodes: BTreeSet<&str> =
        rig.iter().flat_map(|rig| &rig.nodes).map(|node| node.name.as_str()).collect();
    let mut unknown = 0;
    for (name, (frames, bad)) in uses {
        let subject = format!("joint {name}");
        if bad > 0 {
            let line = format!("its rotation is not a unit quaternion in {}", counted(bad, "frame"));
            problems.push(Problem::error(&subject, line));
        }
        if rig.is_some() && !nodes.contains(name) {
            unknown += 1;
            let likely = nodes.iter().copied().take(MOST_NAMES);
            let hint = if unknown <= MOST_SUGGESTIONS { nearest(name, likely) } else { None };
            let hint = hint.map_or(String::new(), |near| format!("; is it {near}?"));
            let line = format!("is not in the rig ({}){hint}", counted(frames, "frame"));
            problems.push(Problem::error(&subject, line));
        }
    }
}

/// The name that `name` is most likely a misspelling of, if any is: few changes, for its length.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    let letters = |name: &str| -> Vec<char> {
        let plain = |c: &char| !matches!(c, '_' | '-' | '.' | ' ');
        name.chars().take(LONGEST + 1).filter(plain).map(|c| c.to_ascii_lowercase()).collect()
    };
    let wanted = letters(name);
    if wanted.len() > LONGEST {
        return None;
    }
    let most = (wanted.len() / 4).min(3);
    known
        .filter(|k| k.len().abs_diff(name.len()) <= 8)
        .map(|known| (changes(&wanted, &letters(known)), known))
        .filter(|&(changes, _)| changes <= most)
        .min_by_key(|&(changes, _)| changes)
        .map(|(_, known)| known)
}

/// Levenshtein's distance.
fn changes(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelled_names_find_theirs() {
        let known = || ["jawOpen", "jawLeft", "eyeBlinkLeft", "eyeBlinkRight"].into_iter();
        for (name, expected) in [
            ("jawOpn", Some("jawOpen")),
            ("JAW_OPEN", Some("jawOpen")),
            ("eyeBlinkLeftt", Some("eyeBlinkLeft")),
            ("headYaw", None),
            ("", None),
            ("jaw", None),
        ] {
            assert_eq!(nearest(name, known()), expected, "{name}");
        }
        let letters = |s: &str| s.chars().collect::<Vec<_>>();
        assert_eq!(changes(&letters("kitten"), &letters("sitting")), 3);
        assert_eq!(changes(&letters(""), &letters("abc")), 3);
    }
}
