//! Splats in glTF.
#![no_main]

use effigy_avatar::splat_file::{read_khr, write_khr};
use effigy_fuzz::splat_options;
use effigy_rig::LoadLimits;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let rig = LoadLimits { nodes: 1 << 10, primitives: 1 << 10, numbers: 1 << 21, ..LoadLimits::default() };
    if let Ok(Some(scene)) = read_khr(bytes, None, &rig, &splat_options()) {
        scene.gaussians.validate().expect("what is read can be rendered");
        let _ = write_khr(&scene.gaussians, scene.filter, "");
    }
});
