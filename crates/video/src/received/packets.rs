//! Packets of an encoder, decoded without FFmpeg where they are H.264.

use std::collections::VecDeque;

use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

use super::{FrameSource, Matrix, SourceOptions, y4m};
use crate::encoder::Packet;
use crate::quality::{Picture, QualityError};

/// What openh264's decoder makes of an encoder's packets: 8 bits, 4:2:0, limited range, colour at the left.
pub struct H264Packets {
    name: String,
    frames_per_second: f64,
    packets: std::vec::IntoIter<Packet>,
    decoder: Decoder,
    matrix: Matrix,
    most_pixels: usize,
    /// Pictures that came out at the end, when no packet was left.
    rest: Option<VecDeque<Picture>>,
}

impl H264Packets {
    /// Of `packets` in decoding order.
    ///
    /// # Errors
    /// [`QualityError::Read`] if there is no decoder.
    pub fn new(
        name: impl Into<String>,
        frames_per_second: f64,
        packets: Vec<Packet>,
        options: &SourceOptions,
    ) -> Result<Self, QualityError> {
        let name = name.into();
        let decoder = Decoder::new().map_err(|e| QualityError::read(name.as_ref(), e))?;
        let (packets, matrix, most_pixels) = (packets.into_iter(), options.matrix, options.most_pixels);
        Ok(Self { name, frames_per_second, packets, decoder, matrix, most_pixels, rest: None })
    }
}

/// Without what pads its rows.
fn plane(bytes: &[u8], stride: usize, width: usize, height: usize) -> Vec<f32> {
    let row = |y: usize| bytes.get(y * stride..y * stride + width).unwrap_or_default();
    (0..height).flat_map(row).map(|&v| f32::from(v)).collect()
}

fn picture(yuv: &impl YUVSource, matrix: Matrix, most_pixels: usize) -> Result<Picture, String> {
    let ((width, height), strides) = (yuv.dimensions(), yuv.strides());
    if width.checked_mul(height).is_none_or(|n| n > most_pixels) {
        return Err(format!("frames of {width}x{height} are too large"));
    }
    let (w, h) = (width.div_ceil(2), height.div_ceil(2));
    let planes = [
        plane(yuv.y(), strides.0, width, height),
        plane(yuv.u(), strides.1, w, h),
        plane(yuv.v(), strides.2, w, h),
    ];
    y4m::picture_of_video(planes, (width, height), matrix)
}

impl FrameSource for H264Packets {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn frames_per_second(&self) -> Option<f64> {
        Some(self.frames_per_second)
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        let fault = |e: String| QualityError::read(self.name.as_ref(), e);
        for packet in self.packets.by_ref() {
            if let Some(yuv) = self.decoder.decode(&packet.data).map_err(|e| fault(e.to_string()))? {
                return picture(&yuv, self.matrix, self.most_pixels).map(Some).map_err(fault);
            }
        }
        let rest = match &mut self.rest {
            Some(rest) => rest,
            none => {
                let last = self.decoder.flush_remaining().map_err(|e| fault(e.to_string()))?;
                let pictures = last.iter().map(|yuv| picture(yuv, self.matrix, self.most_pixels));
                none.insert(pictures.collect::<Result<_, _>>().map_err(fault)?)
            }
        };
        Ok(rest.pop_front())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{self, EncoderChoice, EncoderConfig, FrameRequest, Rate};
    use crate::quality::SquaredError;
    use crate::{Alpha, PlaneFormat, Planes};
    use effigy_splat::Frame;

    // Smooth colours at the best quantiser come back within a few codes; and what is not H.264 is one line.
    #[test]
    fn decodes_what_was_encoded() {
        let config = EncoderConfig { rate: Rate::Quality(12.0), ..EncoderConfig::new(64, 48) };
        let mut encoder = encoder::open(&EncoderChoice::OpenH264, &config).unwrap();
        let (mut pictures, mut packets) = (Vec::new(), Vec::new());
        for t in 0..5 {
            let mut frame = Frame::default();
            frame.reset(64, 48);
            for (i, pixel) in frame.color.iter_mut().enumerate() {
                let (x, y) = ((i % 64) as f32 / 64.0, (i / 64) as f32 / 48.0);
                *pixel = [x, y, 0.2 * t as f32, 1.0];
            }
            let rgb = frame.over_rgba8([0.0; 3]).chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
            pictures.push(Picture::new(64, 48, rgb).unwrap());
            let mut planes = Planes::default();
            let planes = planes.convert(&frame, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).unwrap();
            packets.extend(encoder.encode(&encoder::Picture::of(&planes), FrameRequest::default()).unwrap());
        }
        packets.extend(encoder.finish().unwrap());
        let options = SourceOptions::default();
        let mut decoded = H264Packets::new("clip", 30.0, packets.clone(), &options).unwrap();
        for picture in &pictures {
            let found = decoded.next_frame().unwrap().unwrap();
            let psnr = SquaredError::of(picture, &found, None).psnr_rgb().unwrap();
            assert!(psnr > 36.0, "{psnr}");
        }
        assert!(decoded.next_frame().unwrap().is_none());

        let small = SourceOptions { most_pixels: 100, ..options };
        let mut decoded = H264Packets::new("clip", 30.0, packets, &small).unwrap();
        assert!(
            decoded.next_frame().unwrap_err().to_string().contains("clip: frames of 64x48 are too large")
        );
    }
}
