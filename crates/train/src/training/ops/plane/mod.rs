//! Reading feature planes at fixed places, as one Burn operation.

mod gpu;

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, AutodiffBackend as _, Backend, Dispatch, Flex, TensorMetadata as _, backend_extension,
};
use burn::tensor::Tensor;
use effigy_field::LevelSites;
use rayon::prelude::*;

use super::{contiguous, tensor_of, values};
pub(crate) use gpu::blend_matrix;

/// Reading planes on a backend.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait PlaneOps: Backend {
    /// The weighted sum of the texels of each place: table T × C in, N × C out.
    fn read_plane(table: FloatTensor<Self>, sites: Arc<LevelSites>) -> FloatTensor<Self>;
    /// The gradient on a table of `texels` rows.
    fn read_plane_backward(
        gradient: FloatTensor<Self>,
        sites: Arc<LevelSites>,
        texels: usize,
    ) -> FloatTensor<Self>;
}

/// Places a thread reads at a time.
const CHUNK: usize = 2048;

impl PlaneOps for Flex {
    fn read_plane(table: FloatTensor<Self>, sites: Arc<LevelSites>) -> FloatTensor<Self> {
        let table = contiguous(table);
        let channels = table.shape().dims::<2>()[1];
        let table = values(&table);
        let count = sites.texels.len() / sites.corners;
        let mut out = vec![0.0; count * channels];
        out.par_chunks_mut(CHUNK * channels).enumerate().for_each(|(chunk, out)| {
            for (j, out) in out.chunks_exact_mut(channels).enumerate() {
                let first = (chunk * CHUNK + j) * sites.corners;
                for k in first..first + sites.corners {
                    let row = &table[sites.texels[k] as usize * channels..][..channels];
                    for (out, x) in out.iter_mut().zip(row) {
                        *out += sites.weights[k] * x;
                    }
                }
            }
        });
        tensor_of(out, [count, channels])
    }

    fn read_plane_backward(
        gradient: FloatTensor<Self>,
        sites: Arc<LevelSites>,
        texels: usize,
    ) -> FloatTensor<Self> {
        let gradient = contiguous(gradient);
        let channels = gradient.shape().dims::<2>()[1];
        let mut out = vec![0.0; texels * channels];
        // In order, so that sums come out the same every time.
        for (site, gradient) in values(&gradient).chunks_exact(channels).enumerate() {
            for k in site * sites.corners..(site + 1) * sites.corners {
                let row = &mut out[sites.texels[k] as usize * channels..][..channels];
                for (out, g) in row.iter_mut().zip(gradient) {
                    *out += sites.weights[k] * g;
                }
            }
        }
        tensor_of(out, [texels, channels])
    }
}

impl<B: Backend + PlaneOps, C: CheckpointStrategy> PlaneOps for Autodiff<B, C> {
    fn read_plane(table: FloatTensor<Self>, sites: Arc<LevelSites>) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct ReadBackward;
        impl<B: Backend + PlaneOps> Backward<B, 1> for ReadBackward {
            type State = (Arc<LevelSites>, usize);

            fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
                let [node] = ops.parents;
                let gradient = grads.consume::<B>(&ops.node);
                let (sites, texels) = ops.state;
                if let Some(node) = node {
                    grads.register::<B>(node.id, B::read_plane_backward(gradient, sites, texels));
                }
            }
        }
        let texels = table.primitive().shape().dims::<2>()[0];
        match ReadBackward.prepare::<C>([table.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let out = B::read_plane(table.into_primitive(), sites.clone());
                prep.finish((sites, texels), out)
            }
            OpsKind::UnTracked(prep) => prep.finish(B::read_plane(table.into_primitive(), sites)),
        }
    }

    fn read_plane_backward(
        gradient: FloatTensor<Self>,
        sites: Arc<LevelSites>,
        texels: usize,
    ) -> FloatTensor<Self> {
        Self::from_inner(B::read_plane_backward(gradient.into_primitive(), sites, texels))
    }
}

/// What `table` (T × C) holds at `sites`, N × C; differentiable in the table.
pub fn read_plane(table: Tensor<2>, sites: &Arc<LevelSites>) -> Tensor<2> {
    Tensor::from_dispatch(<Dispatch as PlaneOps>::read_plane(table.into_dispatch(), sites.clone()))
}
