//! Training as the panels show it.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use super::progress::Shared;
use super::settings::Settings;
use crate::scene::Loaded;

/// Training as the panels show it.
#[derive(Default)]
pub(crate) struct Learning {
    pub(crate) settings: Settings,
    /// The run that is under way, or the last one.
    pub(crate) run: Option<Run>,
    /// What was found in the last capture that was checked, a line each.
    pub(crate) problems: Vec<String>,
}

/// A run as the interface has it.
pub(crate) struct Run {
    pub(crate) shared: Arc<Shared>,
    /// Avatars as they stand, to be shown.
    pub(super) snapshots: Receiver<Loaded>,
    /// Whether one has been shown.
    pub(super) shown: bool,
}

impl Learning {
    /// Whether a run is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.shared.is_over())
    }
}
