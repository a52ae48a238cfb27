//! A run, on the thread that it is given.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use effigy_capture::{Capture, CaptureOptions, PictureCache, Severity, Split};
use effigy_rig::{LoadLimits, Rig};
use effigy_train::{Checkpoint, Model, RunFolder, TrainConfig, TrainError, Trainer};

use super::{Ending, Place, Sample, Settings, Shared};
use crate::graphics::Graphics;
use crate::job::{Fault, Progress};
use crate::scene::Loaded;

/// Memory for decoded pictures, bytes.
const PICTURE_MEMORY: u64 = 4 << 30;
/// The avatar is shown anew at most so often ...
const SHOWN_EVERY: Duration = Duration::from_millis(1500);
/// ... and for at most this part of the time that training takes.
const SHOWING: u32 = 10;

/// What came of a run.
pub(crate) struct Made {
    /// What is wrong with the capture though it can be used, a line each.
    pub(crate) problems: Vec<String>,
    /// The avatar, which has been written, and what is said of it; none if it was not to be kept.
    pub(crate) avatar: Option<(Loaded, String)>,
}

/// Learns an avatar and writes it.
pub(crate) fn run(
    settings: &Settings,
    resume: bool,
    graphics: &Graphics,
    shared: &Shared,
    progress: &Progress,
    snapshots: &Sender<Loaded>,
    context: &egui::Context,
) -> Result<Made, Fault> {
    let files = RunFolder::create(&settings.folder()).map_err(said)?;
    let checkpoint = if resume { Some(Checkpoint::open(&files.checkpoint()).map_err(said)?) } else { None };
    let config = match (&checkpoint, &settings.config) {
        (Some(checkpoint), _) => checkpoint.train_config().map_err(said)?,
        (None, Some(config)) => config.clone(),
        (None, None) => TrainConfig::preset(settings.preset),
    };
    progress.say("checking the capture");
    let (capture, rig, problems) = open(settings, shared)?;
    let nothing = Made { problems: Vec::new(), avatar: None };
    if is_unwanted(shared, progress) {
        return Ok(nothing);
    }
    let device = effigy_train::device(match settings.place {
        Place::Best => "auto",
        Place::Processor => "cpu",
    })
    .map_err(said)?;
    progress.say("placing Gaussians");
    let model = Model::start(&capture, rig, &config, &device).map_err(said)?;
    let pictures = Arc::new(PictureCache::new(&capture, PICTURE_MEMORY));
    decode(&capture, &pictures, &config, progress)?;
    let mut trainer = Trainer::new(config, Arc::new(capture), pictures, model, &device).map_err(said)?;
    if let Some(checkpoint) = &checkpoint {
        trainer.restore(checkpoint).map_err(said)?;
    }
    let count = trainer.capture.split(Split::Train).count();
    let what = format!("{} from {count} pictures", trainer.model.describe());
    shared.say_steps(trainer.config.steps, what);
    progress.say("");
    let mut shows = Shows { last: None, took: Duration::ZERO };
    let mut showing = Ok(());
    let end = effigy_train::run(&mut trainer, &files, &mut |trainer, report| {
        shared.add(Sample { step: report.step, loss: report.loss, psnr: report.psnr });
        progress.set(report.step as f32 / trainer.config.steps as f32);
        if shows.are_due() {
            let start = Instant::now();
            showing = snapshot(trainer, settings, graphics).map(|loaded| {
                // The viewer may be gone.
                let _ = snapshots.send(loaded);
            });
            shows = Shows { last: Some(Instant::now()), took: start.elapsed() };
        }
        context.request_repaint();
        shared.wait_while_paused(|| progress.is_cancelled());
        showing.is_ok() && shared.ending() == Ending::None && !progress.is_cancelled()
    });
    showing?;
    end.map_err(said)?;
    if is_unwanted(shared, progress) {
        return Ok(nothing);
    }
    progress.say("writing the avatar");
    let output = &settings.output;
    let name = output.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
    let avatar = trainer.model.to_avatar(&name).map_err(said)?;
    avatar.save(output).map_err(|error| Fault::new(error, WRITE_ADVICE))?;
    let report =
        format!("Wrote {} after {} of {} steps", output.display(), trainer.steps, trainer.config.steps);
    let loaded = Loaded::new(avatar, Some(output.clone()), graphics)
        .map_err(|error| Fault::new(error, SHOW_ADVICE))?;
    Ok(Made { problems, avatar: Some((loaded, report)) })
}

const WRITE_ADVICE: &str =
    "Choose a folder that can be written to, on a disk with room. The run's checkpoint is kept.";
const SHOW_ADVICE: &str =
    "The graphics device may lack the memory: close other programs, or choose a smaller preset.";

/// When the avatar was shown last, and how long that took.
struct Shows {
    last: Option<Instant>,
    took: Duration,
}

impl Shows {
    fn are_due(&self) -> bool {
        self.last.is_none_or(|last| last.elapsed() >= SHOWN_EVERY.max(SHOWING * self.took))
    }
}

fn is_unwanted(shared: &Shared, progress: &Progress) -> bool {
    shared.ending() == Ending::Discard || progress.is_cancelled()
}

/// The avatar as it stands, on the viewer's device.
fn snapshot(trainer: &Trainer, settings: &Settings, graphics: &Graphics) -> Result<Loaded, Fault> {
    let avatar = trainer.model.to_avatar("Training").map_err(said)?;
    // As the file that it will be.
    Loaded::new(avatar, Some(settings.output.clone()), graphics)
        .map_err(|error| Fault::new(error, SHOW_ADVICE))
}

/// Opens and checks a capture, and gives its rig and what is wrong with it though it can be used.
fn open(settings: &Settings, shared: &Shared) -> Result<(Capture, Option<Rig>, Vec<String>), Fault> {
    let options = CaptureOptions { up_axis: settings.up, ..CaptureOptions::default() };
    let capture = Capture::open(&settings.capture, &options).map_err(|error| said(error.into()))?;
    let rig = capture.rig.as_ref().map(|path| Rig::open(path, &LoadLimits::default()));
    let rig = rig.transpose().map_err(|error| said(error.into()))?;
    let problems = capture.check(rig.as_ref());
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    if errors > 0 {
        let first = problems.iter().find(|problem| problem.severity == Severity::Error);
        let first = first.map_or(String::new(), |problem| format!("{}: {}", problem.subject, problem.line));
        let rest = if errors > 1 { format!(", and {} more", errors - 1) } else { String::new() };
        shared.add_problems(lines.into_iter());
        return Err(Fault::new(
            format!("The capture cannot be learned from: {first}{rest}"),
            "The panel of training lists all that is wrong. Mend it, and start again.",
        ));
    }
    Ok((capture, rig, lines))
}

/// Decodes the pictures to train on.
fn decode(
    capture: &Capture,
    pictures: &PictureCache,
    config: &TrainConfig,
    progress: &Progress,
) -> Result<(), Fault> {
    progress.say("decoding pictures");
    let frames: Vec<usize> = capture.split(Split::Train).map(|(i, _)| i).collect();
    let told = |done: usize, of: usize| progress.set(done as f32 / of.max(1) as f32);
    match pictures.preload(&frames, config.final_level, &told) {
        Ok(_) => Ok(()),
        Err(faults) => {
            let more =
                if faults.len() > 1 { format!(", and {} more", faults.len() - 1) } else { String::new() };
            let first = faults.first().map_or(String::new(), ToString::to_string);
            Err(Fault::new(format!("{first}{more}"), "Put whole pictures in the place of these."))
        }
    }
}

/// What went wrong, and what to do about it.
fn said(error: TrainError) -> Fault {
    let advice = match &error {
        TrainError::Capture(_) | TrainError::Problems(_) | TrainError::Picture(_) => {
            "Choose a folder with transforms.json and its pictures, a COLMAP model, or a GaussianAvatars capture."
        }
        TrainError::Config(_) => "Choose another preset.",
        TrainError::Rig(_) | TrainError::Avatar(_) | TrainError::Field(_) | TrainError::Splat(_) => {
            "Check the rig that the capture names."
        }
        TrainError::NotFinite(_) => "Go on from the checkpoint, or start again under another name.",
        TrainError::Device(_) => "Train on the processor, or with a smaller preset.",
        TrainError::Checkpoint(_) => "Give the avatar another name, and start afresh.",
        TrainError::Io { .. } => WRITE_ADVICE,
        TrainError::Judge(_) => "Please report it.",
    };
    Fault::new(error, advice)
}
