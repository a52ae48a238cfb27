//! JSON that lists the names once and the weights of each frame as numbers, as Audio2Face exports it: `facsNames`,
//! `weightMat`, `exportFps`.

use serde_json::value::RawValue;

use crate::RigError;
use crate::error::{invalid, within};

use super::super::left_out::LeftOut;
use super::super::times::{self, Clock};
use super::super::{Track, TrackLimits, names};
use super::parts::{Part, part, whole};
use super::recorded::rate;

/// The track in the entries of an object; `None` if there are no names with rows of as many numbers.
pub(super) fn read(entries: &[(String, &RawValue)], limits: &TrackLimits) -> Result<Option<Track>, RigError> {
    let lists = || entries.iter().filter(|(_, raw)| raw.get().trim_start().starts_with('['));
    let texts = |raw: &RawValue| whole::<Vec<String>>(raw).filter(|texts| !texts.is_empty());
    let Some((names_key, names)) = lists().find_map(|(key, raw)| Some((key, texts(raw)?))) else {
        return Ok(None);
    };
    let is_row = |row: &&RawValue| whole::<Vec<f32>>(row).is_some_and(|row| row.len() == names.len());
    let mut found = None;
    for (key, raw) in lists() {
        if let Part::List(rows) = part(raw.get(), limits.frames)?
            && rows.iter().any(is_row)
        {
            found = Some((key, rows));
            break;
        }
    }
    let Some((rows_key, rows)) = found else { return Ok(None) };
    within("the number of controls", names.len() as u64, limits.controls)?;
    within("the number of weights", (names.len() as u64).saturating_mul(rows.len() as u64), limits.weights)?;
    let mut track = Track { names: names::of_other_tools(names)?, ..Track::default() };
    let mut left_out = LeftOut::default();
    let mut used = Vec::new();
    for (i, row) in rows.iter().enumerate() {
        let finite = |row: &Vec<f32>| row.len() == track.names.len() && row.iter().all(|w| w.is_finite());
        match whole::<Vec<f32>>(row).filter(finite) {
            Some(mut row) => {
                track.weights.append(&mut row);
                used.push(i);
            }
            None => {
                let fault = format!("is not {} numbers, one for each of {names_key:.32?}", track.names.len());
                left_out.add(invalid(format!("row {i} of {rows_key:.32?}"), fault));
            }
        }
    }
    left_out.warn("row", used.len());
    let times = entries.iter().find_map(|(key, raw)| {
        let clock = Clock::of_name(key.strip_suffix('s').unwrap_or(key))?;
        let times: Vec<f64> = whole(raw)?;
        (times.len() == rows.len() && times.windows(2).any(|w| w[0] != w[1])).then_some((clock, times))
    });
    let seconds = match times {
        Some((clock, mut times)) => {
            clock.seconds(&mut times);
            times
        }
        None => times::regular(rows.len(), rate(entries))?,
    };
    let seconds: Vec<f64> = used.iter().filter_map(|&i| seconds.get(i).copied()).collect();
    times::place(&mut track, &seconds)?;
    Ok(Some(track))
}
