//! Pictures: each in one place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::capture::Capture;
use crate::files::read_within;
use crate::frame::{CaptureFrame, Split};
use crate::limits::CaptureLimits;
use crate::problem::Problem;

/// What the disk has for a frame.
struct Found {
    /// The file itself, whatever links lead to it.
    file: PathBuf,
    bytes: u64,
}

/// Checks the files of all pictures.
pub(super) fn check(capture: &Capture, problems: &mut Vec<Problem>) {
    let found: Vec<Found> = capture
        .frames
        .par_iter()
        .map(|frame| Found {
            file: frame.picture.canonicalize().unwrap_or_else(|_| frame.picture.clone()),
            bytes: frame.picture.metadata().map_or(0, |m| m.len()),
        })
        .collect();
    check_repeats(capture, &found, problems);
    check_copies(capture, &found, problems);
}

/// One file in several frames.
fn check_repeats(capture: &Capture, found: &[Found], problems: &mut Vec<Problem>) {
    let mut by_file: BTreeMap<&Path, Vec<&CaptureFrame>> = BTreeMap::new();
    for (frame, found) in capture.frames.iter().zip(found) {
        by_file.entry(&found.file).or_default().push(frame);
    }
    for frames in by_file.into_values() {
        let [first, others @ ..] = &frames[..] else { continue };
        if others.is_empty() {
            continue;
        }
        let splits: BTreeSet<Split> = frames.iter().map(|frame| frame.split).collect();
        if splits.len() > 1 {
            let names: Vec<&str> = splits.iter().map(|split| split.name()).collect();
            let line = format!("the same picture is in {}", names.join(" and "));
            problems.push(Problem::error(&first.name, line));
        }
        let same = |frame: &&CaptureFrame| {
            frame.camera == first.camera && frame.controls == first.controls && frame.joints == first.joints
        };
        if !others.iter().all(same) {
            let line = format!("{} frames of one picture have different cameras or controls", frames.len());
            problems.push(Problem::error(&first.name, line));
        } else if splits.len() == 1 {
            let line = format!("the same frame is listed {} times", frames.len());
            problems.push(Problem::warning(&first.name, line));
        }
    }
}

/// Files with the same bytes in several splits. Only files of one length are read.
fn check_copies(capture: &Capture, found: &[Found], problems: &mut Vec<Problem>) {
    let mut by_length: HashMap<u64, BTreeMap<&Path, &CaptureFrame>> = HashMap::new();
    for (frame, found) in capture.frames.iter().zip(found) {
        by_length.entry(found.bytes).or_default().entry(&found.file).or_insert(frame);
    }
    let across_splits = |files: &BTreeMap<&Path, &CaptureFrame>| {
        let mut splits = files.values().map(|frame| frame.split);
        let first = splits.next();
        splits.any(|split| Some(split) != first)
    };
    let candidates: Vec<(&Path, &CaptureFrame)> =
        by_length.into_values().filter(across_splits).flatten().collect();
    let hashes: Vec<(Option<u64>, &CaptureFrame)> =
        candidates.into_par_iter().map(|(path, frame)| (hash(path, &capture.limits), frame)).collect();
    let mut by_hash: BTreeMap<u64, Vec<&CaptureFrame>> = BTreeMap::new();
    for (hash, frame) in hashes {
        if let Some(hash) = hash {
            by_hash.entry(hash).or_default().push(frame);
        }
    }
    let mut lines = Vec::new();
    for mut frames in by_hash.into_values() {
        frames.sort_by(|a, b| (a.split, &a.name).cmp(&(b.split, &b.name)));
        let Some(first) = frames.first() else { continue };
        for frame in frames.iter().filter(|frame| frame.split != first.split) {
            let line = format!("the picture is a copy of {}, which is in {}", first.name, first.split);
            lines.push(Problem::warning(&frame.name, format!("{line}; this one is in {}", frame.split)));
        }
    }
    lines.sort();
    problems.extend(lines);
}

fn hash(path: &Path, limits: &CaptureLimits) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    hasher.write(&read_within(path, limits.picture_bytes).ok()?);
    Some(hasher.finish())
}
