//! Packets that no encoder wrote.

use effigy_tests::SplitMix64;

use super::{configuration, full_layout, kind, packets, take};
use crate::checksum::{crc16, crc32};
use crate::range_coder::{Coder, RangeEncoder};
use crate::*;

fn small_stream() -> (Configuration, Vec<Vec<u8>>) {
    let configuration = configuration(full_layout());
    let frames = take(&configuration.layout, 60, 31);
    let packets =
        packets(&configuration, &EncoderOptions { quality: 50, ..EncoderOptions::default() }, &frames);
    (configuration, packets)
}

/// What a receiver will go by.
fn fingerprint(decoder: &StreamDecoder) -> String {
    format!(
        "{:?} {:?}",
        decoder.state().map(|s| (&s.last, s.tick, &s.model)),
        decoder.frames().collect::<Vec<_>>()
    )
}

#[test]
fn every_cut_and_every_flipped_bit_is_noticed() {
    let (_, packets) = small_stream();
    let mut decoder = StreamDecoder::new(StreamLimits::default());
    for packet in &packets {
        let before = fingerprint(&decoder);
        let knows = decoder.configuration().is_some();
        for cut in 0..packet.len() {
            let result = decoder.push(&packet[..cut]);
            assert!(result.is_err() || !knows && result.is_ok_and(|r| r == Received::Waiting));
        }
        for bit in 0..8 * packet.len() {
            let mut damaged = packet.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(
                decoder.push(&damaged),
                Err(StreamError::Checksum | StreamError::Packet(_)) | Ok(Received::Waiting)
            ));
        }
        assert_eq!(fingerprint(&decoder), before);
        decoder.push(packet).unwrap();
    }
    assert_eq!(decoder.frames().len(), 60);
}

/// Damages a packet and makes its checksum right, so that what reads the inside is tried.
fn mutated(packet: &[u8], id: u32, random: &mut SplitMix64) -> Vec<u8> {
    let is_configuration = kind(packet) == 0;
    let mut body = packet[..packet.len() - if is_configuration { 4 } else { 2 }].to_vec();
    for _ in 0..1 + random.below(4) {
        match random.below(4) {
            0 => body.truncate(1 + random.below(body.len())),
            1 => body.extend((0..random.below(20)).map(|_| random.bits() as u8)),
            _ => {
                let at = random.below(body.len());
                // The first bytes are the kind and number, which are better left alone mostly.
                if at > 2 || random.below(8) == 0 {
                    body[at] = random.bits() as u8;
                }
            }
        }
    }
    if is_configuration {
        let crc = crc32(&body);
        body.extend(crc.to_be_bytes());
    } else {
        let crc = crc16(&[&id.to_be_bytes(), &body]);
        body.extend(crc.to_be_bytes());
    }
    body
}

#[test]
fn a_hundred_thousand_mutations_do_not_panic() {
    let (configuration, packets) = small_stream();
    let id = configuration.id();
    let limits =
        StreamLimits { channels: 64, kept_frames: 64, packet_bytes: 4096, ..StreamLimits::default() };
    let mut random = SplitMix64(41);
    let (mut accepted, mut refused) = (0, 0);
    for round in 0..10_000 {
        let mut decoder = StreamDecoder::with_configuration(configuration.clone(), limits.clone()).unwrap();
        decoder.push(&packets[1]).unwrap();
        for i in 0..10 {
            let packet = &packets[(round + i) % packets.len()];
            match decoder.push(&mutated(packet, id, &mut random)) {
                Ok(_) => accepted += 1,
                Err(_) => refused += 1,
            }
            assert!(decoder.frames().len() <= 64);
            if let Some(frame) = decoder.at(random.below(100) as f64 / 20.0) {
                assert!(frame.controls.iter().all(|c| c.is_finite()));
                assert!(frame.rotations.iter().all(|r| (r.length() - 1.0).abs() < 1e-3));
            }
        }
    }
    // Both ways out were taken, often.
    assert!(accepted > 5_000 && refused > 5_000, "{accepted} {refused}");
}

#[test]
fn plain_noise_is_refused() {
    let mut random = SplitMix64(42);
    let (configuration, _) = small_stream();
    let mut decoder = StreamDecoder::with_configuration(configuration, StreamLimits::default()).unwrap();
    let limits = StreamLimits::default();
    for _ in 0..20_000 {
        let mut bytes: Vec<u8> = (0..random.below(60)).map(|_| random.bits() as u8).collect();
        let _ = decoder.push(&bytes);
        if let Some(first) = bytes.first_mut() {
            *first = 0x40 | (*first & 0x33);
        }
        let _ = decoder.push(&bytes);
        bytes.splice(0..0, *b"EFFS");
        if let Ok(file) = StreamFile::from_bytes(&bytes, &limits) {
            let _ = file.frames(&limits);
        }
    }
    assert!(decoder.frames().len() < 32 * 4);
}

/// A configuration packet whose layout begins with these counts.
fn claiming(controls: u32, rotations: u32) -> Vec<u8> {
    let mut coder = RangeEncoder::new();
    coder.even_bits(90_000, 32);
    coder.even_bits(3000, 32);
    coder.even_bits(0, 2);
    coder.even_bits(controls, 16);
    coder.even_bits(rotations, 16);
    let mut packet = vec![0x40];
    packet.extend(coder.finish());
    let crc = crc32(&packet);
    packet.extend(crc.to_be_bytes());
    packet
}

#[test]
fn claims_beyond_the_limits_are_refused_at_once() {
    let limits = StreamLimits::default();
    for (controls, rotations) in [(65_535, 0), (0, 65_535), (1025, 0), (0, 342)] {
        let result = Configuration::from_packet(&claiming(controls, rotations), &limits);
        assert!(matches!(result, Err(StreamError::Limit { limit: 1024, .. })), "{result:?}");
    }
    // Names that do not follow come out as zeros, and are then the same or empty.
    for (controls, rotations) in [(1024, 0), (300, 200), (0, 0)] {
        let result = Configuration::from_packet(&claiming(controls, rotations), &limits);
        assert!(matches!(result, Err(StreamError::Malformed(_))), "{result:?}");
    }
    let mut decoder = StreamDecoder::new(StreamLimits { packet_bytes: 100, ..limits });
    assert!(matches!(decoder.push(&[0x40; 101]), Err(StreamError::Limit { .. })));
    assert!(matches!(decoder.push(&[]), Err(StreamError::Packet(_))));
    assert!(matches!(decoder.push(&[0x80, 0, 0, 0, 0]), Err(StreamError::Packet(_))));
    assert!(matches!(decoder.push(&[0x70, 0, 0, 0, 0]), Err(StreamError::Packet(_))));
    assert_eq!(decoder.push(&[0x50, 0, 0, 0, 0]).unwrap(), Received::Waiting);
    assert_eq!(decoder.statistics().refused, 4);
}

#[test]
fn the_largest_configuration_is_read_at_once() {
    let names = (0..1024).map(|i| format!("control{i}Left{}", if i % 2 == 0 { "" } else { "Right" }));
    let packet = configuration(Layout::of_names(names, &[])).to_packet();
    let clock = std::time::Instant::now();
    Configuration::from_packet(&packet, &StreamLimits::default()).unwrap();
    // Milliseconds, where time that grows with the square of the names would be seconds.
    assert!(clock.elapsed().as_secs_f64() < 1.0, "{:?}", clock.elapsed());
}

#[test]
fn memory_stays_within_its_bounds() {
    let configuration = configuration(full_layout());
    let frames = take(&configuration.layout, 900, 5);
    let packets = packets(&configuration, &EncoderOptions::default(), &frames);
    let limits = StreamLimits { kept_frames: 25, pending_packets: 3, ..StreamLimits::default() };
    let mut decoder = StreamDecoder::new(limits);
    for (i, packet) in packets.iter().enumerate() {
        // The second packet never comes, nor does any access point after it.
        if i == 2 || i > 2 && kind(packet) == 1 {
            continue;
        }
        decoder.push(packet).unwrap();
        assert!(decoder.frames().len() <= 25 && decoder.pending() <= 3);
    }
    assert_eq!(decoder.pending(), 3);
}
