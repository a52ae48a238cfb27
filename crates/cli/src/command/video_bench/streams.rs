//! A clip as a stream of controls, and as videos that come as near to the pictures.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use effigy_quality::{CompareOptions, Measure, compare};
use effigy_stream::{EncoderOptions, resample, stream_frames};
use effigy_video::encoder::{Codec, EncoderChoice};
use serde::{Serialize, Serializer};

use super::Arguments;
use super::clip::{Clip, ClipChoice, FPS};
use super::variant::{Encoding, NONE, kbit_per_s};
use crate::command::bundled;
use crate::command::take::{CodedTake, Portrait};
use crate::failure::{Interrupted, one_line};
use crate::interrupt;
use crate::performance::open_track;
use crate::progress::Progress;

/// One way to send a clip.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    clip: String,
    /// `stream`, or the encoder.
    way: String,
    /// The quality of a stream, or the quantiser of a video.
    quality: u32,
    kbit_per_s: f64,
    /// With the headers of IPv4, UDP and RTP around every packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    wire_kbit_per_s: Option<f64>,
    /// Over the whole picture, red, green and blue, against what was rendered from the controls as they are.
    #[serde(serialize_with = "decibels")]
    psnr_db: f64,
}

/// JSON has no infinity.
fn decibels<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_infinite() { serializer.serialize_str("inf") } else { serializer.serialize_f64(*value) }
}

/// What a stream of `clip`'s controls takes, and every encoder that is there for at least the same PSNR, each with the
/// largest quantiser that comes to it, or the smallest if none does. Nothing for a clip that no track moves, or whose
/// camera is not the usual one.
pub(super) fn measure(
    choice: &ClipChoice,
    clip: &Clip,
    encoding: &Encoding<'_>,
    arguments: &Arguments,
    room: &Path,
) -> anyhow::Result<Vec<Row>> {
    let path = choice.avatar.as_deref();
    let track = match (&choice.track, path) {
        (Some(path), _) => open_track(path)?,
        (None, None) => bundled::track()?,
        (None, Some(_)) => return Ok(Vec::new()),
    };
    if choice.moves() {
        return Ok(Vec::new());
    }
    let avatar = Arc::new(match path {
        Some(path) => arguments.source.open(path)?,
        None => bundled::avatar()?,
    });
    let resampled = resample(&track, FPS).with_context(|| clip.name.clone())?;
    let (layout, mut frames) = stream_frames(&resampled);
    frames.truncate(clip.frames);
    let mut portrait = Portrait::new(&avatar, path, &layout, clip.size, arguments.source.y_axis)?;
    let mut rows = Vec::new();
    let mut least: f64 = f64::INFINITY;
    for &target in &arguments.stream_psnr {
        let options = EncoderOptions::default();
        let coded = CodedTake::new(layout.clone(), &frames, FPS, target, options, &mut portrait)?;
        let (payload, wire) = coded.kbit_per_s();
        rows.push(Row {
            clip: clip.name.clone(),
            way: "stream".into(),
            quality: coded.quality.into(),
            kbit_per_s: payload,
            wire_kbit_per_s: Some(wire),
            psnr_db: coded.psnr_db,
        });
        least = least.min(coded.psnr_db);
    }
    for encoder in encoders() {
        let encoding =
            Encoding { choice: &encoder, preset: encoding.preset, ffmpeg: encoding.ffmpeg.clone() };
        match at_psnr(clip, &encoding, least, room) {
            Ok(row) => rows.push(row),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            // The other ways are still worth telling.
            Err(error) => eprintln!("effigy: {}: {}", name_of(&encoder), one_line(&error)),
        }
    }
    Ok(rows)
}

/// One of each codec, and x264 where it is there.
fn encoders() -> Vec<EncoderChoice> {
    let mut encoders = vec![EncoderChoice::OpenH264];
    if cfg!(feature = "x264") {
        encoders.push(EncoderChoice::X264);
    }
    encoders.push(EncoderChoice::Rav1e);
    encoders
}

fn name_of(encoder: &EncoderChoice) -> &str {
    match encoder {
        EncoderChoice::OpenH264 => "openh264",
        EncoderChoice::Rav1e => "rav1e",
        EncoderChoice::X264 => "x264",
        EncoderChoice::Ffmpeg(name) => name,
    }
}

/// The cheapest video of `clip` that comes to `wanted` dB.
fn at_psnr(clip: &Clip, encoding: &Encoding<'_>, wanted: f64, room: &Path) -> anyhow::Result<Row> {
    let worst = if encoding.choice.codec()? == Codec::Av1 { 63 } else { 51 };
    let progress = Progress::of_unknown_length("looking for a video as good as the stream");
    let tried = |quality: u32| -> anyhow::Result<Row> {
        let packets = encoding.encode(clip, NONE, quality as f32)?;
        let kbit_per_s = kbit_per_s(&packets, clip.frames);
        let mut decoded = encoding.decode(clip, packets, &room.join("packets"))?;
        let options = CompareOptions { measures: vec![Measure::PsnrRgb], ..CompareOptions::default() };
        let mut go_on = |_| interrupt::check().is_ok();
        let comparison = compare(&mut clip.pictures()?, &mut *decoded, None, &options, &mut go_on)?;
        let comparison = comparison.ok_or(Interrupted)?;
        let score = comparison.regions.first().and_then(|region| region.scores.first());
        let psnr_db = match score.map(|score| &score.result) {
            Some(Ok(score)) => score.pooled,
            Some(Err(reason)) => anyhow::bail!("{reason}"),
            None => f64::NAN,
        };
        Ok(Row {
            clip: clip.name.clone(),
            way: name_of(encoding.choice).into(),
            quality,
            kbit_per_s,
            wire_kbit_per_s: None,
            psnr_db,
        })
    };
    // Quantisers at and below `good` come to it, those from `bad` on do not: a larger one is worse.
    let (mut good, mut bad) = (0, worst + 1);
    let mut best = None;
    while bad - good > 1 {
        let middle = (good + bad) / 2;
        let row = tried(middle)?;
        if row.psnr_db >= wanted {
            good = middle;
            best = Some(row);
        } else {
            bad = middle;
        }
    }
    drop(progress);
    match best {
        Some(row) => Ok(row),
        None => tried(0),
    }
}

/// The rows as text.
pub(super) fn table(rows: &[Row]) -> String {
    let mut text = String::from("the clip as a stream of controls, and as videos that come as near\n");
    let width = rows.iter().map(|row| row.clip.chars().count()).max().unwrap_or(0).max(4);
    text += &format!(
        "{:width$}  {:9}  {:>7}  {:>9}  {:>12}  {:>8}",
        "clip", "way", "quality", "kbit/s", "with headers", "PSNR, dB"
    );
    for row in rows {
        let Row { clip, way, quality, kbit_per_s, psnr_db, .. } = row;
        let wire = row.wire_kbit_per_s.map_or("-".into(), |wire| format!("{wire:.2}"));
        text +=
            &format!("\n{clip:width$}  {way:9}  {quality:7}  {kbit_per_s:9.2}  {wire:>12}  {psnr_db:8.1}");
    }
    text
}
