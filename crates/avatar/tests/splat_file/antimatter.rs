//! `.splat`, by its description: 32 bytes a Gaussian.

use effigy_avatar::splat_file::{SplatReadOptions, UpAxis, read_antimatter};
use effigy_splat::{Filter, SH_C0, opacity_from_logit};
use glam::{Quat, Vec3};

use crate::made::antimatter;
use crate::{assert_close, message};

const FILE_AXES: SplatReadOptions = SplatReadOptions { up: Some(UpAxis::YUp), ..crate::Y_UP };

#[test]
fn values_are_where_the_format_has_them() {
    // The second byte of the rotation is x: a quarter turn about it is (√½, √½, 0, 0), 128 + 90.5 each.
    let file = antimatter(&[
        ([1.0, -2.0, 3.5], [0.1, 0.2, 0.4], [255, 0, 51, 204], [218, 218, 128, 128]),
        ([0.0; 3], [1.0, 0.0, 1.0], [0, 128, 255, 255], [255, 128, 128, 128]),
    ]);
    let scene = read_antimatter(&file, &FILE_AXES).unwrap();
    let g = &scene.gaussians;
    assert_eq!((g.len(), g.sh_degree, scene.filter), (2, 0, Filter::CLASSIC));
    assert_eq!(g.positions, [Vec3::new(1.0, -2.0, 3.5), Vec3::ZERO]);
    assert_close(&g.log_scales[0].to_array(), &[0.1f32.ln(), 0.2f32.ln(), 0.4f32.ln()], 1e-6);
    // Nothing is as wide as nothing: flat, and still drawn.
    assert!(g.log_scales[1].y < -20.0 && g.log_scales[1].x == 0.0);
    let rgb = |i: usize| -> Vec<f32> { g.sh_of(i).iter().map(|c| 0.5 + SH_C0 * c).collect() };
    assert_close(&rgb(0), &[1.0, 0.0, 0.2], 1e-6);
    assert_close(&[opacity_from_logit(g.opacity_logits[0])], &[0.8], 1e-6);
    assert_eq!(g.opacity_logits[1], f32::INFINITY);
    let turned = g.rotations[0].normalize() * Vec3::Y;
    assert!(turned.abs_diff_eq(Vec3::Z, 1e-6), "{turned}");
    assert!(g.rotations[1].normalize().abs_diff_eq(Quat::IDENTITY, 1e-6));
}

/// As in the PLY that it is made from, Y is down unless something else is asked for.
#[test]
fn y_is_down_by_custom() {
    let file = antimatter(&[([1.0, 2.0, 3.0], [0.1; 3], [0; 4], [255, 128, 128, 128])]);
    let scene = read_antimatter(&file, &SplatReadOptions { up: None, ..FILE_AXES }).unwrap();
    assert_eq!(scene.gaussians.positions, [Vec3::new(1.0, -2.0, -3.0)]);
}

#[test]
fn what_is_none_is_refused() {
    let file = antimatter(&[([1.0; 3], [0.1; 3], [0; 4], [255, 128, 128, 128])]);
    assert_eq!(message(read_antimatter(&file[..31], &FILE_AXES)), ".splat: 31 bytes are no multiple of 32");
    assert!(message(read_antimatter(&[], &FILE_AXES)).contains("no multiple"));
    let none = antimatter(&[([f32::NAN; 3], [0.1; 3], [0; 4], [255, 128, 128, 128])]);
    assert!(message(read_antimatter(&none, &FILE_AXES)).contains("no positions and scales"));
}
