//! Export: pictures, videos and the avatar itself, each made by a job of its own.

mod place;
pub(crate) mod settings;
mod subject;
#[cfg(test)]
mod tests;
mod work;

use std::path::PathBuf;

use effigy_render::{FrameRenderer, GpuAvatar, RenderError};

use crate::beside::beside;
use crate::dialog::{self, Wanted};
use crate::graphics::Graphics;
use crate::job::Fault;
use crate::state::{Outcome, State};
use place::free_path;
use settings::{SOUNDS, from_bytes};
use subject::Subject;

/// The jobs' names; there is never more than one of each.
pub(crate) const PICTURE_JOB: &str = "Exporting the picture";
pub(crate) const VIDEO_JOB: &str = "Exporting the video";
pub(crate) const AVATAR_JOB: &str = "Exporting the avatar";

/// What `state` shows, to be exported.
fn subject(state: &State) -> Option<Subject> {
    let loaded = state.scene.loaded()?;
    Some(Subject {
        avatar: loaded.avatar.clone(),
        motion: state.scene.motion.clone(),
        controls: state.document.controls.clone(),
        camera: state.view3d.turntable.turned(&state.document.camera),
        view: state.view3d.size(),
    })
}

/// What draws `shown` apart from the view: where it is drawn sooner, on the device or on the CPU.
fn frames(graphics: &Graphics, shown: &GpuAvatar) -> Result<FrameRenderer, RenderError> {
    if graphics.gpu.is_software() {
        return FrameRenderer::cpu(shown.avatar());
    }
    let renderer = graphics.build_renderer()?;
    let avatar = renderer.another(shown)?;
    Ok(FrameRenderer::gpu(graphics.gpu.clone(), renderer, avatar))
}

/// Draws what the view shows to a file.
pub(crate) fn picture(state: &mut State) {
    let settings = state.export.picture.clone();
    let (Some(subject), Some(loaded)) = (subject(state), state.scene.loaded()) else { return };
    let time = state.scene.clock.time;
    let size = settings.size.unwrap_or(subject.view);
    let frames = frames(&state.graphics, &loaded.gpu);
    state.jobs.cancel(PICTURE_JOB);
    state.jobs.start(PICTURE_JOB, move |progress| -> Result<Outcome, Fault> {
        let mut frames = frames.map_err(work::drawing)?;
        let background = settings.background.map(from_bytes);
        beside(|| work::picture(&mut frames, &subject, time, size, background, &settings.path, progress))?;
        Ok(written(settings.path, |state| &mut state.export.picture.path))
    });
}

/// Draws the track or a turntable to a file.
pub(crate) fn video(state: &mut State) {
    let settings = state.export.video.clone();
    let (Some(subject), Some(loaded)) = (subject(state), state.scene.loaded()) else { return };
    let duration = subject.motion.duration();
    let Some(count) = settings.frames(duration) else {
        state.messages.fault(
            "That is no length of video",
            "Set the end after the start, and no longer than a few hours.",
        );
        return;
    };
    let take = work::Take {
        from: settings.times(duration)[0],
        count,
        size: settings.size,
        turntable: settings.turntable,
        sound: settings.sound.clone(),
        options: settings.options(),
    };
    let frames = frames(&state.graphics, &loaded.gpu);
    state.jobs.cancel(VIDEO_JOB);
    state.jobs.start(VIDEO_JOB, move |progress| -> Result<Outcome, Fault> {
        let mut frames = frames.map_err(work::drawing)?;
        beside(|| work::video(&mut frames, &subject, take, &settings.path, progress))?;
        Ok(written(settings.path, |state| &mut state.export.video.path))
    });
}

/// Writes the avatar to a file.
pub(crate) fn avatar(state: &mut State) {
    let Some(avatar) = state.scene.loaded().map(|loaded| loaded.avatar.clone()) else { return };
    let path = state.export.avatar_path.clone();
    state.jobs.cancel(AVATAR_JOB);
    state.jobs.start(AVATAR_JOB, move |_| -> Result<Outcome, Fault> {
        work::avatar(&avatar, &path)?;
        Ok(written(path, |state| &mut state.export.avatar_path))
    });
}

/// Says that a file is there, and takes another name for the next unless one has been chosen since.
fn written(path: PathBuf, slot: impl FnOnce(&mut State) -> &mut PathBuf + Send + 'static) -> Outcome {
    Box::new(move |state| {
        let next = slot(state);
        if *next == path {
            *next = free_path(&path);
        }
        state.messages.note(format!("Wrote {}", path.display()));
    })
}

/// Asks for the sound of videos.
pub(crate) fn ask_for_sound(state: &mut State) {
    let dialog = rfd::AsyncFileDialog::new().set_title("Sound of the video").add_filter("Sound", &SOUNDS);
    dialog::ask(state, dialog, Wanted::File, |state, paths| {
        state.export.video.sound = Some(paths[0].clone());
    });
}

/// Asks for a path in place of the one in the slot.
pub(crate) fn ask(
    state: &mut State,
    title: &str,
    kinds: &[(&str, &[&str])],
    slot: impl FnOnce(&mut State) -> &mut PathBuf + Copy + Send + 'static,
) {
    let now = slot(state).clone();
    let mut dialog = rfd::AsyncFileDialog::new().set_title(title);
    if let Some(folder) = now.parent().filter(|folder| folder.is_dir()) {
        dialog = dialog.set_directory(folder);
    }
    if let Some(name) = now.file_name() {
        dialog = dialog.set_file_name(name.to_string_lossy());
    }
    for (name, extensions) in kinds {
        dialog = dialog.add_filter(*name, extensions);
    }
    dialog::ask(state, dialog, Wanted::NewFile, move |state, paths| slot(state).clone_from(&paths[0]));
}
