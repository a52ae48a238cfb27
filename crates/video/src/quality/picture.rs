//! Pictures to be measured.

use super::{QualityError, Rect};

/// An opaque 8-bit picture: display-referred sRGB, interleaved, row-major from the top left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture of 3 × `width` × `height` bytes.
    ///
    /// # Errors
    /// [`QualityError::ByteCount`] for an empty picture or another number of bytes.
    pub fn new(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self, QualityError> {
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        match expected == Some(rgb.len()) && !rgb.is_empty() {
            true => Ok(Self { width, height, rgb }),
            false => Err(QualityError::ByteCount { width, height, bytes: rgb.len() }),
        }
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The bytes: red, green, blue of each pixel.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixels, row-major.
    pub(super) fn pixels(&self) -> impl Iterator<Item = [u8; 3]> {
        self.rgb.chunks_exact(3).map(|p| [p[0], p[1], p[2]])
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
        let mut rgb = Vec::with_capacity(3 * rect.width * rect.height);
        for row in self.rgb.chunks_exact(3 * self.width).skip(rect.y).take(rect.height) {
            rgb.extend_from_slice(&row[3 * rect.x..3 * (rect.x + rect.width)]);
        }
        Ok(Self { width: rect.width, height: rect.height, rgb })
    }

    /// Luma Y' of BT.709 in full range, 0..=255, not rounded.
    pub(super) fn luma(&self) -> Plane {
        let values = self.pixels().map(luma_of).collect();
        Plane { width: self.width, height: self.height, values }
    }
}

/// Luma Y' of BT.709 (ITU-R BT.709-6, item 3.2) in full range, 0..=255.
pub(super) fn luma_of([r, g, b]: [u8; 3]) -> f64 {
    0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
}

/// One value per pixel, row-major from the top left.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f64>,
}

/// Which pixels of a frame count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask {
    width: usize,
    height: usize,
    inside: Vec<bool>,
}

impl Mask {
    /// The pixels whose importance, of `width` × `height` values, is `threshold` or more. What is not a number is
    /// outside.
    ///
    /// # Errors
    /// [`QualityError::ByteCount`] for another number of values.
    pub fn of_importance(
        width: usize,
        height: usize,
        importance: &[f32],
        threshold: f32,
    ) -> Result<Self, QualityError> {
        if width.checked_mul(height) != Some(importance.len()) || importance.is_empty() {
            return Err(QualityError::ByteCount { width, height, bytes: importance.len() });
        }
        Ok(Self { width, height, inside: importance.iter().map(|&v| v >= threshold).collect() })
    }

    /// The pixels whose red, as a share of 255, is `threshold` or more: an importance map that was saved as a grey
    /// picture.
    pub fn of_picture(picture: &Picture, threshold: f32) -> Self {
        let inside = picture.pixels().map(|[r, ..]| f32::from(r) / 255.0 >= threshold).collect();
        Self { width: picture.width, height: picture.height, inside }
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Row-major from the top left.
    pub fn inside(&self) -> &[bool] {
        &self.inside
    }

    /// The mean of those values of `plane` whose pixels lie inside; `plane` begins `margin` pixels inside the edges
    /// of the mask. `None` when there are none.
    pub(super) fn mean(&self, plane: &Plane, margin: usize) -> Option<f64> {
        let (mut sum, mut count) = (0.0, 0_usize);
        let rows = self.inside.chunks_exact(self.width).skip(margin);
        for (row, inside) in plane.values.chunks_exact(plane.width.max(1)).zip(rows) {
            for (value, _) in row.iter().zip(inside.iter().skip(margin)).filter(|(_, inside)| **inside) {
                sum += value;
                count += 1;
            }
        }
        (count > 0).then(|| sum / count as f64)
    }

    /// The smallest rectangle that holds every pixel inside; `None` when there are none.
    pub fn bounds(&self) -> Option<Rect> {
        let (mut left, mut right, mut top, mut bottom) = (usize::MAX, 0, usize::MAX, 0);
        for (y, row) in self.inside.chunks_exact(self.width).enumerate() {
            let Some(first) = row.iter().position(|&v| v) else { continue };
            let last = row.iter().rposition(|&v| v).unwrap_or(first);
            (left, right) = (left.min(first), right.max(last + 1));
            (top, bottom) = (top.min(y), bottom.max(y + 1));
        }
        (bottom > 0).then(|| Rect { x: left, y: top, width: right - left, height: bottom - top })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crops_and_refuses_what_lies_outside() {
        let picture = Picture::new(3, 2, (0..18).collect()).unwrap();
        let part = picture.cropped(Rect { x: 1, y: 1, width: 2, height: 1 }).unwrap();
        assert_eq!(part.rgb(), [12, 13, 14, 15, 16, 17]);
        assert!(picture.cropped(Rect { x: 2, y: 0, width: 2, height: 1 }).is_err());
        assert!(Picture::new(3, 2, vec![0; 17]).is_err());
        assert!(Picture::new(0, 2, vec![]).is_err());
    }

    #[test]
    fn masks_have_bounds_and_means() {
        let mask =
            Mask::of_importance(4, 3, &[0., 0., 0., 0., 0., 0.5, 1., 0., 0., 0.2, 0.9, 0.], 0.5).unwrap();
        assert_eq!(mask.bounds(), Some(Rect { x: 1, y: 1, width: 2, height: 2 }));
        let plane = Plane { width: 4, height: 3, values: (0..12).map(f64::from).collect() };
        assert_eq!(mask.mean(&plane, 0), Some((5.0 + 6.0 + 10.0) / 3.0));
        // A map of windows: its only row belongs to the mask's middle row.
        let inner = Plane { width: 2, height: 1, values: vec![3.0, 5.0] };
        assert_eq!(mask.mean(&inner, 1), Some(4.0));
        assert_eq!(Mask::of_importance(2, 1, &[f32::NAN, 0.1], 0.5).unwrap().bounds(), None);
    }
}
