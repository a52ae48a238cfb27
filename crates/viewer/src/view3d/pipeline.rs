//! Render pipelines that draw in the interface's own pass, with as little ceremony as it goes.

use effigy_render::{RenderError, scoped};
use effigy_shaders::Shader;

/// A pipeline to be made.
pub(crate) struct Recipe<'a> {
    pub(crate) label: &'static str,
    pub(crate) module: &'a wgpu::ShaderModule,
    pub(crate) layout: Option<&'a wgpu::PipelineLayout>,
    pub(crate) vertex: &'static str,
    pub(crate) buffers: &'a [Option<wgpu::VertexBufferLayout<'static>>],
    pub(crate) topology: wgpu::PrimitiveTopology,
    pub(crate) fragment: &'static str,
    pub(crate) format: wgpu::TextureFormat,
    pub(crate) blend: wgpu::BlendState,
}

impl Recipe<'_> {
    pub(crate) fn make(&self, device: &wgpu::Device) -> wgpu::RenderPipeline {
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(self.label),
            layout: self.layout,
            vertex: wgpu::VertexState {
                module: self.module,
                entry_point: Some(self.vertex),
                compilation_options: Default::default(),
                buffers: self.buffers,
            },
            fragment: Some(wgpu::FragmentState {
                module: self.module,
                entry_point: Some(self.fragment),
                compilation_options: Default::default(),
                targets: &[Some(wgpu::ColorTargetState {
                    format: self.format,
                    blend: Some(self.blend),
                    write_mask: wgpu::ColorWrites::ALL,
                })],
            }),
            primitive: wgpu::PrimitiveState { topology: self.topology, ..Default::default() },
            depth_stencil: None,
            multisample: Default::default(),
            multiview_mask: None,
            cache: None,
        })
    }
}

/// The module of a shader, whose faults come back as errors.
pub(crate) fn module(device: &wgpu::Device, shader: &Shader) -> Result<wgpu::ShaderModule, RenderError> {
    scoped(device, "building the view", || Ok(shader.module(device)))
}

pub(crate) fn smooth(device: &wgpu::Device) -> wgpu::Sampler {
    device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("smooth"),
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        ..Default::default()
    })
}
