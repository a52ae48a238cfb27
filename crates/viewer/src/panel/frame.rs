//! The frame of the 2D view: how it is made, encoded, and what stands in a pixel.

use egui::{ComboBox, DragValue, Grid, Slider, Ui};

use crate::panel::curve;
use crate::panel::row::{heading, row};
use crate::state::State;
use crate::view2d::live::Readings;
use crate::view2d::probe::Probe;
use crate::view2d::setup::{Codec, FrameSize, SIDES, Samples, Setup, Stage};
use crate::view2d::worker::Scores;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    capture(ui, state);
    let setup = &mut state.document.frame;
    picture(ui, setup, state.view2d.shots.is_none());
    encoding(ui, setup);
    if setup.live
        && let Some((readings, scores)) = state.view2d.readings()
    {
        stream(ui, readings, scores);
    }
    heading(ui, "Pixel");
    match state.view2d.probe() {
        Some(probe) => pixel(ui, probe),
        None => _ = ui.weak("Point at one in the 2D view. A click holds it."),
    }
}

fn choice<T: Copy + PartialEq>(
    ui: &mut Ui,
    id: &str,
    value: &mut T,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) {
    ComboBox::from_id_salt(id).selected_text(name(*value)).width(150.0).show_ui(ui, |ui| {
        for other in all {
            ui.selectable_value(value, *other, name(*other));
        }
    });
}

/// The picture of a capture that the avatar is compared with, and how near it comes.
fn capture(ui: &mut Ui, state: &mut State) {
    let score = state.view2d.truth_psnr();
    let Some(shots) = &mut state.view2d.shots else {
        if ui.button("Compare with a capture…").clicked() {
            crate::view2d::capture::ask(state);
        }
        return;
    };
    heading(ui, "Capture");
    let mut close = false;
    row(ui, "Picture", |ui| {
        if ui.button("<").on_hover_text("Previous (Page Up)").clicked() {
            shots.step(-1);
        }
        let last = shots.list.len().saturating_sub(1);
        let mut number = shots.at + 1;
        if ui.add(DragValue::new(&mut number).range(1..=last + 1)).changed() {
            shots.at = (number - 1).min(last);
        }
        ui.label(format!("of {}", last + 1));
        if ui.button(">").on_hover_text("Next (Page Down)").clicked() {
            shots.step(1);
        }
        close = ui.button("Close").clicked();
    });
    if let Some(shot) = shots.shot() {
        row(ui, "Name", |ui| ui.add(egui::Label::new(&shot.name).truncate()).on_hover_text(&shots.name));
        row(ui, "Taken by", |ui| ui.add(egui::Label::new(&shot.about).truncate()));
    }
    row(ui, "PSNR", |ui| match score {
        Some([rgb, luma]) => ui.label(format!("{} dB, Y {}", number(rgb), number(luma))),
        None => ui.weak("–"),
    })
    .on_hover_text("What was rendered against the ground truth, both over the background");
    if close {
        state.view2d.shots = None;
    }
}

fn picture(ui: &mut Ui, setup: &mut Setup, sized: bool) {
    heading(ui, "Frame");
    if sized {
        row(ui, "Size", |ui| choice(ui, "size", &mut setup.size, FrameSize::ALL, FrameSize::name));
    }
    if sized && setup.size == FrameSize::Custom {
        row(ui, "", |ui| {
            let [width, height] = &mut setup.custom;
            ui.add(DragValue::new(width).range(SIDES));
            ui.label("×");
            ui.add(DragValue::new(height).range(SIDES));
        });
    }
    row(ui, "Background", |ui| ui.color_edit_button_srgb(&mut setup.background));
    row(ui, "Samples", |ui| choice(ui, "samples", &mut setup.samples, Samples::ALL, Samples::name));
    row(ui, "Matrix", |ui| {
        ui.selectable_value(&mut setup.bt601, false, "BT.709");
        ui.selectable_value(&mut setup.bt601, true, "BT.601");
    });
    row(ui, "Range", |ui| {
        ui.selectable_value(&mut setup.full_range, false, "Limited");
        ui.selectable_value(&mut setup.full_range, true, "Full");
    });
    row(ui, "Far in", |ui| ui.checkbox(&mut setup.pixel_grid, "Pixel grid"));
}

fn encoding(ui: &mut Ui, setup: &mut Setup) {
    heading(ui, "Encoding");
    row(ui, "Live", |ui| {
        ui.checkbox(&mut setup.live, "Encode every new frame");
    });
    ui.add_enabled_ui(setup.live, |ui| {
        row(ui, "Codec", |ui| choice(ui, "codec", &mut setup.codec, Codec::ALL, Codec::name));
        row(ui, "Follow", |ui| {
            ui.selectable_value(&mut setup.by_rate, false, "Quality");
            ui.selectable_value(&mut setup.by_rate, true, "Bitrate");
        });
        if setup.by_rate {
            row(ui, "Bitrate", |ui| {
                let slider = Slider::new(&mut setup.kilobits, 50..=20_000).logarithmic(true);
                ui.add(slider.suffix(" kbit/s"));
            });
        } else {
            row(ui, "Quantiser", |ui| {
                let slider = Slider::new(&mut setup.quality, 0.0..=setup.codec.worst()).step_by(1.0);
                ui.add(slider.fixed_decimals(0)).on_hover_text("0 is best");
            });
        }
        row(ui, "Frame rate", |ui| {
            let value = DragValue::new(&mut setup.fps).range(1.0..=240.0).speed(0.2).suffix(" /s");
            ui.add(value).on_hover_text("What the encoder is told, and what the rate is of");
        });
        row(ui, "Importance", |ui| {
            ui.toggle_value(&mut setup.filter, "Pre-filter")
                .on_hover_text("Blur what nobody looks at before it is encoded");
            ui.toggle_value(&mut setup.map, "Quantiser map")
                .on_hover_text("Give the encoder the map, if it takes one (x264 does)");
        });
    });
}

fn stream(ui: &mut Ui, readings: &Readings, scores: &Scores) {
    heading(ui, "Stream");
    if let Some(fault) = &readings.fault {
        ui.colored_label(ui.visuals().error_fg_color, fault);
        return;
    }
    let blue = egui::Color32::from_rgb(86, 156, 226);
    let green = egui::Color32::from_rgb(110, 190, 120);
    let gold = egui::Color32::from_rgb(222, 170, 80);
    let rate = readings.rate().map_or("–".into(), |rate| format!("{rate:.0} kbit/s"));
    let of = readings.rate_of();
    let hint =
        format!("Of the last {of} pictures, two seconds of the stream at most, shown at its frame rate");
    curve::show(ui, "Rate", &rate, &readings.rates, blue).on_hover_text(hint);
    let psnr = readings
        .psnr
        .map_or("not decoded here".into(), |[rgb, luma]| format!("{} dB, Y {}", number(rgb), number(luma)));
    let hint = "Of every picture: what came out against what was rendered";
    curve::show(ui, "PSNR", &psnr, &readings.psnrs, green).on_hover_text(hint);
    let score = scores.last.map_or("–".into(), |(score, _)| format!("{score:.1}"));
    let hint = "As often as it can be computed. 90 can hardly be told apart, 70 is good, 50 middling";
    curve::show(ui, "SSIMULACRA2", &score, &scores.all, gold).on_hover_text(hint);
    if let Some((bits, key)) = readings.last {
        let kind = if key { ", key" } else { "" };
        row(ui, "Last picture", |ui| ui.label(format!("{:.1} kB{kind}", bits / 8000.0)));
    }
    let milliseconds = 1e3 * readings.took.as_secs_f64();
    let pace = if readings.pace > 0.0 { format!("{:.0} /s, ", readings.pace) } else { String::new() };
    row(ui, "Pace", |ui| {
        ui.label(format!("{pace}{milliseconds:.0} ms a picture"))
            .on_hover_text("Pictures that went in a second, and how long encoding and decoding one took");
    });
    if let Some((_, took)) = scores.last {
        row(ui, "Judged in", |ui| ui.label(format!("{:.0} ms", 1e3 * took.as_secs_f64())));
    }
    let pictures = if readings.pictures == 1 { "picture" } else { "pictures" };
    ui.weak(format!("{}, {} {pictures}", readings.encoder, readings.pictures));
}

fn number(decibels: f64) -> String {
    if decibels.is_finite() { format!("{decibels:.2}") } else { "∞".into() }
}

fn pixel(ui: &mut Ui, probe: &Probe) {
    let [x, y] = probe.pixel;
    row(ui, "At", |ui| ui.label(format!("{x}, {y}")));
    Grid::new("probe").num_columns(3).spacing([10.0, 3.0]).show(ui, |ui| {
        ui.weak("");
        ui.weak("R  G  B");
        ui.weak("Y  U  V");
        ui.end_row();
        for stage in Stage::ALL {
            let Some(([r, g, b], [luma, u, v])) = probe.stages[*stage as usize] else { continue };
            ui.label(stage.name());
            ui.horizontal(|ui| {
                let (swatch, _) = ui.allocate_exact_size(egui::vec2(12.0, 12.0), egui::Sense::hover());
                ui.painter().rect_filled(swatch, 2.0, egui::Color32::from_rgb(r, g, b));
                ui.monospace(format!("{r:>3} {g:>3} {b:>3}"));
            });
            ui.monospace(format!("{luma:>3} {u:>3} {v:>3}"));
            ui.end_row();
        }
    });
    let [r, g, b, a] = probe.rgba;
    row(ui, "Rendered", |ui| {
        ui.monospace(format!("{r:.3} {g:.3} {b:.3}")).on_hover_text("Premultiplied, before the background");
    });
    row(ui, "Alpha", |ui| ui.monospace(format!("{a:.3}")));
    if let Some(importance) = probe.importance {
        row(ui, "Importance", |ui| ui.monospace(format!("{importance:.3}")));
    }
    if let Some(offset) = probe.offset {
        row(ui, "Quantiser", |ui| ui.monospace(format!("{offset:+.2}")));
    }
    if let Some([right, down]) = probe.motion {
        row(ui, "Motion", |ui| ui.monospace(format!("{right:+.2} {down:+.2} px")));
    }
    row(ui, "Depth", |ui| match probe.depth {
        Some(depth) => ui.monospace(format!("{depth:.4} m")),
        None => ui.weak("nothing there"),
    });
}
