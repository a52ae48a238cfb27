//! What is exported, and how.

use std::path::PathBuf;

use effigy_video::Filtering;
use effigy_video::encoder::EncoderChoice;
use egui::{Button, ComboBox, DragValue, ProgressBar, Slider, Ui};

use crate::action::Action;
use crate::command;
use crate::export::settings::SIDES;
use crate::export::{self, AVATAR_JOB, PICTURE_JOB, VIDEO_JOB};
use crate::panel::row::{heading, row};
use crate::state::State;

/// Sizes that are asked for most.
const SIZES: [(&str, [u32; 2]); 6] = [
    ("HD", [1280, 720]),
    ("Full HD", [1920, 1080]),
    ("4K", [3840, 2160]),
    ("Square", [1080, 1080]),
    ("Portrait", [1080, 1920]),
    ("Thumbnail", [512, 512]),
];

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    picture(ui, state);
    ui.add_space(4.0);
    ui.separator();
    video(ui, state);
    ui.add_space(4.0);
    ui.separator();
    avatar(ui, state);
}

fn picture(ui: &mut Ui, state: &mut State) {
    heading(ui, "Picture");
    let view = state.view3d.size();
    let settings = &mut state.export.picture;
    row(ui, "Size", |ui| {
        let mut own = settings.size.is_some();
        ui.selectable_value(&mut own, false, "View").on_hover_text("As many pixels as the view has");
        ui.selectable_value(&mut own, true, "Other");
        match (own, settings.size) {
            (true, None) => settings.size = Some(view),
            (false, _) => settings.size = None,
            _ => {}
        }
    });
    if let Some(size) = &mut settings.size {
        sides(ui, "picture size", size);
    }
    row(ui, "Behind it", |ui| {
        let mut open = settings.background.is_none();
        ui.selectable_value(&mut open, true, "Nothing").on_hover_text("Transparent, with an alpha channel");
        ui.selectable_value(&mut open, false, "Colour");
        match (open, settings.background) {
            (true, _) => settings.background = None,
            (false, None) => settings.background = Some([58, 60, 64]),
            _ => {}
        }
        if let Some(color) = &mut settings.background {
            ui.color_edit_button_srgb(color);
        }
    });
    let kinds: &[(&str, &[&str])] = &[("PNG pictures", &["png"])];
    place(ui, state, "Save the picture", kinds, |state| &mut state.export.picture.path);
    start(ui, state, Action::SavePicture, PICTURE_JOB, |state| &state.export.picture.path);
}

fn video(ui: &mut Ui, state: &mut State) {
    heading(ui, "Video");
    let duration = state.scene.motion.duration();
    let settings = &mut state.export.video;
    row(ui, "Shows", |ui| {
        ui.selectable_value(&mut settings.turntable, false, "The view");
        ui.selectable_value(&mut settings.turntable, true, "A turntable")
            .on_hover_text("The camera goes round the avatar once while the track plays");
    });
    sides(ui, "video size", &mut settings.size);
    row(ui, "Frames", |ui| {
        ui.add(DragValue::new(&mut settings.fps).speed(0.1).range(1.0..=240.0).max_decimals(3));
        ui.label("a second");
    });
    row(ui, "Part", |ui| {
        let mut part = settings.range.is_some();
        let all = if duration > 0.0 { "All of it" } else { "As usual" };
        ui.selectable_value(&mut part, false, all);
        ui.selectable_value(&mut part, true, "From, to");
        match (part, settings.range) {
            (true, None) => settings.range = Some(settings.times(duration)),
            (false, _) => settings.range = None,
            _ => {}
        }
    });
    if let Some([from, to]) = &mut settings.range {
        row(ui, "", |ui| {
            let longest = if duration > 0.0 { duration } else { 3600.0 };
            let time = |value| DragValue::new(value).speed(0.02).suffix(" s").fixed_decimals(2);
            ui.add(time(from).range(0.0..=longest));
            ui.add(time(to).range(0.0..=longest));
        });
    }
    row(ui, "", |ui| match settings.frames(duration) {
        Some(frames) => {
            ui.weak(format!("{frames} frames, {:.2} s", frames as f64 / settings.fps));
        }
        None => _ = ui.colored_label(ui.visuals().error_fg_color, "The end is before the start"),
    });
    encoding(ui, state);
    sound(ui, state);
    let kinds: &[(&str, &[&str])] = &[("MP4 videos", &["mp4"])];
    place(ui, state, "Save the video", kinds, |state| &mut state.export.video.path);
    start(ui, state, Action::ExportVideo, VIDEO_JOB, |state| &state.export.video.path);
}

fn encoding(ui: &mut Ui, state: &mut State) {
    let encoders = state.export.encoders().to_vec();
    let settings = &mut state.export.video;
    row(ui, "Encoder", |ui| {
        let shown = encoder_name(&settings.encoder);
        ComboBox::from_id_salt("encoder").width(150.0).selected_text(shown).show_ui(ui, |ui| {
            for choice in encoders {
                let name = encoder_name(&choice);
                ui.selectable_value(&mut settings.encoder, choice, name);
            }
        });
    });
    row(ui, "Rate", |ui| {
        ui.selectable_value(&mut settings.by_bitrate, false, "Quality");
        ui.selectable_value(&mut settings.by_bitrate, true, "Bitrate");
    });
    row(ui, "", |ui| {
        if settings.by_bitrate {
            let range = 50..=200_000;
            ui.add(DragValue::new(&mut settings.kilobits).speed(20.0).range(range).suffix(" kbit/s"));
        } else {
            // Left is worse, as people expect it.
            let hint = "The quantiser: 0 is the best, 51 the smallest file. Faces look clean at 20.";
            ui.add(Slider::new(&mut settings.quality, 51.0..=0.0).fixed_decimals(0)).on_hover_text(hint);
        }
    });
    row(ui, "Behind it", |ui| {
        ui.selectable_value(&mut settings.side_by_side, false, "Colour");
        ui.selectable_value(&mut settings.side_by_side, true, "Alpha beside")
            .on_hover_text("A picture of double width: colour at the left, how much is covered at the right");
        if !settings.side_by_side {
            ui.color_edit_button_srgb(&mut settings.background);
        }
    });
    if settings.takes_map() {
        row(ui, "Bits", |ui| ui.checkbox(&mut settings.map, "Where viewers look"));
    }
    row(ui, "Pre-filter", |ui| {
        for (filtering, name, hint) in [
            (Filtering::None, "None", "Pictures are encoded as they are"),
            (Filtering::Plain, "Plain", "A blur of the whole picture, as strong as the rate asks for"),
            (Filtering::Focus, "Focus", "A blur that leaves the face as it is"),
            (Filtering::Learned, "Learned", "A small network that keeps of the face what is worth its bits"),
        ] {
            ui.selectable_value(&mut settings.filtering, filtering, name).on_hover_text(hint);
        }
    });
}

fn sound(ui: &mut Ui, state: &mut State) {
    row(ui, "Sound", |ui| match &state.export.video.sound {
        None => {
            if ui.button("Choose…").on_hover_text("AAC or Opus, which begins with the track").clicked() {
                export::ask_for_sound(state);
            }
        }
        Some(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            let whole = path.display().to_string();
            let removes = ui.button("Remove").clicked();
            ui.add(egui::Label::new(name).truncate()).on_hover_text(whole);
            if removes {
                state.export.video.sound = None;
            }
        }
    });
}

fn encoder_name(choice: &EncoderChoice) -> String {
    match choice {
        EncoderChoice::OpenH264 => "H.264 (openh264)".into(),
        EncoderChoice::Rav1e => "AV1 (rav1e)".into(),
        EncoderChoice::X264 => "H.264 (x264)".into(),
        EncoderChoice::Ffmpeg(name) => format!("FFmpeg: {name}"),
    }
}

fn avatar(ui: &mut Ui, state: &mut State) {
    heading(ui, "Avatar");
    ui.weak(".glb holds all of it; .ply its Gaussians at rest, for other programs.");
    let kinds: &[(&str, &[&str])] = &[("Avatars", &["glb"]), ("Gaussians at rest", &["ply"])];
    place(ui, state, "Save the avatar", kinds, |state| &mut state.export.avatar_path);
    start(ui, state, Action::ExportAvatar, AVATAR_JOB, |state| &state.export.avatar_path);
}

/// Width and height, and the sizes that are asked for most.
fn sides(ui: &mut Ui, id: &str, size: &mut [u32; 2]) {
    row(ui, "Pixels", |ui| {
        let [width, height] = size;
        ui.add(DragValue::new(width).range(SIDES));
        ui.label("×");
        ui.add(DragValue::new(height).range(SIDES));
        let name = SIZES.iter().find(|(_, other)| other == size).map_or("…", |(name, _)| name);
        ComboBox::from_id_salt(id).width(56.0).selected_text(name).show_ui(ui, |ui| {
            for (name, [width, height]) in SIZES {
                ui.selectable_value(size, [width, height], format!("{name}, {width} × {height}"));
            }
        });
    });
}

/// Where the file goes.
fn place(
    ui: &mut Ui,
    state: &mut State,
    title: &str,
    kinds: &[(&str, &[&str])],
    slot: impl Fn(&mut State) -> &mut PathBuf + Copy + Send + 'static,
) {
    row(ui, "To", |ui| {
        let chooses = ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let chooses = ui.button("…").on_hover_text("Choose the file").clicked();
            let path = slot(state);
            let mut text = path.to_string_lossy().into_owned();
            let edit = egui::TextEdit::singleline(&mut text).desired_width(f32::INFINITY);
            if ui.add(edit).on_hover_text(path.display().to_string()).changed() {
                *path = text.into();
            }
            chooses
        });
        if chooses.inner {
            export::ask(state, title, kinds, slot);
        }
    });
}

/// The button that begins, or how far it is.
fn start(ui: &mut Ui, state: &mut State, action: Action, name: &str, path: impl Fn(&State) -> &PathBuf) {
    if let Some(job) = state.jobs.list().iter().find(|job| job.name == name) {
        row(ui, "", |ui| {
            if ui.button("Cancel").clicked() {
                job.progress.cancel();
                ui.ctx().request_repaint();
            }
            match job.progress.done() {
                done if done >= 0.0 => {
                    ui.add(ProgressBar::new(done).desired_width(ui.available_width()).show_percentage());
                }
                _ => _ = ui.spinner(),
            }
        });
        return;
    }
    row(ui, "", |ui| {
        let replaces = path(state).is_file();
        let text = if replaces { "Replace" } else { "Save" };
        let button = ui.add_enabled(command::is_possible(action, state), Button::new(text));
        if button.on_hover_text(action.name()).clicked() {
            state.actions.push(action);
        }
        if replaces {
            ui.weak("There is such a file.");
        }
    });
}
