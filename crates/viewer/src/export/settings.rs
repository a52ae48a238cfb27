//! What is exported, and how.

use std::path::PathBuf;

use effigy_video::encoder::{Codec, EncoderChoice, EncoderConfig, Preset, Rate};
use effigy_video::{Alpha, Association, Filtering, MapOptions, VideoFileOptions};

use super::place::{Kind, free_path, usual_folder};

/// The range of sides of pictures, pixels.
pub(crate) const SIDES: std::ops::RangeInclusive<u32> = 16..=8192;
/// The names of files of sound end so.
pub(crate) const SOUNDS: [&str; 3] = ["aac", "opus", "ogg"];
/// Longer videos are taken for a mistake, frames.
const MOST_FRAMES: f64 = 1e6;

/// What is exported, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Export {
    pub(crate) picture: PictureSettings,
    pub(crate) video: VideoSettings,
    /// A .glb, or a .ply of the Gaussians at rest.
    pub(crate) avatar_path: PathBuf,
    /// The encoders that can be had; found when they are first asked for.
    encoders: Vec<EncoderChoice>,
}

/// Of a picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PictureSettings {
    pub(crate) path: PathBuf,
    /// Pixels; none for those of the view.
    pub(crate) size: Option<[u32; 2]>,
    /// What is behind, sRGB; none for nothing.
    pub(crate) background: Option<[u8; 3]>,
}

/// Of a video.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct VideoSettings {
    pub(crate) path: PathBuf,
    pub(crate) size: [u32; 2],
    pub(crate) fps: f64,
    /// A full turn around the avatar.
    pub(crate) turntable: bool,
    /// From and to, seconds; none for all of the track.
    pub(crate) range: Option<[f64; 2]>,
    pub(crate) encoder: EncoderChoice,
    /// Bits a second instead of constant quality.
    pub(crate) by_bitrate: bool,
    /// The quantiser of H.264; AV1's is the same share of its range.
    pub(crate) quality: f32,
    /// Thousands a second.
    pub(crate) kilobits: u32,
    /// Alpha beside the picture instead of a background.
    pub(crate) side_by_side: bool,
    /// sRGB.
    pub(crate) background: [u8; 3],
    pub(crate) filtering: Filtering,
    /// Quantiser offsets where viewers look, for an encoder that takes them.
    pub(crate) map: bool,
    /// A file of sound that begins with the track.
    pub(crate) sound: Option<PathBuf>,
}

impl Default for Export {
    fn default() -> Self {
        let path = |kind, name| free_path(&usual_folder(kind).join(name));
        Self {
            picture: PictureSettings {
                path: path(Kind::Pictures, "effigy.png"),
                size: None,
                background: None,
            },
            video: VideoSettings {
                path: path(Kind::Videos, "effigy.mp4"),
                size: [1280, 720],
                fps: 30.0,
                turntable: false,
                range: None,
                encoder: EncoderChoice::OpenH264,
                by_bitrate: false,
                quality: 20.0,
                kilobits: 4000,
                side_by_side: false,
                background: [33, 34, 37],
                filtering: Filtering::None,
                map: false,
                sound: None,
            },
            avatar_path: path(Kind::Documents, "avatar.glb"),
            encoders: Vec::new(),
        }
    }
}

impl Export {
    /// The encoders that this program has, and FFmpeg's.
    pub(crate) fn encoders(&mut self) -> &[EncoderChoice] {
        if self.encoders.is_empty() {
            let own = [EncoderChoice::OpenH264, EncoderChoice::Rav1e, EncoderChoice::X264];
            let works = |choice: &EncoderChoice| {
                let codec = choice.codec().unwrap_or(Codec::H264);
                let config = EncoderConfig { codec, ..EncoderConfig::new(64, 64) };
                effigy_video::encoder::open(choice, &config).is_ok()
            };
            self.encoders = own.into_iter().filter(works).collect();
            // Whether FFmpeg is there is said when it is used.
            self.encoders
                .extend(["libx264", "libx265", "libsvtav1"].map(|n| EncoderChoice::Ffmpeg(n.into())));
        }
        &self.encoders
    }
}

impl VideoSettings {
    /// From and to, seconds, in a motion of `duration`.
    pub(crate) fn times(&self, duration: f64) -> [f64; 2] {
        let still = if self.turntable { 6.0 } else { 1.0 };
        self.range.unwrap_or([0.0, if duration > 0.0 { duration } else { still }])
    }

    /// How many frames there are, if that is a number of frames to be had.
    pub(crate) fn frames(&self, duration: f64) -> Option<usize> {
        let [from, to] = self.times(duration);
        let frames = ((to - from) * self.fps).round().max(1.0);
        (to >= from && frames <= MOST_FRAMES).then_some(frames as usize)
    }

    /// Whether bits can be spent where viewers look: not where alpha is beside the picture, whose importance nobody knows.
    pub(crate) fn takes_map(&self) -> bool {
        self.encoder == EncoderChoice::X264 && !self.side_by_side
    }

    /// As the video is written, without the sound.
    pub(crate) fn options(&self) -> VideoFileOptions {
        let av1 = self.encoder.codec().is_ok_and(|codec| codec == Codec::Av1);
        let quality = if av1 { self.quality * 63.0 / 51.0 } else { self.quality };
        VideoFileOptions {
            encoder: self.encoder.clone(),
            fps: self.fps,
            rate: Some(match self.by_bitrate {
                true => Rate::Bitrate(self.kilobits.saturating_mul(1000)),
                false => Rate::Quality(quality),
            }),
            preset: Preset::Offline,
            alpha: match self.side_by_side {
                true => Alpha::SideBySide(Association::Premultiplied),
                false => Alpha::Over(from_bytes(self.background)),
            },
            filtering: self.filtering,
            map: (self.map && self.takes_map()).then(MapOptions::default),
            sound: None,
        }
    }
}

/// A colour of bytes, as shares of full light.
pub(crate) fn from_bytes(color: [u8; 3]) -> [f32; 3] {
    color.map(|c| f32::from(c) / 255.0)
}
