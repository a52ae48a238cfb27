//! Compositing by the hardware's rasteriser and blending: a quad a splat, the farthest first, in one pass. The depth test
//! hides what is behind a host's scene.

use effigy_shaders::{TileLists, bind, numbered};

use crate::pipelines::Pipelines;
use crate::quad_pipelines::{BLENDED_DEPTH_FORMAT, LIMIT_FORMAT};
use crate::target::Target;
use crate::{Stage, StageTimer};

/// Bytes of the arguments of an indexed indirect draw.
const DRAW_SIZE: u64 = 20;

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

impl Quads {
    pub(crate) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        target: &Target,
        lists: &TileLists,
    ) -> Self {
        let kernels = pipelines.quads(device, target.occluder.is_some());
        let attachment = |label, format, usage| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: target.width, height: target.height, depth_or_array_layers: 1 },
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
        let blended_depth = attachment("blended depth", BLENDED_DEPTH_FORMAT, readable);
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
            bind(device, &pipeline.get_bind_group_layout(0), &resources)
        };
        // `ranges` gets the entries that a pick goes through, for each tile: here all of `order`.
        let TileLists { state, order, splats, ranges, .. } = lists;
        Self {
            size: kernels.size.bind(device, &numbered([state, &arguments, ranges].map(whole))),
            hidden: kernels.hide.as_ref().zip(target.limit()).map(|(pipeline, limit)| Hidden {
                hide: render(pipeline, &[whole(&target.camera), texture(limit)]),
                limit: attachment("limit", LIMIT_FORMAT, wgpu::TextureUsages::empty()),
            }),
            draw: render(&kernels.draw, &[&target.camera, state, order, splats].map(whole)),
            depth: kernels.depth.bind(
                device,
                &numbered([
                    whole(state),
                    texture(&target.color.view),
                    texture(&blended_depth),
                    texture(&target.depth.view),
                    whole(&target.camera),
                ]),
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
        let kernels = pipelines.quads(device, self.hidden.is_some());
        kernels.size.dispatch(pass, &self.size, [self.tiles.div_ceil(64), 1, 1]);
    }

    /// Records the compositing of what is sorted into the view's colour and depth.
    pub(crate) fn record(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        target: &Target,
        encoder: &mut wgpu::CommandEncoder,
        timer: Option<&StageTimer>,
    ) {
        let kernels = pipelines.quads(device, self.hidden.is_some());
        let stage = Stage::Rasterize;
        let mut begins = timer;
        if self.hidden.is_some() {
            let mut pass = stage.begin_part(encoder, begins.take(), None);
            target.record_occluder(device, pipelines, &mut pass);
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
            color_attachments: &[attachment(&target.color.view), attachment(&self.blended_depth)],
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
        let size = [target.width.div_ceil(8), target.height.div_ceil(8), 1];
        kernels.depth.dispatch(&mut pass, &self.depth, size);
    }
}
