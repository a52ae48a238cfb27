//! What the learned filter takes on this machine's GPU, beside the conversion to planes:
//! `cargo run --release -p effigy-video --example filter_time -- [WIDTHxHEIGHT]`

use std::time::Instant;

use effigy_render::{AdapterChoice, Gpu, wgpu};
use effigy_video::{
    Alpha, Converter, FocusOptions, GpuFocus, GpuLearnedFilter, LearnedNetwork, LearnedOptions, PlaneFormat,
    Shape,
};
use wgpu::util::DeviceExt;

type Fault = Box<dyn std::error::Error>;

/// Pictures in a submission, and submissions; the fastest counts.
const PICTURES: u32 = 4;
const ROUNDS: usize = 8;

#[expect(clippy::disallowed_methods, reason = "what is measured is how long it takes")]
fn time(
    gpu: &Gpu,
    record: &mut dyn FnMut(&mut wgpu::CommandEncoder) -> Result<(), Fault>,
) -> Result<f64, Fault> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for _ in 0..PICTURES {
            record(&mut encoder)?;
        }
        let start = Instant::now();
        gpu.queue.submit([encoder.finish()]);
        gpu.device.poll(wgpu::PollType::wait_indefinitely())?;
        best = best.min(1e3 * start.elapsed().as_secs_f64() / f64::from(PICTURES));
    }
    Ok(best)
}

fn main() -> Result<(), Fault> {
    let size = std::env::args().nth(1).unwrap_or_else(|| "1920x1080".into());
    let (width, height) = size.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
    let (width, height): (u32, u32) = (width.parse()?, height.parse()?);
    let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))?;
    let device = &gpu.device;
    // Waves of 16 bits a channel: half floats between ½ and 1.
    let values: Vec<u16> = (0..4 * width * height)
        .map(|i| if i % 4 == 3 { 0x3c00 } else { 0x3800 | (i * 37 % 1024) as u16 })
        .collect();
    let texture = device.create_texture_with_data(
        &gpu.queue,
        &wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::Rgba16Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        },
        Default::default(),
        bytemuck::cast_slice(&values),
    );
    let color = texture.create_view(&Default::default());
    let filtering = {
        // Nobody is there: what is done does not depend on it.
        let mut focus = GpuFocus::new(device, FocusOptions::default())?;
        let mut encoder = device.create_command_encoder(&Default::default());
        focus.record(&mut encoder, &color)?;
        gpu.queue.submit([encoder.finish()]);
        let network = LearnedNetwork::bundled()?;
        let mut filter = GpuLearnedFilter::new(device, network, LearnedOptions::default())?;
        time(&gpu, &mut |encoder| {
            filter.record(encoder, &color, &focus)?;
            Ok(())
        })?
    };
    let converter = Converter::new(device)?;
    let mut planes =
        converter.planes(&Shape::new(width, height, PlaneFormat::VIDEO, Alpha::Over([0.0; 3]))?)?;
    let converting = time(&gpu, &mut |encoder| Ok(converter.record(encoder, &color, &mut planes)?))?;
    let operations = LearnedNetwork::operations(width, height) as f64 * 1e-9;
    println!("{}: {width}x{height}", gpu.adapter.get_info().name);
    println!(
        "learned filter: {filtering:.3} ms, {operations:.2} thousand million multiply-adds, {:.0} GFLOP/s",
        2e3 * operations / filtering
    );
    println!(
        "conversion to planes: {converting:.3} ms; the filter takes {:.1} times as long",
        filtering / converting
    );
    Ok(())
}
