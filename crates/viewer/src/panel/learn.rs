//! Training: what is to be learned, and how it goes.

use effigy_capture::UpAxis;
use effigy_train::session::Order;
use effigy_train::{Preset, TrainConfig};
use egui::{Button, ComboBox, ProgressBar, TextEdit, Ui};
use egui_plot::{Line, Plot, PlotPoints};

use crate::learn::progress::{Sample, smoothed};
use crate::learn::settings::Place;
use crate::learn::{self, JOB};
use crate::panel::row::{heading, row};
use crate::state::State;

/// Points of a curve.
const POINTS: usize = 160;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let running = state.learning.is_running();
    ui.add_enabled_ui(!running, |ui| settings(ui, state));
    if running {
        controls(ui, state);
    } else {
        begin(ui, state);
    }
    curves(ui, state);
    if !state.learning.problems.is_empty() {
        heading(ui, "What is wrong with the capture");
        for problem in &state.learning.problems {
            ui.label(problem);
        }
    }
}

fn settings(ui: &mut Ui, state: &mut State) {
    heading(ui, "Capture");
    let mut asks = false;
    let settings = &mut state.learning.settings;
    row(ui, "Folder", |ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            asks = ui.button("…").on_hover_text("Choose the folder").clicked();
            let mut text = settings.capture.to_string_lossy().into_owned();
            let edit = TextEdit::singleline(&mut text).hint_text("Pictures with cameras");
            if ui.add(edit.desired_width(f32::INFINITY)).changed() {
                settings.choose_capture(text.into());
            }
        });
    });
    row(ui, "Up is", |ui| {
        for (up, name) in [(UpAxis::Y, "+Y"), (UpAxis::Z, "+Z"), (UpAxis::MinusY, "−Y")] {
            ui.selectable_value(&mut settings.up, up, name);
        }
    });
    heading(ui, "Avatar");
    row(ui, "To", |ui| {
        let mut text = settings.output.to_string_lossy().into_owned();
        let edit = TextEdit::singleline(&mut text).hint_text("avatar.glb").desired_width(f32::INFINITY);
        if ui.add(edit).changed() {
            settings.output = text.into();
        }
    });
    row(ui, "Preset", |ui| {
        for (preset, name) in
            [(Preset::Preview, "Preview"), (Preset::Standard, "Standard"), (Preset::High, "High")]
        {
            if ui.selectable_label(settings.preset == preset, name).clicked() {
                settings.preset = preset;
            }
        }
    });
    let config = TrainConfig::preset(settings.preset);
    ui.weak(format!("{} Gaussians, {} steps", config.gaussians, config.steps));
    row(ui, "On", |ui| {
        let name = |place| match place {
            Place::Best => "The best device",
            Place::Processor => "The processor",
        };
        ComboBox::from_id_salt("device").selected_text(name(settings.place)).show_ui(ui, |ui| {
            for place in [Place::Best, Place::Processor] {
                ui.selectable_value(&mut settings.place, place, name(place));
            }
        });
    });
    if asks {
        learn::ask_for_capture(state);
    }
}

/// The buttons that start a run.
fn begin(ui: &mut Ui, state: &mut State) {
    let settings = &state.learning.settings;
    let possible = !settings.capture.as_os_str().is_empty() && !settings.output.as_os_str().is_empty();
    let checkpoint = settings.has_checkpoint();
    ui.add_space(4.0);
    row(ui, "", |ui| {
        if checkpoint {
            let hint = "With the settings that it began with, from where it stopped";
            if ui.add_enabled(possible, Button::new("Go on")).on_hover_text(hint).clicked() {
                learn::start(state, true);
            }
            ui.weak("There is a run of this name.");
        } else if ui.add_enabled(possible, Button::new("Train")).clicked() {
            learn::start(state, false);
        }
    });
}

/// How far the run is, and what can be done with it.
fn controls(ui: &mut Ui, state: &mut State) {
    let Some(run) = &state.learning.run else { return };
    let shared = &run.shared;
    ui.add_space(4.0);
    if let Some(job) = state.jobs.list().iter().find(|job| job.name == JOB) {
        let done = job.progress.done().max(0.0);
        ui.add(ProgressBar::new(done).show_percentage());
        let doing = job.progress.doing();
        if !doing.is_empty() {
            ui.weak(doing);
        }
    }
    ui.horizontal(|ui| {
        let paused = shared.is_paused();
        if ui.button(if paused { "Resume" } else { "Pause" }).clicked() {
            shared.order(if paused { Order::Resume } else { Order::Pause });
        }
        let ending = shared.is_ending();
        let stop = ui.add_enabled(!ending, Button::new("Stop and keep"));
        if stop.on_hover_text("Writes the avatar as it stands").clicked() {
            shared.order(Order::Keep);
        }
        let stop = ui.add_enabled(!ending, Button::new("Stop"));
        if stop.on_hover_text("Writes no avatar; the checkpoint can be gone on from").clicked() {
            shared.order(Order::Discard);
        }
    });
}

/// Loss and PSNR so far.
fn curves(ui: &mut Ui, state: &State) {
    let Some(run) = &state.learning.run else { return };
    let (steps, what) = run.shared.steps();
    if steps > 0 {
        ui.weak(what);
    }
    run.shared.with_samples(|samples| {
        let Some(last) = samples.last() else { return };
        heading(ui, "Learned so far");
        let recent = &samples[samples.len().saturating_sub(30)..];
        let mean = |of: fn(&Sample) -> f32| recent.iter().map(of).sum::<f32>() / recent.len() as f32;
        row(ui, "Step", |ui| ui.label(format!("{} of {steps}", last.step)));
        row(ui, "Loss", |ui| ui.label(format!("{:.4}", mean(|sample| sample.loss))));
        curve(ui, "loss", smoothed(samples, POINTS, |sample| sample.loss));
        row(ui, "PSNR", |ui| ui.label(format!("{:.2} dB", mean(|sample| sample.psnr))));
        curve(ui, "PSNR", smoothed(samples, POINTS, |sample| sample.psnr));
    });
}

fn curve(ui: &mut Ui, name: &'static str, points: Vec<[f64; 2]>) {
    let color = ui.visuals().selection.bg_fill;
    Plot::new(name)
        .height(96.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .show_x(false)
        .y_axis_min_width(34.0)
        .show(ui, |plot| plot.line(Line::new(name, PlotPoints::from(points)).color(color).width(1.5)));
}
