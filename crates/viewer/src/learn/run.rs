//! A run, in a program of its own, as the thread that watches it sees it.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use effigy_avatar::{Avatar, OpenOptions};
use effigy_capture::UpAxis;
use effigy_train::session::{self, Cause, Event, Order};
use effigy_train::{Preset, RunFolder};

use super::progress::{Sample, Shared};
use super::settings::{Place, Settings};
use crate::graphics::Graphics;
use crate::job::{Fault, Progress};
use crate::scene::Loaded;

/// The avatar is shown anew at most so often ...
const SHOWN_EVERY: Duration = Duration::from_millis(1500);
/// ... and for at most this part of the time that training takes.
const SHOWING: u32 = 10;
/// How long it takes to notice that the run is not wanted any more.
const NAP: Duration = Duration::from_millis(50);

/// What came of a run: the avatar, which has been written, and what is said of it; none if it was not to be kept.
pub(crate) type Made = Option<(Loaded, String)>;

/// Has an avatar learned and written.
pub(crate) fn run(
    settings: &Settings,
    resume: bool,
    graphics: &Graphics,
    shared: &Shared,
    progress: &Progress,
    snapshots: &Sender<Loaded>,
    context: &egui::Context,
) -> Result<Made, Fault> {
    let program = session::program().ok_or_else(|| Fault::new(session::how_to_get(), GET_ADVICE))?;
    let mut child = start(&program, settings, resume)?;
    let files = RunFolder::beside(&settings.output);
    if let Some(orders) = child.stdin.take() {
        shared.listen(orders);
    }
    let (sender, events) = channel();
    // Read to the end in any case, so that the program never waits for a reader.
    let said = child.stderr.take().map(|errors| std::thread::spawn(move || last_line(errors)));
    if let Some(lines) = child.stdout.take() {
        std::thread::spawn(move || {
            for line in BufReader::new(lines).lines().map_while(Result::ok) {
                // What is no event is not for us.
                if let Ok(event) = serde_json::from_str::<Event>(&line)
                    && sender.send(event).is_err()
                {
                    break;
                }
            }
        });
    }
    let mut shows = Shows { asked: None, took: Duration::ZERO };
    let mut end = None;
    loop {
        let event = match events.recv_timeout(NAP) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => {
                if progress.is_cancelled() {
                    shared.order(Order::Discard);
                }
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        };
        match event {
            Event::Problem { line } => shared.add_problem(line),
            Event::Doing { what } => progress.say(what),
            Event::Progress { done, of } => progress.set(done as f32 / of.max(1) as f32),
            Event::Started { steps, what } => {
                shared.say_steps(steps, what);
                progress.say("");
            }
            Event::Step { step, loss, psnr } => {
                shared.add(Sample { step, loss, psnr });
                progress.set(step as f32 / shared.steps().0.max(1) as f32);
                if shows.are_due() {
                    shared.order(Order::Show);
                    shows.asked = Some(Instant::now());
                }
            }
            Event::Shown => {
                let start = Instant::now();
                let loaded = open(&files.shown(), &settings.output, graphics)?;
                // The viewer may be gone.
                let _ = snapshots.send(loaded);
                shows.took = start.elapsed();
            }
            Event::Ended { written, steps, of, warning } => {
                let warning = warning.map_or_else(String::new, |line| format!("; {line}"));
                let report =
                    format!("Wrote {} after {steps} of {of} steps{warning}", settings.output.display());
                end = Some(Ok(written.then_some(report)));
            }
            Event::Failed { line, cause } => end = Some(Err(Fault::new(line, advice(cause)))),
        }
        context.request_repaint();
    }
    // It says its last words, or is gone without any.
    let _ = child.wait();
    let report = end.unwrap_or_else(|| {
        let words = said.and_then(|said| said.join().ok()).unwrap_or_default();
        Err(Fault::new(format!("The program that trains has stopped: {words}"), STOPPED_ADVICE))
    })?;
    let Some(report) = report.filter(|_| !progress.is_cancelled()) else { return Ok(None) };
    Ok(Some((open(&settings.output, &settings.output, graphics)?, report)))
}

/// Starts the program.
fn start(program: &Path, settings: &Settings, resume: bool) -> Result<Child, Fault> {
    let mut command = Command::new(program);
    command.arg(&settings.capture).arg("--output").arg(&settings.output).arg("--events");
    command.args([
        "--preset",
        match settings.preset {
            Preset::Preview => "preview",
            Preset::Standard => "standard",
            Preset::High => "high",
        },
    ]);
    command.args([
        "--up",
        match settings.up {
            UpAxis::Y => "y",
            UpAxis::Z => "z",
            UpAxis::MinusY => "minus-y",
        },
    ]);
    command.args([
        "--device",
        match settings.place {
            Place::Best => "auto",
            Place::Processor => "cpu",
        },
    ]);
    if let Some(config) = &settings.config {
        command.arg("--config").arg(config);
    }
    if resume {
        command.arg("--resume");
    }
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    pipes.spawn().map_err(|error| Fault::new(format!("{}: {error}", program.display()), GET_ADVICE))
}

/// What a program said last.
fn last_line(mut errors: impl std::io::Read) -> String {
    let mut text = Vec::new();
    // What was read before a fault counts.
    let _ = errors.read_to_end(&mut text);
    String::from_utf8_lossy(&text).lines().last().unwrap_or_default().to_owned()
}

/// When the avatar was asked for last, and how long showing it took.
struct Shows {
    asked: Option<Instant>,
    took: Duration,
}

impl Shows {
    fn are_due(&self) -> bool {
        self.asked.is_none_or(|asked| asked.elapsed() >= SHOWN_EVERY.max(SHOWING * self.took))
    }
}

/// The avatar in `file`, on the viewer's device, as the file that it is or will be.
fn open(file: &Path, output: &Path, graphics: &Graphics) -> Result<Loaded, Fault> {
    let avatar =
        Avatar::open(file, &OpenOptions::default()).map_err(|error| Fault::new(error, WRITE_ADVICE))?;
    Loaded::new(avatar, Some(output.to_owned()), graphics).map_err(|error| Fault::new(error, SHOW_ADVICE))
}

const GET_ADVICE: &str = "Build or install it, and start the training again; the viewer need not be closed.";
const STOPPED_ADVICE: &str = "Go on from the checkpoint; if it happens again, please report it.";
const WRITE_ADVICE: &str =
    "Choose a folder that can be written to, on a disk with room. The run's checkpoint is kept.";
const SHOW_ADVICE: &str =
    "The graphics device may lack the memory: close other programs, or choose a smaller preset.";

/// What to do about what went wrong.
fn advice(cause: Cause) -> &'static str {
    match cause {
        Cause::Arguments => "Please report it.",
        Cause::Capture => {
            "Choose a folder with transforms.json and its pictures, a COLMAP model, or a GaussianAvatars capture."
        }
        Cause::Problems => "The panel of training lists all that is wrong. Mend it, and start again.",
        Cause::Settings => "Choose another preset.",
        Cause::Rig => "Check the rig that the capture names.",
        Cause::NotFinite => "Go on from the checkpoint, or start again under another name.",
        Cause::Device => "Train on the processor, or with a smaller preset.",
        Cause::Checkpoint => "Give the avatar another name, and start afresh.",
        Cause::Disk => WRITE_ADVICE,
    }
}
