//! Pictures to be judged, in the two layouts that the metrics want.

use super::{Area, JudgeError};

/// A borrowed opaque picture: display-referred sRGB, row-major from the top left.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    width: usize,
    height: usize,
    pixels: &'a [[f32; 3]],
}

impl<'a> Picture<'a> {
    /// A picture of `width` × `height` finite pixels. Values outside 0..=1 are judged clamped, as a display shows them.
    ///
    /// # Errors
    /// [`JudgeError::PixelCount`] for an empty picture or a wrong number of pixels, [`JudgeError::NotFinite`] for
    /// infinity or NaN.
    pub fn new(width: usize, height: usize, pixels: &'a [[f32; 3]]) -> Result<Self, JudgeError> {
        check_count("a picture", width, height, pixels.len())?;
        if let Some(i) = pixels.iter().position(|p| p.iter().any(|v| !v.is_finite())) {
            return Err(JudgeError::NotFinite { x: i % width, y: i / width });
        }
        Ok(Self { width, height, pixels })
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels, row-major from the top left.
    pub fn pixels(&self) -> &'a [[f32; 3]] {
        self.pixels
    }

    fn channel(&self, c: usize) -> Map {
        let values = self.pixels.iter().map(|p| p[c].clamp(0.0, 1.0)).collect();
        Map { width: self.width, height: self.height, values }
    }
}

/// One value per pixel, row-major from the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    /// `width` × `height` values.
    pub values: Vec<f32>,
}

impl Map {
    /// The mean, weighted by `weights` where given, of the part of both that starts `margin` pixels inside the
    /// weights' edges; the map itself has no such margin. `None` when the weights there sum to nothing.
    pub(super) fn mean(&self, weights: Option<&Map>, margin: usize) -> Option<f64> {
        let mut sum = 0.0;
        let mut total = 0.0;
        for (y, row) in self.values.chunks_exact(self.width.max(1)).enumerate() {
            match weights {
                None => {
                    sum += row.iter().map(|&v| f64::from(v)).sum::<f64>();
                    total += row.len() as f64;
                }
                Some(weights) => {
                    let start = (y + margin) * weights.width + margin;
                    let row_weights = weights.values.get(start..start + row.len())?;
                    for (&v, &w) in row.iter().zip(row_weights) {
                        sum += f64::from(v) * f64::from(w);
                        total += f64::from(w);
                    }
                }
            }
        }
        (total > 0.0).then(|| sum / total)
    }
}

/// The truth and our picture of it, of one size, clamped to 0..=1.
#[derive(Clone, Debug)]
pub struct Pair {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Red, green and blue of the truth.
    pub(super) truth: [Map; 3],
    /// Red, green and blue of ours.
    pub(super) ours: [Map; 3],
}

impl Pair {
    /// Pairs two pictures.
    ///
    /// # Errors
    /// [`JudgeError::Size`] when their sizes differ.
    pub fn new(truth: Picture<'_>, ours: Picture<'_>) -> Result<Self, JudgeError> {
        let (width, height) = (truth.width, truth.height);
        if (ours.width, ours.height) != (width, height) {
            return Err(JudgeError::Size {
                what: "the picture".into(),
                width: ours.width,
                height: ours.height,
                expected_width: width,
                expected_height: height,
            });
        }
        let channels = |p: Picture<'_>| [0, 1, 2].map(|c| p.channel(c));
        Ok(Self { width, height, truth: channels(truth), ours: channels(ours) })
    }

    /// The area's weights, checked to be of this pair's size; `None` is the whole frame.
    pub(super) fn weights<'a>(&self, area: &'a Area) -> Result<Option<&'a Map>, JudgeError> {
        area.weights_for(self.width, self.height)
    }
}

/// That a buffer has exactly the entries of a non-empty picture of this size.
pub(super) fn check_count(
    what: &'static str,
    width: usize,
    height: usize,
    count: usize,
) -> Result<(), JudgeError> {
    match width.checked_mul(height) {
        Some(n) if n > 0 && n == count => Ok(()),
        _ => Err(JudgeError::PixelCount { what, width, height, count }),
    }
}
