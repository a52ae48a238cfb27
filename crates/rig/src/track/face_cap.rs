//! Face Cap's text (bannaflak.com): a line `bs` with names, and for each frame a line `k` with the time in milliseconds,
//! the head's position and angles, both eyes' angles and the weights. Angles are degrees.

use crate::RigError;
use crate::error::invalid;

use super::gathered::{Frame, Gathered, from_degrees};
use super::times::{Clock, USUAL_RATE};
use super::{Track, TrackLimits};

/// Numbers in front of the weights: time, position (3), head (3), left eye (2), right eye (2).
const BEFORE_WEIGHTS: usize = 11;

/// Whether the first lines are such a file's.
pub(super) fn is_it(text: &str) -> bool {
    let starts = |line: &str, word: &str| line.trim_start().split(',').next() == Some(word);
    let mut lines = text.lines().filter(|line| !line.trim().is_empty()).take(16);
    text.contains(',')
        && lines.next().is_some_and(|line| starts(line, "info") || starts(line, "bs"))
        && text.lines().take(16).any(|line| starts(line, "bs"))
}

pub(super) fn read(text: &str, limits: &TrackLimits) -> Result<Track, RigError> {
    let mut names: Vec<String> = Vec::new();
    let mut gathered = Gathered::new(limits);
    for (i, line) in text.lines().enumerate() {
        let mut cells = line.split(',').map(str::trim);
        match cells.next() {
            Some("bs") => names = cells.filter(|name| !name.is_empty()).map(str::to_owned).collect(),
            Some("k") => gathered.add(frame(cells, &names).ok_or_else(|| {
                let fault = format!("is not {} numbers", BEFORE_WEIGHTS + names.len());
                invalid(format!("line {}", i + 1), fault)
            }))?,
            _ => {}
        }
    }
    gathered.track(Clock::PerSecond(1_000), USUAL_RATE)
}

fn frame<'a>(cells: impl Iterator<Item = &'a str>, names: &[String]) -> Option<Frame> {
    let most = BEFORE_WEIGHTS + names.len();
    let numbers: Option<Vec<f64>> =
        cells.filter(|cell| !cell.is_empty()).take(most + 1).map(|cell| cell.parse().ok()).collect();
    let numbers = numbers.filter(|n| n.len() == most && n.iter().all(|n| (*n as f32).is_finite()))?;
    let (front, weights) = numbers.split_at_checked(BEFORE_WEIGHTS)?;
    let &[time, _, _, _, x, y, z, left_x, left_y, right_x, right_y] = front else { return None };
    let turn = |x: f64, y: f64, z: f64| from_degrees([x as f32, y as f32, z as f32]);
    Some(Frame {
        time: Some(time),
        weights: names.iter().cloned().zip(weights.iter().map(|&w| w as f32)).collect(),
        head: Some(turn(x, y, z)),
        eyes: Some([turn(left_x, left_y, 0.0), turn(right_x, right_y, 0.0)]),
    })
}
