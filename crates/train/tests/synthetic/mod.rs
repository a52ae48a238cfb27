//! A small head that is known exactly, and a capture of it.

#![allow(dead_code, clippy::unwrap_used)] // Each test program uses some of it; what fails fails the test.

use std::path::Path;

use effigy_avatar::surface::{SurfaceOptions, sample};
use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_field::{Field, FieldConfig, FieldWeights, PlaneConfig, PlaneLayout, Regions};
use effigy_rig::{Joint, Morph, Node, Pose, Primitive, Rig};
use effigy_splat::{Camera, Frame, Rasterizer};
use effigy_train::TrainConfig;
use glam::{Affine3A, Quat, Vec2, Vec3};
use image::RgbaImage;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

/// Pictures are this wide and high.
pub(crate) const SIZE: u32 = 64;
const GAUSSIANS: usize = 700;
const RADIUS: f32 = 0.1;

/// A sphere with two morphs: the lower half sinks, the brow swells.
pub(crate) fn rig() -> Rig {
    let (rows, columns) = (12_u32, 20_u32);
    let (mut positions, mut normals, mut uvs, mut triangles) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for i in 0..=rows {
        let theta = std::f32::consts::PI * i as f32 / rows as f32;
        for j in 0..=columns {
            let phi = std::f32::consts::TAU * j as f32 / columns as f32;
            let n = Vec3::new(theta.sin() * phi.sin(), theta.cos(), theta.sin() * phi.cos());
            positions.push(n * RADIUS);
            normals.push(n);
            uvs.push(Vec2::new(j as f32 / columns as f32, i as f32 / rows as f32));
            if i < rows && j < columns {
                let a = i * (columns + 1) + j;
                let b = a + columns + 1;
                triangles.extend([[a, b, a + 1], [a + 1, b, b + 1]]);
            }
        }
    }
    let morph = |name: &str, delta: &dyn Fn(Vec3) -> Vec3| {
        let moved = positions.iter().enumerate().map(|(v, &p)| (v as u32, delta(p)));
        let (indices, deltas) = moved.filter(|(_, d)| d.length() > 1e-5).unzip();
        Morph { name: name.into(), default_weight: 0.0, indices, deltas }
    };
    let morphs = vec![
        morph("jawOpen", &|p| Vec3::NEG_Y * 0.03 * (-p.y / RADIUS).max(0.0)),
        morph("browInnerUp", &|p| p * 0.2 * (p.y / RADIUS - 0.3).max(0.0)),
    ];
    let (vertices, count) = (positions.len(), triangles.len());
    Rig {
        positions,
        normals,
        uvs,
        joint_indices: vec![0; vertices],
        joint_weights: vec![1.0; vertices],
        influences: 1,
        triangles,
        primitives: vec![Primitive {
            node: 0,
            mesh_name: "ball".into(),
            vertices: 0..vertices as u32,
            triangles: 0..count as u32,
            material: None,
            skinned: false,
        }],
        morphs,
        joints: vec![Joint { node: 0, node_from_mesh: Affine3A::IDENTITY }],
        nodes: vec![Node {
            name: "root".into(),
            parent: None,
            translation: Vec3::ZERO,
            rotation: Quat::IDENTITY,
            scale: Vec3::ONE,
        }],
        ..Rig::default()
    }
}

/// The sizes of the field, of the truth and of what is trained.
pub(crate) fn field_config() -> FieldConfig {
    let plane = |resolution, channels| PlaneConfig { resolution, channels };
    FieldConfig {
        planes: vec![plane(8, 4), plane(16, 4)],
        triplane: plane(6, 4),
        hidden: 32,
        bases: 4,
        regions: 6,
        region_hidden: 8,
    }
}

/// The truth: Gaussians that differ from where training starts in every attribute, and a field that moves them.
pub(crate) fn truth() -> Avatar {
    let mut rng = SmallRng::seed_from_u64(5);
    let options = SurfaceOptions { count: GAUSSIANS, ..SurfaceOptions::default() };
    let flat = sample(rig(), &options).unwrap();
    let mut avatar = flat.clone();
    let n = flat.gaussians.len();
    let size = flat.gaussians.log_scales[0].x.exp();
    let mut random = || rng.random::<f32>() * 2.0 - 1.0;
    avatar.gaussians.sh_degree = 1;
    avatar.gaussians.sh.clear();
    for i in 0..n {
        let g = &mut avatar.gaussians;
        g.positions[i] += Vec3::new(random(), random(), random()) * size * 1.2;
        let turn = Quat::from_rotation_z(1.5 * random()) * Quat::from_rotation_x(0.5 * random());
        g.rotations[i] = (g.rotations[i] * turn).normalize();
        g.log_scales[i] += Vec3::new(0.6 + 0.4 * random(), -0.9 + 0.3 * random(), 0.5);
        // The crown is hardly there, which nothing but opacity can say.
        let crown = flat_position(&flat, i).y > 0.4 * RADIUS;
        g.opacity_logits[i] = if crown { -5.0 } else { 2.0 + random() };
        let place = avatar.body.as_ref().unwrap().binding.triangles[i] as f32;
        for c in 0..3 {
            g.sh.push((place * 0.013 + c as f32).sin() * 0.9 + 0.3 * random());
        }
        for _ in 0..9 {
            g.sh.push(0.35 * random());
        }
    }
    let rig = rig();
    let config = field_config();
    let regions = Regions::new(&rig, config.regions).unwrap();
    let texels = PlaneLayout::new(&rig, &config).unwrap().texels();
    let mut weights = FieldWeights::zeros(&config, &texels, rig.morphs.len());
    for (name, array) in weights.arrays_mut() {
        let scale = match name.as_str() {
            "heads" | "headsBias" => 0.0,
            name if name.starts_with("planes") => 1.5,
            _ => 0.35,
        };
        array.iter_mut().for_each(|x| *x = scale * random());
    }
    // Colours change with the expression, and a little the places.
    for (j, x) in weights.heads.iter_mut().enumerate() {
        *x = random()
            * if j % 14 >= 11 {
                0.5
            } else if j % 14 < 3 {
                0.002
            } else {
                0.02
            };
    }
    let field = Field::new(&rig, config, regions, weights).unwrap();
    avatar.body.as_mut().unwrap().field = Some(field);
    avatar
}

/// Where Gaussian `i` sits at rest.
fn flat_position(flat: &Avatar, i: usize) -> Vec3 {
    let body = flat.body.as_ref().unwrap();
    let corners = body.rig.triangles[body.binding.triangles[i] as usize];
    let weights = body.binding.barycentric[i].to_array();
    corners.iter().zip(weights).map(|(&v, w)| body.rig.positions[v as usize] * w).sum()
}

/// Writes a capture of the truth to `folder`: 48 pictures to train on, and 8 with expressions that are not in them.
pub(crate) fn write(folder: &Path) {
    write_with_exposure(folder, None);
}

/// As [`write`]; with a gain, every other picture is of a second camera that sees colours so much brighter.
pub(crate) fn write_with_exposure(folder: &Path, gain: Option<f32>) {
    let truth = truth();
    sample(rig(), &SurfaceOptions { count: 16, ..SurfaceOptions::default() })
        .unwrap()
        .save(folder.join("ball.glb"))
        .unwrap();
    let rig = rig();
    let mut poser = AvatarPoser::new(&truth).unwrap();
    let (mut posed, mut frame) = (PosedGaussians::default(), Frame::default());
    let mut rasterizer = Rasterizer::new();
    let mut frames = Vec::new();
    for i in 0..56 {
        let held_out = i % 7 == 6;
        let angle = i as f32 * 2.4;
        let eye = Vec3::new(angle.sin(), 0.6 * (i as f32 * 0.7).sin(), angle.cos()) * 0.45;
        let camera = Camera::look_at(eye, Vec3::ZERO, Vec3::Y, 0.6, SIZE, SIZE);
        let (jaw, brow) = if held_out { (0.65, 0.35) } else { ((i % 4) as f32 / 3.0, (i % 3) as f32 / 2.0) };
        let mut pose = Pose::rest(&rig);
        pose.morph_weights = vec![jaw, brow];
        poser.pose(&truth, &pose, &mut posed).unwrap();
        rasterizer.render(&posed.gaussians, &posed.frames, &camera, truth.filter, &mut frame).unwrap();
        let name = format!("{i:02}.png");
        let second = gain.filter(|_| i % 2 == 1);
        for pixel in &mut frame.color {
            pixel[..3].iter_mut().for_each(|c| *c *= second.unwrap_or(1.0));
        }
        let picture = RgbaImage::from_raw(SIZE, SIZE, frame.to_straight_rgba8()).unwrap();
        picture.save(folder.join(&name)).unwrap();
        let m = camera.camera_from_world.inverse();
        let (x, t) = (m.matrix3, m.translation);
        let row = |k: usize| [x.x_axis[k], x.y_axis[k], x.z_axis[k], t[k]];
        frames.push(json!({
            "file_path": name,
            "camera": if second.is_some() { "b" } else { "a" },
            "split": if held_out { "novel_expression" } else { "train" },
            "transform_matrix": [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]],
            "controls": {"jawOpen": jaw, "browInnerUp": brow},
        }));
    }
    let f = 0.5 * SIZE as f32 / 0.3_f32.tan();
    let c = SIZE as f32 / 2.0;
    let file = json!({"w": SIZE, "h": SIZE, "fl_x": f, "fl_y": f, "cx": c, "cy": c, "rig": "ball.glb", "frames": frames});
    std::fs::write(folder.join("transforms.json"), file.to_string()).unwrap();
}

/// How the small head is trained: at one resolution, with every term of the loss. Its Gaussians lie far off the surface
/// and its field is noise, so what keeps real heads from learning such things is held low.
pub(crate) fn config(steps: usize) -> TrainConfig {
    let text = format!(
        "steps = {steps}\nviews = 2\ngaussians = {GAUSSIANS}\ntriangles = 0\nhalf_resolution_until = 0.0\nsh_degree = 1\n\
         rates = {{ position = 0.03, rotation = 0.03, log_scale = 0.03, opacity = 0.06, color = 0.03, harmonics = 0.02, \
         planes = 0.02, networks = 0.006, last = 0.1 }}\n\
         field = {{ from = 0.0, planes = [[8, 4], [16, 4]], triplane = [6, 4], hidden = 32, bases = 4, regions = 6, \
         region_hidden = 8 }}\nrelocation = {{ every = 0 }}\n\
         loss = {{ offset = 0.01, max_offset = 4.0, residual = 1e-4, unseen = 1e-4 }}\n"
    );
    TrainConfig::from_toml(&text, effigy_train::Preset::Standard).unwrap()
}
