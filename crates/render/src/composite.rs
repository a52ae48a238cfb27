//! Draws a rendered frame into a host's render pass.

use crate::pipelines::COMPOSITE_WGSL;
use crate::scope::scoped;
use crate::{RenderError, View};

/// Draws the colour of a [`View`] over a colour target of a host program, premultiplied.
///
/// What is drawn is pixel for pixel: the view should have the size of the target. A target that stores linear light
/// (an `*Srgb` or a float format) gets the colour converted; its blending then happens in linear light.
pub struct Compositor {
    pipeline: wgpu::RenderPipeline,
}

/// A view's colour bound for a [`Compositor`]; remade when the view is resized.
pub struct CompositeSource(wgpu::BindGroup);

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
        scoped(device, "building the compositor", || Ok(Self::build(device, format, samples)))
    }

    fn build(device: &wgpu::Device, format: wgpu::TextureFormat, samples: u32) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("composite"),
            source: wgpu::ShaderSource::Wgsl(COMPOSITE_WGSL.into()),
        });
        let linear = format.is_srgb()
            || matches!(
                format,
                wgpu::TextureFormat::Rgba16Float
                    | wgpu::TextureFormat::Rgba32Float
                    | wgpu::TextureFormat::Rg11b10Ufloat
            );
        let pipeline = device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some("composite"),
            layout: None,
            vertex: wgpu::VertexState {
                module: &module,
                entry_point: Some("cover"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            fragment: Some(wgpu::FragmentState {
                module: &module,
                entry_point: Some(if linear { "composite_linear" } else { "composite" }),
                compilation_options: Default::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format,
                    blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            primitive: Default::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState { count: samples, ..Default::default() },
            multiview_mask: None,
            cache: None,
        });
        Self { pipeline }
    }

    /// Binds the colour of `view`, which must be of the same device.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if it is not.
    pub fn source(&self, device: &wgpu::Device, view: &View) -> Result<CompositeSource, RenderError> {
        scoped(device, "binding the view", || Ok(self.bind(device, view)))
    }

    fn bind(&self, device: &wgpu::Device, view: &View) -> CompositeSource {
        CompositeSource(device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("composite"),
            layout: &self.pipeline.get_bind_group_layout(0),
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(view.color()),
            }],
        }))
    }

    /// Draws the source over the pass's colour attachment.
    pub fn draw(&self, pass: &mut wgpu::RenderPass<'_>, source: &CompositeSource) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &source.0, &[]);
        pass.draw(0..3, 0..1);
    }
}
