//! Live Link Face CSV (Epic Games): 61 channels under a timecode.

use glam::{EulerRot, Quat};

use crate::error::{invalid, shown, within};
use crate::{RigError, canonical};

use super::{Track, TrackLimits, known_names};

/// Whose angles there are: columns `HeadYaw`, `HeadPitch`, `HeadRoll` and so on.
pub(super) const TURNING: [&str; 3] = ["Head", "LeftEye", "RightEye"];
/// Frame rates that a timecode may count in.
const RATES: [f64; 9] = [24.0, 25.0, 30.0, 48.0, 50.0, 60.0, 100.0, 120.0, 240.0];
const DAY: f64 = 86_400.0;

/// Column numbers of what is read.
struct Columns {
    timecode: usize,
    controls: Vec<usize>,
    /// Yaw, pitch and roll of each of [`TURNING`].
    angles: [Option<[usize; 3]>; 3],
    count: usize,
}

pub(super) fn read(bytes: &[u8], limits: &TrackLimits) -> Result<Track, RigError> {
    let fault = |fault: String| RigError::Format { format: "Live Link Face CSV", fault: shown(&fault) };
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let header = reader.headers().map_err(|e| fault(e.to_string()))?.clone();
    within("the number of controls", header.len() as u64, limits.controls)?;
    let columns = columns(&header).ok_or_else(|| fault("the first line has no Timecode column".into()))?;
    let names = columns.controls.iter().map(|&c| header.get(c).unwrap_or_default().to_owned()).collect();
    let mut track = Track { names: known_names(names)?, ..Track::default() };

    let mut timecodes = Vec::new();
    let mut angles: [Vec<[f32; 3]>; 3] = Default::default();
    let mut row = csv::StringRecord::new();
    while reader.read_record(&mut row).map_err(|e| fault(e.to_string()))? {
        let line = row.position().map_or(0, |p| p.line());
        let place = || format!("line {line}");
        if row.len() != columns.count {
            return Err(invalid(place(), format!("has {} columns, the header {}", row.len(), columns.count)));
        }
        let number = |column: usize| {
            let text = row.get(column).unwrap_or_default();
            let value = text.parse().ok().filter(|v: &f32| v.is_finite());
            value.ok_or_else(|| {
                invalid(place(), format!("{} is {text:.32?}", header.get(column).unwrap_or_default()))
            })
        };
        let text = row.get(columns.timecode).unwrap_or_default();
        timecodes
            .push(Timecode::parse(text).ok_or_else(|| invalid(place(), format!("timecode {text:.32?}")))?);
        within("the number of frames", timecodes.len() as u64, limits.frames)?;
        within(
            "the number of weights",
            (track.weights.len() + columns.controls.len()) as u64,
            limits.weights,
        )?;
        for &column in &columns.controls {
            track.weights.push(number(column)?);
        }
        for (angles, columns) in angles.iter_mut().zip(columns.angles) {
            if let Some([yaw, pitch, roll]) = columns {
                angles.push([number(yaw)?, number(pitch)?, number(roll)?]);
            }
        }
    }
    if timecodes.is_empty() {
        return Err(invalid("the track", "has no frames"));
    }
    // Takes without tracking of the head or an eye write zeros.
    let tracked = |angles: &[[f32; 3]]| angles.iter().flatten().any(|&a| a != 0.0);
    let [head, left, right] = angles;
    if tracked(&head) {
        track.head_rotations = Some(head.into_iter().map(rotation).collect());
    }
    if left.len() == right.len() && (tracked(&left) || tracked(&right)) {
        let both = left.into_iter().zip(right);
        track.eye_rotations = Some(both.map(|(left, right)| [rotation(left), rotation(right)]).collect());
    }
    let kept = place_in_time(&timecodes, &mut track.times);
    keep(&mut track, &kept);
    Ok(track)
}

fn columns(header: &csv::StringRecord) -> Option<Columns> {
    let find = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
    let angles = |of: &str| {
        let of = |angle: &str| find(&format!("{of}{angle}"));
        Some([of("Yaw")?, of("Pitch")?, of("Roll")?])
    };
    Some(Columns {
        timecode: find("Timecode")?,
        controls: (0..header.len())
            .filter(|&c| header.get(c).is_some_and(|h| canonical(h).is_some()))
            .collect(),
        angles: TURNING.map(angles),
        count: header.len(),
    })
}

/// Seen from the person: yaw to their right, pitch down, roll to their right shoulder, while +X is to their left.
fn rotation([yaw, pitch, roll]: [f32; 3]) -> Quat {
    Quat::from_euler(EulerRot::YXZ, -yaw, pitch, roll).normalize()
}

/// `HH:MM:SS:FF`, with a fraction of a frame after a point.
struct Timecode {
    seconds: f64,
    frames: f64,
}

impl Timecode {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split([':', ';']);
        let mut whole = |below: u32| parts.next()?.parse::<u32>().ok().filter(|&v| v < below);
        let (hours, minutes, seconds) = (whole(24)?, whole(60)?, whole(60)?);
        let frames: f64 = parts.next()?.parse().ok()?;
        let fits = (0.0..240.0).contains(&frames) && parts.next().is_none();
        fits.then_some(Self { seconds: f64::from((hours * 60 + minutes) * 60 + seconds), frames })
    }
}

/// Fills `times`, from 0, and returns which rows they belong to: those that stand still or go back are left out.
fn place_in_time(timecodes: &[Timecode], times: &mut Vec<f64>) -> Vec<usize> {
    // Frames are counted up to the rate, so the largest one tells it if the take goes over a full second; a take that
    // does not is at the app's usual 60.
    let most = timecodes.iter().map(|t| t.frames).fold(0.0, f64::max);
    let full_second = timecodes.windows(2).any(|w| w[0].seconds != w[1].seconds);
    let counted = RATES.into_iter().find(|&r| r > most).unwrap_or(240.0);
    let rate = if full_second { counted } else { counted.max(60.0) };
    let mut kept = Vec::new();
    let mut days = 0.0;
    let mut start = 0.0;
    for (row, timecode) in timecodes.iter().enumerate() {
        let of_day = timecode.seconds + timecode.frames / rate;
        let Some(&last) = times.last() else {
            start = of_day;
            times.push(0.0);
            kept.push(row);
            continue;
        };
        if of_day + days - start < last - DAY / 2.0 {
            days += DAY;
        }
        let time = of_day + days - start;
        if time > last {
            times.push(time);
            kept.push(row);
        }
    }
    kept
}

/// Drops the rows that `kept` does not list.
fn keep(track: &mut Track, kept: &[usize]) {
    if let Some(rotations) = &mut track.head_rotations {
        *rotations = kept.iter().filter_map(|&row| rotations.get(row).copied()).collect();
    }
    if let Some(rotations) = &mut track.eye_rotations {
        *rotations = kept.iter().filter_map(|&row| rotations.get(row).copied()).collect();
    }
    let controls = track.names.len();
    for (to, &from) in kept.iter().enumerate() {
        if from != to {
            track.weights.copy_within(from * controls..(from + 1) * controls, to * controls);
        }
    }
    track.weights.truncate(kept.len() * controls);
}
