//! `effigy stream`: a take becomes a stream of controls, which a receiver with the same avatar renders.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use effigy_avatar::Avatar;
use effigy_rig::{Pose, Rig};
use effigy_splat::{Camera, Frame};
use effigy_video::stream::{
    Configuration, EncoderOptions, Layout, Sensitivity, StreamEncoder, StreamError, StreamFile, StreamFrame,
    StreamLimits, StreamPlayer, StreamRenderer, find_quality, rendered_psnr, resample, stream_frames,
};
use serde::Serialize;

use crate::command::bundled;
use crate::engine::{Backend, Engine};
use crate::failure::bad_input;
use crate::framing::{CameraChoice, CameraPath, Size};
use crate::interrupt;
use crate::output::new_file;
use crate::performance::open_track;
use crate::progress::Progress;
use crate::report::{print, print_json};
use crate::source::SourceOptions;

/// Code a take as a stream of controls: some hundred bits a second instead of a video.
///
/// How finely is decided by pictures of the avatar that the receiver has. `effigy render --track` plays the result.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy stream take.csv -o take.effs
  effigy stream take.csv --avatar man.zip --psnr 55 -o take.effs
  effigy render man.zip --track take.effs -o man.mp4")]
pub(crate) struct Arguments {
    /// The take: a Live Link Face .csv, a .json of weights or a .glb with an animation of weights; the bundled one if
    /// left out.
    track: Option<PathBuf>,
    /// The avatar that the receiver renders; the bundled one if left out.
    #[arg(long, value_name = "FILE")]
    avatar: Option<PathBuf>,
    /// How near the receiver's pictures come to those of the take as it is, in dB over the whole picture.
    #[arg(long, default_value_t = 50.0, value_name = "DB")]
    psnr: f64,
    /// Frames a second.
    #[arg(long, default_value_t = 30.0)]
    fps: f64,
    /// Frames of a packet, 1 to 32: more cost delay and save bits.
    #[arg(long, default_value_t = 10, value_name = "N")]
    packet: usize,
    /// Seconds between the points at which a receiver can begin, or go on after loss.
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    access: f64,
    /// Size of the pictures that decide.
    #[arg(long, default_value = "256x256", value_name = "WxH")]
    size: Size,
    #[command(flatten)]
    source: SourceOptions,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    /// The stream.
    #[arg(short, long, default_value = "take.effs", value_name = "OUT")]
    output: PathBuf,
}

#[derive(Serialize)]
struct Report {
    output: PathBuf,
    frames: usize,
    seconds: f64,
    packets: usize,
    quality: u8,
    /// Of the pictures that were rendered to find the quality, once more as the receiver shows them.
    psnr_db: f64,
    payload_kbit_per_s: f64,
    /// With the headers of IPv4, UDP and RTP around every packet.
    wire_kbit_per_s: f64,
}

/// Bytes of IPv4, UDP and RTP headers.
const HEADERS: usize = 20 + 8 + 12;
/// Frames that are rendered to find the quality.
const SAMPLES: usize = 48;
/// Places of the take, besides rest, at which the effect of controls on pictures is measured.
const PLACES: usize = 4;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    interrupt::watch();
    if !(arguments.psnr > 0.0 && arguments.psnr.is_finite()) {
        return Err(bad_input(format!("--psnr {} is no number of decibels", arguments.psnr)));
    }
    let track = match &arguments.track {
        Some(path) => open_track(path)?,
        None => bundled::track()?,
    };
    let avatar = Arc::new(match &arguments.avatar {
        Some(path) => arguments.source.open(path)?,
        None => bundled::avatar()?,
    });
    let file = new_file(&arguments.output)?;
    let name = || arguments.track.as_ref().map_or("the bundled track".into(), |p| p.display().to_string());
    let (layout, frames) = stream_frames(&resample(&track, arguments.fps).with_context(name)?);
    let mut portrait = Portrait::new(&avatar, arguments.avatar.as_deref(), &layout, arguments)?;

    let progress = Progress::of_unknown_length("weighing controls");
    let typical = (1..=PLACES).filter_map(|i| frames.get(i * frames.len() / (PLACES + 1)).cloned());
    let around: Vec<StreamFrame> = std::iter::once(rest(&layout)).chain(typical).collect();
    let sensitivity = Sensitivity::measure(&layout, &around, &mut portrait)?;
    let mut configuration = Configuration::new(layout, arguments.fps)?;
    sensitivity.set_steps(&mut configuration)?;
    drop(progress);
    let progress = Progress::of_unknown_length("finding the quality");
    let mut options = EncoderOptions {
        frames_per_packet: arguments.packet,
        access_point_interval: arguments.access,
        ..EncoderOptions::default()
    };
    options.quality = find_quality(
        &configuration,
        &sensitivity,
        &options,
        &frames,
        arguments.psnr,
        SAMPLES,
        &mut portrait,
    )?;
    drop(progress);

    let mut encoder = StreamEncoder::new(configuration, Some(sensitivity), options.clone())?;
    let mut stream = StreamFile::default();
    for frame in &frames {
        stream.packets.extend(encoder.push(frame)?);
    }
    stream.packets.extend(encoder.flush()?);
    let (_, received) = stream.frames(&StreamLimits { kept_frames: u64::MAX, ..StreamLimits::default() })?;
    // The frames that `find_quality` looked at.
    let samples = SAMPLES.min(frames.len());
    let chosen = |all: &'_ [StreamFrame]| -> Vec<StreamFrame> {
        (0..samples).filter_map(|i| all.get((2 * i + 1) * frames.len() / (2 * samples)).cloned()).collect()
    };
    let psnr_db = rendered_psnr(&chosen(&frames), &chosen(&received), &mut portrait)?;
    let path = || arguments.output.display().to_string();
    let mut writer = std::io::BufWriter::new(file);
    stream.write(&mut writer).with_context(path)?;
    writer.flush().with_context(path)?;
    let file = writer.into_inner().with_context(path)?;
    file.persist(&arguments.output).with_context(path)?;

    let bytes: usize = stream.packets.iter().map(Vec::len).sum();
    let seconds = frames.len() as f64 / arguments.fps;
    let rate = |bytes: usize| 8e-3 * bytes as f64 / seconds;
    let report = Report {
        output: arguments.output.clone(),
        frames: frames.len(),
        seconds,
        packets: stream.packets.len(),
        quality: options.quality,
        psnr_db,
        payload_kbit_per_s: rate(bytes),
        wire_kbit_per_s: rate(bytes + HEADERS * stream.packets.len()),
    };
    if arguments.json {
        return print_json(&report);
    }
    print(&format!(
        "{}: {:.1} s at {:.3} kbit/s ({:.2} on the wire), {:.1} dB",
        report.output.display(),
        report.seconds,
        report.payload_kbit_per_s,
        report.wire_kbit_per_s,
        report.psnr_db
    ))
}

/// All controls at rest.
fn rest(layout: &Layout) -> StreamFrame {
    StreamFrame {
        controls: vec![0.0; layout.controls.len()],
        rotations: vec![glam::Quat::IDENTITY; layout.rotations.len()],
        ..StreamFrame::default()
    }
}

/// The avatar from the front, as the receiver shows it.
struct Portrait<'a> {
    rig: &'a Rig,
    player: StreamPlayer,
    pose: Pose,
    camera: Camera,
    engine: Engine,
    frame: Frame,
}

impl<'a> Portrait<'a> {
    fn new(
        avatar: &'a Arc<Avatar>,
        path: Option<&Path>,
        layout: &Layout,
        arguments: &Arguments,
    ) -> anyhow::Result<Self> {
        let Some(body) = &avatar.body else {
            let name = path.map_or("the bundled avatar".into(), |path| path.display().to_string());
            return Err(bad_input(format!("{name}: the avatar has no rig that a take could move")));
        };
        let (size, y_axis) = (Some(arguments.size), arguments.source.y_axis);
        let camera = CameraPath::new(&CameraChoice::Front, avatar, 0.0, 0.0, size, y_axis)?;
        Ok(Self {
            rig: &body.rig,
            player: StreamPlayer::new(layout, &body.rig)?,
            pose: Pose::rest(&body.rig),
            camera: camera.at(0, 1),
            engine: Engine::open(Backend::Auto, None, avatar, effigy_render::Precision::Full)?,
            frame: Frame::default(),
        })
    }

    fn draw(&mut self, frame: &StreamFrame) -> anyhow::Result<()> {
        interrupt::check()?;
        self.pose.reset(self.rig);
        self.player.apply(frame, &mut self.pose)?;
        self.engine.render(Some(&self.pose), &self.camera, &mut self.frame)
    }
}

impl StreamRenderer for Portrait<'_> {
    /// Over grey.
    fn picture(&mut self, frame: &StreamFrame) -> Result<Vec<f32>, StreamError> {
        self.draw(frame).map_err(|error| StreamError::Renderer(format!("{error:#}")))?;
        let over = |&[r, g, b, a]: &[f32; 4]| [r, g, b].map(|c| (c + 0.5 * (1.0 - a)).clamp(0.0, 1.0));
        Ok(self.frame.color.iter().flat_map(over).collect())
    }
}
