//! The kernels of splatting: the runtime's for sorting and binning, and training's own.

use effigy_shaders::{Kernel, Teamwork, TileKernels, composed};

/// The kernels of splatting.
pub(super) struct SplatKernels {
    pub(super) project: Kernel,
    pub(super) lists: TileKernels,
    pub(super) rasterize: Kernel,
    pub(super) rasterize_backward: Kernel,
    pub(super) gather: Kernel,
    pub(super) attributes_backward: Kernel,
}

impl SplatKernels {
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let kernel = |source, entry| Kernel::new(device, source, entry);
        Self {
            project: kernel(&composed::PROJECT_ATTRIBUTES, "project_attributes"),
            lists: TileKernels::new(device, Teamwork::Shared),
            rasterize: kernel(&composed::RASTERIZE_PLANES, "rasterize_planes"),
            rasterize_backward: kernel(&composed::RASTERIZE_BACKWARD, "rasterize_backward"),
            gather: kernel(&composed::GATHER, "gather_sums"),
            attributes_backward: kernel(&composed::ATTRIBUTES_BACKWARD, "attributes_backward"),
        }
    }
}
