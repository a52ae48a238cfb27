//! `effigy stream`: a take becomes a stream of controls, which a receiver with the same avatar renders.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use effigy_stream::{EncoderOptions, resample, stream_frames};
use serde::Serialize;

use crate::command::bundled;
use crate::command::take::{CodedTake, Portrait};
use crate::failure::bad_input;
use crate::framing::Size;
use crate::interrupt;
use crate::output::new_file;
use crate::performance::open_track;
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
    let path = arguments.avatar.as_deref();
    let mut portrait = Portrait::new(&avatar, path, &layout, arguments.size, arguments.source.y_axis)?;

    let options = EncoderOptions {
        frames_per_packet: arguments.packet,
        access_point_interval: arguments.access,
        ..EncoderOptions::default()
    };
    let coded = CodedTake::new(layout, &frames, arguments.fps, arguments.psnr, options, &mut portrait)?;
    let path = || arguments.output.display().to_string();
    let mut writer = std::io::BufWriter::new(file);
    coded.stream.write(&mut writer).with_context(path)?;
    writer.flush().with_context(path)?;
    let file = writer.into_inner().with_context(path)?;
    file.persist(&arguments.output).with_context(path)?;

    let (payload_kbit_per_s, wire_kbit_per_s) = coded.kbit_per_s();
    let report = Report {
        output: arguments.output.clone(),
        frames: frames.len(),
        seconds: frames.len() as f64 / arguments.fps,
        packets: coded.stream.packets.len(),
        quality: coded.quality,
        psnr_db: coded.psnr_db,
        payload_kbit_per_s,
        wire_kbit_per_s,
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
