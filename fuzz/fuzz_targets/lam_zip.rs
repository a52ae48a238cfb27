//! LAM zips, unpacking to 16 MiB at most.
#![no_main]

use effigy_avatar::lam::{LamLimits, read_lam};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = LamLimits { unpacked_bytes: 16 << 20, ..LamLimits::default() };
    if let Ok(avatar) = read_lam(bytes, &limits) {
        avatar.validate().expect("what is read is valid");
    }
});
