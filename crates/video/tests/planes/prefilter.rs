//! The GPU's filter and what it follows against the CPU's, over frames that follow one another.

use effigy_splat::Frame;
use effigy_video::{
    FilterOptions, FocusOptions, GpuFocus, GpuPreFilter, Importance, PlanesError, PreFilter, VideoError,
};

use crate::gpu::{device, read_texture, texture};
use crate::{noise, picture};

/// What a frame of a sequence is: the guide's picture, and the same as values.
struct Sequence {
    width: u32,
    height: u32,
    /// Left, top, right, bottom of what is looked at.
    faces: Vec<Option<[u32; 4]>>,
}

impl Sequence {
    /// Importance as a renderer gives it: a subject around a face, soft at the edge, with specks far off.
    fn guide(&self, index: usize) -> Frame {
        let face = self.faces[index];
        picture(self.width, self.height, |x, y| {
            let speck = (x, y) == (self.width - 2, (index as u32) % self.height);
            let importance = match face {
                _ if speck => 0.9,
                Some([left, top, right, bottom]) => {
                    let outside =
                        |v: u32, low: u32, high: u32| low.saturating_sub(v).max((v + 1).saturating_sub(high));
                    let distance = outside(x, left, right).max(outside(y, top, bottom));
                    (0.7 - 0.03 * distance as f32).max(0.0)
                }
                None => 0.02,
            };
            // What is not a number is not looked at.
            let importance = if (x, y) == (0, 0) { f32::NAN } else { importance };
            [3.0, -2.0, importance, 0.0]
        })
    }
}

fn sequence() -> Sequence {
    let rect = |x: u32, y: u32| Some([x, y, x + 22, y + 30]);
    // Nothing yet, then a face that trembles, jumps, is gone for a while and comes closer.
    let mut faces = vec![None, rect(40, 20), rect(41, 20), rect(39, 21), rect(40, 19), rect(62, 24)];
    faces.extend([rect(62, 24); 20]);
    faces.extend([None, None, rect(30, 40), Some([20, 15, 80, 70])]);
    faces.extend((0..12).map(|i| rect(50 + i, 30)));
    Sequence { width: 117, height: 83, faces }
}

fn worst(a: &Frame, b: &Frame) -> f32 {
    let values = |frame: &Frame| frame.color.as_flattened().to_vec();
    values(a).into_iter().zip(values(b)).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn the_gpu_filters_as_the_cpu_defines() {
    let (device, queue) = device();
    let sequence = sequence();
    let (width, height) = (sequence.width, sequence.height);
    for (quality, options) in [
        (38.0, FilterOptions::default()),
        (51.0, FilterOptions { max_sigma: 3.0, sigma_per_step: 0.1, feather: 7.0, ..Default::default() }),
    ] {
        let mut defined = PreFilter::new(options).expect("a filter");
        let mut focus = GpuFocus::new(&device, options.focus).expect("kernels");
        let mut filter = GpuPreFilter::new(&device, options).expect("kernels");
        filter.set_quality(&queue, quality);
        // Colours that half floats hold, so that only what happens to them counts. Between a half and 1 they are 0.0005 apart,
        // and a driver may cut off what is between twice.
        let mut colors = noise(width, height);
        for value in colors.color.as_flattened_mut() {
            *value = (value.min(1.0) * 1024.0).round() / 1024.0;
        }
        let color = texture(&device, &queue, &colors);
        let mut changed = 0;
        for index in 0..sequence.faces.len() {
            let guide = sequence.guide(index);
            let mut wanted = colors.clone();
            let values: Vec<[f32; 4]> = guide.color.clone();
            let importance = Importance::of_guide(width, height, &values).expect("a guide");
            defined.apply(&importance, quality, &mut wanted).expect("filtered");
            let guide = texture(&device, &queue, &guide);
            let mut encoder = device.create_command_encoder(&Default::default());
            focus.record(&mut encoder, &guide).expect("followed");
            let filtered = filter.record(&mut encoder, &color, &focus).expect("filtered").clone();
            queue.submit([encoder.finish()]);
            let found = read_texture(&device, &queue, &filtered);
            let error = worst(&found, &wanted);
            assert!(error < 1e-3, "frame {index}: {error} with edges {:?}", defined.focus().edges());
            changed += u32::from(worst(&wanted, &colors) > 0.1);
            // Nothing of the face is touched.
            if let Some([left, top, right, bottom]) = sequence.faces[index] {
                for (y, x) in (top..bottom).flat_map(|y| (left..right).map(move |x| (y, x))) {
                    let at = (y * width + x) as usize;
                    assert_eq!(found.color[at], colors.color[at], "frame {index} at {x}, {y}");
                }
            }
        }
        assert!(changed > 30, "{changed} frames were filtered");
    }
}

#[test]
fn without_strength_or_a_face_nothing_is_done() {
    let (device, queue) = device();
    let options = FilterOptions::default();
    let mut focus = GpuFocus::new(&device, options.focus).expect("kernels");
    let mut filter = GpuPreFilter::new(&device, options).expect("kernels");
    let colors = picture(40, 30, |x, y| [if (x + y) % 2 == 0 { 1.0 } else { 0.0 }, 0.5, 0.25, 1.0]);
    let color = texture(&device, &queue, &colors);
    let empty = texture(&device, &queue, &picture(40, 30, |_, _| [0.0; 4]));
    let mut encoder = device.create_command_encoder(&Default::default());
    // Nothing was followed yet.
    let refused = filter.record(&mut encoder, &color, &focus).map(|_| ());
    assert!(matches!(refused, Err(PlanesError::Texture { found: [40, 30], wanted: [0, 0] })));
    focus.record(&mut encoder, &empty).expect("followed");
    assert_eq!(filter.record(&mut encoder, &color, &focus).expect("passed"), &color);
    filter.set_quality(&queue, 40.0);
    let filtered = filter.record(&mut encoder, &color, &focus).expect("filtered").clone();
    queue.submit([encoder.finish()]);
    assert_eq!(worst(&read_texture(&device, &queue, &filtered), &colors), 0.0);
    // A picture of another size starts anew.
    let other = texture(&device, &queue, &picture(41, 30, |_, _| [0.0; 4]));
    let mut encoder = device.create_command_encoder(&Default::default());
    focus.record(&mut encoder, &other).expect("followed");
    assert!(matches!(filter.record(&mut encoder, &color, &focus), Err(PlanesError::Texture { .. })));
    let bad = FocusOptions { slack: f32::NAN, ..Default::default() };
    assert!(matches!(GpuFocus::new(&device, bad), Err(VideoError::Settings(_))));
    let bad = FilterOptions { feather: 0.0, ..Default::default() };
    assert!(matches!(GpuPreFilter::new(&device, bad), Err(VideoError::Settings(_))));
}
