//! Bringing a picture back to the CPU while nobody waits for it: for what shows or encodes live.

use std::sync::mpsc::{Receiver, TryRecvError, channel};

use effigy_splat::Frame;

use crate::readback::{f32_at, four, padded_row, pixel_size, rows};
use crate::scope::scoped;
use crate::{RenderError, View};

const DOING: &str = "reading the picture";

/// A picture that is on its way from the GPU.
pub struct PendingFrame {
    buffer: wgpu::Buffer,
    width: u32,
    height: u32,
    color: Part,
    depth: Part,
    guide: Option<Part>,
    arrived: Receiver<Result<(), wgpu::BufferAsyncError>>,
    /// Once it is known: whether it is there, or why it will never be.
    state: Option<Result<(), String>>,
}

/// Where a texture's pixels lie in the buffer, and bytes of one of them.
#[derive(Clone, Copy)]
struct Part {
    offset: u64,
    size: u64,
    pixel: u32,
}

impl PendingFrame {
    /// Records that what commands recorded before leave in `view` comes back once `encoder` is submitted. `arrived` is
    /// called when it has, or never will, on whatever thread polls the device.
    ///
    /// # Errors
    /// [`RenderError::TooLarge`] for more than the device allows in one buffer, [`RenderError::Gpu`] if it is out of memory
    /// or lost.
    pub fn record(
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        view: &View,
        arrived: impl FnOnce() + Send + 'static,
    ) -> Result<Self, RenderError> {
        let (width, height) = view.size();
        let mut bytes = 0;
        let mut part = |texture: &wgpu::Texture, pixel| {
            let size = u64::from(padded_row(texture.width(), pixel)) * u64::from(texture.height());
            let offset = bytes;
            bytes += size;
            Part { offset, size, pixel }
        };
        let color = part(view.color_texture(), pixel_size(view.color_texture()));
        let depth = part(view.depth_texture(), 4);
        let guide = view.guide_texture().map(|guide| part(guide, pixel_size(guide)));
        let limit = device.limits().max_buffer_size;
        if bytes > limit {
            return Err(RenderError::TooLarge { what: DOING, bytes, limit });
        }
        let buffer = scoped(device, DOING, || {
            Ok(device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("picture, read"),
                size: bytes,
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            }))
        })?;
        let parts = [(Some(view.color_texture()), Some(color)), (Some(view.depth_texture()), Some(depth))];
        for (texture, part) in parts.into_iter().chain([(view.guide_texture(), guide)]) {
            if let (Some(texture), Some(part)) = (texture, part) {
                let layout = wgpu::TexelCopyBufferLayout {
                    offset: part.offset,
                    bytes_per_row: Some(padded_row(width, part.pixel)),
                    rows_per_image: None,
                };
                let target = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
                encoder.copy_texture_to_buffer(texture.as_image_copy(), target, texture.size());
            }
        }
        let (sender, receiver) = channel();
        encoder.map_buffer_on_submit(&buffer, wgpu::MapMode::Read, .., move |result| {
            // Who asked may have lost interest.
            let _ = sender.send(result);
            arrived();
        });
        Ok(Self { buffer, width, height, color, depth, guide, arrived: receiver, state: None })
    }

    /// Whether [`PendingFrame::read`] has an answer. The device has to be polled now and then, as a host that draws does.
    pub fn is_ready(&mut self) -> bool {
        if self.state.is_none() {
            self.state = match self.arrived.try_recv() {
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Err("the frame was never drawn".into())),
                Ok(result) => Some(result.map_err(|error| error.to_string())),
            };
        }
        self.state.is_some()
    }

    /// Takes the picture over: colour and depth into `frame`, and into `guide` what [`View::guide`] has, nothing for a view
    /// without one. On any thread; it takes a while for a large picture.
    ///
    /// # Errors
    /// [`RenderError::Gpu`] if it is not there yet, the device is lost, or the frame was never submitted.
    pub fn read(mut self, frame: &mut Frame, guide: &mut Vec<[f32; 4]>) -> Result<(), RenderError> {
        let fail = |message: String| RenderError::Gpu { doing: DOING, message };
        self.is_ready();
        self.state.take().unwrap_or_else(|| Err("it is not there yet".into())).map_err(fail)?;
        let view = self.buffer.get_mapped_range(..).map_err(|error| fail(error.to_string()))?;
        let width = self.width;
        let part = |part: Part| {
            let bytes =
                view.get(part.offset as usize..(part.offset + part.size) as usize).unwrap_or_default();
            rows(bytes, width, part.pixel).flat_map(move |row| row.chunks_exact(part.pixel as usize))
        };
        frame.reset(self.width, self.height);
        for (out, pixel) in frame.color.iter_mut().zip(part(self.color)) {
            *out = four(pixel, self.color.pixel);
        }
        for (out, pixel) in frame.depth.iter_mut().zip(part(self.depth)) {
            *out = f32_at(pixel, 0);
        }
        guide.clear();
        if let Some(own) = self.guide {
            guide.extend(part(own).map(|pixel| four(pixel, own.pixel)));
        }
        Ok(())
    }
}
