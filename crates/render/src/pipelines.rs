//! The kernels of a frame.

use std::sync::OnceLock;

use effigy_shaders::{Kernel, Teamwork, TileKernels, composed};

use crate::quad_pipelines::QuadPipelines;

/// Threads a workgroup of the kernels that pose.
pub(crate) const POSE_THREADS: u32 = 64;
/// Threads a workgroup of the projection.
pub(crate) const PROJECT_THREADS: u32 = 256;

/// All compute kernels of the frame.
pub(crate) struct Pipelines {
    pub pose_vertices: Kernel,
    pub vertex_frames: Kernel,
    pub decode: Kernel,
    pub project: Kernel,
    pub lists: TileKernels,
    pub full_precision: bool,
    /// By whether they fill the guide and whether a host's depth hides what is behind: built when first asked for.
    rasterize: [[OnceLock<Kernel>; 2]; 2],
    /// By whether a host's depth hides what is behind.
    quads: [OnceLock<QuadPipelines>; 2],
    guide: OnceLock<Kernel>,
    /// By whether a host's depth hides what is behind.
    pick: [OnceLock<Kernel>; 2],
    /// By whether the host's depth has several samples a pixel.
    host_depth: [OnceLock<Kernel>; 2],
}

impl Pipelines {
    pub(crate) fn new(device: &wgpu::Device, full_precision: bool, teamwork: Teamwork) -> Self {
        let project = if full_precision { composed::PROJECT_F32 } else { composed::PROJECT };
        let out = Self {
            pose_vertices: Kernel::new(device, &composed::POSE_VERTICES, "pose_vertices"),
            vertex_frames: Kernel::new(device, &composed::VERTEX_FRAMES, "vertex_frames"),
            decode: Kernel::new(device, &composed::DECODE, "decode"),
            project: Kernel::new(device, &project, "project_gaussians"),
            lists: TileKernels::new(device, teamwork),
            full_precision,
            rasterize: Default::default(),
            quads: Default::default(),
            guide: OnceLock::new(),
            pick: Default::default(),
            host_depth: Default::default(),
        };
        // The others are built when they are asked for.
        out.rasterize(device, false, false);
        out
    }

    /// Composites tiles: with the guide besides colour and depth, and hiding what is behind a host's depth.
    pub(crate) fn rasterize(&self, device: &wgpu::Device, guided: bool, occluded: bool) -> &Kernel {
        self.rasterize[usize::from(guided)][usize::from(occluded)].get_or_init(|| {
            let source = match (self.full_precision, guided, occluded) {
                (false, false, false) => composed::RASTERIZE,
                (false, false, true) => composed::RASTERIZE_OCCLUDED,
                (false, true, false) => composed::RASTERIZE_GUIDES,
                (false, true, true) => composed::RASTERIZE_OCCLUDED_GUIDES,
                (true, false, false) => composed::RASTERIZE_F32,
                (true, false, true) => composed::RASTERIZE_OCCLUDED_F32,
                (true, true, false) => composed::RASTERIZE_GUIDES_F32,
                (true, true, true) => composed::RASTERIZE_OCCLUDED_GUIDES_F32,
            };
            Kernel::new(device, &source, "rasterize")
        })
    }

    /// Composites by drawing quads.
    pub(crate) fn quads(&self, device: &wgpu::Device, occluded: bool) -> &QuadPipelines {
        self.quads[usize::from(occluded)].get_or_init(|| QuadPipelines::new(device, occluded))
    }

    /// Tells of each splat how far it has moved and how much a viewer looks there.
    pub(crate) fn guide(&self, device: &wgpu::Device) -> &Kernel {
        self.guide.get_or_init(|| Kernel::new(device, &composed::GUIDE, "guide_splats"))
    }

    /// Tells what is seen at a pixel.
    pub(crate) fn pick(&self, device: &wgpu::Device, occluded: bool) -> &Kernel {
        self.pick[usize::from(occluded)].get_or_init(|| {
            let source = if occluded { composed::PICK_OCCLUDED } else { composed::PICK };
            Kernel::new(device, &source, "pick")
        })
    }

    /// Turns a host's depth buffer into distances.
    pub(crate) fn host_depth(&self, device: &wgpu::Device, multisampled: bool) -> &Kernel {
        self.host_depth[usize::from(multisampled)].get_or_init(|| {
            let source = if multisampled { composed::HOST_DEPTH_MULTISAMPLED } else { composed::HOST_DEPTH };
            Kernel::new(device, &source, "read_host_depth")
        })
    }
}
