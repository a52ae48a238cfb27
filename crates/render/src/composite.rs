//! Draws a rendered frame into a host's render pass.

use std::sync::atomic::{AtomicBool, Ordering};

use effigy_shaders::composed;
use glam::Mat4;

use crate::scope::scoped;
use crate::{RenderError, View};

/// Draws the colour of a [`View`] over a colour target of a host program, premultiplied, and if it is wanted its depth
/// into the host's.
///
/// What is drawn fills the pass's viewport, pixel for pixel if the view has its size. A target that stores linear light
/// (an `*Srgb` or a float format) gets the colour converted; its blending then happens in linear light. What the host
/// has drawn nearer is not covered if the view was told of it ([`crate::Renderer::occlude`]): then the colour lacks what
/// is behind.
pub struct Compositor {
    color: wgpu::RenderPipeline,
    depth: Option<wgpu::RenderPipeline>,
}

/// The depth buffer of a host's pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DepthTarget {
    /// Its format.
    pub format: wgpu::TextureFormat,
    /// How the host compares: `Less` or `LessEqual`, or with reversed Z `Greater` or `GreaterEqual`.
    pub compare: wgpu::CompareFunction,
}

/// A view's colour and depth bound for a [`Compositor`]; remade when the view is resized.
pub struct CompositeSource {
    color: wgpu::BindGroup,
    depth: Option<(wgpu::BindGroup, wgpu::Buffer)>,
    /// Whether the projection is known: before, there is no depth to write.
    projected: AtomicBool,
}

impl CompositeSource {
    /// Sets the host's perspective projection, by which depth is written from the queue's next submission on; before, none
    /// is. Without a [`DepthTarget`] it does nothing.
    pub fn set_projection(&self, queue: &wgpu::Queue, clip_from_camera: Mat4) {
        if let Some((_, buffer)) = &self.depth {
            // The rows of depth and of w, for points on the camera's axis.
            let parameters = [clip_from_camera.z_axis.z, clip_from_camera.w_axis.z, 0.0, 0.0];
            queue.write_buffer(buffer, 0, bytemuck::cast_slice(&parameters));
            self.projected.store(true, Ordering::Release);
        }
    }
}

impl Compositor {
    /// For targets of `format`, in passes without depth attachment and with `samples` samples a pixel.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] for a format that cannot be blended or a number of samples that the device lacks.
    pub fn new(
        device: &wgpu::Device,
        format: wgpu::TextureFormat,
        samples: u32,
    ) -> Result<Self, RenderError> {
        scoped(device, "building the compositor", || Ok(Self::build(device, format, samples, None)))
    }

    /// For passes with a depth attachment, which gets the avatar's depth where it covers at least half of the light
    /// behind, so that what the host draws later stands before it and behind it as it should.
    ///
    /// # Errors
    /// As [`Compositor::new`], and for a format that holds no depth.
    pub fn with_depth(
        device: &wgpu::Device,
        format: wgpu::TextureFormat,
        samples: u32,
        depth: DepthTarget,
    ) -> Result<Self, RenderError> {
        scoped(device, "building the compositor", || Ok(Self::build(device, format, samples, Some(depth))))
    }

    fn build(
        device: &wgpu::Device,
        format: wgpu::TextureFormat,
        samples: u32,
        depth: Option<DepthTarget>,
    ) -> Self {
        let module = composed::COMPOSITE.module(device);
        let linear = format.is_srgb()
            || matches!(
                format,
                wgpu::TextureFormat::Rgba16Float
                    | wgpu::TextureFormat::Rgba32Float
                    | wgpu::TextureFormat::Rg11b10Ufloat
            );
        let pipeline = |entry: &str, color: wgpu::ColorTargetState, depth: Option<(DepthTarget, bool)>| {
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(entry),
                layout: None,
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some("cover"),
                    compilation_options: Default::default(),
                    buffers: &[],
                },
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some(entry),
                    compilation_options: Default::default(),
                    targets: &[Some(color)],
                }),
                primitive: Default::default(),
                depth_stencil: depth.map(|(target, writes)| wgpu::DepthStencilState {
                    format: target.format,
                    depth_write_enabled: Some(writes),
                    depth_compare: Some(if writes { target.compare } else { wgpu::CompareFunction::Always }),
                    stencil: Default::default(),
                    bias: Default::default(),
                }),
                multisample: wgpu::MultisampleState { count: samples, ..Default::default() },
                multiview_mask: None,
                cache: None,
            })
        };
        let blended = wgpu::ColorTargetState {
            format,
            blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
            write_mask: wgpu::ColorWrites::ALL,
        };
        let untouched =
            wgpu::ColorTargetState { format, blend: None, write_mask: wgpu::ColorWrites::empty() };
        let entry = if linear { "composite_linear" } else { "composite" };
        Self {
            color: pipeline(entry, blended, depth.map(|target| (target, false))),
            depth: depth.map(|target| pipeline("write_depth", untouched, Some((target, true)))),
        }
    }

    /// Binds the colour of `view`, and its depth if it is written, which must be of the same device.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if it is not.
    pub fn source(&self, device: &wgpu::Device, view: &View) -> Result<CompositeSource, RenderError> {
        scoped(device, "binding the view", || Ok(self.bind(device, view)))
    }

    fn bind(&self, device: &wgpu::Device, view: &View) -> CompositeSource {
        let group = |pipeline: &wgpu::RenderPipeline, entries: &[wgpu::BindGroupEntry<'_>]| {
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("composite"),
                layout: &pipeline.get_bind_group_layout(0),
                entries,
            })
        };
        let color =
            wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(view.color()) };
        CompositeSource {
            color: group(&self.color, std::slice::from_ref(&color)),
            projected: AtomicBool::new(false),
            depth: self.depth.as_ref().map(|pipeline| {
                let projection = device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("host projection"),
                    size: 16,
                    usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                let depth = wgpu::BindingResource::TextureView(view.depth());
                let entries = [
                    color.clone(),
                    wgpu::BindGroupEntry { binding: 1, resource: depth },
                    wgpu::BindGroupEntry { binding: 2, resource: projection.as_entire_binding() },
                ];
                (group(pipeline, &entries), projection)
            }),
        }
    }

    /// Draws the source over the pass's colour attachment, and into its depth attachment.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, source: &CompositeSource) {
        pass.set_pipeline(&self.color);
        pass.set_bind_group(0, &source.color, &[]);
        pass.draw(0..3, 0..1);
        if let (Some(pipeline), Some((group, _))) = (&self.depth, &source.depth)
            && source.projected.load(Ordering::Acquire)
        {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}
