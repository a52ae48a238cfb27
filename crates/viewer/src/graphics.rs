//! The device that everything is drawn on, and the renderer, which is built beside the first frames of the interface.

use std::sync::{Arc, OnceLock};

use effigy_render::{Gpu, Precision, RenderError, Renderer};

/// The device, shared by the interface and by whoever loads something in the background.
#[derive(Clone)]
pub(crate) struct Graphics {
    pub(crate) gpu: Arc<Gpu>,
    /// Of the texture that the interface is drawn on.
    pub(crate) format: wgpu::TextureFormat,
    renderer: Arc<OnceLock<Result<Arc<Renderer>, String>>>,
}

impl Graphics {
    pub(crate) fn new(gpu: Arc<Gpu>, format: wgpu::TextureFormat) -> Self {
        Self { gpu, format, renderer: Arc::default() }
    }

    pub(crate) fn device(&self) -> &wgpu::Device {
        &self.gpu.device
    }

    pub(crate) fn queue(&self) -> &wgpu::Queue {
        &self.gpu.queue
    }

    /// Builds the renderer if nobody has yet, and waits for whoever does.
    pub(crate) fn build_renderer(&self) -> Result<Arc<Renderer>, RenderError> {
        let built = self.renderer.get_or_init(|| {
            Renderer::new(self.device(), self.queue(), Precision::Half)
                .map(Arc::new)
                .map_err(|error| error.to_string())
        });
        built.clone().map_err(|message| RenderError::Gpu { doing: "building the renderer", message })
    }

    /// The renderer once it is built.
    pub(crate) fn renderer(&self) -> Option<Arc<Renderer>> {
        self.renderer.get()?.as_ref().ok().cloned()
    }
}
