//! COLMAP's text files.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| effigy_fuzz::open_colmap(bytes, "txt"));
