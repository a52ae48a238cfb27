//! What the viewer's commands do. Menus, buttons and keys all go through here.

use crate::action::Action;
use crate::document::Document;
use crate::inspector_tab::Tab;
use crate::look::Shading;
use crate::options::Centre;
use crate::settings::MOST_BOOKMARKS;
use crate::state::State;
use crate::theme::ThemeChoice;
use crate::view2d::setup::Layer;
use crate::{export, open, recording, saving};

/// Whether an action is switched on, for those that are switched.
pub(crate) fn is_on(action: Action, state: &State) -> Option<bool> {
    let look = &state.document.look;
    Some(match action {
        Action::Play => state.scene.clock.playing,
        Action::Loop => state.scene.clock.looping,
        Action::Record => state.recorder.is_on(),
        Action::Mirror => state.settings.mirror,
        Action::Turntable => state.view3d.turntable.is_turning(),
        Action::Grid => look.grid,
        Action::Shadow => look.shadow,
        Action::Wireframe => look.wireframe,
        Action::Bones => look.bones,
        Action::Anchors => look.anchors,
        Action::EncodeLive => state.document.frame.live,
        Action::Show3d => state.centre == Centre::View3d,
        Action::Show2d => state.centre == Centre::View2d,
        Action::Controls => state.settings.show_controls,
        Action::Inspector => state.settings.show_inspector,
        Action::Timeline => state.settings.show_timeline,
        Action::HighContrast => state.settings.high_contrast,
        Action::Shortcuts => state.show_shortcuts,
        _ => return None,
    })
}

/// Whether an action can be performed now.
pub(crate) fn is_possible(action: Action, state: &State) -> bool {
    let loaded = state.scene.loaded().is_some();
    match action {
        Action::Undo => state.history.before().is_some() || state.document != *state.history.present(),
        Action::Redo => state.history.after().is_some(),
        Action::ResetControls => !state.document.controls.is_empty(),
        Action::FitFrame | Action::ActualPixels | Action::NextLayer => state.centre == Centre::View2d,
        Action::NextPicture | Action::PreviousPicture => state.view2d.shots.is_some(),
        Action::AddBookmark => state.document.bookmarks.len() < MOST_BOOKMARKS,
        Action::NextBookmark => !state.document.bookmarks.is_empty(),
        Action::Play
        | Action::ToStart
        | Action::ToEnd
        | Action::PreviousFrame
        | Action::NextFrame
        | Action::SetIn
        | Action::SetOut
        | Action::SaveTrack => state.scene.motion.duration() > 0.0,
        Action::ClearRange => state.scene.clock.range.is_some(),
        Action::Record | Action::OpenTrack | Action::LoadExpression | Action::SaveExpression => {
            state.scene.rig().is_some()
        }
        Action::FrameFocus
        | Action::FrameHead
        | Action::FrameFace
        | Action::FrameWhole
        | Action::ExportCamera
        | Action::SavePicture
        | Action::ExportVideo
        | Action::ExportAvatar => loaded,
        Action::Wireframe | Action::Bones | Action::Anchors => {
            state.scene.loaded().is_some_and(|loaded| loaded.avatar.body.is_some())
        }
        _ => true,
    }
}

/// What an action would do, where that is not always the same.
pub(crate) fn label(action: Action, state: &State) -> String {
    let step = |other: Option<&Document>, present| {
        other.map_or(String::new(), |other| format!(": {}", other.difference(present)))
    };
    let present = state.history.present();
    match action {
        Action::Undo if state.document != *present => {
            format!("Undo: {}", state.document.difference(present))
        }
        Action::Undo => format!("Undo{}", step(state.history.before(), present)),
        Action::Redo => format!("Redo{}", step(state.history.after(), present)),
        _ => action.name().to_owned(),
    }
}

/// Performs an action, if it is possible.
pub(crate) fn perform(action: Action, state: &mut State) {
    if !is_possible(action, state) {
        return;
    }
    match action {
        Action::New => open::afresh(state),
        Action::Open => open::ask(state),
        Action::OpenBundled => open::bundled(state),
        Action::OpenTrack => open::ask_for_track(state),
        Action::SaveTrack => saving::ask_where_to_save_track(state),
        Action::ImportCamera => open::ask_for_camera(state),
        Action::ExportCamera => open::ask_where_to_export_camera(state),
        Action::Export => {
            state.settings.show_inspector = true;
            state.inspector = Tab::Export;
        }
        Action::SavePicture => export::picture(state),
        Action::ExportVideo => export::video(state),
        Action::ExportAvatar => export::avatar(state),
        Action::Train => {
            state.settings.show_inspector = true;
            state.inspector = Tab::Train;
        }
        Action::Quit => state.quit = true,
        Action::Undo => {
            state.recorder = Default::default();
            state.history.undo(&mut state.document);
            state.restore_motion();
        }
        Action::Redo => {
            state.history.redo(&mut state.document);
            state.restore_motion();
        }
        Action::ResetControls => state.document.controls = Default::default(),
        Action::Mirror => toggle(&mut state.settings.mirror),
        Action::LoadExpression => saving::ask_for_expression(state),
        Action::SaveExpression => saving::ask_where_to_save_expression(state),
        Action::Play => state.scene.clock.toggle(state.scene.motion.duration()),
        Action::ToStart => state.scene.clock.time = state.scene.clock.span(state.scene.motion.duration())[0],
        Action::ToEnd => state.scene.clock.time = state.scene.clock.span(state.scene.motion.duration())[1],
        Action::PreviousFrame | Action::NextFrame => {
            let frames = if action == Action::NextFrame { 1 } else { -1 };
            state.scene.clock.playing = false;
            state.scene.clock.time = state.scene.motion.stepped(state.scene.clock.time, frames);
        }
        Action::Loop => toggle(&mut state.scene.clock.looping),
        Action::SetIn => state.scene.clock.set_in(state.scene.clock.time, state.scene.motion.duration()),
        Action::SetOut => state.scene.clock.set_out(state.scene.clock.time, state.scene.motion.duration()),
        Action::ClearRange => state.scene.clock.range = None,
        Action::Record => recording::toggle(state),
        Action::FrameFocus | Action::FrameWhole => state.frame(|extents| extents.whole),
        Action::FrameHead => state.frame(|extents| extents.head),
        Action::FrameFace => state.frame(|extents| extents.face),
        Action::ViewFront => state.look_from(0.0),
        Action::ViewRight => state.look_from(-std::f32::consts::FRAC_PI_2),
        Action::ViewLeft => state.look_from(std::f32::consts::FRAC_PI_2),
        Action::Turntable => {
            let camera = &mut state.document.camera;
            if state.view3d.turntable.toggle(camera) {
                // It has turned by itself: nothing to undo.
                state.history.adopt(&state.document);
            }
        }
        Action::AddBookmark => state.add_bookmark(),
        Action::NextBookmark => state.next_bookmark(),
        Action::Grid => toggle(&mut state.document.look.grid),
        Action::Shadow => toggle(&mut state.document.look.shadow),
        Action::Wireframe => toggle(&mut state.document.look.wireframe),
        Action::Bones => toggle(&mut state.document.look.bones),
        Action::Anchors => toggle(&mut state.document.look.anchors),
        Action::NextShading => {
            let shading = &mut state.document.look.shading;
            let at = Shading::ALL.iter().position(|other| other == shading).unwrap_or(0);
            *shading = Shading::ALL[(at + 1) % Shading::ALL.len()];
        }
        Action::FitFrame => state.view2d.fit(),
        Action::ActualPixels => state.view2d.actual(),
        Action::NextLayer => {
            let layer = &mut state.document.frame.layer;
            let at = Layer::ALL.iter().position(|other| other == layer).unwrap_or(0);
            *layer = Layer::ALL[(at + 1) % Layer::ALL.len()];
        }
        Action::NextPicture | Action::PreviousPicture => {
            if let Some(shots) = &mut state.view2d.shots {
                shots.step(if action == Action::NextPicture { 1 } else { -1 });
            }
        }
        Action::EncodeLive => toggle(&mut state.document.frame.live),
        Action::Show3d => {
            state.centre = Centre::View3d;
            if state.inspector == Tab::Frame {
                state.inspector = Tab::View;
            }
        }
        Action::Show2d => {
            state.centre = Centre::View2d;
            state.inspector = Tab::Frame;
        }
        Action::Controls => toggle(&mut state.settings.show_controls),
        Action::Inspector => toggle(&mut state.settings.show_inspector),
        Action::Timeline => toggle(&mut state.settings.show_timeline),
        Action::HighContrast => toggle(&mut state.settings.high_contrast),
        Action::NextTheme => {
            state.settings.theme = match state.settings.theme {
                ThemeChoice::Light => ThemeChoice::Dark,
                ThemeChoice::Dark | ThemeChoice::System => ThemeChoice::Light,
            }
        }
        Action::Performance => {
            state.settings.show_inspector = true;
            state.inspector = Tab::Performance;
        }
        Action::Shortcuts => toggle(&mut state.show_shortcuts),
    }
}

/// Performs what was asked for in this frame.
pub(crate) fn perform_asked(state: &mut State) {
    state.document.motion.clone_from(&state.scene.motion);
    for action in std::mem::take(&mut state.actions) {
        perform(action, state);
        state.document.motion.clone_from(&state.scene.motion);
    }
}

fn toggle(value: &mut bool) {
    *value = !*value;
}
