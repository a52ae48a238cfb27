//! H.264 decoded again, by Cisco's openh264: what a receiver sees.

use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

use super::{ColorInfo, Layout, Picture};
use crate::VideoError;

const NAME: &str = "openh264's decoder";

/// Decodes the packets of an H.264 stream, one after another, to 8 bits and 4:2:0: baseline, main and high profiles
/// without reordered pictures.
pub struct H264Decoder {
    decoder: Decoder,
}

/// A decoded picture in memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
    width: u32,
    height: u32,
}

impl H264Decoder {
    /// Before a stream's first packet.
    ///
    /// # Errors
    /// [`VideoError::Encoder`] if the library refuses.
    pub fn new() -> Result<Self, VideoError> {
        Ok(Self { decoder: Decoder::new().map_err(|error| failed(&error))? })
    }

    /// Decodes a packet in Annex B form; `None` if it does not end a picture.
    ///
    /// # Errors
    /// [`VideoError::Encoder`] for what is not a stream that it can decode.
    pub fn decode(&mut self, packet: &[u8]) -> Result<Option<Decoded>, VideoError> {
        let Some(picture) = self.decoder.decode(packet).map_err(|error| failed(&error))? else {
            return Ok(None);
        };
        decoded_of(&picture).map(Some)
    }

    /// The pictures that are left after the last packet.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn finish(&mut self) -> Result<Vec<Decoded>, VideoError> {
        let last = self.decoder.flush_remaining().map_err(|error| failed(&error))?;
        last.iter().map(decoded_of).collect()
    }
}

fn decoded_of(picture: &impl YUVSource) -> Result<Decoded, VideoError> {
    let side = |side| u32::try_from(side).map_err(|_| VideoError::Picture("a picture too large".into()));
    let ((width, height), (y, u, v)) = (picture.dimensions(), picture.strides());
    Ok(Decoded {
        planes: [picture.y().to_vec(), picture.u().to_vec(), picture.v().to_vec()],
        strides: [y, u, v],
        width: side(width)?,
        height: side(height)?,
    })
}

impl Decoded {
    /// Width and height as they were encoded: even.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The planes of the upper left `width` × `height` pixels, or of all where there are fewer; `color` says what the
    /// encoder was told that the numbers mean.
    pub fn picture(&self, width: u32, height: u32, color: ColorInfo) -> Picture<'_> {
        Picture {
            planes: self.planes.each_ref().map(Vec::as_slice),
            strides: self.strides,
            width: width.min(self.width),
            height: height.min(self.height),
            layout: Layout::I420,
            color,
        }
    }
}

fn failed(error: &openh264::Error) -> VideoError {
    VideoError::Encoder { encoder: NAME.into(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{EncoderChoice, EncoderConfig, FrameRequest, Rate, open};

    #[test]
    fn a_packet_becomes_the_picture_again() {
        // Odd, so that the encoder has to pad it.
        let (width, height) = (65_u32, 47_u32);
        let luma: Vec<u8> = (0..65 * 47).map(|i| (60 + (i % 65) + (i / 65)) as u8).collect();
        let (blue, red): (Vec<u8>, Vec<u8>) = (vec![90; 33 * 24], vec![170; 33 * 24]);
        let color = ColorInfo::default();
        let picture = Picture {
            planes: [&luma, &blue, &red],
            strides: [65, 33, 33],
            width,
            height,
            layout: Layout::I420,
            color,
        };
        let config = EncoderConfig { rate: Rate::Quality(14.0), ..EncoderConfig::new(width, height) };
        let mut encoder = open(&EncoderChoice::OpenH264, &config).unwrap();
        let mut decoder = H264Decoder::new().unwrap();
        for _ in 0..3 {
            let packet = encoder.encode(&picture, FrameRequest::default()).unwrap().unwrap();
            let decoded = decoder.decode(&packet.data).unwrap().unwrap();
            assert_eq!(decoded.size(), (66, 48));
            let seen = decoded.picture(width, height, color);
            assert_eq!((seen.width, seen.height), (width, height));
            let [y, u, v] = seen.samples();
            let worst = y.iter().zip(&luma).map(|(a, b)| a.abs_diff(u16::from(*b))).max().unwrap();
            assert!(worst <= 4, "{worst}");
            assert!(
                u.iter().all(|code| code.abs_diff(90) <= 2) && v.iter().all(|code| code.abs_diff(170) <= 2)
            );
            assert_eq!((y.len(), u.len()), (65 * 47, 33 * 24));
        }
        assert!(H264Decoder::new().unwrap().decode(&[0, 0, 0, 1, 0x65, 1, 2, 3, 4]).is_err());
    }
}
