//! Buttons that perform an action.

use egui::{Button, Ui};

use crate::action::Action;
use crate::command;
use crate::state::State;

/// A button for an action, lit while it is switched on.
pub(crate) fn button(ui: &mut Ui, state: &mut State, action: Action, text: &str) {
    let button = Button::new(text).selected(command::is_on(action, state) == Some(true));
    let keys =
        action.shortcut().map_or(String::new(), |keys| format!("  {}", ui.ctx().format_shortcut(&keys)));
    let response = ui.add_enabled(command::is_possible(action, state), button);
    if response.on_hover_text(format!("{}{keys}", command::label(action, state))).clicked() {
        state.actions.push(action);
    }
}
