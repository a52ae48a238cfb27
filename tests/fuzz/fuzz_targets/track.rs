//! Expression tracks in every format: tables, JSON, text and VRM animations. What is read is written and read again.
#![no_main]

use effigy_rig::{Track, TrackLimits};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = TrackLimits { frames: 1 << 14, weights: 1 << 20, ..TrackLimits::default() };
    if let Ok(track) = Track::from_bytes(bytes, &limits) {
        track.validate().expect("what was read is valid");
        let json = track.to_json().expect("what is valid is written");
        Track::from_bytes(&json, &TrackLimits::default()).expect("what was written is read");
    }
});
