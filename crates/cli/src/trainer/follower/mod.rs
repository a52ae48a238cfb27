//! Who follows a run: somebody at a terminal, or another program.

mod events;
mod terminal;

use effigy_capture::Problem;
use effigy_train::{StepReport, Trainer};

pub(super) use events::Events;
pub(super) use terminal::Terminal;

use super::outcome::Outcome;

/// Somebody who follows a run. What is said can come from any thread.
pub(super) trait Follower: Sync {
    /// Something is wrong with the capture.
    fn problem(&self, problem: &Problem);
    /// Something begins that takes a while.
    fn doing(&self, what: &'static str);
    /// So much of it is done.
    fn progress(&self, done: usize, of: usize);
    /// Training begins.
    fn started(&self, trainer: &Trainer, what: &str);
    /// A step is done. Returns whether there is to be another.
    fn step(&self, trainer: &Trainer, report: &StepReport) -> anyhow::Result<bool>;
    /// Whether the avatar is to be written.
    fn keeps(&self) -> bool;
    /// The run is over; `outcome` is what was written.
    fn ended(&self, trainer: &Trainer, outcome: Option<&Outcome>) -> anyhow::Result<()>;
}
