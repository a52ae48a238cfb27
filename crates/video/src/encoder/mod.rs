//! Encoders behind one trait, and the decoder that shows what has become of a picture.
//!
//! openh264 is always there. rav1e comes with feature `av1`. Feature `x264` links libx264, which is under the GNU GPL: a
//! program built with it may only be passed on under that licence. FFmpeg's encoders run in a process of their own and
//! set no terms.

mod ffmpeg;
mod gate;
mod h264;
mod h264_decoder;
mod picture;
#[cfg(feature = "av1")]
mod rav1e;
#[cfg(feature = "x264")]
mod x264;

use std::str::FromStr;

pub use ffmpeg::{Ffmpeg, FfmpegOptions};
pub use gate::{Backend, Gated};
pub use h264::OpenH264;
pub use h264_decoder::{Decoded, H264Decoder};
pub use picture::{ColorInfo, Layout, Matrix, Picture, Planar};
#[cfg(feature = "av1")]
pub use rav1e::Rav1e;
#[cfg(feature = "x264")]
pub use x264::X264;

use crate::VideoError;

/// What a stream is coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// ITU-T H.264, packets in Annex B form.
    H264,
    /// ITU-T H.265, packets in Annex B form.
    H265,
    /// AV1, packets are temporal units of open bitstream units with sizes, without temporal delimiters.
    Av1,
}

/// What the stream's rate follows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Constant quality: a quantiser from 0 (best) to 51 with H.264 and H.265, to 63 with AV1.
    Quality(f32),
    /// Bits a second on average.
    Bitrate(u32),
}

/// What an encoder may take its time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// No B-frames and as little look-ahead as the encoder has: openh264's and x264's pictures, also through
    /// FFmpeg, leave before the next one comes.
    LowLatency,
    /// Whatever gives the best picture at the rate in reasonable time.
    Offline,
}

/// What talking heads over a plain background take with openh264: at quantiser 30 so many bits a pixel ...
const TYPICAL_QUANTISER: f64 = 30.0;
const TYPICAL_BITS: f64 = 0.0126;
/// ... and half of them for so many quantiser steps more.
const QUANTISER_OF_HALF: f64 = 6.0;

/// How to encode.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderConfig {
    /// What to encode to.
    pub codec: Codec,
    /// Width of every picture, pixels.
    pub width: u32,
    /// Height of every picture, pixels.
    pub height: u32,
    /// Pictures a second.
    pub fps: f64,
    /// How every picture lies in memory.
    pub layout: Layout,
    /// What every picture's numbers mean; written to the stream.
    pub color: ColorInfo,
    /// What the rate follows.
    pub rate: Rate,
    /// Delay against quality.
    pub preset: Preset,
    /// Pictures from a key frame to the next at most; 0 for the first one only.
    pub key_interval: u32,
    /// The most bytes a packet may have, for encoders with [`Capabilities::max_frame_bytes`].
    pub max_frame_bytes: Option<u32>,
    /// Threads that the encoder may use; 0 leaves it to the encoder.
    pub threads: u16,
}

impl EncoderConfig {
    /// H.264 at quantiser 26, 30 pictures a second, low latency, a key frame every two seconds, one thread.
    pub fn new(width: u32, height: u32) -> Self {
        Self {
            codec: Codec::H264,
            width,
            height,
            fps: 30.0,
            layout: Layout::I420,
            color: ColorInfo::default(),
            rate: Rate::Quality(26.0),
            preset: Preset::LowLatency,
            key_interval: 60,
            max_frame_bytes: None,
            threads: 1,
        }
    }

    /// Pictures a second as a fraction: whole numbers, 1000/1001 of whole numbers, else thousandths.
    pub fn frame_rate(&self) -> (u32, u32) {
        let ntsc = self.fps * 1.001;
        if (self.fps - self.fps.round()).abs() < 1e-6 {
            (self.fps.round() as u32, 1)
        } else if (ntsc - ntsc.round()).abs() < 1e-3 {
            ((ntsc.round() * 1000.0) as u32, 1001)
        } else {
            ((self.fps * 1000.0).round() as u32, 1000)
        }
    }

    /// Width and height as they are coded, pixels: sides of pictures with halved colour are even in H.264 and H.265.
    pub fn coded_size(&self) -> (u32, u32) {
        if self.codec == Codec::Av1 || self.layout.full_chroma() {
            (self.width, self.height)
        } else {
            (self.width.next_multiple_of(2), self.height.next_multiple_of(2))
        }
    }

    /// The quantiser of H.264 that the rate stands for: AV1's by the share of its range, and that of a bitrate by what
    /// people before a plain background take at 30 pictures a second. A guess that filters can be set by.
    pub fn h264_quantiser(&self) -> f32 {
        match self.rate {
            Rate::Quality(quality) if self.codec == Codec::Av1 => quality * 51.0 / 63.0,
            Rate::Quality(quality) => quality,
            Rate::Bitrate(bits) => {
                let pixels = f64::from(self.width) * f64::from(self.height) * self.fps;
                let bits_a_pixel = f64::from(bits) / pixels.max(1.0);
                (TYPICAL_QUANTISER - QUANTISER_OF_HALF * (bits_a_pixel / TYPICAL_BITS).log2())
                    .clamp(0.0, 51.0) as f32
            }
        }
    }

    /// Whether the numbers have a meaning, whatever the encoder.
    ///
    /// # Errors
    /// [`VideoError::Settings`].
    pub fn validate(&self) -> Result<(), VideoError> {
        let fail = |what: String| Err(VideoError::Settings(what));
        if !(1..=16_384).contains(&self.width) || !(1..=16_384).contains(&self.height) {
            return fail(format!(
                "{}x{} cannot be encoded: 1 to 16384 pixels each way can",
                self.width, self.height
            ));
        }
        if !(self.fps >= 0.1 && self.fps <= 1000.0) {
            return fail(format!("{} pictures a second: 0.1 to 1000 can be encoded", self.fps));
        }
        let worst = if self.codec == Codec::Av1 { 63.0 } else { 51.0 };
        match self.rate {
            Rate::Quality(quality) if !(0.0..=worst).contains(&quality) => {
                fail(format!("quality {quality}: 0 (best) to {worst} is meant"))
            }
            Rate::Bitrate(bits) if !(1000..=2_000_000_000).contains(&bits) => {
                fail(format!("{bits} bits a second: 1000 to 2000000000 are meant"))
            }
            _ if self.max_frame_bytes.is_some_and(|bytes| bytes < 200) => {
                fail("a frame cannot be held below 200 bytes".into())
            }
            _ => Ok(()),
        }
    }
}

/// Quantiser offsets by block, from the picture's upper left, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct QualityMap {
    /// Edge of a block, pixels: [`Self::BLOCK`].
    pub block: u32,
    /// Blocks a row: width / block, rounded up.
    pub columns: u32,
    /// Rows of blocks: height / block, rounded up.
    pub rows: u32,
    /// Added to the quantiser: below 0 is better; columns × rows entries.
    pub offsets: Vec<f32>,
}

impl QualityMap {
    /// Edge of a block, pixels: an H.264 macroblock.
    pub const BLOCK: u32 = 16;

    /// Whether it fits a picture.
    ///
    /// # Errors
    /// [`VideoError::Map`].
    pub fn validate(&self, width: u32, height: u32) -> Result<(), VideoError> {
        let size = (width.div_ceil(Self::BLOCK), height.div_ceil(Self::BLOCK));
        if self.block != Self::BLOCK
            || (self.columns, self.rows) != size
            || self.offsets.len() != size.0 as usize * size.1 as usize
        {
            return Err(VideoError::Map(format!(
                "a quality map of {}x{} blocks of {} pixels and {} offsets, and the picture has {}x{} of 16",
                self.columns,
                self.rows,
                self.block,
                self.offsets.len(),
                size.0,
                size.1
            )));
        }
        if self.offsets.iter().any(|offset| !(offset.abs() <= 51.0)) {
            return Err(VideoError::Map("quantiser offsets reach from -51 to 51".into()));
        }
        Ok(())
    }
}

/// What is asked of one picture.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameRequest<'a> {
    /// A key frame, from which a receiver can start.
    pub key: bool,
    /// Where to spend the bits.
    pub quality_map: Option<&'a QualityMap>,
}

/// One coded picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The bits, in the form that [`Codec`] says. Key frames bring the stream's parameter sets along.
    pub data: Vec<u8>,
    /// Whether a receiver can start here.
    pub key: bool,
    /// When to show it, in pictures from the first.
    pub pts: i64,
    /// When to decode it, in pictures; below 0 where pictures are reordered.
    pub dts: i64,
}

/// What an encoder can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Its name.
    pub name: String,
    /// Layouts it takes.
    pub layouts: &'static [Layout],
    /// Whether it codes an alpha plane.
    pub alpha: bool,
    /// Whether it takes a [`QualityMap`].
    pub quality_map: bool,
    /// Whether any picture can be made a key frame ([`FrameRequest::key`]).
    pub key_on_request: bool,
    /// Whether it holds packets below [`EncoderConfig::max_frame_bytes`].
    pub max_frame_bytes: bool,
}

/// Pictures in, packets out, in decoding order.
pub trait Encoder: Send {
    /// What it can do.
    fn capabilities(&self) -> &Capabilities;

    /// Gives it a picture. What comes back may belong to an earlier one; [`Self::poll`] asks for more.
    ///
    /// # Errors
    /// Any of [`VideoError`]'s but those of containers. After one the stream is over.
    fn encode(
        &mut self,
        picture: &Picture<'_>,
        request: FrameRequest<'_>,
    ) -> Result<Option<Packet>, VideoError>;

    /// A packet that is ready by now, for encoders that work beside the caller.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn poll(&mut self) -> Result<Option<Packet>, VideoError> {
        Ok(None)
    }

    /// Ends the stream: the packets still under way.
    ///
    /// # Errors
    /// As [`Self::encode`].
    fn finish(&mut self) -> Result<Vec<Packet>, VideoError>;
}

/// Which encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncoderChoice {
    /// Cisco's H.264, always there.
    OpenH264,
    /// AV1 in Rust; with feature `av1`.
    Rav1e,
    /// The GPL's H.264, linked in; with feature `x264`.
    X264,
    /// One of FFmpeg's by its name there, such as `libx265`, in a process of its own.
    Ffmpeg(String),
}

impl EncoderChoice {
    /// What it makes.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for an encoder of FFmpeg's whose name does not tell.
    pub fn codec(&self) -> Result<Codec, VideoError> {
        match self {
            Self::OpenH264 | Self::X264 => Ok(Codec::H264),
            Self::Rav1e => Ok(Codec::Av1),
            Self::Ffmpeg(name) => ffmpeg::codec_of(name).ok_or_else(|| {
                VideoError::Settings(format!(
                    "{name} makes neither H.264, H.265 nor AV1 as far as its name tells"
                ))
            }),
        }
    }
}

impl FromStr for EncoderChoice {
    type Err = VideoError;

    /// `openh264`, `rav1e`, `x264` or `ffmpeg:NAME`.
    fn from_str(name: &str) -> Result<Self, VideoError> {
        match (name, name.strip_prefix("ffmpeg:")) {
            ("openh264", _) => Ok(Self::OpenH264),
            ("rav1e", _) => Ok(Self::Rav1e),
            ("x264", _) => Ok(Self::X264),
            (_, Some(name)) if !name.is_empty() => Ok(Self::Ffmpeg(name.into())),
            _ => Err(VideoError::Settings(format!(
                "no encoder {name:?}: openh264, rav1e, x264 and ffmpeg:NAME (such as ffmpeg:libx265) are known"
            ))),
        }
    }
}

/// Opens an encoder.
///
/// # Errors
/// [`VideoError::Settings`] and [`VideoError::Unsupported`] before a picture is encoded; [`VideoError::Program`] if
/// FFmpeg is not there.
pub fn open(choice: &EncoderChoice, config: &EncoderConfig) -> Result<Box<dyn Encoder>, VideoError> {
    match choice {
        EncoderChoice::OpenH264 => Ok(Box::new(OpenH264::new(config)?)),
        #[cfg(feature = "av1")]
        EncoderChoice::Rav1e => Ok(Box::new(Rav1e::new(config)?)),
        #[cfg(feature = "x264")]
        EncoderChoice::X264 => Ok(Box::new(X264::new(config)?)),
        EncoderChoice::Ffmpeg(name) => Ok(Box::new(Ffmpeg::new(name, config, &FfmpegOptions::default())?)),
        #[cfg(not(feature = "av1"))]
        EncoderChoice::Rav1e => Err(missing("rav1e", "av1")),
        #[cfg(not(feature = "x264"))]
        EncoderChoice::X264 => Err(missing("x264", "x264")),
    }
}

#[cfg(not(all(feature = "av1", feature = "x264")))]
fn missing(encoder: &str, feature: &str) -> VideoError {
    VideoError::Unsupported {
        encoder: encoder.into(),
        what: format!("this program was built without it (feature `{feature}`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_rates_are_fractions() {
        let rate = |fps| EncoderConfig { fps, ..EncoderConfig::new(16, 16) }.frame_rate();
        assert_eq!(rate(30.0), (30, 1));
        assert_eq!(rate(29.97), (30_000, 1001));
        assert_eq!(rate(59.940_06), (60_000, 1001));
        assert_eq!(rate(12.5), (12_500, 1000));
    }

    // openh264 at quantisers 24 and 36 on 60 pictures of 512x512 of each of two talking heads: 214, 204, 54 and 42 kbit/s.
    #[test]
    fn bitrates_stand_for_quantisers() {
        let of = |codec, rate| EncoderConfig { codec, rate, ..EncoderConfig::new(512, 512) }.h264_quantiser();
        for (bits, quantiser) in [(214_000, 24.0), (204_000, 24.0), (54_000, 36.0), (42_000, 36.0)] {
            let found = of(Codec::H265, Rate::Bitrate(bits));
            assert!((found - quantiser).abs() < 2.0, "{found} and not {quantiser}");
        }
        assert_eq!(of(Codec::H264, Rate::Bitrate(1000)), 51.0);
        assert_eq!(of(Codec::H264, Rate::Quality(23.0)), 23.0);
        assert_eq!(of(Codec::Av1, Rate::Quality(63.0)), 51.0);
    }

    #[test]
    fn settings_without_meaning_are_refused() {
        let base = EncoderConfig::new(64, 64);
        base.validate().unwrap();
        for bad in [
            EncoderConfig { width: 0, ..base.clone() },
            EncoderConfig { height: 16_385, ..base.clone() },
            EncoderConfig { fps: f64::NAN, ..base.clone() },
            EncoderConfig { rate: Rate::Quality(f32::NAN), ..base.clone() },
            EncoderConfig { rate: Rate::Quality(52.0), ..base.clone() },
            EncoderConfig { rate: Rate::Bitrate(0), ..base.clone() },
            EncoderConfig { max_frame_bytes: Some(0), ..base.clone() },
        ] {
            assert!(matches!(bad.validate(), Err(VideoError::Settings(_))), "{bad:?}");
        }
    }

    #[test]
    fn names_lead_to_encoders() {
        assert_eq!("openh264".parse::<EncoderChoice>().unwrap(), EncoderChoice::OpenH264);
        assert_eq!(
            "ffmpeg:libx265".parse::<EncoderChoice>().unwrap(),
            EncoderChoice::Ffmpeg("libx265".into())
        );
        assert!("ffmpeg:".parse::<EncoderChoice>().is_err());
        assert!("mpeg2".parse::<EncoderChoice>().is_err());
    }
}
