//! `effigy render`: an avatar, a track and a camera become pictures or a video.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use effigy_render::{FrameRenderer, GpuFrames, Precision};
use effigy_splat::Frame;
use effigy_video::Importance;
use serde::Serialize;

use crate::background::Background;
use crate::command::bundled;
use crate::engine::{Backend, Engine};
use crate::failure::bad_input;
use crate::framing::{CameraChoice, CameraPath, Size};
use crate::interrupt;
use crate::light::LightOptions;
use crate::output::{self, DeviceVideo, ImportanceFile, Kind, VideoOptions};
use crate::performance::Performance;
use crate::progress::Progress;
use crate::report::{print, print_json};
use crate::source::SourceOptions;

/// Render an avatar to a picture, a folder of pictures or a video.
///
/// With no arguments, plays the bundled avatar and track to effigy.mp4.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy render
  effigy render man.zip --track take.csv -o man.mp4
  effigy render man.glb --camera orbit:30 --seconds 6 --size 1920x1080 -o man.mp4
  effigy render man.glb --codec ffmpeg:libx265 --crf 24 -o man.mp4
  effigy render man.glb --alpha side-by-side --bitrate 2M -o man.mp4
  effigy render man.glb --prefilter focus --crf 30 -o man.mp4
  effigy render man.glb --codec x264 --roi --crf 28 -o man.mp4
  effigy render man.zip --track take.csv --audio take.opus -o man.mp4
  effigy render man.glb --importance looks.y4m -o man.y4m
  effigy render body.spz -o body.png
  effigy render head.glb --track take.csv --time 2.5 --background '#204060' -o still.png
  effigy render head.glb --ambient 0.25 --key 1.2 --key-from 60,30 -o lit.png
  effigy render head.glb --camera transforms.json -o views")]
pub(crate) struct Arguments {
    /// The avatar: .glb, .gltf, .vrm, .ply, .spz, .splat, .ksplat, .sog or a LAM .zip. The bundled one if left out.
    avatar: Option<PathBuf>,
    /// What it does: a Live Link Face .csv, a .json of weights, a .glb with an animation of weights, or a .effs.
    #[arg(long, value_name = "FILE")]
    track: Option<PathBuf>,
    /// front, orbit (a full turn), orbit:DEGREES (to and fro), or a transforms.json or cameras.json.
    #[arg(long, default_value = "front", value_name = "CAMERA")]
    camera: CameraChoice,
    /// Turn the camera about the avatar, degrees to its left.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_name = "DEGREES")]
    yaw: f32,
    /// Raise the camera, degrees.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_name = "DEGREES")]
    pitch: f32,
    /// Picture size; 720x720, or what the camera file says.
    #[arg(long, value_name = "WxH")]
    size: Option<Size>,
    /// Frames a second.
    #[arg(long, default_value_t = 30.0, allow_negative_numbers = true)]
    fps: f64,
    /// Length of a video or a folder of pictures; that of the track, or 4 s for a moving camera.
    #[arg(long, allow_negative_numbers = true)]
    seconds: Option<f64>,
    /// Where in the track to start, or the instant that a single picture shows.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true, value_name = "SECONDS")]
    time: f64,
    /// transparent, or a colour: #rrggbb, black, white, grey. Videos, which cannot be transparent, get a dark grey.
    #[arg(long, default_value = "transparent")]
    background: Background,
    #[command(flatten)]
    light: LightOptions,
    /// What renders.
    #[arg(long, value_enum, default_value_t = Backend::Auto)]
    backend: Backend,
    /// Take the GPU whose name contains this (see `effigy adapters`).
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    #[command(flatten)]
    video: VideoOptions,
    /// Also write how much a viewer looks at each pixel, for `effigy encode` and `effigy compare`: a .y4m, or a folder of
    /// grey pictures (no extension).
    #[arg(long, value_name = "OUT")]
    importance: Option<PathBuf>,
    #[command(flatten)]
    source: SourceOptions,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    /// A .png, a .exr, a .mp4, a .y4m, or a folder of pictures (no extension).
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

#[derive(Serialize)]
struct Report {
    output: PathBuf,
    frames: usize,
    width: u32,
    height: u32,
    fps: f64,
    backend: &'static str,
    device: String,
    seconds: f64,
}

/// More frames than this are taken for a mistyped number.
const MAX_FRAMES: f64 = 1e6;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let started = Instant::now();
    interrupt::watch();
    let path = arguments.output.clone().unwrap_or_else(|| "effigy.mp4".into());
    let kind = Kind::of(&path)?;
    if !(0.1..=1000.0).contains(&arguments.fps) {
        return Err(bad_input(format!("--fps {} is not a frame rate from 0.1 to 1000", arguments.fps)));
    }
    if [arguments.time as f32, arguments.yaw, arguments.pitch].iter().any(|v| !v.is_finite()) {
        return Err(bad_input("--time, --yaw or --pitch is out of range"));
    }
    if arguments.importance.as_ref() == Some(&path) {
        return Err(bad_input(format!("{}: --importance and -o are two files", path.display())));
    }
    let light = arguments.light.light()?;

    let loading = Progress::of_unknown_length("loading");
    let avatar = Arc::new(match &arguments.avatar {
        Some(path) => arguments.source.open(path)?,
        None => bundled::avatar()?,
    });
    drop(loading);
    let mut performance =
        Performance::open(&avatar, arguments.avatar.as_deref(), arguments.track.as_deref())?;
    let camera = CameraPath::new(
        &arguments.camera,
        &avatar,
        arguments.yaw,
        arguments.pitch,
        arguments.size,
        arguments.source.y_axis,
    )?;
    let frames = frame_count(arguments, kind, &performance, &camera)?;
    let first = camera.at(0, frames);
    let size = Size { width: first.width, height: first.height };
    let video = arguments.video.with_audio_from(arguments.time);
    // Files hold 8 bits a channel, but half floats would already round what is compared and encoded.
    let mut engine = Engine::open(arguments.backend, arguments.adapter.as_deref(), &avatar, Precision::Full)?;
    engine.frames.set_light(light);
    let work = Work { arguments, kind, path: &path, size, frames, camera: &camera, video: &video };
    if video.need_importance() || arguments.importance.is_some() {
        engine.frames.watch_importance();
    }
    let fits = arguments.importance.is_none() && DeviceVideo::can(kind, &video);
    match engine.on_gpu().filter(|_| fits) {
        Some(frames) => work.on_device(frames, &mut performance)?,
        None => work.in_memory(&mut engine.frames, &mut performance)?,
    }

    let report = Report {
        output: path,
        frames,
        width: size.width,
        height: size.height,
        fps: arguments.fps,
        backend: engine.kind(),
        device: engine.describe(),
        seconds: started.elapsed().as_secs_f64(),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        let frames = if frames == 1 { "1 frame".into() } else { format!("{frames} frames") };
        print(&format!(
            "{}: {frames} of {}x{} in {:.1} s on {}",
            report.output.display(),
            report.width,
            report.height,
            report.seconds,
            report.device
        ))?;
    }
    Ok(())
}

/// Which frames are rendered, and to what.
struct Work<'a> {
    arguments: &'a Arguments,
    kind: Kind,
    path: &'a Path,
    size: Size,
    frames: usize,
    camera: &'a CameraPath,
    video: &'a VideoOptions,
}

impl Work<'_> {
    /// Where in the track frame `index` is, seconds.
    fn time(&self, index: usize) -> f64 {
        self.arguments.time + index as f64 / self.arguments.fps
    }

    /// Every picture comes to the CPU.
    fn in_memory(&self, drawn: &mut FrameRenderer, performance: &mut Performance<'_>) -> anyhow::Result<()> {
        let Arguments { fps, importance, .. } = self.arguments;
        let mut sink =
            output::open(self.kind, self.path, self.size, *fps, self.arguments.background.0, self.video)?;
        let mut beside = match importance {
            Some(path) => Some(ImportanceFile::create(path, self.size, *fps)?),
            None => None,
        };
        let looks = self.video.need_importance() || beside.is_some();
        let progress = Progress::new(self.frames as u64, "rendering");
        let (mut frame, mut values) = (Frame::default(), Vec::new());
        for i in 0..self.frames {
            interrupt::check()?;
            let pose = performance.pose_at(self.time(i));
            let camera = self.camera.at(i, self.frames);
            drawn.render(pose, &camera, &mut frame)?;
            if looks {
                drawn.importance(&camera, &mut values)?;
            }
            let importance = match looks {
                true => Some(Importance::new(frame.width, frame.height, &values)?),
                false => None,
            };
            sink.write(&mut frame, importance.as_ref())?;
            if let Some(beside) = &mut beside {
                beside.write(&values)?;
            }
            progress.step();
        }
        sink.finish()?;
        beside.map_or(Ok(()), ImportanceFile::finish)
    }

    /// Pictures are prepared where they are drawn, and encoded beside the renderer.
    fn on_device(&self, drawn: &mut GpuFrames, performance: &mut Performance<'_>) -> anyhow::Result<()> {
        let Arguments { fps, background, .. } = self.arguments;
        let mut video = DeviceVideo::create(self.path, self.size, *fps, background.0, self.video, drawn)?;
        let progress = Progress::new(self.frames as u64, "rendering");
        for i in 0..self.frames {
            interrupt::check()?;
            let pose = performance.pose_at(self.time(i));
            video.add(drawn, pose, &self.camera.at(i, self.frames))?;
            progress.step();
        }
        video.finish()
    }
}

fn frame_count(
    arguments: &Arguments,
    kind: Kind,
    performance: &Performance<'_>,
    camera: &CameraPath,
) -> anyhow::Result<usize> {
    if matches!(kind, Kind::Png | Kind::Exr) {
        return Ok(1);
    }
    let seconds = match (arguments.seconds, performance.duration()) {
        (Some(seconds), _) => seconds,
        // A list of cameras on a still avatar is a list of pictures.
        (None, None) if camera.listed().is_some() => return Ok(camera.listed().unwrap_or(1)),
        (None, Some(seconds)) => (seconds - arguments.time).max(0.0),
        (None, None) if camera.moves() => 4.0,
        (None, None) => 1.0 / arguments.fps,
    };
    let frames = (seconds * arguments.fps).round().max(1.0);
    if !(seconds > 0.0 || arguments.seconds.is_none()) || !(frames <= MAX_FRAMES) {
        return Err(bad_input(format!("{seconds} s at {} frames/s is not a length of video", arguments.fps)));
    }
    Ok(frames as usize)
}
