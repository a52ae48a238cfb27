//! The GPU's planes against the CPU's and the formulas.

use effigy_render::{AdapterChoice, Gpu, wgpu};
use effigy_splat::Frame;
use effigy_video::{Alpha, Component, Converter, Layout, Picture, PlaneFormat, Planes, PlanesError, Shape};
use wgpu::util::DeviceExt;

use crate::exact::ALPHAS;
use crate::formula::{planes, stored_planes};
use crate::{formats, noise, picture};

/// A device with no more than WebGPU's default limits.
pub(crate) fn device() -> (wgpu::Device, wgpu::Queue) {
    let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best))
        .expect("GPU tests need an adapter: install a driver, for instance mesa-vulkan-drivers");
    let wanted = wgpu::DeviceDescriptor { required_limits: wgpu::Limits::default(), ..Default::default() };
    pollster::block_on(gpu.adapter.request_device(&wanted)).expect("a device of default limits")
}

/// A texture as a view's colour in full precision.
pub(crate) fn texture(device: &wgpu::Device, queue: &wgpu::Queue, frame: &Frame) -> wgpu::TextureView {
    let size = wgpu::Extent3d { width: frame.width, height: frame.height, depth_or_array_layers: 1 };
    let descriptor = wgpu::TextureDescriptor {
        label: None,
        size,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba32Float,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    };
    let data = bytemuck::cast_slice(&frame.color);
    device
        .create_texture_with_data(queue, &descriptor, Default::default(), data)
        .create_view(&Default::default())
}

/// Bytes of planes once the GPU is done.
fn read(device: &wgpu::Device, queue: &wgpu::Queue, buffer: &wgpu::Buffer) -> Vec<u8> {
    let staging = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: buffer.size(),
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    encoder.copy_buffer_to_buffer(buffer, 0, &staging, 0, buffer.size());
    encoder.map_buffer_on_submit(&staging, wgpu::MapMode::Read, .., |result| result.expect("mapped"));
    queue.submit([encoder.finish()]);
    device.poll(wgpu::PollType::wait_indefinitely()).expect("the GPU finishes");
    staging.get_mapped_range(..).expect("mapped").to_vec()
}

/// A picture of half floats or floats once the GPU is done.
pub(crate) fn read_texture(device: &wgpu::Device, queue: &wgpu::Queue, view: &wgpu::TextureView) -> Frame {
    let texture = view.texture();
    let (width, height) = (texture.width(), texture.height());
    let half = texture.format() == wgpu::TextureFormat::Rgba16Float;
    let row = (width * if half { 8 } else { 16 }).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
    let buffer = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: u64::from(row) * u64::from(height),
        usage: wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&Default::default());
    let layout = wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(row), rows_per_image: None };
    let target = wgpu::TexelCopyBufferInfo { buffer: &buffer, layout };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), target, texture.size());
    queue.submit([encoder.finish()]);
    let bytes = read(device, queue, &buffer);
    let mut frame = picture(width, height, |_, _| [0.0; 4]);
    let rows = bytes.chunks_exact(row as usize).zip(frame.color.chunks_exact_mut(width as usize));
    for (row, out) in rows {
        for (x, out) in out.iter_mut().enumerate() {
            *out = std::array::from_fn(|c| {
                if half {
                    let at = 8 * x + 2 * c;
                    half::f16::from_le_bytes([row[at], row[at + 1]]).to_f32()
                } else {
                    let at = 16 * x + 4 * c;
                    f32::from_le_bytes([row[at], row[at + 1], row[at + 2], row[at + 3]])
                }
            });
        }
    }
    frame
}

/// Samples of all planes, what lies between rows included.
fn samples(bytes: &[u8], format: PlaneFormat) -> Vec<i32> {
    if format.layout == Layout::P010 {
        bytes.chunks_exact(2).map(|s| i32::from(u16::from_le_bytes([s[0], s[1]]) >> 6)).collect()
    } else {
        bytes.iter().copied().map(i32::from).collect()
    }
}

#[test]
fn the_gpu_makes_what_the_cpu_defines() {
    let (device, queue) = device();
    let converter = Converter::new(&device).expect("a kernel");
    let mut defined = Planes::default();
    let (mut all, mut different) = (0, 0);
    for (width, height) in [(1, 1), (3, 5), (64, 34), (73, 18), (511, 333)] {
        let frame = noise(width, height);
        let color = texture(&device, &queue, &frame);
        for format in formats() {
            for alpha in ALPHAS.into_iter().take(if width > 100 { 1 } else { ALPHAS.len() }) {
                let what = format!("{width}x{height} {format:?} {alpha:?}");
                let shape = Shape::new(width, height, format, alpha).expect("a shape");
                let mut planes = converter.planes(&shape).expect("planes");
                let mut encoder = device.create_command_encoder(&Default::default());
                converter.record(&mut encoder, &color, &mut planes).expect("recorded");
                queue.submit([encoder.finish()]);
                let found = read(&device, &queue, planes.buffer());
                let wanted = defined.convert(&frame, format, alpha).expect("planes");
                assert_eq!(found.len(), wanted.bytes().len(), "{what}");
                let pairs = samples(&found, format).into_iter().zip(samples(wanted.bytes(), format));
                for (at, (found, wanted)) in pairs.enumerate() {
                    assert!((found - wanted).abs() <= 1, "{what}, sample {at}: {found} for {wanted}");
                    all += 1;
                    different += u32::from(found != wanted);
                }
            }
        }
    }
    println!("{different} of {all} samples differ, each by one code");
    assert!(f64::from(different) < 5e-4 * f64::from(all), "{different} of {all}");
}

/// Not by way of the CPU.
#[test]
fn the_gpu_keeps_to_the_formulas() {
    let (device, queue) = device();
    let converter = Converter::new(&device).expect("a kernel");
    let frame = noise(46, 21);
    let color = texture(&device, &queue, &frame);
    for format in formats() {
        for alpha in ALPHAS {
            let shape = Shape::new(46, 21, format, alpha).expect("a shape");
            let mut buffer = converter.planes(&shape).expect("planes");
            let mut encoder = device.create_command_encoder(&Default::default());
            converter.record(&mut encoder, &color, &mut buffer).expect("recorded");
            queue.submit([encoder.finish()]);
            let bytes = read(&device, &queue, buffer.buffer());
            let picture = Picture::new(&shape, &bytes).expect("as many bytes");
            for (found, wanted) in stored_planes(&picture).iter().zip(&planes(&frame, format, alpha)) {
                for (found, wanted) in found.values.iter().zip(&wanted.values) {
                    let error = (found - wanted).abs();
                    assert!(error <= 0.502, "{format:?} {alpha:?}: {found} for {wanted}");
                }
            }
        }
    }
}

/// The same planes serve other textures, of the same size only.
#[test]
fn textures_may_change() {
    let (device, queue) = device();
    let converter = Converter::new(&device).expect("a kernel");
    let shape = Shape::new(16, 16, PlaneFormat::VIDEO, Alpha::Over([0.0; 3])).expect("a shape");
    let mut planes = converter.planes(&shape).expect("planes");
    for (grey, code) in [(1.0, 235), (0.0, 16)] {
        let color = texture(&device, &queue, &picture(16, 16, |_, _| [grey, grey, grey, 1.0]));
        let mut encoder = device.create_command_encoder(&Default::default());
        converter.record(&mut encoder, &color, &mut planes).expect("recorded");
        queue.submit([encoder.finish()]);
        let bytes = read(&device, &queue, planes.buffer());
        let luma = shape.span(Component::Luma).expect("luma");
        assert!(bytes[..luma.stride * luma.rows].iter().all(|b| *b == code), "{grey}");
    }
    let other = texture(&device, &queue, &noise(16, 17));
    let mut encoder = device.create_command_encoder(&Default::default());
    let refused = converter.record(&mut encoder, &other, &mut planes);
    assert!(matches!(refused, Err(PlanesError::Texture { found: [16, 17], wanted: [16, 16] })));
    // More than a default device gives in one binding: an error, not a lost device.
    let huge = PlaneFormat { layout: Layout::I444, ..PlaneFormat::VIDEO };
    let huge = Shape::new(8192, 8192, huge, Alpha::Over([0.0; 3])).expect("a shape");
    assert!(matches!(converter.planes(&huge), Err(PlanesError::Render(_))));
}
