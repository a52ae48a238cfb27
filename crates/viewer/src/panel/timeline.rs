//! Playing, and the place in time.

use egui::{DragValue, Slider, Ui};

use crate::action::Action;
use crate::panel::toolbar::button;
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        button(ui, state, Action::ToStart, "⇤");
        button(ui, state, Action::Play, if state.scene.clock.playing { "‖" } else { "▶" });
        let duration = state.scene.motion.duration();
        let name = state.scene.motion.playing().map_or("No track", |playing| &playing.name);
        let hint = state.scene.motion.playing().and_then(|playing| playing.path.as_ref());
        let label = ui.weak(name);
        if let Some(path) = hint {
            label.on_hover_text(path.display().to_string());
        }
        ui.add_enabled_ui(duration > 0.0, |ui| {
            let clock = &mut state.scene.clock;
            ui.spacing_mut().slider_width = (ui.available_width() - 250.0).max(80.0);
            ui.add(Slider::new(&mut clock.time, 0.0..=duration.max(1e-3)).suffix(" s").fixed_decimals(2));
            ui.toggle_value(&mut clock.looping, "Loop").on_hover_text("Start over at the end");
            ui.add(
                DragValue::new(&mut clock.speed).speed(0.01).range(-4.0..=4.0).suffix("×").fixed_decimals(2),
            )
            .on_hover_text("Speed");
        });
    });
}
