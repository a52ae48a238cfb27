//! The menu bar.

use egui::{Button, Ui};

use crate::action::{Action, Group};
use crate::state::State;
use crate::{command, open};

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    egui::MenuBar::new().ui(ui, |ui| {
        for group in Group::ALL {
            ui.menu_button(group.name(), |ui| {
                ui.set_min_width(220.0);
                for action in Action::ALL.into_iter().filter(|action| action.group() == group) {
                    item(ui, state, action);
                    match action {
                        Action::Open => recent(ui, state),
                        Action::OpenBundled
                        | Action::SaveTrack
                        | Action::ResetControls
                        | Action::Mirror
                        | Action::NextFrame
                        | Action::ClearRange
                        | Action::ExportCamera
                        | Action::ExportAvatar
                        | Action::Redo
                        | Action::FrameWhole
                        | Action::ViewLeft
                        | Action::Turntable
                        | Action::Shadow
                        | Action::Anchors
                        | Action::Show2d
                        | Action::Timeline => _ = ui.separator(),
                        _ => {}
                    }
                }
            });
        }
    });
}

/// One line of a menu.
fn item(ui: &mut Ui, state: &mut State, action: Action) {
    let label = command::label(action, state);
    let mark = if command::is_on(action, state) == Some(true) { "• " } else { "" };
    let mut button = Button::new(format!("{mark}{label}"));
    if let Some(shortcut) = action.shortcut() {
        button = button.shortcut_text(ui.ctx().format_shortcut(&shortcut));
    }
    if ui.add_enabled(command::is_possible(action, state), button).clicked() {
        state.actions.push(action);
        ui.close();
    }
}

fn recent(ui: &mut Ui, state: &mut State) {
    ui.add_enabled_ui(!state.settings.recent.is_empty(), |ui| {
        ui.menu_button("Open recent", |ui| {
            ui.set_min_width(200.0);
            let mut chosen = None;
            for path in &state.settings.recent {
                let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
                if ui.button(name).on_hover_text(path.display().to_string()).clicked() {
                    chosen = Some(path.clone());
                    ui.close();
                }
            }
            ui.separator();
            if ui.button("Forget them").clicked() {
                state.settings.recent.clear();
                ui.close();
            }
            if let Some(path) = chosen {
                open::files(state, &[path]);
            }
        });
    });
}
