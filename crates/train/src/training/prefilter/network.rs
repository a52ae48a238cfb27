//! The network, as `effigy_video::LearnedNetwork` defines it, on tensors.

use std::collections::HashMap;

use burn::tensor::activation::leaky_relu;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::TrainError;
use crate::training::model::read;

/// Planes of each layer's input.
const INPUTS: [usize; 3] = [4, 12, 16];
/// Planes of its output.
const OUTPUTS: [usize; 3] = [12, 12, 8];
/// Weights of a plane for a plane.
const TAPS: usize = 9;
const LEAK: f64 = 0.1;
const LARGEST_CHANGE: f64 = 0.1;

/// The tensors of a file, in order: name, outputs, and weights for each of them, or 1 for a bias.
fn tensors() -> Vec<(String, usize, usize)> {
    let mut all = Vec::new();
    for layer in 0..3 {
        let (outputs, weights) = (OUTPUTS[layer], INPUTS[layer] * TAPS);
        let mut tensor = |what: &str, columns: usize| {
            all.push((format!("conv{}.{what}", layer + 1), outputs, columns));
        };
        tensor("weight", weights);
        tensor("bias", 1);
        tensor("bias_slope", 1);
        if layer == 2 {
            tensor("weight_slope", weights);
        }
    }
    all
}

/// Weights of the filter.
#[derive(Clone, Debug)]
pub struct Network {
    /// Of each layer: weights, outputs × (inputs · 9); biases, outputs × 1; what is added to these for each unit of the
    /// quantiser's input. Then what is added to the last layer's weights for each such unit.
    pub parameters: Vec<Tensor<2>>,
}

impl Network {
    /// One that changes nothing: the last layer is none, the others random (He et al. 2015).
    pub fn new(seed: u64, device: &Device) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let parameter = |(name, outputs, columns): (String, usize, usize)| {
            let drawn = columns > 1 && !name.starts_with("conv3");
            let bound = if drawn { (6.0 / columns as f32).sqrt() } else { 0.0 };
            let values = (0..outputs * columns).map(|_| bound * (2.0 * rng.random::<f32>() - 1.0)).collect();
            Tensor::from_data(TensorData::new(values, [outputs, columns]), device)
        };
        Self { parameters: tensors().into_iter().map(parameter).collect() }
    }

    /// The same weights, to be learned from here on.
    pub fn tracked(&self) -> Self {
        let track = |p: &Tensor<2>| Tensor::from_inner(p.clone()).require_grad();
        Self { parameters: self.parameters.iter().map(track).collect() }
    }

    /// Filters lumas of 0 to 1, B × 1 × H × W with even H and W, of which so much is looked at (the same shape, 0 to 1), for
    /// quantisers (B × 1 × 1 × 1).
    pub fn filter(&self, luma: &Tensor<4>, attention: &Tensor<4>, quantiser: &Tensor<4>) -> Tensor<4> {
        let [batch, _, height, width] = luma.dims();
        let seen = cells(attention.clone()).mean_dim(1);
        let quality = (quantiser.clone().clamp(16.0, 48.0) - 32.0) / 16.0;
        let input = cells(luma.clone()) - 0.5;
        let part = |index: usize| self.parameters[index].clone();
        let bias = |layer: usize| {
            let plain = |index: usize| part(3 * layer + index).reshape([1, OUTPUTS[layer], 1, 1]);
            plain(1) + plain(2) * quality.clone()
        };
        let hidden = |layer: usize, x: Tensor<4>| {
            leaky_relu(convolved(x, part(3 * layer), INPUTS[layer]) + bias(layer), LEAK)
        };
        let x = Tensor::cat(vec![hidden(1, hidden(0, input.clone())), input], 1);
        let both = convolved(x, Tensor::cat(vec![part(6), part(9)], 0), INPUTS[2]);
        let change = both.clone().narrow(1, 0, 8) + both.narrow(1, 8, 8) * quality.clone() + bias(2);
        let (near, far) = (change.clone().narrow(1, 0, 4), change.narrow(1, 4, 4));
        let change = ((near - far.clone()) * seen + far).tanh() * LARGEST_CHANGE;
        let change = change.reshape([batch, 2, 2, height / 2, width / 2]).permute([0, 3, 1, 4, 2]);
        luma.clone() + change.reshape([batch, 1, height, width])
    }

    /// The weights as a safetensors file.
    ///
    /// # Errors
    /// [`TrainError::Device`] if they cannot be read from their device.
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainError> {
        let mut out = Vec::new();
        for ((name, outputs, columns), parameter) in tensors().into_iter().zip(&self.parameters) {
            let bytes: Vec<u8> = read(parameter.clone())?.iter().flat_map(|v| v.to_le_bytes()).collect();
            let shape = if columns == 1 { vec![outputs] } else { vec![outputs, columns / TAPS, 3, 3] };
            out.push((name, shape, bytes));
        }
        let broken = |error: safetensors::SafeTensorError| TrainError::Config(error.to_string());
        let views = out.iter().map(|(name, shape, bytes)| {
            Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(broken)?))
        });
        let views = views.collect::<Result<Vec<_>, TrainError>>()?;
        safetensors::serialize(views, None::<HashMap<String, String>>).map_err(broken)
    }
}

/// A 3 × 3 convolution of planes, beyond whose edges the outermost cells repeat; weights are outputs × (inputs · 9).
fn convolved(x: Tensor<4>, weights: Tensor<2>, inputs: usize) -> Tensor<4> {
    let outputs = weights.dims()[0];
    let options = ConvOptions::new([1, 1], [0, 0], [1, 1], 1);
    conv2d(with_repeated_edges(x), weights.reshape([outputs, inputs, 3, 3]), None, options)
}

/// The four pixels of each cell of 2 × 2 as planes: B × 1 × H × W becomes B × 4 × H/2 × W/2.
fn cells(x: Tensor<4>) -> Tensor<4> {
    let [batch, _, height, width] = x.dims();
    let (rows, columns) = (height / 2, width / 2);
    x.reshape([batch, rows, 2, columns, 2]).permute([0, 2, 4, 1, 3]).reshape([batch, 4, rows, columns])
}

/// One more row and column on every side, that repeat the outermost.
fn with_repeated_edges(x: Tensor<4>) -> Tensor<4> {
    let wide = |x: Tensor<4>, dim: usize| {
        let last = x.dims()[dim] - 1;
        let (first, last) = (x.clone().narrow(dim, 0, 1), x.clone().narrow(dim, last, 1));
        Tensor::cat(vec![first, x, last], dim)
    };
    wide(wide(x, 2), 3)
}
