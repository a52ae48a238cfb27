//! The renderer's picture of the avatar, made again when it would be another.

use std::sync::Arc;
use std::time::Duration;

use cpu_time::ThreadTime;
use effigy_render::{
    CompositeSource, Compositor, GpuAvatar, Outputs, PendingPick, RenderError, Renderer, Stage, StageTimer,
    View,
};
use effigy_splat::Camera;

use super::covering::Covering;
use super::shade::{self, Shades};
use crate::graphics::Graphics;
use crate::look::Shading;

/// What a picture shows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// Of avatar and pose.
    pub(crate) revision: u64,
    pub(crate) camera: Camera,
    /// Of other Gaussians than the avatar's own.
    pub(crate) variant: Option<Shading>,
    /// With motion and importance.
    pub(crate) guided: bool,
}

/// The pictures there are: one of all pixels, and one of fewer for while something moves.
#[derive(Default)]
pub(crate) struct Pictures {
    tools: Option<Arc<Tools>>,
    shown: [Option<Shown>; 2],
}

/// What draws pictures into the window.
pub(crate) struct Tools {
    compositor: Compositor,
    shades: Arc<Shades>,
}

struct Shown {
    view: View,
    source: Arc<CompositeSource>,
    bound: shade::Bound,
    /// What it shows, once it has been drawn.
    what: Option<Wanted>,
}

/// Draws a picture in the interface's own pass.
pub(crate) enum Drawing {
    /// Pixel for pixel.
    Plain(Arc<Tools>, Arc<CompositeSource>),
    /// Scaled, or as something else than its colour.
    Shaded(Covering),
}

impl Drawing {
    pub(crate) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        match self {
            Self::Plain(tools, source) => tools.compositor.draw(pass, source),
            Self::Shaded(drawing) => drawing.draw(pass),
        }
    }
}

impl Pictures {
    fn tools(&mut self, graphics: &Graphics) -> Result<Arc<Tools>, RenderError> {
        if let Some(tools) = &self.tools {
            return Ok(tools.clone());
        }
        let compositor = Compositor::new(graphics.device(), graphics.format, 1)?;
        let tools = Arc::new(Tools { compositor, shades: Shades::new(graphics)? });
        Ok(self.tools.insert(tools).clone())
    }

    /// Makes the picture that is wanted, of all pixels or of fewer, unless it is there, and says how long recording it
    /// took.
    pub(crate) fn render(
        &mut self,
        graphics: &Graphics,
        renderer: &Renderer,
        avatar: &GpuAvatar,
        wanted: &Wanted,
        coarse: bool,
    ) -> Result<Option<Duration>, RenderError> {
        let tools = self.tools(graphics)?;
        let slot = &mut self.shown[usize::from(coarse)];
        let size = (wanted.camera.width, wanted.camera.height);
        let fits = |shown: &Shown| shown.view.size() == size && shown.view.guide().is_some() == wanted.guided;
        let mut shown = match slot.take().filter(fits) {
            Some(shown) => shown,
            None => {
                let view = renderer.create_view_with(size.0, size.1, Outputs { guide: wanted.guided })?;
                let source = Arc::new(tools.compositor.source(graphics.device(), &view)?);
                let bound = tools.shades.bind(graphics.device(), &view);
                Shown { view, source, bound, what: None }
            }
        };
        if shown.what.as_ref() == Some(wanted) {
            *slot = Some(shown);
            return Ok(None);
        }
        let start = ThreadTime::now();
        let mut encoder = graphics.device().create_command_encoder(&Default::default());
        renderer.record(&mut encoder, &[avatar], &wanted.camera, &mut shown.view)?;
        graphics.queue().submit([encoder.finish()]);
        shown.what = Some(wanted.clone());
        *slot = Some(shown);
        Ok(Some(start.elapsed()))
    }

    /// The picture, of all pixels or of fewer.
    pub(crate) fn view(&self, coarse: bool) -> Option<&View> {
        self.shown[usize::from(coarse)].as_ref().map(|shown| &shown.view)
    }

    /// What draws the picture as `shading`; the subject is within a radius of a distance, metres.
    pub(crate) fn drawing(
        &self,
        graphics: &Graphics,
        shading: Shading,
        coarse: bool,
        subject: (f32, f32),
    ) -> Option<Drawing> {
        let (tools, shown) = (self.tools.as_ref()?, self.shown[usize::from(coarse)].as_ref()?);
        let plain = matches!(shading, Shading::Colour | Shading::Ellipsoids | Shading::Regions);
        if plain && !coarse {
            return Some(Drawing::Plain(tools.clone(), shown.source.clone()));
        }
        let camera = &shown.what.as_ref()?.camera;
        let drawing = tools.shades.drawing(graphics.queue(), &shown.bound, shading, camera, subject);
        drawing.map(Drawing::Shaded)
    }

    /// Asks what is seen at a pixel of the picture of all pixels.
    pub(crate) fn pick(
        &self,
        graphics: &Graphics,
        renderer: &Renderer,
        avatar: &GpuAvatar,
        [x, y]: [u32; 2],
    ) -> Option<(PendingPick, Camera)> {
        let shown = self.shown[0].as_ref()?;
        let camera = shown.what.as_ref()?.camera;
        let mut encoder = graphics.device().create_command_encoder(&Default::default());
        let pending = renderer.pick(&mut encoder, &[avatar], &shown.view, x, y).ok()?;
        graphics.queue().submit([encoder.finish()]);
        Some((pending, camera))
    }

    /// Makes the picture of all pixels once more, and says how many milliseconds each stage takes. It waits for the device.
    pub(crate) fn measure(
        &mut self,
        graphics: &Graphics,
        renderer: &Renderer,
        avatar: &GpuAvatar,
    ) -> Result<Option<[f64; Stage::ALL.len()]>, RenderError> {
        let Some(shown) = &mut self.shown[0] else { return Ok(None) };
        let Some(what) = &shown.what else { return Ok(None) };
        let timer = StageTimer::new(graphics.device(), graphics.queue());
        // Software drivers write timestamps when they queue work, not when they do it.
        let Some(timer) = timer.filter(|_| !graphics.gpu.is_software()) else {
            return renderer.time_stages(&[avatar], &what.camera, &mut shown.view).map(Some);
        };
        let mut encoder = graphics.device().create_command_encoder(&Default::default());
        renderer.record_timed(&mut encoder, &[avatar], &what.camera, &mut shown.view, &timer)?;
        graphics.queue().submit([encoder.finish()]);
        timer.read(graphics.device()).map(Some)
    }
}
