//! Controls that stand beside a capture, in a file by timestep or in a track.

use std::collections::BTreeMap;
use std::path::Path;

use effigy_rig::{ARKIT_NAMES, Track, TrackLimits, canonical};
use serde::Deserialize;

use crate::error::{CaptureError, within};
use crate::files::read_within;
use crate::limits::CaptureLimits;
use crate::problem::{Problem, file_name};

/// Controls and joints of one instant, as [`CaptureFrame`](crate::CaptureFrame) holds them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Values {
    pub(crate) controls: BTreeMap<String, f32>,
    pub(crate) joints: BTreeMap<String, [f32; 4]>,
}

/// Controls as a file writes them; `null` is what some programs make of NaN.
pub(crate) type RawControls = BTreeMap<String, Option<f64>>;
/// Joints as a file writes them.
pub(crate) type RawJoints = BTreeMap<String, [f64; 4]>;

/// All instants of a file.
pub(crate) enum Timesteps {
    Table(BTreeMap<u64, Values>),
    Track(Track),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Full {
        controls: RawControls,
        #[serde(default)]
        joints: RawJoints,
    },
    Flat(RawControls),
}

impl Timesteps {
    /// Reads a file of controls, and notes in `problems` what is wrong with single entries.
    pub(crate) fn open(
        path: &Path,
        limits: &CaptureLimits,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, CaptureError> {
        let bytes = read_within(path, limits.json_bytes)?;
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii_start();
        let table: Result<BTreeMap<u64, Entry>, String> = if text.starts_with(b"[") {
            serde_json::from_slice::<Vec<Entry>>(text)
                .map(|list| (0..).zip(list).collect())
                .map_err(|e| e.to_string())
        } else if text.starts_with(b"{") {
            serde_json::from_slice::<BTreeMap<String, Entry>>(text)
                .map_err(|e| e.to_string())
                .and_then(by_number)
        } else {
            Err("not JSON".into())
        };
        let table = match table {
            Ok(table) => table,
            Err(fault) => {
                let track_limits = TrackLimits {
                    bytes: limits.json_bytes,
                    frames: limits.frames,
                    weights: limits.values,
                    ..TrackLimits::default()
                };
                // Through the path, so that a .gltf finds the files beside it.
                let track = Track::open(path, &track_limits).map_err(|error| {
                    let why = match error {
                        effigy_rig::RigError::File { fault, .. } => fault.to_string(),
                        other => other.to_string(),
                    };
                    CaptureError::format(
                        path,
                        format!("neither controls by timestep ({fault}) nor a track ({why})"),
                    )
                })?;
                if track.head_rotations.is_some() || track.eye_rotations.is_some() {
                    problems.push(Problem::warning(
                        file_name(path),
                        "rotations of the head and the eyes in a track are not used; give them as joints by timestep",
                    ));
                }
                return Ok(Self::Track(track));
            }
        };
        let count = |entry: &Entry| match entry {
            Entry::Full { controls, joints } => controls.len() + joints.len(),
            Entry::Flat(controls) => controls.len(),
        };
        let values: u64 = table.values().map(|entry| count(entry) as u64).sum();
        within(path, "controls", values, limits.values)?;
        within(path, "timesteps", table.len() as u64, limits.frames)?;
        let mut values_of = |timestep: u64, entry| {
            let (raw, joints) = match entry {
                Entry::Full { controls, joints } => (controls, joints),
                Entry::Flat(controls) => (controls, RawJoints::new()),
            };
            let subject = format!("timestep {timestep}");
            (timestep, Values { controls: controls(raw, &subject, problems), joints: self::joints(joints) })
        };
        Ok(Self::Table(table.into_iter().map(|(timestep, entry)| values_of(timestep, entry)).collect()))
    }

    /// What the file has for a frame: by its timestep, or in a track, where it has none, by its time (seconds).
    pub(crate) fn at(&self, timestep: Option<u64>, time: Option<f64>) -> Option<Values> {
        match self {
            Self::Table(table) => table.get(&timestep?).cloned(),
            Self::Track(track) => {
                let weights: Vec<f32> = match (timestep, time) {
                    (Some(timestep), _) => {
                        let index = usize::try_from(timestep).ok().filter(|&i| i < track.frame_count())?;
                        track.frame(index).to_vec()
                    }
                    (None, Some(time)) => at_time(track, time)?,
                    (None, None) => return None,
                };
                let controls = track.names.iter().cloned().zip(weights).collect();
                Some(Values { controls, joints: BTreeMap::new() })
            }
        }
    }
}

/// The weights of `track` at `time`, interpolated linearly; none outside of it.
fn at_time(track: &Track, time: f64) -> Option<Vec<f32>> {
    if !(time >= 0.0 && time <= track.duration()) {
        return None;
    }
    let next = track.times.partition_point(|&t| t <= time);
    let from = next.checked_sub(1)?;
    let Some(&end) = track.times.get(next) else { return Some(track.frame(from).to_vec()) };
    let start = *track.times.get(from)?;
    let part = ((time - start) / (end - start)) as f32;
    Some(track.frame(from).iter().zip(track.frame(next)).map(|(&a, &b)| a + (b - a) * part).collect())
}

fn by_number(table: BTreeMap<String, Entry>) -> Result<BTreeMap<u64, Entry>, String> {
    let mut numbered = BTreeMap::new();
    for (key, entry) in table {
        let timestep = key.trim().parse().map_err(|_| format!("{key:?} is not the number of a timestep"))?;
        if numbered.insert(timestep, entry).is_some() {
            return Err(format!("timestep {timestep} stands there twice"));
        }
    }
    Ok(numbered)
}

/// Controls with ARKit names in camelCase.
pub(crate) fn controls(
    raw: RawControls,
    subject: &str,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, f32> {
    let mut controls = BTreeMap::new();
    for (name, value) in raw {
        // Looking for other spellings takes its time, over millions of names.
        let spelled = ARKIT_NAMES.contains(&name.as_str());
        let known = if spelled { None } else { canonical(&name).map(str::to_owned) };
        let value = value.map_or(f32::NAN, |v| v as f32);
        let key = known.unwrap_or_else(|| name.clone());
        if controls.contains_key(&key) {
            problems.push(Problem::error(
                subject,
                format!("control {key} is given twice, in different spellings"),
            ));
        }
        controls.insert(key, value);
    }
    controls
}

/// Joints in the width that frames have.
pub(crate) fn joints(raw: RawJoints) -> BTreeMap<String, [f32; 4]> {
    raw.into_iter().map(|(name, q)| (name, q.map(|x| x as f32))).collect()
}
