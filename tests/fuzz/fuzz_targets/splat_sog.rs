//! SOG: the meta.json up to the first zero byte, and what follows for every picture that it names.
#![no_main]

use effigy_avatar::splat_file::read_sog;
use effigy_fuzz::splat_options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (meta, picture) = bytes.split_at(end);
    let picture = picture.get(1..).unwrap_or_default();
    if let Ok(scene) = read_sog(meta, |_| Ok(picture.to_vec()), &splat_options()) {
        scene.gaussians.validate().expect("what is read can be rendered");
    }
});
