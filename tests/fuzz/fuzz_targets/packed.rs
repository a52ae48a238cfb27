//! Files of any kind, packed by gzip or in a zip or not, unpacking to 4 MiB at most.
#![no_main]

use std::path::Path;

use effigy_avatar::splat_file::{SplatLimits, SplatReadOptions};
use effigy_avatar::{Avatar, OpenOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits =
        SplatLimits { max_gaussians: 1 << 14, max_unpacked_bytes: 4 << 20, ..SplatLimits::default() };
    let splat = SplatReadOptions { limits, ..SplatReadOptions::default() };
    let mut options = OpenOptions { file_bytes: 4 << 20, splat, ..OpenOptions::default() };
    options.lam.unpacked_bytes = 4 << 20;
    options.lam.splat = limits;
    if let Ok((avatar, _)) = Avatar::from_bytes(Path::new("a.zip"), bytes, &options) {
        avatar.validate().expect("what is opened is valid");
    }
});
