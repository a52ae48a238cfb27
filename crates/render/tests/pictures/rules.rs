//! The rules that foreign splats bring along: order, cut-off, and the light they are blended in.

use effigy_render::{Method, Precision};
use effigy_splat::{BlendSpace, Camera, Filter, Frame, Gaussians, SplatOrder, SplatRules};
use glam::Vec3;

use crate::oracle;
use crate::stage::{Stage, cpu, difference, psnr};

const LINEAR: SplatRules = SplatRules { blending: BlendSpace::Linear, ..SplatRules::KHR_ELLIPSE };

fn with(rules: SplatRules) -> Filter {
    Filter { rules, ..Filter::CLASSIC }
}

/// Near and wide, so that depth and distance order it differently.
fn scene(seed: u64) -> Gaussians {
    let (mut g, _) = oracle::random_scene(seed, 400, 2);
    g.positions.iter_mut().for_each(|p| *p *= Vec3::new(1.0, 1.0, 0.1));
    g
}

fn camera() -> Camera {
    Camera::look_at(Vec3::new(0.1, 0.0, 0.7), Vec3::ZERO, Vec3::Y, 1.8, 90, 70)
}

/// A pixel at the very edge of what is cut off may fall on either side of it.
fn assert_same(got: &Frame, want: &Frame, least: f64) {
    let (db, worst) = (psnr(got, want), difference(got, want));
    assert!(db > least && worst < 0.03, "{db} dB, at worst {worst}");
}

#[test]
fn tiles_keep_them_as_the_cpu_does() {
    let stage = Stage::new(Precision::Full);
    let (g, camera) = (scene(41), camera());
    let usual = cpu(&g, &[], &camera, Filter::CLASSIC);
    let ordered = SplatRules { order: SplatOrder::EyeDistance, ..SplatRules::CLASSIC };
    let narrow = SplatRules { cutoff: 1.5, ..SplatRules::CLASSIC };
    let light = SplatRules { blending: BlendSpace::Linear, ..SplatRules::CLASSIC };
    for rules in [ordered, narrow, light, SplatRules::KHR_ELLIPSE, LINEAR] {
        let want = cpu(&g, &[], &camera, with(rules));
        let got = stage.picture(&[&stage.upload(g.clone(), with(rules))], &camera, 1.0);
        assert_same(&got, &want, 70.0);
        assert!(difference(&usual, &got) > 0.03, "{rules:?} change nothing");
        // What was drawn by them leaves nothing to the next picture.
        let again = stage.picture(&[&stage.upload(g.clone(), Filter::CLASSIC)], &camera, 1.0);
        assert_same(&again, &usual, 80.0);
    }
}

/// Quads too; but linear light is left to tiles, which encode when they are done.
#[test]
fn quads_keep_them_as_the_cpu_does() {
    let stage = Stage::new(Precision::Half);
    let (g, camera) = (scene(42), camera());
    let mut view = stage.renderer.create_view(camera.width, camera.height).unwrap();
    view.set_method(Method::Quads);
    for (rules, method) in [
        (SplatRules::KHR_ELLIPSE, Method::Quads),
        (LINEAR, Method::Tiles),
        (SplatRules::CLASSIC, Method::Quads),
    ] {
        let want = cpu(&g, &[], &camera, with(rules));
        let got = stage.picture_in(&mut view, &[&stage.upload(g.clone(), with(rules))], &camera);
        assert_eq!(view.method(), method);
        assert_same(&got, &want, 45.0);
        // Depth stays along the view axis, whatever the order.
        for (i, (a, b)) in got.depth.iter().zip(&want.depth).enumerate() {
            if want.color[i][3] > 0.5 {
                assert!((a - b).abs() < 0.02, "{rules:?}: depth of pixel {i}: {a}, {b}");
            }
        }
    }
}

/// Of avatars that differ, the picture is made by the classic rules, and linear colours become sRGB one by one.
#[test]
fn avatars_of_different_rules_meet_in_the_classic_ones() {
    let stage = Stage::new(Precision::Full);
    let camera = camera();
    let (mut a, mut b) = (scene(43), scene(44));
    // No direction changes them, so that there are sRGB harmonics that are as the linear ones.
    for g in [&mut a, &mut b] {
        g.sh = g.sh.chunks(27).flat_map(|sh| sh[..3].to_vec()).collect();
        g.sh_degree = 0;
    }
    let mut encoded = b.clone();
    for c in &mut encoded.sh {
        let light = (0.5 + effigy_splat::SH_C0 * *c).max(0.0);
        *c = (effigy_splat::srgb_from_linear(Vec3::splat(light)).x - 0.5) / effigy_splat::SH_C0;
    }
    let (first, second) = (stage.upload(a.clone(), Filter::CLASSIC), stage.upload(b, with(LINEAR)));
    let want = stage.picture(&[&first, &stage.upload(encoded, Filter::CLASSIC)], &camera, 1.0);
    let got = stage.picture(&[&first, &second], &camera, 1.0);
    assert_same(&got, &want, 80.0);
    // Alone it keeps its own.
    let alone = stage.picture(&[&second], &camera, 1.0);
    assert_same(&alone, &cpu(&second.avatar().gaussians, &[], &camera, with(LINEAR)), 70.0);
}
