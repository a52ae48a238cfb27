//! Draws what egui has laid out.

use std::time::Duration;

use cpu_time::ThreadTime;
use egui_wgpu::{Renderer, ScreenDescriptor};

use crate::graphics::Graphics;

/// Draws what egui has laid out on a texture.
pub(crate) struct Painter {
    renderer: Renderer,
}

impl Painter {
    pub(crate) fn new(graphics: &Graphics) -> Self {
        Self { renderer: Renderer::new(graphics.device(), graphics.format, Default::default()) }
    }

    /// Draws `output` on all of `target`, and says how long the processor was busy with it.
    pub(crate) fn paint(
        &mut self,
        graphics: &Graphics,
        context: &egui::Context,
        output: &mut egui::FullOutput,
        target: &wgpu::TextureView,
        size: [u32; 2],
    ) -> Duration {
        let start = ThreadTime::now();
        let (device, queue) = (graphics.device(), graphics.queue());
        let pixels_per_point = output.pixels_per_point;
        let jobs = context.tessellate(std::mem::take(&mut output.shapes), pixels_per_point);
        let screen = ScreenDescriptor { size_in_pixels: size, pixels_per_point };
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                self.renderer.update_texture(device, queue, *id, delta);
            }
        }
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut commands = self.renderer.update_buffers(device, queue, &mut encoder, &jobs, &screen);
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("interface"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: target,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations {
                        load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                        store: wgpu::StoreOp::Store,
                    },
                })],
                ..Default::default()
            })
            .forget_lifetime();
        self.renderer.render(&mut pass, &jobs, &screen);
        drop(pass);
        commands.push(encoder.finish());
        // What the driver does in a submission is rendering.
        let busy = start.elapsed();
        queue.submit(commands);
        for id in &output.textures_delta.free {
            self.renderer.free_texture(id);
        }
        // Says that it is done.
        output.textures_delta.clear();
        busy
    }
}
