//! A whole frame on the CPU. `cargo bench -p effigy-splat`

mod scene;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use effigy_splat::{Filter, Frame, Rasterizer};

fn frame(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cpu frame");
    group.sample_size(10);
    for (count, size) in scene::CASES {
        let (g, camera) = (scene::ellipsoid(count), scene::camera(size));
        let (mut rasterizer, mut picture) = (Rasterizer::new(), Frame::default());
        group.bench_function(BenchmarkId::new(format!("{size}x{size}"), count), |bencher| {
            bencher.iter(|| rasterizer.render(&g, &[], &camera, Filter::MIP, &mut picture));
        });
        assert!(picture.color.iter().any(|c| c[3] > 0.9), "nothing was rendered");
    }
    group.finish();
}

criterion_group!(benches, frame);
criterion_main!(benches);
