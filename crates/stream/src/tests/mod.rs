//! Tests of the whole stream, from frames to frames.

mod hostile;
mod loss;
mod quality;
mod specification;

use effigy_tests::SplitMix64;
use glam::{Quat, Vec3};

use crate::configuration::step_index;
use crate::*;

/// A take that moves like a face: slow drifts, blinks, stillness, and a little noise.
pub(super) fn take(layout: &Layout, count: usize, seed: u64) -> Vec<StreamFrame> {
    let mut random = SplitMix64(seed);
    let controls = layout.controls.len();
    let speed: Vec<f64> = (0..controls).map(|_| 0.2 + 3.0 * random.unit()).collect();
    let frame = |i: usize, random: &mut SplitMix64| {
        let t = i as f64 / 30.0;
        let of = |c: usize, noise: f64| match c % 4 {
            0 => 0.5 + 0.4 * (speed[c] * t).sin() + 0.003 * noise,
            1 => (1.0 - (8.0 * (t * speed[c]).fract() - 1.0).abs()).max(0.0),
            2 => 0.002 * noise,
            _ => 0.3,
        };
        let placement = Placement {
            rotation: Quat::from_rotation_y((0.3 * t).sin() as f32),
            translation: Vec3::new((0.2 * t).sin() as f32, 1.5, -0.25),
        };
        StreamFrame {
            time: t,
            controls: (0..controls).map(|c| of(c, random.unit()).clamp(0.0, 1.0) as f32).collect(),
            rotations: (0..layout.rotations.len())
                .map(|r| Quat::from_rotation_x((0.4 * (t + r as f64)).sin() as f32))
                .collect(),
            placement: layout.placement.then_some(placement),
            camera: layout
                .camera
                .then_some(StreamCamera { placement, focal: 2.5 + 0.5 * (0.1 * t).sin() as f32 }),
        }
    };
    (0..count).map(|i| frame(i, &mut random)).collect()
}

pub(super) fn configuration(layout: Layout) -> Configuration {
    let mut configuration = Configuration::new(layout, 30.0).unwrap();
    for (i, step) in configuration.steps.iter_mut().enumerate() {
        *step = 20 + (i % 5) as u8;
    }
    configuration
}

/// Everything that a layout can have.
pub(super) fn full_layout() -> Layout {
    let names =
        ["eyeBlinkLeft", "jawOpen", "eyeBlinkRight", "mouthSmileLeft", "mouthSmileRight", "tail", "ear"];
    let mut layout = Layout::of_names(names, &[Layout::HEAD, "tailBone"]);
    (layout.placement, layout.camera) = (true, true);
    layout.controls[5].bounds = Bounds::Signed;
    layout.controls[6].bounds = Bounds::Free;
    layout
}

/// What kind of packet it is.
pub(super) fn kind(packet: &[u8]) -> u8 {
    packet[0] >> 4 & 3
}

pub(super) fn packets(
    configuration: &Configuration,
    options: &EncoderOptions,
    frames: &[StreamFrame],
) -> Vec<Vec<u8>> {
    let mut encoder = StreamEncoder::new(configuration.clone(), None, options.clone()).unwrap();
    let mut out: Vec<Vec<u8>> = frames.iter().flat_map(|f| encoder.push(f).unwrap()).collect();
    out.extend(encoder.flush().unwrap());
    out
}

pub(super) fn decoded(packets: &[Vec<u8>]) -> Vec<StreamFrame> {
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    let mut out = Vec::new();
    for packet in packets {
        decoder.push(packet).unwrap();
        while let Some(frame) = decoder.next_frame() {
            out.push(frame.clone());
        }
    }
    out
}

#[test]
fn frames_come_back_within_the_steps() {
    let configuration = configuration(full_layout());
    let frames = take(&configuration.layout, 150, 7);
    for frames_per_packet in [1, 3, 10, 32] {
        for quality in [0, 20, 40, REFERENCE_QUALITY] {
            let options = EncoderOptions { frames_per_packet, quality, ..EncoderOptions::default() };
            let back = decoded(&packets(&configuration, &options, &frames));
            assert_eq!(back.len(), frames.len());
            let channels = configuration.layout.channel_count();
            let (mut squares, mut most) = (vec![0.0; channels], vec![0.0f64; channels]);
            for (a, b) in frames.iter().zip(&back) {
                assert!((a.time - b.time).abs() < 1e-4);
                let a = configuration.layout.channels(a, &[]).unwrap();
                let b = configuration.layout.channels(b, &a).unwrap();
                for c in 0..channels {
                    let error = (a[c] - b[c]).abs();
                    squares[c] += error * error / frames.len() as f64;
                    most[c] = most[c].max(error);
                }
            }
            for c in 0..channels {
                let step = step(step_index(configuration.steps[c], quality)) as f64;
                // A level that is left out saves bits that are worth 0.12 squared steps each, which bounds the error of a
                // whole packet; 1.5 is for the rounding of integers and of single precision.
                assert!(
                    squares[c].sqrt() < 0.7 * step + 1.5,
                    "{c} at {quality}: {} of {step}",
                    squares[c].sqrt()
                );
                assert!(most[c] < 4.0 * step + 3.0, "{c} at {quality}: {} of {step}", most[c]);
            }
        }
    }
}

#[test]
fn both_ends_hold_the_same_state_to_the_bit() {
    let configuration = configuration(full_layout());
    let frames = take(&configuration.layout, 200, 8);
    let options = EncoderOptions { frames_per_packet: 7, ..EncoderOptions::default() };
    let mut encoder = StreamEncoder::new(configuration.clone(), None, options).unwrap();
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    for (i, frame) in frames.iter().enumerate() {
        encoder.set_quality((40 + i / 3) as u8);
        let packets = encoder.push(frame).unwrap();
        for packet in &packets {
            decoder.push(packet).unwrap();
        }
        if !packets.is_empty() {
            let (ours, theirs) = (encoder.state(), decoder.state().unwrap());
            assert_eq!(ours.last, theirs.last);
            assert_eq!(ours.tick, theirs.tick);
            assert_eq!(ours.model.odds, theirs.model.odds);
        }
    }
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let configuration = configuration(Layout::arkit());
    let frames = take(&configuration.layout, 100, 9);
    let all = || packets(&configuration, &EncoderOptions::default(), &frames);
    assert_eq!(all(), all());
}

#[test]
fn configurations_come_back() {
    for layout in
        [Layout::arkit(), full_layout(), Layout::of_names(["x".repeat(255)], &["é".repeat(100).as_str()])]
    {
        let mut given = configuration(layout);
        given.tick_rate = 1000;
        given.interval = 17;
        if given.steps.len() > 5 {
            given.parents[4] = Some(Parent { channel: 1, gain: -16 });
            given.parents[5] = Some(Parent { channel: 0, gain: 0 });
            given.parents[2] = None;
        }
        let packet = given.to_packet();
        assert_eq!(Configuration::from_packet(&packet, &StreamLimits::default()).unwrap(), given);
    }
    // 52 names, 55 steps and as many parents.
    let usual = Configuration::new(Layout::arkit(), 30.0).unwrap();
    assert!(usual.to_packet().len() < 40, "{}", usual.to_packet().len());
    let foretold = |name: &str| {
        let at = usual.layout.controls.iter().position(|c| c.name == name).unwrap();
        usual.parents[at].map(|p| usual.layout.controls[p.channel].name.as_str())
    };
    assert_eq!(foretold("eyeBlinkRight"), Some("eyeBlinkLeft"));
    assert_eq!(foretold("eyeLookOutRight"), Some("eyeLookInLeft"));
    assert_eq!(foretold("jawLeft"), None);
    assert_eq!(foretold("eyeBlinkLeft"), None);
}

#[test]
fn steps_are_eighths_of_octaves() {
    for index in 0..=MAX_STEP {
        let exact = 2f64.powf(f64::from(index) / 8.0);
        let wrong = (step(index) as f64 - exact).abs();
        assert!(wrong <= 0.5 + 1e-4 * exact, "{index}: {} {exact}", step(index));
    }
}

#[test]
fn any_times_come_back() {
    let configuration = configuration(Layout::of_names(["jawOpen"], &[]));
    let mut random = SplitMix64(10);
    let mut time = 12_345.678;
    let frames: Vec<StreamFrame> = (0..300)
        .map(|i| {
            time += match i % 3 {
                0 => 1.0 / 30.0,
                1 => 1e-4 + random.unit(),
                _ => {
                    if i % 50 == 2 {
                        200.0
                    } else {
                        1.0 / 60.0
                    }
                }
            };
            StreamFrame { time, controls: vec![0.5], ..StreamFrame::default() }
        })
        .collect();
    let back = decoded(&packets(&configuration, &EncoderOptions::default(), &frames));
    assert_eq!(back.len(), frames.len());
    for (a, b) in frames.iter().zip(&back) {
        assert!((a.time - b.time).abs() < 6e-4, "{} {}", a.time, b.time);
    }

    let mut encoder = StreamEncoder::new(configuration, None, EncoderOptions::default()).unwrap();
    let at = |time| StreamFrame { time, controls: vec![0.5], ..StreamFrame::default() };
    for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert!(encoder.push(&at(wrong)).is_err());
    }
    encoder.push(&at(5.0)).unwrap();
    assert!(encoder.push(&at(5.0)).is_err());
    assert!(encoder.push(&at(4.0)).is_err());
    assert!(encoder.push(&at(1e9)).is_err());
    encoder.push(&at(5.1)).unwrap();
    assert_eq!(decoded(&encoder.flush().unwrap()).len(), 2);
}

#[test]
fn a_receiver_renders_at_any_rate() {
    let configuration = configuration(Layout::of_names(["jawOpen"], &[Layout::HEAD]));
    let frame = |i: u32| StreamFrame {
        time: f64::from(i) / 30.0,
        controls: vec![i as f32 / 20.0],
        rotations: vec![Quat::from_rotation_y(i as f32 * 0.05)],
        ..StreamFrame::default()
    };
    let frames: Vec<StreamFrame> = (0..20).map(frame).collect();
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    assert_eq!(decoder.at(0.0), None);
    for packet in
        packets(&configuration, &EncoderOptions { quality: 0, ..EncoderOptions::default() }, &frames)
    {
        decoder.push(&packet).unwrap();
    }
    for i in 0..100 {
        let time = f64::from(i) / 160.0;
        let now = decoder.at(time).unwrap();
        assert!((f64::from(now.controls[0]) - 1.5 * time).abs() < 1e-3, "{time}: {now:?}");
        assert!(now.rotations[0].angle_between(Quat::from_rotation_y(1.5 * time as f32)) < 2e-3);
    }
    assert_eq!(decoder.at(-5.0).unwrap().controls, decoder.frames().next().unwrap().controls);
    assert_eq!(decoder.at(99.0).unwrap().controls, decoder.frames().last().unwrap().controls);
    assert!(decoder.at(f64::NAN).is_some());
}

#[test]
fn files_come_back_and_one_that_was_cut_plays_up_to_the_cut() {
    let configuration = configuration(Layout::arkit());
    let frames = take(&configuration.layout, 95, 11);
    let packets = packets(&configuration, &EncoderOptions::default(), &frames);
    let mut bytes = Vec::new();
    StreamFile { packets: packets.clone(), cut_short: false }.write(&mut bytes).unwrap();
    let limits = StreamLimits::default();
    let file = StreamFile::from_bytes(&bytes, &limits).unwrap();
    assert!(StreamFile::is_one(&bytes) && !file.cut_short && file.packets == packets);
    let track = file.track(&limits).unwrap();
    assert_eq!(track.frame_count(), 95);
    assert_eq!(track.names, effigy_rig::ARKIT_NAMES);
    assert!(track.head_rotations.is_some());
    for cut in 4..bytes.len() {
        let part = StreamFile::from_bytes(&bytes[..cut], &limits).unwrap();
        assert!(part.packets[..] == packets[..part.packets.len()]);
        assert_eq!(part.cut_short, cut != 4 + part.packets.iter().map(|p| p.len() + 4).sum::<usize>());
    }
    let half = StreamFile::from_bytes(&bytes[..bytes.len() / 2], &limits).unwrap();
    let (_, some) = half.frames(&limits).unwrap();
    assert!((20..80).contains(&some.len()), "{}", some.len());
    assert!(StreamFile::from_bytes(b"RIFF", &limits).is_err());
    let tight = StreamLimits { file_values: 1000, ..limits.clone() };
    assert!(matches!(file.frames(&tight), Err(StreamError::Limit { .. })));
    let tight = StreamLimits { file_packets: 2, ..limits };
    assert!(matches!(StreamFile::from_bytes(&bytes, &tight), Err(StreamError::Limit { .. })));
}

#[test]
fn large_values_are_as_exact_as_small_ones() {
    let mut layout = Layout::of_names(["wide"], &[]);
    (layout.placement, layout.controls[0].bounds) = (true, Bounds::Free);
    let mut configuration = configuration(layout);
    configuration.steps.fill(20);
    let frame = |i: usize| {
        let far = if i < 20 { 30_000.0 } else { -30_000.0 };
        let translation = Vec3::new(far, 0.5 * i as f32, -far);
        let placement = Placement { rotation: Quat::IDENTITY, translation };
        StreamFrame {
            time: i as f64 / 30.0,
            controls: vec![far * 0.5],
            placement: Some(placement),
            ..StreamFrame::default()
        }
    };
    let frames: Vec<StreamFrame> = (0..40).map(frame).collect();
    let options = EncoderOptions { quality: 40, ..EncoderOptions::default() };
    for (a, b) in frames.iter().zip(decoded(&packets(&configuration, &options, &frames))) {
        let (at, found) = (a.placement.unwrap().translation, b.placement.unwrap().translation);
        // The matrices' entries are rounded to 2^-22.
        assert!(at.distance(found) < 0.01 + 2e-6 * at.length(), "{at} {found}");
        assert!((a.controls[0] - b.controls[0]).abs() < 0.06);
    }
}
