//! A run as somebody at a terminal sees it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use effigy_capture::Problem;
use effigy_train::{StepReport, Trainer};

use super::Follower;
use crate::interrupt;
use crate::progress::Progress;
use crate::report::{print, print_json};
use crate::trainer::outcome::Outcome;

/// Progress bars on standard error, and in the end a line, or JSON, on standard output.
pub(in crate::trainer) struct Terminal {
    json: bool,
    shown: Mutex<Shown>,
}

#[derive(Default)]
struct Shown {
    doing: &'static str,
    /// Whether the bar knows how long it is.
    counted: bool,
    bar: Option<Progress>,
    loss: Option<f32>,
    psnr: Option<f32>,
}

impl Terminal {
    /// `json` is how the end is told.
    pub(in crate::trainer) fn new(json: bool) -> Self {
        Self { json, shown: Mutex::default() }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower for Terminal {
    fn problem(&self, problem: &Problem) {
        self.shown().bar = None;
        eprintln!("{problem}");
    }

    fn doing(&self, what: &'static str) {
        let mut shown = self.shown();
        // The last one goes before the next one comes.
        shown.bar = None;
        (shown.doing, shown.counted) = (what, false);
        shown.bar = Some(Progress::of_unknown_length(what));
    }

    fn progress(&self, done: usize, of: usize) {
        let mut shown = self.shown();
        if !std::mem::replace(&mut shown.counted, true) {
            shown.bar = None;
            shown.bar = Some(Progress::new(of as u64, shown.doing));
        }
        if let Some(bar) = &shown.bar {
            bar.set(done as u64);
        }
    }

    fn started(&self, trainer: &Trainer, what: &str) {
        let mut shown = self.shown();
        shown.bar = None;
        eprintln!("{what}");
        let bar = Progress::new(trainer.config.steps as u64, "training");
        bar.set(trainer.steps as u64);
        shown.bar = Some(bar);
    }

    fn step(&self, _: &Trainer, report: &StepReport) -> anyhow::Result<bool> {
        let mut shown = self.shown();
        // A running mean: single pictures differ by several decibels.
        let blend = |mean: Option<f32>, new: f32| mean.map_or(new, |mean| 0.95 * mean + 0.05 * new);
        let (loss, psnr) = (blend(shown.loss, report.loss), blend(shown.psnr, report.psnr));
        (shown.loss, shown.psnr) = (Some(loss), Some(psnr));
        if let Some(bar) = &shown.bar {
            bar.step_with(format!("training  loss {loss:.4}  PSNR {psnr:.2} dB"));
        }
        Ok(interrupt::check().is_ok())
    }

    fn keeps(&self) -> bool {
        true
    }

    fn ended(&self, _: &Trainer, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        self.shown().bar = None;
        match outcome {
            Some(outcome) if self.json => print_json(outcome)?,
            Some(outcome) => print(&format!(
                "{}: {} Gaussians, {} bytes, after {} of {} steps",
                outcome.output.display(),
                outcome.gaussians,
                outcome.bytes,
                outcome.steps,
                outcome.of
            ))?,
            None => {}
        }
        if let Some(line) = outcome.and_then(|outcome| outcome.nothing_learned.as_ref()) {
            eprintln!("warning: {line}");
        }
        if interrupt::check().is_err() {
            eprintln!("stopped; --resume goes on");
        }
        interrupt::check()
    }
}
