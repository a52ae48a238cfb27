//! Compute kernels, and what they are bound to.

use crate::Shader;

/// A compute pipeline: one entry point of a shader.
pub struct Kernel(wgpu::ComputePipeline);

impl Kernel {
    /// The kernel `entry` of `shader`, which writes its workgroup memory before it reads it.
    pub fn new(device: &wgpu::Device, shader: &Shader, entry: &str) -> Self {
        Self::of(device, &shader.module(device), None, entry, false)
    }

    /// Kernels of one shader that share what they are bound to ([`layout`], [`bind`]). Their workgroup memory begins at
    /// zero.
    pub fn sharing<const N: usize>(
        device: &wgpu::Device,
        shader: &Shader,
        layout: &wgpu::BindGroupLayout,
        entries: [&str; N],
    ) -> [Self; N] {
        let module = shader.module(device);
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some(shader.name),
            bind_group_layouts: &[Some(layout)],
            ..Default::default()
        });
        entries.map(|entry| Self::of(device, &module, Some(&layout), entry, true))
    }

    fn of(
        device: &wgpu::Device,
        module: &wgpu::ShaderModule,
        layout: Option<&wgpu::PipelineLayout>,
        entry: &str,
        zero_initialize_workgroup_memory: bool,
    ) -> Self {
        Self(device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout,
            module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory,
                ..Default::default()
            },
            cache: None,
        }))
    }

    /// Binds resources by their numbers, as many as the entry point uses.
    pub fn bind(
        &self,
        device: &wgpu::Device,
        resources: &[(u32, wgpu::BindingResource<'_>)],
    ) -> wgpu::BindGroup {
        bind(device, &self.0.get_bind_group_layout(0), resources)
    }

    /// Records that it runs in `size` workgroups.
    pub fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, group: &wgpu::BindGroup, size: [u32; 3]) {
        pass.set_pipeline(&self.0);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(size[0], size[1], size[2]);
    }

    /// Records that it runs in as many workgroups as the GPU has written to `sizes` at byte `offset`.
    pub fn dispatch_indirect(
        &self,
        pass: &mut wgpu::ComputePass<'_>,
        group: &wgpu::BindGroup,
        sizes: &wgpu::Buffer,
        offset: u64,
    ) {
        pass.set_pipeline(&self.0);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups_indirect(sizes, offset);
    }
}

/// Binds resources by their numbers.
pub fn bind(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    resources: &[(u32, wgpu::BindingResource<'_>)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = resources
        .iter()
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding: *binding, resource: resource.clone() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

/// Numbers resources from 0.
pub fn numbered<'a, const N: usize>(
    resources: [wgpu::BindingResource<'a>; N],
) -> [(u32, wgpu::BindingResource<'a>); N] {
    let mut next = 0;
    resources.map(|resource| {
        next += 1;
        (next - 1, resource)
    })
}

/// A layout of bindings from 0 on for kernels that share them.
pub fn layout(device: &wgpu::Device, label: &str, kinds: &[wgpu::BindingType]) -> wgpu::BindGroupLayout {
    let entries: Vec<_> = (0..)
        .zip(kinds)
        .map(|(binding, &ty)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty,
            count: None,
        })
        .collect();
    device
        .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some(label), entries: &entries })
}
