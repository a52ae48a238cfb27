//! What a frame costs on its way from the renderer to an encoder, stage by stage, and what encoding costs the renderer.
//!
//! `cargo bench -p effigy-video --bench throughput -- [--frames N] [--filter] [--json FILE] [--size WxH]...`
//!
//! On a software driver renderer and encoder share the processor. `LP_NUM_THREADS=1` leaves lavapipe one thread, so that on
//! two cores the encoder has one of its own, as beside a GPU.
#![expect(clippy::disallowed_methods, reason = "stages are timed by waiting for them")]

mod scene;
mod stages;
mod together;

use std::error::Error;

use effigy_render::{AdapterChoice, Gpu};
use effigy_video::encoder::{EncoderConfig, Rate};
use serde_json::{Value, json};

type Fault = Box<dyn Error>;

/// What is measured.
struct Options {
    frames: usize,
    filter: bool,
    json: Option<String>,
    sizes: Vec<(u32, u32)>,
}

/// H.264 as a host would stream it: 30 pictures a second, low latency.
fn encoder_config((width, height): (u32, u32)) -> EncoderConfig {
    EncoderConfig { rate: Rate::Quality(26.0), ..EncoderConfig::new(width, height) }
}

/// The quantiser that the filter's strength is for.
const QUALITY: f32 = 26.0;

fn options() -> Result<Options, Fault> {
    let mut out = Options { frames: 60, filter: false, json: None, sizes: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a value"));
        match argument.as_str() {
            // What `cargo bench` adds.
            "--bench" => {}
            "--frames" => out.frames = value()?.parse::<usize>()?.max(8),
            "--filter" => out.filter = true,
            "--json" => out.json = Some(value()?),
            "--size" => {
                let text = value()?;
                let (width, height) = text.split_once('x').ok_or("a size is WxH")?;
                out.sizes.push((width.parse()?, height.parse()?));
            }
            other => return Err(format!("no option {other:?}").into()),
        }
    }
    if out.sizes.is_empty() {
        out.sizes = vec![(512, 512), (1280, 720)];
    }
    Ok(out)
}

/// Prints rows of text, columns aligned.
fn table(rows: &[Vec<String>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    for row in rows {
        let cells = (0..columns).map(|column| {
            let cell = row.get(column).map_or("", String::as_str);
            format!("{cell:>width$}", width = width(column))
        });
        println!("  {}", cells.collect::<Vec<_>>().join("  "));
    }
}

/// The middle one.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Fault> {
    let options = options()?;
    let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))?;
    let cores = std::thread::available_parallelism()?.get();
    let adapter = gpu.adapter.get_info().name;
    println!("{cores} cores; {adapter}; {} frames a measurement", options.frames);
    let mut results = Vec::new();
    for &size in &options.sizes {
        println!("\n{}x{}", size.0, size.1);
        let cpu = stages::on_cpu(size, &options)?;
        cpu.print("CPU renderer, one stage after another");
        let alone = stages::on_gpu(&gpu, size, &options)?;
        alone.print("GPU renderer, one stage after another");
        let whole = together::throughput(&gpu, size, &options)?;
        println!(
            "GPU renderer, encoded beside it, every frame: {:.2} frames/s of {:.0} bytes",
            whole.frames_per_second,
            whole.bytes_a_frame()
        );
        let cost = together::cost(&gpu, size, &options)?;
        cost.print();
        gpu.check()?;
        results.push(json!({
            "width": size.0,
            "height": size.1,
            "cpu_stages": cpu.json(),
            "gpu_stages": alone.json(),
            "beside": whole.json(),
            "on_against_off": cost.json(),
        }));
    }
    if let Some(path) = &options.json {
        let all: Value = json!({
            "cores": cores, "adapter": adapter, "frames": options.frames, "filter": options.filter,
            "lavapipe_threads": std::env::var("LP_NUM_THREADS").ok(), "sizes": results,
        });
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}
