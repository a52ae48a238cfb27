//! One value per pixel.

/// One value per pixel, row-major from the top left.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Width, pixels.
    pub width: usize,
    /// Height, pixels.
    pub height: usize,
    /// `width` × `height` values.
    pub values: Vec<f64>,
}

impl Plane {
    /// The mean; `None` for a plane without pixels.
    pub fn mean(&self) -> Option<f64> {
        (!self.values.is_empty()).then(|| self.values.iter().sum::<f64>() / self.values.len() as f64)
    }

    /// The mean weighted by `weights`, within whose edges this plane begins `margin` pixels. `None` when the weights
    /// there sum to nothing.
    pub(crate) fn weighted_mean(&self, weights: &Self, margin: usize) -> Option<f64> {
        let (mut sum, mut total) = (0.0, 0.0);
        for (y, row) in self.values.chunks_exact(self.width.max(1)).enumerate() {
            let start = (y + margin) * weights.width + margin;
            for (value, weight) in row.iter().zip(weights.values.get(start..start + row.len())?) {
                sum += value * weight;
                total += weight;
            }
        }
        (total > 0.0).then(|| sum / total)
    }
}
