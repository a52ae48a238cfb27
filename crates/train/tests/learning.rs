//! Training from end to end, on a small head whose every attribute is known.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod run;
mod synthetic;

use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_capture::Split;
use effigy_field::{ATTRIBUTES, COLOR, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION, RegionBlend};
use effigy_quality::{Picture, SquaredError};
use effigy_rig::Pose;
use effigy_splat::{Frame, Rasterizer};
use effigy_train::loss::Target;
use effigy_train::{Rates, TrainConfig, Trainer};
use glam::{Quat, Vec3};
use run::trainer;

/// Mean PSNR over what was trained on, over white, which shows what is wrong with alpha. (On a head of random colours
/// there is nothing to generalise.)
fn judge(trainer: &mut Trainer) -> f64 {
    let frames: Vec<usize> = trainer.capture.split(Split::Train).map(|(i, _)| i).collect();
    let mut sum = 0.0;
    for &frame in &frames {
        let ours = trainer.render(frame, 0).unwrap();
        let truth = Target::of(trainer.picture(frame, 0).unwrap().as_ref()).planes;
        let n = truth.len() / 4;
        let over_white = |planes: &[f32], i: usize| f64::from(planes[i] + 1.0 - planes[3 * n + i % n]);
        let squares = (0..3 * n).map(|i| (over_white(&ours, i) - over_white(&truth, i)).powi(2));
        sum -= 10.0 * (squares.sum::<f64>() / (3 * n) as f64).log10();
    }
    sum / frames.len() as f64
}

/// Trains to the end on a capture that is there as long as the folder.
fn train(config: TrainConfig) -> (Trainer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write(folder.path());
    let mut trainer = trainer(folder.path(), config, &|_| ());
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    (trainer, folder)
}

const STEPS: usize = 480;
/// A run that learns every attribute comes above this, dB: 30.61 when this was written, and 30.03 at most with the
/// gradient of one attribute turned round.
const ENOUGH: f64 = 30.3;

#[test]
fn a_known_head_is_learned_unless_the_gradient_of_an_attribute_is_wrong() {
    let learned = |break_one: &dyn Fn(&mut Rates)| {
        let folder = tempfile::tempdir().unwrap();
        synthetic::write(folder.path());
        let mut trainer = trainer(folder.path(), synthetic::config(STEPS), &|_| ());
        break_one(&mut trainer.config.rates);
        while !trainer.is_done() {
            trainer.step().unwrap();
        }
        judge(&mut trainer)
    };
    let whole = learned(&|_| ());
    println!("all: {whole:.2} dB");
    assert!(whole > ENOUGH, "only {whole:.2} dB");
    // Steps the other way are those of a gradient with the wrong sign. (Planes are left out: random ones do about as
    // well on a head as small as this. Their gradient is held to Burn's own.)
    type Break = fn(&mut Rates);
    let broken: [(&str, Break); 7] = [
        ("position", |r| r.position = -r.position),
        ("rotation", |r| r.rotation = -r.rotation),
        ("log_scale", |r| r.log_scale = -r.log_scale),
        ("opacity", |r| r.opacity = -r.opacity),
        ("color", |r| r.color = -r.color),
        ("harmonics", |r| r.harmonics = -r.harmonics),
        ("networks", |r| r.networks = -r.networks),
    ];
    for (attribute, break_it) in broken {
        let less = learned(&break_it);
        println!("{attribute} broken: {less:.2} dB");
        assert!(!(less > ENOUGH), "{less:.2} dB although the gradient of {attribute} is wrong");
    }
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
    let mut whole = trainer(folder.path(), config(), &|_| ());
    let mut first = trainer(folder.path(), config(), &|_| ());
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
    let mut second = trainer(folder.path(), checkpoint.train_config().unwrap(), &|_| ());
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
    let (mut trainer, _folder) = train(synthetic::config(30));
    let avatar = trainer.model.to_avatar("ball").unwrap();
    let saved = effigy_avatar::Avatar::from_glb(&avatar.to_glb().unwrap()).unwrap();
    let frames: Vec<usize> = trainer.capture.split(Split::NovelExpression).map(|(i, _)| i).collect();
    let poses = effigy_capture::poses(&trainer.capture, &saved.body.as_ref().unwrap().rig).unwrap();
    let mut poser = AvatarPoser::new(&saved).unwrap();
    let (mut posed, mut drawn) = (PosedGaussians::default(), Frame::default());
    let mut rasterizer = Rasterizer::new();
    for frame in frames {
        let truth = Target::of(trainer.picture(frame, 0).unwrap().as_ref());
        let width = truth.width;
        let picture =
            |pixels: Vec<[f32; 3]>| Picture::of_levels(width, pixels.len() / width, pixels).unwrap();
        // Alpha comes behind these three, and depth behind a rendered picture's.
        let n = truth.planes.len() / 4;
        let of_planes =
            |planes: &[f32]| picture((0..n).map(|i| [planes[i], planes[n + i], planes[2 * n + i]]).collect());
        poser.pose(&saved, &poses[frame], &mut posed).unwrap();
        let camera = trainer.capture.frames[frame].camera;
        rasterizer.render(&posed.gaussians, &posed.frames, &camera, saved.filter, &mut drawn).unwrap();
        let as_saved = picture(drawn.color.iter().map(|&[r, g, b, _]| [r, g, b]).collect());
        let in_training = of_planes(&trainer.render(frame, 0).unwrap());
        let [psnr, saved] = [in_training, as_saved]
            .map(|ours| SquaredError::of(&of_planes(&truth.planes), &ours, None).psnr_rgb().unwrap());
        assert!((psnr - saved).abs() < 0.1, "{psnr:.3} dB in training, {saved:.3} dB as saved");
    }
}

/// The avatar without its field, as the field moves it in `pose`, with bases in full precision.
fn moved_by_the_field(avatar: &Avatar, pose: &Pose) -> Avatar {
    let mut moved = avatar.clone();
    let body = moved.body.as_mut().unwrap();
    let (mut controls, mut coefficients) = (Vec::new(), Vec::new());
    body.controls(pose, &mut controls);
    let field = body.field.take().unwrap();
    field.coefficients(&controls, &mut coefficients).unwrap();
    let sites = field.sites(&body.rig, &body.binding.triangles, &body.binding.barycentric).unwrap();
    let (bases, k) = (field.bases(&sites).unwrap(), field.config.bases);
    let g = &mut moved.gaussians;
    let sh = g.sh.len() / g.len();
    for (i, bases) in bases.chunks_exact(k * ATTRIBUTES).enumerate() {
        let RegionBlend { regions: [first, second], weight, mobility } = sites.regions[i];
        let mut sum = [0.0; ATTRIBUTES];
        for (j, basis) in bases.chunks_exact(ATTRIBUTES).enumerate() {
            let of = |region: u16| coefficients[usize::from(region) * k + j];
            let w = mobility * (weight * of(first) + (1.0 - weight) * of(second));
            sum.iter_mut().zip(basis).for_each(|(sum, x)| *sum += w * x);
        }
        g.positions[i] += Vec3::from_slice(&sum[POSITION]);
        g.rotations[i] += Quat::from_slice(&sum[ROTATION]);
        g.log_scales[i] += Vec3::from_slice(&sum[LOG_SCALE]);
        g.opacity_logits[i] += sum[OPACITY_LOGIT];
        g.sh[i * sh..].iter_mut().zip(&sum[COLOR]).for_each(|(sh, x)| *sh += x);
    }
    moved
}

#[test]
fn the_renderer_draws_what_training_saw() {
    let (mut trainer, _folder) = train(synthetic::config(60));
    let avatar = trainer.model.to_avatar("ball").unwrap();
    let poses = effigy_capture::poses(&trainer.capture, &avatar.body.as_ref().unwrap().rig).unwrap();
    let mut rasterizer = Rasterizer::new();
    let posed = |avatar: &Avatar, pose: &Pose| {
        let mut posed = PosedGaussians::default();
        AvatarPoser::new(avatar).unwrap().pose(avatar, pose, &mut posed).unwrap();
        posed
    };
    let mut out_of_order = 0;
    for (i, pose) in poses.iter().enumerate() {
        let camera = trainer.capture.frames[i].camera;
        let ours = trainer.render(i, 0).unwrap();
        let mut psnr = |posed: &PosedGaussians| {
            let mut frame = Frame::default();
            rasterizer.render(&posed.gaussians, &posed.frames, &camera, avatar.filter, &mut frame).unwrap();
            let n = frame.color.len();
            let squares = (0..4 * n).map(|k| f64::from(ours[k] - frame.color[k % n][k / n]).powi(2));
            -10.0 * (squares.sum::<f64>() / (4 * n) as f64).log10()
        };
        let exact = posed(&moved_by_the_field(&avatar, pose), pose);
        let score = psnr(&exact);
        assert!(score > 110.0, "picture {i}: {score:.1} dB in full precision");

        // As avatars are played: the bases are half floats. By them two Gaussians of nearly one depth may change places,
        // which shows wherever both are; at the depths that they had in training nothing is left but the rounding.
        let mut played = posed(&avatar, pose);
        let view = camera.camera_from_world;
        let depth = |p: &Vec3| view.transform_point3(*p).z;
        let order = |posed: &PosedGaussians| {
            let mut order: Vec<usize> = (0..posed.gaussians.len()).collect();
            order.sort_by(|&a, &b| {
                depth(&posed.gaussians.positions[a]).total_cmp(&depth(&posed.gaussians.positions[b]))
            });
            order
        };
        if order(&played) == order(&exact) {
            let score = psnr(&played);
            assert!(score > 80.0, "picture {i}: {score:.1} dB in half floats");
        } else {
            out_of_order += 1;
        }
        let axis = view.inverse().transform_vector3(Vec3::Z);
        for (at, wanted) in played.gaussians.positions.iter_mut().zip(&exact.gaussians.positions) {
            *at += axis * (depth(wanted) - depth(at));
        }
        let score = psnr(&played);
        assert!(score > 80.0, "picture {i}: {score:.1} dB in half floats at the depths of training");
    }
    assert!(2 * out_of_order < poses.len(), "{out_of_order} of {} pictures", poses.len());
}

#[test]
fn a_darker_camera_is_told_from_a_darker_face() {
    let folder = tempfile::tempdir().unwrap();
    synthetic::write_with_exposure(folder.path(), Some(0.7));
    let config = synthetic::config(320).with("rates.calibration=0.01").unwrap();
    let mut trainer = trainer(folder.path(), config, &|_| ());
    while !trainer.is_done() {
        trainer.step().unwrap();
    }
    let [first, second] = trainer.camera_colors().unwrap()[..] else { panic!("two cameras") };
    assert_eq!(first, [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], "the first one stays");
    // What it makes of a middle grey.
    for row in second.chunks(4) {
        let grey = 0.5 * (row[0] + row[1] + row[2]) + row[3];
        assert!((grey - 0.35).abs() < 0.06, "0.5 becomes {grey}, not 0.35");
    }
}
