//! Tables of weights under a line of names: the CSV of Live Link Face (Epic Games; 61 channels under a timecode), of
//! MediaPipe's and of other tools, with commas, semicolons or tabs between cells.

use glam::{EulerRot, Quat};

use crate::controls::canonical_among;
use crate::error::{invalid, within};
use crate::{RigError, canonical};

use super::left_out::LeftOut;
use super::names;
use super::timecode::{self, Timecode};
use super::times::{self, Clock};
use super::{Track, TrackLimits};

/// Whose angles there are: columns `HeadYaw`, `HeadPitch`, `HeadRoll` and so on.
pub(super) const TURNING: [&str; 3] = ["Head", "LeftEye", "RightEye"];

/// Column numbers of what is read.
struct Columns {
    /// Where the time stands, and in what.
    time: Option<(usize, Clock)>,
    controls: Vec<usize>,
    /// Yaw, pitch and roll of each of [`TURNING`].
    angles: [Option<[usize; 3]>; 3],
    count: usize,
}

/// When a row is.
enum Stamp {
    Timecode(Timecode),
    Number(f64),
    /// The table does not say.
    None,
}

/// The track in `text`; `None` if its first line names neither a timecode nor a control.
pub(super) fn read(text: &str, limits: &TrackLimits) -> Result<Option<Track>, RigError> {
    // Excel reads such a line, and some programs write it for Excel.
    let marked = text.get(..4).is_some_and(|mark| mark.eq_ignore_ascii_case("sep="));
    let text = if marked { text.split_once('\n').map_or("", |(_, rest)| rest) } else { text };
    let first_line = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first_line.bytes().filter(|b| b == delimiter).count();
    let delimiter = [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let fault =
        |e: csv::Error| RigError::Format { format: "CSV", fault: crate::error::shown(&e.to_string()) };
    let header = reader.headers().map_err(fault)?.clone();
    within("the number of controls", header.len() as u64, limits.controls)?;
    let Some(columns) = Columns::find(&header) else { return Ok(None) };
    let named =
        if columns.controls.is_empty() { (0..header.len()).collect() } else { columns.controls.clone() };
    let names = named.iter().map(|&c| header.get(c).unwrap_or_default().to_owned()).collect();
    let mut track = Track { names: names::of_other_tools(names)?, ..Track::default() };

    let mut timecodes = Vec::new();
    let mut numbers = Vec::new();
    let mut angles: [Vec<[f32; 3]>; 3] = Default::default();
    let mut left_out = LeftOut::default();
    let mut row = csv::StringRecord::new();
    let mut rows = 0_usize;
    while reader.read_record(&mut row).map_err(fault)? {
        let whole = columns.row(&header, &row).and_then(|(stamp, weights, turned)| match stamp {
            Stamp::Timecode(timecode) if numbers.is_empty() => {
                timecodes.push(timecode);
                Ok((weights, turned))
            }
            Stamp::Number(number) if timecodes.is_empty() => {
                numbers.push(number);
                Ok((weights, turned))
            }
            Stamp::None => Ok((weights, turned)),
            _ => Err(invalid(place(&row), "its time is of another kind than those before")),
        });
        match whole {
            Ok((weights, turned)) => {
                rows += 1;
                within("the number of frames", rows as u64, limits.frames)?;
                within(
                    "the number of weights",
                    (track.weights.len() + weights.len()) as u64,
                    limits.weights,
                )?;
                track.weights.extend(weights);
                for (angles, turned) in angles.iter_mut().zip(turned) {
                    angles.extend(turned);
                }
            }
            Err(fault) => left_out.add(fault),
        }
    }
    if rows == 0 {
        return Err(left_out.all("row").unwrap_or_else(|| invalid("the track", "has no frames")));
    }
    left_out.warn("row", rows);
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
    let seconds = if !timecodes.is_empty() {
        timecode::seconds(&timecodes)
    } else if let Some((_, clock)) = columns.time {
        if clock == Clock::Frames {
            tracing::warn!(
                "a table with numbers of frames and no times: played at {} per second",
                times::USUAL_RATE
            );
        }
        clock.seconds(&mut numbers);
        numbers
    } else {
        tracing::warn!("a table without times: played at {} frames per second", times::USUAL_RATE);
        times::regular(rows, times::USUAL_RATE)?
    };
    times::place(&mut track, &seconds)?;
    Ok(Some(track))
}

fn place(row: &csv::StringRecord) -> String {
    format!("line {}", row.position().map_or(0, csv::Position::line))
}

impl Columns {
    fn find(header: &csv::StringRecord) -> Option<Self> {
        let find = |name: &str| header.iter().position(|h| h.eq_ignore_ascii_case(name));
        let angles = |of: &str| {
            let of = |angle: &str| find(&format!("{of}{angle}"));
            Some([of("Yaw")?, of("Pitch")?, of("Roll")?])
        };
        let clocks: Vec<(usize, Clock)> =
            header.iter().enumerate().filter_map(|(c, h)| Some((c, Clock::of_name(h)?))).collect();
        let timecode = find("Timecode").map(|c| (c, Clock::Unknown));
        let times = || clocks.iter().copied().find(|(_, clock)| *clock != Clock::Frames);
        let time = timecode.or_else(times).or_else(|| clocks.first().copied());
        let names: Vec<String> = header.iter().map(str::to_owned).collect();
        let known = canonical_among(&names);
        // Of two spellings of one shape the names are refused, which is told later.
        let controls: Vec<usize> = (0..names.len()).filter(|&c| known[c].is_some()).collect();
        let is_table = timecode.is_some() || names.iter().any(|name| canonical(name).is_some());
        is_table.then(|| Self { time, controls, angles: TURNING.map(angles), count: header.len() })
    }

    /// When `row` is, its weights and its angles.
    #[allow(clippy::type_complexity)] // Named, it would have to be explained twice.
    fn row(
        &self,
        header: &csv::StringRecord,
        row: &csv::StringRecord,
    ) -> Result<(Stamp, Vec<f32>, [Option<[f32; 3]>; 3]), RigError> {
        // Spreadsheets leave empty cells behind the last column.
        if row.len() < self.count || row.iter().skip(self.count).any(|cell| !cell.is_empty()) {
            return Err(invalid(place(row), format!("has {} columns, the header {}", row.len(), self.count)));
        }
        let text = |column: usize| row.get(column).unwrap_or_default();
        let number = |column: usize| {
            let value = parse(text(column)).map(|v| v as f32).filter(|v| v.is_finite());
            value.ok_or_else(|| {
                let name = header.get(column).unwrap_or_default();
                invalid(place(row), format!("{name} is {:.32?}", text(column)))
            })
        };
        let stamp = match self.time {
            None => Stamp::None,
            Some((column, _)) => {
                let text = text(column);
                let timecode = || Timecode::parse(text).map(Stamp::Timecode);
                let number = || parse(text).filter(|v| v.is_finite()).map(Stamp::Number);
                number()
                    .or_else(timecode)
                    .ok_or_else(|| invalid(place(row), format!("timecode {text:.32?}")))?
            }
        };
        let weights = self.controls.iter().map(|&c| number(c)).collect::<Result<_, _>>()?;
        let mut angles = [None; 3];
        for (angles, columns) in angles.iter_mut().zip(self.angles) {
            if let Some([yaw, pitch, roll]) = columns {
                *angles = Some([number(yaw)?, number(pitch)?, number(roll)?]);
            }
        }
        Ok((stamp, weights, angles))
    }
}

/// A number, with a decimal point or, as spreadsheets write it in many countries, a comma.
fn parse(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| text.contains(',').then(|| text.replacen(',', ".", 1).parse().ok())?)
}

/// Seen from the person: yaw to their right, pitch down, roll to their right shoulder, while +X is to their left.
fn rotation([yaw, pitch, roll]: [f32; 3]) -> Quat {
    Quat::from_euler(EulerRot::YXZ, -yaw, pitch, roll).normalize()
}
