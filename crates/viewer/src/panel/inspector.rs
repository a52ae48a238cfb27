//! The panel on the right: a tab for each thing that is looked into.

use egui::{ScrollArea, Ui};

use crate::inspector_tab::Tab;
use crate::panel::{camera, export, frame, learn, look, performance};
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.spacing_mut().button_padding.x = 5.0;
        for &tab in Tab::ALL {
            let response = ui.selectable_value(&mut state.inspector, tab, tab.name());
            if tab == Tab::Performance {
                response.on_hover_text("Performance: times and memory");
            }
        }
    });
    ui.separator();
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| match state.inspector {
        Tab::View => look::show(ui, state),
        Tab::Camera => camera::show(ui, state),
        Tab::Frame => frame::show(ui, state),
        Tab::Export => export::show(ui, state),
        Tab::Train => learn::show(ui, state),
        Tab::Performance => performance::show(ui, state),
    });
}
