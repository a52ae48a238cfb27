//! Packets that are lost, doubled or out of order.

use effigy_tests::SplitMix64;

use super::{configuration, decoded, full_layout, kind, packets, take};
use crate::*;

fn stream(frames_per_packet: usize) -> (Vec<Vec<u8>>, Vec<StreamFrame>) {
    let configuration = configuration(full_layout());
    let frames = take(&configuration.layout, 1800, 21);
    let options = EncoderOptions {
        frames_per_packet,
        access_point_interval: 2.0,
        quality: 60,
        ..EncoderOptions::default()
    };
    let packets = packets(&configuration, &options, &frames);
    let frames = decoded(&packets);
    (packets, frames)
}

fn is_access_point(packet: &[u8]) -> bool {
    kind(packet) == 1
}

#[test]
fn after_a_loss_all_is_right_from_the_next_access_point_on() {
    for frames_per_packet in [1, 10] {
        let (packets, whole) = stream(frames_per_packet);
        for percent in [1, 5, 20] {
            let mut all_lost = 0;
            for seed in 0..10 {
                let mut random = SplitMix64(seed * 100 + percent);
                let mut decoder = StreamDecoder::new(StreamLimits::default());
                // Of the lossless frames, which may come next, and whether they must.
                let (mut place, mut intact, mut lost) = (0, false, 0);
                for packet in &packets {
                    let is_configuration = kind(packet) == 0;
                    let kept = random.below(100) >= percent as usize;
                    if is_configuration {
                        // The first one came by another way.
                        if kept || place == 0 {
                            decoder.push(packet).unwrap();
                        }
                        continue;
                    }
                    let expected = &whole[place..(place + frames_per_packet).min(whole.len())];
                    place += expected.len();
                    if !kept {
                        (intact, lost) = (false, lost + 1);
                        continue;
                    }
                    intact |= is_access_point(packet);
                    let received = decoder.push(packet).unwrap();
                    let came: Vec<StreamFrame> =
                        std::iter::from_fn(|| decoder.next_frame().cloned()).collect();
                    if intact {
                        assert_eq!(received, Received::Frames(expected.len()));
                        assert_eq!(came, expected);
                    } else {
                        assert!(matches!(received, Received::Early | Received::Waiting), "{received:?}");
                        assert!(came.is_empty());
                        // Held meanwhile.
                        assert_eq!(decoder.at(1e9).is_some(), decoder.frames().len() > 0);
                    }
                }
                all_lost += lost;
                assert_eq!(decoder.statistics().refused, 0);
            }
            // Ten times 180 or 1800 packets.
            let expected = 18 * percent * (10 / frames_per_packet as u64);
            assert!((expected / 2..2 * expected).contains(&all_lost), "{all_lost} of {expected}");
        }
    }
}

#[test]
fn access_points_come_as_often_as_asked() {
    let (packets, _) = stream(10);
    let data: Vec<&Vec<u8>> = packets.iter().filter(|p| kind(p) != 0).collect();
    assert_eq!(data.len(), 180);
    for (i, packet) in data.iter().enumerate() {
        assert_eq!(is_access_point(packet), i % 6 == 0, "{i}");
    }
    // 30 access points, the configuration before every fifth.
    assert_eq!(packets.len() - data.len(), 6);
}

#[test]
fn doubled_and_overtaken_packets_do_no_harm() {
    let (packets, whole) = stream(10);
    for seed in 0..20 {
        let mut random = SplitMix64(seed);
        let mut order: Vec<(u64, &Vec<u8>)> = Vec::new();
        for (i, packet) in packets.iter().enumerate() {
            // The first pair must come first, the rest is late by up to three places.
            let late = if i < 2 { 0 } else { random.below(4) as u64 };
            order.push((2 * (i as u64 + late) + 1, packet));
            if i > 2 && random.below(3) == 0 {
                order.push((2 * (i as u64 + random.below(30) as u64), packet));
            }
        }
        order.sort_by_key(|(at, _)| *at);
        let mut decoder = StreamDecoder::new(StreamLimits::default());
        let mut came = Vec::new();
        for (_, packet) in order {
            decoder.push(packet).unwrap();
            came.extend(std::iter::from_fn(|| decoder.next_frame().cloned()));
        }
        // An access point that overtakes makes those before it late; all else comes in order.
        let mut rest = whole.iter();
        assert!(came.iter().all(|frame| rest.any(|w| w == frame)));
        assert!(came.len() > whole.len() * 8 / 10, "{} of {}", came.len(), whole.len());
    }
}

#[test]
fn an_overtaken_packet_is_waited_for() {
    let (packets, whole) = stream(10);
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    let order = [0, 1, 3, 4, 4, 2, 2, 5];
    let results: Vec<Received> = order.iter().map(|&i| decoder.push(&packets[i]).unwrap()).collect();
    use Received::*;
    assert_eq!(results, [Configuration, Frames(10), Early, Early, Early, Frames(30), Late, Frames(10)]);
    assert!(decoder.frames().eq(&whole[..50]));
}

#[test]
fn numbers_wrap() {
    let configuration = configuration(Layout::of_names(["a"], &[]));
    let frames = take(&configuration.layout, 40, 3);
    let options =
        EncoderOptions { frames_per_packet: 1, access_point_interval: 100.0, ..EncoderOptions::default() };
    let mut encoder = StreamEncoder::new(configuration, None, options).unwrap();
    encoder.set_sequence(4080);
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    for frame in &frames {
        for packet in encoder.push(frame).unwrap() {
            decoder.push(&packet).unwrap();
        }
    }
    assert_eq!(decoder.frames().len(), 40);
}

#[test]
fn a_sender_may_begin_anew_or_change_its_configuration() {
    let first = configuration(full_layout());
    let frames = take(&first.layout, 60, 4);
    let a = packets(&first, &EncoderOptions::default(), &frames);
    let mut other = first.clone();
    other.steps[0] += 1;
    let b = packets(&other, &EncoderOptions::default(), &frames);
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    for packet in &a {
        decoder.push(packet).unwrap();
    }
    let last = decoder.frames().last().cloned();
    assert!(matches!(decoder.push(&b[1]), Err(StreamError::Checksum)));
    assert_eq!(decoder.frames().last().cloned(), last);
    assert_eq!(decoder.push(&b[0]).unwrap(), Received::Configuration);
    assert_eq!(decoder.push(&b[2]).unwrap(), Received::Waiting);
    assert_eq!(decoder.push(&b[1]).unwrap(), Received::Frames(10));
    assert_eq!(decoder.push(&b[2]).unwrap(), Received::Frames(10));

    // The same configuration and numbers far behind: another run of the same sender.
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    let mut encoder = StreamEncoder::new(first.clone(), None, EncoderOptions::default()).unwrap();
    encoder.set_sequence(1500);
    for frame in &frames {
        for packet in encoder.push(frame).unwrap() {
            decoder.push(&packet).unwrap();
        }
    }
    assert_eq!(decoder.push(&a[0]).unwrap(), Received::Known);
    assert_eq!(decoder.push(&a[1]).unwrap(), Received::Frames(10));
    assert_eq!(decoder.frames().len(), 10);
}

#[test]
fn a_receiver_that_asks_is_answered() {
    let configuration = configuration(full_layout());
    let frames = take(&configuration.layout, 60, 4);
    let options =
        EncoderOptions { access_point_interval: 1e9, configuration_every: 0, ..EncoderOptions::default() };
    let mut encoder = StreamEncoder::new(configuration, None, options).unwrap();
    let mut kinds = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        match i {
            25 => encoder.request_access_point(),
            45 => encoder.request_configuration(),
            _ => {}
        }
        kinds.extend(encoder.push(frame).unwrap().iter().map(|p| kind(p)));
    }
    assert_eq!(kinds, [0, 1, 2, 1, 2, 0, 1, 2]);
}
