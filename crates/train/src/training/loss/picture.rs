//! The loss of one rendered picture against its target, with its gradient, in plain Rust.

use effigy_capture::Picture;
use rayon::prelude::*;

use super::blur::Blur;
use super::{pyramid, ssim};

/// A picture to be learned: what the camera saw, over nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Columns.
    pub width: usize,
    /// Premultiplied red, green, blue, and alpha: 4 planes of height × width.
    pub planes: Vec<f32>,
}

impl Target {
    /// What a captured picture shows.
    pub fn of(picture: &Picture) -> Self {
        let mut pixels = Vec::new();
        picture.premultiplied_into(&mut pixels);
        let n = pixels.len();
        let mut planes = vec![0.0; 4 * n];
        for (c, plane) in planes.chunks_exact_mut(n.max(1)).enumerate() {
            plane.iter_mut().zip(&pixels).for_each(|(out, pixel)| *out = pixel[c]);
        }
        Self { width: picture.width as usize, planes }
    }
}

/// Weights of the terms of [`PictureLoss`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PictureLossWeights {
    /// Mean absolute difference.
    pub l1: f32,
    /// 1 − SSIM.
    pub dssim: f32,
    /// Mean absolute difference of alpha.
    pub alpha: f32,
    /// Mean absolute difference of the bands of a Laplacian pyramid.
    pub pyramid: f32,
}

/// The loss of a picture, and its gradient.
#[derive(Clone, Debug)]
pub struct PictureLoss {
    weights: PictureLossWeights,
    blur: Blur,
}

/// What [`PictureLoss::evaluate`] finds.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureLossValue {
    /// The weighted sum of all terms.
    pub total: f32,
    /// Mean squared difference of the pictures over the background.
    pub mse: f32,
    /// The gradient of `total` on the picture: 5 planes, as the picture has; that of depth is zero.
    pub gradient: Vec<f32>,
}

impl PictureLoss {
    /// A loss of these weights.
    pub fn new(weights: PictureLossWeights) -> Self {
        Self { weights, blur: Blur::new() }
    }

    /// Weights of the terms.
    pub(crate) fn weights(&self) -> &PictureLossWeights {
        &self.weights
    }

    /// Compares `picture` (5 planes: premultiplied red, green, blue; alpha; depth, which is not looked at) with
    /// `target`, both over `background`.
    ///
    /// # Panics
    /// If the picture is not of the target's size.
    pub fn evaluate(&self, picture: &[f32], target: &Target, background: [f32; 3]) -> PictureLossValue {
        let n = target.planes.len() / 4;
        assert_eq!(picture.len(), 5 * n, "a picture of the target's size");
        let alpha = &picture[3 * n..4 * n];
        let target_alpha = &target.planes[3 * n..];
        let mut gradient = vec![0.0; 5 * n];
        let (by_color, by_rest) = gradient.split_at_mut(3 * n);
        let per_value = 1.0 / (3 * n) as f32;
        let PictureLossWeights { l1, dssim, alpha: alpha_weight, pyramid } = self.weights;
        let terms: Vec<(f64, f64)> = by_color
            .par_chunks_exact_mut(n)
            .enumerate()
            .map(|(c, gradient)| {
                let (plane, wanted) = (&picture[c * n..(c + 1) * n], &target.planes[c * n..(c + 1) * n]);
                let over = |plane: &[f32], alpha: &[f32]| -> Vec<f32> {
                    plane.iter().zip(alpha).map(|(x, a)| x + (1.0 - a) * background[c]).collect()
                };
                let (x, y) = (over(plane, alpha), over(wanted, target_alpha));
                let (mut total, mut mse) = (0.0, 0.0);
                for i in 0..n {
                    let d = x[i] - y[i];
                    total += f64::from(l1 * per_value * d.abs());
                    mse += f64::from(d * d);
                    gradient[i] = if d == 0.0 { 0.0 } else { (l1 * per_value).copysign(d) };
                }
                if dssim > 0.0 {
                    let weight = dssim * per_value;
                    let sum = ssim::dissimilarity(&self.blur, &x, &y, target.width, weight, gradient);
                    total += f64::from(weight) * sum;
                }
                if pyramid > 0.0 {
                    let difference: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
                    let weight = pyramid / 3.0;
                    total += f64::from(weight) * pyramid::bands(&difference, target.width, weight, gradient);
                }
                (total, mse)
            })
            .collect();
        let mut total: f64 = terms.iter().map(|t| t.0).sum();
        let mse: f64 = terms.iter().map(|t| t.1).sum::<f64>() / (3 * n) as f64;
        let per_pixel = alpha_weight / n as f32;
        for i in 0..n {
            let d = alpha[i] - target_alpha[i];
            total += f64::from(per_pixel * d.abs());
            let direct = if d == 0.0 { 0.0 } else { per_pixel.copysign(d) };
            let through: f32 = (0..3).map(|c| background[c] * by_color[c * n + i]).sum();
            by_rest[i] = direct - through;
        }
        PictureLossValue { total: total as f32, mse: mse as f32, gradient }
    }
}
