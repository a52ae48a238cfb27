//! The avatar file: whatever the bytes, an avatar that can be written again or an error.
#![no_main]

use effigy_avatar::Avatar;
use effigy_rig::LoadLimits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let limits = LoadLimits {
        vertices: 1 << 14,
        triangles: 1 << 15,
        nodes: 1 << 10,
        joints: 1 << 10,
        morphs: 256,
        morph_deltas: 1 << 18,
        numbers: 1 << 21,
        ..LoadLimits::default()
    };
    if let Ok(avatar) = Avatar::from_glb_within(bytes, &limits) {
        avatar.validate().expect("what is read is valid");
        let _ = avatar.to_glb();
    }
});
