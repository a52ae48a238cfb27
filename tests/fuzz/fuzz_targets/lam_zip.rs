//! LAM zips, unpacking to 16 MiB at most.
#![no_main]

use effigy_avatar::lam::{LamLimits, read_lam};
use effigy_avatar::splat_file::SplatLimits;
use effigy_fuzz::rig_limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let splat =
        SplatLimits { max_gaussians: 1 << 14, max_unpacked_bytes: 16 << 20, ..SplatLimits::default() };
    let limits = LamLimits { entries: 64, unpacked_bytes: 16 << 20, rig: rig_limits(), splat };
    if let Ok(avatar) = read_lam(bytes, &limits) {
        avatar.validate().expect("what is read is valid");
    }
});
