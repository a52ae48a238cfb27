//! The avatar file: whatever the bytes, an avatar that can be written again or an error.
#![no_main]

use effigy_avatar::Avatar;
use effigy_fuzz::rig_limits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(avatar) = Avatar::from_glb_within(bytes, &rig_limits()) {
        avatar.validate().expect("what is read is valid");
        let _ = avatar.to_glb();
    }
});
