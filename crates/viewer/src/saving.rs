//! Keeping expressions and tracks in files, and asking where.

use std::io::Write;
use std::path::Path;

use effigy_rig::Track;

use crate::dialog::{self, Wanted};
use crate::expression::Expression;
use crate::motion::open_track;
use crate::state::State;

const ADVICE: &str = "Choose a folder that can be written to.";

/// Asks where the track is to be written.
pub(crate) fn ask_where_to_save_track(state: &mut State) {
    let name = Path::new(state.scene.motion.name())
        .file_stem()
        .map_or_else(|| "track".into(), |stem| stem.to_string_lossy().into_owned());
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Save the track")
        .set_file_name(format!("{name}.json"))
        .add_filter("Weights", &["json"])
        .add_filter("Live Link Face", &["csv"]);
    dialog::ask(state, dialog, Wanted::NewFile, |state, paths| save_track(state, &paths[0]));
}

/// Asks for a file with an expression.
pub(crate) fn ask_for_expression(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Load an expression")
        .add_filter("Expressions", &["json", "csv"]);
    dialog::ask(state, dialog, Wanted::File, |state, paths| load_expression(state, &paths[0]));
}

/// Asks where what is shown is to be written.
pub(crate) fn ask_where_to_save_expression(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new()
        .set_title("Save the expression")
        .set_file_name("expression.json")
        .add_filter("Expressions", &["json"]);
    dialog::ask(state, dialog, Wanted::NewFile, |state, paths| save_expression(state, &paths[0]));
}

/// Writes what moves the avatar: as Live Link Face where the file is to be a `.csv`, otherwise as JSON.
pub(crate) fn save_track(state: &mut State, path: &Path) {
    let Some(rig) = state.scene.rig() else { return };
    let written = state.scene.motion.to_track(rig).map_err(|error| error.to_string()).and_then(|track| {
        let left_out = write(&track, path)?;
        Ok(left_out)
    });
    match written {
        Ok(left_out) => {
            state.settings.remember(path);
            state.messages.note(format!("Wrote {}", path.display()));
            if let [first, rest @ ..] = &left_out[..] {
                let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
                state.messages.fault(
                    format!("A Live Link Face file has no place for {first}{more}"),
                    "Save it as .json too: that holds everything.",
                );
            }
        }
        Err(error) => state.messages.fault(error, ADVICE),
    }
}

fn write(track: &Track, path: &Path) -> Result<Vec<String>, String> {
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let bytes = if is_csv { track.to_live_link() } else { track.to_json().map(|bytes| (bytes, Vec::new())) };
    let (bytes, left_out) = bytes.map_err(|error| format!("{}: {error}", path.display()))?;
    effigy_avatar::write_whole(path, |to| to.write_all(&bytes))
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(left_out)
}

/// Writes what is shown as a track of one frame.
pub(crate) fn save_expression(state: &mut State, path: &Path) {
    let (Some(rig), Some(pose)) = (state.scene.rig(), state.scene.pose()) else { return };
    let shown = Expression::shown("", rig, pose, &state.document.controls);
    let written =
        shown.to_track(rig).map_err(|error| error.to_string()).and_then(|track| write(&track, path));
    match written {
        Ok(_) => state.messages.note(format!("Wrote {}", path.display())),
        Err(error) => state.messages.fault(error, ADVICE),
    }
}

/// Shows the first frame of a track, and keeps it among the expressions.
pub(crate) fn load_expression(state: &mut State, path: &Path) {
    match open_track(path) {
        Ok(track) => use_expression(state, &track, path),
        Err(error) => {
            state.messages.fault(error, "An expression is a JSON file with names and one frame of weights.")
        }
    }
}

/// Shows the first frame of `track`, which came from `path`, and keeps it among the expressions.
pub(crate) fn use_expression(state: &mut State, track: &Track, path: &Path) {
    let name = path.file_stem().map_or("Expression".into(), |stem| stem.to_string_lossy().into_owned());
    let Some(rig) = state.scene.rig() else { return };
    match Expression::of_track(&name, track, rig) {
        Ok(expression) => {
            state.keep_expression(expression.clone());
            state.choose_expression(expression, false);
        }
        Err(error) => {
            let text = format!("{}: {error}", path.display());
            state.messages.fault(text, "It was made for an avatar with other controls.");
        }
    }
}
