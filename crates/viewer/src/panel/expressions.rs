//! Presets, and the expressions that the user keeps.

use egui::{Button, CollapsingHeader, Key, Slider, TextEdit, Ui};

use crate::action::Action;
use crate::action_button::button;
use crate::expression::{Expression, FACES, VISEMES};
use crate::panel_memory::Preset;
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let generation = state.scene.generation();
    if let Some(rig) = state.scene.rig()
        && state.controls.expressions.presets.0 != generation
    {
        let of = |viseme| {
            move |&(name, control): &(&str, &str)| {
                Some(Preset { expression: Expression::preset(name, control, rig)?, viseme })
            }
        };
        let presets = FACES.iter().filter_map(of(false)).chain(VISEMES.iter().filter_map(of(true)));
        state.controls.expressions.presets = (generation, presets.collect());
    }
    let active = state.blend.as_ref().filter(|blend| blend.is_shown(&state.document.controls));
    let active = active.map(|blend| blend.target.name.clone());
    CollapsingHeader::new("Expressions").default_open(true).show_unindented(ui, |ui| {
        ui.spacing_mut().item_spacing = egui::vec2(3.0, 3.0);
        ui.spacing_mut().button_padding.x = 6.0;
        let presets = std::mem::take(&mut state.controls.expressions.presets);
        let chips = |ui: &mut Ui, state: &mut State, viseme: bool| {
            ui.horizontal_wrapped(|ui| {
                for preset in presets.1.iter().filter(|preset| preset.viseme == viseme) {
                    chip(ui, state, &preset.expression, active.as_deref());
                }
            });
        };
        chips(ui, state, false);
        if presets.1.iter().any(|preset| preset.viseme) {
            CollapsingHeader::new("Speech").show_unindented(ui, |ui| chips(ui, state, true));
        }
        state.controls.expressions.presets = presets;
        amount(ui, state, active.is_some());
        kept(ui, state, active.as_deref());
    });
}

/// A button that shows an expression.
fn chip(ui: &mut Ui, state: &mut State, expression: &Expression, active: Option<&str>) {
    let chosen = active == Some(&expression.name);
    let response = ui.add(Button::new(&expression.name).selected(chosen));
    if response.on_hover_text("With Shift: add it to what is set").clicked() {
        let added = ui.input(|input| input.modifiers.shift);
        state.choose_expression(expression.clone(), added);
    }
}

fn amount(ui: &mut Ui, state: &mut State, active: bool) {
    ui.horizontal(|ui| {
        let label = ui.label("Amount");
        ui.spacing_mut().slider_width = (ui.available_width() - 58.0).max(60.0);
        let slider = Slider::new(&mut state.blend_amount, 0.0..=1.0).fixed_decimals(2);
        let hint = "How much of an expression is given: of the one that is shown, or of the next";
        if ui.add(slider).labelled_by(label.id).on_hover_text(hint).changed() && active {
            state.apply_blend();
        }
    });
}

fn kept(ui: &mut Ui, state: &mut State, active: Option<&str>) {
    let (mut chosen, mut removed) = (None, None);
    if !state.document.expressions.is_empty() {
        ui.horizontal_wrapped(|ui| {
            for (i, expression) in state.document.expressions.iter().enumerate() {
                let response =
                    ui.add(Button::new(&expression.name).selected(active == Some(&expression.name)));
                if response.clicked() {
                    chosen = Some(expression.clone());
                }
                response.context_menu(|ui| {
                    if ui.button("Remove").clicked() {
                        removed = Some(i);
                        ui.close();
                    }
                });
                if response.has_focus() && ui.input(|input| input.key_pressed(Key::Delete)) {
                    removed = Some(i);
                }
                response.on_hover_text("With Shift: add it. Right click: remove it");
            }
        });
    }
    if let Some(expression) = chosen {
        let added = ui.input(|input| input.modifiers.shift);
        state.choose_expression(expression, added);
    }
    if let Some(i) = removed {
        state.document.expressions.remove(i);
    }
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 132.0).max(60.0);
        let name = &mut state.controls.expressions.name;
        let field = ui.add(TextEdit::singleline(name).hint_text("Name").desired_width(width).char_limit(60));
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let named = !name.trim().is_empty();
        let keep =
            ui.add_enabled(named, Button::new("Keep")).on_hover_text("Keep what is shown under this name");
        if named && (keep.clicked() || entered) {
            let name = std::mem::take(name);
            if let (Some(rig), Some(pose)) = (state.scene.rig(), state.scene.pose()) {
                let shown = Expression::shown(name.trim(), rig, pose, &state.document.controls);
                state.keep_expression(shown);
            }
        }
        button(ui, state, Action::LoadExpression, "Load");
        button(ui, state, Action::SaveExpression, "Save");
    });
}
