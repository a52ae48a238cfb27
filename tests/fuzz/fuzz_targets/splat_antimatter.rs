//! The .splat of antimatter15.
#![no_main]

use effigy_avatar::splat_file::{SplatLimits, SplatReadOptions, read_antimatter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits =
        SplatLimits { max_gaussians: 1 << 16, max_unpacked_bytes: 16 << 20, ..SplatLimits::default() };
    let options = SplatReadOptions { limits, ..SplatReadOptions::default() };
    if let Ok(scene) = read_antimatter(bytes, &options) {
        scene.gaussians.validate().expect("what is read can be rendered");
    }
});
