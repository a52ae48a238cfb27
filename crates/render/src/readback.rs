//! Bringing a picture back to the CPU, for files and tests. It waits for the GPU: never part of a live frame.

use effigy_shaders::STATE_SIZE;
use effigy_splat::Frame;
use half::f16;

use crate::mapped::map_and_copy;
use crate::scope::scoped;
use crate::{RenderError, View};

/// Copies what was last rendered into `view` to `frame`. Waits until it is done.
///
/// # Errors
/// [`RenderError::Gpu`] if the device is lost or out of memory.
pub fn read_frame(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    view: &View,
    frame: &mut Frame,
) -> Result<(), RenderError> {
    scoped(device, "reading the picture", || copy_frame(device, queue, view, frame))
}

/// The guide of what was last rendered into `view`: motion x and y, importance, and 0, for each pixel of each row. Waits
/// until it is done.
///
/// # Errors
/// [`RenderError::Gpu`] for a view without a guide, or if the device is lost or out of memory.
pub fn read_guide(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    view: &View,
) -> Result<Vec<[f32; 4]>, RenderError> {
    let doing = "reading the guide";
    let Some(texture) = view.guide_texture() else {
        return Err(RenderError::Gpu { doing, message: "the view was made without one".into() });
    };
    scoped(device, doing, || {
        let pixel = pixel_size(texture);
        let mut encoder = device.create_command_encoder(&Default::default());
        let buffer = copy_texture(device, &mut encoder, texture, pixel);
        queue.submit([encoder.finish()]);
        let bytes = map_and_copy(device, &buffer, doing)?;
        Ok(rows(&bytes, texture.width(), pixel)
            .flat_map(|row| row.chunks_exact(pixel as usize).map(|p| four(p, pixel)))
            .collect())
    })
}

/// What a frame turned out to hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gaussians that are drawn: in front of the camera, on the picture, not too faint.
    pub visible: u32,
    /// Pairs of Gaussian and tile of 16 × 16 pixels, as many as there was room for.
    pub entries: u32,
}

/// Counts of what was last rendered into `view`. Waits until it is done: for benchmarks.
///
/// # Errors
/// [`RenderError::Gpu`] if nothing was rendered into it yet, or if the device is lost or out of memory.
pub fn read_counts(device: &wgpu::Device, queue: &wgpu::Queue, view: &View) -> Result<Counts, RenderError> {
    let doing = "reading counts";
    let Some(memory) = &view.memory else {
        return Err(RenderError::Gpu { doing, message: "nothing was rendered yet".into() });
    };
    scoped(device, doing, || {
        let staging = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("counts"),
            size: STATE_SIZE,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&memory.lists.state, 0, &staging, 0, STATE_SIZE);
        queue.submit([encoder.finish()]);
        let state = map_and_copy(device, &staging, doing)?;
        let word = |i: usize| u32::from_le_bytes(std::array::from_fn(|b| state[4 * i + b]));
        // `FrameState` of `shaders/splat/record.wesl`.
        Ok(Counts { visible: word(2), entries: word(3) })
    })
}

/// Bytes of a pixel of four floats.
pub(crate) fn pixel_size(texture: &wgpu::Texture) -> u32 {
    if texture.format() == wgpu::TextureFormat::Rgba32Float { 16 } else { 8 }
}

/// A pixel of four floats or half floats.
pub(crate) fn four(p: &[u8], size: u32) -> [f32; 4] {
    std::array::from_fn(|c| {
        if size == 16 { f32_at(p, 4 * c) } else { f16::from_le_bytes([p[2 * c], p[2 * c + 1]]).to_f32() }
    })
}

fn copy_frame(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    view: &View,
    frame: &mut Frame,
) -> Result<(), RenderError> {
    let (width, height) = view.size();
    let pixel = pixel_size(view.color_texture());
    let (bytes, limit) =
        (u64::from(padded_row(width, pixel)) * u64::from(height), device.limits().max_buffer_size);
    if bytes > limit {
        return Err(RenderError::TooLarge { what: "reading the picture back", bytes, limit });
    }
    let mut encoder = device.create_command_encoder(&Default::default());
    let color = copy_texture(device, &mut encoder, view.color_texture(), pixel);
    let depth = copy_texture(device, &mut encoder, view.depth_texture(), 4);
    queue.submit([encoder.finish()]);

    frame.reset(width, height);
    let bytes = map_and_copy(device, &color, "reading colour")?;
    for (row, out) in rows(&bytes, width, pixel).zip(frame.color.chunks_mut(width as usize)) {
        for (p, out) in row.chunks_exact(pixel as usize).zip(out) {
            *out = four(p, pixel);
        }
    }
    let bytes = map_and_copy(device, &depth, "reading depth")?;
    for (row, out) in rows(&bytes, width, 4).zip(frame.depth.chunks_mut(width as usize)) {
        for (p, out) in row.chunks_exact(4).zip(out) {
            *out = f32_at(p, 0);
        }
    }
    Ok(())
}

pub(crate) fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

pub(crate) fn padded_row(width: u32, pixel: u32) -> u32 {
    (width * pixel).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

pub(crate) fn rows(bytes: &[u8], width: u32, pixel: u32) -> impl Iterator<Item = &[u8]> {
    bytes.chunks_exact(padded_row(width, pixel) as usize).map(move |row| &row[..(width * pixel) as usize])
}

fn copy_texture(
    device: &wgpu::Device,
    encoder: &mut wgpu::CommandEncoder,
    texture: &wgpu::Texture,
    pixel: u32,
) -> wgpu::Buffer {
    let row = padded_row(texture.width(), pixel);
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("readback"),
        size: u64::from(row) * u64::from(texture.height()),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    encoder.copy_texture_to_buffer(
        texture.as_image_copy(),
        wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None },
        },
        texture.size(),
    );
    buffer
}
