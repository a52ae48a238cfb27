//! Video: H.264 by openh264 unless another encoder is named, in MP4; or raw pictures as Y4M.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use effigy_splat::Frame;
use effigy_video::audio::AudioTrack;
use effigy_video::container::{Container, Mp4, Y4m};
use effigy_video::encoder::{
    Encoder, EncoderChoice, EncoderConfig, FrameRequest, Picture, Preset, Rate, open,
};
use effigy_video::{
    Alpha, Association, Filtering, Importance, LearnedOptions, MapOptions, PlaneFormat, Planes, Preparation,
    PreparationOptions, Shape,
};
use tempfile::TempPath;

use super::{STUDIO_GREY, Sink, new_file};
use crate::failure::bad_input;
use crate::framing::Size;

/// How videos are encoded.
#[derive(Args, Clone, Debug)]
pub(crate) struct VideoOptions {
    /// The encoder of a video: openh264 (H.264), rav1e (AV1), x264 (H.264), or ffmpeg:NAME for one that FFmpeg has, such
    /// as ffmpeg:libx265. x264 is only there in a program built with the feature x264, which puts that program under the
    /// GNU GPL.
    #[arg(long, default_value = "openh264", value_name = "ENCODER")]
    codec: String,
    /// Constant quality of a video: the quantiser, from 0 (best) to 51, for AV1 to 63.
    #[arg(long, value_name = "Q", conflicts_with = "bitrate")]
    crf: Option<f32>,
    /// Bits a second of a video instead of constant quality, such as 800k or 2.5M.
    #[arg(long, value_name = "BITS", value_parser = bits)]
    bitrate: Option<u32>,
    /// What a video's encoder may take its time for.
    #[arg(long, value_enum, default_value_t = PresetName::Offline)]
    preset: PresetName,
    /// What becomes of transparency in a video.
    #[arg(long, value_enum, default_value_t = AlphaName::Over)]
    alpha: AlphaName,
    /// Spend a video's bits where viewers look, by quantiser offsets for every block. Of x264 only; --prefilter is for
    /// every encoder.
    #[arg(long)]
    roi: bool,
    /// What takes detail out of a video's pictures before they are encoded, as much as --crf or --bitrate asks for.
    #[arg(long, value_enum, default_value_t = PrefilterName::None)]
    prefilter: PrefilterName,
    /// Sound beside a .mp4's pictures, as it is: AAC (.aac, ADTS) or Opus (.opus, Ogg). It begins with the track and ends
    /// with the pictures.
    #[arg(long, value_name = "FILE")]
    audio: Option<PathBuf>,
    /// Where in the sound the pictures begin, seconds.
    #[arg(skip)]
    audio_start: f64,
}

impl VideoOptions {
    /// The same for pictures that begin `seconds` into the sound.
    pub(crate) fn with_audio_from(&self, seconds: f64) -> Self {
        Self { audio_start: seconds, ..self.clone() }
    }

    fn sound(&self) -> anyhow::Result<Option<AudioTrack>> {
        let Some(path) = &self.audio else { return Ok(None) };
        let name = || path.display().to_string();
        let sound = AudioTrack::open(path).with_context(name)?.after(self.audio_start);
        match sound.duration() > 0.0 {
            true => Ok(Some(sound)),
            false => Err(bad_input(format!("{}: ends before the pictures begin", path.display()))),
        }
    }

    /// Whether pictures are to come with the importance of their pixels.
    pub(crate) fn need_importance(&self) -> bool {
        self.roi || self.filtering().needs_importance()
    }

    /// Refuses what only videos can have.
    pub(super) fn refuse_preparation(&self, path: &Path) -> anyhow::Result<()> {
        match self.roi || self.prefilter != PrefilterName::None || self.audio.is_some() {
            true => {
                Err(bad_input(format!("{}: --roi, --prefilter and --audio are for videos", path.display())))
            }
            false => Ok(()),
        }
    }

    fn filtering(&self) -> Filtering {
        match self.prefilter {
            PrefilterName::None => Filtering::None,
            PrefilterName::Plain => Filtering::Plain,
            PrefilterName::Focus => Filtering::Focus,
            PrefilterName::Learned => Filtering::Learned,
        }
    }

    fn preparation(&self, alpha: Alpha, config: &EncoderConfig) -> anyhow::Result<Preparation> {
        let options = PreparationOptions {
            filtering: self.filtering(),
            learned: LearnedOptions { alpha, ..LearnedOptions::default() },
            map: self.roi.then(MapOptions::default),
            ..PreparationOptions::default()
        };
        Ok(Preparation::new(&options, config)?)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PrefilterName {
    /// Nothing.
    None,
    /// A blur of the whole picture.
    Plain,
    /// A blur that leaves the face as it is.
    Focus,
    /// A small trained network: it makes what is looked at survive coding, and gives up what is not.
    Learned,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetName {
    /// The best picture at the rate in reasonable time.
    Offline,
    /// Every picture leaves before the next one comes.
    LowLatency,
}

impl From<PresetName> for Preset {
    fn from(name: PresetName) -> Self {
        match name {
            PresetName::Offline => Self::Offline,
            PresetName::LowLatency => Self::LowLatency,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum AlphaName {
    /// None: pictures are put over the background.
    Over,
    /// A picture of double width: colour, over black, at the left, and how much is covered at the right.
    SideBySide,
}

/// The quantiser where nothing is said: faces look clean.
const QUALITY: f32 = 20.0;
/// The same for AV1, whose scale is another.
const AV1_QUALITY: f32 = 26.0;

/// Bits a second, with k or M.
fn bits(text: &str) -> Result<u32, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1e3),
        Some((at, 'm' | 'M')) => (&text[..at], 1e6),
        _ => (text, 1.0),
    };
    match number.trim().parse::<f64>().map(|n| n * unit) {
        Ok(bits) if (1e3..=2e9).contains(&bits) => Ok(bits.round() as u32),
        _ => Err("a rate is 1k to 2000M bits a second, such as 800k or 2.5M".into()),
    }
}

/// A video's shape, the encoder's settings for it, and what is done to pictures before.
struct Plan {
    shape: Shape,
    config: EncoderConfig,
    preparation: Preparation,
}

impl Plan {
    fn new(
        size: Size,
        fps: f64,
        background: Option<[f32; 3]>,
        options: &VideoOptions,
        choice: &EncoderChoice,
    ) -> anyhow::Result<Self> {
        let alpha = match options.alpha {
            AlphaName::Over => Alpha::Over(background.unwrap_or(STUDIO_GREY)),
            AlphaName::SideBySide if background.is_some() => {
                return Err(bad_input(
                    "--alpha side-by-side keeps what is behind open: leave out --background",
                ));
            }
            AlphaName::SideBySide => Alpha::SideBySide(Association::Premultiplied),
        };
        let shape = Shape::new(size.width, size.height, PlaneFormat::VIDEO, alpha)?;
        let [width, height] = shape.shown();
        let mut config = EncoderConfig::new(width, height);
        config.fps = fps;
        config.codec = choice.codec()?;
        config.key_interval = (2.0 * fps).ceil() as u32;
        config.preset = options.preset.into();
        let usual = if config.codec == effigy_video::encoder::Codec::Av1 { AV1_QUALITY } else { QUALITY };
        config.rate = match options.bitrate {
            Some(bits) => Rate::Bitrate(bits),
            None => Rate::Quality(options.crf.unwrap_or(usual)),
        };
        let preparation = options.preparation(alpha, &config)?;
        Ok(Self { shape, config, preparation })
    }

    /// Refuses a picture of another size than the first.
    fn admit(&self, path: &Path, number: u64, frame: &Frame) -> anyhow::Result<()> {
        let [width, height] = self.shape.picture();
        if (frame.width, frame.height) != (width, height) {
            return Err(bad_input(format!(
                "{}: picture {number} is {}x{} and the first {width}x{height}; a video needs one size (--size)",
                path.display(),
                frame.width,
                frame.height,
            )));
        }
        Ok(())
    }
}

/// An encoded video being written.
pub(super) struct Video {
    path: PathBuf,
    plan: Plan,
    partial: TempPath,
    encoder: Box<dyn Encoder>,
    container: Mp4<BufWriter<File>>,
    planes: Planes,
    frames: u64,
}

impl Video {
    pub(super) fn create(
        path: &Path,
        size: Size,
        fps: f64,
        background: Option<[f32; 3]>,
        options: &VideoOptions,
    ) -> anyhow::Result<Self> {
        let choice: EncoderChoice = options.codec.parse()?;
        let plan = Plan::new(size, fps, background, options, &choice)?;
        let encoder = open(&choice, &plan.config).with_context(|| {
            format!("{}: another --codec, a .y4m or a folder of pictures may do", path.display())
        })?;
        if options.roi && !encoder.capabilities().quality_map {
            return Err(bad_input(format!(
                "--roi: {} takes no quantiser offsets; --codec x264 does{}, and --prefilter focus is for every encoder",
                encoder.capabilities().name,
                if cfg!(feature = "x264") { "" } else { " (in a program built with feature x264)" }
            )));
        }
        if options.roi && options.alpha == AlphaName::SideBySide {
            return Err(bad_input(
                "--roi knows no importance of what --alpha side-by-side puts beside the picture",
            ));
        }
        let sound = options.sound()?;
        let (file, partial) = new_file(path)?.into_parts();
        let container = Mp4::with_sound(BufWriter::new(file), &plan.config, sound)?;
        let planes = Planes::default();
        Ok(Self { path: path.into(), plan, partial, encoder, container, planes, frames: 0 })
    }
}

impl Sink for Video {
    fn write(&mut self, frame: &mut Frame, importance: Option<&Importance<'_>>) -> anyhow::Result<()> {
        self.plan.admit(&self.path, self.frames, frame)?;
        let Plan { shape, preparation, .. } = &mut self.plan;
        preparation.filter(importance, frame)?;
        let planes = self.planes.convert(frame, shape.format(), shape.alpha())?;
        let picture = Picture::of(&planes);
        let quality_map = preparation.map(importance, &picture, false)?;
        let mut packet = self.encoder.encode(&picture, FrameRequest { key: false, quality_map })?;
        while let Some(ready) = packet {
            self.container.write(&ready)?;
            packet = self.encoder.poll()?;
        }
        self.frames += 1;
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> anyhow::Result<()> {
        for packet in self.encoder.finish()? {
            self.container.write(&packet)?;
        }
        let name = || self.path.display().to_string();
        self.container.finish().with_context(name)?;
        self.partial.persist(&self.path).with_context(|| self.path.display().to_string())
    }
}

/// Raw pictures being written.
pub(super) struct Raw {
    path: PathBuf,
    plan: Plan,
    partial: TempPath,
    file: Y4m<BufWriter<File>>,
    planes: Planes,
    frames: u64,
}

impl Raw {
    pub(super) fn create(
        path: &Path,
        size: Size,
        fps: f64,
        background: Option<[f32; 3]>,
        options: &VideoOptions,
    ) -> anyhow::Result<Self> {
        if options.roi || options.audio.is_some() {
            return Err(bad_input(format!("{}: --roi and --audio are for encoded videos", path.display())));
        }
        let plan = Plan::new(size, fps, background, options, &EncoderChoice::OpenH264)?;
        let (file, partial) = new_file(path)?.into_parts();
        let file = Y4m::new(BufWriter::new(file), &plan.config)?;
        Ok(Self { path: path.into(), plan, partial, file, planes: Planes::default(), frames: 0 })
    }
}

impl Sink for Raw {
    fn write(&mut self, frame: &mut Frame, importance: Option<&Importance<'_>>) -> anyhow::Result<()> {
        self.plan.admit(&self.path, self.frames, frame)?;
        self.plan.preparation.filter(importance, frame)?;
        let planes = self.planes.convert(frame, self.plan.shape.format(), self.plan.shape.alpha())?;
        self.file.write(&Picture::of(&planes))?;
        self.frames += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        let name = || self.path.display().to_string();
        self.file.finish().with_context(name)?.flush().with_context(name)?;
        self.partial.persist(&self.path).with_context(name)
    }
}

#[cfg(test)]
mod tests {
    use super::bits;

    #[test]
    fn rates_are_parsed() {
        assert_eq!(["64000", "800k", "2.5M"].map(bits), [Ok(64_000), Ok(800_000), Ok(2_500_000)]);
        for bad in ["", "k", "-3k", "1e99", "fast", "12"] {
            assert!(bits(bad).is_err(), "{bad}");
        }
    }
}
