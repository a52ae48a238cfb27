//! Compositing by the hardware's rasteriser and blending: a quad a splat, front to back.
//!
//! Blending cannot look at what is there, so that nothing stops at a finished pixel by itself. Instead the splats are
//! drawn in a few batches, nearest first, and between two of them the depth test is made to reject what is finished.
//! The same depth test hides what is behind a host's scene.

use crate::filled::filled;
use crate::pipelines::{Pipelines, bind, bind_at, build, wgsl};
use crate::view::View;
use crate::{Stage, StageTimer};

/// Draws of a frame. Each costs a pass over the picture, and saves what the next ones would blend for nothing.
const BATCHES: u64 = 4;
/// Quads of an instance: `QUADS` in `shaders/splat/quads.wesl`.
const QUADS: u16 = 256;
/// Bytes of the arguments of an indexed indirect draw.
const DRAW_SIZE: u64 = 20;
/// Of both targets: colour and transmittance; depth, its weight, and transmittance.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
const DEPTH_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;

/// The kernels of this way to composite.
pub(crate) struct QuadPipelines {
    size: wgpu::ComputePipeline,
    draw: wgpu::RenderPipeline,
    finish: wgpu::RenderPipeline,
    hide: wgpu::RenderPipeline,
    result: wgpu::ComputePipeline,
    /// Two triangles a quad.
    indices: wgpu::Buffer,
}

impl QuadPipelines {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        let module = |label, source: &str| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(label),
                source: wgpu::ShaderSource::Wgsl(source.into()),
            })
        };
        let (quads, masks) = (module("quads", wgsl!("quads")), module("quad masks", wgsl!("quad_masks")));
        let pipeline = |module, vertex: &str, fragment: &str, targets: &[_], compare, writes: bool| {
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(fragment),
                layout: None,
                vertex: wgpu::VertexState {
                    module,
                    entry_point: Some(vertex),
                    compilation_options: Default::default(),
                    buffers: &[],
                },
                fragment: Some(wgpu::FragmentState {
                    module,
                    entry_point: Some(fragment),
                    compilation_options: Default::default(),
                    targets,
                }),
                primitive: Default::default(),
                depth_stencil: Some(wgpu::DepthStencilState {
                    format: DEPTH_FORMAT,
                    depth_write_enabled: Some(writes),
                    depth_compare: Some(compare),
                    stencil: Default::default(),
                    bias: Default::default(),
                }),
                multisample: Default::default(),
                multiview_mask: None,
                cache: None,
            })
        };
        let by = |src_factor, dst_factor| wgpu::BlendComponent {
            src_factor,
            dst_factor,
            operation: wgpu::BlendOperation::Add,
        };
        let under = |write_mask| {
            Some(wgpu::ColorTargetState {
                format: FORMAT,
                blend: Some(wgpu::BlendState {
                    color: by(wgpu::BlendFactor::DstAlpha, wgpu::BlendFactor::One),
                    alpha: by(wgpu::BlendFactor::Zero, wgpu::BlendFactor::OneMinusSrcAlpha),
                }),
                write_mask,
            })
        };
        let all = wgpu::ColorWrites::ALL;
        let targets = [under(all), under(all.difference(wgpu::ColorWrites::BLUE))];
        let corners = [0, 1, 2, 2, 1, 3];
        let indices: Vec<u16> = (0..QUADS).flat_map(|quad| corners.map(|corner| 4 * quad + corner)).collect();
        Self {
            size: build(device, wgsl!("quad_draws"), "size_draws"),
            draw: pipeline(&quads, "corner", "blend", &targets, wgpu::CompareFunction::Greater, false),
            finish: pipeline(&masks, "cover", "finish", &[], wgpu::CompareFunction::Always, true),
            hide: pipeline(&masks, "cover", "hide", &[], wgpu::CompareFunction::Always, true),
            result: build(device, wgsl!("quad_result"), "store_result"),
            indices: filled(device, "quads", bytemuck::cast_slice(&indices), wgpu::BufferUsages::INDEX),
        }
    }
}

/// What a view's quads are drawn with and into.
pub(crate) struct Quads {
    draws: wgpu::Buffer,
    targets: [wgpu::TextureView; 2],
    depth: wgpu::TextureView,
    size: wgpu::BindGroup,
    draw: wgpu::BindGroup,
    finish: wgpu::BindGroup,
    hide: Option<wgpu::BindGroup>,
    result: wgpu::BindGroup,
    tiles: u32,
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
        let kernels = pipelines.quads(device);
        let target = |label, format| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: view.width, height: view.height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            });
            texture.create_view(&Default::default())
        };
        let targets = ["blended colour", "blended depth"].map(|label| target(label, FORMAT));
        let draws = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("draws"),
            size: BATCHES * DRAW_SIZE,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::INDIRECT,
            mapped_at_creation: false,
        });
        let whole = wgpu::Buffer::as_entire_binding;
        let texture = wgpu::BindingResource::TextureView;
        let render = |pipeline: &wgpu::RenderPipeline, resources: &[(u32, wgpu::BindingResource<'_>)]| {
            bind_at(device, &pipeline.get_bind_group_layout(0), resources)
        };
        let Sorted { state, order, splats, ranges } = *sorted;
        Self {
            size: bind(device, &kernels.size, &[state, &draws, ranges].map(whole)),
            draw: render(
                &kernels.draw,
                &[(0, whole(&view.camera)), (1, whole(state)), (2, whole(order)), (3, whole(splats))],
            ),
            finish: render(&kernels.finish, &[(0, texture(&targets[0]))]),
            hide: view
                .limit()
                .map(|limit| render(&kernels.hide, &[(1, whole(&view.camera)), (2, texture(limit))])),
            result: bind(
                device,
                &kernels.result,
                &[
                    whole(state),
                    texture(&targets[0]),
                    texture(&targets[1]),
                    texture(&view.color.view),
                    texture(&view.depth.view),
                ],
            ),
            depth: target("finished and hidden", DEPTH_FORMAT),
            tiles: (ranges.size() / 8) as u32,
            draws,
            targets,
        }
    }

    /// Records what comes between sorting and drawing.
    pub(crate) fn record_sizes(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        pass.set_pipeline(&pipelines.quads(device).size);
        pass.set_bind_group(0, &self.size, &[]);
        pass.dispatch_workgroups(self.tiles.max(BATCHES as u32).div_ceil(64), 1, 1);
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
        let kernels = pipelines.quads(device);
        let stage = Stage::Rasterize;
        let mut begins = timer;
        if let Some(hide) = &self.hide {
            let mut pass = stage.begin_part(encoder, begins.take(), None);
            view.record_occluder(device, pipelines, &mut pass);
            drop(pass);
            self.mask(encoder, &kernels.hide, hide, wgpu::LoadOp::Clear(0.0));
        }
        for batch in 0..BATCHES {
            if batch > 0 {
                self.mask(encoder, &kernels.finish, &self.finish, wgpu::LoadOp::Load);
            }
            let untouched = batch == 0 && self.hide.is_none();
            let depth_load = if untouched { wgpu::LoadOp::Clear(0.0) } else { wgpu::LoadOp::Load };
            // Nothing is drawn, and all light is left.
            let nothing = wgpu::LoadOp::Clear(wgpu::Color { r: 0.0, g: 0.0, b: 0.0, a: 1.0 });
            let load = if batch == 0 { nothing } else { wgpu::LoadOp::Load };
            let attachment = |view| {
                Some(wgpu::RenderPassColorAttachment {
                    view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
                })
            };
            let last = batch + 1 == BATCHES;
            let depth_store = if last { wgpu::StoreOp::Discard } else { wgpu::StoreOp::Store };
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("quads"),
                color_attachments: &[attachment(&self.targets[0]), attachment(&self.targets[1])],
                depth_stencil_attachment: Some(self.depth_attachment(depth_load, depth_store)),
                timestamp_writes: begins.take().map(|timer| timer.render_begin(stage)),
                occlusion_query_set: None,
                multiview_mask: None,
            });
            pass.set_pipeline(&kernels.draw);
            pass.set_bind_group(0, &self.draw, &[]);
            pass.set_index_buffer(kernels.indices.slice(..), wgpu::IndexFormat::Uint16);
            pass.draw_indexed_indirect(&self.draws, batch * DRAW_SIZE);
        }
        let mut pass = stage.begin_part(encoder, None, timer);
        pass.set_pipeline(&kernels.result);
        pass.set_bind_group(0, &self.result, &[]);
        pass.dispatch_workgroups(view.width.div_ceil(8), view.height.div_ceil(8), 1);
    }

    /// Records a pass over the picture that changes only what the depth test lets through.
    fn mask(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::RenderPipeline,
        group: &wgpu::BindGroup,
        load: wgpu::LoadOp<f32>,
    ) {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("quad masks"),
            color_attachments: &[],
            depth_stencil_attachment: Some(self.depth_attachment(load, wgpu::StoreOp::Store)),
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        });
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.draw(0..3, 0..1);
    }

    fn depth_attachment(
        &self,
        load: wgpu::LoadOp<f32>,
        store: wgpu::StoreOp,
    ) -> wgpu::RenderPassDepthStencilAttachment<'_> {
        wgpu::RenderPassDepthStencilAttachment {
            view: &self.depth,
            depth_ops: Some(wgpu::Operations { load, store }),
            stencil_ops: None,
        }
    }
}
