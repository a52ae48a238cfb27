//! The list of keys.

use egui::{Grid, RichText, Ui, Window};

use crate::action::{Action, Group};
use crate::state::State;

/// What the mouse does in the 3D view.
const MOUSE: [(&str, &str); 7] = [
    ("Left drag", "Turn around the avatar"),
    ("Middle drag, Shift + left drag", "Pan"),
    ("Wheel", "Come nearer"),
    ("Right drag", "Look around"),
    ("Right + W A S D Q E", "Fly; with Shift faster"),
    ("Double click", "Turn around what is clicked"),
    ("Drop a file", "Open it"),
];

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let mut open = state.show_shortcuts;
    let window = Window::new("Keyboard and mouse")
        .open(&mut open)
        .resizable(false)
        .collapsible(false)
        .default_width(620.0)
        .vscroll(true)
        .max_height((ui.ctx().content_rect().height() - 110.0).max(120.0));
    window.pivot(egui::Align2::CENTER_CENTER).default_pos(ui.ctx().content_rect().center()).show(
        ui.ctx(),
        |ui| {
            ui.columns(2, |columns| {
                let (left, right) = columns.split_at_mut(1);
                for group in [Group::Camera, Group::File, Group::Edit] {
                    keys(&mut left[0], group);
                }
                for group in [Group::View, Group::Window, Group::Play, Group::Help] {
                    keys(&mut right[0], group);
                }
            });
            ui.separator();
            Grid::new("mouse").num_columns(2).spacing([24.0, 3.0]).show(ui, |ui| {
                for (gesture, effect) in MOUSE {
                    ui.label(RichText::new(gesture).strong());
                    ui.label(effect);
                    ui.end_row();
                }
            });
        },
    );
    state.show_shortcuts = open;
}

fn keys(ui: &mut Ui, group: Group) {
    ui.label(RichText::new(group.name()).strong());
    Grid::new(group.name()).num_columns(2).spacing([16.0, 3.0]).min_col_width(96.0).show(ui, |ui| {
        for action in Action::ALL.into_iter().filter(|action| action.group() == group) {
            if let Some(shortcut) = action.shortcut() {
                ui.monospace(ui.ctx().format_shortcut(&shortcut));
                ui.label(action.name());
                ui.end_row();
            }
        }
    });
    ui.add_space(8.0);
}
