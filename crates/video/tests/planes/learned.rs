//! The learned filter on the GPU against the CPU's.

use effigy_render::wgpu;
use effigy_splat::Frame;
use effigy_video::{
    Alpha, Association, FocusOptions, GpuFocus, GpuLearnedFilter, Importance, LearnedFilter, LearnedNetwork,
    LearnedOptions, PlanesError,
};

use crate::gpu::{device, read_texture, texture};

/// Blotches and noise, a third of it half transparent.
fn blotches(width: u32, height: u32) -> Frame {
    let mut frame = Frame::default();
    frame.reset(width, height);
    let mut state = 7_u32;
    for (i, pixel) in frame.color.iter_mut().enumerate() {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32
        };
        let (x, y) = ((i as u32 % width) as f32, (i as u32 / width) as f32);
        let alpha = if i % 3 == 0 { 0.5 } else { 1.0 };
        let base = 0.4 + 0.3 * (0.2 * x).sin() * (0.13 * y).cos();
        *pixel = [0.0; 4].map(|_: f32| alpha * (base + 0.2 * next()));
        pixel[3] = alpha;
    }
    frame
}

/// What follows the face, once it has seen this importance.
fn followed(
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    size: (u32, u32),
    values: &[f32],
    options: FocusOptions,
) -> GpuFocus {
    let mut guide = Frame::default();
    guide.reset(size.0, size.1);
    guide.color.iter_mut().zip(values).for_each(|(c, v)| c[2] = *v);
    let mut focus = GpuFocus::new(device, options).expect("kernels");
    let mut encoder = device.create_command_encoder(&Default::default());
    focus.record(&mut encoder, &texture(device, queue, &guide)).expect("followed");
    queue.submit([encoder.finish()]);
    focus
}

/// How far half floats between ½ and 1 are apart: drivers may cut off instead of rounding.
const HALF: f32 = 1.0 / 2048.0;

#[test]
fn the_gpu_filters_as_the_cpu_defines() {
    let (device, queue) = device();
    let network = LearnedNetwork::bundled().unwrap();
    for (width, height) in [(1, 1), (5, 3), (75, 61), (160, 128)] {
        let before = blotches(width, height);
        let color = texture(&device, &queue, &before);
        let inside = |i: u32| (8..40).contains(&(i % width)) && (8..30).contains(&(i / width));
        let values: Vec<f32> =
            (0..width * height).map(|i| if width < 9 || inside(i) { 0.9 } else { 0.0 }).collect();
        let importance = Importance::new(width, height, &values).unwrap();
        for alpha in [Alpha::Over([0.2, 0.4, 0.1]), Alpha::Plane(Association::Premultiplied)] {
            let mut options = LearnedOptions { alpha, outside: 0.25, ..LearnedOptions::default() };
            options.focus.least_pixels = 1;
            let mut filter = GpuLearnedFilter::new(&device, network.clone(), options).unwrap();
            let mut most = 0.0_f32;
            for quality in [20.0, 41.0] {
                let mut wanted = before.clone();
                let mut defined = LearnedFilter::new(network.clone(), options).unwrap();
                defined.apply(&importance, quality, &mut wanted).unwrap();
                assert!(defined.focus().edges().is_some());
                let focus = followed(&device, &queue, (width, height), &values, options.focus);
                filter.set_quality(&queue, quality);
                let mut encoder = device.create_command_encoder(&Default::default());
                let filtered = filter.record(&mut encoder, &color, &focus).unwrap().clone();
                queue.submit([encoder.finish()]);
                let found = read_texture(&device, &queue, &filtered);
                for (i, (found, wanted)) in found.color.iter().zip(&wanted.color).enumerate() {
                    for (a, b) in found.iter().zip(wanted) {
                        assert!((a - b).abs() < HALF + 1e-5, "{width}x{height} {quality} {i}: {a}, {b}");
                    }
                }
                let changes = wanted.color.iter().zip(&before.color).map(|(a, b)| (a[0] - b[0]).abs());
                most = changes.fold(most, f32::max);
            }
            assert!(width < 9 || most > 10.0 * HALF, "nothing is filtered: {most}");
        }
    }
}

#[test]
fn nothing_changes_without_a_face_or_strength() {
    let (device, queue) = device();
    let network = LearnedNetwork::bundled().unwrap();
    let before = blotches(48, 32);
    let color = texture(&device, &queue, &before);
    let options = LearnedOptions::default();
    let none = LearnedOptions { strength: 0.0, ..options };
    let focus = |value: f32| followed(&device, &queue, (48, 32), &[value; 48 * 32], FocusOptions::default());
    let mut filter = GpuLearnedFilter::new(&device, network.clone(), options).unwrap();
    let mut encoder = device.create_command_encoder(&Default::default());
    let filtered = filter.record(&mut encoder, &color, &focus(0.1)).unwrap().clone();
    queue.submit([encoder.finish()]);
    let after = read_texture(&device, &queue, &filtered);
    for (a, b) in after.color.iter().flatten().zip(before.color.iter().flatten()) {
        assert!((a - b).abs() <= HALF, "{a} {b}");
    }
    let mut filter = GpuLearnedFilter::new(&device, network, none).unwrap();
    let mut encoder = device.create_command_encoder(&Default::default());
    assert_eq!(filter.record(&mut encoder, &color, &focus(0.9)).unwrap(), &color);
}

#[test]
fn what_does_not_fit_is_refused() {
    let (device, queue) = device();
    let network = LearnedNetwork::bundled().unwrap();
    let options = LearnedOptions::default();
    let odd = LearnedOptions { feather: f32::NAN, ..options };
    assert!(GpuLearnedFilter::new(&device, network.clone(), odd).is_err());
    let mut filter = GpuLearnedFilter::new(&device, network, options).unwrap();
    let color = texture(&device, &queue, &blotches(16, 18));
    let focus = followed(&device, &queue, (16, 16), &[0.9; 256], FocusOptions::default());
    let mut encoder = device.create_command_encoder(&Default::default());
    let refused = filter.record(&mut encoder, &color, &focus);
    assert!(matches!(refused, Err(PlanesError::Texture { .. })));
}
