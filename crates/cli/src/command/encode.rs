//! `effigy encode`: pictures that exist become a video.

use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use clap::Args;
use effigy_quality::{FrameSource as _, PngSequence, QualityError, SourceOptions, Y4mReader};
use effigy_splat::Frame;
use effigy_video::Importance;
use serde::Serialize;

use crate::background::Background;
use crate::failure::bad_input;
use crate::framing::Size;
use crate::interrupt;
use crate::output::{self, Kind, VideoOptions};
use crate::progress::Progress;
use crate::report::{print, print_json};

/// Encode existing pictures to a video.
///
/// They are a Y4M file, or a folder of PNGs, whose transparency --alpha side-by-side keeps.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy encode frames -o clip.mp4
  effigy encode clip.y4m --codec rav1e --crf 30 -o clip.mp4
  effigy encode views --fps 25 --alpha side-by-side --bitrate 2M -o views.mp4
  effigy encode clip.y4m --importance looks.y4m --prefilter focus --crf 30 -o clip.mp4
  effigy encode clip.y4m --audio speech.aac -o clip.mp4
  ffmpeg -i in.mov -f yuv4mpegpipe - | effigy encode - -o out.mp4")]
pub(crate) struct Arguments {
    /// A .y4m, a folder of .png in the order of the numbers in their names, or - for Y4M from standard input.
    input: PathBuf,
    /// How much a viewer looks at each pixel, for --roi and --prefilter focus or learned: as `effigy render --importance` writes
    /// it, a .y4m or a folder of grey .png, one for each picture.
    #[arg(long, value_name = "FILE")]
    importance: Option<PathBuf>,
    /// Frames a second; what a .y4m says, or else 30.
    #[arg(long, allow_negative_numbers = true)]
    fps: Option<f64>,
    /// What transparent pictures are put over: #rrggbb, black, white, grey; a dark grey if left out.
    #[arg(long, default_value = "transparent", hide_default_value = true)]
    background: Background,
    #[command(flatten)]
    video: VideoOptions,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    /// A .mp4, or a .y4m.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Report {
    output: PathBuf,
    frames: usize,
    width: u32,
    height: u32,
    fps: f64,
    bytes: u64,
    kbit_per_s: f64,
    seconds: f64,
}

/// Pictures as they are read.
enum Input {
    Y4m(Y4mReader),
    Pngs(PngSequence),
}

impl Input {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let options = SourceOptions::default();
        if path == Path::new("-") {
            let input = Box::new(BufReader::with_capacity(1 << 16, std::io::stdin()));
            return Ok(Self::Y4m(Y4mReader::of_stream("standard input", input, &options)?));
        }
        let is_png = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"));
        Ok(match path.is_dir() || is_png {
            true => Self::Pngs(PngSequence::open(path, &options)?),
            false => Self::Y4m(Y4mReader::open(path, &options)?),
        })
    }

    fn name(&self) -> String {
        match self {
            Self::Y4m(reader) => reader.name(),
            Self::Pngs(sequence) => sequence.name(),
        }
    }

    fn fps(&self) -> Option<f64> {
        match self {
            Self::Y4m(reader) => reader.frames_per_second(),
            Self::Pngs(_) => None,
        }
    }

    /// The next picture; `false` after the last.
    fn read_into(&mut self, frame: &mut Frame) -> Result<bool, QualityError> {
        let size = match self {
            Self::Y4m(reader) => reader.read_into(&mut frame.color)?,
            Self::Pngs(sequence) => sequence.read_into(&mut frame.color)?,
        };
        let Some((width, height)) = size else { return Ok(false) };
        (frame.width, frame.height) = (width as u32, height as u32);
        frame.depth.clear();
        frame.depth.resize(frame.color.len(), 0.0);
        Ok(true)
    }
}

/// The importance of every picture, beside it.
struct Beside {
    input: Input,
    frame: Frame,
    values: Vec<f32>,
}

impl Beside {
    /// That of the next picture, which is `size` large and the `number`th of `pictures`.
    fn next(&mut self, size: Size, number: usize, pictures: &str) -> anyhow::Result<Importance<'_>> {
        let name = self.input.name();
        if !self.input.read_into(&mut self.frame)? {
            return Err(bad_input(format!("{name} ends after {number} pictures, {pictures} goes on")));
        }
        let (width, height) = (self.frame.width, self.frame.height);
        if (width, height) != (size.width, size.height) {
            return Err(bad_input(format!(
                "{name}: picture {number} is {width}x{height} and that of {pictures} {}x{}",
                size.width, size.height
            )));
        }
        self.values.clear();
        self.values.extend(self.frame.color.iter().map(|pixel| pixel[0]));
        Ok(Importance::new(width, height, &self.values)?)
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    interrupt::watch();
    let path = &arguments.output;
    let kind = Kind::of(path)?;
    if !matches!(kind, Kind::Mp4 | Kind::Y4m) {
        return Err(bad_input(format!("{}: videos are .mp4 or .y4m", path.display())));
    }
    if is_same(path, &arguments.input) || arguments.importance.as_deref().is_some_and(|i| is_same(path, i)) {
        return Err(bad_input(format!("{}: is an input", path.display())));
    }
    match (arguments.video.need_importance(), &arguments.importance) {
        (true, None) => return Err(bad_input("--roi and --prefilter focus or learned need --importance")),
        (false, Some(_)) => {
            return Err(bad_input("--importance is for --roi and --prefilter focus or learned"));
        }
        _ => {}
    }
    let mut input = Input::open(&arguments.input)?;
    let mut beside = match &arguments.importance {
        Some(path) if path == Path::new("-") => {
            return Err(bad_input("--importance is a file or a folder"));
        }
        Some(path) => Some(Beside { input: Input::open(path)?, frame: Frame::default(), values: Vec::new() }),
        None => None,
    };
    let fps = arguments.fps.or(input.fps()).unwrap_or(30.0);
    if !(0.1..=1000.0).contains(&fps) {
        return Err(bad_input(format!("--fps {fps} is not a frame rate from 0.1 to 1000")));
    }

    let name = input.name();
    let progress = Progress::of_unknown_length("encoding");
    let mut frame = Frame::default();
    let (mut sink, mut size, mut frames) = (None, Size { width: 0, height: 0 }, 0);
    while input.read_into(&mut frame)? {
        interrupt::check()?;
        let sink = match &mut sink {
            Some(sink) => sink,
            none => {
                // The first picture tells the size.
                size = Size { width: frame.width, height: frame.height };
                none.insert(output::open(kind, path, size, fps, arguments.background.0, &arguments.video)?)
            }
        };
        let here = Size { width: frame.width, height: frame.height };
        let importance = match &mut beside {
            Some(beside) => Some(beside.next(here, frames, &name)?),
            None => None,
        };
        sink.write(&mut frame, importance.as_ref())?;
        frames += 1;
    }
    let Some(sink) = sink else { return Err(bad_input(format!("{name}: has no pictures"))) };
    if let Some(beside) = &mut beside
        && beside.input.read_into(&mut beside.frame)?
    {
        let importance = beside.input.name();
        return Err(bad_input(format!("{name} ends after {frames} pictures, {importance} goes on")));
    }
    sink.finish()?;
    drop(progress);

    let bytes = std::fs::metadata(path).with_context(|| path.display().to_string())?.len();
    let report = Report {
        output: path.clone(),
        frames,
        width: size.width,
        height: size.height,
        fps,
        bytes,
        kbit_per_s: 8e-3 * bytes as f64 * fps / frames as f64,
        seconds: started.elapsed().as_secs_f64(),
    };
    if arguments.json {
        return print_json(&report);
    }
    print(&format!(
        "{}: {} of {}x{} at {:.0} kbit/s in {:.1} s",
        report.output.display(),
        if frames == 1 { "1 frame".into() } else { format!("{frames} frames") },
        report.width,
        report.height,
        report.kbit_per_s,
        report.seconds
    ))
}

/// Whether two paths lead to the same file.
fn is_same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
