//! Reading and writing splat files, against values worked out by hand or by another program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod antimatter;
mod clean;
mod compressed_ply;
mod gltf_made;
mod khr;
mod khr_write;
mod ksplat;
mod made;
mod opened;
mod ply;
mod ply_write;
mod real_files;
mod sog;
mod spz;

use effigy_avatar::splat_file::{
    PlyColor, SplatFileError, SplatLimits, SplatReadOptions, SplatScene, UpAxis, read_splat,
};
use effigy_tests::warnings;
use made::{CHUNK, Spz, gzip, plain_ply};

const Y_UP: SplatReadOptions = SplatReadOptions {
    ply_color: PlyColor::Harmonic,
    up: Some(UpAxis::YUp),
    mip: None,
    limits: SplatLimits { max_gaussians: 1 << 20, max_unpacked_bytes: 1 << 28, max_header_bytes: 4096 },
};

fn read_y_up(bytes: &[u8]) -> SplatScene {
    read_splat(bytes, &Y_UP).unwrap()
}

fn message(result: Result<SplatScene, SplatFileError>) -> String {
    let message = result.unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

fn assert_close(found: &[f32], want: &[f32], tolerance: f32) {
    assert_eq!(found.len(), want.len());
    for (f, w) in found.iter().zip(want) {
        assert!((f - w).abs() <= tolerance, "{found:?} is not {want:?}");
    }
}

#[test]
fn a_file_cut_short_anywhere_is_an_error() {
    let harmonics: Vec<Vec<u8>> = vec![vec![1; 9]; 2];
    for file in [
        plain_ply(2, 9),
        made::compressed_ply(&CHUNK, &[[0; 4]; 2], &harmonics),
        gzip(&Spz::two(2).payload()),
        gzip(&Spz::two(3).payload()),
        Spz::two(4).v4(&[]),
    ] {
        assert!(read_splat(&file, &Y_UP).is_ok());
        for length in 0..file.len() {
            assert!(read_splat(&file[..length], &Y_UP).is_err(), "{length} of {} bytes", file.len());
        }
    }
}
