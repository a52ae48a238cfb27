//! Pictures and masks: there, readable, of the right size, each in one place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::files::read_within;
use crate::picture::size;
use crate::{Capture, CaptureError, CaptureFrame, CaptureLimits, Problem, Split};

/// What the disk has for a frame.
struct Found {
    size: Result<(u32, u32), CaptureError>,
    mask: Option<Result<(u32, u32), CaptureError>>,
    /// The file itself, whatever links lead to it.
    file: PathBuf,
    bytes: u64,
}

/// Checks all pictures and masks; whether each frame's picture could be read.
pub(super) fn check(capture: &Capture, problems: &mut Vec<Problem>) -> Vec<bool> {
    let limits = &capture.limits;
    let found: Vec<Found> = capture
        .frames
        .par_iter()
        .map(|frame| Found {
            size: size(&frame.picture, limits),
            mask: frame.mask.as_deref().map(|mask| size(mask, limits)),
            file: frame.picture.canonicalize().unwrap_or_else(|_| frame.picture.clone()),
            bytes: frame.picture.metadata().map_or(0, |m| m.len()),
        })
        .collect();
    for (frame, found) in capture.frames.iter().zip(&found) {
        check_sizes(capture, frame, found, problems);
    }
    check_repeats(capture, &found, problems);
    check_copies(capture, &found, problems);
    found.iter().map(|found| found.size.is_ok()).collect()
}

fn check_sizes(capture: &Capture, frame: &CaptureFrame, found: &Found, problems: &mut Vec<Problem>) {
    let mut fail = |line: String| problems.push(Problem::error(&frame.name, line));
    let (width, height) = (frame.camera.width, frame.camera.height);
    match &found.size {
        Err(error) => fail(unreadable(capture, "picture", &frame.picture, error)),
        Ok((w, h)) => {
            if u64::from(*w) * u64::from(*h) > capture.limits.picture_pixels {
                fail(format!("the picture is {w}x{h}, more than {} pixels", capture.limits.picture_pixels));
            }
            if (*w, *h) != (width, height) {
                fail(format!("the picture is {w}x{h}, its camera {width}x{height}"));
            }
        }
    }
    match (&frame.mask, &found.mask, &found.size) {
        (Some(mask), Some(Err(error)), _) => fail(unreadable(capture, "mask", mask, error)),
        (_, Some(Ok(mask)), Ok(picture)) if mask != picture => {
            fail(format!("the mask is {}x{}, its picture {}x{}", mask.0, mask.1, picture.0, picture.1));
        }
        _ => {}
    }
}

fn unreadable(capture: &Capture, what: &str, path: &Path, error: &CaptureError) -> String {
    let shown = path.strip_prefix(&capture.folder).unwrap_or(path).display();
    match error {
        CaptureError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            format!("the {what} is missing ({shown})")
        }
        error => format!("the {what} {shown} cannot be read: {}", error.fault()),
    }
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
        if found.size.is_ok() {
            by_length.entry(found.bytes).or_default().entry(&found.file).or_insert(frame);
        }
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
