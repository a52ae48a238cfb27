//! Training without a rig: from a COLMAP model's pictures and points alone.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod colmap;

use std::path::Path;
use std::sync::Arc;

use effigy_capture::{Capture, CaptureOptions, PictureCache, Split};
use effigy_splat::{Camera, Filter, Frame, Gaussians, Rasterizer, SH_C0};
use effigy_train::loss::Target;
use effigy_train::{Model, Preset, TrainConfig, Trainer};
use glam::{Quat, Vec3};
use image::RgbaImage;

const SIZE: u32 = 48;
const POINTS: usize = 400;

/// A ball of flat, oblong Gaussians in colours that change quickly.
fn ball() -> Gaussians {
    let mut g = Gaussians::with_capacity(POINTS, 0);
    for i in 0..POINTS {
        let y = 1.0 - 2.0 * (i as f32 + 0.5) / POINTS as f32;
        let (s, c) = (i as f32 * 2.399_963_2).sin_cos();
        let normal = Vec3::new((1.0 - y * y).sqrt() * c, y, (1.0 - y * y).sqrt() * s);
        g.positions.push(normal);
        g.rotations.push(Quat::from_rotation_arc(Vec3::Z, normal));
        g.log_scales.push(Vec3::new(0.12_f32.ln(), 0.06_f32.ln(), 0.02_f32.ln()));
        g.opacity_logits.push(2.5);
        let color =
            0.5 + 0.4 * Vec3::new((9.0 * normal.x).sin(), (8.0 * normal.y).sin(), (7.0 * normal.z).sin());
        g.sh.extend(((color - 0.5) / SH_C0).to_array());
    }
    g
}

/// Twenty-four pictures, and points a little off the surface, as a COLMAP text model.
fn write(folder: &Path) {
    let ball = ball();
    let mut model = colmap::Model::default();
    let mut frame = Frame::default();
    std::fs::create_dir_all(folder.join("images")).unwrap();
    let camera = |i: usize| {
        let y = 0.8 * (1.0 - 2.0 * (i as f32 + 0.5) / 24.0);
        let (s, c) = (i as f32 * 2.399_963_2).sin_cos();
        let eye = 4.0 * Vec3::new((1.0 - y * y).sqrt() * c, y, (1.0 - y * y).sqrt() * s);
        Camera::look_at(eye, Vec3::ZERO, Vec3::Y, 0.6, SIZE, SIZE)
    };
    for i in 0..24 {
        let camera = camera(i);
        Rasterizer::new().render(&ball, &[], &camera, Filter::MIP, &mut frame).unwrap();
        let name = format!("{i:02}.png");
        let picture = RgbaImage::from_raw(SIZE, SIZE, frame.to_straight_rgba8()).unwrap();
        picture.save(folder.join("images").join(&name)).unwrap();
        model.image(&name, &camera);
    }
    for (i, p) in ball.positions.iter().enumerate() {
        model.point(*p * (1.0 + 0.03 * (i as f32 * 1.7).sin()), [128; 3]);
    }
    model.write(folder, &camera(0));
}

/// Mean PSNR over pictures that were held out, over black, dB.
fn judge(trainer: &mut Trainer) -> f64 {
    let frames: Vec<usize> = trainer.capture.split(Split::NovelView).map(|(i, _)| i).collect();
    assert_eq!(frames.len(), 3);
    let scores = frames.iter().map(|&frame| {
        let ours = trainer.render(frame, 0).unwrap();
        let truth = Target::of(trainer.picture(frame, 0).unwrap().as_ref()).planes;
        let n = 3 * truth.len() / 4;
        let squares = ours[..n].iter().zip(&truth[..n]).map(|(a, b)| f64::from(a - b).powi(2));
        -10.0 * (squares.sum::<f64>() / n as f64).log10()
    });
    scores.sum::<f64>() / 3.0
}

#[test]
fn a_static_subject_is_learned_from_points() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path());
    let capture = Arc::new(Capture::open(folder.path(), &CaptureOptions::default()).unwrap());
    assert!(capture.rig.is_none());
    let text = format!(
        "steps = 400\ngaussians = {POINTS}\nsh_degree = 0\nhalf_resolution_until = 0.0\ncalibrate_cameras = false\n\
         growth = {{ start = 1.0 }}\n\
         free_rates = {{ position = 0.03, rotation = 0.02, log_scale = 0.03, opacity = 0.05, color = 0.03 }}\n"
    );
    let config = TrainConfig::from_toml(&text, Preset::Standard).unwrap();
    let device = effigy_train::device("cpu").unwrap();
    let pictures = Arc::new(PictureCache::new(&capture, 64 << 20));
    let model = Model::start(&capture, &pictures, None, &config, &device).unwrap();
    assert!(model.body.is_none() && model.len() == POINTS);
    let mut trainer = Trainer::new(config, capture, pictures, model, &device).unwrap();
    let before = judge(&mut trainer);
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    let after = judge(&mut trainer);
    println!("{before:.2} dB at the start, {after:.2} dB after");
    assert!(after > 25.0 && after > before + 8.0, "{before:.2} to {after:.2} dB");
    let avatar = trainer.model.to_avatar("ball").unwrap();
    assert!(avatar.body.is_none() && avatar.gaussians.len() == POINTS);
}
