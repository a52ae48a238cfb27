//! Pictures to be measured.

use std::borrow::Cow;

use crate::error::QualityError;
use crate::plane::Plane;
use crate::rect::Rect;

/// An opaque picture of display-referred sRGB, row-major from the top left: of 8-bit codes, or of numbers that are not
/// rounded to them.
///
/// Whoever has premultiplied pictures puts both over the same background first.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: usize,
    height: usize,
    samples: Samples,
}

#[derive(Clone, Debug, PartialEq)]
enum Samples {
    /// Interleaved.
    Bytes(Vec<u8>),
    /// 0..=1.
    Levels(Vec<[f32; 3]>),
}

impl Picture {
    /// A picture of 3 × `width` × `height` bytes: red, green and blue of each pixel.
    ///
    /// # Errors
    /// [`QualityError::Count`] for an empty picture or another number of bytes.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, QualityError> {
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        match expected == Some(rgb.len()) && !rgb.is_empty() {
            true => Ok(Self { width, height, samples: Samples::Bytes(rgb) }),
            false => {
                Err(QualityError::Count { what: "a picture", width, height, found: rgb.len(), of: "bytes" })
            }
        }
    }

    /// A picture of `width` × `height` pixels, red, green and blue from 0 to 1. What lies outside is measured as a
    /// display shows it: clamped.
    ///
    /// # Errors
    /// [`QualityError::Count`] for an empty picture or another number of pixels, [`QualityError::NotFinite`] for
    /// infinity or NaN.
    pub fn of_levels(width: usize, height: usize, mut pixels: Vec<[f32; 3]>) -> Result<Self, QualityError> {
        if width.checked_mul(height) != Some(pixels.len()) || pixels.is_empty() {
            let found = pixels.len();
            return Err(QualityError::Count { what: "a picture", width, height, found, of: "pixels" });
        }
        if let Some(i) = pixels.iter().position(|p| p.iter().any(|v| !v.is_finite())) {
            return Err(QualityError::NotFinite { x: i % width, y: i / width });
        }
        for level in pixels.iter_mut().flatten() {
            *level = level.clamp(0.0, 1.0);
        }
        Ok(Self { width, height, samples: Samples::Levels(pixels) })
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Red, green and blue of each pixel, rounded to 8 bits.
    pub fn rgb(&self) -> Cow<'_, [u8]> {
        match &self.samples {
            Samples::Bytes(bytes) => Cow::Borrowed(bytes),
            // The cast saturates.
            Samples::Levels(pixels) => pixels.iter().flatten().map(|v| (v * 255.0 + 0.5) as u8).collect(),
        }
    }

    /// The part within `rect`.
    ///
    /// # Errors
    /// [`QualityError::Region`] when it does not lie within the picture.
    pub fn cropped(&self, rect: Rect) -> Result<Self, QualityError> {
        if !rect.lies_in(self.width, self.height) {
            let Rect { x, y, width, height } = rect;
            return Err(QualityError::Region {
                region: format!("{width}x{height} at {x},{y}"),
                width: self.width,
                height: self.height,
            });
        }
        let samples = match &self.samples {
            Samples::Bytes(bytes) => Samples::Bytes(part(bytes, 3, self.width, rect)),
            Samples::Levels(pixels) => Samples::Levels(part(pixels, 1, self.width, rect)),
        };
        Ok(Self { width: rect.width, height: rect.height, samples })
    }

    /// Red, green and blue of the `i`th pixel, of which 255 is white.
    pub(crate) fn code(&self, i: usize) -> [f64; 3] {
        match &self.samples {
            Samples::Bytes(bytes) => [0, 1, 2].map(|c| f64::from(bytes[3 * i + c])),
            Samples::Levels(pixels) => pixels[i].map(|v| 255.0 * f64::from(v)),
        }
    }

    /// Every pixel's [`Self::code`].
    pub(crate) fn codes(&self) -> impl Iterator<Item = [f64; 3]> {
        (0..self.width * self.height).map(|i| self.code(i))
    }

    /// Every pixel from 0 to 1.
    pub(crate) fn levels(&self) -> Cow<'_, [[f32; 3]]> {
        match &self.samples {
            Samples::Bytes(bytes) => {
                bytes.chunks_exact(3).map(|p| [p[0], p[1], p[2]].map(|v| f32::from(v) / 255.0)).collect()
            }
            Samples::Levels(pixels) => Cow::Borrowed(pixels),
        }
    }

    /// Luma Y' of BT.709 in full range, 0..=255, not rounded.
    pub(crate) fn luma(&self) -> Plane {
        Plane { width: self.width, height: self.height, values: self.codes().map(luma_of).collect() }
    }
}

/// Some columns of some rows; `per_pixel` entries a pixel, rows of `width` pixels.
fn part<T: Clone>(samples: &[T], per_pixel: usize, width: usize, rect: Rect) -> Vec<T> {
    let rows = samples.chunks_exact(per_pixel * width).skip(rect.y).take(rect.height);
    rows.flat_map(|row| &row[per_pixel * rect.x..per_pixel * (rect.x + rect.width)]).cloned().collect()
}

/// Luma Y' of BT.709 (ITU-R BT.709-6, item 3.2) in full range.
pub(crate) fn luma_of([r, g, b]: [f64; 3]) -> f64 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_and_refuses_what_lies_outside() {
        let picture = Picture::new(3, 2, (0..18).collect()).unwrap();
        let rect = Rect { x: 1, y: 1, width: 2, height: 1 };
        assert_eq!(*picture.cropped(rect).unwrap().rgb(), [12, 13, 14, 15, 16, 17]);
        assert!(picture.cropped(Rect { x: 2, y: 0, width: 2, height: 1 }).is_err());
        let levels = (0..6).map(|i| [i as f32 / 255.0; 3]).collect();
        let levels = Picture::of_levels(3, 2, levels).unwrap();
        assert_eq!(*levels.cropped(rect).unwrap().rgb(), [4, 4, 4, 5, 5, 5]);
        assert!(Picture::new(3, 2, vec![0; 17]).is_err());
        assert!(Picture::new(0, 2, vec![]).is_err());
        assert!(Picture::of_levels(usize::MAX, 2, vec![[0.0; 3]; 6]).is_err());
    }

    #[test]
    fn levels_are_clamped_and_must_be_numbers() {
        let picture = Picture::of_levels(1, 1, vec![[-0.5, 0.5, 1.5]]).unwrap();
        assert_eq!(picture.code(0), [0.0, 127.5, 255.0]);
        assert_eq!(*picture.rgb(), [0, 128, 255]);
        let fault = Picture::of_levels(2, 2, vec![[0.0; 3], [0.0; 3], [0.0; 3], [0.0, f32::NAN, 0.0]]);
        assert_eq!(fault.unwrap_err().to_string(), "the picture is not finite at (1, 1)");
    }
}
