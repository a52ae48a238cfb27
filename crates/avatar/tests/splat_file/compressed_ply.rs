//! The compressed PLY of PlayCanvas.

use effigy_avatar::splat_file::{SplatScene, read_compressed_ply, read_splat};
use effigy_splat::Filter;
use glam::Vec3;

use crate::made::{CHUNK, compressed_ply};
use crate::{Y_UP, assert_close, message, read_y_up};

/// Words whose meaning under [`CHUNK`] is worked out in the test.
const WORDS: [u32; 4] =
    [2047 << 21 | 1023 << 11, 1023 << 20 | 511 << 10 | 511, 1023 << 11 | 2047, 255 << 24 | 51 << 8 | 204];

#[test]
fn compressed_ply_by_hand() {
    let file = compressed_ply(&CHUNK, &[WORDS], &[vec![0, 255, 128, 64, 1, 254, 128, 128, 128]]);
    let SplatScene { gaussians, filter, .. } = read_y_up(&file);
    assert_eq!(filter, Filter::CLASSIC);
    assert_eq!(read_compressed_ply(&file, &Y_UP).unwrap().gaussians, gaussians);
    assert_eq!(gaussians.positions, [Vec3::new(1.0, 4.0, 10.0)]);
    assert_eq!(gaussians.log_scales, [Vec3::new(-8.0, -4.0, -4.0)]);
    // (1023/1023 - ½) √2 for x, (511/1023 - ½) √2 for y and z, w is what is left.
    let want = [0.707_106_77, -0.000_691_209, -0.000_691_209, 0.707_106_1];
    assert_close(&gaussians.rotations[0].to_array(), &want, 1e-7);
    // An opacity of 0.8 is ln 4; colours are 2, -1 and 0.2.
    assert_close(&gaussians.opacity_logits, &[1.386_294_4], 1e-6);
    assert_close(&gaussians.sh[..3], &[5.317_362, -5.317_362, -1.063_472_3], 1e-5);
    let want = [-4.0, -1.984_375, 0.015_625, 4.0, -3.953_125, 0.015_625, 0.015_625, 3.953_125, 0.015_625];
    assert_eq!(gaussians.sh[3..], want);
}

#[test]
fn compressed_ply_without_colour_bounds() {
    let gaussians = read_y_up(&compressed_ply(&CHUNK[..12], &[WORDS], &[])).gaussians;
    assert_close(&gaussians.sh, &[1.772_453_9, -1.772_453_9, -1.063_472_3], 1e-6);
}

#[test]
fn compressed_ply_rotations_leave_out_the_largest() {
    // One tenth, two tenths and three tenths of the way.
    let bits = 102 << 20 | 205 << 10 | 307;
    let [a, b, c] = [102.0, 205.0, 307.0].map(|v: f64| (v / 1023.0 - 0.5) * 2.0_f64.sqrt());
    let d = (1.0 - a * a - b * b - c * c).sqrt();
    for (which, wxyz) in [[d, a, b, c], [a, d, b, c], [a, b, d, c], [a, b, c, d]].into_iter().enumerate() {
        let word = (which as u32) << 30 | bits;
        let file = compressed_ply(&CHUNK, &[[WORDS[0], word, WORDS[2], WORDS[3]]], &[]);
        let [w, x, y, z] = wxyz.map(|v| v as f32);
        assert_close(&read_y_up(&file).gaussians.rotations[0].to_array(), &[x, y, z, w], 1e-6);
    }
}

#[test]
fn compressed_ply_opacities_at_the_ends_are_infinite_logits() {
    let words = |alpha| [WORDS[0], WORDS[1], WORDS[2], alpha];
    let gaussians = read_y_up(&compressed_ply(&CHUNK, &[words(0), words(255)], &[])).gaussians;
    assert_eq!(gaussians.opacity_logits, [f32::NEG_INFINITY, f32::INFINITY]);
}

#[test]
fn compressed_ply_faults_are_named() {
    let read = |bytes: &[u8]| message(read_splat(bytes, &Y_UP));
    assert_eq!(
        read(&compressed_ply(&CHUNK, &[WORDS; 257], &[])),
        "PLY: element \"chunk\" has 1 rows where the vertices need 2"
    );
    assert_eq!(
        read(&compressed_ply(&CHUNK, &[WORDS; 2], &[vec![0; 9]])),
        "PLY: element \"sh\" has 1 rows where the vertices need 2"
    );
    let text = compressed_ply(&CHUNK, &[WORDS], &[]);
    let swap = |from: &[u8], to: &[u8]| {
        let at = text.windows(from.len()).position(|w| w == from).unwrap();
        [&text[..at], to, &text[at + from.len()..]].concat()
    };
    assert_eq!(
        read(&swap(b"uint packed_scale", b"float packed_scale")),
        "PLY: property packed_scale is not of type uint"
    );
    assert_eq!(read(&swap(b"packed_scale", b"packed_other")), "PLY: element \"vertex\" lacks packed_scale");
    assert_eq!(read(&swap(b"min_scale_y", b"min_size_y")), "PLY: element \"chunk\" lacks min_scale_y");
}

#[test]
fn compressed_ply_with_a_comment_of_antialiasing() {
    let file = compressed_ply(&CHUNK, &[WORDS], &[]);
    let text = b"comment made for a test\n";
    let at = file.windows(text.len()).position(|w| w == text).unwrap();
    let file = [&file[..at], b"comment SplatRenderMode: mip\n", &file[at..]].concat();
    assert_eq!(read_y_up(&file).filter, Filter::MIP);
}

#[test]
fn compressed_ply_of_the_other_byte_order() {
    let file = compressed_ply(&CHUNK, &[WORDS], &[]);
    let end = file.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = String::from_utf8(file[..end].to_vec()).unwrap().replace("little", "big");
    // Nothing but values of four bytes.
    let body: Vec<u8> = file[end..].as_chunks::<4>().0.iter().flat_map(|b| b.iter().rev().copied()).collect();
    assert_eq!(read_y_up(&[header.as_bytes(), &body].concat()), read_y_up(&file));
}
