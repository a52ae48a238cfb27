//! The platform's dialogs for files.

use std::path::PathBuf;

use crate::job::Fault;
use crate::options::Dialogs;
use crate::state::{Outcome, State};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// One file that is there.
    File,
    /// Any number of them.
    Files,
    /// A folder that is there.
    Folder,
    /// A file to write.
    NewFile,
}

/// Shows `dialog`, and goes on with what was chosen; not at all if nothing was.
pub(crate) fn ask(
    state: &mut State,
    dialog: rfd::AsyncFileDialog,
    wanted: Wanted,
    then: impl FnOnce(&mut State, &[PathBuf]) + Send + 'static,
) {
    if state.dialogs == Dialogs::Refuse {
        state.messages.fault("There is nobody to choose a file", "Name it where the viewer is started.");
        return;
    }
    // Some systems want a dialog made on the window's thread, and waited for on another.
    let choosing: Choosing = match wanted {
        Wanted::File => one(dialog.pick_file()),
        Wanted::Folder => one(dialog.pick_folder()),
        Wanted::NewFile => one(dialog.save_file()),
        Wanted::Files => {
            let files = dialog.pick_files();
            Box::pin(async { files.await.unwrap_or_default() })
        }
    };
    state.jobs.start("Choosing", move |_| -> Result<Outcome, Fault> {
        let chosen = pollster::block_on(choosing);
        let paths: Vec<PathBuf> = chosen.iter().map(|file| file.path().to_owned()).collect();
        Ok(Box::new(move |state| {
            if !paths.is_empty() {
                then(state, &paths);
            }
        }))
    });
}

type Choosing = std::pin::Pin<Box<dyn Future<Output = Vec<rfd::FileHandle>> + Send>>;

fn one(file: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static) -> Choosing {
    Box::pin(async { file.await.into_iter().collect() })
}
