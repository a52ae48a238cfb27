//! `effigy bench video`: what importance saves, and what a stream of controls saves over any video.

mod clip;
mod streams;
mod variant;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use effigy_quality::{CompareOptions, Ffmpeg, Interpolation, Labels, Region, Report, compare};
use effigy_video::encoder::{Codec, EncoderChoice, EncoderConfig, open};

use crate::engine::Backend;
use crate::failure::{Interrupted, bad_input};
use crate::framing::Size;
use crate::interrupt;
use crate::output::{PresetName, folder_of};
use crate::progress::Progress;
use crate::report::{print, print_json};
use crate::source::SourceOptions;
use clip::{Clip, ClipChoice, ClipOptions, FPS};
use variant::{Encoding, NONE, Variant, kbit_per_s};

/// Rate points for quantisers up to 51.
const POINTS: [f32; 4] = [23.0, 28.0, 33.0, 38.0];

/// Measure what importance saves: bits at equal quality, in the face and over the whole picture.
///
/// Renders clips, encodes them at several rates with and without filters and quantiser offsets, decodes, and measures.
/// BD-rate tells how many per cent more bits a variant takes than the encoder alone for the same quality. Videos but
/// H.264, and VMAF, VMAF-NEG and XPSNR, need an ffmpeg, which EFFIGY_FFMPEG may name.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy bench video
  effigy bench video --codec x264 --clip man.zip,speech.json --clip head.glb,take.csv,orbit:20 -o report
  effigy bench video --codec rav1e --variants none,focus --points 30,38,46,54 --every 61
  effigy bench video --stream --seconds 5 --json")]
pub(crate) struct Arguments {
    /// What is shown: an avatar (or "bundled"), the track that moves it (the animation of its own file, or else the
    /// bundled one, if left out), and a camera. The bundled avatar if left out; may be given again for more clips.
    #[arg(long = "clip", value_name = "AVATAR[,TRACK[,CAMERA]]")]
    clips: Vec<ClipChoice>,
    /// The encoder: openh264, rav1e, x264 (in a program built with that feature), or ffmpeg:NAME.
    #[arg(long, default_value = "openh264", value_name = "ENCODER")]
    codec: String,
    /// What the encoder may take its time for.
    #[arg(long, value_enum, default_value_t = PresetName::LowLatency)]
    preset: PresetName,
    /// none (the encoder alone), plain (a blur of the whole picture), focus (a blur around the face), learned (a
    /// trained network), roi (quantiser offsets, where the encoder takes them), roi+focus, roi+learned; all that there are
    /// if left out.
    #[arg(long, value_delimiter = ',', value_name = "VARIANT,...")]
    variants: Vec<Variant>,
    /// Quantisers of the rate points, at least four for BD-rate; 23,28,33,38 if left out, for AV1 28,35,41,47.
    #[arg(long, value_delimiter = ',', value_name = "Q,...")]
    points: Vec<f32>,
    /// Added to the quantisers of variants with offsets, which spend more at the same: their rates are then those of the
    /// encoder alone.
    #[arg(long, default_value_t = 3.0, allow_negative_numbers = true, value_name = "STEPS")]
    roi_shift: f32,
    /// Length of a clip, at 30 frames a second.
    #[arg(long, default_value_t = 10.0, allow_negative_numbers = true)]
    seconds: f64,
    /// Picture size.
    #[arg(long, default_value = "512x512", value_name = "WxH")]
    size: Size,
    /// Measure SSIM, MS-SSIM, SSIMULACRA2, FLIP and the Laplacian pyramid of every so manieth frame only. Odd numbers meet
    /// all kinds of frames.
    #[arg(long, default_value_t = 21, value_name = "N")]
    every: usize,
    /// Also code each clip's track as a stream of controls, and find what videos take for the same PSNR.
    #[arg(long)]
    stream: bool,
    /// How near a stream's pictures come to those of the track as it is, dB.
    #[arg(long, value_delimiter = ',', default_value = "45", value_name = "DB,...")]
    stream_psnr: Vec<f64>,
    /// What renders.
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// Take the GPU whose name contains this.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    #[command(flatten)]
    source: SourceOptions,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// A folder for report.html, a page with curves, and report.json.
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

impl Arguments {
    fn frames(&self) -> anyhow::Result<usize> {
        let frames = (self.seconds * FPS).round();
        match (1.0..=1e5).contains(&frames) {
            true => Ok(frames as usize),
            false => Err(bad_input(format!("--seconds {} is not a length of a clip", self.seconds))),
        }
    }

    /// The quantisers, which have a meaning for the codec with and without the shift.
    fn points(&self, codec: Codec) -> anyhow::Result<Vec<f32>> {
        let worst = if codec == Codec::Av1 { 63.0 } else { 51.0 };
        let points = match &self.points[..] {
            [] => POINTS.map(|point| (point * worst / 51.0).floor()).to_vec(),
            points => points.to_vec(),
        };
        let shifted = |point: f32| [point, point + self.roi_shift];
        match points.iter().copied().flat_map(shifted).find(|point| !(0.0..=worst).contains(point)) {
            Some(point) => Err(bad_input(format!("--points: {point} is not from 0 to {worst}"))),
            None => Ok(points),
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    interrupt::watch();
    let choice: EncoderChoice = arguments.codec.parse()?;
    let points = arguments.points(choice.codec()?)?;
    let frames = arguments.frames()?;
    if let Some(folder) = &arguments.output {
        folder_of(folder)?;
        if folder.exists() && !folder.is_dir() {
            return Err(bad_input(format!("{}: is not a folder", folder.display())));
        }
    }
    let ffmpeg = Ffmpeg::find();
    let encoding = Encoding {
        choice: &choice,
        preset: arguments.preset.into(),
        ffmpeg: ffmpeg.as_ref().map_err(ToString::to_string),
    };
    let variants = variants(arguments, &encoding)?;
    let clips = named(&arguments.clips);
    let options = ClipOptions {
        size: arguments.size,
        frames,
        backend: arguments.backend,
        adapter: arguments.adapter.as_deref(),
        source: arguments.source,
    };

    let title = format!("{}: bits by importance", arguments.codec);
    let mut report = Report::new(title, Some(NONE.to_string()), Interpolation::Piecewise);
    let mut streams = Vec::new();
    let rooms = tempfile::tempdir().context("a folder for pictures")?;
    for (choice, name) in clips {
        // A clip's pictures go before the next one's come.
        let room = tempfile::tempdir_in(rooms.path()).context("a folder for pictures")?;
        let clip = Clip::render(&choice, name, &options, room.path())?;
        measure(&clip, &encoding, &variants, &points, arguments, room.path(), &mut report)?;
        if arguments.stream {
            streams.extend(streams::measure(&choice, &clip, &encoding, arguments, room.path())?);
        }
        if let Some(folder) = &arguments.output {
            save(folder, &report, &streams)?;
        }
    }
    if arguments.json {
        return print_json(&whole(&report, &streams)?);
    }
    print(report.table().trim_end())?;
    if !streams.is_empty() {
        print(&format!("\n{}", streams::table(&streams)))?;
    }
    Ok(())
}

/// The variants that are asked for and that the encoder can do; without offsets where it takes none.
fn variants(arguments: &Arguments, encoding: &Encoding<'_>) -> anyhow::Result<Vec<Variant>> {
    let Size { width, height } = arguments.size;
    let mut config = EncoderConfig::new(width, height);
    (config.codec, config.preset) = (encoding.choice.codec()?, encoding.preset);
    // What the encoder cannot do at all comes out before anything is rendered.
    let takes_maps = open(encoding.choice, &config)?.capabilities().quality_map;
    let mut variants = match &arguments.variants[..] {
        [] => Variant::all(takes_maps),
        chosen => chosen.to_vec(),
    };
    if let Some(variant) = variants.iter().find(|variant| variant.roi && !takes_maps) {
        return Err(bad_input(format!(
            "--variants {variant}: {} takes no quantiser offsets; --codec x264 does",
            arguments.codec
        )));
    }
    if !variants.contains(&NONE) {
        variants.insert(0, NONE);
    }
    Ok(variants)
}

/// Clips with names that no two share.
fn named(choices: &[ClipChoice]) -> Vec<(ClipChoice, String)> {
    let bundled = ClipChoice::default();
    let choices = if choices.is_empty() { std::slice::from_ref(&bundled) } else { choices };
    let names: Vec<String> = choices.iter().map(ClipChoice::name).collect();
    let numbered = |i: usize| match names.iter().filter(|name| **name == names[i]).count() {
        1 => names[i].clone(),
        _ => format!("{} {}", names[i], i + 1),
    };
    choices.iter().enumerate().map(|(i, choice)| (choice.clone(), numbered(i))).collect()
}

/// Encodes `clip` in every way, and adds what comes out to the report.
fn measure(
    clip: &Clip,
    encoding: &Encoding<'_>,
    variants: &[Variant],
    points: &[f32],
    arguments: &Arguments,
    room: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut regions: Vec<Region> = clip.face.map(|rect| Region::rect("face", rect)).into_iter().collect();
    regions.push(Region::whole());
    let options = CompareOptions {
        regions,
        ffmpeg: encoding.ffmpeg.clone(),
        frames_per_second: Some(FPS),
        every: arguments.every,
        ..CompareOptions::default()
    };
    let progress = Progress::new((variants.len() * points.len()) as u64, "encoding and measuring");
    for &variant in variants {
        for point in points {
            let quality = if variant.roi { point + arguments.roi_shift } else { *point };
            let packets = encoding.encode(clip, variant, quality)?;
            let labels = Labels {
                clip: clip.name.clone(),
                variant: variant.to_string(),
                point: format!("{quality}"),
                kbit_per_s: Some(kbit_per_s(&packets, clip.frames)),
                ..Labels::default()
            };
            let mut decoded = encoding.decode(clip, packets, &room.join("packets"))?;
            let mut reference = clip.pictures()?;
            let mut go_on = |_| interrupt::check().is_ok();
            let comparison = compare(&mut reference, &mut *decoded, None, &options, &mut go_on)?;
            report.add(&labels, &comparison.ok_or(Interrupted)?);
            progress.step();
        }
    }
    Ok(())
}

/// The report, and what streams take where any were measured.
fn whole(report: &Report, streams: &[streams::Row]) -> anyhow::Result<serde_json::Value> {
    let mut whole: serde_json::Value = serde_json::from_str(&report.json(false))?;
    if !streams.is_empty() {
        whole["streams"] = serde_json::to_value(streams)?;
    }
    Ok(whole)
}

fn save(folder: &Path, report: &Report, streams: &[streams::Row]) -> anyhow::Result<()> {
    let name = || folder.display().to_string();
    std::fs::create_dir_all(folder).with_context(name)?;
    report.save_page(&folder.join("report.html"))?;
    let json = serde_json::to_string_pretty(&whole(report, streams)?)? + "\n";
    std::fs::write(folder.join("report.json"), json).with_context(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clips_of_one_name_are_numbered() {
        let clip = |text: &str| text.parse::<ClipChoice>().unwrap();
        let names = |clips: &[ClipChoice]| named(clips).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(&[]), ["bundled"]);
        assert_eq!(names(&[clip("a/x.glb"), clip("bundled"), clip("b/x.glb")]), ["x 1", "bundled", "x 3"]);
    }
}
