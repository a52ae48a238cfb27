//! Which pixels of a frame count.

use crate::error::QualityError;
use crate::picture::Picture;
use crate::plane::Plane;
use crate::rect::Rect;

/// How much each pixel of a frame counts: weights from 0 to 1.
///
/// A measure that looks at a neighbourhood (SSIM, MS-SSIM, FLIP, the Laplacian pyramid) is made of the whole pictures and
/// its values averaged with the weights, so that no edge is made where the mask ends; pixels just outside therefore
/// count a little.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    weights: Plane,
}

impl Mask {
    /// One weight from 0 to 1 for each of `width` × `height` pixels.
    ///
    /// # Errors
    /// [`QualityError::Count`] for another number of weights, [`QualityError::Weight`] for one outside 0..=1.
    pub fn new(width: usize, height: usize, weights: &[f32]) -> Result<Self, QualityError> {
        check_count(width, height, weights.len())?;
        if let Some(i) = weights.iter().position(|w| !(0.0..=1.0).contains(w)) {
            return Err(QualityError::Weight { x: i % width, y: i / width });
        }
        Ok(Self::of_values(width, height, weights.iter().map(|&w| f64::from(w))))
    }

    /// The pixels whose importance, of `width` × `height` values, is `threshold` or more. What is not a number is
    /// outside.
    ///
    /// # Errors
    /// [`QualityError::Count`] for another number of values.
    pub fn of_importance(
        width: usize,
        height: usize,
        importance: &[f32],
        threshold: f32,
    ) -> Result<Self, QualityError> {
        check_count(width, height, importance.len())?;
        Ok(Self::of_values(width, height, importance.iter().map(|&v| f64::from(u8::from(v >= threshold)))))
    }

    /// The pixels whose red, as a share of white, is `threshold` or more: an importance map that was saved as a grey
    /// picture.
    pub fn of_picture(picture: &Picture, threshold: f32) -> Self {
        let inside = picture.codes().map(|[r, ..]| f64::from(u8::from(r / 255.0 >= f64::from(threshold))));
        Self::of_values(picture.width(), picture.height(), inside)
    }

    fn of_values(width: usize, height: usize, values: impl Iterator<Item = f64>) -> Self {
        Self { weights: Plane { width, height, values: values.collect() } }
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.weights.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.weights.height
    }

    /// The weights.
    pub fn weights(&self) -> &Plane {
        &self.weights
    }

    /// Its share of the frame: the mean weight, 0..=1.
    pub fn share(&self) -> f64 {
        self.weights.mean().unwrap_or(0.0)
    }

    /// The smallest rectangle that holds every pixel that counts; `None` when none does.
    pub fn bounds(&self) -> Option<Rect> {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for (y, row) in self.weights.values.chunks_exact(self.weights.width).enumerate() {
            let Some(first) = row.iter().position(|&v| v > 0.0) else { continue };
            let last = row.iter().rposition(|&v| v > 0.0).unwrap_or(first);
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
        }
        (bottom > 0).then(|| Rect { x: left, y: top, width: right - left, height: bottom - top })
    }
}

fn check_count(width: usize, height: usize, found: usize) -> Result<(), QualityError> {
    match width.checked_mul(height) {
        Some(n) if n > 0 && n == found => Ok(()),
        _ => Err(QualityError::Count { what: "a mask", width, height, found, of: "pixels" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_have_bounds_and_means() {
        let mask =
            Mask::of_importance(4, 3, &[0., 0., 0., 0., 0., 0.5, 1., 0., 0., 0.2, 0.9, 0.], 0.5).unwrap();
        assert_eq!(mask.bounds(), Some(Rect { x: 1, y: 1, width: 2, height: 2 }));
        assert_eq!(mask.share(), 0.25);
        let plane = Plane { width: 4, height: 3, values: (0..12).map(f64::from).collect() };
        assert_eq!(plane.weighted_mean(mask.weights(), 0), Some((5.0 + 6.0 + 10.0) / 3.0));
        // A map of windows: its only row belongs to the mask's middle row.
        let inner = Plane { width: 2, height: 1, values: vec![3.0, 5.0] };
        assert_eq!(inner.weighted_mean(mask.weights(), 1), Some(4.0));
        assert_eq!(Mask::of_importance(2, 1, &[f32::NAN, 0.1], 0.5).unwrap().bounds(), None);
    }

    #[test]
    fn weights_are_from_0_to_1() {
        for bad in [-0.1, 1.1, f32::NAN] {
            let fault = Mask::new(2, 1, &[0.0, bad]).unwrap_err().to_string();
            assert_eq!(fault, "the mask is outside 0..1 at (1, 0)");
        }
        assert_eq!(Mask::new(2, 2, &[0.0]).unwrap_err().to_string(), "a mask of 2x2 does not have 1 pixels");
    }
}
