//! `.ksplat`, by its description: buckets, half floats, harmonics of a byte.

use effigy_avatar::splat_file::{SplatReadOptions, UpAxis, read_ksplat, read_splat};
use effigy_splat::{Gaussians, SH_C0, opacity_from_logit};
use glam::{Quat, Vec3};

use crate::made::ksplat;
use crate::{assert_close, message};

const FILE_AXES: SplatReadOptions = SplatReadOptions { up: Some(UpAxis::YUp), ..crate::Y_UP };

fn read(file: &[u8]) -> Gaussians {
    read_ksplat(file, &FILE_AXES).unwrap().gaussians
}

#[test]
fn every_level_holds_the_same() {
    for (level, tolerance) in [(0, 1e-6), (1, 1e-3), (2, 1e-3)] {
        for degree in 0..=2 {
            let file = ksplat(level, degree).bytes();
            let g = read(&file);
            assert_eq!((g.len(), g.sh_degree), (3, degree), "level {level}");
            assert_eq!(read_splat(&file, &FILE_AXES).unwrap().gaussians, g, "told by its content");
            for (found, want) in g.positions.iter().zip(&ksplat(level, degree).sections[0].positions) {
                assert_close(&found.to_array(), want, 2e-4);
            }
            // What `Ksplat::bytes` gives Gaussian i: scales 0.1·(i+1)·(1, 2, 3), a turn of 0.3·i about Y, colours
            // 10·i, 100, 255, opacity 204, and harmonic k of channel c 0.1·k - 0.3·c.
            for i in 0..3 {
                let scale = 0.1 * (i as f32 + 1.0);
                let want = [scale, 2.0 * scale, 3.0 * scale].map(f32::ln);
                assert_close(&g.log_scales[i].to_array(), &want, 2.0 * tolerance);
                let turn = Quat::from_rotation_y(0.3 * i as f32);
                assert!(g.rotations[i].normalize().abs_diff_eq(turn, 1e-3), "{}", g.rotations[i]);
                assert_close(&[opacity_from_logit(g.opacity_logits[i])], &[0.8], 1e-6);
                let sh = g.sh_of(i);
                let rgb: Vec<f32> = sh[..3].iter().map(|c| 0.5 + SH_C0 * c).collect();
                assert_close(&rgb, &[10.0 * i as f32 / 255.0, 100.0 / 255.0, 1.0], 1e-6);
                // A byte spans 4 here.
                let step = if level == 2 { 4.0 / 255.0 } else { tolerance };
                for (k, rgb) in sh.chunks_exact(3).enumerate().skip(1) {
                    assert_close(rgb, &[0, 1, 2].map(|c| 0.1 * k as f32 - 0.3 * c as f32), step);
                }
            }
        }
    }
}

/// Sections with harmonics of different degrees, one of them with room for more than it holds.
#[test]
fn sections_follow_each_other() {
    let mut file = ksplat(1, 1);
    let mut second = file.sections[0].clone();
    (second.degree, second.positions) = (2, vec![[1.0, 1.0, 1.0]]);
    (second.bucket_size, second.partial, second.centers) = (2, vec![1], vec![[0.0; 3]]);
    file.sections.push(second);
    let g = read(&file.bytes());
    assert_eq!((g.len(), g.sh_degree), (4, 2));
    assert_close(&g.positions[3].to_array(), &[1.0; 3], 2e-4);
    assert_eq!(g.sh_of(0)[12..], [0.0; 15], "what the first section has not got is nothing");
    assert!(g.sh_of(3)[12..].iter().any(|&c| c != 0.0));
}

#[test]
fn y_is_down_by_custom() {
    let file = ksplat(0, 0).bytes();
    let scene = read_ksplat(&file, &SplatReadOptions { up: None, ..FILE_AXES }).unwrap();
    assert_eq!(scene.gaussians.positions[0], Vec3::new(0.5, 0.25, -1.0));
}

#[test]
fn contradictions_are_refused() {
    let file = ksplat(1, 2).bytes();
    for length in 0..file.len() {
        assert!(read_ksplat(&file[..length], &FILE_AXES).is_err(), "{length} of {} bytes", file.len());
    }
    let broken = |at: usize, bytes: &[u8]| {
        let mut file = file.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        message(read_ksplat(&file, &FILE_AXES))
    };
    assert_eq!(broken(0, &[1]), ".ksplat: version 1.1 is not known");
    assert_eq!(broken(20, &[3]), ".ksplat: compression level 3 is not one of 0 to 2");
    assert!(broken(4, &[255, 255, 255, 255]).contains("sections do not fit"));
    assert!(broken(4096, &[4]).contains("4 Gaussians in room for 3"));
    assert!(broken(4096 + 40, &[9]).contains("harmonics of degree 9"));
    // The bucket that is not full holds none: the third Gaussian is in no bucket.
    assert!(broken(4096 + 1024, &[0]).contains("Gaussian 2 is in no bucket"));
    assert!(broken(4096 + 36, &[200]).contains("buckets do not fit"));
}
