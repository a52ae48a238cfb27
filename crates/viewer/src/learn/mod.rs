//! Training beside the window: what is to be learned, and the program that learns it.

mod progress;
mod run;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

use effigy_capture::UpAxis;
use effigy_train::{Preset, RunFolder};

use crate::beside::beside;
use crate::dialog::{self, Wanted};
use crate::job::Fault;
use crate::scene::Loaded;
use crate::state::{Outcome, State};
pub(crate) use progress::{Sample, Shared, smoothed};

/// The run's job; there is never more than one.
pub(crate) const JOB: &str = "Training";

/// Where a run trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A GPU if there is one, else the CPU.
    Best,
    Processor,
}

/// What is to be learned, and how.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// A folder, or a file that describes a capture.
    pub(crate) capture: PathBuf,
    /// The avatar to make, a .glb; the run's files are in a folder beside it.
    pub(crate) output: PathBuf,
    pub(crate) preset: Preset,
    /// A file of settings that change the preset's.
    pub(crate) config: Option<PathBuf>,
    pub(crate) up: UpAxis,
    pub(crate) place: Place,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            capture: PathBuf::new(),
            output: PathBuf::new(),
            preset: Preset::Preview,
            config: None,
            up: UpAxis::Y,
            place: Place::Best,
        }
    }
}

impl Settings {
    /// Takes a capture, and unless a name was chosen the avatar's from it.
    pub(crate) fn choose_capture(&mut self, capture: PathBuf) {
        let folder = if capture.is_dir() { Some(capture.as_path()) } else { capture.parent() };
        let own = |folder: &Path| folder.with_extension("glb");
        if self.output.as_os_str().is_empty() || self.capture.as_path().with_extension("glb") == self.output {
            self.output = folder.map(own).unwrap_or_default();
        }
        self.capture = capture;
    }

    /// Whether an earlier run left a checkpoint that can be gone on from.
    pub(crate) fn has_checkpoint(&self) -> bool {
        !self.output.as_os_str().is_empty() && RunFolder::beside(&self.output).checkpoint().is_file()
    }
}

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
    snapshots: Receiver<Loaded>,
    /// Whether one has been shown.
    shown: bool,
}

impl Learning {
    /// Whether a run is under way.
    pub(crate) fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| !run.shared.is_over())
    }
}

/// Begins a run, or goes on from the checkpoint of an earlier one.
pub(crate) fn start(state: &mut State, resume: bool) {
    if state.learning.is_running() {
        return;
    }
    let settings = state.learning.settings.clone();
    if !settings.output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("glb")) {
        state.messages.fault("An avatar is a .glb", "Name the file to be made so that it ends in .glb.");
        return;
    }
    if settings.has_checkpoint() && !resume {
        state.messages.fault(
            format!("{}: there is a run already", RunFolder::beside(&settings.output).path().display()),
            "Go on with it, or give the avatar another name.",
        );
        return;
    }
    let shared = Arc::new(Shared::default());
    let (sender, snapshots) = channel();
    state.learning.problems.clear();
    state.learning.run = Some(Run { shared: shared.clone(), snapshots, shown: false });
    let (graphics, context) = (state.graphics.clone(), state.jobs.context().clone());
    state.jobs.start(JOB, move |progress| -> Result<Outcome, Fault> {
        // Said however it ends, should it panic too.
        let _over = progress::Over(&shared);
        let work = || run::run(&settings, resume, &graphics, &shared, progress, &sender, &context);
        let made = beside(work)?;
        Ok(Box::new(move |state| {
            let Some((loaded, report)) = made else { return };
            state.messages.note(report);
            if let Some(path) = loaded.path.clone() {
                state.settings.remember(&path);
            }
            show(state, loaded);
        }))
    });
}

/// Shows what has been learned so far.
pub(crate) fn collect(state: &mut State) {
    let Some(run) = &state.learning.run else { return };
    // The newest is enough.
    if let Some(loaded) = run.snapshots.try_iter().last() {
        show(state, loaded);
    }
    if let Some(run) = &state.learning.run {
        for problem in run.shared.take_problems() {
            state.learning.problems.push(problem);
        }
    }
}

/// Shows an avatar of the run: the first framed, those after it in its place.
fn show(state: &mut State, loaded: Loaded) {
    let first = state.learning.run.as_mut().is_none_or(|run| !std::mem::replace(&mut run.shown, true));
    if first {
        state.show(loaded);
    } else {
        state.scene.replace(loaded);
    }
}

/// Asks for the folder of a capture.
pub(crate) fn ask_for_capture(state: &mut State) {
    let mut dialog = rfd::AsyncFileDialog::new().set_title("Open a capture: a folder of pictures");
    if let Some(folder) = state.learning.settings.capture.parent().filter(|folder| folder.is_dir()) {
        dialog = dialog.set_directory(folder);
    }
    dialog::ask(state, dialog, Wanted::Folder, |state, paths| {
        state.learning.settings.choose_capture(paths[0].clone());
    });
}
