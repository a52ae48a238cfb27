//! The derivative of rendering against finite differences of the oracle in f64.

mod oracle;

use effigy_splat::{
    Camera, Filter, Frame, FrameGradient, GaussianGradients, Gaussians, Rasterizer, SplatError,
    sh_coefficients,
};
use glam::{DVec2, DVec3, Quat, Vec3, Vec4};
use oracle::{Scene, Splat};
use rayon::prelude::*;

fn random(seed: u64) -> impl FnMut(f32, f32) -> f32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |lo, hi| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lo + (hi - lo) * ((state >> 40) as f32 / (1u32 << 24) as f32)
    }
}

/// A loss that is linear in colour, alpha and depth, with random weights.
fn random_gradient(seed: u64, camera: &Camera) -> FrameGradient {
    let mut uniform = random(seed);
    let pixels = (camera.width * camera.height) as usize;
    FrameGradient {
        color: (0..pixels).map(|_| std::array::from_fn(|_| uniform(-1.0, 1.0))).collect(),
        depth: (0..pixels).map(|_| uniform(-1.0, 1.0)).collect(),
    }
}

fn gradients(
    g: &Gaussians,
    frames: &[Quat],
    camera: &Camera,
    filter: Filter,
    gradient: &FrameGradient,
) -> GaussianGradients {
    let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
    let mut out = GaussianGradients::default();
    rasterizer.render(g, frames, camera, filter, &mut frame).expect("a frame");
    rasterizer.backward(g, frames, camera, filter, &frame, gradient, &mut out).expect("gradients");
    out
}

/// The oracle's picture with the set of contributions and their order held fixed. That is what a derivative is of:
/// where a contribution falls below what is drawn, the picture jumps.
struct Fixed<'a> {
    camera: &'a Camera,
    gradient: &'a FrameGradient,
    /// For each pixel the Gaussians that are drawn there, nearest first.
    drawn: Vec<Vec<usize>>,
    /// For each Gaussian the pixels where it is drawn.
    pixels: Vec<Vec<usize>>,
    /// For each Gaussian the sum of its blend weights.
    weights: Vec<f64>,
}

impl<'a> Fixed<'a> {
    fn of(splats: &[Option<Splat>], camera: &'a Camera, gradient: &'a FrameGradient) -> Self {
        let mut order: Vec<(usize, &Splat)> =
            splats.iter().enumerate().filter_map(|(i, s)| Some((i, s.as_ref()?))).collect();
        order.sort_by(|a, b| a.1.depth.total_cmp(&b.1.depth));
        let count = (camera.width * camera.height) as usize;
        let mut fixed = Self {
            camera,
            gradient,
            drawn: vec![Vec::new(); count],
            pixels: vec![Vec::new(); splats.len()],
            weights: vec![0.0; splats.len()],
        };
        for pixel in 0..count {
            let mut through = 1.0;
            for &(i, splat) in &order {
                let alpha = splat.alpha(oracle::pixel_center(camera, pixel));
                if alpha < 1.0 / 255.0 || through < 1e-4 {
                    continue;
                }
                fixed.drawn[pixel].push(i);
                fixed.pixels[i].push(pixel);
                fixed.weights[i] += through * alpha;
                through *= 1.0 - alpha;
            }
        }
        fixed
    }

    /// The part of the loss that Gaussian `i` has any influence on, when it becomes `replaced`.
    fn loss(&self, splats: &[Option<Splat>], i: usize, replaced: &Splat) -> f64 {
        let mut loss = 0.0;
        for &pixel in &self.pixels[i] {
            let center = oracle::pixel_center(self.camera, pixel);
            let (mut color, mut depth, mut through) = (DVec3::ZERO, 0.0, 1.0);
            for &j in &self.drawn[pixel] {
                let splat = if j == i { replaced } else { splats[j].as_ref().expect("drawn") };
                let weight = through * splat.alpha(center);
                color += weight * splat.color;
                depth += weight * splat.depth;
                through -= weight;
            }
            let [r, g, b, a] = self.gradient.color[pixel].map(f64::from);
            let coverage = 1.0 - through;
            loss += color.dot(DVec3::new(r, g, b)) + coverage * a;
            loss += depth / coverage * f64::from(self.gradient.depth[pixel]);
        }
        loss
    }
}

/// One attribute's parameters in the f64 scene and our gradient on them, Gaussian by Gaussian.
struct Attribute {
    name: &'static str,
    width: usize,
    nudge: fn(&mut Scene, usize, usize, f64),
    ours: Vec<f32>,
}

fn attributes(g: &Gaussians, out: &GaussianGradients) -> Vec<Attribute> {
    vec![
        Attribute {
            name: "position",
            width: 3,
            nudge: |s, i, k, h| s.positions[i][k] += h,
            ours: out.positions.iter().flat_map(|v| v.to_array()).collect(),
        },
        Attribute {
            name: "rotation",
            width: 4,
            nudge: |s, i, k, h| {
                let mut q = s.rotations[i].to_array();
                q[k] += h;
                s.rotations[i] = glam::DQuat::from_array(q);
            },
            ours: out.rotations.iter().flat_map(|v| v.to_array()).collect(),
        },
        Attribute {
            name: "log-scale",
            width: 3,
            nudge: |s, i, k, h| s.log_scales[i][k] += h,
            ours: out.log_scales.iter().flat_map(|v| v.to_array()).collect(),
        },
        Attribute {
            name: "opacity logit",
            width: 1,
            nudge: |s, i, _, h| s.opacity_logits[i] += h,
            ours: out.opacity_logits.clone(),
        },
        Attribute {
            name: "harmonics",
            width: 3 * sh_coefficients(g.sh_degree),
            nudge: |s, i, k, h| {
                let stride = 3 * sh_coefficients(s.sh_degree);
                s.sh[i * stride + k] += h;
            },
            ours: out.sh.clone(),
        },
    ]
}

/// Compares every gradient with its central difference.
fn check(g: &Gaussians, frames: &[Quat], camera: &Camera, filter: Filter, seed: u64) {
    const STEP: f64 = 1e-5;
    let mut gradient = random_gradient(seed, camera);
    // Depth is divided by coverage, which in f32 has few digits where it is small: weighed by it as losses do.
    let (color, _) = oracle::render(g, frames, camera, filter);
    for (weight, color) in gradient.depth.iter_mut().zip(&color) {
        *weight *= color[3] as f32;
    }
    let out = gradients(g, frames, camera, filter, &gradient);
    let scene = Scene::of(g);
    let splats = oracle::splats(&scene, frames, camera, filter);
    let fixed = Fixed::of(&splats, camera, &gradient);
    for Attribute { name, width, nudge, ours } in attributes(g, &out) {
        assert_eq!(ours.len(), g.len() * width);
        let wanted: Vec<f64> = (0..ours.len())
            .into_par_iter()
            .map(|n| {
                let (i, k) = (n / width, n % width);
                let loss = |h: f64| {
                    let mut scene = scene.clone();
                    nudge(&mut scene, i, k, h);
                    let splat = oracle::splat(&scene, i, frames, camera, filter);
                    splat.map_or(0.0, |splat| fixed.loss(&splats, i, &splat))
                };
                (loss(STEP) - loss(-STEP)) / (2.0 * STEP)
            })
            .collect();
        compare(name, &ours, &wanted, width, &format!("seed {seed}, {filter:?}"));
    }
    // The centre on the picture, of which only the length is given.
    let wanted: Vec<f64> = splats
        .iter()
        .enumerate()
        .map(|(i, splat)| {
            let Some(splat) = splat else { return 0.0 };
            let partial = |step: DVec2| {
                let loss = |h: f64| {
                    let moved = Splat { center: splat.center + h * step, ..*splat };
                    fixed.loss(&splats, i, &moved)
                };
                (loss(STEP) - loss(-STEP)) / (2.0 * STEP)
            };
            DVec2::new(partial(DVec2::X), partial(DVec2::Y)).length()
        })
        .collect();
    compare("screen centre", &out.screen_gradient, &wanted, 1, &format!("seed {seed}, {filter:?}"));
    compare("contribution", &out.contribution, &fixed.weights, 1, &format!("seed {seed}, {filter:?}"));
}

/// Holds `ours` to a relative error of 10⁻³, where values are not small for the attribute: sums of signed terms cancel,
/// which in f32 leaves 10⁻⁵ of the terms' size.
fn compare(name: &str, ours: &[f32], wanted: &[f64], width: usize, case: &str) {
    let largest = wanted.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    assert!(largest > 1e-3, "{case}: {name}: nothing to compare");
    let mut worst = 0.0f64;
    for (n, (&a, &b)) in ours.iter().zip(wanted).enumerate() {
        let error = (f64::from(a) - b).abs();
        worst = worst.max(error / (b.abs() + 1e-2 * largest));
        assert!(
            error <= 1e-3 * (b.abs() + 1e-2 * largest),
            "{case}: {name} {} of Gaussian {}: {a}, finite difference {b}",
            n % width,
            n / width
        );
    }
    println!("{case}: {name}: worst relative error {worst:.1e}");
}

#[test]
fn gradients_are_those_of_finite_differences() {
    for (seed, degree, (width, height)) in [
        (1, 0, (67, 45)),
        (2, 1, (64, 64)),
        (3, 2, (33, 71)),
        (4, 3, (50, 41)),
        (5, 3, (23, 30)),
        (6, 1, (16, 17)),
    ] {
        let (g, frames) = oracle::random_scene(seed, 24, degree);
        let camera = oracle::camera(width, height);
        for filter in
            [Filter::CLASSIC, Filter::MIP, Filter { variance: 0.1, compensate: true, ..Filter::CLASSIC }]
        {
            check(&g, &frames, &camera, filter, seed);
            check(&g, &[], &camera, filter, seed);
        }
    }
}

#[test]
fn gradients_of_gaussians_far_off_the_picture_are_those_of_finite_differences() {
    let camera = oracle::camera(48, 37);
    let (slope_min, slope_max) = camera.slope_bounds();
    let mut clamped = [0; 2];
    for seed in 10..14 {
        let (mut g, frames) = oracle::random_scene(seed, 16, 1);
        for i in 0..g.len() {
            g.positions[i] *= Vec3::new(2.0, 2.0, 1.0);
            g.log_scales[i] += Vec3::splat(2.0);
        }
        for filter in [Filter::CLASSIC, Filter::MIP] {
            check(&g, &frames, &camera, filter, seed);
            let gradient = random_gradient(seed, &camera);
            let out = gradients(&g, &frames, &camera, filter, &gradient);
            for (position, d) in g.positions.iter().zip(&out.positions) {
                let p = camera.camera_from_world.transform_point3(*position);
                for axis in 0..2 {
                    let slope = p[axis] / -p.z;
                    let inside = (slope_min[axis]..=slope_max[axis]).contains(&slope);
                    clamped[axis] += usize::from(!inside && d.length() > 0.0);
                }
            }
        }
    }
    assert!(clamped[0] > 3 && clamped[1] > 3, "slopes were clamped: {clamped:?}");
}

#[test]
fn clamped_alpha_and_color_pass_nothing_on() {
    // In the middle of this one alpha is clamped, and its red is below zero.
    let g = Gaussians {
        positions: vec![Vec3::ZERO],
        rotations: vec![Quat::IDENTITY],
        log_scales: vec![Vec3::splat(-1.0)],
        opacity_logits: vec![12.0],
        sh_degree: 0,
        sh: vec![-4.0, 0.3, 0.1],
    };
    let camera = Camera::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, Vec3::Y, 0.8, 21, 21);
    let mut gradient = FrameGradient { color: vec![[0.0; 4]; 21 * 21], depth: Vec::new() };
    gradient.color[10 * 21 + 10] = [1.0; 4];
    let out = gradients(&g, &[], &camera, Filter::CLASSIC, &gradient);
    assert_eq!(out.opacity_logits, [0.0]);
    assert_eq!(out.log_scales, [Vec3::ZERO]);
    assert_eq!(out.sh[0], 0.0);
    // Weight 0.99 times Y₀⁰.
    assert!((out.sh[1] - 0.99 * 0.282_094_8).abs() < 1e-6, "{:?}", out.sh);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let (g, frames) = oracle::random_scene(9, 6000, 2);
    let camera = oracle::camera(130, 97);
    let gradient = random_gradient(1, &camera);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| gradients(&g, &frames, &camera, Filter::MIP, &gradient))
    };
    let one = with(1);
    assert!(one.positions.iter().any(|d| *d != Vec3::ZERO));
    assert_eq!(one, with(2));
    assert_eq!(one, with(5));
}

#[test]
fn working_memory_leaves_nothing_behind() {
    let camera = oracle::camera(40, 33);
    let gradient = random_gradient(2, &camera);
    let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
    let mut out = GaussianGradients::default();
    let scenes = [(1, 500, 3), (2, 60, 0), (3, 200, 1)].map(|(s, n, d)| oracle::random_scene(s, n, d));
    for (g, frames) in scenes.iter().chain(&scenes) {
        rasterizer.render(g, frames, &camera, Filter::MIP, &mut frame).unwrap();
        for _ in 0..2 {
            rasterizer.backward(g, frames, &camera, Filter::MIP, &frame, &gradient, &mut out).unwrap();
            assert_eq!(out, gradients(g, frames, &camera, Filter::MIP, &gradient));
        }
    }
}

#[test]
fn no_gradient_on_the_picture_is_none_on_the_gaussians() {
    let (g, frames) = oracle::random_scene(4, 100, 2);
    let camera = oracle::camera(40, 33);
    let pixels = 40 * 33;
    for depth in [Vec::new(), vec![0.0; pixels]] {
        let gradient = FrameGradient { color: vec![[0.0; 4]; pixels], depth };
        let out = gradients(&g, &frames, &camera, Filter::MIP, &gradient);
        assert!(out.positions.iter().all(|d| *d == Vec3::ZERO));
        assert!(out.rotations.iter().all(|d| *d == Vec4::ZERO));
        assert!(out.log_scales.iter().all(|d| *d == Vec3::ZERO));
        assert!(out.opacity_logits.iter().chain(&out.sh).chain(&out.screen_gradient).all(|d| *d == 0.0));
        assert!(out.contribution.iter().sum::<f32>() > 100.0);
    }
}

#[test]
fn culled_gaussians_have_no_gradient() {
    let (mut g, frames) = oracle::random_scene(5, 40, 1);
    let camera = oracle::camera(40, 33);
    let gradient = random_gradient(3, &camera);
    let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
    let mut out = GaussianGradients::default();
    for away in [false, true] {
        if away {
            g.positions[7] = Vec3::new(0.0, 0.0, 50.0);
            g.positions[8] = Vec3::new(90.0, 0.0, 0.0);
            g.opacity_logits[9] = -20.0;
        }
        rasterizer.render(&g, &frames, &camera, Filter::MIP, &mut frame).unwrap();
        rasterizer.backward(&g, &frames, &camera, Filter::MIP, &frame, &gradient, &mut out).unwrap();
    }
    for i in 7..10 {
        assert_eq!((out.positions[i], out.rotations[i]), (Vec3::ZERO, Vec4::ZERO));
        assert_eq!((out.log_scales[i], out.opacity_logits[i]), (Vec3::ZERO, 0.0));
        assert!(out.sh[i * 12..(i + 1) * 12].iter().all(|d| *d == 0.0));
        assert_eq!((out.contribution[i], out.screen_gradient[i]), (0.0, 0.0));
    }
    assert!(out.positions.iter().filter(|d| **d != Vec3::ZERO).count() > 20);
}

#[test]
fn what_was_not_rendered_is_refused() {
    let (g, frames) = oracle::random_scene(5, 40, 1);
    let camera = oracle::camera(40, 33);
    let gradient = random_gradient(3, &camera);
    let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
    let mut out = GaussianGradients::default();
    let refused = |result| assert!(matches!(result, Err(SplatError::Gradient(_))), "{result:?}");
    refused(rasterizer.backward(&g, &frames, &camera, Filter::MIP, &frame, &gradient, &mut out));
    rasterizer.render(&g, &frames, &camera, Filter::MIP, &mut frame).unwrap();
    refused(rasterizer.backward(&g, &[], &camera, Filter::MIP, &frame, &gradient, &mut out));
    refused(rasterizer.backward(&g, &frames, &camera, Filter::CLASSIC, &frame, &gradient, &mut out));
    let other = oracle::camera(33, 40);
    refused(rasterizer.backward(&g, &frames, &other, Filter::MIP, &frame, &gradient, &mut out));
    let (fewer, _) = oracle::random_scene(5, 39, 1);
    refused(rasterizer.backward(&fewer, &frames[1..], &camera, Filter::MIP, &frame, &gradient, &mut out));
    let empty = Frame::default();
    refused(rasterizer.backward(&g, &frames, &camera, Filter::MIP, &empty, &gradient, &mut out));
    let mut short = gradient.clone();
    short.depth.pop();
    refused(rasterizer.backward(&g, &frames, &camera, Filter::MIP, &frame, &short, &mut out));
    short = gradient.clone();
    short.color.pop();
    refused(rasterizer.backward(&g, &frames, &camera, Filter::MIP, &frame, &short, &mut out));
    rasterizer.backward(&g, &frames, &camera, Filter::MIP, &frame, &gradient, &mut out).unwrap();
}
