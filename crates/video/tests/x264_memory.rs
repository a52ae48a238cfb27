//! x264's memory is given back: alone in its process, whose size is looked at.
#![cfg(all(feature = "x264", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use effigy_video::encoder::{
    ColorInfo, Encoder, EncoderConfig, FrameRequest, Layout, Picture, Preset, QualityMap, X264,
};

/// Resident bytes of this process.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Opens, encodes with maps, and closes, in the middle of delayed pictures every other time.
fn cycle(count: usize, preset: Preset, end: bool) {
    let plane = vec![90; 640 * 480];
    let picture = Picture {
        planes: [&plane, &plane, &plane],
        strides: [640, 320, 320],
        width: 640,
        height: 480,
        layout: Layout::I420,
        color: ColorInfo::default(),
    };
    let map = QualityMap { block: 16, columns: 40, rows: 30, offsets: vec![1.0; 1200] };
    let mut encoder = X264::new(&EncoderConfig { preset, ..EncoderConfig::new(640, 480) }).unwrap();
    for _ in 0..count {
        encoder.encode(&picture, FrameRequest { key: false, quality_map: Some(&map) }).unwrap();
    }
    if end {
        encoder.finish().unwrap();
    }
}

#[test]
fn memory_is_given_back() {
    let rounds = |count| {
        for round in 0..count {
            cycle(4, Preset::LowLatency, round % 2 == 0);
            cycle(4, Preset::Offline, round % 2 == 0);
        }
    };
    rounds(6);
    let before = resident();
    rounds(30);
    let grown = resident().saturating_sub(before);
    println!("{} MB, then {} MB more", before >> 20, grown >> 20);
    // One encoder of this size holds more than 10 MB; sixty were opened.
    assert!(grown < 40 << 20, "{grown}");
}
