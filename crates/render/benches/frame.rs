//! A whole frame on the best GPU there is, waited for. `cargo bench -p effigy-render`
#![expect(clippy::disallowed_methods, reason = "a frame takes as long as the GPU takes")]

#[path = "../../splat/benches/scene/mod.rs"]
mod scene;

use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use effigy_avatar::Avatar;
use effigy_render::{AdapterChoice, Gpu, Precision, Renderer};
use effigy_splat::Filter;

fn frame(criterion: &mut Criterion) {
    let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best)).expect("an adapter");
    let renderer = Renderer::new(&gpu.device, &gpu.queue, Precision::Half).expect("kernels");
    let mut group = criterion.benchmark_group(gpu.adapter.get_info().name);
    group.sample_size(10);
    for (count, size) in scene::CASES {
        let gaussians = scene::ellipsoid(count);
        let avatar = Arc::new(Avatar { name: String::new(), gaussians, filter: Filter::MIP, body: None });
        let avatar = renderer.upload(&avatar).expect("an avatar");
        let mut view = renderer.create_view(size, size).expect("a view");
        let camera = scene::camera(size);
        group.bench_function(BenchmarkId::new(format!("{size}x{size}"), count), |bencher| {
            bencher.iter(|| {
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                renderer.record(&mut encoder, &[&avatar], &camera, &mut view).expect("a frame");
                gpu.queue.submit([encoder.finish()]);
                gpu.device.poll(wgpu::PollType::wait_indefinitely()).expect("the GPU");
            });
        });
    }
    group.finish();
    gpu.check().expect("no GPU errors");
}

criterion_group!(benches, frame);
criterion_main!(benches);
