//! The 3D view: the avatar, drawn again when something has changed, with what is around it and over it.

mod background;
mod navigate;
mod picture;
mod turntable;

use std::time::Duration;

use effigy_render::RenderError;
use egui::{Rect, Sense, Ui, pos2, vec2};

use crate::camera::OrbitCamera;
use crate::state::State;
use background::Backgrounds;
use picture::{Pictures, Wanted};
use turntable::Turntable;

/// An edit by wheel or keys is over when nothing more has come for so many seconds.
const PAUSE: f64 = 0.4;

/// What the 3D view keeps from frame to frame.
#[derive(Default)]
pub(crate) struct View3d {
    pub(crate) turntable: Turntable,
    pictures: Pictures,
    backgrounds: Backgrounds,
    /// Of the picture, pixels.
    size: [u32; 2],
    /// Whether the picture is of what there is.
    current: bool,
    /// When the wheel or a key last moved the camera, seconds of the interface's time.
    nudged: Option<f64>,
    /// How long recording took in this frame of the interface.
    pub(crate) recording: Duration,
}

impl View3d {
    /// Width and height of the picture, pixels.
    pub(crate) fn size(&self) -> [u32; 2] {
        self.size.map(|side| side.max(1))
    }

    /// Width over height.
    pub(crate) fn aspect(&self) -> f32 {
        let [width, height] = self.size();
        width as f32 / height as f32
    }

    /// Whether the picture is of what there is.
    pub(crate) fn is_current(&self) -> bool {
        self.current
    }

    /// Whether the camera is being moved by what has no end of its own.
    pub(crate) fn is_edited(&self, time: f64) -> bool {
        self.nudged.is_some_and(|nudged| time - nudged < PAUSE)
    }

    /// The camera as it is shown, turntable included.
    pub(crate) fn shown_camera(&self, camera: &OrbitCamera) -> OrbitCamera {
        self.turntable.turned(camera)
    }
}

/// All the room that there is.
pub(crate) fn show(ui: &mut Ui, state: &mut State) {
    let (room, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    let (rect, size) = whole_pixels(ui, room);
    state.view3d.size = size;
    navigate::navigate(ui, &response, state);
    state.view3d.backgrounds.draw(ui, room, &state.document.look, &mut state.messages);
    show_plain(ui, state, rect, size);
}

/// The frame alone, drawn into `rect` with a pixel for each of the picture's `size`.
pub(crate) fn show_plain(ui: &mut Ui, state: &mut State, rect: Rect, size: [u32; 2]) {
    state.view3d.size = size;
    let camera = state.view3d.shown_camera(&state.document.camera).camera(size);
    let drawn = draw(ui, state, rect, camera);
    if let Err(error) = drawn {
        state.messages.fault(error.to_string(), "Make the window smaller, or open a smaller avatar.");
        // Trying again would not help.
        state.view3d.current = true;
    }
}

fn draw(ui: &mut Ui, state: &mut State, rect: Rect, camera: effigy_splat::Camera) -> Result<(), RenderError> {
    let (Some(loaded), Some(renderer)) = (state.scene.loaded(), state.graphics.renderer()) else {
        // The job that loads the avatar says when it is there; when there is none there is nothing to wait for.
        state.view3d.current = state.jobs.is_idle();
        return Ok(());
    };
    let wanted = Wanted { revision: state.scene.revision(), camera };
    let view = &mut state.view3d;
    if let Some(time) = view.pictures.render(&state.graphics, &renderer, &loaded.gpu, &wanted)? {
        view.recording += time;
        state.meter.recording.add(time);
    }
    view.pictures.paint(ui, rect);
    view.current = true;
    state.meter.seen();
    Ok(())
}

/// The pixels that lie within `room`, and how many they are.
fn whole_pixels(ui: &Ui, room: Rect) -> (Rect, [u32; 2]) {
    let scale = ui.pixels_per_point();
    let low = (room.min.to_vec2() * scale).round();
    let size = ((room.max.to_vec2() * scale).round() - low).max(vec2(1.0, 1.0));
    let rect = Rect::from_min_size(pos2(low.x, low.y) / scale, size / scale);
    (rect, [size.x as u32, size.y as u32])
}
