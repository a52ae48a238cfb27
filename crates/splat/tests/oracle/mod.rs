//! The oracle: the same mathematics as the rasterisers, written for reading. Everything in f64, every Gaussian at
//! every pixel, textbook matrices, no bounds, no tiles, no early stop.

use effigy_splat::{BlendSpace, Camera, Filter, Gaussians, SplatOrder, sh_coefficients};
use glam::{DMat2, DMat3, DQuat, DVec2, DVec3, Quat};

/// Gaussians in f64, so that a step of a finite difference is not lost to rounding.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) positions: Vec<DVec3>,
    pub(crate) rotations: Vec<DQuat>,
    pub(crate) log_scales: Vec<DVec3>,
    pub(crate) opacity_logits: Vec<f64>,
    pub(crate) sh_degree: u8,
    pub(crate) sh: Vec<f64>,
}

impl Scene {
    pub(crate) fn of(g: &Gaussians) -> Self {
        Self {
            positions: g.positions.iter().map(|p| p.as_dvec3()).collect(),
            rotations: g.rotations.iter().map(|q| q.as_dquat()).collect(),
            log_scales: g.log_scales.iter().map(|s| s.as_dvec3()).collect(),
            opacity_logits: g.opacity_logits.iter().map(|&l| l.into()).collect(),
            sh_degree: g.sh_degree,
            sh: g.sh.iter().map(|&c| c.into()).collect(),
        }
    }
}

/// A Gaussian as a picture shows it.
pub(crate) struct Splat {
    pub(crate) center: DVec2,
    pub(crate) inverse: DMat2,
    pub(crate) opacity: f64,
    pub(crate) color: DVec3,
    pub(crate) depth: f64,
    /// From the eye.
    pub(crate) distance: f64,
    /// Standard deviations from the centre beyond which there is nothing.
    pub(crate) cutoff: f64,
}

impl Splat {
    /// How much it covers of what is at `pixel`.
    pub(crate) fn alpha(&self, pixel: DVec2) -> f64 {
        let d = pixel - self.center;
        let squared = d.dot(self.inverse * d);
        if squared.sqrt() > self.cutoff {
            return 0.0;
        }
        (self.opacity * (-0.5 * squared).exp()).min(0.99)
    }
}

/// What each Gaussian becomes; `None` of one behind the near plane.
pub(crate) fn splats(scene: &Scene, frames: &[Quat], camera: &Camera, filter: Filter) -> Vec<Option<Splat>> {
    (0..scene.positions.len()).map(|i| splat(scene, i, frames, camera, filter)).collect()
}

/// What Gaussian `i` becomes.
pub(crate) fn splat(
    scene: &Scene,
    i: usize,
    frames: &[Quat],
    camera: &Camera,
    filter: Filter,
) -> Option<Splat> {
    let w = DMat3::from_cols_array(&camera.camera_from_world.matrix3.to_cols_array().map(f64::from));
    let t = camera.camera_from_world.translation.as_dvec3();
    let eye = -(w.transpose() * t);
    let world = scene.positions[i];
    let p = w * world + t;
    let depth = -p.z;
    if !(depth > f64::from(camera.near)) {
        return None;
    }
    let r = DMat3::from_quat(scene.rotations[i].normalize());
    let s = DMat3::from_diagonal(scene.log_scales[i].exp());
    let covariance = w * r * s * s * r.transpose() * w.transpose();
    let (fx, fy) = (f64::from(camera.fx), f64::from(camera.fy));
    let (cx, cy) = (f64::from(camera.cx), f64::from(camera.cy));
    // Derivative of the projection (fx·x/−z, −fy·y/−z) by x, y and z, taken no farther outside of the picture than
    // 0.15 of its size (3D Gaussian Splatting's clamp at 1.3 times the field of view).
    let (width, height) = (f64::from(camera.width), f64::from(camera.height));
    let clamp = |slope: f64, focal: f64, before: f64, after: f64, size: f64| {
        slope.clamp(-(before + 0.15 * size) / focal, (after + 0.15 * size) / focal)
    };
    let slope_x = clamp(p.x / depth, fx, cx, width - cx, width);
    let slope_y = clamp(p.y / depth, fy, height - cy, cy, height);
    let j0 = DVec3::new(fx / depth, 0.0, fx * slope_x / depth);
    let j1 = DVec3::new(0.0, -fy / depth, -fy * slope_y / depth);
    let xx = j0.dot(covariance * j0);
    let xy = j0.dot(covariance * j1);
    let yy = j1.dot(covariance * j1);
    let v = f64::from(filter.variance);
    let filtered = DMat2::from_cols_array(&[xx + v, xy, xy, yy + v]);
    let mut opacity = 1.0 / (1.0 + (-scene.opacity_logits[i]).exp());
    if filter.compensate {
        opacity *= ((xx * yy - xy * xy).max(0.0) / filtered.determinant()).sqrt();
    }
    let mut direction = (world - eye).normalize();
    if let Some(frame) = frames.get(i) {
        direction = DQuat::from_array(frame.to_array().map(f64::from)).inverse() * direction;
    }
    let basis = harmonics(direction);
    let mut color = DVec3::splat(0.5);
    let count = sh_coefficients(scene.sh_degree);
    for (k, c) in scene.sh[3 * count * i..3 * count * (i + 1)].chunks(3).enumerate() {
        color += basis[k] * DVec3::from_slice(c);
    }
    Some(Splat {
        center: DVec2::new(cx + fx * p.x / depth, cy - fy * p.y / depth),
        inverse: filtered.inverse(),
        opacity,
        color: color.max(DVec3::ZERO),
        depth,
        distance: (world - eye).length(),
        cutoff: filter.rules.cutoff.into(),
    })
}

/// The middle of a pixel.
pub(crate) fn pixel_center(camera: &Camera, pixel: usize) -> DVec2 {
    let width = camera.width as usize;
    DVec2::new((pixel % width) as f64 + 0.5, (pixel / width) as f64 + 0.5)
}

/// Renders to premultiplied RGBA and expected depth, row-major.
pub(crate) fn render(
    gaussians: &Gaussians,
    frames: &[Quat],
    camera: &Camera,
    filter: Filter,
) -> (Vec<[f64; 4]>, Vec<f64>) {
    let splats = splats(&Scene::of(gaussians), frames, camera, filter);
    let mut splats: Vec<Splat> = splats.into_iter().flatten().collect();
    splats.sort_by(|a, b| match filter.rules.order {
        SplatOrder::ViewDepth => a.depth.total_cmp(&b.depth),
        SplatOrder::EyeDistance => a.distance.total_cmp(&b.distance),
    });

    let (mut colors, mut depths) = (Vec::new(), Vec::new());
    for i in 0..camera.width as usize * camera.height as usize {
        let pixel = pixel_center(camera, i);
        let (mut color, mut depth, mut through) = (DVec3::ZERO, 0.0, 1.0);
        for s in &splats {
            let alpha = s.alpha(pixel);
            if alpha < 1.0 / 255.0 {
                continue;
            }
            color += through * alpha * s.color;
            depth += through * alpha * s.depth;
            through *= 1.0 - alpha;
        }
        let coverage = 1.0 - through;
        if filter.rules.blending == BlendSpace::Linear && coverage > 0.0 {
            color = coverage * (color / coverage).map(encoded);
        }
        colors.push([color.x, color.y, color.z, coverage]);
        depths.push(if coverage > 0.0 { depth / coverage } else { 0.0 });
    }
    (colors, depths)
}

/// The curve of IEC 61966-2-1.
fn encoded(linear: f64) -> f64 {
    if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 }
}

/// The sixteen real harmonics to degree 3 as the 3D Gaussian Splatting file format orders and signs them.
pub(crate) fn harmonics(d: DVec3) -> [f64; 16] {
    use std::f64::consts::PI;
    let DVec3 { x, y, z } = d;
    // Normalisation from the definition: k(l, m) = sqrt((2l + 1)/4π · (l − m)!/(l + m)!), times √2 for m ≠ 0.
    let k = |l: u32, m: u32| {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let k = ((2.0 * f64::from(l) + 1.0) / (4.0 * PI) * factorial(l - m) / factorial(l + m)).sqrt();
        if m == 0 { k } else { k * 2f64.sqrt() }
    };
    [
        k(0, 0),
        -k(1, 1) * y,
        k(1, 0) * z,
        -k(1, 1) * x,
        3.0 * k(2, 2) * 2.0 * x * y,
        -3.0 * k(2, 1) * y * z,
        k(2, 0) * 0.5 * (3.0 * z * z - 1.0),
        -3.0 * k(2, 1) * x * z,
        3.0 * k(2, 2) * (x * x - y * y),
        -15.0 * k(3, 3) * y * (3.0 * x * x - y * y),
        15.0 * k(3, 2) * z * 2.0 * x * y,
        -1.5 * k(3, 1) * y * (5.0 * z * z - 1.0),
        k(3, 0) * 0.5 * z * (5.0 * z * z - 3.0),
        -1.5 * k(3, 1) * x * (5.0 * z * z - 1.0),
        15.0 * k(3, 2) * z * (x * x - y * y),
        -15.0 * k(3, 3) * x * (x * x - 3.0 * y * y),
    ]
}

/// A small random scene in front of [`camera`]: overlapping, anisotropic, some tiny, some huge, some off the picture.
pub(crate) fn random_scene(seed: u64, count: usize, sh_degree: u8) -> (Gaussians, Vec<Quat>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = move |lo: f32, hi: f32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lo + (hi - lo) * ((state >> 40) as f32 / (1u32 << 24) as f32)
    };
    let mut g = Gaussians::with_capacity(count, sh_degree);
    let mut frames = Vec::new();
    for _ in 0..count {
        g.positions.push([uniform(-0.7, 0.7), uniform(-0.7, 0.7), uniform(-0.5, 0.5)].into());
        let q = [uniform(-1.0, 1.0), uniform(-1.0, 1.0), uniform(-1.0, 1.0), uniform(0.1, 1.0)];
        g.rotations.push(Quat::from_array(q));
        g.log_scales.push([uniform(-6.0, -1.8), uniform(-6.0, -1.8), uniform(-7.0, -1.8)].into());
        g.opacity_logits.push(uniform(-4.0, 5.0));
        g.sh.extend((0..3).map(|_| uniform(-1.5, 1.5)));
        g.sh.extend((3..3 * sh_coefficients(sh_degree)).map(|_| uniform(-0.3, 0.3)));
        let f = [uniform(-1.0, 1.0), uniform(-1.0, 1.0), uniform(-1.0, 1.0), uniform(0.1, 1.0)];
        frames.push(Quat::from_array(f).normalize());
    }
    (g, frames)
}

/// A camera of odd size with an off-centre principal point, turned and tilted.
pub(crate) fn camera(width: u32, height: u32) -> Camera {
    let mut camera = Camera::look_at(
        glam::Vec3::new(0.6, 0.5, 2.2),
        glam::Vec3::new(0.05, -0.03, 0.0),
        glam::Vec3::Y,
        0.6,
        width,
        height,
    );
    camera.fx *= 1.07;
    camera.cx += 2.3;
    camera.cy -= 1.6;
    camera
}
