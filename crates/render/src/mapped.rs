//! What is in a buffer, waited for.

use crate::RenderError;

/// The contents of a mappable buffer once the GPU has finished with it.
#[expect(clippy::disallowed_methods, reason = "what is read back is waited for")]
pub(crate) fn map_and_copy(
    device: &wgpu::Device,
    buffer: &wgpu::Buffer,
    doing: &'static str,
) -> Result<Vec<u8>, RenderError> {
    let fail = |message: String| RenderError::Gpu { doing, message };
    let (sender, receiver) = std::sync::mpsc::channel();
    buffer.slice(..).map_async(wgpu::MapMode::Read, move |result| {
        // The receiver is gone only if this function has already failed.
        let _ = sender.send(result);
    });
    device.poll(wgpu::PollType::wait_indefinitely()).map_err(|error| fail(error.to_string()))?;
    receiver
        .recv()
        .map_err(|_| fail("the driver dropped the request".into()))?
        .map_err(|error| fail(error.to_string()))?;
    let bytes = buffer.slice(..).get_mapped_range().map_err(|error| fail(error.to_string()))?.to_vec();
    buffer.unmap();
    Ok(bytes)
}
