//! Frames on their way to an encoder that follow one another: nothing is allocated for them, and nobody waits.
#![expect(clippy::disallowed_methods, reason = "tests wait for the GPU")]

#[path = "../../render/tests/steady/allocations.rs"]
mod allocations;

use allocations::{account, booked};
use effigy_render::{AdapterChoice, Gpu, wgpu};
use effigy_video::{
    Alpha, Component, Converter, FilterOptions, GpuFocus, GpuPreFilter, PlaneFormat, PlanesBuffer, Recorded,
    Ring, Shape, WhenFull,
};

const SIZE: u32 = 64;

struct Path {
    gpu: Gpu,
    color: wgpu::TextureView,
    guide: wgpu::TextureView,
    focus: GpuFocus,
    filter: GpuPreFilter,
    converter: Converter,
    planes: PlanesBuffer,
    ring: Ring,
}

impl Path {
    fn new() -> Self {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))
            .expect("GPU tests need an adapter: install a driver, for instance mesa-vulkan-drivers");
        // Grey everywhere, and looked at everywhere.
        let texture = |value: f64| {
            let texture = gpu.device.create_texture(&wgpu::TextureDescriptor {
                label: None,
                size: wgpu::Extent3d { width: SIZE, height: SIZE, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: wgpu::TextureFormat::Rgba16Float,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            });
            let view = texture.create_view(&Default::default());
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let clear = wgpu::Color { r: value, g: value, b: value, a: 1.0 };
            encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations { load: wgpu::LoadOp::Clear(clear), store: wgpu::StoreOp::Store },
                })],
                ..Default::default()
            });
            gpu.queue.submit([encoder.finish()]);
            view
        };
        let (color, guide) = (texture(1.0), texture(0.75));
        let options = FilterOptions::default();
        let focus = GpuFocus::new(&gpu.device, options.focus).expect("kernels");
        let mut filter = GpuPreFilter::new(&gpu.device, options).expect("kernels");
        filter.set_quality(&gpu.queue, 40.0);
        let converter = Converter::new(&gpu.device).expect("a kernel");
        let shape = Shape::new(SIZE, SIZE, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).expect("a shape");
        let planes = converter.planes(&shape).expect("planes");
        let ring = Ring::new(&gpu.device, 2, WhenFull::Drop).expect("a ring");
        Self { gpu, color, guide, focus, filter, converter, planes, ring }
    }

    fn record(&mut self, encoder: &mut wgpu::CommandEncoder) -> Recorded {
        self.focus.record(encoder, &self.guide).expect("followed");
        let filtered = self.filter.record(encoder, &self.color, &self.focus).expect("filtered");
        self.converter.record(encoder, filtered, &mut self.planes).expect("converted");
        self.ring.record(encoder, &self.planes).expect("recorded")
    }

    fn frame(&mut self) {
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        assert!(matches!(self.record(&mut encoder), Recorded::Kept { .. }));
        self.gpu.queue.submit([encoder.finish()]);
        self.gpu.device.poll(wgpu::PollType::wait_indefinitely()).expect("the GPU");
        let planes = self.ring.take().expect("no fault").expect("a frame");
        let luma = planes.picture().and_then(|picture| picture.plane(Component::Luma)).expect("luma");
        assert_eq!(luma.bytes[0], 235);
    }
}

#[test]
fn frames_allocate_nothing() {
    let mut path = Path::new();
    // The first frame takes memory of both kinds: the book would show it.
    booked(|| path.frame());
    let first = account();
    for (file, places) in
        [("gpu_focus.rs", &first.made), ("bindings.rs", &first.made), ("ring.rs", &first.made)]
    {
        assert!(places.keys().any(|place| place.contains(file)), "{file}: {places:#?}");
    }
    (0..10).for_each(|_| path.frame());
    for _ in 0..200 {
        booked(|| path.frame());
    }
    let steady = account();
    let nothing = steady.ours.is_empty() && steady.others.is_empty() && steady.made.is_empty();
    assert!(
        nothing,
        "allocated: {:#?}, by others: {:#?}, made for the GPU: {:#?}",
        steady.ours, steady.others, steady.made
    );
    assert!(steady.wgpus > 0, "the book is not kept");
    path.gpu.check().expect("no GPU errors");
}
