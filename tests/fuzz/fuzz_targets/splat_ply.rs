//! The PLY of 3D Gaussian Splatting; what is accepted must survive being written and read again.
#![no_main]

use effigy_avatar::splat_file::{read_ply, write_ply};
use effigy_fuzz::splat_options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = splat_options();
    if let Ok(scene) = read_ply(bytes, &options) {
        let mut file = Vec::new();
        write_ply(&scene.gaussians, scene.filter, &mut file).expect("what was read can be written");
        let again = read_ply(&file, &options).expect("what was written can be read");
        assert_eq!(again.gaussians, scene.gaussians);
    }
});
