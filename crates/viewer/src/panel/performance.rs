//! How long things take, and how much memory they hold.

use effigy_render::Stage;
use egui::{Sense, Stroke, Ui, pos2, vec2};

use crate::meter::{Times, resident_memory};
use crate::panel::row::{heading, row};
use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let meter = &state.meter;
    heading(ui, "A frame");
    time(ui, "From frame", &meter.frames, "From frame to frame while something moves");
    time(ui, "Interface", &meter.interface, "Processor time for the interface, besides rendering");
    time(ui, "Recording", &meter.recording, "Processor time to record and submit the avatar");
    row(ui, "First picture", |ui| match meter.first_picture {
        Some(time) => ui.label(format!("after {:.2} s", time.as_secs_f32())),
        None => ui.weak("not yet"),
    });
    plot(ui, &meter.interface);
    heading(ui, "Stages of the renderer");
    let hint = "Draws the picture once more and waits for each stage";
    if ui.button("Measure").on_hover_text(hint).clicked() {
        state.view3d.measure = true;
    }
    if let Some(stages) = &meter.stages {
        for (stage, milliseconds) in Stage::ALL.iter().zip(stages) {
            row(ui, stage.name(), |ui| ui.label(format!("{milliseconds:.2} ms")));
        }
        row(ui, "All", |ui| ui.label(format!("{:.2} ms", stages.iter().sum::<f64>())));
    }
    heading(ui, "Memory");
    row(ui, "Program", |ui| match resident_memory() {
        Some(bytes) => ui.label(mebibytes(bytes)),
        None => ui.weak("not known here"),
    });
    row(ui, "Graphics", |ui| match state.graphics.device().generate_allocator_report() {
        Some(report) => ui.label(mebibytes(report.total_allocated_bytes)),
        None => ui.weak("not known here"),
    });
    heading(ui, "Device");
    let info = state.graphics.gpu.adapter.get_info();
    ui.label(info.name);
    ui.weak(format!("{} {}", info.backend, info.driver_info));
}

fn time(ui: &mut Ui, name: &str, times: &Times, hint: &str) {
    row(ui, name, |ui| {
        let text = format!("{:.2} ms, at most {:.1}", times.median(), times.most());
        ui.label(text).on_hover_text(hint);
    });
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The last times as a curve, the newest on the right; two milliseconds fill it.
fn plot(ui: &mut Ui, times: &Times) {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::hover());
    ui.painter().rect_filled(rect, 3.0, ui.visuals().extreme_bg_color);
    let points: Vec<_> = times
        .all()
        .enumerate()
        .map(|(i, time)| {
            let (across, up) = (i as f32 / 119.0, (time / 2.0).min(1.0));
            pos2(rect.left() + across * rect.width(), rect.bottom() - up * rect.height())
        })
        .collect();
    ui.painter().line(points, Stroke::new(1.0, ui.visuals().selection.bg_fill));
    response.on_hover_text("The interface in the last frames; the upper edge is 2 ms");
}
