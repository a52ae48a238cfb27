//! Playing, and the place in time: transport and curves.

use egui::{DragValue, RichText, Ui};

use crate::action::Action;
use crate::action_button::button;
use crate::panel::curve_area;
use crate::panel::icons::{Icon, icon_button};
use crate::recorder::Recorder;
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        icon_button(ui, state, Action::ToStart, Icon::Start);
        icon_button(ui, state, Action::PreviousFrame, Icon::Back);
        let playing = state.scene.clock.playing;
        icon_button(ui, state, Action::Play, if playing { Icon::Pause } else { Icon::Play });
        icon_button(ui, state, Action::NextFrame, Icon::Forward);
        icon_button(ui, state, Action::ToEnd, Icon::End);
        ui.add_space(6.0);
        icon_button(ui, state, Action::Record, Icon::Record);
        ui.add_space(6.0);
        icon_button(ui, state, Action::Loop, Icon::Loop);
        icon_button(ui, state, Action::SetIn, Icon::In);
        icon_button(ui, state, Action::SetOut, Icon::Out);
        if state.scene.clock.range.is_some() {
            button(ui, state, Action::ClearRange, "All");
        }
        ui.add_space(8.0);
        ui.spacing_mut().item_spacing.x = 6.0;
        numbers(ui, state);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            button(ui, state, Action::SaveTrack, "Save…");
            button(ui, state, Action::OpenTrack, "Open…");
            let motion = &state.scene.motion;
            let text = match &state.recorder {
                Recorder::Armed(_) => {
                    RichText::new("Armed: move a control to start").color(ui.visuals().warn_fg_color)
                }
                Recorder::Running(_) => RichText::new("Recording").color(ui.visuals().error_fg_color),
                Recorder::Off => RichText::new(motion.name()).weak(),
            };
            let label = ui.add(egui::Label::new(text).truncate());
            if let Some(path) = motion.playing().and_then(|playing| playing.path.as_ref()) {
                label.on_hover_text(path.display().to_string());
            }
        });
    });
    ui.add_space(3.0);
    curve_area::show(ui, state);
}

/// Time and frame, to be read and to be typed, and the speed.
fn numbers(ui: &mut Ui, state: &mut State) {
    if let Some((seconds, frames)) = state.recorder.length() {
        ui.monospace(format!("{seconds:7.2} s  {frames:5} frames"));
        return;
    }
    let motion = &state.scene.motion;
    let (duration, count) = (motion.duration(), motion.frame_count());
    let clock = &mut state.scene.clock;
    ui.add_enabled_ui(duration > 0.0, |ui| {
        let mut time = clock.time.min(duration);
        let field =
            DragValue::new(&mut time).speed(0.01).range(0.0..=duration).fixed_decimals(2).suffix(" s");
        if ui.add(field).on_hover_text("Time").changed() {
            clock.time = time;
        }
        ui.weak(format!("of {duration:.2} s"));
        ui.add_space(4.0);
        let mut frame = motion.frame_at(clock.time) + 1;
        let field = DragValue::new(&mut frame).speed(0.2).range(1..=count.max(1)).prefix("Frame ");
        if ui.add(field).on_hover_text("Frame").changed() {
            clock.time = motion.frame_time(frame - 1);
        }
        ui.weak(format!("of {count}"));
        ui.add_space(4.0);
        let speed =
            DragValue::new(&mut clock.speed).speed(0.01).range(-4.0..=4.0).suffix("×").fixed_decimals(2);
        let response = ui.add(speed).on_hover_text("Speed. Double click: as it was recorded");
        if response.double_clicked() {
            clock.speed = 1.0;
        }
    });
}
