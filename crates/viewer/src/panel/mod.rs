//! The window's layout: a file for each panel.

mod camera;
mod centre;
mod control_row;
pub(crate) mod controls;
mod curve;
mod curve_area;
mod export;
mod expressions;
mod frame;
mod icons;
pub(crate) mod inspector;
mod learn;
mod look;
mod menu;
mod messages;
mod performance;
mod shortcuts;
mod status;
pub(crate) mod timeline;
pub(crate) mod toolbar;

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

/// A line with the name of what follows.
fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(egui::RichText::new(text).strong());
    ui.add_space(1.0);
}

/// A name in a column of fixed width, and what it is the name of beside it.
fn row<R>(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
    ui.horizontal(|ui| {
        let size = egui::vec2(84.0, ui.spacing().interact_size.y);
        let align = egui::Layout::left_to_right(egui::Align::Center);
        ui.allocate_ui_with_layout(size, align, |ui| {
            ui.set_min_width(size.x);
            ui.add(egui::Label::new(name).truncate());
        });
        content(ui)
    })
    .inner
}
