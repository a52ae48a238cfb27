//! The lines that panels are made of.

use egui::Ui;

/// A line with the name of what follows.
pub(crate) fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(egui::RichText::new(text).strong());
    ui.add_space(1.0);
}

/// A name in a column of fixed width, and what it is the name of beside it.
pub(crate) fn row<R>(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui) -> R) -> R {
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
