//! `effigy-train`: a capture becomes an avatar.

mod follower;
mod outcome;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use effigy_capture::{Capture, CaptureError, CaptureOptions, PictureCache, Severity, Split};
use effigy_rig::{LoadLimits, Rig, RigError};
use effigy_train::session::{Cause, Event};
use effigy_train::{Checkpoint, Model, Preset, RunEnd, RunFolder, TrainConfig, TrainError, Trainer, Verdict};

use self::follower::{Events, Follower, Terminal};
use self::outcome::Outcome;
use crate::capture_up::Up;
use crate::failure::{bad_input, one_line};
use crate::interrupt;
use crate::output::folder_of_file;
use crate::report::print;

/// Train an avatar from pictures of a head with known cameras and controls.
///
/// The run's files (checkpoint, configuration, log with its plot, a preview picture) are in a folder beside the avatar. Ctrl-C saves a
/// checkpoint and the avatar as it stands; --resume goes on from there.
#[derive(Parser)]
#[command(
    name = "effigy train",
    bin_name = "effigy train",
    version,
    after_help = "Examples:
  effigy train captures/anna -o anna.glb --preset preview
  effigy train captures/anna -o anna.glb
  effigy train captures/anna -o anna.glb --resume
  effigy train captures/anna -o anna.glb --set steps=9000 --set field.regions=32
  effigy train captures/anna --check
  effigy train colmap/statue -o statue.glb"
)]
pub(crate) struct Arguments {
    /// A folder with transforms.json (this program's, nerfstudio's or instant-ngp's), a COLMAP model, or a
    /// GaussianAvatars capture.
    capture: PathBuf,
    /// The avatar to make, a .glb.
    #[arg(short, long, default_value = "avatar.glb", value_name = "FILE")]
    output: PathBuf,
    /// How much to spend: preview (minutes on two cores), standard, or high.
    #[arg(long, value_enum, default_value_t = PresetName::Standard)]
    preset: PresetName,
    /// A TOML file of settings; those that it does not name are the preset's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Change one setting, as `steps=3000` or `loss.dssim=0.3`. Repeatable; see --show-config.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print the settings as TOML and stop.
    #[arg(long)]
    show_config: bool,
    /// Check the capture, list what is wrong with it, and stop.
    #[arg(long)]
    check: bool,
    /// Go on from the run's checkpoint, with its settings (and those of --set).
    #[arg(long)]
    resume: bool,
    /// Folder for the run's files; by default beside the avatar, named after it.
    #[arg(long, value_name = "FOLDER")]
    run: Option<PathBuf>,
    /// The rig, a .glb or .vrm, in place of the one that the capture names.
    #[arg(long, value_name = "FILE")]
    rig: Option<PathBuf>,
    /// Controls for a capture that has none: a track, or a JSON of controls by timestep.
    #[arg(long, value_name = "FILE")]
    controls: Option<PathBuf>,
    /// Which axis of the capture's world is up.
    #[arg(long, value_enum, default_value_t = Up::Y, value_name = "AXIS")]
    up: Up,
    /// Where to train: cpu, gpu, or part of an adapter's name (see `effigy adapters`).
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: String,
    /// Memory for decoded pictures, MiB.
    #[arg(long, default_value_t = 4096, value_name = "MIB")]
    picture_memory: u64,
    /// Name to store in the file.
    #[arg(long)]
    name: Option<String>,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    /// For programs that start a run: print what happens as lines of JSON, and take orders on standard input, a word a
    /// line: pause, resume, show (write the avatar as it stands to the run's folder), keep, discard.
    #[arg(long, conflicts_with_all = ["json", "check", "show_config"])]
    events: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PresetName {
    Preview,
    Standard,
    High,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let output = &arguments.output;
    let files = arguments.run.clone().map_or_else(|| RunFolder::beside(output), RunFolder::new);
    if !arguments.events {
        return follow(arguments, &files, &Terminal::new(arguments.json));
    }
    let events = Events::new(files.clone());
    let result = follow(arguments, &files, &events);
    if let Err(error) = &result {
        events.say(&Event::Failed { line: one_line(error), cause: cause(error) })?;
    }
    result
}

/// What a run failed of, for who watches it.
fn cause(error: &anyhow::Error) -> Cause {
    let is = |kind: fn(&(dyn std::error::Error + 'static)) -> bool| error.chain().any(kind);
    match error.chain().find_map(|cause| cause.downcast_ref()) {
        Some(TrainError::Capture(_) | TrainError::Picture(_)) => Cause::Capture,
        Some(TrainError::Problems(_)) => Cause::Problems,
        Some(TrainError::Config(_)) => Cause::Settings,
        Some(TrainError::Rig(_) | TrainError::Avatar(_) | TrainError::Field(_) | TrainError::Splat(_)) => {
            Cause::Rig
        }
        Some(TrainError::NotFinite(_)) => Cause::NotFinite,
        Some(TrainError::Device(_)) => Cause::Device,
        Some(TrainError::Checkpoint(_)) => Cause::Checkpoint,
        Some(TrainError::Io { .. }) => Cause::Disk,
        _ if is(|cause| cause.is::<CaptureError>()) => Cause::Capture,
        _ if is(|cause| cause.is::<RigError>()) => Cause::Rig,
        _ if is(|cause| cause.is::<std::io::Error>()) => Cause::Disk,
        _ => Cause::Arguments,
    }
}

fn follow(arguments: &Arguments, files: &RunFolder, follower: &dyn Follower) -> anyhow::Result<()> {
    let output = &arguments.output;
    if output.extension().is_none_or(|e| !e.eq_ignore_ascii_case("glb")) {
        return Err(bad_input(format!("{}: an avatar is a .glb", output.display())));
    }
    let checkpoint = match arguments.resume {
        true => Some(Checkpoint::open(&files.checkpoint())?),
        false => None,
    };
    let config = settings(arguments, checkpoint.as_ref())?;
    if arguments.show_config {
        return print(config.to_toml().trim_end());
    }
    follower.doing("checking the capture");
    let (capture, rig) = open(arguments, follower)?;
    if arguments.check {
        return print(&format!(
            "{}: {}; nothing stands in the way of training",
            arguments.capture.display(),
            summary(&capture)
        ));
    }
    folder_of_file(output)?;
    if checkpoint.is_none() && files.checkpoint().exists() {
        return Err(bad_input(format!(
            "{}: there is a run already; go on with --resume, or name another folder with --run",
            files.path().display()
        )));
    }
    interrupt::watch();
    train(arguments, config, capture, rig, checkpoint.as_ref(), files, follower)
}

/// The settings: preset, then file, then single ones; or those of a checkpoint, then single ones.
fn settings(arguments: &Arguments, checkpoint: Option<&Checkpoint>) -> anyhow::Result<TrainConfig> {
    let preset = match arguments.preset {
        PresetName::Preview => Preset::Preview,
        PresetName::Standard => Preset::Standard,
        PresetName::High => Preset::High,
    };
    let mut config = match (checkpoint, &arguments.config) {
        (Some(checkpoint), _) => checkpoint.train_config()?,
        (None, Some(path)) => {
            let text =
                std::fs::read_to_string(path).map_err(|e| bad_input(format!("{}: {e}", path.display())))?;
            TrainConfig::from_toml(&text, preset)
                .map_err(|e| bad_input(format!("{}: {e}", path.display())))?
        }
        (None, None) => TrainConfig::preset(preset),
    };
    for setting in &arguments.set {
        config = config.with(setting).map_err(|e| bad_input(format!("--set {setting}: {e}")))?;
    }
    Ok(config)
}

/// Opens the capture and its rig, and says all that is wrong with them.
fn open(arguments: &Arguments, follower: &dyn Follower) -> anyhow::Result<(Capture, Option<Rig>)> {
    let options = CaptureOptions {
        rig: arguments.rig.clone(),
        controls: arguments.controls.clone(),
        up_axis: arguments.up.into(),
        ..CaptureOptions::default()
    };
    let capture = Capture::open(&arguments.capture, &options)?;
    let rig = capture.rig.as_ref().map(|path| Rig::open(path, &LoadLimits::default())).transpose()?;
    let problems = capture.check(rig.as_ref());
    for problem in &problems {
        follower.problem(problem);
    }
    let mut errors: Vec<_> = problems.into_iter().filter(|p| p.severity == Severity::Error).collect();
    let count = errors.len();
    if count == 0 {
        return Ok((capture, rig));
    }
    // All have been told of; the last line is of the worst.
    errors.truncate(1);
    let line = format!("{}: {count} problem(s) stand in the way of training", arguments.capture.display());
    Err(anyhow::Error::from(TrainError::Problems(errors)).context(line))
}

fn summary(capture: &Capture) -> String {
    let count = |split| capture.split(split).count();
    let [train, view, expression] = Split::ALL.map(count);
    format!(
        "{train} pictures to train on, {view} of novel views and {expression} of novel expressions held out"
    )
}

fn train(
    arguments: &Arguments,
    config: TrainConfig,
    capture: Capture,
    rig: Option<Rig>,
    checkpoint: Option<&Checkpoint>,
    files: &RunFolder,
    follower: &dyn Follower,
) -> anyhow::Result<()> {
    let device = effigy_train::device(&arguments.device)?;
    let capture = Arc::new(capture);
    let pictures = Arc::new(PictureCache::new(&capture, arguments.picture_memory << 20));
    follower.doing("decoding pictures");
    preload(&capture, &pictures, &config, follower)?;
    follower.doing("placing Gaussians");
    let model = Model::start(&capture, &pictures, rig, &config, &device)?;
    let mut trainer = Trainer::new(config, capture, pictures, model, &device)?;
    if let Some(checkpoint) = checkpoint {
        trainer.restore(checkpoint)?;
    }
    let what = format!("{}, {}", summary(&trainer.capture), trainer.model.describe());
    follower.started(&trainer, &format!("{what}; the run's files are in {}", files.path().display()));
    let mut following = Ok(());
    let end = effigy_train::run(&mut trainer, files, &mut |trainer, report| {
        follower.step(trainer, report).unwrap_or_else(|error| {
            following = Err(error);
            false
        })
    });
    // Whatever ended the run, what was learned is kept.
    let end = end.with_context(|| match files.checkpoint().exists() {
        true => "the last checkpoint is kept; --resume goes on from it",
        false => "there is no checkpoint yet",
    })?;
    following?;
    if !follower.keeps() {
        return follower.ended(&trainer, None);
    }
    // A run that was stopped early may well have nothing to show yet.
    let verdict = if end == RunEnd::Done { Some(trainer.verdict()?) } else { None };
    follower.ended(&trainer, Some(&save(arguments, &trainer, verdict)?))
}

/// Writes the avatar as it stands.
fn save(arguments: &Arguments, trainer: &Trainer, verdict: Option<Verdict>) -> anyhow::Result<Outcome> {
    let output = &arguments.output;
    let named = || output.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    let avatar = trainer.model.to_avatar(&arguments.name.clone().unwrap_or_else(named))?;
    avatar.save(output).with_context(|| output.display().to_string())?;
    Ok(Outcome {
        output: output.clone(),
        steps: trainer.steps,
        of: trainer.config.steps,
        gaussians: avatar.gaussians.len(),
        bytes: std::fs::metadata(output).map(|m| m.len()).unwrap_or_default(),
        psnr: verdict.map(|verdict| verdict.psnr),
        single_color_psnr: verdict.map(|verdict| verdict.constant),
        learned: verdict.map(|verdict| verdict.is_learned()),
        nothing_learned: verdict.filter(|verdict| !verdict.is_learned()).map(|verdict| {
            format!(
                "nothing was learned: {verdict}; are the cameras those of the pictures, and are {} steps enough?",
                trainer.steps
            )
        }),
    })
}

/// Decodes the training pictures in parallel.
fn preload(
    capture: &Capture,
    pictures: &PictureCache,
    config: &TrainConfig,
    follower: &dyn Follower,
) -> anyhow::Result<()> {
    let frames: Vec<usize> = capture.split(Split::Train).map(|(i, _)| i).collect();
    let loaded = pictures.preload(&frames, config.final_level, &|done, of| follower.progress(done, of));
    match loaded {
        Ok(_) => Ok(()),
        Err(faults) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            let first = faults.into_iter().next().map(TrainError::from);
            Err(first.map_or_else(|| bad_input("pictures cannot be decoded"), Into::into))
        }
    }
}
