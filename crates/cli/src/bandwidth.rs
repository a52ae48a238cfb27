//! How fast a device moves memory: what stages are held against.

use std::time::Instant;

use anyhow::Context as _;
use effigy_render::{Gpu, RenderError};

/// More than any cache holds, where the device's limits let it.
const SIZE: u64 = 256 << 20;
/// Of so many submissions the fastest counts.
const TRIES: usize = 5;
/// Copies of a submission on a GPU, so that submitting it weighs little.
const COPIES: usize = 16;

/// Bytes a second, read and written together, that copies from one large buffer to another reach.
pub(crate) fn copy_bandwidth(gpu: &Gpu) -> anyhow::Result<f64> {
    let Gpu { device, queue, .. } = gpu;
    let size = SIZE.min(device.limits().max_buffer_size) & !3;
    let scope = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let [from, to] = [wgpu::BufferUsages::COPY_SRC, wgpu::BufferUsages::COPY_DST].map(|usage| {
        device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("bandwidth"),
            size,
            usage: usage | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    });
    if let Some(error) = pollster::block_on(scope.pop()) {
        let message = error.to_string();
        return Err(RenderError::Gpu { doing: "measuring the memory's bandwidth", message }.into());
    }
    let copies = if gpu.is_software() { 1 } else { COPIES };
    let mut best = f64::INFINITY;
    // Once more, for the pages that are touched for the first time.
    for _ in 0..=TRIES {
        let mut encoder = device.create_command_encoder(&Default::default());
        for _ in 0..copies {
            encoder.copy_buffer_to_buffer(&from, 0, &to, 0, size);
        }
        let commands = encoder.finish();
        let start = Instant::now();
        queue.submit([commands]);
        device.poll(wgpu::PollType::wait_indefinitely()).context("waiting for the GPU")?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    gpu.check()?;
    Ok((2 * size * copies as u64) as f64 / best)
}
