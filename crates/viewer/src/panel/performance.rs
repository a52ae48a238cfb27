//! How long things take, and how much memory they hold.

use egui::Ui;

use crate::meter::{Times, resident_memory};
use crate::panel::{heading, row};
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
