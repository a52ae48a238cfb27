//! The two ways to composite, side by side: processor time and wall time of whole frames, each waited for, and what the
//! stages take. `cargo bench -p effigy-render --bench methods`
#![expect(clippy::disallowed_methods, reason = "a frame takes as long as the GPU takes")]

#[path = "../../splat/benches/scene/mod.rs"]
#[expect(dead_code, reason = "other benchmarks use the rest")]
mod scene;

use std::sync::Arc;
use std::time::Instant;

use effigy_avatar::Avatar;
use effigy_render::{AdapterChoice, Gpu, GpuAvatar, Method, Precision, Renderer, Stage, View};
use effigy_splat::{Camera, Filter, Gaussians};
use glam::Vec3;

/// Of each method, taking turns: once around, from as many sides.
const FRAMES: usize = 8;
const METHODS: [Method; 2] = [Method::Tiles, Method::Quads];

/// Seconds that this process has computed, in all its threads; where the system tells.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name in brackets: user and system time are fields 14 and 15, in hundredths.
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

fn random(state: &mut u32) -> f32 {
    // An xorshift generator.
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    (*state >> 8) as f32 / 16_777_216.0
}

/// As a fitted splat is: sizes and opacities of all kinds, up to 0.98.
fn mixed(count: usize) -> Gaussians {
    let mut g = scene::ellipsoid(count);
    let state = &mut 0x9e37_79b9;
    for i in 0..g.len() {
        let opacity = 0.4 + 0.58 * random(state);
        g.opacity_logits[i] = (opacity / (1.0 - opacity)).ln();
        let spread = Vec3::new(random(state), random(state), random(state));
        g.log_scales[i] += (1.5 * (Vec3::splat(0.6) + spread)).map(f32::ln);
    }
    g
}

fn camera(i: usize, size: u32) -> Camera {
    let (s, c) = (i as f32 * 2.4).sin_cos();
    let y = 0.7 - 1.4 * (i as f32 + 0.5) / FRAMES as f32;
    let r = (1.0 - y * y).sqrt();
    Camera::look_at(3.0 * Vec3::new(r * c, y, r * s), Vec3::ZERO, Vec3::Y, 0.79, size, size)
}

struct Times {
    processor: Option<f64>,
    wall: Vec<f64>,
    stages: [f64; Stage::ALL.len()],
}

fn measure(
    gpu: &Gpu,
    renderer: &Renderer,
    avatar: &GpuAvatar,
    size: u32,
    mut views: [View; 2],
) -> [Times; 2] {
    let mut all =
        METHODS.map(|_| Times { processor: Some(0.0), wall: Vec::new(), stages: Default::default() });
    for i in 0..FRAMES + 1 {
        for (view, times) in views.iter_mut().zip(&mut all) {
            let camera = camera(i, size);
            let (start, before) = (Instant::now(), processor_seconds());
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            renderer.record(&mut encoder, &[avatar], &camera, view).expect("a frame");
            gpu.queue.submit([encoder.finish()]);
            gpu.device.poll(wgpu::PollType::wait_indefinitely()).expect("the GPU");
            // The first frame builds kernels.
            if i > 0 {
                times.wall.push(start.elapsed().as_secs_f64() * 1e3);
                times.processor = (times.processor.zip(before).zip(processor_seconds()))
                    .map(|((sum, before), after)| sum + (after - before) / FRAMES as f64);
                let stages = renderer.time_stages(&[avatar], &camera, view).expect("times");
                for (sum, ms) in times.stages.iter_mut().zip(stages) {
                    *sum += ms / FRAMES as f64;
                }
            }
        }
    }
    all.iter_mut().for_each(|times| times.wall.sort_by(f64::total_cmp));
    all
}

fn main() {
    // `cargo test` runs benchmarks too, and is done when this builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best)).expect("an adapter");
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half).expect("kernels");
    println!("{}\n", gpu.adapter.get_info().name);
    println!(
        "| Gaussians | picture | method | processor s | wall ms, median (least) | project | sort | bin | rasterize | fastest |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (count, size) in [(20_000, 512), (20_000, 1024), (100_000, 512), (100_000, 1024)] {
        let avatar = Arc::new(Avatar {
            name: String::new(),
            gaussians: mixed(count),
            filter: Filter::MIP,
            body: None,
        });
        let avatar = renderer.upload(&avatar).expect("an avatar");
        let views = METHODS.map(|method| {
            let mut view = renderer.create_view(size, size).expect("a view");
            view.set_method(method);
            view
        });
        let fastest = renderer.fastest(&[&avatar], &camera(0, size)).expect("an answer");
        for (method, times) in METHODS.into_iter().zip(measure(&gpu, &renderer, &avatar, size, views)) {
            let processor = times.processor.map_or("?".into(), |s| format!("{s:.3}"));
            let stage = |stage: Stage| format!("{:.1}", times.stages[stage as usize]);
            println!(
                "| {count} | {size}² | {method:?} | {processor} | {:.0} ({:.0}) | {} | {} | {} | {} | {fastest:?} |",
                times.wall[FRAMES / 2],
                times.wall[0],
                stage(Stage::Project),
                stage(Stage::Sort),
                stage(Stage::Bin),
                stage(Stage::Rasterize),
            );
        }
    }
    gpu.check().expect("no GPU errors");
}
