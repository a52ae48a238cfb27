//! Video: H.264 by openh264 unless another encoder is named, in MP4; or raw pictures as Y4M.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use effigy_splat::Frame;
use effigy_video::audio::AudioTrack;
use effigy_video::encoder::{Capabilities, EncoderChoice, Preset, Rate};
use effigy_video::{Alpha, Association, Filtering, Importance, MapOptions, VideoFile, VideoFileOptions};

use super::{STUDIO_GREY, Sink, folder_of_file};
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

    /// Refuses what the encoder cannot do.
    pub(super) fn fit(&self, encoder: Option<&Capabilities>) -> anyhow::Result<()> {
        if let Some(encoder) = encoder.filter(|encoder| self.roi && !encoder.quality_map) {
            return Err(bad_input(format!(
                "--roi: {} takes no quantiser offsets; --codec x264 does{}, and --prefilter focus is for every encoder",
                encoder.name,
                if cfg!(feature = "x264") { "" } else { " (in a program built with feature x264)" }
            )));
        }
        if self.roi && self.alpha == AlphaName::SideBySide {
            return Err(bad_input(
                "--roi knows no importance of what --alpha side-by-side puts beside the picture",
            ));
        }
        Ok(())
    }

    fn filtering(&self) -> Filtering {
        match self.prefilter {
            PrefilterName::None => Filtering::None,
            PrefilterName::Plain => Filtering::Plain,
            PrefilterName::Focus => Filtering::Focus,
            PrefilterName::Learned => Filtering::Learned,
        }
    }

    /// As files of video have it.
    pub(super) fn of_file(&self, fps: f64, background: Option<[f32; 3]>) -> anyhow::Result<VideoFileOptions> {
        Ok(VideoFileOptions { sound: self.sound()?, ..self.of_pictures(fps, background)? })
    }

    /// The same without the sound.
    pub(super) fn of_pictures(
        &self,
        fps: f64,
        background: Option<[f32; 3]>,
    ) -> anyhow::Result<VideoFileOptions> {
        let alpha = match self.alpha {
            AlphaName::Over => Alpha::Over(background.unwrap_or(STUDIO_GREY)),
            AlphaName::SideBySide if background.is_some() => {
                return Err(bad_input(
                    "--alpha side-by-side keeps what is behind open: leave out --background",
                ));
            }
            AlphaName::SideBySide => Alpha::SideBySide(Association::Premultiplied),
        };
        Ok(VideoFileOptions {
            encoder: self.codec.parse()?,
            fps,
            rate: self.bitrate.map(Rate::Bitrate).or(self.crf.map(Rate::Quality)),
            preset: self.preset.into(),
            alpha,
            filtering: self.filtering(),
            map: self.roi.then(MapOptions::default),
            sound: None,
        })
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

/// What may help where a video cannot be made.
pub(super) fn another_way(path: &Path) -> String {
    format!("{}: another --codec, a .y4m or a folder of pictures may do", path.display())
}

/// Says that picture number `frame` is of another size than the first.
pub(super) fn other_size(
    path: &Path,
    frame: u64,
    [w, h]: [u32; 2],
    [width, height]: [u32; 2],
) -> anyhow::Error {
    bad_input(format!(
        "{}: picture {frame} is {w}x{h} and the first {width}x{height}; a video needs one size (--size)",
        path.display()
    ))
}

/// A video being written.
pub(super) struct Video {
    path: PathBuf,
    file: VideoFile,
}

impl Video {
    /// Encoded.
    pub(super) fn encoded(
        path: &Path,
        size: Size,
        fps: f64,
        background: Option<[f32; 3]>,
        options: &VideoOptions,
    ) -> anyhow::Result<Self> {
        let wanted = options.of_file(fps, background)?;
        folder_of_file(path)?;
        let file = VideoFile::encoded(path, [size.width, size.height], &wanted)
            .with_context(|| another_way(path))?;
        options.fit(file.capabilities())?;
        Ok(Self { path: path.into(), file })
    }

    /// As raw pictures.
    pub(super) fn raw(
        path: &Path,
        size: Size,
        fps: f64,
        background: Option<[f32; 3]>,
        options: &VideoOptions,
    ) -> anyhow::Result<Self> {
        if options.roi || options.audio.is_some() {
            return Err(bad_input(format!("{}: --roi and --audio are for encoded videos", path.display())));
        }
        let wanted =
            VideoFileOptions { encoder: EncoderChoice::OpenH264, ..options.of_file(fps, background)? };
        folder_of_file(path)?;
        let file = VideoFile::raw(path, [size.width, size.height], &wanted)
            .with_context(|| path.display().to_string())?;
        Ok(Self { path: path.into(), file })
    }
}

impl Sink for Video {
    fn write(&mut self, frame: &mut Frame, importance: Option<&Importance<'_>>) -> anyhow::Result<()> {
        let [width, height] = self.file.size();
        if (frame.width, frame.height) != (width, height) {
            let found = [frame.width, frame.height];
            return Err(other_size(&self.path, self.file.frames(), found, [width, height]));
        }
        Ok(self.file.add(frame, importance)?)
    }

    fn finish(self: Box<Self>) -> anyhow::Result<()> {
        self.file.finish().with_context(|| self.path.display().to_string())
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
