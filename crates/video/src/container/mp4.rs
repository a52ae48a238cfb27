//! MP4, its index in front.

use std::io::{self, Write};

use muxide::api::{Muxer, MuxerBuilder, MuxerError, VideoCodec};

use super::{Container, sample_entry};
use crate::VideoError;
use crate::encoder::{Codec, EncoderConfig, Packet};

/// What an MP4 with 32-bit offsets holds, less room for its index.
const MAX_BYTES: u64 = 4_000_000_000;

/// A video file with its index in front, for programs that read from the start. Packets are kept in memory until the
/// end, and nothing is written before; for long or live video there is [`super::FragmentedMp4`].
pub struct Mp4<W: Write + Send> {
    muxer: Option<Muxer<Completing<W>>>,
    written: Option<W>,
    frame_seconds: f64,
    first_dts: Option<i64>,
    bytes: u64,
}

impl<W: Write + Send> Mp4<W> {
    /// A file of what an encoder opened with `config` makes.
    ///
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Container`].
    pub fn new(writer: W, config: &EncoderConfig) -> Result<Self, VideoError> {
        config.validate()?;
        let (width, height) = sample_entry::coded_size(config);
        let (numerator, denominator) = config.frame_rate();
        let codec = match config.codec {
            Codec::H264 => VideoCodec::H264,
            Codec::H265 => VideoCodec::H265,
            Codec::Av1 => VideoCodec::Av1,
        };
        let frame_seconds = f64::from(denominator) / f64::from(numerator);
        let muxer = MuxerBuilder::new(Completing::new(writer, config))
            .video(codec, width, height, 1.0 / frame_seconds)
            .with_fast_start(true)
            .build()
            .map_err(failed)?;
        Ok(Self { muxer: Some(muxer), written: None, frame_seconds, first_dts: None, bytes: 0 })
    }

    /// What was written to, after [`Container::finish`] did so.
    pub fn into_writer(self) -> Option<W> {
        self.written
    }
}

fn failed(error: MuxerError) -> VideoError {
    match error {
        MuxerError::Io(error) => VideoError::Io(error),
        other => VideoError::Container(other.to_string()),
    }
}

impl<W: Write + Send> Container for Mp4<W> {
    fn write(&mut self, packet: &Packet) -> Result<(), VideoError> {
        let Some(muxer) = &mut self.muxer else {
            return Err(VideoError::Container("the MP4 has been finished".into()));
        };
        self.bytes += packet.data.len() as u64;
        if self.bytes > MAX_BYTES {
            return Err(VideoError::Container(format!(
                "an MP4 holds {MAX_BYTES} bytes; write a fragmented one"
            )));
        }
        // Decoding may start before the first picture is shown; a file's clock starts with decoding.
        let first = *self.first_dts.get_or_insert(packet.dts);
        let seconds = |time: i64| time as f64 * self.frame_seconds;
        let (pts, dts) = (seconds(packet.pts), seconds(packet.dts - first));
        muxer.write_video_with_dts(pts, dts, &packet.data, packet.key).map_err(failed)
    }

    fn finish(&mut self) -> Result<(), VideoError> {
        if self.first_dts.is_none() {
            return Err(VideoError::NoPictures);
        }
        let Some(mut muxer) = self.muxer.take() else { return Ok(()) };
        muxer.finish_in_place().map_err(failed)?;
        let mut writer = muxer.into_writer().writer;
        writer.flush()?;
        self.written = Some(writer);
        Ok(())
    }
}

/// Completes the index as it passes, and lets everything else through.
struct Completing<W> {
    writer: W,
    config: EncoderConfig,
    /// The boxes up to the media, until they are whole.
    head: Vec<u8>,
    passed: bool,
}

impl<W: Write> Completing<W> {
    fn new(writer: W, config: &EncoderConfig) -> Self {
        Self { writer, config: config.clone(), head: Vec::new(), passed: false }
    }

    /// Length of the first box in `head` from `at` on, once its header is there.
    fn box_at(&self, at: usize) -> Option<(usize, [u8; 4])> {
        let header: [u8; 8] = *self.head.get(at..)?.first_chunk()?;
        let [a, b, c, d, name @ ..] = header;
        Some((u32::from_be_bytes([a, b, c, d]) as usize, name))
    }
}

impl<W: Write> Write for Completing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.passed {
            return self.writer.write(bytes);
        }
        self.head.extend_from_slice(bytes);
        let mut at = 0;
        while let Some((size, name)) = self.box_at(at) {
            let end = at.saturating_add(size.max(8));
            if &name == b"moov" && self.head.len() >= end {
                let rest = self.head.split_off(end);
                let mut moov = self.head.split_off(at);
                sample_entry::complete(&mut moov, &self.config, true).map_err(io::Error::other)?;
                for part in [&self.head, &moov, &rest] {
                    self.writer.write_all(part)?;
                }
                self.head = Vec::new();
                self.passed = true;
                break;
            }
            if end > self.head.len() {
                break;
            }
            at = end;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
