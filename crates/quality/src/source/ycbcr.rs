//! From luma and colour differences to pictures.

use super::frame_source::Matrix;
use crate::error::QualityError;
use crate::picture::Picture;

/// Codes of a picture's luma, blue and red differences, as they are before an encoder or after a decoder.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    /// Row-major from the top left, without padding.
    pub planes: [Vec<f32>; 3],
    /// Width of the picture, pixels.
    pub width: usize,
    /// Height of the picture, pixels.
    pub height: usize,
    /// Where the colour differences lie, along x and y.
    pub sampling: [Sampling; 2],
    /// What luma is made by.
    pub matrix: Matrix,
    /// Whether codes reach from 0 to the last one; else they are ITU-R BT.709's limited range.
    pub full_range: bool,
    /// Bits of a code, 8 to 16.
    pub bit_depth: u32,
}

impl Codes {
    /// What a player shows: colour differences are interpolated with Keys' cubic kernel of a = -0.6.
    ///
    /// # Errors
    /// [`QualityError::Count`] for planes that are not of the size that they should be.
    pub fn picture(&self) -> Result<Picture, QualityError> {
        let &Self { ref planes, width, height, sampling, .. } = self;
        let (columns, rows) = (sampling[0].samples(width), sampling[1].samples(height));
        let [luma, blue, red] = planes;
        let pixels = width.checked_mul(height);
        if pixels != Some(luma.len()) || [blue, red].iter().any(|p| p.len() != columns * rows) {
            let found = planes.iter().map(Vec::len).sum();
            return Err(QualityError::Count { what: "a picture", width, height, found, of: "codes" });
        }
        let conversion = Conversion::new(self.matrix, self.full_range, self.bit_depth.clamp(8, 16));
        let [blue, red] = [blue, red].map(|plane| interpolated(plane, columns, sampling, (width, height)));
        let samples = luma.iter().zip(&blue).zip(&red);
        let rgb = samples.flat_map(|((&y, &b), &r)| conversion.rgb(y, b, r)).collect();
        Picture::new(width, height, rgb)
    }
}

/// The weights of red and blue in luma.
fn weights(matrix: Matrix) -> [f32; 2] {
    match matrix {
        Matrix::Bt601 => [0.299, 0.114],
        Matrix::Bt709 => [0.2126, 0.0722],
    }
}

/// Where samples of colour differences lie along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// On every pixel.
    Full,
    /// On every second pixel.
    Cosited,
    /// Between two pixels.
    Centred,
}

impl Sampling {
    /// How many samples there are along `pixels`.
    pub fn samples(self, pixels: usize) -> usize {
        if self == Self::Full { pixels } else { pixels.div_ceil(2) }
    }

    /// For each pixel, four samples and their weights; samples beyond an edge are the edge's.
    fn taps(self, pixels: usize) -> Vec<([usize; 4], [f32; 4])> {
        let last = self.samples(pixels).saturating_sub(1);
        (0..pixels)
            .map(|i| {
                // In samples from the first one, which lies on the first pixel or half a pixel beyond it.
                let position = match self {
                    Self::Full => i as f32,
                    Self::Cosited => i as f32 / 2.0,
                    Self::Centred => i as f32 / 2.0 - 0.25,
                };
                let first = position.floor() as isize - 1;
                let index = [0, 1, 2, 3].map(|k| (first + k).clamp(0, last as isize) as usize);
                (index, [0, 1, 2, 3].map(|k| cubic(position - (first + k) as f32)))
            })
            .collect()
    }
}

/// Keys' cubic kernel with a = -0.6.
fn cubic(x: f32) -> f32 {
    const A: f32 = -0.6;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        A * (((x - 5.0) * x + 8.0) * x - 4.0)
    } else {
        0.0
    }
}

/// A chroma plane, `samples` wide, at every pixel.
pub(super) fn interpolated(
    plane: &[f32],
    samples: usize,
    [across, down]: [Sampling; 2],
    (width, height): (usize, usize),
) -> Vec<f32> {
    let columns = across.taps(width);
    let mut values = Vec::with_capacity(width * height);
    let mut line = vec![0.0_f32; samples];
    for (rows, weights) in down.taps(height) {
        line.fill(0.0);
        for (row, weight) in rows.into_iter().zip(weights).filter(|(_, weight)| *weight != 0.0) {
            let row = plane.get(row * samples..(row + 1) * samples).unwrap_or_default();
            for (sum, &value) in line.iter_mut().zip(row) {
                *sum += weight * value;
            }
        }
        values.extend(columns.iter().map(|(index, weights)| {
            index.iter().zip(weights).map(|(&i, w)| w * line.get(i).copied().unwrap_or(0.0)).sum::<f32>()
        }));
    }
    values
}

/// From Y'CbCr codes to 8-bit R'G'B' codes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conversion {
    black: f32,
    /// The code of no chroma.
    grey: f32,
    luma: f32,
    red: f32,
    green: [f32; 2],
    blue: f32,
}

impl Conversion {
    pub(super) fn new(matrix: Matrix, full_range: bool, depth: u32) -> Self {
        let [kr, kb] = weights(matrix);
        // ITU-R BT.2100-2, table 9: limited codes of more bits are those of 8 shifted, full ones reach the last code.
        let unit = (1_u32 << (depth - 8)) as f32;
        let peak = (256.0 * unit) - 1.0;
        let (black, luma, chroma) = match full_range {
            true => (0.0, 255.0 / peak, 255.0 / peak),
            false => (16.0 * unit, 255.0 / (219.0 * unit), 255.0 / (224.0 * unit)),
        };
        let (red, blue) = (2.0 * (1.0 - kr) * chroma, 2.0 * (1.0 - kb) * chroma);
        let kg = 1.0 - kr - kb;
        Self { black, grey: 128.0 * unit, luma, red, green: [-blue * kb / kg, -red * kr / kg], blue }
    }

    /// The code of no colour.
    pub(super) fn grey(&self) -> f32 {
        self.grey
    }

    /// Of which 255 is white; beyond that for codes that no colour has.
    pub(super) fn levels(&self, y: f32, cb: f32, cr: f32) -> [f32; 3] {
        let (y, cb, cr) = ((y - self.black) * self.luma, cb - self.grey, cr - self.grey);
        [y + self.red * cr, y + self.green[0] * cb + self.green[1] * cr, y + self.blue * cb]
    }

    pub(super) fn rgb(&self, y: f32, cb: f32, cr: f32) -> [u8; 3] {
        // A float that is cast to an integer is clamped to its range.
        self.levels(y, cb, cr).map(|v| v.round() as u8)
    }
}
