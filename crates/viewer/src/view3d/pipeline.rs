//! Render pipelines that draw in the interface's own pass, with as little ceremony as it goes.

use effigy_render::{RenderError, scoped};

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

/// A shader, whose faults come back as errors.
pub(crate) fn shader(
    device: &wgpu::Device,
    label: &'static str,
    source: &'static str,
) -> Result<wgpu::ShaderModule, RenderError> {
    scoped(device, "building the view", || {
        let source = wgpu::ShaderSource::Wgsl(source.into());
        Ok(device.create_shader_module(wgpu::ShaderModuleDescriptor { label: Some(label), source }))
    })
}

pub(crate) fn uniform(device: &wgpu::Device, label: &'static str, size: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A buffer that holds `contents`.
pub(crate) fn filled(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    label: &'static str,
    contents: &[u8],
    usage: wgpu::BufferUsages,
) -> wgpu::Buffer {
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: (contents.len() as u64).next_multiple_of(4).max(64),
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    queue.write_buffer(&buffer, 0, contents);
    buffer
}

pub(crate) fn smooth(device: &wgpu::Device) -> wgpu::Sampler {
    device.create_sampler(&wgpu::SamplerDescriptor {
        label: Some("smooth"),
        mag_filter: wgpu::FilterMode::Linear,
        min_filter: wgpu::FilterMode::Linear,
        ..Default::default()
    })
}

/// Binds resources in the order of their numbers.
pub(crate) fn bind(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    resources: &[(u32, wgpu::BindingResource<'_>)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = resources
        .iter()
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding: *binding, resource: resource.clone() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("view"), layout, entries: &entries })
}
