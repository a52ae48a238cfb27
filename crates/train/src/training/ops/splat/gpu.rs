//! Splatting on the GPU: the runtime's kernels for sorting and binning, and training's own for what comes before and
//! after them, recorded on the device that Burn uses, on the memory of its tensors.
//!
//! Entries (pairs of a Gaussian and a tile) are made a Gaussian at a time, and their numbers are sorted by tile. Going
//! back, every entry has a slot for what it contributes to its Gaussian's gradient, and those of one Gaussian lie next
//! to each other: so they are summed in a fixed order, without atomics.

mod kernels;
mod memory;

use std::sync::Arc;

use burn::backend::tensor::FloatTensor;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use effigy_field::ATTRIBUTES;
use effigy_shaders::{DISPATCH_STRIDE, STATE_SIZE, numbered};

use super::{GatheredUsage, PLANES, SplatOps, SplatView};
use crate::TrainError;
use crate::training::gpu::{Gpu, TensorBuffer, contiguous, empty, flush, groups};
use kernels::SplatKernels;
use memory::{Memory, Size};

/// Working memory of one view on a GPU.
pub(super) struct GpuScratch {
    gpu: Arc<Gpu>,
    memory: Memory,
    /// What the backward pass needs of the forward pass.
    kept: Option<Kept>,
}

struct Kept {
    sh_rest: CubeTensor,
    picture: CubeTensor,
}

impl GpuScratch {
    fn kernels(gpu: &Gpu) -> Arc<SplatKernels> {
        gpu.kept(SplatKernels::new)
    }

    /// Lets go of tensors that no backward pass will ask for any more.
    pub(super) fn release_tensors(&mut self) {
        self.kept = None;
    }

    pub(super) fn incomplete_pictures(&self) -> u64 {
        self.memory.incomplete_pictures()
    }

    pub(super) fn take_gathered(&mut self) -> Result<GatheredUsage, TrainError> {
        self.memory.take_usage(&self.gpu)
    }

    fn forward(&mut self, view: &SplatView, attributes: &CubeTensor, sh_rest: &CubeTensor) -> CubeTensor {
        let picture = empty(attributes, [PLANES, view.pixels()]);
        let (a, s, p) =
            (TensorBuffer::of(attributes), harmonics(attributes, sh_rest), TensorBuffer::of(&picture));
        let gpu = self.gpu.clone();
        let kernels = Self::kernels(&gpu);
        self.memory.notice_overflow(&gpu, &kernels);
        flush(attributes);
        self.memory.write(&gpu, view);
        loop {
            let m = &self.memory;
            let b = m.bindings();
            let project = kernels.project.bind(
                &gpu.device,
                &numbered([
                    m.camera.as_entire_binding(),
                    m.anchors.as_entire_binding(),
                    a.binding(),
                    s.binding(),
                    b.lists.splats.as_entire_binding(),
                    b.lists.depth_keys.as_entire_binding(),
                    b.lists.state.as_entire_binding(),
                    b.lists.tile_counts.as_entire_binding(),
                ]),
            );
            let rasterize = kernels.rasterize.bind(
                &gpu.device,
                &numbered([
                    m.camera.as_entire_binding(),
                    b.lists.ranges.as_entire_binding(),
                    b.lists.entries.as_entire_binding(),
                    b.lists.owners.as_entire_binding(),
                    b.lists.splats.as_entire_binding(),
                    p.binding(),
                ]),
            );
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(&b.initial_state, 0, &b.lists.state, 0, STATE_SIZE);
            encoder.clear_buffer(&b.lists.ranges, 0, None);
            {
                let mut pass = encoder.begin_compute_pass(&Default::default());
                kernels.project.dispatch(&mut pass, &project, [groups(m.size.gaussians, 256), 1, 1]);
                b.lists.record_sort(&kernels.lists, 0, m.size.gaussians as u32, &mut pass);
                b.lists.record(&kernels.lists, &mut pass);
                kernels.rasterize.dispatch(&mut pass, &rasterize, [m.size.tiles[0], m.size.tiles[1], 1]);
            }
            self.memory.record_count(&mut encoder);
            gpu.queue.submit([encoder.finish()]);
            // The first picture of a size is waited for, so that it is whole; from then on counts are looked at late.
            if self.memory.settle(&gpu, &kernels) {
                break;
            }
        }
        self.kept = Some(Kept { sh_rest: sh_rest.clone(), picture: picture.clone() });
        picture
    }

    fn backward(
        &mut self,
        view: &SplatView,
        attributes: &CubeTensor,
        gradient: &CubeTensor,
    ) -> (CubeTensor, CubeTensor) {
        let Some(Kept { sh_rest, picture }) = self.kept.take() else {
            panic!("a backward pass without a forward pass before it");
        };
        let by_attributes = empty(attributes, [self.memory.size.gaussians, ATTRIBUTES]);
        let by_sh_rest = empty(attributes, [self.memory.size.gaussians, view.rest_width()]);
        // At degree 0 there is nothing to read, but something has to be bound, and not to two numbers at once.
        let none = empty(attributes, [1]);
        let [a, g, p, out] = [attributes, gradient, &picture, &by_attributes].map(TensorBuffer::of);
        let s = harmonics(attributes, &sh_rest);
        let sh_out = TensorBuffer::of(if view.rest_width() > 0 { &by_sh_rest } else { &none });
        let gpu = self.gpu.clone();
        let kernels = Self::kernels(&gpu);
        let (m, b) = (&self.memory, self.memory.bindings());
        let whole = wgpu::Buffer::as_entire_binding;
        let rasterize = kernels.rasterize_backward.bind(
            &gpu.device,
            &numbered([
                whole(&m.camera),
                whole(&b.lists.ranges),
                whole(&b.lists.entries),
                whole(&b.lists.owners),
                whole(&b.lists.splats),
                p.binding(),
                g.binding(),
                whole(&b.sums),
            ]),
        );
        let attributes_backward = kernels.attributes_backward.bind(
            &gpu.device,
            &numbered([
                whole(&m.camera),
                whole(&m.anchors),
                a.binding(),
                s.binding(),
                whole(&b.lists.depth_keys),
                whole(&b.lists.splats),
                whole(&m.gathered),
                out.binding(),
                sh_out.binding(),
            ]),
        );
        flush(attributes);
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            kernels.rasterize_backward.dispatch(&mut pass, &rasterize, [m.size.tiles[0], m.size.tiles[1], 1]);
            kernels.gather.dispatch_indirect(&mut pass, &b.gather, &b.lists.dispatches, DISPATCH_STRIDE);
            let size = [groups(m.size.gaussians, 64), 1, 1];
            kernels.attributes_backward.dispatch(&mut pass, &attributes_backward, size);
        }
        gpu.queue.submit([encoder.finish()]);
        (by_attributes, by_sh_rest)
    }
}

/// The buffer of the harmonics above degree 0, or where there are none, any other.
fn harmonics(attributes: &CubeTensor, sh_rest: &CubeTensor) -> TensorBuffer {
    TensorBuffer::of(if sh_rest.meta.num_elements() > 0 { sh_rest } else { attributes })
}

impl SplatOps for CubeBackend {
    fn splat(
        attributes: FloatTensor<Self>,
        sh_rest: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> FloatTensor<Self> {
        let (attributes, sh_rest) = (contiguous(attributes), contiguous(sh_rest));
        let gpu = Gpu::of(&attributes);
        let size = Size::of(&view);
        let mut scratch = view.lock();
        let fits = scratch.gpu.as_ref().is_some_and(|s| Arc::ptr_eq(&s.gpu, &gpu) && s.memory.size == size);
        if !fits {
            // Let the old memory go before the new is taken, but for what was gathered in it.
            let usage = scratch.gpu.take().and_then(|old| old.memory.into_usage(size.gaussians));
            let memory = Memory::new(&gpu, &GpuScratch::kernels(&gpu), size, usage);
            scratch.gpu = Some(Box::new(GpuScratch { gpu, memory, kept: None }));
        }
        match &mut scratch.gpu {
            Some(gpu) => gpu.forward(&view, &attributes, &sh_rest),
            None => unreachable!("it was made above"),
        }
    }

    fn splat_backward(
        attributes: FloatTensor<Self>,
        picture_gradient: FloatTensor<Self>,
        view: Arc<SplatView>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let (attributes, gradient) = (contiguous(attributes), contiguous(picture_gradient));
        match &mut view.lock().gpu {
            Some(gpu) => gpu.backward(&view, &attributes, &gradient),
            None => panic!("a backward pass without a forward pass before it"),
        }
    }
}
