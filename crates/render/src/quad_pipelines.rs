//! The pipelines that composite by drawing quads.

use effigy_shaders::{Kernel, Shader, composed, filled};

/// Quads of an instance: `QUADS` in `shaders/splat/quads.wesl`.
const QUADS: u16 = 256;
/// What every device can blend.
const COLOR_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
pub(crate) const BLENDED_DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::R16Float;
/// Of the depth test.
pub(crate) const LIMIT_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// The kernels of this way to composite.
pub(crate) struct QuadPipelines {
    pub(crate) size: Kernel,
    pub(crate) hide: Option<wgpu::RenderPipeline>,
    pub(crate) draw: wgpu::RenderPipeline,
    pub(crate) depth: Kernel,
    /// Two triangles a quad.
    pub(crate) indices: wgpu::Buffer,
}

impl QuadPipelines {
    pub(crate) fn new(device: &wgpu::Device, occluded: bool) -> Self {
        let pipeline = |shader: &Shader, [vertex, fragment]: [&str; 2], blend, write_mask, limit| {
            let module = shader.module(device);
            let targets = [COLOR_FORMAT, BLENDED_DEPTH_FORMAT]
                .map(|format| Some(wgpu::ColorTargetState { format, blend, write_mask }));
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(fragment),
                layout: None,
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some(vertex),
                    compilation_options: Default::default(),
                    buffers: &[],
                },
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some(fragment),
                    compilation_options: Default::default(),
                    targets: &targets,
                }),
                primitive: Default::default(),
                depth_stencil: limit,
                multisample: Default::default(),
                multiview_mask: None,
                cache: None,
            })
        };
        let limit = |compare, writes: bool| {
            occluded.then(|| wgpu::DepthStencilState {
                format: LIMIT_FORMAT,
                depth_write_enabled: Some(writes),
                depth_compare: Some(compare),
                stencil: Default::default(),
                bias: Default::default(),
            })
        };
        let (unseen, over) = (None, Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING));
        let (none, all) = (wgpu::ColorWrites::empty(), wgpu::ColorWrites::ALL);
        let corners = [0, 1, 2, 2, 1, 3];
        let indices: Vec<u16> = (0..QUADS).flat_map(|quad| corners.map(|corner| 4 * quad + corner)).collect();
        Self {
            size: Kernel::new(device, &composed::QUAD_DRAW, "size_draw"),
            hide: limit(wgpu::CompareFunction::Always, true)
                .map(|limit| pipeline(&composed::QUAD_LIMIT, ["cover", "hide"], unseen, none, Some(limit))),
            draw: pipeline(
                &composed::QUADS,
                ["corner", "blend"],
                over,
                all,
                limit(wgpu::CompareFunction::Greater, false),
            ),
            depth: Kernel::new(device, &composed::QUAD_DEPTH, "store_depth"),
            indices: filled(device, "quads", bytemuck::cast_slice(&indices), wgpu::BufferUsages::INDEX),
        }
    }
}
