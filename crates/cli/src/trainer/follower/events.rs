//! A run as another program watches it: lines of JSON out, orders in.

use std::io::BufRead as _;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use effigy_capture::Problem;
use effigy_train::session::{Event, Order};
use effigy_train::{RunFolder, StepReport, Trainer};

use super::Follower;
use crate::interrupt;
use crate::report::print;
use crate::trainer::outcome::Outcome;

/// Lines of JSON on standard output; orders on standard input, which are obeyed between two steps.
pub(in crate::trainer) struct Events {
    files: RunFolder,
    asked: Arc<Asked>,
}

/// What has been asked for so far.
#[derive(Default)]
struct Asked {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    paused: bool,
    show: bool,
    end: Option<Order>,
}

impl Asked {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn obey(&self, order: Order) {
        let mut state = self.state();
        match order {
            Order::Pause => state.paused = true,
            Order::Resume => state.paused = false,
            Order::Show => state.show = true,
            // The first one counts.
            Order::Keep | Order::Discard => state.end = state.end.or(Some(order)),
        }
        self.changed.notify_all();
    }
}

impl Events {
    /// Listens from now on.
    pub(in crate::trainer) fn new(files: RunFolder) -> Self {
        let asked = Arc::new(Asked::default());
        let heard = asked.clone();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                match line.trim().parse() {
                    Ok(order) => heard.obey(order),
                    Err(()) => tracing::warn!("{:?} is no order", line.trim()),
                }
            }
            // Whoever watched is gone.
            heard.obey(Order::Discard);
        });
        Self { files, asked }
    }

    /// Says what happens. That nobody reads it is noticed where orders are read.
    pub(in crate::trainer) fn say(&self, event: &Event) -> anyhow::Result<()> {
        print(&serde_json::to_string(event)?)
    }

    fn tell(&self, event: &Event) {
        if let Err(error) = self.say(event) {
            tracing::warn!("{error:#}");
        }
    }
}

impl Follower for Events {
    fn problem(&self, problem: &Problem) {
        self.tell(&Event::Problem { line: problem.to_string() });
    }

    fn doing(&self, what: &'static str) {
        self.tell(&Event::Doing { what: what.into() });
    }

    fn progress(&self, done: usize, of: usize) {
        self.tell(&Event::Progress { done, of });
    }

    fn started(&self, trainer: &Trainer, what: &str) {
        self.tell(&Event::Started { steps: trainer.config.steps, what: what.into() });
    }

    fn step(&self, trainer: &Trainer, report: &StepReport) -> anyhow::Result<bool> {
        self.say(&Event::Step { step: report.step, loss: report.loss, psnr: report.psnr })?;
        if std::mem::take(&mut self.asked.state().show) {
            trainer.model.to_avatar("Training")?.save(self.files.shown())?;
            self.say(&Event::Shown)?;
        }
        let state = self.asked.state();
        let waits = |state: &mut State| state.paused && state.end.is_none();
        let state = self.asked.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        Ok(state.end.is_none() && interrupt::check().is_ok())
    }

    fn keeps(&self) -> bool {
        self.asked.state().end != Some(Order::Discard)
    }

    fn ended(&self, trainer: &Trainer, outcome: Option<&Outcome>) -> anyhow::Result<()> {
        let (steps, of) = (trainer.steps, trainer.config.steps);
        let warning = outcome.and_then(|outcome| outcome.nothing_learned.clone());
        self.say(&Event::Ended { written: outcome.is_some(), steps, of, warning })
    }
}
