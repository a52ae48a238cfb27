//! The avatar's morphs as sliders.

use egui::{ScrollArea, Slider, Ui};

use crate::action::Action;
use crate::panel::heading;
use crate::panel::toolbar::button;
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        heading(ui, "Controls");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            button(ui, state, Action::ResetControls, "Reset all");
        });
    });
    let Some(loaded) = state.scene.loaded() else {
        ui.weak("No avatar yet.");
        return;
    };
    let Some(body) = &loaded.avatar.body else {
        ui.weak("This avatar has no rig: nothing of it moves.");
        return;
    };
    ui.add(
        egui::TextEdit::singleline(&mut state.control_filter)
            .hint_text("Search")
            .desired_width(f32::INFINITY),
    );
    let filter = state.control_filter.to_lowercase();
    let overrides = &mut state.document.controls.morphs;
    let weights = state.scene.pose().map_or(&[][..], |pose| &pose.morph_weights);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for (morph, &shown) in body.rig.morphs.iter().zip(weights) {
            if !morph.name.to_lowercase().contains(&filter) {
                continue;
            }
            ui.horizontal(|ui| {
                let mut weight = shown;
                let slider = Slider::new(&mut weight, 0.0..=1.0).fixed_decimals(2);
                if ui.add(slider).changed() {
                    overrides.insert(morph.name.clone(), weight);
                }
                let by_hand = overrides.contains_key(&morph.name);
                let name = egui::RichText::new(&morph.name);
                let name = if by_hand { name.strong() } else { name.weak() };
                let label = ui.add(egui::Label::new(name).truncate().sense(egui::Sense::click()));
                if label.on_hover_text("Double click: follow the track again").double_clicked() {
                    overrides.remove(&morph.name);
                }
            });
        }
    });
}
