//! The window's layout: a file for each panel.

mod camera;
mod centre;
mod control_row;
mod controls;
mod curve;
mod curve_area;
mod export;
mod expressions;
mod frame;
mod icons;
mod inspector;
mod learn;
mod look;
mod menu;
mod messages;
mod performance;
mod row;
mod shortcuts;
mod status;
mod timeline;
mod toolbar;

use egui::{Frame, Margin, Panel, Ui};

use crate::state::State;

/// Everything in the window.
pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let fill = ui.visuals().panel_fill;
    let bar = |left, up| Frame::new().fill(fill).inner_margin(Margin::symmetric(left, up));
    Panel::top("menu").frame(bar(6, 2)).show(ui, |ui| menu::show(ui, state));
    Panel::top("toolbar").frame(bar(8, 4)).show(ui, |ui| toolbar::show(ui, state));
    Panel::bottom("status").frame(bar(8, 2)).resizable(false).show(ui, |ui| status::show(ui, state));
    if state.settings.show_timeline {
        Panel::bottom("timeline")
            .frame(bar(8, 6))
            .default_size(176.0)
            .size_range(84.0..=420.0)
            .show(ui, |ui| timeline::show(ui, state));
    }
    if state.settings.show_controls {
        Panel::left("controls")
            .frame(bar(8, 6))
            .default_size(276.0)
            .size_range(200.0..=460.0)
            .show(ui, |ui| controls::show(ui, state));
    }
    if state.settings.show_inspector {
        Panel::right("inspector")
            .frame(bar(8, 6))
            .default_size(292.0)
            .size_range(220.0..=460.0)
            .show(ui, |ui| inspector::show(ui, state));
    }
    egui::CentralPanel::no_frame().show(ui, |ui| centre::show(ui, state));
    messages::show(ui, state);
    shortcuts::show(ui, state);
}
