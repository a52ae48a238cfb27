//! `effigy train`: a capture becomes an avatar.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueEnum};
use effigy_capture::{Capture, CaptureOptions, PictureCache, Severity, Split, UpAxis};
use effigy_rig::{LoadLimits, Rig};
use effigy_train::{Checkpoint, Model, Preset, RunEnd, RunFolder, TrainConfig, TrainError, Trainer};
use serde::Serialize;

use crate::failure::bad_input;
use crate::interrupt;
use crate::output::folder_of_file;
use crate::progress::Progress;
use crate::report::{print, print_json};

/// Train an avatar from pictures of a head with known cameras and controls.
///
/// The run's files (checkpoint, configuration, log with its plot, a preview picture) are in a folder beside the avatar. Ctrl-C saves a
/// checkpoint and the avatar as it stands; --resume goes on from there.
#[derive(Args)]
#[command(after_help = "Examples:
  effigy train captures/anna -o anna.glb --preset preview
  effigy train captures/anna -o anna.glb
  effigy train captures/anna -o anna.glb --resume
  effigy train captures/anna -o anna.glb --set steps=9000 --set field.regions=32
  effigy train captures/anna --check
  effigy train colmap/statue -o statue.glb")]
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
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PresetName {
    Preview,
    Standard,
    High,
}

/// Which axis of a capture's world is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Up {
    Y,
    Z,
    MinusY,
}

impl From<Up> for UpAxis {
    fn from(up: Up) -> Self {
        match up {
            Up::Y => Self::Y,
            Up::Z => Self::Z,
            Up::MinusY => Self::MinusY,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let output = &arguments.output;
    if output.extension().is_none_or(|e| !e.eq_ignore_ascii_case("glb")) {
        return Err(bad_input(format!("{}: an avatar is a .glb", output.display())));
    }
    let folder = arguments.run.clone().unwrap_or_else(|| output.with_extension("train"));
    let checkpoint_path = folder.join("checkpoint.safetensors");
    let checkpoint = match arguments.resume {
        true => Some(Checkpoint::open(&checkpoint_path)?),
        false => None,
    };
    let config = settings(arguments, checkpoint.as_ref())?;
    if arguments.show_config {
        return print(config.to_toml().trim_end());
    }
    let (capture, rig) = open(arguments)?;
    if arguments.check {
        return print(&format!(
            "{}: {}; nothing stands in the way of training",
            arguments.capture.display(),
            summary(&capture)
        ));
    }
    folder_of_file(output)?;
    if checkpoint.is_none() && checkpoint_path.exists() {
        return Err(bad_input(format!(
            "{}: there is a run already; go on with --resume, or name another folder with --run",
            folder.display()
        )));
    }
    interrupt::watch();
    train(arguments, config, capture, rig, checkpoint.as_ref(), &folder)
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
fn open(arguments: &Arguments) -> anyhow::Result<(Capture, Option<Rig>)> {
    let options = CaptureOptions {
        rig: arguments.rig.clone(),
        controls: arguments.controls.clone(),
        up_axis: arguments.up.into(),
        ..CaptureOptions::default()
    };
    let progress = Progress::of_unknown_length("checking the capture");
    let capture = Capture::open(&arguments.capture, &options)?;
    let rig = capture.rig.as_ref().map(|path| Rig::open(path, &LoadLimits::default())).transpose()?;
    let problems = capture.check(rig.as_ref());
    drop(progress);
    for problem in &problems {
        eprintln!("{problem}");
    }
    let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
    if errors > 0 {
        return Err(bad_input(format!(
            "{}: {errors} problem(s) stand in the way of training",
            arguments.capture.display()
        )));
    }
    Ok((capture, rig))
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
    folder: &Path,
) -> anyhow::Result<()> {
    let device = effigy_train::device(&arguments.device)?;
    let capture = Arc::new(capture);
    let files = RunFolder::create(folder)?;
    let progress = Progress::of_unknown_length("placing Gaussians");
    let model = Model::start(&capture, rig, &config, &device)?;
    drop(progress);
    let pictures = Arc::new(PictureCache::new(&capture, arguments.picture_memory << 20));
    preload(&capture, &pictures, &config)?;
    let mut trainer = Trainer::new(config, capture, pictures, model, &device)?;
    if let Some(checkpoint) = checkpoint {
        trainer.restore(checkpoint)?;
    }
    eprintln!(
        "{}, {}; the run's files are in {}",
        summary(&trainer.capture),
        trainer.model.describe(),
        folder.display()
    );
    let bar = Progress::new(trainer.config.steps as u64, "training");
    bar.set(trainer.steps as u64);
    let mut shown = (f32::NAN, f32::NAN);
    let end = effigy_train::run(&mut trainer, &files, &mut |_, report| {
        // A running mean: single pictures differ by several decibels.
        let blend = |mean: f32, new: f32| if mean.is_finite() { 0.95 * mean + 0.05 * new } else { new };
        shown = (blend(shown.0, report.loss), blend(shown.1, report.psnr));
        bar.step_with(format!("training  loss {:.4}  PSNR {:.2} dB", shown.0, shown.1));
        interrupt::check().is_ok()
    });
    drop(bar);
    // Whatever ended the run, what was learned is kept.
    if let Err(error) = end {
        let kept = files.checkpoint().exists();
        let hint = if kept {
            "the last checkpoint is kept; --resume goes on from it"
        } else {
            "there is no checkpoint yet"
        };
        return Err(anyhow::Error::from(error).context(hint));
    }
    let name = arguments.name.clone().unwrap_or_else(|| {
        arguments.output.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned())
    });
    let avatar = trainer.model.to_avatar(&name)?;
    avatar.save(&arguments.output).with_context(|| arguments.output.display().to_string())?;
    let report = Outcome {
        output: arguments.output.clone(),
        steps: trainer.steps,
        of: trainer.config.steps,
        gaussians: avatar.gaussians.len(),
        bytes: std::fs::metadata(&arguments.output).map(|m| m.len()).unwrap_or_default(),
    };
    if arguments.json {
        print_json(&report)?;
    } else {
        print(&format!(
            "{}: {} Gaussians, {} bytes, after {} of {} steps",
            report.output.display(),
            report.gaussians,
            report.bytes,
            report.steps,
            report.of
        ))?;
    }
    if matches!(end, Ok(RunEnd::Stopped)) {
        eprintln!("stopped; --resume goes on");
        return interrupt::check();
    }
    Ok(())
}

/// Decodes the training pictures in parallel.
fn preload(capture: &Capture, pictures: &PictureCache, config: &TrainConfig) -> anyhow::Result<()> {
    let frames: Vec<usize> = capture.split(Split::Train).map(|(i, _)| i).collect();
    let bar = Progress::new(frames.len() as u64, "decoding pictures");
    let loaded = pictures.preload(&frames, config.final_level, &|done, _| bar.set(done as u64));
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

#[derive(Serialize)]
struct Outcome {
    output: PathBuf,
    steps: usize,
    of: usize,
    gaussians: usize,
    bytes: u64,
}
