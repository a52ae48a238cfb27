//! The loss of a picture as one Burn operation: the gradient is found along with the value, on the CPU in plain Rust,
//! on a GPU with kernels of the same arithmetic.

mod gpu;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::backend::Cube;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend as _, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use burn_cubecl::tensor::CubeTensor;

use super::{PLANES, contiguous, tensor_of, values};
use crate::training::loss::{PictureLoss, Target};

/// One comparison: what the loss depends on besides the picture, and what it found.
#[derive(Debug)]
pub struct Comparison {
    /// The terms.
    pub loss: Arc<PictureLoss>,
    /// What the picture should be.
    pub target: Arc<Target>,
    /// What both are laid over.
    pub background: [f32; 3],
    found: Mutex<Found>,
}

#[derive(Debug, Default)]
struct Found {
    mse: f32,
    gradient: Vec<f32>,
    on_device: Option<DeviceFound>,
}

/// What a comparison on a GPU found, still there.
#[derive(Debug)]
struct DeviceFound {
    mse: CubeTensor,
    /// The same once somebody has asked.
    read: OnceLock<f32>,
    /// Used up by the backward pass.
    gradient: Option<CubeTensor>,
}

impl Comparison {
    /// A comparison with `target` over `background`.
    pub fn new(loss: Arc<PictureLoss>, target: Arc<Target>, background: [f32; 3]) -> Self {
        Self { loss, target, background, found: Mutex::default() }
    }

    /// The mean squared difference that the last comparison found. On a GPU the first call waits for it; NaN if it
    /// cannot be read.
    pub fn mse(&self) -> f32 {
        let found = self.lock();
        match &found.on_device {
            Some(found) => *found.read.get_or_init(|| {
                let data = Tensor::<1>::from_primitive::<Cube>(found.mse.clone()).try_into_data();
                let value = data.ok().and_then(|data| data.try_to_vec::<f32>().ok());
                value.and_then(|value| value.first().copied()).unwrap_or(f32::NAN)
            }),
            None => found.mse,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The loss on a backend.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait PictureLossOps: Backend {
    /// The loss, 1 value.
    fn picture_loss(picture: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self>;
    /// The gradient that the last [`PictureLossOps::picture_loss`] found, times that on the loss; it is used up.
    fn picture_loss_backward(gradient: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self>;
}

impl PictureLossOps for Flex {
    fn picture_loss(picture: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self> {
        let picture = contiguous(picture);
        let value = comparison.loss.evaluate(values(&picture), &comparison.target, comparison.background);
        *comparison.lock() = Found { mse: value.mse, gradient: value.gradient, on_device: None };
        tensor_of(vec![value.total], [1])
    }

    fn picture_loss_backward(gradient: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self> {
        let gradient = contiguous(gradient);
        let factor = values(&gradient)[0];
        let mut out = std::mem::take(&mut comparison.lock().gradient);
        out.iter_mut().for_each(|g| *g *= factor);
        let pixels = out.len() / PLANES;
        tensor_of(out, [PLANES, pixels])
    }
}

impl<B: Backend + PictureLossOps, C: CheckpointStrategy> PictureLossOps for Autodiff<B, C> {
    fn picture_loss(picture: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct LossBackward;
        impl<B: Backend + PictureLossOps> Backward<B, 1> for LossBackward {
            type State = Arc<Comparison>;

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let [node] = ops.parents;
                let gradient = grads.consume::<B>(&ops.node);
                if let Some(node) = node {
                    grads.register::<B>(node.id, B::picture_loss_backward(gradient, ops.state));
                }
            }
        }
        match LossBackward.prepare::<C>([picture.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let loss = B::picture_loss(picture.into_primitive(), comparison.clone());
                prep.finish(comparison, loss)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::picture_loss(picture.into_primitive(), comparison)),
        }
    }

    fn picture_loss_backward(gradient: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self> {
        Self::from_inner(B::picture_loss_backward(gradient.into_primitive(), comparison))
    }
}

/// The loss of `picture` (5 × pixels) by `comparison`, 1 value; differentiable in the picture.
pub fn picture_loss(picture: Tensor<2>, comparison: &Arc<Comparison>) -> Tensor<1> {
    let loss = <Dispatch as PictureLossOps>::picture_loss(picture.into_dispatch(), comparison.clone());
    Tensor::from_dispatch(loss)
}
