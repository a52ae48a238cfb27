//! The camera in numbers, and its bookmarks.

use egui::{DragValue, Slider, Ui};

use crate::action::Action;
use crate::action_button::button;
use crate::panel::row::{heading, row};
use crate::state::State;
use effigy_render::OrbitCamera;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    heading(ui, "Lens");
    let camera = &mut state.document.camera;
    row(ui, "Focal length", |ui| {
        let mut lens = camera.lens;
        let slider =
            Slider::new(&mut lens, OrbitCamera::LENSES).logarithmic(true).suffix(" mm").fixed_decimals(0);
        let hint = "For film 36 mm wide. What the camera turns around keeps its size.";
        if ui.add(slider).on_hover_text(hint).changed() {
            camera.set_lens(lens);
        }
    });
    row(ui, "", |ui| {
        for lens in [24.0, 35.0, 50.0, 85.0, 135.0] {
            if ui.selectable_label((camera.lens - lens).abs() < 0.5, format!("{lens}")).clicked() {
                camera.set_lens(lens);
            }
        }
    });
    let across = 2.0 * (0.5 * OrbitCamera::FILM_WIDTH / camera.lens).atan().to_degrees();
    row(ui, "Field of view", |ui| ui.label(format!("{across:.1}° across")));
    heading(ui, "Place");
    row(ui, "Distance", |ui| {
        let distance = DragValue::new(&mut camera.distance).speed(0.01).range(0.01..=1000.0);
        ui.add(distance.suffix(" m").fixed_decimals(3));
    });
    row(ui, "Turn", |ui| {
        for (angle, range) in [(&mut camera.yaw, -180.0..=180.0), (&mut camera.pitch, -88.0..=88.0)] {
            let mut degrees = angle.to_degrees();
            let value = DragValue::new(&mut degrees).speed(0.5).range(range).suffix("°").fixed_decimals(1);
            if ui.add(value).changed() {
                *angle = degrees.to_radians();
            }
        }
    });
    row(ui, "Target", |ui| {
        for axis in &mut camera.target {
            ui.add(DragValue::new(axis).speed(0.005).range(-1e4..=1e4).fixed_decimals(2));
        }
    });
    row(ui, "From", |ui| {
        button(ui, state, Action::ViewFront, "Front");
        button(ui, state, Action::ViewRight, "Right");
        button(ui, state, Action::ViewLeft, "Left");
    });
    heading(ui, "Turntable");
    row(ui, "Turns", |ui| {
        button(
            ui,
            state,
            Action::Turntable,
            if state.view3d.turntable.is_turning() { "Stop" } else { "Start" },
        );
        ui.add(
            DragValue::new(&mut state.view3d.turntable.period)
                .speed(0.1)
                .range(2.0..=120.0)
                .suffix(" s a turn")
                .fixed_decimals(0),
        );
    });
    bookmarks(ui, state);
    heading(ui, "Files");
    row(ui, "Camera", |ui| {
        button(ui, state, Action::ImportCamera, "Import…");
        button(ui, state, Action::ExportCamera, "Export…");
    });
}

fn bookmarks(ui: &mut Ui, state: &mut State) {
    heading(ui, "Bookmarks");
    let (mut removed, mut chosen) = (None, None);
    for (i, bookmark) in state.document.bookmarks.iter_mut().enumerate() {
        ui.horizontal(|ui| {
            let here = bookmark.camera == state.document.camera;
            if ui.selectable_label(here, "Go").clicked() {
                chosen = Some(bookmark.camera);
            }
            if ui.button("Set").on_hover_text("Keep the view as it is now").clicked() {
                bookmark.camera = state.document.camera;
            }
            if ui.button("×").on_hover_text("Remove").clicked() {
                removed = Some(i);
            }
            ui.add(egui::TextEdit::singleline(&mut bookmark.name).desired_width(f32::INFINITY));
        });
    }
    if let Some(camera) = chosen {
        state.document.camera = camera;
    }
    if let Some(i) = removed {
        state.document.bookmarks.remove(i);
    }
    button(ui, state, Action::AddBookmark, "Add");
}
