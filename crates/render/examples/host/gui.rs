//! An egui user interface in a window, drawn with wgpu.

use std::time::Duration;

use egui_wgpu::{CallbackResources, Renderer, ScreenDescriptor};
use winit::event::WindowEvent;

use super::program::Screen;

pub(crate) struct Gui {
    input: egui_winit::State,
    renderer: Renderer,
}

impl Gui {
    pub(crate) fn new(screen: &Screen) -> Self {
        let most = screen.device.limits().max_texture_dimension_2d as usize;
        let window = &screen.window;
        let scale = window.scale_factor() as f32;
        let (id, theme) = (egui::ViewportId::ROOT, window.theme());
        let input =
            egui_winit::State::new(egui::Context::default(), id, window, Some(scale), theme, Some(most));
        Self { input, renderer: Renderer::new(&screen.device, screen.format(), Default::default()) }
    }

    /// What paint callbacks keep.
    pub(crate) fn resources(&mut self) -> &mut CallbackResources {
        &mut self.renderer.callback_resources
    }

    /// Whether the interface wants to be drawn again after `event`.
    pub(crate) fn event(&mut self, screen: &Screen, event: &WindowEvent) -> bool {
        self.input.on_window_event(&screen.window, event).repaint
    }

    /// Draws the interface that `build` builds, and says when it wants to be drawn again.
    pub(crate) fn draw(
        &mut self,
        screen: &Screen,
        target: &wgpu::TextureView,
        build: impl FnMut(&mut egui::Ui),
    ) -> Duration {
        let Screen { window, device, queue, .. } = screen;
        let input = self.input.take_egui_input(window);
        let context = self.input.egui_ctx().clone();
        let mut output = context.run_ui(input, build);
        self.input.handle_platform_output(window, output.platform_output);
        let pixels_per_point = output.pixels_per_point;
        let jobs = context.tessellate(output.shapes, pixels_per_point);
        let size = ScreenDescriptor { size_in_pixels: screen.size(), pixels_per_point };
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                self.renderer.update_texture(device, queue, *id, delta);
            }
        }
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut commands = self.renderer.update_buffers(device, queue, &mut encoder, &jobs, &size);
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("egui"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: target,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color { r: 0.16, g: 0.18, b: 0.22, a: 1.0 }),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            })
            .forget_lifetime();
        self.renderer.render(&mut pass, &jobs, &size);
        drop(pass);
        commands.push(encoder.finish());
        queue.submit(commands);
        for id in &output.textures_delta.free {
            self.renderer.free_texture(id);
        }
        // Says that it is done.
        output.textures_delta.clear();
        output.viewport_output.get(&egui::ViewportId::ROOT).map_or(Duration::MAX, |root| root.repaint_delay)
    }
}
