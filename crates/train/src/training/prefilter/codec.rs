//! A stand-in for a video encoder that has derivatives: prediction, transform, quantisation, and an estimate of bits.

use burn::tensor::{Device, Int, Tensor, TensorData};

use super::motion::Motion;

/// Codes of luma from black to white in limited range (Rec. ITU-R BT.709, 8 bits).
const CODES: f64 = 219.0;
/// What is added to a magnitude before it is cut off to a level, in pictures coded alone and in differences: x264's and
/// the H.264 reference encoder's rounding.
const ROUNDING: [f64; 2] = [1.0 / 3.0, 1.0 / 6.0];

/// The step of H.264's quantiser in codes: it doubles every six (Rec. ITU-T H.264, 8.5.9).
pub fn quantiser_step(quantiser: f32) -> f32 {
    0.625 * (quantiser / 6.0).exp2()
}

/// The transform's size. H.264's are integer approximations of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transform {
    /// Blocks of 4 × 4 pixels.
    Four,
    /// Blocks of 8 × 8.
    Eight,
}

/// What a picture is coded as a difference from.
#[derive(Clone, Copy, Debug)]
pub enum Prediction<'a> {
    /// Nothing: all but the blocks' means costs bits.
    Alone,
    /// Another decoded picture, B × 1 × H × W, moved.
    Moved(&'a Tensor<4>, &'a MovedFrom),
}

/// Where the pixels of a batch of pictures are predicted from.
#[derive(Clone, Debug)]
pub struct MovedFrom {
    /// For each corner of a bilinear read: places in the flattened batch, and their weights.
    corners: Vec<(Tensor<1, Int>, Tensor<1>)>,
}

/// A coded picture.
#[derive(Clone, Debug)]
pub struct Coded {
    /// As decoded, B × 1 × H × W.
    pub picture: Tensor<4>,
    /// Estimated bits for each pixel, a mean over each picture: B.
    pub bits: Tensor<1>,
}

/// The stand-in, for one size of transform.
#[derive(Clone, Debug)]
pub struct Codec {
    side: usize,
    /// Of a block's pixels to its coefficients, side² × side²; orthonormal, so that its transpose is its inverse.
    matrix: Tensor<2>,
    /// 1 but for the means: 1 × side².
    all_but_means: Tensor<2>,
}

/// Bits of a coefficient that is `u` steps large: ⅔ log2(1 + (|u| / KNEE)³). Next to nothing far below half a step, where
/// levels are 0, and two bits for each doubling high up, as Exp-Golomb codes have it. With this knee the sum is within a
/// quarter of what x264 spends on differences, from quantiser 20 to 40.
const KNEE: f64 = 0.6;

/// How near a coefficient is to a threshold, in steps, where its level counts as changing with it. Coefficients are the
/// more, the smaller they are, so that a wide neighbourhood would find far too many below a threshold.
const NEAR: f64 = 0.08;

impl MovedFrom {
    /// For a batch of pictures of one size.
    pub fn new(motions: &[&Motion], device: &Device) -> Self {
        let corner = |k: usize| {
            let (mut places, mut weights) = (Vec::new(), Vec::new());
            for (index, motion) in motions.iter().enumerate() {
                let first = index * motion.places.len();
                places.extend(motion.places.iter().map(|p| (first + p[k] as usize) as i32));
                weights.extend(motion.weights.iter().map(|w| w[k]));
            }
            let n = places.len();
            let weights = Tensor::from_data(TensorData::new(weights, [n]), device);
            (Tensor::from_data(TensorData::new(places, [n]), device), Tensor::from_inner(weights))
        };
        Self { corners: (0..4).map(corner).collect() }
    }

    fn predict(&self, from: &Tensor<4>) -> Tensor<4> {
        let shape = from.dims();
        let flat: Tensor<1> = from.clone().reshape([shape.iter().product::<usize>()]);
        let parts =
            self.corners.iter().map(|(at, weight)| flat.clone().select(0, at.clone()) * weight.clone());
        let sum = parts.reduce(|a, b| a + b);
        sum.unwrap_or(flat).reshape(shape)
    }
}

impl Codec {
    /// A codec with this transform, whose tensors can be differentiated.
    pub fn new(transform: Transform, device: &Device) -> Self {
        let side = match transform {
            Transform::Four => 4,
            Transform::Eight => 8,
        };
        let matrix = TensorData::new(transform_matrix(side), [side * side; 2]);
        let mut mask = vec![1.0_f32; side * side];
        mask[0] = 0.0;
        let mask = TensorData::new(mask, [1, side * side]);
        let constant = |data: TensorData| Tensor::from_inner(Tensor::<2>::from_data(data, device));
        Self { side, matrix: constant(matrix), all_but_means: constant(mask) }
    }

    /// Codes lumas of 0 to 1, B × 1 × H × W with sides that are multiples of the transform's, at quantisers B × 1 × 1 × 1.
    ///
    /// Levels are rounded as an encoder rounds them. Their derivative is none in the middle of a step, where moving a coefficient
    /// changes nothing; each threshold's jump is spread over its neighbourhood.
    pub fn code(&self, picture: &Tensor<4>, quantiser: &Tensor<4>, prediction: Prediction<'_>) -> Coded {
        let [batch, _, height, width] = picture.dims();
        let (predicted, rounding) = match prediction {
            Prediction::Alone => (None, ROUNDING[0]),
            Prediction::Moved(from, how) => (Some(how.predict(from)), ROUNDING[1]),
        };
        let rest = match &predicted {
            Some(predicted) => picture.clone() - predicted.clone(),
            None => picture.clone(),
        };
        let per_picture = height * width / (self.side * self.side);
        let step = (quantiser.clone() * (std::f64::consts::LN_2 / 6.0)).exp() * (0.625 / CODES);
        let step: Tensor<2> =
            step.reshape([batch, 1]).repeat_dim(1, per_picture).reshape([batch * per_picture, 1]);
        let units = self.blocks(rest).matmul(self.matrix.clone().transpose()) / step.clone();
        let costs = bits(units.clone());
        let costs = if predicted.is_some() { costs } else { costs * self.all_but_means.clone() };
        let bits = costs.reshape([batch, height * width]).mean_dim(1).reshape([batch]);
        let mut kept = levels(units.clone(), rounding);
        if predicted.is_none() {
            // Encoders predict means from neighbours and mend them from frame to frame.
            let means = self.all_but_means.clone().neg() + 1.0;
            kept = kept * self.all_but_means.clone() + units * means;
        }
        let decoded = (kept * step).matmul(self.matrix.clone());
        let decoded = self.picture(decoded, [batch, 1, height, width]);
        let picture = match predicted {
            Some(predicted) => decoded + predicted,
            None => decoded,
        };
        Coded { picture, bits }
    }

    /// Pixels of blocks, a block a row.
    fn blocks(&self, x: Tensor<4>) -> Tensor<2> {
        let ([batch, _, height, width], n) = (x.dims(), self.side);
        let x = x.reshape([batch * height / n, n, width / n, n]).permute([0, 2, 1, 3]);
        x.reshape([batch * height * width / (n * n), n * n])
    }

    fn picture(&self, x: Tensor<2>, shape: [usize; 4]) -> Tensor<4> {
        let ([batch, _, height, width], n) = (shape, self.side);
        x.reshape([batch * height / n, width / n, n, n]).permute([0, 2, 1, 3]).reshape(shape)
    }
}

/// The two-dimensional DCT-II of blocks that are rows of pixels: coefficient (v, u) of pixel (y, x) in row v·n + u.
fn transform_matrix(n: usize) -> Vec<f32> {
    let basis = |k: usize, x: usize| {
        let norm = if k == 0 { 1.0 } else { std::f64::consts::SQRT_2 } / (n as f64).sqrt();
        norm * (std::f64::consts::PI * (2 * x + 1) as f64 * k as f64 / (2 * n) as f64).cos()
    };
    let mut matrix = Vec::with_capacity(n.pow(4));
    for (v, u) in (0..n * n).map(|i| (i / n, i % n)) {
        matrix.extend((0..n * n).map(|i| (basis(v, i / n) * basis(u, i % n)) as f32));
    }
    matrix
}

fn bits(units: Tensor<2>) -> Tensor<2> {
    let scaled = units.abs() / KNEE;
    let cube = scaled.clone() * scaled.clone() * scaled;
    cube.log1p() * (2.0 / 3.0 / std::f64::consts::LN_2)
}

/// Whole levels of coefficients in units of the step.
fn levels(units: Tensor<2>, rounding: f64) -> Tensor<2> {
    let fixed = units.clone().detach();
    let raised = fixed.clone().abs() + rounding;
    let whole = raised.clone().floor();
    // How far the nearest threshold is; the first is at 1.
    let beyond = raised.clone() - whole.clone();
    let below = beyond.clone().neg() + 1.0;
    let nearest = beyond.min_pair(below);
    let slope = ((nearest / NEAR).clamp_max(1.0) * std::f64::consts::PI).cos() + 1.0;
    let slope = slope * (1.0 / (2.0 * NEAR)) * raised.greater_elem(0.5).float();
    whole * fixed.clone().sign() + slope * (units - fixed)
}
