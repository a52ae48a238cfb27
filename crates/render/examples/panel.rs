//! A host program shows an avatar inside a panel of its egui user interface, with sliders for its expression. Drag to turn,
//! wheel to come closer.
//!
//! `cargo run --release -p effigy-render --example panel -- assets/head.glb`

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use effigy_avatar::{Avatar, OpenOptions};
use effigy_render::{CompositeSource, Compositor, GpuAvatar, Precision, RenderError, Renderer, View};
use effigy_rig::Pose;
use egui::epaint::ViewportInPixels;
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use host::gui::Gui;
use host::orbit::Orbit;
use host::program::{Fault, Program, Screen};
use winit::event::WindowEvent;

/// What is kept from frame to frame, among egui's resources.
struct Portrait {
    renderer: Renderer,
    compositor: Compositor,
    avatar: GpuAvatar,
    /// Remade when the panel's size changes.
    view: Option<(View, CompositeSource)>,
    fault: Option<RenderError>,
}

/// What the panel shows in one frame.
struct Shown {
    pose: Option<Pose>,
    orbit: Orbit,
    /// Where the panel is, in egui's points.
    rect: egui::Rect,
}

impl CallbackTrait for Shown {
    /// Records the avatar, before egui's own pass.
    fn prepare(
        &self,
        device: &wgpu::Device,
        _: &wgpu::Queue,
        screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(portrait) = resources.get_mut::<Portrait>() {
            // The size of the viewport that `paint` gets.
            let rect =
                ViewportInPixels::from_points(&self.rect, screen.pixels_per_point, screen.size_in_pixels);
            let size = [rect.width_px, rect.height_px].map(|pixels| pixels.max(1) as u32);
            portrait.fault = portrait.record(device, encoder, self, size).err();
        }
        Vec::new()
    }

    /// Draws it; egui has set the viewport to the panel.
    fn paint(
        &self,
        _: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some(Portrait { compositor, view: Some((_, source)), .. }) = resources.get() {
            compositor.draw(pass, source);
        }
    }
}

impl Portrait {
    fn record(
        &mut self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        shown: &Shown,
        size: [u32; 2],
    ) -> Result<(), RenderError> {
        if let Some(pose) = &shown.pose {
            self.avatar.set_pose(pose)?;
        }
        let (mut view, source) = match self.view.take() {
            Some(fits) if fits.0.size() == size.into() => fits,
            _ => {
                let view = self.renderer.create_view(size[0], size[1])?;
                let source = self.compositor.source(device, &view)?;
                (view, source)
            }
        };
        self.renderer.record(encoder, &[&self.avatar], &shown.orbit.camera(size), &mut view)?;
        self.view = Some((view, source));
        Ok(())
    }
}

/// The user interface.
struct Panel {
    gui: Gui,
    asset: Arc<Avatar>,
    pose: Option<Pose>,
    orbit: Orbit,
}

impl Program for Panel {
    const TITLE: &'static str = "panel";
    // As egui prefers it.
    const LINEAR_LIGHT: bool = false;

    fn new(screen: &Screen) -> Result<Self, Fault> {
        let path = std::env::args().nth(1).ok_or("usage: panel AVATAR")?;
        let asset = Arc::new(Avatar::open(path, &OpenOptions::default())?);
        let renderer = Renderer::new(&screen.device, &screen.queue, Precision::Half)?;
        let compositor = Compositor::new(&screen.device, screen.format(), 1)?;
        let avatar = renderer.upload(&asset)?;
        let mut gui = Gui::new(screen);
        gui.resources().insert(Portrait { renderer, compositor, avatar, view: None, fault: None });
        let (low, high) = asset.bounds()?.ok_or("the avatar is empty")?;
        let orbit = Orbit::new(0.5 * (low + high), 2.2 * (high - low).max_element());
        let pose = asset.body.as_ref().map(|body| Pose::rest(&body.rig));
        Ok(Self { gui, asset, pose, orbit })
    }

    fn draw(&mut self, screen: &Screen, target: &wgpu::TextureView) -> Result<Duration, Fault> {
        let Self { gui, asset, pose, orbit } = self;
        let next = gui.draw(screen, target, |ui| {
            egui::Panel::left("expression").show(ui, |ui| sliders(ui, asset, pose));
            egui::CentralPanel::no_frame().show(ui, |ui| portrait(ui, pose, orbit));
        });
        match gui.resources().get_mut::<Portrait>().and_then(|portrait| portrait.fault.take()) {
            Some(fault) => Err(fault.into()),
            None => Ok(next),
        }
    }

    fn event(&mut self, screen: &Screen, event: &WindowEvent) -> bool {
        self.gui.event(screen, event)
    }
}

/// The avatar in all the room that there is.
fn portrait(ui: &mut egui::Ui, pose: &Option<Pose>, orbit: &mut Orbit) {
    let (rect, response) = ui.allocate_exact_size(ui.available_size(), egui::Sense::drag());
    let pixels = ui.pixels_per_point() * response.drag_delta();
    orbit.turn(pixels.x, pixels.y);
    if response.hovered() {
        orbit.dolly(ui.input(|input| input.smooth_scroll_delta().y) / 40.0);
    }
    let shown = Shown { pose: pose.clone(), orbit: *orbit, rect };
    ui.painter().add(egui_wgpu::Callback::new_paint_callback(rect, shown));
}

/// A slider for each morph.
fn sliders(ui: &mut egui::Ui, asset: &Avatar, pose: &mut Option<Pose>) {
    let (Some(body), Some(pose)) = (&asset.body, pose) else {
        ui.label("This avatar has no rig.");
        return;
    };
    if ui.button("Rest").clicked() {
        pose.reset(&body.rig);
    }
    egui::ScrollArea::vertical().show(ui, |ui| {
        for (morph, weight) in body.rig.morphs.iter().zip(&mut pose.morph_weights) {
            ui.add(egui::Slider::new(weight, 0.0..=1.0).text(&morph.name));
        }
    });
}

fn main() -> ExitCode {
    host::program::run::<Panel>()
}

/// Code that a host program has already.
mod host {
    #[path = "gui.rs"]
    pub(crate) mod gui;
    #[path = "orbit.rs"]
    pub(crate) mod orbit;
    #[path = "program.rs"]
    pub(crate) mod program;
}
