//! What a run says.

use serde::{Deserialize, Serialize};

/// What happens in a run, in the order in which it does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Something is wrong with the capture.
    Problem {
        /// What it is about, and what is wrong, in one line.
        line: String,
    },
    /// Something has begun that takes a while before the first step.
    Doing {
        /// What, in a few words.
        what: String,
    },
    /// How far that is.
    Progress {
        /// So many parts are done ...
        done: usize,
        /// ... of so many.
        of: usize,
    },
    /// Training begins, or goes on.
    Started {
        /// Steps of the whole run.
        steps: usize,
        /// What is learned from what, in a few words.
        what: String,
    },
    /// A step is done.
    Step {
        /// Its number, from 1.
        step: usize,
        /// The loss, with penalties.
        loss: f32,
        /// Mean PSNR of the step's pictures, dB.
        psnr: f32,
    },
    /// The avatar as it stands is in the run's folder, as [`Order::Show`](super::Order::Show) asked.
    Shown,
    /// The run has ended.
    Ended {
        /// Whether the avatar was written.
        written: bool,
        /// Steps that are done.
        steps: usize,
        /// Steps of the whole run.
        of: usize,
        /// That nothing was learned, and why that may be.
        warning: Option<String>,
    },
    /// The run has failed.
    Failed {
        /// Why, in one line.
        line: String,
        /// What is at fault.
        cause: Cause,
    },
}

/// What a run failed of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The arguments.
    Arguments,
    /// The capture, as a whole.
    Capture,
    /// Some of the capture's files; each was a [`Event::Problem`].
    Problems,
    /// The settings.
    Settings,
    /// The rig that the capture names.
    Rig,
    /// The loss is no number any more.
    NotFinite,
    /// The device that trains.
    Device,
    /// The checkpoint.
    Checkpoint,
    /// A file that cannot be written.
    Disk,
}
