//! A whole frame on the CPU, and with its derivative. `cargo bench -p effigy-splat`

mod scene;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use effigy_splat::{Filter, Frame, FrameGradient, GaussianGradients, Rasterizer};

fn frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cpu frame");
    group.sample_size(10);
    for (count, size) in scene::CASES {
        let (g, camera) = (scene::ellipsoid(count), scene::camera(size));
        let (mut rasterizer, mut picture) = (Rasterizer::new(), Frame::default());
        rasterizer.render(&g, &[], &camera, Filter::MIP, &mut picture).expect("a frame");
        group.bench_function(BenchmarkId::new(format!("{size}x{size}"), count), |bencher| {
            bencher.iter(|| rasterizer.render(&g, &[], &camera, Filter::MIP, &mut picture));
        });
        assert!(picture.color.iter().any(|c| c[3] > 0.9), "nothing was rendered");
    }
    group.finish();
}

fn frame_and_gradients(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cpu frame and gradients");
    group.sample_size(10);
    for (count, size) in scene::CASES {
        let (g, camera) = (scene::ellipsoid(count), scene::camera(size));
        let (mut rasterizer, mut picture) = (Rasterizer::new(), Frame::default());
        // That of half the square distance from a black, transparent picture.
        let mut gradient = FrameGradient::default();
        rasterizer.render(&g, &[], &camera, Filter::MIP, &mut picture).expect("a frame");
        gradient.color.clone_from(&picture.color);
        gradient.depth.clone_from(&picture.depth);
        let mut out = GaussianGradients::default();
        rasterizer.backward(&g, &[], &camera, Filter::MIP, &picture, &gradient, &mut out).expect("gradients");
        group.bench_function(BenchmarkId::new(format!("{size}x{size}"), count), |bencher| {
            bencher.iter(|| {
                rasterizer.render(&g, &[], &camera, Filter::MIP, &mut picture)?;
                rasterizer.backward(&g, &[], &camera, Filter::MIP, &picture, &gradient, &mut out)
            });
        });
        assert!(out.positions.iter().any(|d| d.length() > 0.0), "no gradient");
    }
    group.finish();
}

criterion_group!(benches, frame, frame_and_gradients);
criterion_main!(benches);
