//! The line at the bottom: what is shown, and what is under way.

use egui::{Align, Layout, ProgressBar, Ui};

use crate::state::State;

pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    ui.horizontal(|ui| {
        match state.scene.loaded() {
            Some(loaded) => {
                let gaussians = loaded.avatar.gaussians.len();
                let rig = loaded.avatar.body.as_ref().map_or("no rig".into(), |body| {
                    let joints = match body.rig.joints.len() {
                        1 => "1 joint".to_owned(),
                        more => format!("{more} joints"),
                    };
                    format!("{} morphs, {joints}", body.rig.morphs.len())
                });
                let label = ui.weak(format!("{}   {gaussians} Gaussians, {rig}", loaded.name()));
                if let Some(path) = &loaded.path {
                    label.on_hover_text(path.display().to_string());
                }
            }
            None => _ = ui.weak("No avatar"),
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let mut cancelled = false;
            for job in state.jobs.list() {
                if ui.small_button("×").on_hover_text("Cancel").clicked() {
                    job.progress.cancel();
                    cancelled = true;
                }
                let done = job.progress.done();
                if done >= 0.0 {
                    ui.add(ProgressBar::new(done).desired_width(140.0).show_percentage());
                } else {
                    ui.spinner();
                }
                let doing = job.progress.doing();
                let text = if doing.is_empty() { job.name.clone() } else { format!("{}: {doing}", job.name) };
                ui.weak(text);
            }
            if cancelled {
                ui.ctx().request_repaint();
            }
            if state.jobs.is_idle() {
                let [width, height] = state.view3d.size();
                ui.weak(format!("{width} × {height}"));
            }
        });
    });
}
