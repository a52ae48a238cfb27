//! Turning what wgpu reports about an operation into an error of ours.

use crate::RenderError;

/// Runs `work`, which creates or submits something, and returns the first error that wgpu has about it. For crates that
/// add to the renderer.
///
/// # Errors
/// [`RenderError::Gpu`] for what wgpu reports, or else those of `work`.
pub fn scoped<T>(
    device: &wgpu::Device,
    doing: &'static str,
    work: impl FnOnce() -> Result<T, RenderError>,
) -> Result<T, RenderError> {
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let out = work();
    let mut fault = None;
    for scope in [validation, memory, internal] {
        // Natively the answer is there at once; a browser reports it through the device's own error callback.
        if let Some(Some(error)) = ready(scope.pop()) {
            fault.get_or_insert(RenderError::Gpu { doing, message: error.to_string() });
        }
    }
    match fault {
        Some(fault) => Err(fault),
        None => out,
    }
}

/// The value of a future that is ready now.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}
