//! MP4, its index in front.

use std::io::{self, Write};

use muxide::api::{AacProfile, Muxer, MuxerBuilder, MuxerError, VideoCodec};

use super::{Container, sample_entry};
use crate::VideoError;
use crate::audio::{AudioCodec, AudioTrack};
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
    sound: Option<AudioTrack>,
    /// Seconds of all pictures so far.
    length: f64,
}

impl<W: Write + Send> Mp4<W> {
    /// A file of what an encoder opened with `config` makes.
    ///
    /// # Errors
    /// [`VideoError::Settings`], [`VideoError::Container`].
    pub fn new(writer: W, config: &EncoderConfig) -> Result<Self, VideoError> {
        Self::with_sound(writer, config, None)
    }

    /// As [`Self::new`], with sound as it is, as long as there are pictures.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_sound(
        writer: W,
        config: &EncoderConfig,
        sound: Option<AudioTrack>,
    ) -> Result<Self, VideoError> {
        config.validate()?;
        let (width, height) = config.coded_size();
        let (numerator, denominator) = config.frame_rate();
        let codec = match config.codec {
            Codec::H264 => VideoCodec::H264,
            Codec::H265 => VideoCodec::H265,
            Codec::Av1 => VideoCodec::Av1,
        };
        let frame_seconds = f64::from(denominator) / f64::from(numerator);
        let mut completing = Completing::new(writer, config);
        completing.pre_skip = sound.as_ref().map(AudioTrack::pre_skip);
        let mut builder = MuxerBuilder::new(completing)
            .video(codec, width, height, 1.0 / frame_seconds)
            .with_fast_start(true);
        if let Some(sound) = &sound {
            let codec = match sound.codec() {
                AudioCodec::Aac => muxide::api::AudioCodec::Aac(AacProfile::Lc),
                AudioCodec::Opus => muxide::api::AudioCodec::Opus,
            };
            builder = builder.audio(codec, sound.sample_rate(), sound.channels());
        }
        Ok(Self {
            muxer: Some(builder.build().map_err(failed)?),
            written: None,
            frame_seconds,
            first_dts: None,
            bytes: 0,
            sound,
            length: 0.0,
        })
    }

    /// What was written to, after [`Container::finish`] did so.
    pub fn into_writer(self) -> Option<W> {
        self.written
    }
}

fn too_long() -> VideoError {
    VideoError::Container(format!("an MP4 holds {MAX_BYTES} bytes; write a fragmented one"))
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
            return Err(too_long());
        }
        // Decoding may start before the first picture is shown; a file's clock starts with decoding.
        let first = *self.first_dts.get_or_insert(packet.dts);
        let seconds = |time: i64| time as f64 * self.frame_seconds;
        let (pts, dts) = (seconds(packet.pts), seconds(packet.dts - first));
        self.length = self.length.max(pts + self.frame_seconds);
        muxer.write_video_with_dts(pts, dts, &packet.data, packet.key).map_err(failed)
    }

    fn finish(&mut self) -> Result<(), VideoError> {
        if self.first_dts.is_none() {
            return Err(VideoError::NoPictures);
        }
        let Some(mut muxer) = self.muxer.take() else { return Ok(()) };
        // In the file they are put in order of time.
        for (start, data) in self.sound.iter().flat_map(AudioTrack::packets) {
            if start >= self.length {
                break;
            }
            self.bytes += data.len() as u64;
            if self.bytes > MAX_BYTES {
                return Err(too_long());
            }
            muxer.write_audio(start, data).map_err(failed)?;
        }
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
    /// Of Opus beside the video.
    pre_skip: Option<u16>,
    /// The boxes up to the media, until they are whole.
    head: Vec<u8>,
    passed: bool,
}

impl<W: Write> Completing<W> {
    fn new(writer: W, config: &EncoderConfig) -> Self {
        Self { writer, config: config.clone(), pre_skip: None, head: Vec::new(), passed: false }
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
                if let Some(samples) = self.pre_skip {
                    sample_entry::set_pre_skip(&mut moov, samples);
                }
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
