//! How far a decoded picture is from the one that was meant, as one who looks at it would say.

use burn::tensor::module::{avg_pool2d, conv2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions};
use burn::tensor::{Device, Tensor, TensorData};

/// Side of SSIM's window (Wang et al. 2004), and its standard deviation.
const WINDOW: usize = 11;
const SIGMA: f64 = 1.5;
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;
/// How often pictures are halved, and what each size counts. At viewing distance the middle ones count most (Wang et al.
/// 2003).
const SCALES: [f64; 3] = [0.3, 0.4, 0.3];

/// One less SSIM at three sizes, plus the mean absolute difference, both weighted pixel by pixel.
#[derive(Clone, Debug)]
pub struct Perception {
    /// What the mean absolute difference (of 0 to 1) counts.
    absolute: f64,
    rows: Tensor<4>,
    columns: Tensor<4>,
}

impl Perception {
    /// A measure whose tensors can be differentiated, in which a mean absolute difference of 1 counts `absolute`.
    pub fn new(absolute: f64, device: &Device) -> Self {
        let half = (WINDOW / 2) as f64;
        let taps: Vec<f64> =
            (0..WINDOW).map(|i| (-(i as f64 - half).powi(2) / (2.0 * SIGMA * SIGMA)).exp()).collect();
        let sum: f64 = taps.iter().sum();
        let taps: Vec<f32> = taps.iter().map(|t| (t / sum) as f32).collect();
        let tensor = |shape: [usize; 4]| {
            Tensor::from_inner(Tensor::<4>::from_data(TensorData::new(taps.clone(), shape), device))
        };
        Self { absolute, rows: tensor([1, 1, 1, WINDOW]), columns: tensor([1, 1, WINDOW, 1]) }
    }

    /// The distance of pictures from those that were meant, with what each pixel counts, all B × 1 × H × W with sides of at
    /// least 44: B values, each divided by the number of pixels.
    pub fn distance(&self, picture: &Tensor<4>, meant: &Tensor<4>, weights: &Tensor<4>) -> Tensor<1> {
        let [batch, _, height, width] = picture.dims();
        let over_pixels = |x: Tensor<4>| -> Tensor<1> {
            let n = x.dims()[2] * x.dims()[3];
            x.reshape([batch, n]).mean_dim(1).reshape([batch])
        };
        let absolute = (picture.clone() - meant.clone()).abs() * weights.clone();
        let mut total = over_pixels(absolute) * self.absolute;
        let (mut a, mut b, mut w) = (picture.clone(), meant.clone(), weights.clone());
        for (scale, share) in SCALES.into_iter().enumerate() {
            if scale > 0 {
                (a, b, w) = (halved(a), halved(b), halved(w));
            }
            let edge = WINDOW / 2;
            let (rows, columns) = ((height >> scale) - 2 * edge, (width >> scale) - 2 * edge);
            let inner = w.clone().narrow(2, edge, rows).narrow(3, edge, columns);
            let unlike = self.similarity(&a, &b).neg() + 1.0;
            total = total + over_pixels(unlike * inner) * share;
        }
        total
    }

    /// SSIM of every pixel whose window lies within the picture.
    fn similarity(&self, a: &Tensor<4>, b: &Tensor<4>) -> Tensor<4> {
        let batch = a.dims()[0];
        let maps =
            vec![a.clone(), b.clone(), a.clone() * a.clone(), b.clone() * b.clone(), a.clone() * b.clone()];
        let maps = self.blurred(Tensor::cat(maps, 0));
        let map = |i: usize| maps.clone().narrow(0, i * batch, batch);
        let (mean_a, mean_b) = (map(0), map(1));
        let product = mean_a.clone() * mean_b.clone();
        let (square_a, square_b) = (mean_a.clone() * mean_a, mean_b.clone() * mean_b);
        let covariance = map(4) - product.clone();
        let variances = map(2) + map(3) - square_a.clone() - square_b.clone();
        let above = (product * 2.0 + C1) * (covariance * 2.0 + C2);
        above / ((square_a + square_b + C1) * (variances + C2))
    }

    fn blurred(&self, x: Tensor<4>) -> Tensor<4> {
        let options = || ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
        conv2d(conv2d(x, self.rows.clone(), None, options()), self.columns.clone(), None, options())
    }
}

fn halved(x: Tensor<4>) -> Tensor<4> {
    avg_pool2d(x, AvgPoolOptions::new([2, 2]))
}
