//! Differentiable splatting as one Burn operation.
//!
//! In: the attributes of N Gaussians bound to a posed surface, N × 14 in the order of `effigy-field`, and their
//! harmonics above degree 0, N × 3·((degree+1)² − 1). Out: a picture of 5 planes, premultiplied red, green and blue,
//! alpha, and expected depth: 5 × (height·width). The mathematics is that of the runtime: on the CPU it is the
//! runtime's rasteriser itself.

mod cpu;
mod gpu;

use std::sync::{Arc, Mutex, PoisonError};

use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend as _, Backend, Dispatch, backend_extension};
use burn::tensor::Tensor;
use effigy_avatar::Anchor;
use effigy_field::ATTRIBUTES;
use effigy_splat::{Camera, Filter, sh_coefficients};

use crate::TrainError;
use cpu::CpuScratch;
use gpu::GpuScratch;

/// One view of posed Gaussians: everything that splatting depends on and that is not trained.
#[derive(Debug)]
pub struct SplatView {
    /// The camera.
    pub camera: Camera,
    /// The anti-aliasing filter.
    pub filter: Filter,
    /// Degree of the harmonics.
    pub sh_degree: u8,
    /// Where each Gaussian's place on the surface is in this pose, N entries.
    pub anchors: Arc<Vec<Anchor>>,
    scratch: Mutex<SplatScratch>,
}

/// Working memory of one view: what the forward pass leaves for the backward pass, and what that leaves for the
/// caller. Views that follow each other share it. It belongs to the device that it was first used on.
#[derive(Default)]
pub struct SplatScratch {
    cpu: CpuScratch,
    gpu: Option<Box<GpuScratch>>,
}

/// What Gaussians did in the pictures since it was last asked for. N entries each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GatheredUsage {
    /// Blend weight, pixels, summed over pictures.
    pub contribution: Vec<f32>,
    /// Length of the loss's gradient by the centre on the picture, 1/pixels, summed.
    pub screen_gradient: Vec<f32>,
}

impl SplatScratch {
    /// After a backward pass on the CPU: the sum of blend weights of each Gaussian over the picture, pixels. N
    /// entries; none on a GPU, see [`SplatScratch::take_gathered`].
    pub fn contribution(&self) -> &[f32] {
        &self.cpu.gradients.contribution
    }

    /// After a backward pass on the CPU: the length of the loss's gradient by each Gaussian's centre on the picture,
    /// 1/pixels. N entries; none on a GPU.
    pub fn screen_gradient(&self) -> &[f32] {
        &self.cpu.gradients.screen_gradient
    }

    /// What a GPU has summed up over all backward passes since the last call, which waits for them; none on the CPU.
    ///
    /// # Errors
    /// [`TrainError::Device`] if it cannot be read.
    pub fn take_gathered(&mut self) -> Result<Option<GatheredUsage>, TrainError> {
        self.gpu.as_mut().map(|gpu| gpu.take_gathered()).transpose()
    }

    /// Pictures so far that a GPU had not the room for, so that their farthest Gaussians were left out.
    pub fn incomplete_pictures(&self) -> u64 {
        self.gpu.as_ref().map_or(0, |gpu| gpu.incomplete_pictures())
    }
}

impl std::fmt::Debug for SplatScratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SplatScratch")
    }
}

impl SplatView {
    /// A view by `camera` of Gaussians at `anchors`.
    pub fn new(
        camera: Camera,
        filter: Filter,
        sh_degree: u8,
        anchors: Arc<Vec<Anchor>>,
        scratch: SplatScratch,
    ) -> Self {
        Self { camera, filter, sh_degree, anchors, scratch: Mutex::new(scratch) }
    }

    /// Pixels of the picture.
    pub fn pixels(&self) -> usize {
        self.camera.width as usize * self.camera.height as usize
    }

    /// Hands the working memory on.
    pub fn take_scratch(&self) -> SplatScratch {
        let mut scratch = std::mem::take(&mut *self.lock());
        if let Some(gpu) = &mut scratch.gpu {
            gpu.release_tensors();
        }
        scratch
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SplatScratch> {
        self.scratch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Harmonics above degree 0, values a Gaussian.
    fn rest_width(&self) -> usize {
        3 * (sh_coefficients(self.sh_degree) - 1)
    }
}

/// Red, green, blue, alpha, depth.
pub const PLANES: usize = 5;

/// Splatting on a backend; see the module's documentation for shapes.
#[backend_extension(Cube, Flex, Autodiff)]
pub trait SplatOps: Backend {
    /// The picture.
    fn splat(
        attributes: FloatTensor<Self>,
        sh_rest: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> FloatTensor<Self>;

    /// Gradients on attributes and harmonics, after [`SplatOps::splat`] of the same view.
    fn splat_backward(
        attributes: FloatTensor<Self>,
        picture_gradient: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl<B: Backend + SplatOps, C: CheckpointStrategy> SplatOps for Autodiff<B, C> {
    fn splat(
        attributes: FloatTensor<Self>,
        sh_rest: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> FloatTensor<Self> {
        #[derive(Debug)]
        struct SplatBackward;
        impl<B: Backend + SplatOps> Backward<B, 2> for SplatBackward {
            type State = (FloatTensor<B>, Arc<SplatView>);

            fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
                let [attributes_node, sh_node] = ops.parents;
                let gradient = grads.consume::<B>(&ops.node);
                let (attributes, view) = ops.state;
                let (attributes, sh_rest) = B::splat_backward(attributes, gradient, view);
                if let Some(node) = attributes_node {
                    grads.register::<B>(node.id, attributes);
                }
                if let Some(node) = sh_node {
                    grads.register::<B>(node.id, sh_rest);
                }
            }
        }
        match SplatBackward.prepare::<C>([attributes.node(), sh_rest.node()]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (a, s) = (attributes.primitive().clone(), sh_rest.primitive().clone());
                let picture = B::splat(a.clone(), s, view.clone());
                prep.finish((a, view), picture)
            }
            OpsKind::UnTracked(prep) => {
                prep.finish(B::splat(attributes.into_primitive(), sh_rest.into_primitive(), view))
            }
        }
    }

    fn splat_backward(
        attributes: FloatTensor<Self>,
        picture_gradient: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        // Second derivatives are not kept: what comes out are constants.
        let (a, s) = B::splat_backward(attributes.into_primitive(), picture_gradient.into_primitive(), view);
        (Self::from_inner(a), Self::from_inner(s))
    }
}

/// The picture of Gaussians with `attributes` (N × 14) and `sh_rest` (N × 3·((degree+1)² − 1)) in `view`: 5 planes of
/// premultiplied red, green, blue, of alpha and of expected depth, 5 × (height·width). Differentiable in both tensors.
///
/// # Panics
/// If a shape is not that of the view, or the tensors are on a device that has no splatting.
pub fn splat(attributes: Tensor<2>, sh_rest: Tensor<2>, view: &Arc<SplatView>) -> Tensor<2> {
    let n = view.anchors.len();
    assert_eq!(attributes.dims(), [n, ATTRIBUTES], "attributes");
    assert_eq!(sh_rest.dims(), [n, view.rest_width()], "harmonics above degree 0");
    let out =
        <Dispatch as SplatOps>::splat(attributes.into_dispatch(), sh_rest.into_dispatch(), view.clone());
    Tensor::from_dispatch(out)
}
