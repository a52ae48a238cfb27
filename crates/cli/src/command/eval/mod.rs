//! `effigy eval`: how close an avatar comes to the pictures of a capture.

mod evaluation;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use effigy_capture::{Capture, CaptureOptions, Split};

use crate::capture_up::Up;
use crate::failure::{Interrupted, bad_input};
use crate::interrupt;
use crate::output::folder_of_file;
use crate::progress::Progress;
use crate::report::print;
use crate::source::SourceOptions;
use evaluation::{EvaluationOptions, evaluate};

/// Compare an avatar with the pictures of a capture.
///
/// Pictures are compared as they look over black. PSNR in dB, SSIM and MS-SSIM (of luma) are better when higher, FLIP and
/// the Laplacian-pyramid score when lower; over the whole frame, the capture's mask, and the face.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy eval anna.glb captures/anna
  effigy eval anna.glb captures/anna --html report --frames
  effigy eval anna.glb captures/anna --split train --json scores.json")]
pub(crate) struct Arguments {
    /// The avatar.
    avatar: PathBuf,
    /// The capture's folder.
    capture: PathBuf,
    /// Which pictures; the held-out ones if left out. Repeatable.
    #[arg(long, value_enum, value_name = "SPLIT")]
    split: Vec<SplitName>,
    /// Compare at half the size this many times over.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=8))]
    halve: u32,
    /// Also list every picture.
    #[arg(long)]
    frames: bool,
    /// Write all scores to a JSON file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write a page with every picture beside the truth to a new folder.
    #[arg(long, value_name = "FOLDER")]
    html: Option<PathBuf>,
    /// Controls for a capture that has none.
    #[arg(long, value_name = "FILE")]
    controls: Option<PathBuf>,
    /// Which axis of the capture's world is up.
    #[arg(long, value_enum, default_value_t = Up::Y, value_name = "AXIS")]
    up: Up,
    #[command(flatten)]
    source: SourceOptions,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SplitName {
    Train,
    #[value(name = "novel_view")]
    NovelView,
    #[value(name = "novel_expression")]
    NovelExpression,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    for file in [&arguments.json, &arguments.html].into_iter().flatten() {
        folder_of_file(file)?;
    }
    let avatar = arguments.source.open(&arguments.avatar)?;
    let capture_options = CaptureOptions {
        controls: arguments.controls.clone(),
        up_axis: arguments.up.into(),
        ..CaptureOptions::default()
    };
    let capture = Capture::open(&arguments.capture, &capture_options)?;
    for problem in capture.problems() {
        eprintln!("{problem}");
    }
    let mut options = EvaluationOptions {
        level: arguments.halve,
        page: arguments.html.clone(),
        ..EvaluationOptions::default()
    };
    if !arguments.split.is_empty() {
        options.splits = arguments
            .split
            .iter()
            .map(|split| match split {
                SplitName::Train => Split::Train,
                SplitName::NovelView => Split::NovelView,
                SplitName::NovelExpression => Split::NovelExpression,
            })
            .collect();
    }
    let count: usize = options.splits.iter().map(|&split| capture.split(split).count()).sum();
    if count == 0 {
        return Err(bad_input(format!(
            "{}: there is no picture of these splits; see --split",
            arguments.capture.display()
        )));
    }
    interrupt::watch();
    let bar = Progress::new(count as u64, "comparing");
    let report = evaluate(&avatar, &capture, &options, &mut |_| {
        bar.step();
        interrupt::check().is_ok()
    })?;
    drop(bar);
    let Some(report) = report else { return Err(Interrupted.into()) };
    if let Some(path) = &arguments.json {
        report.save_json(path, true)?;
    }
    if arguments.frames {
        print(report.frame_table().trim_end())?;
        print("")?;
    }
    print(report.table().trim_end())?;
    if let Some(page) = &arguments.html {
        print(&format!("{}", page.join("index.html").display()))?;
    }
    Ok(())
}
