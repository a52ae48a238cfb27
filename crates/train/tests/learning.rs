//! Training from end to end, on a small head whose every attribute is known.

mod synthetic;

use effigy_train::capture::Split;
use effigy_train::{EvaluationOptions, TrainConfig, Trainer, evaluate};

/// Mean PSNR over the held-out expressions of the avatar that training makes, as the runtime renders it.
fn judge(trainer: &Trainer) -> f64 {
    let avatar = trainer.model.to_avatar("ball").unwrap();
    let options = EvaluationOptions { splits: vec![Split::NovelExpression], ..EvaluationOptions::default() };
    let report = evaluate(&avatar, &trainer.capture, &options, &mut |_| true).unwrap().unwrap();
    let psnr = report.frames.iter().map(|f| f.areas[0].scores.as_ref().unwrap().psnr);
    psnr.sum::<f64>() / report.frames.len() as f64
}

fn train(config: TrainConfig) -> Trainer {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write(folder.path());
    let mut trainer = synthetic::trainer(folder.path(), config);
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    trainer
}

const STEPS: usize = 160;
/// What a run that learns every attribute reaches, dB, less half of what the least of them is worth.
const ENOUGH: f64 = 0.0;

#[test]
fn a_known_head_is_learned_and_every_attribute_matters() {
    let whole = judge(&train(synthetic::config(STEPS)));
    println!("all: {whole:.2} dB");
    let without =
        ["position", "rotation", "log_scale", "opacity", "color", "harmonics", "planes", "networks"];
    let mut worst: f64 = 0.0;
    for rate in without {
        // What does not move might as well have a gradient of zero, or of noise.
        let config = synthetic::config(STEPS).with(&format!("rates.{rate}=0.0")).unwrap();
        let less = judge(&train(config));
        println!("without {rate}: {less:.2} dB");
        worst = worst.max(less);
    }
    assert!(whole > ENOUGH, "only {whole:.2} dB");
    assert!(worst < ENOUGH, "{worst:.2} dB without one attribute");
}

#[test]
fn the_same_seed_gives_the_same_avatar_and_a_resumed_run_too() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write(folder.path());
    let config = || {
        synthetic::config(12)
            .with("relocation.every=4")
            .unwrap()
            .with("relocation.during=[0.0, 1.0]")
            .unwrap()
    };
    let mut whole = synthetic::trainer(folder.path(), config());
    let mut first = synthetic::trainer(folder.path(), config());
    for _ in 0..12 {
        whole.step().unwrap();
    }
    for _ in 0..5 {
        first.step().unwrap();
    }
    let path = folder.path().join("checkpoint.safetensors");
    first.checkpoint().unwrap().save(&path).unwrap();
    let checkpoint = effigy_train::Checkpoint::open(&path).unwrap();
    assert_eq!(checkpoint.steps, 5);
    let mut second = synthetic::trainer(folder.path(), checkpoint.train_config().unwrap());
    second.restore(&checkpoint).unwrap();
    while !second.is_done() {
        second.step().unwrap();
    }
    let bytes = |t: &Trainer| t.model.to_avatar("ball").unwrap().to_glb().unwrap();
    assert!(bytes(&whole) == bytes(&second), "a resumed run ends elsewhere");
    assert_eq!(whole.checkpoint().unwrap(), second.checkpoint().unwrap());
}

#[test]
fn what_is_saved_looks_as_it_did_in_training() {
    let mut trainer = train(synthetic::config(30));
    let avatar = trainer.model.to_avatar("ball").unwrap();
    let saved = effigy_avatar::Avatar::from_glb(&avatar.to_glb().unwrap()).unwrap();
    let options = EvaluationOptions { splits: vec![Split::NovelExpression], ..EvaluationOptions::default() };
    let report = evaluate(&saved, &trainer.capture.clone(), &options, &mut |_| true).unwrap().unwrap();
    let frames: Vec<usize> = trainer.capture.split(Split::NovelExpression).map(|(i, _)| i).collect();
    for (scores, frame) in report.frames.iter().zip(frames) {
        let ours = trainer.render(frame, 0).unwrap();
        let truth = effigy_train::loss::Target::of(trainer.picture(frame, 0).unwrap().as_ref());
        let n = truth.planes.len() / 4;
        let squares = (0..3 * n).map(|i| f64::from(ours[i].clamp(0.0, 1.0) - truth.planes[i]).powi(2));
        let psnr = -10.0 * (squares.sum::<f64>() / (3 * n) as f64).log10();
        let judged = scores.areas[0].scores.as_ref().unwrap().psnr;
        assert!((psnr - judged).abs() < 0.1, "{psnr:.3} dB in training, {judged:.3} dB as saved");
    }
}

#[test]
fn a_darker_camera_is_told_from_a_darker_face() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write_with_exposure(folder.path(), Some(0.7));
    let config = synthetic::config(120).with("rates.calibration=0.01").unwrap();
    let mut trainer = synthetic::trainer(folder.path(), config);
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    let [first, second] = trainer.camera_colors().unwrap()[..] else { panic!("two cameras") };
    assert_eq!(first, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], "the first one stays");
    // What it makes of a middle grey.
    for row in second.chunks(4) {
        let grey = 0.5 * (row[0] + row[1] + row[2]) + row[3];
        assert!((grey - 0.35).abs() < 0.04, "0.5 becomes {grey}, not 0.35");
    }
}
