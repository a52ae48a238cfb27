//! Compositing by the hardware's rasteriser and blending: a quad a splat, the farthest first, in one pass. The depth test
//! hides what is behind a host's scene.

use crate::filled::filled;
use crate::pipelines::{Pipelines, bind, bind_at, build, wgsl};
use crate::view::View;
use crate::{Stage, StageTimer};

/// Quads of an instance: `QUADS` in `shaders/splat/quads.wesl`.
const QUADS: u16 = 256;
/// Bytes of the arguments of an indexed indirect draw.
const DRAW_SIZE: u64 = 20;
/// What every device can blend.
const COLOR_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
const BLENDED_DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::R16Float;
/// Of the depth test.
const LIMIT_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// The kernels of this way to composite.
pub(crate) struct QuadPipelines {
    size: wgpu::ComputePipeline,
    hide: Option<wgpu::RenderPipeline>,
    draw: wgpu::RenderPipeline,
    depth: wgpu::ComputePipeline,
    /// Two triangles a quad.
    indices: wgpu::Buffer,
}

impl QuadPipelines {
    pub(crate) fn new(device: &wgpu::Device, occluded: bool) -> Self {
        let pipeline = |source: &str, [vertex, fragment]: [&str; 2], blend, write_mask, limit| {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(fragment),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            });
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
            size: build(device, wgsl!("quad_draw"), "size_draw"),
            hide: limit(wgpu::CompareFunction::Always, true)
                .map(|limit| pipeline(wgsl!("quad_limit"), ["cover", "hide"], unseen, none, Some(limit))),
            draw: pipeline(
                wgsl!("quads"),
                ["corner", "blend"],
                over,
                all,
                limit(wgpu::CompareFunction::Greater, false),
            ),
            depth: build(device, wgsl!("quad_depth"), "store_depth"),
            indices: filled(device, "quads", bytemuck::cast_slice(&indices), wgpu::BufferUsages::INDEX),
        }
    }
}

/// What a view's quads are drawn with and into, besides its colour.
pub(crate) struct Quads {
    /// Arguments of the draw.
    arguments: wgpu::Buffer,
    blended_depth: wgpu::TextureView,
    size: wgpu::BindGroup,
    hidden: Option<Hidden>,
    draw: wgpu::BindGroup,
    depth: wgpu::BindGroup,
    tiles: u32,
}

/// What a host's scene hides.
struct Hidden {
    hide: wgpu::BindGroup,
    limit: wgpu::TextureView,
}

/// What the stages before have written.
pub(crate) struct Sorted<'a> {
    pub(crate) state: &'a wgpu::Buffer,
    pub(crate) order: &'a wgpu::Buffer,
    pub(crate) splats: &'a wgpu::Buffer,
    /// Gets the entries that a pick goes through, for each tile: here all of `order`.
    pub(crate) ranges: &'a wgpu::Buffer,
}

impl Quads {
    pub(crate) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        view: &View,
        sorted: &Sorted<'_>,
    ) -> Self {
        let kernels = pipelines.quads(device, view.occluder.is_some());
        let target = |label, format, usage| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: view.width, height: view.height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | usage,
                view_formats: &[],
            });
            texture.create_view(&Default::default())
        };
        let readable = wgpu::TextureUsages::TEXTURE_BINDING;
        let blended_depth = target("blended depth", BLENDED_DEPTH_FORMAT, readable);
        let arguments = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("draw"),
            size: DRAW_SIZE,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT,
            mapped_at_creation: false,
        });
        let whole = wgpu::Buffer::as_entire_binding;
        let texture = wgpu::BindingResource::TextureView;
        let render = |pipeline: &wgpu::RenderPipeline, resources: &[wgpu::BindingResource<'_>]| {
            let resources: Vec<_> = (0..).zip(resources.iter().cloned()).collect();
            bind_at(device, &pipeline.get_bind_group_layout(0), &resources)
        };
        let Sorted { state, order, splats, ranges } = *sorted;
        Self {
            size: bind(device, &kernels.size, &[state, &arguments, ranges].map(whole)),
            hidden: kernels.hide.as_ref().zip(view.limit()).map(|(pipeline, limit)| Hidden {
                hide: render(pipeline, &[whole(&view.camera), texture(limit)]),
                limit: target("limit", LIMIT_FORMAT, wgpu::TextureUsages::empty()),
            }),
            draw: render(&kernels.draw, &[&view.camera, state, order, splats].map(whole)),
            depth: bind(
                device,
                &kernels.depth,
                &[
                    whole(state),
                    texture(&view.color.view),
                    texture(&blended_depth),
                    texture(&view.depth.view),
                    whole(&view.camera),
                ],
            ),
            tiles: (ranges.size() / 8) as u32,
            arguments,
            blended_depth,
        }
    }

    /// Records what comes between sorting and drawing.
    pub(crate) fn record_size(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        pass.set_pipeline(&pipelines.quads(device, self.hidden.is_some()).size);
        pass.set_bind_group(0, &self.size, &[]);
        pass.dispatch_workgroups(self.tiles.div_ceil(64), 1, 1);
    }

    /// Records the compositing of what is sorted into the view's colour and depth.
    pub(crate) fn record(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        view: &View,
        encoder: &mut wgpu::CommandEncoder,
        timer: Option<&StageTimer>,
    ) {
        let kernels = pipelines.quads(device, self.hidden.is_some());
        let stage = Stage::Rasterize;
        let mut begins = timer;
        if self.hidden.is_some() {
            let mut pass = stage.begin_part(encoder, begins.take(), None);
            view.record_occluder(device, pipelines, &mut pass);
        }
        let attachment = |view| {
            Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                    store: wgpu::StoreOp::Store,
                },
            })
        };
        let limit = self.hidden.as_ref().map(|hidden| wgpu::RenderPassDepthStencilAttachment {
            view: &hidden.limit,
            depth_ops: Some(wgpu::Operations {
                load: wgpu::LoadOp::Clear(0.0),
                store: wgpu::StoreOp::Discard,
            }),
            stencil_ops: None,
        });
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("quads"),
            color_attachments: &[attachment(&view.color.view), attachment(&self.blended_depth)],
            depth_stencil_attachment: limit,
            timestamp_writes: begins.map(|timer| timer.render_begin(stage)),
            occlusion_query_set: None,
            multiview_mask: None,
        });
        if let (Some(pipeline), Some(hidden)) = (&kernels.hide, &self.hidden) {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &hidden.hide, &[]);
            pass.draw(0..3, 0..1);
        }
        pass.set_pipeline(&kernels.draw);
        pass.set_bind_group(0, &self.draw, &[]);
        pass.set_index_buffer(kernels.indices.slice(..), wgpu::IndexFormat::Uint16);
        pass.draw_indexed_indirect(&self.arguments, 0);
        drop(pass);
        let mut pass = stage.begin_part(encoder, None, timer);
        pass.set_pipeline(&kernels.depth);
        pass.set_bind_group(0, &self.depth, &[]);
        pass.dispatch_workgroups(view.width.div_ceil(8), view.height.div_ceil(8), 1);
    }
}
