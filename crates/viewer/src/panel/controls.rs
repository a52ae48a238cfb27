//! The avatar's morphs and joints as sliders, in groups.

use std::collections::BTreeSet;

use effigy_rig::Rig;
use egui::{Align, Layout, ScrollArea, TextEdit, Ui, vec2};

use crate::action::Action;
use crate::control_groups::{Group, label, mirrored, mirrored_turn};
use crate::overrides::Overrides;
use crate::panel::control_row::{self, HEIGHT, Row, RowEvent};
use crate::panel::toolbar::button;
use crate::panel::{expressions, heading};
use crate::state::State;

/// Rows beyond the visible ones that are there all the same, so that the keyboard can go on to them.
const MARGIN_ROWS: f32 = 3.0;

/// What the panel keeps from frame to frame.
#[derive(Default)]
pub(crate) struct ControlsPanel {
    /// What is searched for.
    pub(crate) filter: String,
    /// The control that was touched last: its curve stands out.
    pub(crate) selected: Option<String>,
    closed: BTreeSet<Group>,
    /// Of the avatar of so many before it.
    catalogue: (u64, Vec<Entry>),
    pub(crate) expressions: expressions::ExpressionsPanel,
}

/// One slider.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    group: Group,
    pub(crate) target: Target,
    /// Of the morph or node.
    pub(crate) name: String,
    /// Of the same control on the other side.
    pub(crate) other_side: Option<String>,
    label: String,
    /// For the search.
    lower: String,
}

/// What a slider sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A morph of the rig.
    Morph(usize),
    /// The turn about one of a node's axes.
    Turn(usize),
}

/// Everything about a rig that can be set, by groups.
fn catalogue(rig: &Rig) -> Vec<Entry> {
    let entry = |group, target, name: &str, label: String, other_side: Option<String>| {
        let lower = format!("{name} {label}").to_lowercase();
        Entry { group, target, name: name.to_owned(), other_side, label, lower }
    };
    let mut entries: Vec<Entry> = rig
        .morphs
        .iter()
        .enumerate()
        .map(|(i, morph)| {
            let other = mirrored(&morph.name).filter(|other| rig.morph(other).is_some());
            let group = Group::of_morph(&morph.name);
            entry(group, Target::Morph(i), &morph.name, label(&morph.name, group), other)
        })
        .collect();
    let mut nodes: Vec<usize> = rig.joints.iter().map(|joint| joint.node).collect();
    nodes.extend(rig.head_node());
    nodes.extend(rig.eye_nodes().into_iter().flatten());
    nodes.sort_unstable();
    nodes.dedup();
    for node in nodes.into_iter().filter_map(|node| rig.nodes.get(node)).filter(|node| !node.name.is_empty())
    {
        let other = mirrored(&node.name).filter(|other| rig.nodes.iter().any(|node| node.name == *other));
        for (axis, letter) in ["X", "Y", "Z"].into_iter().enumerate() {
            let label = format!("{} {letter}", node.name);
            entries.push(entry(Group::Joints, Target::Turn(axis), &node.name, label, other.clone()));
        }
    }
    entries.sort_by_key(|entry| entry.group);
    entries
}

impl Entry {
    /// Whether it does not follow the track.
    fn is_set(&self, controls: &Overrides) -> bool {
        match self.target {
            Target::Morph(_) => controls.morphs.contains_key(&self.name),
            Target::Turn(axis) => controls.joints.get(&self.name).is_some_and(|turn| turn[axis] != 0.0),
        }
    }

    /// Sets it, and its other side where `mirror` says so; nothing lets it follow the track again.
    pub(crate) fn set(&self, controls: &mut Overrides, value: Option<f32>, mirror: bool) {
        let other = self.other_side.as_ref().filter(|_| mirror);
        match self.target {
            Target::Morph(_) => {
                for name in std::iter::once(&self.name).chain(other) {
                    match value {
                        Some(value) => _ = controls.morphs.insert(name.clone(), value),
                        None => _ = controls.morphs.remove(name),
                    }
                }
            }
            Target::Turn(axis) => {
                let turn = controls.joints.entry(self.name.clone()).or_default();
                turn[axis] = value.unwrap_or(0.0);
                let turn = *turn;
                if let Some(other) = other {
                    let there = controls.joints.entry(other.clone()).or_default();
                    there[axis] = mirrored_turn(turn)[axis];
                }
                controls.joints.retain(|_, turn| *turn != [0.0; 3]);
            }
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(target: Target, name: &str, other_side: Option<&str>) -> Entry {
        Entry {
            group: Group::Other,
            target,
            name: name.into(),
            other_side: other_side.map(str::to_owned),
            label: String::new(),
            lower: String::new(),
        }
    }

    #[test]
    fn both_sides_move_together_when_they_are_to() {
        let mut controls = Overrides::default();
        let blink = entry(Target::Morph(0), "eyeBlinkLeft", Some("eyeBlinkRight"));
        blink.set(&mut controls, Some(0.5), false);
        assert_eq!(controls.morphs.get("eyeBlinkRight"), None);
        blink.set(&mut controls, Some(0.75), true);
        assert_eq!(controls.morphs["eyeBlinkRight"], 0.75);
        assert!(blink.is_set(&controls));
        blink.set(&mut controls, None, true);
        assert!(controls.is_empty());
        let arm = |axis| entry(Target::Turn(axis), "arm_L", Some("arm_R"));
        arm(0).set(&mut controls, Some(10.0), true);
        arm(2).set(&mut controls, Some(30.0), true);
        assert_eq!(controls.joints["arm_L"], [10.0, 0.0, 30.0]);
        assert_eq!(controls.joints["arm_R"], [10.0, 0.0, -30.0]);
        assert!(arm(2).is_set(&controls) && !arm(1).is_set(&controls));
        arm(0).set(&mut controls, None, true);
        arm(2).set(&mut controls, None, false);
        assert_eq!(controls.joints.len(), 1, "the other side keeps what it was given");
    }
}
