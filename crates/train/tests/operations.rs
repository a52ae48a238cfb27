//! The custom operations against Burn's own, finite differences, and the definition.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod synthetic;

use std::sync::Arc;

use burn::module::{Module, Param};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::{Device, Int, Tensor, TensorData};
use effigy_avatar::Anchor;
use effigy_field::module::{FieldModule, FieldSetting, SiteTensors};
use effigy_field::{ATTRIBUTES, RegionBlend, Sites};
use effigy_splat::{Camera, Filter};
use effigy_train::adam::{self, Moments};
use effigy_train::loss::{PictureLoss, PictureLossWeights, Target};
use effigy_train::ops::{ResidualTensors, SplatScratch, SplatView, read_plane, residuals, splat};
use glam::{Quat, Vec3};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

fn random(seed: u64, count: usize, scale: f32) -> Vec<f32> {
    let mut rng = SmallRng::seed_from_u64(seed);
    (0..count).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * scale).collect()
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

fn assert_near(what: &str, ours: &[f32], theirs: &[f32], tolerance: f32) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(1e-12_f32, |m, x| m.max(x.abs()));
    for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (a - b).abs() <= tolerance * largest,
            "{what}[{i}]: {a} where {b} is right, of up to {largest}"
        );
    }
}

/// A field with random weights everywhere, and where the Gaussians of the small head are in it.
fn field(device: &Device) -> (FieldSetting, FieldModule, Sites) {
    let truth = synthetic::truth();
    let body = truth.body.unwrap();
    let rig = body.rig;
    let setting =
        FieldSetting::new(&rig, synthetic::field_config(), &device.clone().without_autodiff()).unwrap();
    let mut module = FieldModule::new(&setting, 3, device);
    let [h, w] = module.heads.val().dims();
    module.heads = Param::from_tensor(tensor(random(1, h * w, 0.5), [h, w], device));
    module.heads_bias = Param::from_tensor(tensor(random(2, w, 0.5), [w], device));
    let field = module.to_field(&rig, &setting).unwrap();
    let sites = field.sites(&rig, &body.binding.triangles, &body.binding.barycentric).unwrap();
    (setting, module, sites)
}

#[test]
fn the_module_computes_what_the_runtime_does() {
    let device = Device::flex().autodiff();
    let (setting, module, sites) = field(&device);
    let rig = synthetic::rig();
    let runtime = module.to_field(&rig, &setting).unwrap();
    let site_tensors = SiteTensors::new(&sites, &device);
    let bases = module.bases(&setting, module.features(&site_tensors));
    assert_near("bases", &values(bases), &runtime.bases(&sites).unwrap(), 1e-5);
    let controls = [[0.0, 0.0], [1.0, 0.3], [0.4, 0.9]];
    let coefficients = module.coefficients(&setting, tensor(controls.concat(), [3, 2], &device));
    let coefficients = values(coefficients);
    let k = setting.config.bases;
    for (v, controls) in controls.iter().enumerate() {
        let mut theirs = Vec::new();
        runtime.coefficients(controls, &mut theirs).unwrap();
        let ours: Vec<f32> = (0..setting.config.regions)
            .flat_map(|r| coefficients[(r * controls_count() + v) * k..][..k].to_vec())
            .collect();
        assert_near("coefficients", &ours, &theirs, 1e-5);
        assert!(v > 0 || theirs.iter().all(|c| *c == 0.0), "at rest nothing moves");
    }
}

fn controls_count() -> usize {
    3
}

/// Residuals by Burn's own operations.
fn residuals_by_burn(
    module: &FieldModule,
    setting: &FieldSetting,
    sites: &SiteTensors,
    coefficients: Tensor<3>,
    regions: &[RegionBlend],
) -> Tensor<2> {
    let device = coefficients.device();
    let n = regions.len();
    let [_, views, k] = coefficients.dims();
    let bases = module.bases(setting, module.features(sites)).reshape([n, k, ATTRIBUTES]);
    let of = |which: usize| {
        let index: Vec<i32> = regions.iter().map(|r| i32::from(r.regions[which])).collect();
        Tensor::<1, Int>::from_data(TensorData::new(index, [n]), &device)
    };
    let weight: Vec<f32> = regions.iter().map(|r| r.weight).collect();
    let weight = tensor(weight, [n, 1, 1], &device);
    let first = coefficients.clone().select(0, of(0)) * weight.clone();
    let second = coefficients.select(0, of(1)) * (-weight + 1.0);
    let mobility: Vec<f32> = regions.iter().map(|r| r.mobility).collect();
    assert!(mobility.contains(&1.0) && mobility.iter().any(|m| *m < 1.0));
    let mobility = tensor(mobility, [n, 1, 1], &device);
    // N × V × K times N × K × 14.
    let moved = ((first + second) * mobility).matmul(bases);
    moved.swap_dims(0, 1).reshape([views * n, ATTRIBUTES])
}

#[test]
fn residuals_and_their_gradients_are_those_of_burn() {
    let device = Device::flex().autodiff();
    let (setting, module, sites) = field(&device);
    let regions = Arc::new(sites.regions.clone());
    let site_tensors = SiteTensors::new(&sites, &device);
    let controls = || tensor(vec![1.0, 0.3, 0.4, 0.9], [2, 2], &device);
    let weights =
        tensor(random(7, 2 * regions.len() * ATTRIBUTES, 1.0), [2 * regions.len(), ATTRIBUTES], &device);

    let run = |custom: bool| {
        let coefficients = module.coefficients(&setting, controls());
        let moved = if custom {
            let features = module
                .planes
                .iter()
                .zip(&sites.levels)
                .map(|(table, level)| read_plane(table.val(), &Arc::new(level.clone())))
                .collect();
            let inputs = ResidualTensors {
                features: Tensor::cat(features, 1),
                trunk_1: (module.trunk_1.val(), module.trunk_1_bias.val()),
                trunk_2: (module.trunk_2.val(), module.trunk_2_bias.val()),
                heads: module.scaled_heads(&setting),
                coefficients,
            };
            residuals(inputs, &regions)
        } else {
            residuals_by_burn(&module, &setting, &site_tensors, coefficients, &regions)
        };
        let gradients = (moved.clone() * weights.clone()).sum().backward();
        let mut out = vec![("residuals".to_owned(), values(moved.inner()))];
        let mut add = |name: &str, gradient: Option<Vec<f32>>| out.push((name.to_owned(), gradient.unwrap()));
        for (i, plane) in module.planes.iter().enumerate() {
            add(&format!("planes {i}"), plane.val().grad(&gradients).map(values));
        }
        add("trunk_1", module.trunk_1.val().grad(&gradients).map(values));
        add("trunk_1_bias", module.trunk_1_bias.val().grad(&gradients).map(values));
        add("trunk_2", module.trunk_2.val().grad(&gradients).map(values));
        add("trunk_2_bias", module.trunk_2_bias.val().grad(&gradients).map(values));
        add("heads", module.heads.val().grad(&gradients).map(values));
        add("heads_bias", module.heads_bias.val().grad(&gradients).map(values));
        add("regions_1", module.regions_1.val().grad(&gradients).map(values));
        add("regions_1_bias", module.regions_1_bias.val().grad(&gradients).map(values));
        add("regions_2", module.regions_2.val().grad(&gradients).map(values));
        add("regions_skip", module.regions_skip.val().grad(&gradients).map(values));
        out
    };
    for ((name, ours), (_, theirs)) in run(true).iter().zip(&run(false)) {
        assert!(theirs.iter().any(|x| *x != 0.0), "{name} matters");
        assert_near(name, ours, theirs, 1e-4);
    }
}

/// Gaussians in front of a camera, on anchors that are turned and grown.
fn scene(count: usize) -> (Vec<f32>, Vec<f32>, SplatView) {
    let mut rng = SmallRng::seed_from_u64(11);
    let mut r = || rng.random::<f32>() * 2.0 - 1.0;
    let (mut attributes, mut anchors) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let turn = Quat::from_xyzw(r(), r(), r(), r() + 1.5).normalize();
        anchors.push(Anchor {
            position: Vec3::new(r(), r(), r()) * 0.3,
            rotation: turn,
            scale: 1.0 + 0.4 * r(),
        });
        attributes.extend([0.1 * r(), 0.1 * r(), 0.1 * r()]);
        attributes.extend(Quat::from_xyzw(r(), r(), r(), r()).normalize().to_array());
        attributes.extend([-2.2 + 0.4 * r(), -2.2 + 0.4 * r(), -2.2 + 0.4 * r()]);
        attributes.push(-0.5 + r());
        attributes.extend([r(), r(), r()]);
    }
    let sh_rest = random(12, count * 9, 0.3);
    let camera = Camera::look_at(Vec3::new(0.3, 0.2, 1.6), Vec3::ZERO, Vec3::Y, 0.7, 40, 33);
    let view = SplatView::new(camera, Filter::MIP, 1, Arc::new(anchors), SplatScratch::default());
    (attributes, sh_rest, view)
}

#[test]
fn splatting_has_the_gradients_of_finite_differences() {
    let device = Device::flex().autodiff();
    let n = 12;
    let (attributes, sh_rest, view) = scene(n);
    let view = Arc::new(view);
    // A smooth functional: single pixels jump where a contribution crosses the least that is drawn.
    let weights: Vec<f32> = (0..5 * 40 * 33)
        .map(|i| ((i % 40) as f32 * 0.09).sin() * if i >= 4 * 40 * 33 { 0.0 } else { 1.0 })
        .collect();
    let functional = |a: &[f32], s: &[f32]| -> f64 {
        let picture =
            splat(tensor(a.to_vec(), [n, ATTRIBUTES], &device), tensor(s.to_vec(), [n, 9], &device), &view);
        values(picture).iter().zip(&weights).map(|(p, w)| f64::from(*p) * f64::from(*w)).sum()
    };
    let a = tensor(attributes.clone(), [n, ATTRIBUTES], &device).require_grad();
    let s = tensor(sh_rest.clone(), [n, 9], &device).require_grad();
    let picture = splat(a.clone(), s.clone(), &view);
    let gradients = (picture * tensor(weights.clone(), [5, 40 * 33], &device)).sum().backward();
    let (ga, gs) = (values(a.grad(&gradients).unwrap()), values(s.grad(&gradients).unwrap()));
    let check = |name: &str,
                 at: &[f32],
                 gradient: &[f32],
                 of: &dyn Fn(&[f32]) -> f64,
                 columns: &[usize],
                 width: usize| {
        let largest =
            gradient.chunks(width).flat_map(|r| columns.iter().map(|&c| r[c].abs())).fold(0.0, f32::max);
        assert!(largest > 0.0, "{name} matters");
        let mut wrong = 0;
        for i in 0..at.len() / width {
            for &c in columns {
                let k = i * width + c;
                let h = 4e-3;
                let mut moved = at.to_vec();
                moved[k] = at[k] + h;
                let above = of(&moved);
                moved[k] = at[k] - h;
                let difference = ((above - of(&moved)) / f64::from(2.0 * h)) as f32;
                if (difference - gradient[k]).abs() > 0.03 * largest + 0.03 * difference.abs() {
                    wrong += 1;
                }
            }
        }
        // A few may straddle a step.
        assert!(wrong * 10 <= at.len() / width * columns.len(), "{name}: {wrong} gradients are off");
    };
    let by_a = |x: &[f32]| functional(x, &sh_rest);
    for (name, columns) in [
        ("position", vec![0, 1, 2]),
        ("rotation", vec![3, 4, 5, 6]),
        ("log_scale", vec![7, 8, 9]),
        ("opacity", vec![10]),
        ("colour", vec![11, 12, 13]),
    ] {
        check(name, &attributes, &ga, &by_a, &columns, ATTRIBUTES);
    }
    let by_s = |x: &[f32]| functional(&attributes, x);
    check("harmonics", &sh_rest, &gs, &by_s, &(0..9).collect::<Vec<_>>(), 9);
}

#[test]
fn the_loss_has_the_gradient_of_finite_differences() {
    let (width, height) = (37, 29);
    let n = width * height;
    let wave = |i: usize, k: f32| 0.5 + 0.4 * ((i % width) as f32 * 0.3 * k + (i / width) as f32 * 0.2).sin();
    let picture: Vec<f32> = (0..5 * n).map(|i| wave(i % n, 1.0 + (i / n) as f32 * 0.3) * 0.7).collect();
    let target =
        Target { width, planes: (0..4 * n).map(|i| wave(i % n, 1.4 + (i / n) as f32 * 0.2) * 0.8).collect() };
    for (name, weights) in [
        ("l1", PictureLossWeights { l1: 1.0, dssim: 0.0, alpha: 0.0, pyramid: 0.0 }),
        ("dssim", PictureLossWeights { l1: 0.0, dssim: 1.0, alpha: 0.0, pyramid: 0.0 }),
        ("alpha", PictureLossWeights { l1: 0.0, dssim: 0.0, alpha: 1.0, pyramid: 0.0 }),
        ("pyramid", PictureLossWeights { l1: 0.0, dssim: 0.0, alpha: 0.0, pyramid: 1.0 }),
    ] {
        let loss = PictureLoss::new(weights);
        let background = [0.2, 0.9, 0.5];
        let found = loss.evaluate(&picture, &target, background);
        let largest = found.gradient.iter().fold(0.0_f32, |m, g| m.max(g.abs()));
        assert!(largest > 0.0, "{name} matters");
        // Along smooth directions, so that a change of many pixels stands out of the rounding.
        for seed in 0..12_u64 {
            let direction: Vec<f32> = (0..5 * n)
                .map(|i| {
                    if i < 4 * n {
                        ((i % width) as f32 * 0.4 + seed as f32 + (i / n) as f32).sin()
                            * ((i / width) as f32 * 0.31 * (1 + seed % 3) as f32).cos()
                    } else {
                        0.0
                    }
                })
                .collect();
            let h = 2e-3;
            let at = |s: f32| {
                let moved: Vec<f32> = picture.iter().zip(&direction).map(|(p, d)| p + s * h * d).collect();
                f64::from(loss.evaluate(&moved, &target, background).total)
            };
            let difference = (at(1.0) - at(-1.0)) / f64::from(2.0 * h);
            let slope: f64 = found.gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
            let scale: f64 =
                found.gradient.iter().zip(&direction).map(|(g, d)| f64::from((g * d).abs())).sum();
            assert!(
                (difference - slope).abs() < 0.02 * scale,
                "{name}, {seed}: {slope} where {difference} is right"
            );
        }
    }
}

#[test]
fn dissimilarity_is_that_of_the_definition() {
    // SSIM by its formula in f64, window by window, with zeros outside as the loss has it.
    let (width, height) = (23_usize, 19_usize);
    let n = width * height;
    let x: Vec<f32> = (0..n).map(|i| 0.5 + 0.3 * (i as f32 * 0.37).sin()).collect();
    let y: Vec<f32> = (0..n).map(|i| 0.4 + 0.3 * (i as f32 * 0.21).cos()).collect();
    let taps: Vec<f64> = (-5..=5).map(|d: i32| (-f64::from(d * d) / 4.5).exp()).collect();
    let sum: f64 = taps.iter().sum();
    let mut total = 0.0;
    for cy in 0..height as i32 {
        for cx in 0..width as i32 {
            let (mut mx, mut my, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for dy in -5..=5_i32 {
                for dx in -5..=5_i32 {
                    let (px, py) = (cx + dx, cy + dy);
                    if px < 0 || py < 0 || px >= width as i32 || py >= height as i32 {
                        continue;
                    }
                    let w = taps[(dx + 5) as usize] * taps[(dy + 5) as usize] / (sum * sum);
                    let (a, b) = (
                        f64::from(x[(py as usize) * width + px as usize]),
                        f64::from(y[(py as usize) * width + px as usize]),
                    );
                    mx += w * a;
                    my += w * b;
                    xx += w * a * a;
                    yy += w * b * b;
                    xy += w * a * b;
                }
            }
            let (c1, c2) = (1e-4, 9e-4);
            let ssim = (2.0 * mx * my + c1) * (2.0 * (xy - mx * my) + c2)
                / ((mx * mx + my * my + c1) * (xx - mx * mx + yy - my * my + c2));
            total += 1.0 - ssim;
        }
    }
    let weights = PictureLossWeights { l1: 0.0, dssim: 1.0, alpha: 0.0, pyramid: 0.0 };
    let mut picture: Vec<f32> = [&x[..], &x, &x].concat();
    picture.extend(vec![1.0; n]);
    picture.extend(vec![0.0; n]);
    let mut planes: Vec<f32> = [&y[..], &y, &y].concat();
    planes.extend(vec![1.0; n]);
    let found = PictureLoss::new(weights).evaluate(&picture, &Target { width, planes }, [0.0; 3]);
    let want = total / n as f64;
    assert!((f64::from(found.total) - want).abs() < 1e-4, "{} where {want} is right", found.total);
}

#[derive(Module, Debug)]
struct Row {
    row: Param<Tensor<2>>,
}

#[test]
fn adam_is_burns() {
    let device = Device::flex().autodiff();
    let start = random(1, 6, 1.0);
    let mut theirs = Row { row: Param::from_tensor(tensor(start.clone(), [2, 3], &device)) };
    let mut optimizer = AdamConfig::new().with_epsilon(1e-15).init();
    let plain = device.clone().without_autodiff();
    let mut ours = tensor(start, [2, 3], &plain);
    let mut moments = Moments::zeros(2, 3, &plain);
    for step in 1..=20 {
        let slopes = random(step as u64 + 50, 6, 1.0);
        let loss = (theirs.row.val() * tensor(slopes.clone(), [2, 3], &device)).sum();
        let gradients = GradientsParams::from_grads(loss.backward(), &theirs);
        theirs = optimizer.step(0.02, theirs, gradients);
        ours = adam::step(ours, tensor(slopes, [2, 3], &plain), &mut moments, &[0.02; 3][..], step);
    }
    assert_near("parameters", &values(ours), &values(theirs.row.val().inner()), 1e-5);
}
