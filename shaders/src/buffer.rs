//! Buffers.

/// Bytes of a buffer that would hold nothing: neither bindings nor slices may be empty.
const LEAST: usize = 64;

/// A storage buffer of at least `size` bytes.
pub fn storage(device: &wgpu::Device, label: &str, size: u64, more: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size.max(LEAST as u64),
        usage: wgpu::BufferUsages::STORAGE | more,
        mapped_at_creation: false,
    })
}

/// A uniform buffer that is written anew.
pub fn uniform(device: &wgpu::Device, label: &str, size: usize) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A buffer with `contents`, rounded up to whole words; with zeros if they are nothing. On a device that is lost it is empty: the error scope around
/// the work says so, where [`wgpu::util::DeviceExt`] would panic.
pub fn filled(
    device: &wgpu::Device,
    label: &str,
    contents: &[u8],
    usage: wgpu::BufferUsages,
) -> wgpu::Buffer {
    let contents = if contents.is_empty() { &[0; LEAST] } else { contents };
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: (contents.len() as u64).next_multiple_of(wgpu::COPY_BUFFER_ALIGNMENT),
        usage,
        mapped_at_creation: true,
    });
    if let Ok(mut mapped) = buffer.get_mapped_range_mut(..) {
        mapped.slice(..contents.len()).copy_from_slice(contents);
    }
    buffer.unmap();
    buffer
}
