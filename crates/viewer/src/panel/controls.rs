//! The avatar's morphs and joints as sliders, in groups.

use egui::{Align, Layout, ScrollArea, TextEdit, Ui, vec2};

use crate::action::Action;
use crate::action_button::button;
use crate::control_groups::Group;
use crate::control_list::{Entry, Target, catalogue};
use crate::panel::control_row::{self, HEIGHT, Row, RowEvent};
use crate::panel::expressions;
use crate::panel::row::heading;
use crate::state::State;

/// Rows beyond the visible ones that are there all the same, so that the keyboard can go on to them.
const MARGIN_ROWS: f32 = 3.0;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        heading(ui, "Controls");
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            button(ui, state, Action::ResetControls, "Reset all");
            button(ui, state, Action::Mirror, "Mirror");
        });
    });
    if state.scene.loaded().is_none() {
        ui.weak("No avatar yet.");
        return;
    }
    let Some(rig) = state.scene.rig() else {
        ui.weak("This avatar has no rig: nothing of it moves.");
        return;
    };
    if state.controls.catalogue.0 != state.scene.generation() {
        state.controls.catalogue = (state.scene.generation(), catalogue(rig));
    }
    expressions::show(ui, state);
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        let clear = !state.controls.filter.is_empty();
        let width = if clear { ui.available_width() - 42.0 } else { f32::INFINITY };
        ui.add(
            TextEdit::singleline(&mut state.controls.filter)
                .hint_text("Search controls")
                .desired_width(width),
        );
        if clear && ui.button("×").on_hover_text("Show all controls").clicked() {
            state.controls.filter.clear();
        }
    });
    ui.add_space(2.0);
    let entries = std::mem::take(&mut state.controls.catalogue.1);
    list(ui, state, &entries);
    state.controls.catalogue.1 = entries;
}

fn list(ui: &mut Ui, state: &mut State, entries: &[Entry]) {
    let filter = state.controls.filter.trim().to_lowercase();
    let fits = |entry: &Entry| filter.is_empty() || entry.lower.contains(&filter);
    let searching = !filter.is_empty();
    ScrollArea::vertical().auto_shrink(false).show_viewport(ui, |ui, viewport| {
        ui.spacing_mut().item_spacing.y = 0.0;
        // What follows the track is grey; rows that do not say so.
        ui.visuals_mut().selection.bg_fill = ui.visuals().widgets.hovered.bg_fill;
        let shown = viewport.expand2(vec2(0.0, MARGIN_ROWS * HEIGHT));
        let mut top = 0.0;
        let mut found = false;
        for group in Group::ALL {
            let all = || entries.iter().filter(|entry| entry.group == group);
            let count = all().filter(|entry| fits(entry)).count();
            if count == 0 {
                continue;
            }
            found = true;
            let open = searching || !state.controls.closed.contains(&group);
            let set = all().filter(|entry| entry.is_set(&state.document.controls)).count();
            if place(ui, &mut top, shown) {
                let event =
                    stable(ui, ("group", group), |ui| control_row::header(ui, group, count, set, open));
                match event {
                    Some(RowEvent::Reset) => {
                        all().for_each(|entry| entry.set(&mut state.document.controls, None, false));
                    }
                    Some(_) if open => _ = state.controls.closed.insert(group),
                    Some(_) => _ = state.controls.closed.remove(&group),
                    None => {}
                }
            }
            for entry in all().filter(|entry| open && fits(entry)) {
                if place(ui, &mut top, shown) {
                    slider(ui, state, entry);
                }
            }
        }
        if !found {
            ui.add_space(8.0);
            ui.weak("No control is called that.");
        }
    });
}

/// Leaves room for the next row; says whether it is to be filled.
fn place(ui: &mut Ui, top: &mut f32, shown: egui::Rect) -> bool {
    let visible = *top + HEIGHT >= shown.min.y && *top <= shown.max.y;
    *top += HEIGHT;
    if !visible {
        ui.add_space(HEIGHT);
    }
    visible
}

/// A line whose widgets keep their identity when the lines before it change, as they do in the middle of a drag.
fn stable<R>(
    ui: &mut Ui,
    salt: impl std::hash::Hash + std::fmt::Debug,
    line: impl FnOnce(&mut Ui) -> R,
) -> R {
    let id = ui.scope_id().with(egui::IdSalt::new(salt));
    ui.scope_builder(egui::UiBuilder::new().scope_id(id), line).inner
}

fn slider(ui: &mut Ui, state: &mut State, entry: &Entry) {
    let controls = &state.document.controls;
    let (value, range, unit) = match entry.target {
        Target::Morph(morph) => {
            let weights = state.scene.pose().map_or(&[][..], |pose| &pose.morph_weights);
            (weights.get(morph).copied().unwrap_or(0.0), 0.0..=1.0, "")
        }
        Target::Turn(axis) => {
            (controls.joints.get(&entry.name).map_or(0.0, |turn| turn[axis]), -90.0..=90.0, "°")
        }
    };
    let set = entry.is_set(controls);
    let row = Row {
        label: &entry.label,
        name: &entry.name,
        group: entry.group,
        value,
        range,
        unit,
        set,
        selected: state.controls.selected.as_ref() == Some(&entry.name),
    };
    let Some(event) = stable(ui, (&entry.name, &entry.label), |ui| row.show(ui)) else { return };
    let mirror = state.settings.mirror;
    let controls = &mut state.document.controls;
    match event {
        RowEvent::Set(value) => entry.set(controls, Some(value), mirror),
        RowEvent::Reset => entry.set(controls, None, mirror),
        // What follows is held where it is; what is held follows again.
        RowEvent::Hold => entry.set(controls, (!set).then_some(value), mirror),
        RowEvent::Pick => {}
    }
    if event != RowEvent::Reset {
        state.controls.selected = Some(entry.name.clone());
    }
}
