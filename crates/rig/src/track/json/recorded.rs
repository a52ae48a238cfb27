//! JSON that says for each frame what it holds: results of MediaPipe's FaceLandmarker, and what recorders of ARKit write.
//!
//! Frames stand in a list, one a line, or in an object by their time. The weights of a frame are an object of numbers, or
//! a list of objects with a name and a number, somewhere within it.

use std::collections::BTreeMap;

use glam::{Mat3, Quat, Vec3};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::RigError;
use crate::canonical;
use crate::error::invalid;

use super::super::gathered::{Frame, Gathered, known_only};
use super::super::times::{Clock, USUAL_RATE};
use super::super::{Track, TrackLimits};
use super::parts::{Part, part, whole};

/// How deep within a frame its weights are looked for.
const DEPTH: usize = 6;
/// How many frames without weights may stand before the first that has some: a camera finds no face at once.
const MOST_EMPTY: usize = 4096;

/// The track of a list of frames; `None` if they hold no weights.
pub(super) fn of_list(frames: &[&RawValue], limits: &TrackLimits) -> Result<Option<Track>, RigError> {
    track(frames.iter().map(|raw| (None, *raw)), Clock::Unknown, USUAL_RATE, limits)
}

/// The track in the entries of an object: by their times, or in the list of frames among them.
pub(super) fn of_object(
    entries: &[(String, &RawValue)],
    limits: &TrackLimits,
) -> Result<Option<Track>, RigError> {
    let times: Option<Vec<f64>> =
        entries.iter().map(|(key, _)| key.trim().parse().ok().filter(|t: &f64| t.is_finite())).collect();
    if let Some(times) = times.filter(|times| !times.is_empty()) {
        let numbers = entries.len() > 1 && times.windows(2).all(|w| w[1] - w[0] == 1.0);
        let (times, clock) = match by_clock(entries) {
            Some(times) => (times, Clock::PerSecond(1)),
            None if numbers => {
                tracing::warn!("frames by their numbers and no times: played at {USUAL_RATE} per second");
                (times, Clock::Frames)
            }
            None => (times, Clock::Unknown),
        };
        let mut frames: Vec<(Option<f64>, &RawValue)> =
            times.into_iter().map(Some).zip(entries.iter().map(|(_, raw)| *raw)).collect();
        // An object has no order.
        frames.sort_by(|a, b| a.0.unwrap_or_default().total_cmp(&b.0.unwrap_or_default()));
        return track(frames.into_iter(), clock, USUAL_RATE, limits);
    }
    // FaceLandmarker's result is one frame, whose lists are of faces.
    let is_result = entries.iter().any(|(key, _)| letters(key) == "faceblendshapes");
    for (_, raw) in entries.iter().filter(|_| !is_result) {
        if let Part::List(frames) = part(raw.get(), limits.frames)?
            && let Some(track) =
                track(frames.iter().map(|raw| (None, *raw)), Clock::Unknown, rate(entries), limits)?
        {
            return Ok(Some(track));
        }
    }
    let object: Map<String, Value> =
        entries.iter().filter_map(|(key, raw)| Some((key.clone(), whole(raw)?))).collect();
    match frame(&Value::Object(object)) {
        Some((one, clock)) => {
            let mut gathered = Gathered::new(limits);
            gathered.add(Ok(one))?;
            gathered.track(clock, USUAL_RATE).map(Some)
        }
        None => Ok(None),
    }
}

/// Frames per second by an entry that says so.
pub(super) fn rate(entries: &[(String, &RawValue)]) -> f64 {
    const SAYING_SO: [&str; 4] = ["fps", "exportfps", "framerate", "framespersecond"];
    let stated = entries
        .iter()
        .find(|(key, _)| SAYING_SO.contains(&letters(key).as_str()))
        .and_then(|(_, raw)| whole(raw));
    stated.unwrap_or(USUAL_RATE)
}

/// A key as it is compared: small letters alone.
fn letters(key: &str) -> String {
    key.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
}

/// Seconds of the day where all keys are clock times of ten digits, `HHmmssSSSS`, as a recorder of ARKit writes them.
fn by_clock(entries: &[(String, &RawValue)]) -> Option<Vec<f64>> {
    let one = |key: &str| {
        let digits = key.trim();
        if digits.len() != 10 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok()?;
        let (hours, minutes) = (number / 100_000_000, number / 1_000_000 % 100);
        let seconds = number % 1_000_000;
        (hours < 24 && minutes < 60 && seconds < 600_000)
            .then(|| (hours * 3600 + minutes * 60) as f64 + seconds as f64 / 1e4)
    };
    let times: Vec<f64> = entries.iter().map(|(key, _)| one(key)).collect::<Option<_>>()?;
    // Seconds since 1970 have ten digits too, and no two frames a second at most.
    let (first, last) = (times.first()?, times.last()?);
    (times.len() > 1 && (last - first).abs() / (times.len() as f64) < 1.0 && (last - first).abs() > 2e-3)
        .then_some(times)
}

fn track<'a>(
    frames: impl Iterator<Item = (Option<f64>, &'a RawValue)>,
    clock: Clock,
    rate: f64,
    limits: &TrackLimits,
) -> Result<Option<Track>, RigError> {
    let mut gathered = Gathered::new(limits);
    let mut clock = clock;
    let (mut found, mut empty) = (false, 0);
    for (i, (time, raw)) in frames.enumerate() {
        let read = whole::<Value>(raw).and_then(|value| frame(&value));
        match read {
            Some((mut one, own_clock)) => {
                found = true;
                match time {
                    Some(time) => one.time = Some(time),
                    None => clock = own_clock,
                }
                gathered.add(Ok(one))?;
            }
            None if !found && empty >= MOST_EMPTY => return Ok(None),
            None => {
                empty += 1;
                gathered.add(Err(invalid(format!("frame {i}"), "has no weights of known controls")))?;
            }
        }
    }
    if found { gathered.track(clock, rate).map(Some) } else { Ok(None) }
}

/// What a frame holds, and what its time counts.
fn frame(value: &Value) -> Option<(Frame, Clock)> {
    let weights = known_only(weights(value, DEPTH)?);
    let (time, clock) = time(value).unwrap_or((None, Clock::Unknown));
    Some((Frame { time, weights, head: head(value), eyes: None }, clock))
}

fn time(value: &Value) -> Option<(Option<f64>, Clock)> {
    let object = value.as_object()?;
    let number = |value: &Value| {
        let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
        number.filter(|n| n.is_finite())
    };
    let times = object.iter().filter_map(|(key, value)| Some((Clock::of_name(key)?, number(value)?)));
    let (mut times, mut frames): (Vec<_>, Vec<_>) = times.partition(|(clock, _)| *clock != Clock::Frames);
    let (clock, time) = times.drain(..).chain(frames.drain(..)).next()?;
    Some((Some(time), clock))
}

/// The first weights within `value`.
fn weights(value: &Value, depth: usize) -> Option<BTreeMap<String, f32>> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(object) => {
            if let Some((name, weight)) = named(object) {
                return Some([(name, weight)].into());
            }
            let number = |(key, value): (&String, &Value)| Some((key.clone(), finite(value)?));
            let all: BTreeMap<String, f32> = object.iter().filter_map(number).collect();
            let any_known = all.keys().any(|name| canonical(name).is_some());
            if any_known { Some(all) } else { object.values().find_map(|value| weights(value, depth)) }
        }
        Value::Array(list) => {
            let all: BTreeMap<String, f32> = list.iter().filter_map(|one| named(one.as_object()?)).collect();
            // Of several faces the first is the one.
            if all.is_empty() { list.iter().find_map(|value| weights(value, depth)) } else { Some(all) }
        }
        _ => None,
    }
}

/// A known control of an object that names one and gives a number: `categoryName` and `score`, `name` and `value`.
fn named(object: &Map<String, Value>) -> Option<(String, f32)> {
    let names = object.values().filter_map(Value::as_str);
    let name = names.into_iter().find(|name| canonical(name).is_some())?;
    let weight =
        ["score", "value", "weight", "coefficient"].iter().find_map(|key| finite(object.get(*key)?))?;
    Some((name.to_owned(), weight))
}

fn finite(value: &Value) -> Option<f32> {
    value.as_f64().map(|v| v as f32).filter(|v| v.is_finite())
}

/// The head by MediaPipe's facial transformation matrix: of the face in front of a camera that looks along −Z, whose
/// face at rest looks back at it. JavaScript has its numbers column by column, Python its rows.
fn head(value: &Value) -> Option<Quat> {
    let is_matrix = |key: &str| letters(key).starts_with("facialtransformationmatri");
    let object = value.as_object()?;
    let matrix = object.iter().find(|(key, _)| is_matrix(key)).map(|(_, value)| value);
    let matrix = matrix.or_else(|| {
        let inner = object.values().filter_map(Value::as_object);
        inner.flat_map(|o| o.iter()).find(|(key, _)| is_matrix(key)).map(|(_, value)| value)
    });
    let matrix = first_matrix(matrix?, DEPTH)?;
    let lists_rows = matrix.get(0).is_some_and(Value::is_array);
    let mut numbers = Vec::new();
    flatten(matrix, &mut numbers);
    let [m00, m01, m02, m03, m10, m11, m12, m13, m20, m21, m22, m23, m30, m31, m32, m33] =
        *numbers.first_chunk()?;
    let columns = [Vec3::new(m00, m01, m02), Vec3::new(m10, m11, m12), Vec3::new(m20, m21, m22)];
    // The last row of a transformation is 0, 0, 0, 1.
    let by_columns = [m03, m13, m23, m33] == [0.0, 0.0, 0.0, 1.0];
    let by_rows = [m30, m31, m32, m33] == [0.0, 0.0, 0.0, 1.0];
    let [x, y, z] = columns.map(Vec3::normalize_or_zero);
    let matrix = Mat3::from_cols(x, y, z);
    let matrix = match (by_columns, by_rows) {
        (true, true) if lists_rows => matrix.transpose(),
        (true, _) => matrix,
        (false, true) => matrix.transpose(),
        (false, false) => return None,
    };
    // What is no rotation by far turns nothing.
    ((matrix.determinant() - 1.0).abs() < 0.05).then(|| Quat::from_mat3(&matrix).normalize())
}

/// The first matrix within `value`: sixteen numbers, or four lists of four.
fn first_matrix(value: &Value, depth: usize) -> Option<&Value> {
    let depth = depth.checked_sub(1)?;
    match value {
        Value::Object(object) => first_matrix(object.get("data")?, depth),
        Value::Array(list) => {
            let row = |v: &Value| {
                v.as_array().is_some_and(|row| row.len() == 4 && row.iter().all(Value::is_number))
            };
            let is_it = (list.len() == 16 && list.iter().all(Value::is_number))
                || (list.len() == 4 && list.iter().all(row));
            if is_it { Some(value) } else { first_matrix(list.first()?, depth) }
        }
        _ => None,
    }
}

fn flatten(value: &Value, out: &mut Vec<f32>) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| flatten(value, out)),
        value => out.extend(finite(value)),
    }
}
