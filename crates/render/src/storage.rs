//! Storage buffers that hold an avatar's data.

use effigy_shaders::filled;

use crate::RenderError;

/// Makes storage buffers on one device.
pub(crate) struct Storage<'a> {
    device: &'a wgpu::Device,
    /// Bytes of one buffer, at most.
    limit: u64,
}

impl<'a> Storage<'a> {
    pub(crate) fn new(device: &'a wgpu::Device) -> Self {
        let limits = device.limits();
        Self { device, limit: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) }
    }

    /// A buffer of `bytes`, named for what they are.
    pub(crate) fn hold(&self, what: &'static str, bytes: &[u8]) -> Result<wgpu::Buffer, RenderError> {
        if bytes.len() as u64 > self.limit {
            return Err(RenderError::TooLarge { what, bytes: bytes.len() as u64, limit: self.limit });
        }
        Ok(filled(self.device, what, bytes, wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST))
    }
}
