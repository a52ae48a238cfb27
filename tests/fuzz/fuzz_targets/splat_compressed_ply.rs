//! The compressed PLY of PlayCanvas.
#![no_main]

use effigy_avatar::splat_file::read_compressed_ply;
use effigy_fuzz::splat_options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(scene) = read_compressed_ply(bytes, &splat_options()) {
        scene.gaussians.validate().expect("what is read can be rendered");
    }
});
