//! Packets of the parametric stream, and its files.
#![no_main]

use effigy_stream::{Configuration, Layout, StreamDecoder, StreamFile, StreamLimits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = StreamLimits { channels: 256, file_values: 1 << 18, ..StreamLimits::default() };
    if let Ok(file) = StreamFile::from_bytes(bytes, &limits) {
        let _ = file.track(&limits);
    }
    let _ = Configuration::from_packet(bytes, &limits);

    // Each piece after a length byte is a packet whose checksum is made right, so that what is inside is reached.
    let usual = Configuration::new(Layout::arkit(), 30.0).expect("it is a valid layout");
    let mut id = usual.id();
    let mut decoder =
        StreamDecoder::with_configuration(usual, limits.clone()).expect("it is within the limits");
    let mut rest = bytes;
    while let Some((&length, after)) = rest.split_first() {
        let (piece, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        let mut packet = piece.to_vec();
        if packet.first().is_some_and(|first| first >> 4 & 3 == 0) {
            packet.extend(crc32(piece).to_be_bytes());
        } else {
            packet.extend(crc16(&[&id.to_be_bytes(), piece].concat()).to_be_bytes());
        }
        let _ = decoder.push(&packet);
        id = decoder.configuration().map_or(id, Configuration::id);
        if let Some(frame) = decoder.at(1.0) {
            assert!(frame.controls.iter().all(|c| c.is_finite()));
        }
        assert!(decoder.frames().len() as u64 <= limits.kept_frames);
    }
});

/// CRC-32/ISO-HDLC.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

/// CRC-16/IBM-3740.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(u16::MAX, |crc, &byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| (crc << 1) ^ (0x1021 & (crc >> 15).wrapping_neg()))
    })
}
