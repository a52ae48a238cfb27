//! What the 2D view shows, and how its frame is made and encoded: kept from one start to the next.

use effigy_video::encoder::{EncoderChoice, EncoderConfig, Preset, Rate};
use effigy_video::{Layout, Matrix, PlaneFormat, Range};
use serde::{Deserialize, Serialize};

/// Sides of a frame, pixels.
pub(crate) const SIDES: std::ops::RangeInclusive<u32> = 64..=4096;

/// What the 2D view shows, and how its frame is made and encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Setup {
    pub(crate) size: FrameSize,
    /// For [`FrameSize::Custom`].
    pub(crate) custom: [u32; 2],
    /// What the frame is composited over, sRGB.
    pub(crate) background: [u8; 3],
    pub(crate) samples: Samples,
    /// BT.601 instead of BT.709.
    pub(crate) bt601: bool,
    pub(crate) full_range: bool,
    pub(crate) layer: Layer,
    /// What differences are multiplied with.
    pub(crate) gain: f32,
    /// Which stages are shown beside one another.
    pub(crate) stages: [bool; 4],
    /// Where one ends and the next begins, of the width that is seen: of two, of three and of four stages.
    pub(crate) dividers: [[f32; 3]; 3],
    /// Differences are from the ground truth, where there is one, and not from what was rendered.
    pub(crate) from_truth: bool,
    /// Lines between pixels, far in.
    pub(crate) pixel_grid: bool,
    /// Whether every new frame is encoded.
    pub(crate) live: bool,
    pub(crate) codec: Codec,
    /// Follow a bitrate instead of a quality.
    pub(crate) by_rate: bool,
    /// Quantiser.
    pub(crate) quality: f32,
    pub(crate) kilobits: u32,
    pub(crate) fps: f64,
    /// Filter frames before they are encoded.
    pub(crate) filter: bool,
    /// Give the encoder the quantiser map, if it takes one.
    pub(crate) map: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            size: FrameSize::Square512,
            custom: [640, 480],
            background: [58, 60, 64],
            samples: Samples::I420,
            bt601: false,
            full_range: false,
            layer: Layer::Colour,
            gain: 8.0,
            stages: [true, false, true, true],
            dividers: [[0.5, 1.0, 1.0], [1.0 / 3.0, 2.0 / 3.0, 1.0], [0.25, 0.5, 0.75]],
            from_truth: true,
            pixel_grid: true,
            live: true,
            codec: Codec::OpenH264,
            by_rate: false,
            quality: 30.0,
            kilobits: 800,
            fps: 30.0,
            filter: false,
            map: true,
        }
    }
}

/// A list of names for a choice.
macro_rules! choices {
    ($(#[$meta:meta])* $name:ident { $($(#[$own:meta])* $variant:ident => $label:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum $name { $($(#[$own])* $variant,)* }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

choices! {
    /// Width and height of the frame.
    FrameSize {
        Window => "Window",
        Square256 => "256 × 256",
        Square512 => "512 × 512",
        Square1024 => "1024 × 1024",
        Hd720 => "1280 × 720",
        Hd1080 => "1920 × 1080",
        Portrait => "720 × 1280",
        Custom => "Custom",
    }
}

choices! {
    /// How planes are laid out.
    Samples {
        I420 => "I420",
        Nv12 => "NV12",
        P010 => "P010",
        I444 => "I444",
    }
}

choices! {
    /// What is shown of the frame.
    Layer {
        Colour => "Colour",
        Alpha => "Alpha",
        Y => "Y",
        U => "U",
        V => "V",
        Importance => "Importance",
        Quantiser => "Quantiser",
        Motion => "Motion",
        Difference => "Difference",
    }
}

choices! {
    /// What has happened to the frame so far.
    Stage {
        Rendered => "Rendered",
        Filtered => "Pre-filtered",
        Decoded => "Decoded",
        /// What a camera saw of the person, of a capture.
        Truth => "Ground truth",
    }
}

choices! {
    /// What encodes it.
    Codec {
        OpenH264 => "H.264, openh264",
        Rav1e => "AV1, rav1e",
        X264 => "H.264, x264",
        FfmpegX264 => "H.264, FFmpeg's libx264",
        FfmpegX265 => "H.265, FFmpeg's libx265",
        FfmpegSvtAv1 => "AV1, FFmpeg's SVT-AV1",
    }
}

impl Layer {
    pub(crate) fn explanation(self) -> &'static str {
        match self {
            Self::Colour => "The frame over its background, as it is shown",
            Self::Alpha => "How much of each pixel the avatar covers",
            Self::Y => "Codes of luma",
            Self::U => "Codes of blue differences",
            Self::V => "Codes of red differences",
            Self::Importance => "How much a viewer looks at each pixel",
            Self::Quantiser => "What is added to the quantiser of each block: below 0 is better",
            Self::Motion => "How far each pixel has moved since the frame before",
            Self::Difference => "How far what comes out is from what was rendered",
        }
    }

    /// Whether it is another for every stage.
    pub(crate) fn has_stages(self) -> bool {
        matches!(self, Self::Colour | Self::Y | Self::U | Self::V)
    }
}

impl Codec {
    pub(crate) fn choice(self) -> EncoderChoice {
        match self {
            Self::OpenH264 => EncoderChoice::OpenH264,
            Self::Rav1e => EncoderChoice::Rav1e,
            Self::X264 => EncoderChoice::X264,
            Self::FfmpegX264 => EncoderChoice::Ffmpeg("libx264".into()),
            Self::FfmpegX265 => EncoderChoice::Ffmpeg("libx265".into()),
            Self::FfmpegSvtAv1 => EncoderChoice::Ffmpeg("libsvtav1".into()),
        }
    }

    /// The worst quantiser.
    pub(crate) fn worst(self) -> f32 {
        if matches!(self, Self::Rav1e | Self::FfmpegSvtAv1) { 63.0 } else { 51.0 }
    }

    /// Whether its packets can be decoded here.
    pub(crate) fn is_decoded(self) -> bool {
        matches!(self, Self::OpenH264 | Self::X264 | Self::FfmpegX264)
    }
}

impl Setup {
    /// What can be used of what stood in a file.
    pub(crate) fn sound(mut self) -> Self {
        let fresh = Self::default();
        self.custom = self.custom.map(|side| side.clamp(*SIDES.start(), *SIDES.end()));
        self.gain = if (1.0..=64.0).contains(&self.gain) { self.gain } else { fresh.gain };
        let dividers = self
            .dividers
            .iter()
            .all(|cuts| cuts.iter().all(|at| (0.0..=1.0).contains(at)) && cuts.is_sorted());
        self.dividers = if dividers { self.dividers } else { fresh.dividers };
        self.quality = if (0.0..=63.0).contains(&self.quality) { self.quality } else { fresh.quality };
        self.kilobits = self.kilobits.clamp(10, 100_000);
        self.fps = if (1.0..=240.0).contains(&self.fps) { self.fps } else { fresh.fps };
        self
    }

    /// Width and height of the frame in a view of so many pixels.
    pub(crate) fn frame_size(&self, view: [u32; 2]) -> [u32; 2] {
        match self.size {
            FrameSize::Window => view.map(|side| side.clamp(1, *SIDES.end())),
            FrameSize::Square256 => [256, 256],
            FrameSize::Square512 => [512, 512],
            FrameSize::Square1024 => [1024, 1024],
            FrameSize::Hd720 => [1280, 720],
            FrameSize::Hd1080 => [1920, 1080],
            FrameSize::Portrait => [720, 1280],
            FrameSize::Custom => self.custom,
        }
    }

    /// The same, but for what changes nothing about the pictures.
    pub(crate) fn of_pictures(&self) -> Self {
        let Self { size, custom, dividers, pixel_grid, .. } = Self::default();
        Self { size, custom, dividers, pixel_grid, ..self.clone() }
    }

    /// Which stages are shown; the rendered one if none is chosen.
    pub(crate) fn shown_stages(&self) -> impl Iterator<Item = Stage> + use<> {
        let (stages, none) = (self.stages, self.stages == [false; 4]);
        let all = Stage::ALL.iter().copied();
        all.filter(move |stage| stages[*stage as usize] || (none && *stage == Stage::Rendered))
    }

    pub(crate) fn format(&self) -> PlaneFormat {
        PlaneFormat {
            layout: match self.samples {
                Samples::I420 => Layout::I420,
                Samples::Nv12 => Layout::Nv12,
                Samples::P010 => Layout::P010,
                Samples::I444 => Layout::I444,
            },
            matrix: if self.bt601 { Matrix::Bt601 } else { Matrix::Bt709 },
            range: if self.full_range { Range::Full } else { Range::Limited },
        }
    }

    /// The quantiser that the filter is told, of H.264's 0 to 51.
    pub(crate) fn filter_quality(&self) -> f32 {
        /// Where a rate is asked for, whatever quantiser that takes.
        const FOR_A_RATE: f32 = 30.0;
        if self.by_rate { FOR_A_RATE } else { self.quality / self.codec.worst() * 51.0 }
    }

    /// How pictures of `picture`'s size and kind are encoded.
    pub(crate) fn encoding(
        &self,
        picture: &effigy_video::encoder::Picture<'_>,
    ) -> Result<EncoderConfig, effigy_video::VideoError> {
        Ok(EncoderConfig {
            codec: self.codec.choice().codec()?,
            fps: self.fps,
            layout: picture.layout,
            color: picture.color,
            rate: if self.by_rate {
                Rate::Bitrate(self.kilobits.saturating_mul(1000))
            } else {
                Rate::Quality(self.quality.min(self.codec.worst()))
            },
            preset: Preset::LowLatency,
            key_interval: (2.0 * self.fps).round() as u32,
            ..EncoderConfig::new(picture.width, picture.height)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_from_a_file_becomes_usable() {
        let text = r#"{"custom":[0,100000],"gain":-1.0,"dividers":[[0.5,1,1],[0.9,0.1,1],[0.2,0.3,0.4]],"quality":99.0,"kilobits":0,"fps":0.0}"#;
        let setup = serde_json::from_str::<Setup>(text).unwrap().sound();
        assert_eq!(setup, Setup { custom: [64, 4096], kilobits: 10, ..Setup::default() });
    }

    #[test]
    fn encoders_are_asked_for_what_is_set() {
        let luma = [0; 64];
        let picture = effigy_video::encoder::Picture {
            planes: [&luma, &luma, &luma],
            strides: [8; 3],
            width: 8,
            height: 8,
            layout: effigy_video::encoder::Layout::I444,
            color: Default::default(),
        };
        let setup = Setup { by_rate: true, kilobits: 500, fps: 25.0, ..Setup::default() };
        let config = setup.encoding(&picture).unwrap();
        assert_eq!((config.rate, config.fps, config.key_interval), (Rate::Bitrate(500_000), 25.0, 50));
        assert_eq!((config.width, config.layout), (8, effigy_video::encoder::Layout::I444));
        // 40 of 63 is 32.38 of 51.
        let setup = Setup { codec: Codec::Rav1e, quality: 40.0, ..Setup::default() };
        assert!((setup.filter_quality() - 32.38).abs() < 0.01);
    }
}
