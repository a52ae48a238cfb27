//! Writing the PLY of 3D Gaussian Splatting.

use effigy_avatar::splat_file::{SplatFileError, SplatReadOptions, read_splat, write_ply};
use effigy_splat::{Filter, Gaussians};
use glam::{Quat, Vec3};

use crate::made::{float_ply, plain_ply, property_names};
use crate::read_y_up;

#[test]
fn written_ply_reads_back_the_same() {
    for rest in [0, 9, 24, 45] {
        let gaussians = read_y_up(&plain_ply(7, rest)).gaussians;
        let mut file = Vec::new();
        write_ply(&gaussians, Filter::CLASSIC, &mut file).unwrap();
        assert_eq!(read_splat(&file, &SplatReadOptions::default()).unwrap().gaussians, gaussians);
    }
}

#[test]
fn written_ply_is_y_down_in_the_customary_order() {
    let gaussians = Gaussians {
        positions: vec![Vec3::new(1.0, 2.0, 3.0)],
        rotations: vec![Quat::from_xyzw(0.1, 0.2, 0.3, 0.9)],
        log_scales: vec![Vec3::new(-1.0, -2.0, -3.0)],
        opacity_logits: vec![0.5],
        sh_degree: 1,
        sh: (1..=12).map(|v| v as f32).collect(),
    };
    let mut file = Vec::new();
    write_ply(&gaussians, Filter::CLASSIC, &mut file).unwrap();
    let mut header = String::from("ply\nformat binary_little_endian 1.0\nelement vertex 1\n");
    for name in [
        "x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "f_rest_0", "f_rest_1", "f_rest_2",
        "f_rest_3", "f_rest_4", "f_rest_5", "f_rest_6", "f_rest_7", "f_rest_8", "opacity", "scale_0",
        "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3",
    ] {
        header += &format!("property float {name}\n");
    }
    header += "end_header\n";
    let (head, body) = file.split_at(header.len());
    assert_eq!(String::from_utf8_lossy(head), header);
    let values: Vec<f32> = body.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    // y and z change sign, and so do the harmonics -y and z, the first two of each channel.
    let want = [
        1.0, -2.0, -3.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, -4.0, -7.0, 10.0, -5.0, -8.0, 11.0, -6.0, -9.0, 12.0,
        0.5, -1.0, -2.0, -3.0, 0.9, 0.1, -0.2, -0.3,
    ];
    assert_eq!(values, want);
}

#[test]
fn what_cannot_be_rendered_is_not_written() {
    let mut gaussians = read_y_up(&plain_ply(2, 0)).gaussians;
    gaussians.positions[1].x = f32::NAN;
    let mut file = Vec::new();
    assert!(matches!(write_ply(&gaussians, Filter::CLASSIC, &mut file), Err(SplatFileError::Gaussians(_))));
    assert!(file.is_empty());
}

#[test]
fn a_filter_that_compensates_is_written_as_a_comment_that_others_know() {
    let gaussians = read_y_up(&plain_ply(2, 9)).gaussians;
    let written = |gaussians: &Gaussians, filter| {
        let mut file = Vec::new();
        write_ply(gaussians, filter, &mut file).unwrap();
        let scene = read_splat(&file, &SplatReadOptions::default()).unwrap();
        assert_eq!(scene.gaussians, *gaussians);
        let end = file.windows(10).position(|w| w == b"end_header").unwrap();
        (scene.filter, String::from_utf8(file[..end].to_vec()).unwrap())
    };
    let (filter, header) = written(&gaussians, Filter::MIP);
    assert_eq!(filter, Filter::MIP);
    assert!(header.contains("\ncomment SplatRenderMode: mip\n"), "{header}");
    let (filter, header) = written(&gaussians, Filter::CLASSIC);
    assert_eq!(filter, Filter::CLASSIC);
    assert!(!header.contains("comment"), "{header}");

    // 2D splatting: what was read flat is marked so, with all its scales.
    let names = property_names(0);
    let flat: Vec<&str> = names.iter().map(String::as_str).filter(|name| *name != "scale_2").collect();
    let row = vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -3.0, -3.0, 1.0, 0.0, 0.0, 0.0];
    let flat = read_y_up(&float_ply(&flat, &[row])).gaussians;
    let (filter, header) = written(&flat, Filter::CLASSIC);
    assert_eq!(filter, Filter::CLASSIC);
    assert!(header.contains("\ncomment SplatRenderMode: 2dgs\n") && header.contains("scale_2"), "{header}");
}
