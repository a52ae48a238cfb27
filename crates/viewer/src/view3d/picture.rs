//! The renderer's picture of the avatar, made again when it would be another.

use std::sync::Arc;
use std::time::{Duration, Instant};

use effigy_render::{CompositeSource, Compositor, GpuAvatar, RenderError, Renderer, View};
use effigy_splat::Camera;
use egui::{Rect, Ui};
use egui_wgpu::{CallbackResources, CallbackTrait};

use crate::graphics::Graphics;

/// What a picture shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// Of avatar and pose.
    pub(crate) revision: u64,
    pub(crate) camera: Camera,
}

/// The picture, and what draws it into the window.
#[derive(Default)]
pub(crate) struct Pictures {
    compositor: Option<Arc<Compositor>>,
    shown: Option<Shown>,
}

struct Shown {
    view: View,
    source: Arc<CompositeSource>,
    /// What it shows, once it has been drawn.
    what: Option<Wanted>,
}

impl Pictures {
    /// Makes the picture that is wanted, unless it is there, and says how long recording it took.
    pub(crate) fn render(
        &mut self,
        graphics: &Graphics,
        renderer: &Renderer,
        avatar: &GpuAvatar,
        wanted: &Wanted,
    ) -> Result<Option<Duration>, RenderError> {
        let compositor = match &self.compositor {
            Some(compositor) => compositor.clone(),
            None => {
                let compositor = Arc::new(Compositor::new(graphics.device(), graphics.format, 1)?);
                self.compositor.insert(compositor).clone()
            }
        };
        let size = (wanted.camera.width, wanted.camera.height);
        let mut shown = match self.shown.take().filter(|shown| shown.view.size() == size) {
            Some(shown) => shown,
            None => {
                let view = renderer.create_view(size.0, size.1)?;
                let source = Arc::new(compositor.source(graphics.device(), &view)?);
                Shown { view, source, what: None }
            }
        };
        if shown.what.as_ref() == Some(wanted) {
            self.shown = Some(shown);
            return Ok(None);
        }
        let start = Instant::now();
        let mut encoder = graphics.device().create_command_encoder(&Default::default());
        renderer.record(&mut encoder, &[avatar], &wanted.camera, &mut shown.view)?;
        graphics.queue().submit([encoder.finish()]);
        shown.what = Some(wanted.clone());
        self.shown = Some(shown);
        Ok(Some(start.elapsed()))
    }

    /// Draws the picture into `rect`.
    pub(crate) fn paint(&self, ui: &Ui, rect: Rect) {
        if let (Some(compositor), Some(shown)) = (&self.compositor, &self.shown) {
            let drawn = Drawn { compositor: compositor.clone(), source: shown.source.clone() };
            ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, drawn));
        }
    }
}

/// Draws the picture into egui's own pass.
struct Drawn {
    compositor: Arc<Compositor>,
    source: Arc<CompositeSource>,
}

impl CallbackTrait for Drawn {
    fn paint(&self, _: egui::PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, _: &CallbackResources) {
        self.compositor.draw(pass, &self.source);
    }
}
