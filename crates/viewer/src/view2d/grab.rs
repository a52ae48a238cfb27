//! The renderer's frame for the 2D view: rendered when it would be another, and brought back without waiting.

use std::sync::Arc;
use std::time::Duration;

use cpu_time::ThreadTime;
use effigy_render::{GpuAvatar, Outputs, PendingFrame, RenderError, Renderer, View};
use effigy_splat::{Camera, Frame};

use crate::graphics::Graphics;

/// What a frame shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// Of avatar and pose.
    pub(crate) revision: u64,
    pub(crate) camera: Camera,
    /// Which picture of a capture it is compared with.
    pub(crate) shot: Option<usize>,
}

/// The frame, and the one that is on its way.
#[derive(Default)]
pub(crate) struct Grabber {
    view: Option<View>,
    /// What was rendered last.
    rendered: Option<Wanted>,
    coming: Option<(PendingFrame, Option<Arc<Frame>>)>,
}

impl Grabber {
    /// Renders what is wanted unless that was done, or another frame is still on its way. `truth` is what a camera saw of
    /// it. Says how long recording took.
    pub(crate) fn render(
        &mut self,
        graphics: &Graphics,
        renderer: &Renderer,
        avatar: &GpuAvatar,
        wanted: &Wanted,
        truth: Option<Arc<Frame>>,
    ) -> Result<Option<Duration>, RenderError> {
        if self.coming.is_some() || self.rendered.as_ref() == Some(wanted) {
            return Ok(None);
        }
        let size = (wanted.camera.width, wanted.camera.height);
        let mut view = match self.view.take().filter(|view| view.size() == size) {
            Some(view) => view,
            None => renderer.create_view_with(size.0, size.1, Outputs { guide: true })?,
        };
        let start = ThreadTime::now();
        let mut encoder = graphics.device().create_command_encoder(&Default::default());
        renderer.record(&mut encoder, &[avatar], &wanted.camera, &mut view)?;
        // Whoever shows it looks at every frame of the interface until it is there.
        let coming = PendingFrame::record(graphics.device(), &mut encoder, &view, || {})?;
        graphics.queue().submit([encoder.finish()]);
        self.view = Some(view);
        self.coming = Some((coming, truth));
        self.rendered = Some(wanted.clone());
        Ok(Some(start.elapsed()))
    }

    /// Whether a frame is on its way.
    pub(crate) fn is_waiting(&self) -> bool {
        self.coming.is_some()
    }

    /// Whether what is wanted was rendered.
    pub(crate) fn has(&self, wanted: &Wanted) -> bool {
        self.rendered.as_ref() == Some(wanted)
    }

    /// The frame, once it is there, and what a camera saw of it.
    pub(crate) fn take(&mut self) -> Option<(PendingFrame, Option<Arc<Frame>>)> {
        self.coming.take_if(|(coming, _)| coming.is_ready())
    }
}
