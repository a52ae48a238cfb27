//! What kernels of this crate are bound to.

use effigy_render::wgpu;

/// Of pictures that filters write.
const FILTERED: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;

/// Memory that a kernel reads, or also writes.
pub(crate) fn storage(read_only: bool) -> wgpu::BindingType {
    buffer(wgpu::BufferBindingType::Storage { read_only })
}

/// Memory for what is the same for a whole dispatch.
pub(crate) fn uniform() -> wgpu::BindingType {
    buffer(wgpu::BufferBindingType::Uniform)
}

fn buffer(ty: wgpu::BufferBindingType) -> wgpu::BindingType {
    wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None }
}

/// A picture that is read pixel by pixel.
pub(crate) fn texture() -> wgpu::BindingType {
    wgpu::BindingType::Texture {
        sample_type: wgpu::TextureSampleType::Float { filterable: false },
        view_dimension: wgpu::TextureViewDimension::D2,
        multisampled: false,
    }
}

/// A picture that a filter writes.
pub(crate) fn filtered() -> wgpu::BindingType {
    wgpu::BindingType::StorageTexture {
        access: wgpu::StorageTextureAccess::WriteOnly,
        format: FILTERED,
        view_dimension: wgpu::TextureViewDimension::D2,
    }
}

/// Memory for a picture that a filter writes, to be read again or converted.
pub(crate) fn filtered_picture(device: &wgpu::Device, label: &str, size: [u32; 2]) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some(label),
        size: wgpu::Extent3d { width: size[0], height: size[1], depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FILTERED,
        usage: wgpu::TextureUsages::STORAGE_BINDING
            | wgpu::TextureUsages::TEXTURE_BINDING
            | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    texture.create_view(&Default::default())
}
