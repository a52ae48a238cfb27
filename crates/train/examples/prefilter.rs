//! Trains the filter that stands before a video encoder: the weights that ship come of
//!
//! `cargo run --release -p effigy-train --example prefilter -- assets/prefilter.safetensors`
//!
//! Learns from the bundled avatar and track. Options: `steps`, `lessons`, `rate`, `unseen`, `price`, `absolute`, `seed`, as
//! [`PrefilterSettings`] has them, written `NAME=VALUE`; `areas`, how many areas of frames to learn from; `avatar=FILE` for
//! another avatar, any number of times.

use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use effigy_avatar::{Avatar, OpenOptions};
use effigy_rig::{Track, TrackLimits};
use effigy_train::prefilter::{Clip, Lessons, PrefilterSettings, PrefilterTrainer, Transform};

type Fault = Box<dyn std::error::Error>;

/// Pixels of a rendered frame and of an area to learn from.
const FRAME: u32 = 512;
const AREA: usize = 96;
/// Pairs of frames of each avatar.
const PAIRS: usize = 96;
/// Areas that the network is judged on.
const JUDGED: usize = 64;

fn main() -> Result<(), Fault> {
    let mut settings = PrefilterSettings::default();
    let (mut out, mut areas, mut avatars) = (None, 1024, Vec::new());
    for argument in std::env::args().skip(1) {
        match argument.split_once('=') {
            Some(("steps", v)) => settings.steps = v.parse()?,
            Some(("lessons", v)) => settings.lessons = v.parse()?,
            Some(("rate", v)) => settings.rate = v.parse()?,
            Some(("unseen", v)) => settings.unseen = v.parse()?,
            Some(("price", v)) => settings.price = v.parse()?,
            Some(("absolute", v)) => settings.absolute = v.parse()?,
            Some(("seed", v)) => settings.seed = v.parse()?,
            Some(("areas", v)) => areas = v.parse()?,
            Some(("avatar", v)) => avatars.push(v.to_owned()),
            Some(_) => return Err(format!("{argument}: there is no such option").into()),
            None => out = Some(argument),
        }
    }
    let out = out.ok_or("where to write the weights is missing")?;
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets");
    if avatars.is_empty() {
        avatars.push(assets.join("head.glb").display().to_string());
    }
    let track = Track::open(assets.join("greeting.json"), &TrackLimits::default())?;
    let start = Instant::now();
    let mut clips = Vec::new();
    for (index, path) in avatars.iter().enumerate() {
        let avatar = Avatar::open(path, &OpenOptions::default())?;
        clips.extend(Clip::render(&avatar, &track, FRAME, PAIRS, settings.seed + index as u64)?);
    }
    let lessons = Lessons::new(&clips, AREA, areas, settings.seed);
    println!(
        "{} areas of {} pairs of frames after {:.0} s",
        areas,
        clips.len(),
        start.elapsed().as_secs_f64()
    );
    let device = Device::flex().autodiff();
    let mut trainer = PrefilterTrainer::new(settings, lessons, &device)?;
    println!("{:?}", trainer.prices());
    let mut sum = 0.0;
    for step in 1..=settings.steps {
        sum += trainer.step()?.loss;
        if step % 100 == 0 {
            println!("step {step}: loss {:.4}, {:.0} s", sum / 100.0, start.elapsed().as_secs_f64());
            sum = 0.0;
        }
        if step % 1000 == 0 {
            std::fs::write(&out, trainer.network().to_bytes()?)?;
        }
    }
    std::fs::write(&out, trainer.network().to_bytes()?)?;
    println!(
        "quantiser attention transform: distance, bits, loss with the filter in shares of those without"
    );
    for transform in [Transform::Four, Transform::Eight] {
        for attention in [1.0, 0.0] {
            for quantiser in [20.0, 26.0, 32.0, 38.0, 44.0] {
                let [plain, filtered] =
                    [false, true].map(|f| trainer.judge(transform, JUDGED, quantiser, attention, f));
                let (plain, filtered) = (plain?, filtered?);
                println!(
                    "{quantiser} {attention} {transform:?}: {:.3} {:.3} {:.3}",
                    filtered.distance / plain.distance,
                    filtered.bits / plain.bits,
                    filtered.loss / plain.loss
                );
            }
        }
    }
    Ok(())
}
