//! Sensitivity and control, with a renderer whose derivatives are known.

use super::{packets, take};
use crate::*;

/// Nine samples: control i moves sample i by its weight, and the last sample by a third of that.
const WEIGHTS: [f32; 8] = [0.4, 0.1, 0.02, 0.3, 0.05, 0.0, 0.2, 0.15];

fn layout() -> Layout {
    Layout::of_names((0..8).map(|i| format!("c{i}")), &[])
}

fn renderer() -> impl StreamRenderer {
    |frame: &StreamFrame| {
        let mut picture: Vec<f32> = frame.controls.iter().zip(WEIGHTS).map(|(c, w)| c * w).collect();
        picture.push(picture.iter().sum::<f32>() / 3.0);
        Ok(picture)
    }
}

fn measured() -> Sensitivity {
    let at = |c: f32| StreamFrame { controls: vec![c; 8], ..StreamFrame::default() };
    Sensitivity::measure(&layout(), &[at(0.0), at(0.5), at(1.0)], &mut renderer()).unwrap()
}

#[test]
fn the_sensitivity_is_the_square_of_the_derivative() {
    let s = measured();
    for i in 0..8 {
        for j in 0..8 {
            let (a, b) = (f64::from(WEIGHTS[i]), f64::from(WEIGHTS[j]));
            let own = if i == j { a * b } else { 0.0 };
            let expected = (own + a * b / 9.0) / 9.0;
            assert!((s.matrix[i * 8 + j] - expected).abs() < 1e-6, "{i} {j}");
        }
        let expected = f64::from(WEIGHTS[i]) * (10.0f64 / 81.0).sqrt();
        assert!((s.of(i) - expected).abs() < 1e-4);
    }
    assert_eq!(s.of(8), 0.0);
    let mut configuration = Configuration::new(layout(), 30.0).unwrap();
    s.set_steps(&mut configuration).unwrap();
    for (i, &index) in configuration.steps.iter().enumerate() {
        let error = step(4 * index) as f64 / 65536.0 * s.of(i) * 255.0;
        // A quarter of an octave either way; what hardly shows has the coarsest step.
        let fits = (0.84..1.2).contains(&error);
        assert!(fits || (index == 34 && error < 1.0), "{i}: {error}");
    }
    assert_eq!(configuration.steps[5], 34);
    let mut other = Configuration::new(Layout::arkit(), 30.0).unwrap();
    assert!(s.set_steps(&mut other).is_err());
    assert!(StreamEncoder::new(other, Some(s), EncoderOptions::default()).is_err());
    assert!(Sensitivity::new(2, vec![1.0; 3]).is_err());
    assert!(Sensitivity::new(1, vec![f64::NAN]).is_err());
    assert!(Sensitivity::new(1, vec![-1.0]).is_err());
}

fn tuned() -> (Configuration, Sensitivity, Vec<StreamFrame>) {
    let s = measured();
    let mut configuration = Configuration::new(layout(), 30.0).unwrap();
    s.set_steps(&mut configuration).unwrap();
    let frames = take(&configuration.layout, 600, 51);
    (configuration, s, frames)
}

fn psnr(
    configuration: &Configuration,
    s: &Sensitivity,
    options: &EncoderOptions,
    frames: &[StreamFrame],
) -> f64 {
    let mut encoder = StreamEncoder::new(configuration.clone(), Some(s.clone()), options.clone()).unwrap();
    let mut packets: Vec<Vec<u8>> = frames.iter().flat_map(|f| encoder.push(f).unwrap()).collect();
    packets.extend(encoder.flush().unwrap());
    rendered_psnr(frames, &super::decoded(&packets), &mut renderer()).unwrap()
}

#[test]
fn a_quality_is_found_that_just_meets_the_target() {
    let (configuration, s, frames) = tuned();
    let options = EncoderOptions::default();
    for target in [40.0, 45.0, 55.0] {
        let found =
            find_quality(&configuration, &s, &options, &frames, target, 600, &mut renderer()).unwrap();
        let at = |quality| psnr(&configuration, &s, &EncoderOptions { quality, ..options.clone() }, &frames);
        assert!(at(found) >= target, "{} at {found}", at(found));
        assert!(at(found + 1) < target, "{} at {found} + 1", at(found + 1));
    }
    let find = |psnr, samples, frames: &[StreamFrame]| {
        find_quality(&configuration, &s, &options, frames, psnr, samples, &mut renderer())
    };
    assert!(find(300.0, 100, &frames).is_err());
    assert!(find(40.0, 0, &frames).is_err());
    assert!(find(40.0, 10, &[]).is_err());
}

#[test]
fn the_estimate_is_the_rendered_error_of_a_linear_renderer() {
    let (configuration, s, frames) = tuned();
    let mut encoder = StreamEncoder::new(configuration, Some(s), EncoderOptions::default()).unwrap();
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    let mut render = renderer();
    for chunk in frames.chunks_exact(10) {
        for packet in chunk.iter().flat_map(|f| encoder.push(f).unwrap()) {
            decoder.push(&packet).unwrap();
        }
        let came: Vec<StreamFrame> = std::iter::from_fn(|| decoder.next_frame().cloned()).collect();
        let estimated = -10.0 * encoder.report().unwrap().estimated_error.log10();
        let rendered = rendered_psnr(chunk, &came, &mut render).unwrap();
        assert!((estimated - rendered).abs() < 0.05, "{estimated} {rendered}");
    }
}

#[test]
fn control_holds_the_error_or_the_rate() {
    let (configuration, s, _) = tuned();
    let frames = take(&configuration.layout, 3600, 52);
    for target in [42.0, 50.0] {
        let mut encoder =
            StreamEncoder::new(configuration.clone(), Some(s.clone()), EncoderOptions::default()).unwrap();
        // The estimates are made wrong by a factor of four, and the measured errors put it right.
        let mut control = ErrorControl::new(target, encoder.quality());
        let (mut sum, mut count) = (0.0, 0);
        for (i, frame) in frames.iter().enumerate() {
            if encoder.push(frame).unwrap().is_empty() {
                continue;
            }
            let report = encoder.report().unwrap();
            if i > 1200 {
                (sum, count) = (sum + report.estimated_error, count + 1);
            }
            let doubted = PacketReport { estimated_error: 0.25 * report.estimated_error, ..report };
            encoder.set_quality(control.next(&doubted, (i % 40 == 9).then_some(report.estimated_error)));
        }
        let held = -10.0 * (sum / f64::from(count)).log10();
        assert!((held - target).abs() < 1.0, "{held} for {target}");
    }
    for target in [400.0, 900.0] {
        let mut encoder =
            StreamEncoder::new(configuration.clone(), Some(s.clone()), EncoderOptions::default()).unwrap();
        let mut control = RateControl::new(target, 0, encoder.quality());
        let mut bits = 0;
        for (i, frame) in frames.iter().enumerate() {
            if encoder.push(frame).unwrap().is_empty() {
                continue;
            }
            let report = encoder.report().unwrap();
            if i > 1200 {
                bits += 8 * report.bytes;
            }
            encoder.set_quality(control.next(&report, 1.0 / 3.0));
        }
        let held = bits as f64 / 80.0;
        assert!((0.9..1.1).contains(&(held / target)), "{held} for {target}");
    }
}

#[test]
fn errors_that_cancel_out_in_the_picture_are_known_as_such() {
    // Two controls that do the same: what one lacks the other can give, so together they cost less than apart.
    let layout = Layout::of_names(["a", "b"], &[]);
    let joint = Sensitivity::new(2, vec![0.04, 0.04, 0.04, 0.04]).unwrap();
    let mut configuration = Configuration::new(layout, 30.0).unwrap();
    joint.set_steps(&mut configuration).unwrap();
    let frames = take(&Layout::of_names(["a", "b", "c", "d", "e"], &[]), 600, 53)
        .into_iter()
        .map(|f| StreamFrame { controls: vec![f.controls[0], f.controls[4]], ..f })
        .collect::<Vec<_>>();
    let error = |sensitivity: &Sensitivity| {
        let options = EncoderOptions::default();
        let mut encoder =
            StreamEncoder::new(configuration.clone(), Some(sensitivity.clone()), options).unwrap();
        let mut all: Vec<Vec<u8>> = frames.iter().flat_map(|f| encoder.push(f).unwrap()).collect();
        all.extend(encoder.flush().unwrap());
        let back = super::decoded(&all);
        let both = |f: &StreamFrame| f.controls.iter().sum::<f32>();
        frames.iter().zip(&back).map(|(a, b)| f64::from(both(a) - both(b)).powi(2)).sum::<f64>()
    };
    let apart = Sensitivity::new(2, vec![0.04, 0.0, 0.0, 0.04]).unwrap();
    assert!(error(&joint) < 0.8 * error(&apart), "{} {}", error(&joint), error(&apart));
    assert!(!packets(&configuration, &EncoderOptions::default(), &frames).is_empty());
}
