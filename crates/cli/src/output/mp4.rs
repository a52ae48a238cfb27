//! H.264 in MP4, by openh264 and muxide.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use effigy_splat::Frame;
use muxide::api::{Muxer, MuxerBuilder, VideoCodec};
use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Encoder, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode,
    VuiConfig,
};
use tempfile::TempPath;

use super::yuv::Planes;
use super::{Sink, new_file};
use crate::failure::bad_input;
use crate::framing::Size;

/// What openh264 can encode: level 5.2.
const MAX_WIDTH: u32 = 3840;
const MAX_HEIGHT: u32 = 2160;
/// Bits a pixel at which faces look clean.
const BITS_PER_PIXEL: f64 = 0.25;

/// A video being written.
pub(super) struct Video {
    path: PathBuf,
    size: Size,
    partial: TempPath,
    encoder: Encoder,
    muxer: Muxer<BufWriter<File>>,
    planes: Planes,
    bitstream: Vec<u8>,
    background: [f32; 3],
    fps: f64,
    frames: u64,
}

impl Video {
    pub(super) fn create(path: &Path, size: Size, fps: f64, background: [f32; 3]) -> anyhow::Result<Self> {
        let (width, height) = (size.width.next_multiple_of(2), size.height.next_multiple_of(2));
        let (long, short) = (width.max(height), width.min(height));
        if long > MAX_WIDTH || !(16..=MAX_HEIGHT).contains(&short) {
            return Err(bad_input(format!(
                "{width}x{height} cannot be encoded as H.264 here: 16x16 to {MAX_WIDTH}x{MAX_HEIGHT} can; write a \
                 folder of pictures instead"
            )));
        }
        let bits = (BITS_PER_PIXEL * f64::from(width * height) * fps).clamp(200_000.0, 200e6);
        let config = EncoderConfig::new()
            .rate_control_mode(RateControlMode::Bufferbased)
            .bitrate(BitRate::from_bps(bits as u32))
            .max_frame_rate(FrameRate::from_hz(fps as f32))
            .qp(QpRange::new(8, 32))
            .skip_frames(false)
            .num_threads(1)
            .intra_frame_period(IntraFramePeriod::from_num_frames((2.0 * fps).ceil() as u32))
            .vui(VuiConfig::bt709());
        let encoder = Encoder::with_api_config(OpenH264API::from_source(), config).map_err(|error| {
            anyhow!("the H.264 encoder refuses {width}x{height} at {fps} frames/s: {error}")
        })?;
        let (file, partial) = new_file(path)?.into_parts();
        let muxer = MuxerBuilder::new(BufWriter::new(file))
            .video(VideoCodec::H264, width, height, fps)
            .with_fast_start(true)
            .build()?;
        Ok(Self {
            path: path.into(),
            size,
            partial,
            encoder,
            muxer,
            planes: Planes::default(),
            bitstream: Vec::new(),
            background,
            fps,
            frames: 0,
        })
    }
}

impl Sink for Video {
    fn write(&mut self, frame: &Frame) -> anyhow::Result<()> {
        if (frame.width, frame.height) != (self.size.width, self.size.height) {
            return Err(bad_input(format!(
                "{}: picture {} is {}x{} and the first {}x{}; a video needs one size (--size)",
                self.path.display(),
                self.frames,
                frame.width,
                frame.height,
                self.size.width,
                self.size.height
            )));
        }
        self.planes.convert(frame, self.background);
        let encoded =
            self.encoder.encode(&self.planes).map_err(|error| anyhow!("the H.264 encoder: {error}"))?;
        let key = matches!(encoded.frame_type(), FrameType::IDR | FrameType::I);
        self.bitstream.clear();
        encoded.write_vec(&mut self.bitstream);
        self.muxer.write_video(self.frames as f64 / self.fps, &self.bitstream, key)?;
        self.frames += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        self.muxer.finish_in_place()?;
        use std::io::Write;
        self.muxer.into_writer().flush().with_context(|| self.path.display().to_string())?;
        self.partial.persist(&self.path).with_context(|| self.path.display().to_string())
    }
}
