//! The GPU backend against the CPU backend, on whatever GPU there is, a program on the CPU if need be.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use burn::tensor::{Device, Tensor, TensorData};
use effigy_avatar::Anchor;
use effigy_capture::{Capture, CaptureOptions, PictureCache};
use effigy_field::{
    ATTRIBUTES, COLOR, LOG_SCALE, LevelSites, OPACITY_LOGIT, POSITION, ROTATION, RegionBlend,
};
use effigy_rig::Rig;
use effigy_splat::{Camera, Filter, sh_coefficients};
use effigy_tests::data;
use effigy_train::loss::{PictureLoss, PictureLossWeights, Target};
use effigy_train::ops::{
    Comparison, PLANES, ResidualTensors, SplatScratch, SplatView, picture_loss, read_plane, residuals, splat,
};
use effigy_train::{Model, Preset, Relocation, StepReport, TrainConfig, Trainer};
use glam::{Quat, Vec3};

/// The GPU, for one test at a time.
fn gpu() -> Option<(Device, MutexGuard<'static, ()>)> {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    match effigy_train::device("gpu").or_else(|_| effigy_train::device("llvmpipe")) {
        Ok(device) => Some((device, turn)),
        Err(error) => {
            println!("skipped: {error}");
            None
        }
    }
}

/// A fixed sequence of numbers in −1..1.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn many(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn quat(&mut self) -> Quat {
        Quat::from_xyzw(self.next(), self.next(), self.next(), self.next() + 1.5).normalize()
    }

    fn vec3(&mut self) -> Vec3 {
        Vec3::new(self.next(), self.next(), self.next())
    }
}

/// Gaussians on turned and scaled surface frames, some of them large, some off the picture, and a camera.
struct Scene {
    attributes: Vec<f32>,
    sh_rest: Vec<f32>,
    anchors: Arc<Vec<Anchor>>,
    camera: Camera,
    filter: Filter,
    sh_degree: u8,
}

impl Scene {
    fn new(count: usize, sh_degree: u8, [width, height]: [u32; 2], filter: Filter, seed: u64) -> Self {
        let mut numbers = Numbers(seed);
        let mut attributes = Vec::new();
        let mut anchors = Vec::new();
        for _ in 0..count {
            let mut row = [0.0; ATTRIBUTES];
            row[POSITION].copy_from_slice(&(0.1 * numbers.vec3()).to_array());
            // Of any length: normalising is part of the operation.
            row[ROTATION].copy_from_slice(&numbers.quat().to_array().map(|x| 1.7 * x));
            row[LOG_SCALE].copy_from_slice(&(numbers.vec3() - 2.3).to_array());
            row[OPACITY_LOGIT] = 2.0 * numbers.next();
            row[COLOR].copy_from_slice(&numbers.vec3().to_array());
            attributes.extend(row);
            anchors.push(Anchor {
                position: 1.3 * numbers.vec3(),
                rotation: numbers.quat(),
                scale: 1.0 + 0.5 * numbers.next(),
            });
        }
        let sh_rest = numbers.many(count * 3 * (sh_coefficients(sh_degree) - 1));
        let sh_rest = sh_rest.into_iter().map(|x| 0.3 * x).collect();
        let camera = Camera::look_at(Vec3::new(0.4, 0.2, 3.0), Vec3::ZERO, Vec3::Y, 0.8, width, height);
        Self { attributes, sh_rest, anchors: Arc::new(anchors), camera, filter, sh_degree }
    }

    fn view(&self, scratch: SplatScratch) -> Arc<SplatView> {
        Arc::new(SplatView::new(self.camera, self.filter, self.sh_degree, self.anchors.clone(), scratch))
    }

    fn tensors(&self, device: &Device) -> [Tensor<2>; 2] {
        let n = self.anchors.len();
        let rest = self.sh_rest.len() / n;
        [(&self.attributes, ATTRIBUTES), (&self.sh_rest, rest)]
            .map(|(values, columns)| Tensor::from_data(TensorData::new(values.clone(), [n, columns]), device))
    }

    /// The picture, and the gradients of a loss that weighs each value of it by `weights`.
    fn picture_and_gradients(
        &self,
        device: &Device,
        weights: &[f32],
        view: &Arc<SplatView>,
    ) -> [Vec<f32>; 3] {
        let device = device.clone().autodiff();
        let [attributes, sh_rest] = self.tensors(&device).map(Tensor::require_grad);
        let picture = splat(attributes.clone(), sh_rest.clone(), view);
        let pixels = view.pixels();
        let weights = Tensor::<2>::from_data(TensorData::new(weights.to_vec(), [PLANES, pixels]), &device);
        let gradients = (picture.clone() * weights).sum().backward();
        let gradient = |t: &Tensor<2>| t.grad(&gradients).map_or_else(Vec::new, values);
        [values(picture.inner()), gradient(&attributes), gradient(&sh_rest)]
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().expect("floats")
}

/// Length of the difference over length.
fn relative(got: &[f32], want: &[f32]) -> f64 {
    assert_eq!(got.len(), want.len());
    let square = |x: f32| f64::from(x).powi(2);
    let difference: f64 = got.iter().zip(want).map(|(a, b)| square(a - b)).sum();
    (difference / want.iter().map(|x| square(*x)).sum::<f64>().max(f64::MIN_POSITIVE)).sqrt()
}

fn psnr(got: &[f32], want: &[f32]) -> f64 {
    let mse: f64 =
        got.iter().zip(want).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>() / want.len() as f64;
    -10.0 * mse.max(1e-30).log10()
}

/// The columns of one attribute.
fn columns(rows: &[f32], range: std::ops::Range<usize>) -> Vec<f32> {
    rows.chunks_exact(ATTRIBUTES).flat_map(|row| row[range.clone()].to_vec()).collect()
}

#[test]
fn pictures_and_gradients_are_those_of_the_cpu() {
    let Some((gpu, _turn)) = gpu() else { return };
    let mut handed_on = SplatScratch::default();
    for (count, sh_degree, size, filter) in [
        (60, 0, [61, 47], Filter::MIP),
        (300, 1, [16, 16], Filter::CLASSIC),
        (300, 2, [97, 33], Filter::MIP),
        (2500, 3, [130, 101], Filter::MIP),
    ] {
        let scene = Scene::new(count, sh_degree, size, filter, 7 + count as u64);
        let weights = Numbers(3).many(PLANES * (size[0] * size[1]) as usize);
        let host_view = scene.view(SplatScratch::default());
        let view = scene.view(handed_on);
        let want = scene.picture_and_gradients(&Device::flex(), &weights, &host_view);
        let got = scene.picture_and_gradients(&gpu, &weights, &view);
        let pixels = host_view.pixels();
        assert!(
            want[0][3 * pixels..4 * pixels].iter().sum::<f32>() > 0.1 * pixels as f32,
            "an empty picture"
        );
        let quality = psnr(&got[0], &want[0]);
        println!("{count} Gaussians, degree {sh_degree}, {size:?}: {quality:.1} dB");
        assert!(quality >= 60.0, "{count} Gaussians: {quality} dB");
        for (name, range) in [
            ("position", POSITION),
            ("rotation", ROTATION),
            ("log-scale", LOG_SCALE),
            ("opacity", OPACITY_LOGIT..OPACITY_LOGIT + 1),
            ("color", COLOR),
        ] {
            let error = relative(&columns(&got[1], range.clone()), &columns(&want[1], range));
            println!("  {name}: {error:.1e}");
            assert!(error < 1e-3, "{count} Gaussians, {name}: {error}");
        }
        let error = relative(&got[2], &want[2]);
        println!("  harmonics: {error:.1e}");
        assert!(error < 1e-3, "{count} Gaussians, harmonics: {error}");

        let host = host_view.take_scratch();
        handed_on = view.take_scratch();
        let usage = handed_on.take_gathered().expect("read").expect("on a GPU");
        assert!(relative(&usage.contribution, host.contribution()) < 1e-3);
        assert!(relative(&usage.screen_gradient, host.screen_gradient()) < 1e-3);
        let again = handed_on.take_gathered().expect("read").expect("on a GPU");
        assert!(again.contribution.iter().chain(&again.screen_gradient).all(|x| *x == 0.0));
        assert_eq!(handed_on.incomplete_pictures(), 0);
    }
    effigy_train::check(&gpu).expect("no fault");
}

#[test]
fn room_for_entries_grows_as_needed() {
    let Some((gpu, _turn)) = gpu() else { return };
    // Every Gaussian covers the whole picture: 200 × 32 × 20 entries, more than there is room for at first.
    let mut scene = Scene::new(200, 0, [512, 320], Filter::MIP, 5);
    for row in scene.attributes.chunks_exact_mut(ATTRIBUTES) {
        row[LOG_SCALE].fill(1.0);
        row[OPACITY_LOGIT] = -3.5;
    }
    let view = scene.view(SplatScratch::default());
    let [attributes, sh_rest] = scene.tensors(&gpu);
    let got = values(splat(attributes, sh_rest, &view));
    let [attributes, sh_rest] = scene.tensors(&Device::flex());
    let want = values(splat(attributes, sh_rest, &scene.view(SplatScratch::default())));
    let quality = psnr(&got, &want);
    assert!(quality >= 60.0, "{quality} dB");
    assert_eq!(view.take_scratch().incomplete_pictures(), 0);
}

/// Value and gradient of the picture loss.
fn loss_and_gradient(device: &Device, picture: &[f32], comparison: &Arc<Comparison>) -> (f32, f32, Vec<f32>) {
    let device = device.clone().autodiff();
    let shape = [PLANES, picture.len() / PLANES];
    let picture = Tensor::<2>::from_data(TensorData::new(picture.to_vec(), shape), &device).require_grad();
    // A factor, so that a gradient that is not passed on is noticed.
    let loss = picture_loss(picture.clone(), comparison) * 3.0;
    let gradient = picture.grad(&loss.backward()).expect("a gradient");
    (values(loss.inner())[0], comparison.mse(), values(gradient))
}

#[test]
fn the_picture_loss_is_that_of_the_cpu() {
    let Some((gpu, _turn)) = gpu() else { return };
    let all = PictureLossWeights { l1: 0.8, dssim: 0.2, alpha: 0.05, pyramid: 0.5 };
    for (weights, [width, height]) in [
        (all, [67, 45]),
        (all, [128, 64]),
        (PictureLossWeights { dssim: 0.0, pyramid: 0.0, ..all }, [67, 45]),
        (PictureLossWeights { l1: 0.0, alpha: 0.0, pyramid: 0.0, dssim: 1.0 }, [33, 30]),
        (PictureLossWeights { l1: 0.0, alpha: 0.0, pyramid: 1.0, dssim: 0.0 }, [7, 9]),
    ] {
        let pixels = width * height;
        let mut numbers = Numbers(11);
        let smooth = |i: usize, k: f32| {
            let (x, y) = ((i % width) as f32, (i / width) as f32);
            0.4 + 0.3 * (0.2 * x + k).sin() * (0.15 * y - k).cos()
        };
        let plane = |c: usize, k: f32, noise: &mut Numbers| -> Vec<f32> {
            (0..pixels).map(|i| smooth(i, k + c as f32) + 0.1 * noise.next()).collect()
        };
        let picture: Vec<f32> = (0..PLANES).flat_map(|c| plane(c, 0.0, &mut numbers)).collect();
        let planes: Vec<f32> = (0..4).flat_map(|c| plane(c, 0.4, &mut numbers)).collect();
        let target = Arc::new(Target { width, planes });
        let loss = Arc::new(PictureLoss::new(weights));
        let comparison = || Arc::new(Comparison::new(loss.clone(), target.clone(), [0.1, 0.7, 0.4]));
        let want = loss_and_gradient(&Device::flex(), &picture, &comparison());
        let got = loss_and_gradient(&gpu, &picture, &comparison());
        let error = relative(&got.2, &want.2);
        println!("{width}x{height}: {} for {}, gradient {error:.1e}", got.0, want.0);
        assert!((got.0 - want.0).abs() < 1e-5 * want.0.abs(), "{} for {}", got.0, want.0);
        assert!((got.1 - want.1).abs() < 1e-5 * want.1, "mse {} for {}", got.1, want.1);
        assert!(error < 1e-4, "{width}x{height}, {weights:?}: {error}");
    }
    effigy_train::check(&gpu).expect("no fault");
}

/// What a small field makes, and the gradients on all that goes in.
fn field(
    device: &Device,
    hidden: usize,
    sites: &[Arc<LevelSites>; 2],
    regions: &Arc<Vec<RegionBlend>>,
) -> Vec<(&'static str, Vec<f32>)> {
    const BASES: usize = 5;
    const VIEWS: usize = 2;
    let device = device.clone().autodiff();
    let mut numbers = Numbers(23);
    let mut matrix = |rows: usize, columns: usize| {
        let values = numbers.many(rows * columns);
        Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), &device).require_grad()
    };
    let (fine, coarse) = (matrix(300, 8), matrix(40, 4));
    let (trunk_1, trunk_2, heads) =
        (matrix(12, hidden), matrix(hidden, hidden), matrix(hidden, BASES * ATTRIBUTES));
    let biases = [matrix(1, hidden), matrix(1, hidden), matrix(1, BASES * ATTRIBUTES)];
    let coefficients = matrix(7, VIEWS * BASES);
    let weights = matrix(VIEWS * regions.len(), ATTRIBUTES).detach();
    let features = [read_plane(fine.clone(), &sites[0]), read_plane(coarse.clone(), &sites[1])];
    let [b1, b2, b3] = biases.clone().map(|b| b.squeeze_dim::<1>(0));
    let inputs = ResidualTensors {
        features: Tensor::cat(features.to_vec(), 1),
        trunk_1: (trunk_1.clone(), b1),
        trunk_2: (trunk_2.clone(), b2),
        heads: (heads.clone(), b3),
        coefficients: coefficients.clone().reshape([7, VIEWS, BASES]),
    };
    let out = residuals(inputs, regions);
    let gradients = (out.clone() * weights).sum().backward();
    let [b1, b2, b3] = biases;
    let mut all = vec![("residuals", values(out.inner()))];
    for (name, tensor) in [
        ("fine plane", fine),
        ("coarse plane", coarse),
        ("trunk 1", trunk_1),
        ("trunk 2", trunk_2),
        ("heads", heads),
        ("trunk 1 biases", b1),
        ("trunk 2 biases", b2),
        ("heads' biases", b3),
        ("coefficients", coefficients),
    ] {
        all.push((name, values(tensor.grad(&gradients).expect("a gradient"))));
    }
    all
}

#[test]
fn the_field_is_that_of_the_cpu() {
    let Some((gpu, _turn)) = gpu() else { return };
    const PLACES: usize = 500;
    let mut numbers = Numbers(41);
    let mut level = |corners: usize, texels: usize| {
        let mut pick = |count: usize| ((numbers.next() + 1.0) * 0.5 * count as f32) as u32 % count as u32;
        let texels: Vec<u32> = (0..PLACES * corners).map(|_| pick(texels)).collect();
        Arc::new(LevelSites { corners, texels, weights: numbers.many(PLACES * corners) })
    };
    let sites = [level(4, 300), level(12, 40)];
    let regions: Vec<RegionBlend> = (0..PLACES)
        .map(|i| RegionBlend {
            regions: [(i % 7) as u16, (i / 7 % 7) as u16],
            weight: 0.75 + 0.25 * numbers.next(),
            mobility: (0.5 + numbers.next()).clamp(0.0, 1.0),
        })
        .collect();
    let regions = Arc::new(regions);
    // The CPU has an operation of its own for whole blocks of hidden units.
    for hidden in [32, 20] {
        let want = field(&Device::flex(), hidden, &sites, &regions);
        let got = field(&gpu, hidden, &sites, &regions);
        for ((name, got), (_, want)) in got.iter().zip(&want) {
            let error = relative(got, want);
            println!("{hidden} hidden, {name}: {error:.1e}");
            assert!(error < 1e-4, "{hidden} hidden, {name}: {error}");
        }
    }
    effigy_train::check(&gpu).expect("no fault");
}

#[test]
fn training_goes_as_on_the_cpu() {
    let Some((gpu, _turn)) = gpu() else { return };
    let Some(folder) = data("capture_head") else { return };
    let capture = Arc::new(Capture::open(folder, &CaptureOptions::default()).expect("a capture"));
    let rig = || Rig::open(capture.rig.as_ref().expect("a rig"), &Default::default()).expect("a rig");
    let config = TrainConfig {
        gaussians: 3000,
        triangles: 2000,
        final_level: 3,
        half_resolution_until: 0.0,
        steps: 12,
        relocation: Relocation {
            every: 5,
            during: [0.0, 1.0],
            ..TrainConfig::preset(Preset::Preview).relocation
        },
        ..TrainConfig::preset(Preset::Preview)
    };
    let pictures = Arc::new(PictureCache::new(&capture, 1 << 28));
    // The losses, and how well the first picture is met before and after.
    let train = |device: &Device| {
        let model = Model::start(&capture, &pictures, Some(rig()), &config, device).expect("a model");
        let (capture, pictures) = (capture.clone(), pictures.clone());
        let target = Target::of(&pictures.get(0, 3).expect("a picture"));
        let mut trainer = Trainer::new(config.clone(), capture, pictures, model, device).expect("a trainer");
        let quality = |trainer: &mut Trainer| {
            psnr(&trainer.render(0, 3).expect("a picture")[..target.planes.len()], &target.planes)
        };
        let before = quality(&mut trainer);
        let steps: Vec<StepReport> = (0..config.steps).map(|_| trainer.step().expect("a step")).collect();
        (steps, before, quality(&mut trainer))
    };
    let (want, ..) = train(&Device::flex());
    let (got, before, after) = train(&gpu);
    for (got, want) in got.iter().zip(&want) {
        println!(
            "step {}: {} for {}, {:.2} s for {:.2} s",
            want.step, got.loss, want.loss, got.seconds, want.seconds
        );
        assert!(
            (got.loss - want.loss).abs() < 0.01 * want.loss,
            "step {}: {} for {}",
            want.step,
            got.loss,
            want.loss
        );
        assert!((got.psnr - want.psnr).abs() < 0.1, "step {}: {} dB for {}", want.step, got.psnr, want.psnr);
    }
    println!("{before:.2} dB, then {after:.2} dB");
    assert!(after > before + 0.3, "nothing was learned: {before} dB, then {after} dB");
    effigy_train::check(&gpu).expect("no fault");
}
