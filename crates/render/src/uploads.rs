//! Getting small data to the GPU in the order in which commands are recorded.
//!
//! `Queue::write_buffer` happens before everything in the next submission, so that two frames recorded for one
//! submission would both see the second one's data; and it allocates every time. Here data goes through mapped buffers
//! that come back for reuse once their submission is done.

use std::sync::{Arc, Mutex};

use crate::RenderError;

/// A pool of mapped buffers of one size. It grows to as many as are recorded or in flight at once.
pub(crate) struct Uploads {
    device: wgpu::Device,
    size: u64,
    free: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

impl Uploads {
    /// For `size` bytes at a time, a multiple of 4.
    pub(crate) fn new(device: &wgpu::Device, size: u64) -> Self {
        Self { device: device.clone(), size, free: Arc::default() }
    }

    /// Records that each target gets its bytes, whose lengths are multiples of 4 and together no more than the size.
    pub(crate) fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        parts: &[(&[u8], &wgpu::Buffer)],
    ) -> Result<(), RenderError> {
        let fail = |message: String| RenderError::Gpu { doing: "uploading", message };
        let reused = self.free.lock().ok().and_then(|mut free| free.pop());
        let buffer = reused.unwrap_or_else(|| {
            self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("upload"),
                size: self.size,
                usage: wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC,
                mapped_at_creation: true,
            })
        });
        let mut offset = 0;
        for (bytes, target) in parts {
            let length = bytes.len() as u64;
            if length > 0 {
                buffer
                    .get_mapped_range_mut(offset..offset + length)
                    .map_err(|error| fail(error.to_string()))?
                    .copy_from_slice(bytes);
                encoder.copy_buffer_to_buffer(&buffer, offset, target, 0, length);
                // Mapped ranges start at multiples of 8.
                offset = (offset + length).next_multiple_of(wgpu::MAP_ALIGNMENT);
            }
        }
        buffer.unmap();
        let (pool, returning) = (Arc::downgrade(&self.free), buffer.clone());
        encoder.map_buffer_on_submit(&buffer, wgpu::MapMode::Write, .., move |result| {
            // A lost device, or an owner that is gone, needs it no more.
            if let (Ok(()), Some(pool)) = (result, pool.upgrade())
                && let Ok(mut free) = pool.lock()
            {
                free.push(returning);
            }
        });
        Ok(())
    }
}
