//! `transforms.json`, and what follows its first NUL as the PLY of points that it may name.
#![no_main]

use effigy_fuzz::{open, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |&b| b == 0);
    write("transforms.json", parts.next().unwrap_or_default());
    write("sparse_pc.ply", parts.next().unwrap_or_default());
    open();
});
