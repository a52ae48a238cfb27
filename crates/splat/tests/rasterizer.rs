//! The CPU rasteriser against the oracle, and its behaviour at the edges.

mod compare;
mod oracle;

use effigy_splat::{
    BlendSpace, Camera, Filter, Frame, FrameGradient, GaussianGradients, Gaussians, Rasterizer, SplatError,
    SplatOrder, SplatRules, sh_color,
};
use glam::{DVec3, Quat, Vec3};

fn render(g: &Gaussians, frames: &[Quat], camera: &Camera, filter: Filter) -> Frame {
    let mut frame = Frame::default();
    Rasterizer::new().render(g, frames, camera, filter, &mut frame).expect("a frame");
    frame
}

#[test]
fn agrees_with_the_oracle_on_random_scenes() {
    for (seed, degree, (width, height)) in
        [(1, 0, (67, 45)), (2, 1, (64, 64)), (3, 2, (33, 71)), (4, 3, (50, 50)), (5, 3, (1, 1))]
    {
        let (g, frames) = oracle::random_scene(seed, 300, degree);
        g.validate().unwrap();
        let camera = oracle::camera(width, height);
        for filter in
            [Filter::CLASSIC, Filter::MIP, Filter { variance: 0.1, compensate: true, ..Filter::CLASSIC }]
        {
            for frames in [&[][..], &frames] {
                let ours = render(&g, frames, &camera, filter);
                let (color, depth) = oracle::render(&g, frames, &camera, filter);
                let difference = compare::max_difference(&ours.color, &color);
                assert!(difference < 1e-4, "seed {seed}: colour differs by {difference}");
                for (i, (a, b)) in ours.depth.iter().zip(&depth).enumerate() {
                    assert!(
                        (f64::from(*a) - b).abs() < 1e-3,
                        "seed {seed}: depth of pixel {i}: {a}, oracle {b}"
                    );
                }
                assert!(width == 1 || color.iter().any(|c| c[3] > 0.5), "the scene is not empty");
            }
        }
    }
}

/// By each rule that differs from the classic ones, and by all: as the oracle, and not as without it.
#[test]
fn rules_of_other_formats_are_kept() {
    let (classic, khr) = (SplatRules::CLASSIC, SplatRules::KHR_ELLIPSE);
    let ordered = SplatRules { order: SplatOrder::EyeDistance, ..classic };
    let cut = SplatRules { cutoff: 3.0, ..classic };
    let narrow = SplatRules { cutoff: 1.5, ..classic };
    let linear = SplatRules { blending: BlendSpace::Linear, ..classic };
    let all = SplatRules { blending: BlendSpace::Linear, ..khr };
    // Near and wide, so that depth and distance order it differently.
    let (mut g, _) = oracle::random_scene(7, 300, 2);
    g.positions.iter_mut().for_each(|p| *p *= Vec3::new(1.0, 1.0, 0.1));
    let mut camera = Camera::look_at(Vec3::new(0.1, 0.0, 0.7), Vec3::ZERO, Vec3::Y, 1.8, 70, 50);
    camera.cx += 3.0;
    let usual = render(&g, &[], &camera, Filter::CLASSIC);
    for (rules, least) in
        [(ordered, 0.05), (cut, 0.002), (narrow, 0.05), (linear, 0.05), (khr, 0.05), (all, 0.05)]
    {
        let filter = Filter { rules, ..Filter::CLASSIC };
        let ours = render(&g, &[], &camera, filter);
        let (color, _) = oracle::render(&g, &[], &camera, filter);
        let difference = compare::max_difference(&ours.color, &color);
        // A pixel on the edge of what is cut off may fall on either side.
        let worst = ours
            .color
            .iter()
            .zip(&color)
            .filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| (f64::from(*a) - b).abs() > 2e-4));
        let worst = worst.count();
        assert!(worst <= 3 && difference < 0.02, "{rules:?}: {worst} pixels differ, by {difference}");
        let changed =
            usual.color.iter().zip(&ours.color).map(|(a, b)| (a[0] - b[0]).abs()).fold(0.0, f32::max);
        assert!(changed > least, "{rules:?} change nothing: {changed}");
    }
}

/// Two half-covering splats of linear light, white before black, by hand: 0.5 of white over the rest, then the curve.
#[test]
fn linear_light_is_blended_before_the_curve() {
    let at = |z: f32, sh: f32| (Vec3::new(0.0, 0.0, z), [sh; 3]);
    let (white, black) = (0.5 / effigy_splat::SH_C0, -0.5 / effigy_splat::SH_C0);
    let (near, far) = (at(0.1, white), at(-0.1, black));
    let g = Gaussians {
        positions: vec![near.0, far.0],
        rotations: vec![Quat::IDENTITY; 2],
        log_scales: vec![Vec3::splat(0.0); 2],
        opacity_logits: vec![0.0, 20.0],
        sh_degree: 0,
        sh: [near.1, far.1].concat(),
    };
    let camera = Camera::look_at(Vec3::new(0.0, 0.0, 3.0), Vec3::ZERO, Vec3::Y, 0.2, 33, 33);
    let rules = SplatRules { blending: BlendSpace::Linear, ..SplatRules::CLASSIC };
    let [r, _, _, a] = render(&g, &[], &camera, Filter { rules, ..Filter::CLASSIC }).color[16 * 33 + 16];
    // 0.5 of white, 0.5 · 0.99 of black: coverage 0.995, light 0.5025; sRGB of that by IEC 61966-2-1 is 0.7370.
    assert!((a - 0.995).abs() < 1e-3 && (r / a - 0.737).abs() < 2e-3, "{r} {a}");
    // In sRGB the colours themselves are mixed.
    let [r, _, _, a] = render(&g, &[], &camera, Filter::CLASSIC).color[16 * 33 + 16];
    assert!((r / a - 0.5025).abs() < 2e-3, "{r} {a}");
}

/// What is drawn by other rules has no derivative, and says so.
#[test]
fn other_rules_have_no_derivative() {
    let (g, _) = oracle::random_scene(3, 20, 0);
    let camera = oracle::camera(20, 20);
    let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
    for (rules, has) in [(SplatRules::CLASSIC, true), (SplatRules::KHR_ELLIPSE, false)] {
        let filter = Filter { rules, ..Filter::CLASSIC };
        rasterizer.render(&g, &[], &camera, filter, &mut frame).unwrap();
        let gradient = FrameGradient { color: vec![[1.0; 4]; 400], depth: vec![0.0; 400] };
        let mut out = GaussianGradients::default();
        let result = rasterizer.backward(&g, &[], &camera, filter, &frame, &gradient, &mut out);
        assert_eq!(result.is_ok(), has, "{rules:?}: {result:?}");
    }
}

#[test]
fn rules_of_many_are_those_that_all_have() {
    let (classic, khr) = (SplatRules::CLASSIC, SplatRules::KHR_ELLIPSE);
    assert_eq!(SplatRules::common([]), classic);
    assert_eq!(SplatRules::common([khr, khr]), khr);
    assert_eq!(SplatRules::common([khr, classic]), classic);
}

#[test]
fn harmonics_are_orthonormal_and_ours_agree() {
    // Midpoint rule over the sphere: exact for polynomials of this degree up to the rule's own error.
    let (rows, columns) = (400, 200);
    let mut gram = [[0.0; 16]; 16];
    for i in 0..rows {
        let z = -1.0 + (f64::from(i) + 0.5) * 2.0 / f64::from(rows);
        let r = (1.0 - z * z).sqrt();
        for j in 0..columns {
            let phi = f64::from(j) * std::f64::consts::TAU / f64::from(columns);
            let y = oracle::harmonics(DVec3::new(r * phi.cos(), r * phi.sin(), z));
            for (a, row) in gram.iter_mut().enumerate() {
                for (b, cell) in row.iter_mut().enumerate() {
                    *cell += y[a] * y[b] * 4.0 * std::f64::consts::PI / f64::from(rows * columns);
                }
            }
        }
    }
    for (a, row) in gram.iter().enumerate() {
        for (b, cell) in row.iter().enumerate() {
            assert!((cell - f64::from(u8::from(a == b))).abs() < 1e-3, "Y{a}·Y{b} = {cell}");
        }
    }
    let direction = Vec3::new(0.36, -0.48, 0.8);
    let basis = oracle::harmonics(direction.as_dvec3());
    for (k, want) in basis.iter().enumerate() {
        let mut sh = [0.0; 48];
        sh[3 * k] = 0.1;
        let got = f64::from(sh_color(3, &sh, direction).x) - 0.5;
        assert!((got - 0.1 * want).abs() < 1e-6, "harmonic {k}: {got} for {want}");
    }
}

#[test]
fn harmonic_signs_are_those_of_the_file_format() {
    // From the evaluation code published with 3D Gaussian Splatting files, at (0.36, −0.48, 0.8), worked by hand.
    let basis = oracle::harmonics(DVec3::new(0.36, -0.48, 0.8));
    assert!((basis[1] - 0.4886025119 * 0.48).abs() < 1e-9);
    assert!((basis[3] + 0.4886025119 * 0.36).abs() < 1e-9);
    assert!((basis[4] - 1.0925484306 * 0.36 * -0.48).abs() < 1e-9);
    assert!((basis[9] + 0.5900435899 * -0.48 * (3.0 * 0.1296 - 0.2304)).abs() < 1e-9);
    assert!((basis[15] + 0.5900435899 * 0.36 * (0.1296 - 3.0 * 0.2304)).abs() < 1e-9);
}

#[test]
fn one_opaque_gaussian_is_where_the_camera_model_says() {
    // 10 cm up and 20 cm right of the axis at 2 m, focal length 100: 10 px right of and 5 px above the middle.
    let g = Gaussians {
        positions: vec![Vec3::new(0.2, 0.1, 0.0)],
        rotations: vec![Quat::IDENTITY],
        log_scales: vec![Vec3::splat(0.03f32.ln())],
        opacity_logits: vec![f32::INFINITY],
        sh_degree: 0,
        sh: vec![0.0; 3],
    };
    g.validate().unwrap();
    let mut camera = Camera::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, Vec3::Y, 1.0, 41, 31);
    (camera.fx, camera.fy) = (100.0, 100.0);
    let frame = render(&g, &[], &camera, Filter::CLASSIC);
    let (brightest, _) = frame.color.iter().enumerate().max_by(|a, b| a.1[3].total_cmp(&b.1[3])).unwrap();
    assert_eq!((brightest % 41, brightest / 41), (30, 10));
    let center = frame.color[brightest];
    assert!((center[3] - 0.99).abs() < 1e-6 && (center[0] - 0.495).abs() < 1e-6, "{center:?}");
    assert!((frame.depth[brightest] - 2.0).abs() < 1e-5);
}

#[test]
fn nothing_behind_or_broken_is_drawn() {
    let mut g = Gaussians {
        positions: vec![Vec3::new(0.0, 0.0, 5.0), Vec3::new(f32::NAN, 0.0, 0.0), Vec3::ZERO],
        rotations: vec![Quat::IDENTITY; 3],
        log_scales: vec![Vec3::splat(-2.0), Vec3::splat(-2.0), Vec3::splat(80.0)],
        opacity_logits: vec![3.0; 3],
        sh_degree: 0,
        sh: vec![0.0; 9],
    };
    let camera = Camera::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, Vec3::Y, 1.0, 20, 20);
    let frame = render(&g, &[], &camera, Filter::MIP);
    assert!(frame.color.iter().flatten().all(|c| *c == 0.0));
    assert!(matches!(g.validate(), Err(SplatError::Value { index: 1, .. })));
    g.positions[1] = Vec3::ZERO;
    assert!(matches!(g.validate(), Err(SplatError::Value { index: 2, .. })));
    g.sh.pop();
    assert!(matches!(g.validate(), Err(SplatError::Shape(_))));
}

#[test]
fn cameras_that_cannot_project_are_refused() {
    let good = Camera::look_at(Vec3::Z, Vec3::ZERO, Vec3::Y, 1.0, 20, 20);
    good.validate().unwrap();
    let mut frame = Frame::default();
    for bad in [
        Camera { width: 0, ..good },
        Camera { height: 100_000, ..good },
        Camera { fx: f32::NAN, ..good },
        Camera { near: 0.0, ..good },
        Camera { camera_from_world: glam::Affine3A::from_scale(Vec3::splat(2.0)), ..good },
    ] {
        let error = Rasterizer::new().render(&Gaussians::default(), &[], &bad, Filter::MIP, &mut frame);
        assert!(matches!(error, Err(SplatError::Camera(_))), "{bad:?}");
    }
}

#[test]
fn arrays_of_unequal_length_are_refused() {
    let camera = oracle::camera(20, 20);
    let mut frame = Frame::default();
    let (mut g, frames) = oracle::random_scene(8, 10, 1);
    let short = Rasterizer::new().render(&g, &frames[1..], &camera, Filter::MIP, &mut frame);
    assert!(matches!(short, Err(SplatError::Shape(_))));
    g.rotations.pop();
    let short = Rasterizer::new().render(&g, &[], &camera, Filter::MIP, &mut frame);
    assert!(matches!(short, Err(SplatError::Shape(_))));
}

#[test]
fn more_tile_entries_than_are_held_at_once_change_nothing() {
    // 40,000 Gaussians that each cover all of 64 × 16 tiles are 41 million entries: two bands. The nearest is opaque
    // enough that the ones behind the first few hundred cannot be seen.
    let n = 40_000;
    let mut g = Gaussians::with_capacity(n, 0);
    for i in 0..n {
        g.positions.push(Vec3::new(0.0, 0.0, -(i as f32) * 1e-3));
        g.rotations.push(Quat::IDENTITY);
        g.log_scales.push(Vec3::splat(3.0));
        g.opacity_logits.push(2.0);
        g.sh.extend([if i == 0 { 1.0 } else { -1.0 }; 3]);
    }
    let camera = Camera::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, Vec3::Y, 0.6, 1024, 256);
    let few = Gaussians {
        positions: g.positions[..300].into(),
        rotations: g.rotations[..300].into(),
        log_scales: g.log_scales[..300].into(),
        opacity_logits: g.opacity_logits[..300].into(),
        sh: g.sh[..900].into(),
        sh_degree: 0,
    };
    let (all, few) = (render(&g, &[], &camera, Filter::MIP), render(&few, &[], &camera, Filter::MIP));
    assert!(all.color.iter().all(|c| c[3] > 0.999));
    assert_eq!(all, few);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (g, frames) = oracle::random_scene(9, 5000, 1);
    let camera = oracle::camera(130, 97);
    let mut rasterizer = Rasterizer::new();
    let (mut a, mut b) = (Frame::default(), Frame::default());
    rasterizer.render(&g, &frames, &camera, Filter::MIP, &mut a).unwrap();
    // A frame of another size between must leave nothing behind.
    rasterizer.render(&g, &frames, &oracle::camera(31, 300), Filter::MIP, &mut b).unwrap();
    rasterizer.render(&g, &frames, &camera, Filter::MIP, &mut b).unwrap();
    assert_eq!(a, b);
}
