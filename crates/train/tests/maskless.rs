//! Training from pictures that do not say where the subject is.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod colmap;
mod room;
mod run;
mod synthetic;

use std::path::Path;

use burn::tensor::{Tensor, TensorData};
use effigy_capture::{Capture, CaptureOptions, PictureCache, Split};
use effigy_field::{ATTRIBUTES, LOG_SCALE, POSITION};
use effigy_train::loss::Target;
use effigy_train::{Model, Preset, TrainConfig, Trainer};
use glam::Vec3;
use image::RgbaImage;
use room::Around;
use run::trainer;

const GAUSSIANS: usize = 2_000;

fn config(steps: usize) -> TrainConfig {
    let text = format!(
        "steps = {steps}\ngaussians = {GAUSSIANS}\nsh_degree = 0\nhalf_resolution_until = 0.2\ncalibrate_cameras = false\n\
         growth = {{ every = 20 }}\n"
    );
    TrainConfig::from_toml(&text, Preset::Standard).unwrap()
}

fn trained(mut trainer: Trainer) -> Trainer {
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    trainer
}

/// Mean PSNR over held-out pictures, and over the pixels that are the ball's alone, dB.
fn judge(trainer: &mut Trainer) -> [f64; 2] {
    let frames: Vec<usize> = trainer.capture.split(Split::NovelView).map(|(i, _)| i).collect();
    let mut sums = [0.0; 2];
    for &frame in &frames {
        let ours = trainer.render(frame, 0).unwrap();
        let truth = Target::of(trainer.picture(frame, 0).unwrap().as_ref()).planes;
        let n = truth.len() / 4;
        let (_, part) = room::picture(&trainer.capture.frames[frame].camera, Around::Walls);
        let weights: [Vec<f64>; 2] =
            [vec![1.0; n], part.iter().map(|&p| f64::from(u8::from(p == 1.0))).collect()];
        for (sum, weights) in sums.iter_mut().zip(&weights) {
            let squares = (0..3 * n).map(|i| weights[i % n] * f64::from(ours[i] - truth[i]).powi(2));
            *sum -= 10.0 * (squares.sum::<f64>() / (3.0 * weights.iter().sum::<f64>())).log10();
        }
    }
    sums.map(|sum| sum / frames.len() as f64)
}

/// Changes the rows of a model's attributes.
fn edit(model: &mut Model, change: &dyn Fn(usize, &mut [f32])) {
    let mut rows = model.statics.clone().into_data().try_to_vec::<f32>().unwrap();
    rows.chunks_exact_mut(ATTRIBUTES).enumerate().for_each(|(i, row)| change(i, row));
    let shape = [model.len(), ATTRIBUTES];
    model.statics = Tensor::from_data(TensorData::new(rows, shape), &model.statics.device());
}

/// Every Gaussian as wide as if all covered the faces of the box around them evenly.
fn evenly_wide(model: &mut Model) {
    let sigma = (2.0 * (4.4 * 3.2 + 3.2 * 4.0 + 4.0 * 4.4) / model.len() as f32).sqrt();
    edit(model, &|_, row| row[LOG_SCALE].fill(sigma.ln()));
    model.sizes.fill(sigma);
}

/// Every Gaussian somewhere in the room.
fn scattered(model: &mut Model) {
    edit(model, &|i, row| {
        let part = |step: f32| 2.0 * ((i as f32 + 0.5) * step).fract() - 1.0;
        let place = Vec3::new(part(0.819_172_5), part(0.671_043_6), part(0.549_700_5)) * room::ROOM;
        row[POSITION].copy_from_slice(&place.to_array());
    });
}

fn cut_corner(picture: &mut RgbaImage) {
    (0..64).for_each(|i| picture.get_pixel_mut(i % 8, i / 8).0[3] = 0);
}

const STEPS: usize = 300;

#[test]
fn a_ball_in_a_room_is_learned_and_every_part_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    room::write_with_points(folder.path());
    let few = || config(STEPS).with("growth.start=0.1").unwrap();
    let mut whole = trained(trainer(folder.path(), few(), &|_| ()));
    assert_eq!(whole.model.len(), GAUSSIANS, "it grows to what it may");
    let scores = judge(&mut whole);
    println!("all: {scores:.2?} dB over the picture and the ball");
    let enough = |[all, ball]: [f64; 2]| all > 20.5 && ball > 22.5;

    let without_growth = trainer(folder.path(), few().with("growth.every=0").unwrap(), &|_| ());
    let without_width = trainer(folder.path(), few(), &evenly_wide);
    let broken = [("growth", without_growth), ("width", without_width)];
    for (name, trainer) in broken {
        let scores = judge(&mut trained(trainer));
        println!("without {name}: {scores:.2?} dB");
        assert!(!enough(scores), "{scores:.2?} dB without {name}");
    }
    assert!(enough(scores), "{scores:.2?} dB");
}

#[test]
fn cameras_alone_are_enough() {
    let learned = |around, change: &dyn Fn(&mut Model)| {
        let folder = tempfile::tempdir().unwrap();
        room::write_without_points(folder.path(), around, false);
        judge(&mut trained(trainer(folder.path(), config(STEPS), change)))
    };
    let [room, ball] = learned(Around::Walls, &|_| ());
    let [scattered_room, scattered_ball] = learned(Around::Walls, &scattered);
    println!("{room:.2} dB, the ball {ball:.2} dB; scattered {scattered_room:.2} and {scattered_ball:.2} dB");
    assert!(room > 22.0 && ball > 26.0, "{room:.2} and {ball:.2} dB");
    assert!(ball > scattered_ball + 1.0, "the start makes no difference: {scattered_ball:.2} dB");
    let [alone, _] = learned(Around::Nothing, &|_| ());
    println!("before nothing {alone:.2} dB");
    assert!(alone > 29.0, "{alone:.2} dB");
}

#[test]
fn a_resumed_run_grows_as_it_would_have() {
    let folder = tempfile::tempdir().unwrap();
    room::write_with_points(folder.path());
    let config = || config(40).with("growth={every=4, during=[0.0, 1.0]}").unwrap();
    let mut whole = trainer(folder.path(), config(), &|_| ());
    let start = whole.model.len();
    for _ in 0..12 {
        whole.step().unwrap();
    }
    let path = folder.path().join("checkpoint.safetensors");
    whole.checkpoint().unwrap().save(&path).unwrap();
    assert!(whole.model.len() > start);
    let checkpoint = effigy_train::Checkpoint::open(&path).unwrap();
    let mut second = trainer(folder.path(), checkpoint.train_config().unwrap(), &|_| ());
    second.restore(&checkpoint).unwrap();
    let (mut whole, second) = (trained(whole), trained(second));
    let bytes = |t: &Trainer| t.model.to_avatar("room").unwrap().to_glb().unwrap();
    assert!(bytes(&whole) == bytes(&second), "a resumed run ends elsewhere");
    assert_eq!(whole.model.len(), GAUSSIANS);
    // A checkpoint of more Gaussians than a run may have is none of its.
    let mut small = trainer(folder.path(), config().with("gaussians=100").unwrap(), &|_| ());
    assert!(small.restore(&whole.checkpoint().unwrap()).is_err());
}

#[test]
fn cameras_of_other_pictures_teach_nothing_and_it_is_said() {
    for shuffled in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        room::write_without_points(folder.path(), Around::Walls, shuffled);
        let mut trainer = trained(trainer(folder.path(), config(60), &|_| ()));
        let verdict = trainer.verdict().unwrap();
        println!("{verdict}");
        assert!(verdict.held_out);
        assert_eq!(verdict.is_learned(), !shuffled, "{verdict}");
    }
}

#[test]
fn a_rig_before_a_wall_is_learned_at_least_as_well_as_by_masks_that_are_wrong() {
    // Mean PSNR over what was trained on, where there is nothing but head, dB.
    let judge = |trainer: &mut Trainer, masked: &Path| {
        let truth = Capture::open(masked, &CaptureOptions::default()).unwrap();
        let pictures = PictureCache::new(&truth, 64 << 20);
        let frames: Vec<usize> = truth.split(Split::Train).map(|(i, _)| i).collect();
        let scores = frames.iter().map(|&frame| {
            let ours = trainer.render(frame, 0).unwrap();
            let truth = Target::of(&pictures.get(frame, 0).unwrap()).planes;
            let n = truth.len() / 4;
            let head = |i: usize| f64::from(u8::from(truth[3 * n + i % n] > 0.95));
            let squares = (0..3 * n).map(|i| head(i) * f64::from(ours[i] - truth[i]).powi(2));
            -10.0 * (squares.sum::<f64>() / (0..3 * n).map(head).sum::<f64>()).log10()
        });
        scores.sum::<f64>() / frames.len() as f64
    };
    let masked = tempfile::tempdir().unwrap();
    synthetic::write(masked.path());
    // The same before a wall, without alpha; and once more with a corner that says that there is alpha.
    let (opaque, taken_for_masked) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for entry in std::fs::read_dir(masked.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let to = [opaque.path().join(name), taken_for_masked.path().join(name)];
        if path.extension().is_none_or(|e| e != "png") {
            to.iter().for_each(|to| assert!(std::fs::copy(&path, to).is_ok()));
            continue;
        }
        let mut picture = image::open(&path).unwrap().into_rgba8();
        for pixel in picture.pixels_mut() {
            let alpha = f32::from(pixel.0[3]) / 255.0;
            let over = |c: u8, behind: f32| (f32::from(c) * alpha + behind * (1.0 - alpha)) as u8;
            let [r, g, b, _] = pixel.0;
            pixel.0 = [over(r, 60.0), over(g, 140.0), over(b, 90.0), 255];
        }
        picture.save(&to[0]).unwrap();
        cut_corner(&mut picture);
        picture.save(&to[1]).unwrap();
    }
    let learned = |folder: &Path| {
        let mut trainer = trained(trainer(folder, synthetic::config(160), &|_| ()));
        judge(&mut trainer, masked.path())
    };
    let [with, without, wrong] = [&masked, &opaque, &taken_for_masked].map(|folder| learned(folder.path()));
    println!("{with:.2} dB with masks, {without:.2} dB without; {wrong:.2} dB with masks that are wrong");
    assert!(without > wrong - 0.5, "{without:.2} dB without masks, {wrong:.2} with wrong ones");
}
