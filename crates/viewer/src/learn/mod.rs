//! Training beside the window: what is to be learned, and the program that learns it.

pub(crate) mod learning;
pub(crate) mod progress;
mod run;
pub(crate) mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::mpsc::channel;

use effigy_train::RunFolder;

use crate::beside::beside;
use crate::dialog::{self, Wanted};
use crate::job::Fault;
use crate::scene::Loaded;
use crate::state::{Outcome, State};
use learning::Run;
use progress::{Over, Shared};

/// The run's job; there is never more than one.
pub(crate) const JOB: &str = "Training";

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
        let _over = Over(&shared);
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
