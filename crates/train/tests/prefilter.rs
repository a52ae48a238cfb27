//! The filter before a video encoder: its stand-in for the encoder, its measure of distance and its network, against plain
//! sums in double precision and finite differences.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use effigy_avatar::{Avatar, OpenOptions};
use effigy_rig::{Track, TrackLimits};
use effigy_splat::Frame;
use effigy_train::prefilter::{
    Clip, Codec, MovedFrom, Network, Perception, Prediction, Transform, quantiser_step, search,
};
use effigy_video::encoder::{
    self, ColorInfo, EncoderChoice, EncoderConfig, FrameRequest, Layout, Matrix, Rate,
};
use effigy_video::{Importance, LearnedFilter, LearnedNetwork, LearnedOptions};

fn device() -> Device {
    Device::flex().autodiff()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_inner(Tensor::from_data(TensorData::new(values.to_vec(), shape), &device()))
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

/// A picture with waves of several lengths, `seed`'s own.
fn waves(side: usize, seed: f32) -> Vec<f32> {
    let at = |i: usize| {
        let (x, y) = ((i % side) as f32, (i / side) as f32);
        0.5 + 0.2 * (0.31 * x + 0.17 * y + seed).sin()
            + 0.1 * (0.9 * x - 1.3 * y + 2.0 * seed).sin()
            + 0.03 * (2.6 * x + 2.1 * y - seed).cos()
    };
    (0..side * side).map(at).collect()
}

/// A step of a quantiser doubles every six (Rec. ITU-T H.264, table of QStep: 0.625 at 0, 10 at 24, 224 at 51).
#[test]
fn steps_are_those_of_the_standard() {
    for (quantiser, step) in [(0.0, 0.625), (6.0, 1.25), (24.0, 10.0), (36.0, 40.0), (48.0, 160.0)] {
        assert!((quantiser_step(quantiser) - step).abs() < 1e-4);
    }
}

/// Coefficients, levels, the decoded picture and bits of one picture by the formulas, one number at a time.
fn coded(luma: &[f64], side: usize, n: usize, quantiser: f64, predicted: Option<&[f64]>) -> (Vec<f64>, f64) {
    let step = 0.625 * (quantiser / 6.0).exp2() / 219.0;
    let basis = |k: usize, x: usize| {
        let norm = (if k == 0 { 1.0 } else { 2.0 } / n as f64).sqrt();
        norm * (std::f64::consts::PI * (x as f64 + 0.5) * k as f64 / n as f64).cos()
    };
    let (mut out, mut bits) = (vec![0.0; luma.len()], 0.0);
    for top in (0..side).step_by(n) {
        for left in (0..side).step_by(n) {
            let at = |x: usize, y: usize| (top + y) * side + left + x;
            for v in 0..n {
                for u in 0..n {
                    let mut c = 0.0;
                    for y in 0..n {
                        for x in 0..n {
                            let p = predicted.map_or(0.0, |p| p[at(x, y)]);
                            c += basis(v, y) * basis(u, x) * (luma[at(x, y)] - p) / step;
                        }
                    }
                    let mean = u + v == 0 && predicted.is_none();
                    let rounding = if predicted.is_some() { 1.0 / 6.0 } else { 1.0 / 3.0 };
                    let level = if mean { c } else { c.signum() * (c.abs() + rounding).floor() };
                    if !mean {
                        bits += 2.0 / 3.0 * (1.0 + (c.abs() / 0.6).powi(3)).log2();
                    }
                    for y in 0..n {
                        for x in 0..n {
                            out[at(x, y)] += basis(v, y) * basis(u, x) * level * step;
                        }
                    }
                }
            }
        }
    }
    if let Some(p) = predicted {
        out.iter_mut().zip(p).for_each(|(o, p)| *o += p);
    }
    (out, bits / luma.len() as f64)
}

#[test]
fn the_codec_is_its_formulas() {
    let side = 32;
    let (first, second) = (waves(side, 0.3), waves(side, 0.5));
    let motion = search(&first, &second, side);
    let moved = MovedFrom::new(&[&motion], &device());
    for (transform, n) in [(Transform::Four, 4), (Transform::Eight, 8)] {
        let codec = Codec::new(transform, &device());
        for quantiser in [18.0_f32, 33.0] {
            let shape = [1, 1, side, side];
            let q = tensor(&[quantiser], [1, 1, 1, 1]);
            let key = codec.code(&tensor(&first, shape), &q, Prediction::Alone);
            let next = codec.code(&tensor(&second, shape), &q, Prediction::Moved(&key.picture, &moved));
            let double = |v: &[f32]| v.iter().map(|v| f64::from(*v)).collect::<Vec<_>>();
            let key_values = double(&values(key.picture));
            let predicted: Vec<f64> = (0..side * side)
                .map(|i| {
                    let read = |k: usize| key_values[motion.places[i][k] as usize];
                    (0..4).map(|k| f64::from(motion.weights[i][k]) * read(k)).sum()
                })
                .collect();
            let by_hand = [
                coded(&double(&first), side, n, f64::from(quantiser), None),
                coded(&double(&second), side, n, f64::from(quantiser), Some(&predicted)),
            ];
            let found =
                [(key_values, values(key.bits)[0]), (double(&values(next.picture)), values(next.bits)[0])];
            for ((picture, bits), (wanted, wanted_bits)) in found.iter().zip(&by_hand) {
                assert!((f64::from(*bits) / wanted_bits - 1.0).abs() < 1e-3, "{bits} and not {wanted_bits}");
                // A coefficient within rounding of a threshold may fall to its other side.
                let off = picture.iter().zip(wanted).filter(|(a, b)| (**a - **b).abs() > 1e-4).count();
                assert!(off <= n * n, "{off} pixels are off at {quantiser}");
            }
        }
    }
}

/// The slope of `f` along `direction`, by its derivative and by central differences over ±`h`.
fn slopes<const D: usize>(
    at: &[f32],
    shape: [usize; D],
    direction: &[f32],
    h: f32,
    f: &dyn Fn(Tensor<D>) -> Tensor<1>,
) -> (f64, f64) {
    let x = tensor(at, shape).require_grad();
    let mut gradients = f(x.clone()).sum().backward();
    let gradient = values(x.grad_remove(&mut gradients).unwrap());
    let derived = gradient.iter().zip(direction).map(|(g, d)| f64::from(g * d)).sum();
    let value = |sign: f32| -> f64 {
        let moved: Vec<f32> = at.iter().zip(direction).map(|(x, d)| x + sign * h * d).collect();
        values(f(tensor(&moved, shape))).iter().map(|v| f64::from(*v)).sum()
    };
    (derived, (value(1.0) - value(-1.0)) / (2.0 * f64::from(h)))
}

fn direction(count: usize, seed: f32) -> Vec<f32> {
    (0..count).map(|i| (12.9898 * i as f32 + seed).sin()).collect()
}

#[test]
fn bits_have_their_derivative() {
    let side = 32;
    let (first, second) = (waves(side, 0.3), waves(side, 0.5));
    let moved = MovedFrom::new(&[&search(&first, &second, side)], &device());
    let codec = Codec::new(Transform::Eight, &device());
    let shape = [1, 1, side, side];
    let q = tensor(&[30.0], [1, 1, 1, 1]);
    let from = tensor(&first, shape);
    let of_second = |x: Tensor<4>| codec.code(&x, &q, Prediction::Moved(&from, &moved)).bits;
    let (derived, differed) = slopes(&second, shape, &direction(side * side, 1.0), 3e-4, &of_second);
    assert!((derived / differed - 1.0).abs() < 0.01, "{derived} and {differed}");
    // Through the prediction, whose places are read several times each.
    let meant = tensor(&second, shape);
    let of_first = |x: Tensor<4>| codec.code(&meant, &q, Prediction::Moved(&x, &moved)).bits;
    let (derived, differed) = slopes(&first, shape, &direction(side * side, 2.0), 3e-4, &of_first);
    assert!((derived / differed - 1.0).abs() < 0.01, "{derived} and {differed}");
}

/// What is decoded is a staircase of what is coded; its derivative is right on the average over many steps: shrinking a
/// picture shrinks what is decoded.
#[test]
fn decoded_pictures_have_a_derivative_on_the_average() {
    let side = 64;
    let (mut derived, mut differed) = (0.0, 0.0);
    let codec = Codec::new(Transform::Four, &device());
    let q = tensor(&[26.0], [1, 1, 1, 1]);
    for seed in 0..60 {
        let picture = waves(side, seed as f32);
        let meant = tensor(&waves(side, seed as f32 + 0.05), [1, 1, side, side]);
        let error = |x: Tensor<4>| {
            let d = codec.code(&x, &q, Prediction::Alone).picture - meant.clone();
            (d.clone() * d).sum()
        };
        let towards: Vec<f32> = picture.iter().map(|v| v - 0.5).collect();
        let (a, b) = slopes(&picture, [1, 1, side, side], &towards, 0.05, &error);
        (derived, differed) = (derived + a, differed + b);
    }
    assert!((derived / differed - 1.0).abs() < 0.15, "{derived} and {differed}");
}

#[test]
fn distance_has_its_derivative() {
    let side = 48;
    let shape = [1, 1, side, side];
    let perception = Perception::new(2.0, &device());
    let meant = waves(side, 0.3);
    let picture: Vec<f32> = meant.iter().zip(waves(side, 4.0)).map(|(a, b)| a + 0.1 * (b - 0.47)).collect();
    let weights: Vec<f32> = (0..side * side).map(|i| (i % side) as f32 / side as f32).collect();
    let (meant, weights) = (tensor(&meant, shape), tensor(&weights, shape));
    let f = |x: Tensor<4>| perception.distance(&x, &meant, &weights);
    // Further away.
    let away: Vec<f32> = picture.iter().zip(&values(meant.clone())).map(|(a, b)| a - b).collect();
    let (derived, differed) = slopes(&picture, shape, &away, 1e-2, &f);
    assert!((derived / differed - 1.0).abs() < 0.01, "{derived} and {differed}");
}

#[test]
fn distance_is_none_for_what_is_meant_and_counts_by_weight() {
    let side = 48;
    let shape = [2, 1, side, side];
    let perception = Perception::new(2.0, &device());
    let picture = [waves(side, 0.3), waves(side, 0.9)].concat();
    let ones = vec![1.0; picture.len()];
    let same = perception.distance(&tensor(&picture, shape), &tensor(&picture, shape), &tensor(&ones, shape));
    assert!(values(same).iter().all(|v| v.abs() < 1e-5));
    // Flat pictures of 0.5 and 0.6: SSIM is (2·0.3 + 1e-4) / (0.61 + 1e-4) in every window at every size.
    let flat = |v: f32| tensor(&vec![v; picture.len()], shape);
    let weights: Vec<f32> = (0..picture.len()).map(|i| if i < side * side { 1.0 } else { 0.25 }).collect();
    let found = values(perception.distance(&flat(0.5), &flat(0.6), &tensor(&weights, shape)));
    let unlike = 1.0 - (0.6 + 1e-4) / (0.61 + 1e-4);
    for (found, weight) in found.iter().zip([1.0, 0.25]) {
        assert!((f64::from(*found) - weight * (2.0 * 0.1 + unlike)).abs() < 1e-3, "{found}");
    }
}

#[test]
fn the_network_has_its_derivative_and_starts_as_nothing() {
    let side = 16;
    let shape = [2, 1, side, side];
    let luma = [waves(side, 0.3), waves(side, 0.9)].concat();
    let attention: Vec<f32> = (0..luma.len()).map(|i| (i % 7) as f32 / 6.0).collect();
    let (luma, attention) = (tensor(&luma, shape), tensor(&attention, shape));
    let q = tensor(&[24.0, 40.0], [2, 1, 1, 1]);
    let device = device();
    let start = Network::new(1, &device);
    let tracked = |parameters: &[Tensor<2>]| Network {
        parameters: parameters.iter().map(|p| Tensor::from_inner(p.clone())).collect(),
    };
    assert_eq!(values(tracked(&start.parameters).filter(&luma, &attention, &q)), values(luma.clone()));
    let mut parameters = start.parameters;
    for (i, p) in parameters.iter_mut().enumerate() {
        let dims = p.dims();
        // Biases keep rectifiers away from their kink, some of them below it.
        let about = if i == 1 || i == 4 { 3.0 } else { 0.0 };
        let value = |(j, v): (usize, &f32)| 0.05 * v + if j % 3 == 0 { -about } else { about };
        let some = direction(dims[0] * dims[1], i as f32).iter().enumerate().map(value).collect::<Vec<_>>();
        *p = Tensor::from_data(TensorData::new(some, dims), &device);
    }
    let some = tensor(&direction(2 * side * side, 9.0), shape);
    for i in 0..parameters.len() {
        let dims = parameters[i].dims();
        let f = |x: Tensor<2>| {
            let mut network = tracked(&parameters);
            network.parameters[i] = x;
            (network.filter(&luma, &attention, &q) * some.clone()).sum()
        };
        let at = values(parameters[i].clone());
        let (derived, differed) = slopes(&at, dims, &direction(at.len(), 5.0), 1e-2, &f);
        assert!((derived - differed).abs() < 0.01 * differed.abs() + 1e-3, "{i}: {derived} and {differed}");
    }
}

/// A picture moved by 2 to the right and half a pixel down is found there.
#[test]
fn motion_is_found() {
    let side = 64;
    let at = |x: f32, y: f32| 0.5 + 0.3 * (0.19 * x + 0.07 * y).sin() * (0.23 * y - 0.05 * x).cos();
    let picture = |dx: f32, dy: f32| -> Vec<f32> {
        (0..side * side).map(|i| at((i % side) as f32 + dx, (i / side) as f32 + dy)).collect()
    };
    let (from, to) = (picture(0.0, 0.0), picture(2.0, 0.5));
    let motion = search(&from, &to, side);
    assert_eq!(motion.vectors.len(), 16);
    // Blocks whose matches lie within the picture.
    for block in [0, 1, 2, 4, 5, 6, 8, 9, 10] {
        assert_eq!(motion.vectors[block], [8, 2]);
    }
    for i in (0..side * side).filter(|i| i % side < 48 && i / side < 48) {
        let found: f32 = (0..4).map(|k| motion.weights[i][k] * from[motion.places[i][k] as usize]).sum();
        assert!((found - to[i]).abs() < 0.01);
    }
}

/// What is trained is what runs.
#[test]
fn the_network_is_the_one_that_runs() {
    let side = 32;
    let (shape, device) = ([1, 1, side, side], device());
    let mut network = Network::new(5, &device);
    for (i, p) in network.parameters.iter_mut().enumerate() {
        let dims = p.dims();
        let some: Vec<f32> = direction(dims[0] * dims[1], i as f32).iter().map(|v| 0.2 * v).collect();
        *p = Tensor::from_data(TensorData::new(some, dims), &device);
    }
    let running = LearnedNetwork::from_bytes(&network.to_bytes().unwrap()).unwrap();
    let luma = waves(side, 0.7);
    // A face in the upper left; its edges at 12 and 10.
    let importance: Vec<f32> =
        (0..side * side).map(|i| if i % side < 12 && i / side < 10 { 1.0 } else { 0.0 }).collect();
    let attention: Vec<f32> = (0..side * side)
        .map(|i| {
            // Of the pixel's cell.
            let beyond = |at: usize, edge: f32| ((at / 2 * 2) as f32 - edge).max(0.0);
            let share = (beyond(i % side, 12.0).hypot(beyond(i / side, 10.0)) / 20.0).min(1.0);
            1.0 - share * share * (3.0 - 2.0 * share)
        })
        .collect();
    let tracked =
        Network { parameters: network.parameters.iter().map(|p| Tensor::from_inner(p.clone())).collect() };
    for quality in [19.0, 40.0] {
        let q = tensor(&[quality], [1, 1, 1, 1]);
        let trained = values(tracked.filter(&tensor(&luma, shape), &tensor(&attention, shape), &q));
        let mut frame = Frame::default();
        frame.reset(side as u32, side as u32);
        frame.color.iter_mut().zip(&luma).for_each(|(c, y)| *c = [*y, *y, *y, 1.0]);
        let options = LearnedOptions { feather: 20.0, outside: 1.0, ..LearnedOptions::default() };
        let mut filter = LearnedFilter::new(running.clone(), options).unwrap();
        let importance = Importance::new(side as u32, side as u32, &importance).unwrap();
        filter.apply(&importance, quality, &mut frame).unwrap();
        let mut most = 0.0_f32;
        for ((c, wanted), before) in frame.color.iter().zip(&trained).zip(&luma) {
            assert!((c[1] - wanted).abs() < 1e-5, "{} and not {wanted}", c[1]);
            most = most.max((wanted - before).abs());
        }
        assert!(most > 0.01);
    }
}

/// Bits that an encoder spends on the second of two frames, at a constant quantiser.
fn encoded(frames: &[Vec<f32>; 2], side: usize, quantiser: f32) -> f64 {
    let config =
        EncoderConfig { rate: Rate::Quality(quantiser), ..EncoderConfig::new(side as u32, side as u32) };
    let mut encoder = encoder::open(&EncoderChoice::OpenH264, &config).unwrap();
    let grey = vec![128; side * side / 4];
    let mut bits = 0.0;
    for (index, luma) in frames.iter().enumerate() {
        let codes: Vec<u8> = luma.iter().map(|y| (16.0 + 219.0 * y).round() as u8).collect();
        let picture = encoder::Picture {
            planes: [&codes, &grey, &grey],
            strides: [side, side / 2, side / 2],
            width: side as u32,
            height: side as u32,
            layout: Layout::I420,
            color: ColorInfo { matrix: Matrix::Bt709, full_range: false },
        };
        let request = FrameRequest { key: index == 0, quality_map: None };
        bits = encoder.encode(&picture, request).unwrap().map_or(0.0, |p| 8.0 * p.data.len() as f64);
    }
    bits
}

/// The estimate goes with what an encoder spends, over pictures and quantisers.
#[test]
fn bits_are_those_of_an_encoder() {
    let side = 256;
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    let avatar = Avatar::open(assets.join("head.glb"), &OpenOptions::default()).unwrap();
    let track = Track::open(assets.join("greeting.json"), &TrackLimits::default()).unwrap();
    let clips = Clip::render(&avatar, &track, side as u32, 6, 3).unwrap();
    let codec = Codec::new(Transform::Four, &device());
    let shape = [1, 1, side, side];
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    for clip in &clips {
        let [first, second] = &clip.frames;
        let moved = MovedFrom::new(&[&search(first, second, side)], &device());
        for quantiser in [20.0, 26.0, 32.0, 38.0] {
            let q = tensor(&[quantiser], [1, 1, 1, 1]);
            let key = codec.code(&tensor(first, shape), &q, Prediction::Alone);
            let next = codec.code(&tensor(second, shape), &q, Prediction::Moved(&key.picture, &moved));
            let estimate = f64::from(values(next.bits)[0]) * (side * side) as f64;
            pairs.push((estimate.ln(), encoded(&clip.frames, side, quantiser).ln()));
        }
    }
    let n = pairs.len() as f64;
    let mean = pairs.iter().fold((0.0, 0.0), |m, p| (m.0 + p.0 / n, m.1 + p.1 / n));
    let sum =
        |f: &dyn Fn(f64, f64) -> f64| -> f64 { pairs.iter().map(|p| f(p.0 - mean.0, p.1 - mean.1)).sum() };
    let r = sum(&|a, b| a * b) / (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    println!("r = {r:.4} between logarithms, mean ratio {:.2}", (mean.0 - mean.1).exp());
    assert!(r > 0.9, "{r}: {pairs:?}");
}
