//! `effigy compare`: how near decoded pictures are to the ones that were encoded, and for how many bits.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use effigy_quality::{
    CompareOptions, Ffmpeg, Gather, Interpolation, Labels, Mask, Matrix, Rect, RectFinder, Region, Report,
    SourceOptions, compare, open_frames,
};

use crate::failure::{Interrupted, bad_input};
use crate::interrupt;
use crate::output::folder_of_file;
use crate::progress::Progress;
use crate::report::print;

/// Compare sequences of pictures with a reference.
///
/// A sequence is a folder of PNG pictures, one such picture, a Y4M file, or a video. PSNR in dB, SSIM, MS-SSIM,
/// SSIMULACRA2, VMAF, VMAF-NEG and XPSNR are better when higher, FLIP and the Laplacian-pyramid score when lower. Videos,
/// VMAF and XPSNR need an ffmpeg, which EFFIGY_FFMPEG may name, and VMAF one with libvmaf: what is missing is left out,
/// and said.
///
/// With at least four rate points a variant, BD-rate tells how many per cent more bits a variant takes than the first
/// for the same quality.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy compare clip.y4m clip.mp4
  effigy compare frames/ clip.mp4 --importance importance/ --html page.html
  effigy compare clip.y4m plain=p1.mp4 plain=p2.mp4 plain=p3.mp4 plain=p4.mp4 \\
                          roi=r1.mp4 roi=r2.mp4 roi=r3.mp4 roi=r4.mp4 --face 128,96,256,256")]
pub(crate) struct Arguments {
    /// What was encoded.
    reference: PathBuf,
    /// What came out. Files of one variant, such as rate points, share a name before "=".
    #[arg(required = true, value_name = "[VARIANT=]TEST")]
    tests: Vec<PathBuf>,
    /// Also measure this rectangle: left, top, width, height in pixels.
    #[arg(long, value_name = "X,Y,W,H", value_parser = rect, conflicts_with = "importance")]
    face: Option<Rect>,
    /// Also measure where importance is at least half: its rectangle over all frames, and its pixels. Grey pictures, one
    /// per frame.
    #[arg(long, value_name = "FRAMES")]
    importance: Option<PathBuf>,
    /// The variant that BD-rate is against; the first if left out.
    #[arg(long, value_name = "VARIANT")]
    anchor: Option<String>,
    /// Draw one cubic through the rate points, as BD-rate was first defined, instead of one piece by piece.
    #[arg(long)]
    cubic: bool,
    /// Measure SSIM, MS-SSIM, SSIMULACRA2, FLIP and the Laplacian pyramid of every so manieth frame only, to save time.
    #[arg(long, default_value_t = 1, value_name = "N")]
    every: usize,
    /// Frames per second, where the files do not say or are wrong.
    #[arg(long, value_name = "FPS", value_parser = rate)]
    fps: Option<f64>,
    /// The colour matrix of files that do not say theirs.
    #[arg(long, value_enum, default_value_t = MatrixName::Bt709, value_name = "MATRIX")]
    matrix: MatrixName,
    /// Write all scores to a JSON file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Every frame's scores in the JSON file too.
    #[arg(long, requires = "json")]
    frames: bool,
    /// Write a page with curves to an HTML file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum MatrixName {
    Bt601,
    Bt709,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for file in [&arguments.json, &arguments.html].into_iter().flatten() {
        folder_of_file(file)?;
    }
    let tests: Vec<(String, PathBuf)> = arguments.tests.iter().map(|test| variant_of(test)).collect();
    if let Some(anchor) = arguments.anchor.as_ref().filter(|a| tests.iter().all(|(variant, _)| variant != *a))
    {
        return Err(bad_input(format!("--anchor {anchor}: there is no such variant")));
    }
    let ffmpeg = Ffmpeg::find();
    let ffmpeg = ffmpeg.as_ref().map_err(ToString::to_string);
    let source = SourceOptions {
        matrix: match arguments.matrix {
            MatrixName::Bt601 => Matrix::Bt601,
            MatrixName::Bt709 => Matrix::Bt709,
        },
        ..SourceOptions::default()
    };
    interrupt::watch();
    let open = |path: &Path| open_frames(path, ffmpeg.clone(), &source);
    let mut options = CompareOptions {
        ffmpeg: ffmpeg.clone(),
        frames_per_second: arguments.fps,
        every: arguments.every,
        ..CompareOptions::default()
    };
    if let Some(rect) = arguments.face {
        options.regions.push(Region::rect("face", rect));
    }
    if let Some(path) = &arguments.importance {
        let mut finder = RectFinder::default();
        let mut frames = open(path)?;
        while let Some(picture) = frames.next_frame()? {
            interrupt::check()?;
            finder.push(&Mask::of_picture(&picture, options.mask_threshold));
        }
        let rect = finder
            .finish(Gather::Union)
            .ok_or_else(|| bad_input(format!("{}: importance is nowhere at least half", path.display())))?;
        options.regions.extend([Region::rect("face", rect), Region::mask("face pixels")]);
    }
    let interpolation = if arguments.cubic { Interpolation::Cubic } else { Interpolation::Piecewise };
    let title = format!("Compared with {}", arguments.reference.display());
    let mut report = Report::new(title, arguments.anchor.clone(), interpolation);
    let progress = Progress::of_unknown_length("comparing");
    for (variant, path) in tests {
        // Pictures and raw video have no rate worth telling.
        let coded =
            path.is_file() && !["png", "y4m"].iter().any(|e| path.extension().is_some_and(|x| x == *e));
        let kbit_per_s = match &ffmpeg {
            Ok(ffmpeg) if coded => Some(ffmpeg.stream_rate(&path, arguments.fps)?.kbit_per_s()),
            _ => None,
        };
        let (mut reference, mut decoded) = (open(&arguments.reference)?, open(&path)?);
        let mut masks = arguments.importance.as_deref().map(open).transpose()?;
        let masks = masks.as_mut().map(|m| &mut **m as _);
        let mut go_on = |_| interrupt::check().is_ok();
        let comparison = compare(&mut *reference, &mut *decoded, masks, &options, &mut go_on)?;
        let Some(comparison) = comparison else { return Err(Interrupted.into()) };
        let labels = Labels {
            clip: name_of(&arguments.reference),
            variant,
            point: name_of(&path),
            kbit_per_s,
            ..Labels::default()
        };
        report.add(&labels, &comparison);
    }
    drop(progress);
    if let Some(path) = &arguments.json {
        report.save_json(path, arguments.frames)?;
    }
    if let Some(path) = &arguments.html {
        report.save_page(path)?;
    }
    print(report.table().trim_end())
}

/// The name before "=" and the path behind it; the whole is a path where there is such a file, or no "=".
fn variant_of(test: &Path) -> (String, PathBuf) {
    let text = test.to_string_lossy();
    match text.split_once('=') {
        Some((variant, path)) if !test.exists() && !variant.is_empty() => (variant.into(), path.into()),
        _ => ("test".into(), test.to_owned()),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
}

fn rect(text: &str) -> Result<Rect, String> {
    let sides: Option<Vec<usize>> = text.split(',').map(|side| side.trim().parse().ok()).collect();
    match sides.as_deref() {
        Some(&[x, y, width, height]) if width > 0 && height > 0 => Ok(Rect { x, y, width, height }),
        _ => Err("four whole numbers are needed: left,top,width,height".into()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate.is_finite() => Ok(rate),
        _ => Err("a number above 0 is needed".into()),
    }
}
