//! Compute pipelines from the WGSL that the build composes out of `shaders/`.

/// A composed WGSL file by the name that the build script gave it.
macro_rules! wgsl {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $name, ".wgsl"))
    };
}
pub(crate) use wgsl;

/// A kernel, by its entry point.
pub(crate) struct Kernel(wgpu::ComputePipeline);

impl Kernel {
    pub(crate) fn new(device: &wgpu::Device, source: &str, entry: &str) -> Self {
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(entry),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        Self(device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: None,
            module: &module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        }))
    }

    /// Binds resources by their numbers.
    pub(crate) fn bind(
        &self,
        device: &wgpu::Device,
        resources: &[(u32, wgpu::BindingResource<'_>)],
    ) -> wgpu::BindGroup {
        let entries: Vec<_> = resources
            .iter()
            .map(|(binding, resource)| wgpu::BindGroupEntry { binding: *binding, resource: resource.clone() })
            .collect();
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.0.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    pub(crate) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, group: &wgpu::BindGroup, size: [u32; 3]) {
        pass.set_pipeline(&self.0);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(size[0], size[1], size[2]);
    }

    /// As many workgroups as the GPU has written to `sizes` at `offset`.
    pub(crate) fn dispatch_indirect(
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

/// Numbers resources from 0.
pub(crate) fn bind<'a, const N: usize>(
    resources: [wgpu::BindingResource<'a>; N],
) -> [(u32, wgpu::BindingResource<'a>); N] {
    let mut next = 0;
    resources.map(|resource| {
        next += 1;
        (next - 1, resource)
    })
}

/// Workgroups of `threads` for `items`.
pub(crate) fn groups(items: usize, threads: usize) -> u32 {
    items.div_ceil(threads) as u32
}
