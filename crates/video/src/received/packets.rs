//! Packets of an encoder, decoded without FFmpeg where they are H.264.

use std::collections::VecDeque;

use effigy_quality::{FrameSource, Picture, QualityError};

use super::planes::picture_of_planes;
use crate::VideoError;
use crate::encoder::{Decoded, EncoderConfig, H264Decoder, Packet};

/// What openh264's decoder makes of an encoder's packets, without the pixels that the encoder added at the right and
/// below.
pub struct H264Packets {
    name: String,
    config: EncoderConfig,
    packets: std::vec::IntoIter<Packet>,
    decoder: H264Decoder,
    /// Pictures that came out at the end, when no packet was left.
    rest: Option<VecDeque<Decoded>>,
}

impl H264Packets {
    /// Of `packets` in decoding order, which an encoder made by `config`.
    ///
    /// # Errors
    /// [`VideoError::Encoder`] if there is no decoder.
    pub fn new(
        name: impl Into<String>,
        config: &EncoderConfig,
        packets: Vec<Packet>,
    ) -> Result<Self, VideoError> {
        let (name, config, decoder) = (name.into(), config.clone(), H264Decoder::new()?);
        Ok(Self { name, config, packets: packets.into_iter(), decoder, rest: None })
    }

    fn next(&mut self) -> Result<Option<Decoded>, VideoError> {
        for packet in self.packets.by_ref() {
            if let Some(decoded) = self.decoder.decode(&packet.data)? {
                return Ok(Some(decoded));
            }
        }
        let rest = match &mut self.rest {
            Some(rest) => rest,
            none => none.insert(self.decoder.finish()?.into()),
        };
        Ok(rest.pop_front())
    }
}

impl FrameSource for H264Packets {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn frames_per_second(&self) -> Option<f64> {
        Some(self.config.fps)
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        let decoded = self.next();
        let EncoderConfig { width, height, color, .. } = self.config;
        let picture = |decoded: Decoded| picture_of_planes(&decoded.picture(width, height, color));
        let fault =
            |e: VideoError| QualityError::Read { path: self.name.clone().into(), fault: e.to_string() };
        decoded.and_then(|decoded| decoded.map(picture).transpose()).map_err(fault)
    }
}

#[cfg(test)]
mod tests {
    use effigy_quality::SquaredError;
    use effigy_splat::Frame;

    use super::*;
    use crate::encoder::{self, EncoderChoice, FrameRequest, Rate};
    use crate::{Alpha, PlaneFormat, Planes};

    // Smooth colours at the best quantiser come back within a few codes; odd sides, which the encoder makes even, come back
    // as they were.
    #[test]
    fn decodes_what_was_encoded() {
        for [width, height] in [[64, 48], [63, 47]] {
            let config = EncoderConfig { rate: Rate::Quality(12.0), ..EncoderConfig::new(width, height) };
            let mut encoder = encoder::open(&EncoderChoice::OpenH264, &config).unwrap();
            let (mut pictures, mut packets) = (Vec::new(), Vec::new());
            for t in 0..5 {
                let mut frame = Frame::default();
                frame.reset(width, height);
                for (i, pixel) in frame.color.iter_mut().enumerate() {
                    let (x, y) = (i as u32 % width, i as u32 / width);
                    *pixel = [x as f32 / 64.0, y as f32 / 48.0, 0.2 * t as f32, 1.0];
                }
                let rgba = frame.over_rgba8([0.0; 3]);
                let rgb = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
                pictures.push(Picture::new(width as usize, height as usize, rgb).unwrap());
                let mut planes = Planes::default();
                let planes = planes.convert(&frame, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).unwrap();
                let picture = encoder::Picture::of(&planes);
                packets.extend(encoder.encode(&picture, FrameRequest::default()).unwrap());
            }
            packets.extend(encoder.finish().unwrap());
            let mut decoded = H264Packets::new("clip", &config, packets).unwrap();
            assert_eq!(decoded.frames_per_second(), Some(30.0));
            for picture in &pictures {
                let found = decoded.next_frame().unwrap().unwrap();
                assert_eq!((found.width(), found.height()), (picture.width(), picture.height()));
                let psnr = SquaredError::of(picture, &found, None).psnr_rgb().unwrap();
                assert!(psnr > 36.0, "{psnr}");
            }
            assert!(decoded.next_frame().unwrap().is_none());
        }
    }

    #[test]
    fn what_is_no_stream_is_one_line() {
        let bad = Packet { data: vec![0, 0, 0, 1, 0x65, 1, 2, 3, 4], key: true, pts: 0, dts: 0 };
        let mut decoded = H264Packets::new("clip", &EncoderConfig::new(64, 48), vec![bad]).unwrap();
        let fault = decoded.next_frame().unwrap_err().to_string();
        assert!(fault.starts_with("clip: openh264") && !fault.contains('\n'), "{fault}");
    }
}
