//! The field's networks as one Burn operation: from features and coefficients to residuals of attributes.
//!
//! The residual bases of all Gaussians (N × K × 14) are the largest thing in training by far. They are made, used and
//! forgotten here a few Gaussians at a time, in the cache, and made again in the backward pass.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend as _, Backend, Dispatch, ExtensionType, Flex, TensorMetadata as _,
    backend_extension,
};
use burn::tensor::{Device, Tensor, activation};
use effigy_field::{ATTRIBUTES, RegionBlend};
use effigy_splat::with_widest_registers;
use rayon::prelude::*;

use super::gemm::{COLUMNS, multiply_add, padded, transpose};
use super::plane::blend_matrix;
use super::{contiguous, tensor_of, values};

/// The networks' weights, and what goes in.
#[derive(Clone, Debug, ExtensionType)]
pub struct ResidualInputs<B: Backend> {
    /// N × F.
    pub features: FloatTensor<B>,
    /// F × H.
    pub trunk_1: FloatTensor<B>,
    /// H.
    pub trunk_1_bias: FloatTensor<B>,
    /// H × H.
    pub trunk_2: FloatTensor<B>,
    /// H.
    pub trunk_2_bias: FloatTensor<B>,
    /// H × (K·14).
    pub heads: FloatTensor<B>,
    /// K·14.
    pub heads_bias: FloatTensor<B>,
    /// R × V × K.
    pub coefficients: FloatTensor<B>,
}

/// Residuals on a backend.
#[backend_extension(Flex, Autodiff)]
pub trait ResidualOps: Backend {
    /// Residuals of V views, (V·N) × 14.
    fn residuals(
        #[extension_type] inputs: ResidualInputs<Self>,
        regions: Arc<Vec<RegionBlend>>,
    ) -> FloatTensor<Self>;
    /// Gradients on all inputs.
    fn residuals_backward(
        #[extension_type] inputs: ResidualInputs<Self>,
        gradient: FloatTensor<Self>,
        regions: Arc<Vec<RegionBlend>>,
    ) -> ResidualInputs<Self>;
}

/// Gaussians that go through the networks together.
const CHUNK: usize = 64;
/// Parts whose gradients are summed apart, then together in order: the same for any number of threads.
const PARTS: usize = 16;

/// The inputs as slices, with the heads padded for the matrix product.
struct Networks<'a> {
    features: &'a [f32],
    trunk_1: &'a [f32],
    trunk_1_bias: &'a [f32],
    trunk_2: &'a [f32],
    trunk_2_bias: &'a [f32],
    heads: Vec<f32>,
    heads_bias: Vec<f32>,
    coefficients: &'a [f32],
    regions: &'a [RegionBlend],
    /// F, H, K·14, that padded, V, K.
    f: usize,
    h: usize,
    width: usize,
    stride: usize,
    views: usize,
    k: usize,
}

/// Gradients on the networks' weights.
#[derive(Clone)]
struct WeightGradients {
    trunk_1: Vec<f32>,
    trunk_1_bias: Vec<f32>,
    trunk_2: Vec<f32>,
    trunk_2_bias: Vec<f32>,
    heads: Vec<f32>,
    heads_bias: Vec<f32>,
    coefficients: Vec<f32>,
}

/// What a chunk of Gaussians passes through.
struct Activations {
    h1: Vec<f32>,
    h2: Vec<f32>,
    bases: Vec<f32>,
}

impl<'a> Networks<'a> {
    fn new(inputs: &'a ResidualInputs<Flex>, regions: &'a [RegionBlend]) -> Self {
        let [f, h] = inputs.trunk_1.shape().dims::<2>();
        let [_, width] = inputs.heads.shape().dims::<2>();
        let [_, views, k] = inputs.coefficients.shape().dims::<3>();
        let stride = padded(width);
        let mut heads = vec![0.0; h * stride];
        for (out, row) in heads.chunks_exact_mut(stride).zip(values(&inputs.heads).chunks_exact(width)) {
            out[..width].copy_from_slice(row);
        }
        let mut heads_bias = values(&inputs.heads_bias).to_vec();
        heads_bias.resize(stride, 0.0);
        Self {
            features: values(&inputs.features),
            trunk_1: values(&inputs.trunk_1),
            trunk_1_bias: values(&inputs.trunk_1_bias),
            trunk_2: values(&inputs.trunk_2),
            trunk_2_bias: values(&inputs.trunk_2_bias),
            heads,
            heads_bias,
            coefficients: values(&inputs.coefficients),
            regions,
            f,
            h,
            width,
            stride,
            views,
            k,
        }
    }

    fn count(&self) -> usize {
        self.regions.len()
    }

    fn activations(&self) -> Activations {
        Activations {
            h1: vec![0.0; CHUNK * self.h],
            h2: vec![0.0; CHUNK * self.h],
            bases: vec![0.0; CHUNK * self.stride],
        }
    }

    /// The coefficients of `region` in `view`.
    #[inline(always)]
    fn coefficients_of(&self, region: u16, view: usize) -> &[f32] {
        &self.coefficients[(usize::from(region) * self.views + view) * self.k..][..self.k]
    }

    /// Whether any view moves a Gaussian of these regions.
    #[inline(always)]
    fn moves(&self, blend: &RegionBlend) -> bool {
        blend.mobility > 0.0
            && blend.regions.iter().any(|&r| {
                self.coefficients[usize::from(r) * self.views * self.k..][..self.views * self.k]
                    .iter()
                    .any(|c| *c != 0.0)
            })
    }

    /// The networks for the Gaussians from `first`, `count` of them.
    #[inline(always)]
    fn evaluate(&self, first: usize, count: usize, out: &mut Activations) {
        let Self { f, h, stride, .. } = *self;
        let start = |rows: &mut [f32], bias: &[f32]| {
            rows.chunks_exact_mut(bias.len()).for_each(|row| row.copy_from_slice(bias));
        };
        let rectify = |rows: &mut [f32]| {
            rows.iter_mut().for_each(|x| *x = if *x > 0.0 { *x } else { 0.0 });
        };
        let h1 = &mut out.h1[..count * h];
        start(h1, self.trunk_1_bias);
        multiply_add(&self.features[first * f..(first + count) * f], self.trunk_1, h1, f, h);
        rectify(h1);
        let h2 = &mut out.h2[..count * h];
        start(h2, self.trunk_2_bias);
        multiply_add(h1, self.trunk_2, h2, h, h);
        rectify(h2);
        let bases = &mut out.bases[..count * stride];
        start(bases, &self.heads_bias);
        multiply_add(h2, &self.heads, bases, h, stride);
    }

    /// The coefficients of Gaussian `g` in `view`: blended between its two regions.
    #[inline(always)]
    fn blended(&self, g: usize, view: usize, out: &mut [f32]) {
        let RegionBlend { regions: [a, b], .. } = self.regions[g];
        let weights = self.regions[g].weights();
        let (a, b) = (self.coefficients_of(a, view), self.coefficients_of(b, view));
        for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
            *out = weights[0] * a + weights[1] * b;
        }
    }

    fn forward(&self) -> Vec<f32> {
        let n = self.count();
        let mut out = vec![0.0; self.views * n * ATTRIBUTES];
        // Each chunk writes to every view's rows.
        let mut rows: Vec<Vec<&mut [f32]>> = Vec::new();
        for view in out.chunks_exact_mut(n * ATTRIBUTES) {
            for (chunk, part) in view.chunks_mut(CHUNK * ATTRIBUTES).enumerate() {
                if rows.len() == chunk {
                    rows.push(Vec::with_capacity(self.views));
                }
                rows[chunk].push(part);
            }
        }
        let arch = pulp::Arch::new();
        rows.into_par_iter().enumerate().for_each_init(
            || (self.activations(), vec![0.0; self.k]),
            |(activations, w), (chunk, mut out)| {
                let first = chunk * CHUNK;
                let count = CHUNK.min(n - first);
                if !self.regions[first..first + count].iter().any(|blend| self.moves(blend)) {
                    return;
                }
                with_widest_registers(
                    arch,
                    #[inline(always)]
                    || {
                        self.evaluate(first, count, activations);
                        for (view, out) in out.iter_mut().enumerate() {
                            for (g, out) in out.chunks_exact_mut(ATTRIBUTES).enumerate() {
                                self.blended(first + g, view, w);
                                let bases = &activations.bases[g * self.stride..][..self.width];
                                for (basis, w) in bases.chunks_exact(ATTRIBUTES).zip(w.iter()) {
                                    for d in 0..ATTRIBUTES {
                                        out[d] += w * basis[d];
                                    }
                                }
                            }
                        }
                    },
                );
            },
        );
        out
    }

    /// Gradients on the features and on the weights of `gradient`, that on the residuals.
    fn backward(&self, gradient: &[f32]) -> (Vec<f32>, WeightGradients) {
        let Self { f, h, width, stride, views, k, .. } = *self;
        let n = self.count();
        let f_stride = padded(f);
        let mut heads_transposed = vec![0.0; stride * h];
        transpose(&self.heads, stride, &mut heads_transposed, h);
        let mut trunk_2_transposed = vec![0.0; h * h];
        transpose(self.trunk_2, h, &mut trunk_2_transposed, h);
        let mut trunk_1_transposed = vec![0.0; h * f_stride];
        transpose(self.trunk_1, h, &mut trunk_1_transposed, f_stride);

        let chunks = n.div_ceil(CHUNK);
        let part_size = chunks.div_ceil(PARTS).max(1) * CHUNK;
        let mut by_features = vec![0.0; n * f];
        let arch = pulp::Arch::new();
        let parts: Vec<WeightGradients> = by_features
            .par_chunks_mut(part_size * f)
            .enumerate()
            .map(|(part, by_features)| {
                let mut sums = WeightGradients {
                    trunk_1: vec![0.0; f * h],
                    trunk_1_bias: vec![0.0; h],
                    trunk_2: vec![0.0; h * h],
                    trunk_2_bias: vec![0.0; h],
                    heads: vec![0.0; h * stride],
                    heads_bias: vec![0.0; stride],
                    coefficients: vec![0.0; self.coefficients.len()],
                };
                let mut activations = self.activations();
                let mut w = vec![0.0; k];
                let mut by_bases = vec![0.0; CHUNK * stride];
                let (mut by_h2, mut by_h1) = (vec![0.0; CHUNK * h], vec![0.0; CHUNK * h]);
                let mut by_x = vec![0.0; CHUNK * f_stride];
                let mut turned = vec![0.0; h.max(f) * CHUNK];
                for (c, by_features) in by_features.chunks_mut(CHUNK * f).enumerate() {
                    let first = part * part_size + c * CHUNK;
                    let count = by_features.len() / f;
                    if !self.regions[first..first + count].iter().any(|blend| self.moves(blend)) {
                        continue;
                    }
                    with_widest_registers(
                        arch,
                        #[inline(always)]
                        || {
                            self.evaluate(first, count, &mut activations);
                            by_bases.fill(0.0);
                            for g in 0..count {
                                let bases = &activations.bases[g * stride..][..width];
                                let by_bases = &mut by_bases[g * stride..][..width];
                                let RegionBlend { regions: [a, b], .. } = self.regions[first + g];
                                let weights = self.regions[first + g].weights();
                                for view in 0..views {
                                    let slope =
                                        &gradient[(view * n + first + g) * ATTRIBUTES..][..ATTRIBUTES];
                                    self.blended(first + g, view, &mut w);
                                    for j in 0..k {
                                        let basis = &bases[j * ATTRIBUTES..][..ATTRIBUTES];
                                        let by_basis = &mut by_bases[j * ATTRIBUTES..][..ATTRIBUTES];
                                        let mut by_w = 0.0;
                                        for d in 0..ATTRIBUTES {
                                            by_basis[d] += w[j] * slope[d];
                                            by_w += basis[d] * slope[d];
                                        }
                                        let at = |r: u16| (usize::from(r) * views + view) * k + j;
                                        sums.coefficients[at(a)] += weights[0] * by_w;
                                        sums.coefficients[at(b)] += weights[1] * by_w;
                                    }
                                }
                            }
                            let by_bases = &by_bases[..count * stride];
                            let (h1, h2) = (&activations.h1[..count * h], &activations.h2[..count * h]);

                            let by_h2 = &mut by_h2[..count * h];
                            by_h2.fill(0.0);
                            multiply_add(by_bases, &heads_transposed, by_h2, stride, h);
                            mask(by_h2, h2);
                            let turned_h = &mut turned[..h * count];
                            transpose(h2, h, turned_h, count);
                            multiply_add(turned_h, by_bases, &mut sums.heads, count, stride);
                            add_rows(by_bases, &mut sums.heads_bias);

                            let by_h1 = &mut by_h1[..count * h];
                            by_h1.fill(0.0);
                            multiply_add(by_h2, &trunk_2_transposed, by_h1, h, h);
                            mask(by_h1, h1);
                            transpose(h1, h, turned_h, count);
                            multiply_add(turned_h, by_h2, &mut sums.trunk_2, count, h);
                            add_rows(by_h2, &mut sums.trunk_2_bias);

                            let by_x = &mut by_x[..count * f_stride];
                            by_x.fill(0.0);
                            multiply_add(by_h1, &trunk_1_transposed, by_x, h, f_stride);
                            let turned_f = &mut turned[..f * count];
                            transpose(&self.features[first * f..(first + count) * f], f, turned_f, count);
                            multiply_add(turned_f, by_h1, &mut sums.trunk_1, count, h);
                            add_rows(by_h1, &mut sums.trunk_1_bias);
                            for (out, row) in by_features.chunks_exact_mut(f).zip(by_x.chunks_exact(f_stride))
                            {
                                out.copy_from_slice(&row[..f]);
                            }
                        },
                    );
                }
                sums
            })
            .collect();
        let mut parts = parts.into_iter();
        let mut total = parts.next().unwrap_or_else(|| panic!("at least one Gaussian"));
        for part in parts {
            for (sum, x) in total.arrays_mut().into_iter().zip(part.arrays()) {
                sum.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
            }
        }
        // The padding goes.
        total.heads = total.heads.chunks_exact(stride).flat_map(|row| row[..width].to_vec()).collect();
        total.heads_bias.truncate(width);
        (by_features, total)
    }
}

/// The gradient before a rectifier that let `active` through.
#[inline(always)]
fn mask(gradient: &mut [f32], active: &[f32]) {
    for (g, a) in gradient.iter_mut().zip(active) {
        *g = if *a > 0.0 { *g } else { 0.0 };
    }
}

#[inline(always)]
fn add_rows(rows: &[f32], sum: &mut [f32]) {
    for row in rows.chunks_exact(sum.len()) {
        for (sum, x) in sum.iter_mut().zip(row) {
            *sum += x;
        }
    }
}

impl WeightGradients {
    fn arrays(&self) -> [&Vec<f32>; 7] {
        [
            &self.trunk_1,
            &self.trunk_1_bias,
            &self.trunk_2,
            &self.trunk_2_bias,
            &self.heads,
            &self.heads_bias,
            &self.coefficients,
        ]
    }

    fn arrays_mut(&mut self) -> [&mut Vec<f32>; 7] {
        [
            &mut self.trunk_1,
            &mut self.trunk_1_bias,
            &mut self.trunk_2,
            &mut self.trunk_2_bias,
            &mut self.heads,
            &mut self.heads_bias,
            &mut self.coefficients,
        ]
    }
}

impl ResidualInputs<Flex> {
    fn contiguous(self) -> Self {
        Self {
            features: contiguous(self.features),
            trunk_1: contiguous(self.trunk_1),
            trunk_1_bias: contiguous(self.trunk_1_bias),
            trunk_2: contiguous(self.trunk_2),
            trunk_2_bias: contiguous(self.trunk_2_bias),
            heads: contiguous(self.heads),
            heads_bias: contiguous(self.heads_bias),
            coefficients: contiguous(self.coefficients),
        }
    }
}

impl ResidualOps for Flex {
    fn residuals(inputs: ResidualInputs<Self>, regions: Arc<Vec<RegionBlend>>) -> FloatTensor<Self> {
        let inputs = inputs.contiguous();
        let networks = Networks::new(&inputs, &regions);
        let rows = networks.views * networks.count();
        tensor_of(networks.forward(), [rows, ATTRIBUTES])
    }

    fn residuals_backward(
        inputs: ResidualInputs<Self>,
        gradient: FloatTensor<Self>,
        regions: Arc<Vec<RegionBlend>>,
    ) -> ResidualInputs<Self> {
        let inputs = inputs.contiguous();
        let gradient = contiguous(gradient);
        let networks = Networks::new(&inputs, &regions);
        let (features, by) = networks.backward(values(&gradient));
        let Networks { f, h, width, views, k, .. } = networks;
        let r = by.coefficients.len() / (views * k);
        ResidualInputs {
            features: tensor_of(features, [regions.len(), f]),
            trunk_1: tensor_of(by.trunk_1, [f, h]),
            trunk_1_bias: tensor_of(by.trunk_1_bias, [h]),
            trunk_2: tensor_of(by.trunk_2, [h, h]),
            trunk_2_bias: tensor_of(by.trunk_2_bias, [h]),
            heads: tensor_of(by.heads, [h, width]),
            heads_bias: tensor_of(by.heads_bias, [width]),
            coefficients: tensor_of(by.coefficients, [r, views, k]),
        }
    }
}

/// The inputs in the order in which the graph has them.
fn into_array<B: Backend>(inputs: ResidualInputs<B>) -> [FloatTensor<B>; 8] {
    [
        inputs.features,
        inputs.trunk_1,
        inputs.trunk_1_bias,
        inputs.trunk_2,
        inputs.trunk_2_bias,
        inputs.heads,
        inputs.heads_bias,
        inputs.coefficients,
    ]
}

fn from_array<B: Backend>(inputs: [FloatTensor<B>; 8]) -> ResidualInputs<B> {
    let [features, trunk_1, trunk_1_bias, trunk_2, trunk_2_bias, heads, heads_bias, coefficients] = inputs;
    ResidualInputs { features, trunk_1, trunk_1_bias, trunk_2, trunk_2_bias, heads, heads_bias, coefficients }
}

impl<B: Backend + ResidualOps, C: CheckpointStrategy> ResidualOps for Autodiff<B, C> {
    fn residuals(inputs: ResidualInputs<Self>, regions: Arc<Vec<RegionBlend>>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct ResidualBackward;
        impl<B: Backend + ResidualOps> Backward<B, 8> for ResidualBackward {
            type State = ([FloatTensor<B>; 8], Arc<Vec<RegionBlend>>);

            fn backward(self, ops: Ops<Self::State, 8>, grads: &mut Gradients, _: &mut Checkpointer) {
                let gradient = grads.consume::<B>(&ops.node);
                let (inputs, regions) = ops.state;
                let by = into_array(B::residuals_backward(from_array(inputs), gradient, regions));
                for (node, by) in ops.parents.into_iter().zip(by) {
                    if let Some(node) = node {
                        grads.register::<B>(node.id, by);
                    }
                }
            }
        }
        let inputs = into_array(inputs);
        let nodes = inputs.each_ref().map(|x| x.node());
        let inner = inputs.map(|x| x.into_primitive());
        match ResidualBackward.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let out = B::residuals(from_array(inner.clone()), regions.clone());
                prep.finish((inner, regions), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::residuals(from_array(inner), regions)),
        }
    }

    fn residuals_backward(
        inputs: ResidualInputs<Self>,
        gradient: FloatTensor<Self>,
        regions: Arc<Vec<RegionBlend>>,
    ) -> ResidualInputs<Self> {
        let inner = into_array(inputs).map(|x| x.into_primitive());
        let by = B::residuals_backward(from_array(inner), gradient.into_primitive(), regions);
        from_array(into_array(by).map(Self::from_inner))
    }
}

/// What goes into [`residuals`], as tensors; shapes as in [`ResidualInputs`].
pub struct ResidualTensors {
    /// N × F.
    pub features: Tensor<2>,
    /// Trunk, first layer and its biases.
    pub trunk_1: (Tensor<2>, Tensor<1>),
    /// Trunk, second layer and its biases.
    pub trunk_2: (Tensor<2>, Tensor<1>),
    /// Heads and their biases, in units of the attributes.
    pub heads: (Tensor<2>, Tensor<1>),
    /// R × V × K.
    pub coefficients: Tensor<3>,
}

/// The residuals of N Gaussians in V views, (V·N) × 14; differentiable in every tensor.
pub fn residuals(inputs: ResidualTensors, regions: &Arc<Vec<RegionBlend>>) -> Tensor<2> {
    // The CPU's own goes over hidden units in whole blocks.
    let blocks = inputs.trunk_2.0.dims()[1].is_multiple_of(COLUMNS);
    if !blocks || inputs.features.device() != Device::flex() {
        return composed(inputs, regions);
    }
    let inputs = ResidualInputs {
        features: inputs.features.into_dispatch(),
        trunk_1: inputs.trunk_1.0.into_dispatch(),
        trunk_1_bias: inputs.trunk_1.1.into_dispatch(),
        trunk_2: inputs.trunk_2.0.into_dispatch(),
        trunk_2_bias: inputs.trunk_2.1.into_dispatch(),
        heads: inputs.heads.0.into_dispatch(),
        heads_bias: inputs.heads.1.into_dispatch(),
        coefficients: inputs.coefficients.into_dispatch(),
    };
    Tensor::from_dispatch(<Dispatch as ResidualOps>::residuals(inputs, regions.clone()))
}

/// The same out of Burn's own operations, for GPUs and for any sizes.
fn composed(inputs: ResidualTensors, regions: &Arc<Vec<RegionBlend>>) -> Tensor<2> {
    let layer = |x: Tensor<2>, (weights, bias): (Tensor<2>, Tensor<1>)| x.matmul(weights) + bias.unsqueeze();
    let [r, views, k] = inputs.coefficients.dims();
    let blend = Tensor::from_inner(blend_matrix(regions, r, &inputs.features.device()));
    let n = regions.len();
    let hidden = activation::relu(layer(inputs.features, inputs.trunk_1));
    let hidden = activation::relu(layer(hidden, inputs.trunk_2));
    let bases = layer(hidden, inputs.heads).reshape([n, k, ATTRIBUTES]);
    // Each Gaussian's coefficients: a product with a matrix, for picking rows would be slow on the way back.
    let weights = blend.matmul(inputs.coefficients.reshape([r, views * k]));
    let residuals = (0..views)
        .map(|view| {
            let weights = weights.clone().slice([0..n, view * k..(view + 1) * k]).reshape([n, k, 1]);
            (bases.clone() * weights).sum_dim(1).reshape([n, ATTRIBUTES])
        })
        .collect();
    Tensor::cat(residuals, 0)
}
