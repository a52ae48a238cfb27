//! The buttons below the menu.

use egui::{ComboBox, Ui};

use crate::action::Action;
use crate::action_button::button;
use crate::look::Shading;
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        button(ui, state, Action::Open, "Open");
        ui.separator();
        button(ui, state, Action::Undo, "Undo");
        button(ui, state, Action::Redo, "Redo");
        ui.separator();
        button(ui, state, Action::FrameHead, "Head");
        button(ui, state, Action::FrameFace, "Face");
        button(ui, state, Action::FrameWhole, "Whole");
        ui.separator();
        button(ui, state, Action::Turntable, "Turntable");
        ui.separator();
        let shading = &mut state.document.look.shading;
        ComboBox::from_id_salt("shading").width(104.0).selected_text(shading.name()).show_ui(ui, |ui| {
            for choice in Shading::ALL {
                ui.selectable_value(shading, choice, choice.name()).on_hover_text(choice.explanation());
            }
        });
        button(ui, state, Action::Wireframe, "Mesh");
        button(ui, state, Action::Bones, "Bones");
        button(ui, state, Action::Anchors, "Anchors");
        ui.separator();
        button(ui, state, Action::Grid, "Grid");
        button(ui, state, Action::Shadow, "Shadow");
    });
}
