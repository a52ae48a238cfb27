//! The ways in which a clip is encoded, and what comes out.

use std::fmt;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;
use effigy_quality::{Cropped, Ffmpeg, FrameSource, SourceOptions, open_frames};
use effigy_splat::Frame;
use effigy_video::container::{Container as _, Elementary};
use effigy_video::encoder::{
    Codec, EncoderChoice, EncoderConfig, FrameRequest, Packet, Picture, Preset, Rate, open,
};
use effigy_video::received::H264Packets;
use effigy_video::{
    Alpha, Filtering, Importance, LearnedOptions, MapOptions, PlaneFormat, Planes, Preparation,
    PreparationOptions,
};

use super::clip::{Clip, FPS};
use crate::interrupt;

/// One way to use importance, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Variant {
    filtering: Filtering,
    /// With quantiser offsets.
    pub(super) roi: bool,
}

/// The encoder without any of it, which the others are compared with.
pub(super) const NONE: Variant = Variant { filtering: Filtering::None, roi: false };

/// Clips are opaque.
const ALPHA: Alpha = Alpha::Over([0.0; 3]);

/// Every filter by the name of its variant.
const FILTERS: [(&str, Filtering); 3] =
    [("plain", Filtering::Plain), ("focus", Filtering::Focus), ("learned", Filtering::Learned)];

impl Variant {
    /// All that there are, for an encoder that takes quantiser offsets or does not.
    pub(super) fn all(roi: bool) -> Vec<Self> {
        let mut all = vec![NONE];
        all.extend(FILTERS.map(|(_, filtering)| Self { filtering, roi: false }));
        if roi {
            all.push(Self { roi, ..NONE });
            // What filters alike everywhere has nothing to do with regions.
            let focused = FILTERS.iter().filter(|(_, filtering)| filtering.needs_importance());
            all.extend(focused.map(|&(_, filtering)| Self { filtering, roi }));
        }
        all
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (roi, filter) = match text.strip_prefix("roi+") {
            Some(filter) => (true, filter),
            None => (text == "roi", if text == "roi" { "none" } else { text }),
        };
        if filter == "none" {
            return Ok(Self { roi, ..NONE });
        }
        match FILTERS.iter().find(|(name, _)| *name == filter) {
            Some(&(_, filtering)) => Ok(Self { filtering, roi }),
            None => Err(format!(
                "no variant {text:?}: none, {}, roi, roi+focus and roi+learned are known",
                FILTERS.map(|(name, _)| name).join(", ")
            )),
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filter =
            FILTERS.iter().find(|(_, filtering)| *filtering == self.filtering).map(|(name, _)| *name);
        f.write_str(match (self.roi, filter) {
            (false, None) => "none",
            (true, None) => "roi",
            (_, Some(name)) => {
                return if self.roi { write!(f, "roi+{name}") } else { f.write_str(name) };
            }
        })
    }
}

/// How everything is encoded.
pub(super) struct Encoding<'a> {
    pub(super) choice: &'a EncoderChoice,
    pub(super) preset: Preset,
    /// What decodes; without it only H.264 is.
    pub(super) ffmpeg: Result<&'a Ffmpeg, String>,
}

impl Encoding<'_> {
    /// Of `clip` at a constant quality.
    pub(super) fn config(&self, clip: &Clip, quality: f32) -> anyhow::Result<EncoderConfig> {
        let mut config = EncoderConfig::new(clip.size.width, clip.size.height);
        (config.codec, config.preset) = (self.choice.codec()?, self.preset);
        (config.fps, config.rate) = (FPS, Rate::Quality(quality));
        Ok(config)
    }

    /// Encodes all of `clip` to packets.
    pub(super) fn encode(&self, clip: &Clip, variant: Variant, quality: f32) -> anyhow::Result<Vec<Packet>> {
        let config = self.config(clip, quality)?;
        let options = PreparationOptions {
            filtering: variant.filtering,
            map: variant.roi.then(MapOptions::default),
            learned: LearnedOptions { alpha: ALPHA, ..LearnedOptions::default() },
            ..PreparationOptions::default()
        };
        let mut preparation = Preparation::new(&options, &config)?;
        let mut encoder = open(self.choice, &config)?;
        let (mut frame, mut planes, mut packets) = (Frame::default(), Planes::default(), Vec::new());
        let mut frames = clip.frames()?;
        while let Some(values) = frames.next(&mut frame)? {
            interrupt::check()?;
            let importance = Importance::of_bytes(clip.size.width, clip.size.height, values)?;
            preparation.filter(Some(&importance), &mut frame)?;
            let planes = planes.convert(&frame, PlaneFormat::VIDEO, ALPHA)?;
            let picture = Picture::of(&planes);
            let quality_map = preparation.map(Some(&importance), &picture, false)?;
            let mut packet = encoder.encode(&picture, FrameRequest { key: false, quality_map })?;
            while let Some(ready) = packet {
                packets.push(ready);
                packet = encoder.poll()?;
            }
        }
        packets.extend(encoder.finish()?);
        Ok(packets)
    }

    /// What a receiver sees of `packets`. FFmpeg is given them in a file at `path`.
    pub(super) fn decode(
        &self,
        clip: &Clip,
        packets: Vec<Packet>,
        path: &Path,
    ) -> anyhow::Result<Box<dyn FrameSource>> {
        let config = self.config(clip, 0.0)?;
        if self.ffmpeg.is_err() && config.codec == Codec::H264 {
            return Ok(Box::new(H264Packets::new(clip.name.clone(), &config, packets)?));
        }
        let name = || path.display().to_string();
        let mut file = Elementary::new(BufWriter::new(File::create(path).with_context(name)?), &config);
        for packet in &packets {
            file.write(packet).with_context(name)?;
        }
        file.finish().with_context(name)?;
        let source = open_frames(path, self.ffmpeg.clone(), &SourceOptions::default())?;
        // The bare stream does not tell which pixels the encoder added.
        Ok(Box::new(Cropped::new(source, clip.size.width as usize, clip.size.height as usize)))
    }
}

/// The rate of `packets`, kbit/s.
pub(super) fn kbit_per_s(packets: &[Packet], frames: usize) -> f64 {
    let bytes: usize = packets.iter().map(|packet| packet.data.len()).sum();
    8e-3 * bytes as f64 * FPS / frames.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_have_names() {
        let names = |roi| Variant::all(roi).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(false), ["none", "plain", "focus", "learned"]);
        assert_eq!(names(true), ["none", "plain", "focus", "learned", "roi", "roi+focus", "roi+learned"]);
        for variant in Variant::all(true) {
            assert_eq!(variant.to_string().parse(), Ok(variant));
        }
        for bad in ["", "roi+", "sharp", "focus+roi"] {
            assert!(bad.parse::<Variant>().is_err(), "{bad}");
        }
    }
}
