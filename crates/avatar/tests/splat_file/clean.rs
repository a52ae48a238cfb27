//! Gaussians that cannot be drawn, which trainers leave in their files, in every format that can hold them.

use effigy_avatar::splat_file::{SplatScene, read_splat};
use glam::{Quat, Vec3};

use crate::made::{CHUNK, Spz, compressed_ply, float_ply, gzip, property_names};
use crate::{Y_UP, message, read_y_up, warnings};

/// A Gaussian of degree 1 at `x`, in the order of [`property_names`] of 9.
fn row(x: f32) -> Vec<f32> {
    let mut row = vec![0.0; 23];
    row[0] = x;
    row[16..19].fill(-3.0);
    row[19] = 1.0;
    // The harmonics tell one Gaussian from another.
    row[6] = x;
    row
}

fn ply_of(rows: &[Vec<f32>]) -> Vec<u8> {
    let names = property_names(9);
    float_ply(&names.iter().map(String::as_str).collect::<Vec<_>>(), rows)
}

#[test]
fn each_value_that_cannot_be_drawn_leaves_out_its_gaussian_and_no_other() {
    let names = property_names(9);
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let nan = f32::NAN;
    for (name, value) in [
        ("x", nan),
        ("y", f32::INFINITY),
        ("z", f32::NEG_INFINITY),
        ("z", 1e13),
        ("f_dc_0", nan),
        ("f_dc_2", f32::INFINITY),
        ("f_rest_8", nan),
        ("f_rest_0", f32::NEG_INFINITY),
        ("opacity", nan),
        ("scale_0", nan),
        ("scale_1", f32::INFINITY),
        ("scale_2", 80.0),
        // The only component that is not zero.
        ("rot_0", 0.0),
        ("rot_1", nan),
        ("rot_3", f32::INFINITY),
    ] {
        let mut bad = row(2.0);
        bad[column(name)] = value;
        let file = ply_of(&[bad.clone(), row(1.0), bad.clone(), row(3.0), bad]);
        let (SplatScene { gaussians, .. }, warned) = warnings(|| read_y_up(&file));
        assert_eq!(gaussians, read_y_up(&ply_of(&[row(1.0), row(3.0)])).gaussians, "{name} = {value}");
        assert_eq!(warned.len(), 1, "{warned:?}");
        assert!(warned[0].contains("3 of 5 Gaussians"), "{warned:?}");
    }
}

#[test]
fn what_can_be_drawn_stays_without_a_warning() {
    let names = property_names(9);
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let with = |name: &str, value: f32| {
        let mut row = row(2.0);
        row[column(name)] = value;
        let (scene, warned) = warnings(|| read_y_up(&ply_of(&[row])));
        assert!(warned.is_empty(), "{warned:?}");
        scene.gaussians
    };
    assert_eq!(with("opacity", f32::INFINITY).opacity_logits, [f32::INFINITY]);
    assert_eq!(with("opacity", f32::NEG_INFINITY).opacity_logits, [f32::NEG_INFINITY]);
    // No extent along y: less than a millionth of a millionth of a metre.
    let flat = with("scale_1", f32::NEG_INFINITY).log_scales[0];
    assert_eq!((flat.x, flat.z), (-3.0, -3.0));
    assert!(flat.y.is_finite() && flat.y < -27.7, "{flat}");
    // Rotations whose squared length is beyond f32, or below it.
    for length in [1e30, 1e-30, 1e-42] {
        let turn = with("rot_0", length).rotations[0].normalize();
        assert!(turn.abs_diff_eq(Quat::IDENTITY, 1e-6), "{length}: {turn}");
    }
}

#[test]
fn a_file_with_nothing_left_says_so() {
    let mut bad = row(0.0);
    bad[19] = 0.0;
    let fault = message(read_splat(&ply_of(&[bad.clone(), bad]), &Y_UP));
    assert_eq!(fault, "none of its 2 Gaussians can be drawn: rotation is not finite or has no length");
    // A file without Gaussians is a file without Gaussians.
    assert!(read_y_up(&ply_of(&[])).gaussians.is_empty());
}

#[test]
fn an_ascii_ply_spells_what_is_not_a_number_as_its_writer_does() {
    let text = |x: &str| {
        let names = property_names(0);
        let row = |x: &str| format!("{x} 0 0 0 0 0 0 -3 -3 -3 1 0 0 0\n");
        let mut lines = vec!["element vertex 2".to_owned()];
        lines.extend(names.iter().map(|name| format!("property float {name}")));
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        crate::made::ply("ascii", &lines, (row(x) + &row("4")).as_bytes())
    };
    for x in ["nan", "NaN", "-nan", "-nan(ind)", "nan(snan)", "inf", "-Infinity", "1e999"] {
        assert_eq!(read_y_up(&text(x)).gaussians.positions, [Vec3::new(4.0, 0.0, 0.0)], "{x}");
    }
    assert_eq!(message(read_splat(&text("nana"), &Y_UP)), "vertex 0, x: not a number");
}

#[test]
fn a_chunk_of_a_compressed_ply_that_is_not_finite_takes_its_gaussians_with_it() {
    let words: Vec<[u32; 4]> = (0..300).map(|i| [i << 21, 0, u32::MAX, 128]).collect();
    let one = compressed_ply(&CHUNK, &words[..256], &[]);
    let end = one.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = String::from_utf8(one[..end].to_vec()).unwrap();
    let header = header.replace("chunk 1", "chunk 2").replace("vertex 256", "vertex 300");
    let file_of = |first: [f32; 18]| {
        let bounds = [first, CHUNK].concat();
        let mut file = header.clone().into_bytes();
        file.extend(bounds.iter().flat_map(|v| v.to_le_bytes()));
        file.extend(words.iter().flatten().flat_map(|v| v.to_le_bytes()));
        file
    };
    let whole = read_y_up(&file_of(CHUNK)).gaussians;
    assert_eq!(whole.len(), 300);
    for (bound, value) in [(4, f32::NAN), (0, f32::NEG_INFINITY), (10, 1e9), (13, f32::NAN)] {
        let mut first = CHUNK;
        first[bound] = value;
        let (scene, warned) = warnings(|| read_y_up(&file_of(first)));
        assert!(scene.gaussians.positions == whole.positions[256..]);
        assert_eq!(scene.gaussians.sh, whole.sh[3 * 256..]);
        assert!(warned.len() == 1 && warned[0].contains("256 of 300"), "{warned:?}");
    }
}

#[test]
fn half_floats_of_an_spz_that_are_not_finite_leave_out_their_gaussian() {
    let mut spz = Spz::two(1);
    let whole = read_y_up(&gzip(&spz.payload())).gaussians;
    // Half floats: a NaN, minus infinity.
    for half in [[0x01, 0x7e], [0x00, 0xfc]] {
        spz.arrays[0][2..4].copy_from_slice(&half);
        let (scene, warned) = warnings(|| read_y_up(&gzip(&spz.payload())));
        assert_eq!(scene.gaussians.positions, whole.positions[1..]);
        assert_eq!(scene.gaussians.sh, whole.sh_of(1));
        assert!(warned.len() == 1 && warned[0].contains("1 of 2"), "{warned:?}");
    }
}
