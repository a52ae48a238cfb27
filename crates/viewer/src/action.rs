//! Every command of the viewer: its name, its keys, and what it does. Menus, buttons and keys all go through here.

use egui::{Key, KeyboardShortcut, Modifiers};

use crate::inspector_tab::Tab;
use crate::look::Shading;
use crate::options::Centre;
use crate::settings::MOST_BOOKMARKS;
use crate::state::State;
use crate::theme::ThemeChoice;
use crate::view2d::setup::Layer;
use crate::{export, open, recording, saving};

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    New,
    Open,
    OpenBundled,
    OpenTrack,
    SaveTrack,
    ImportCamera,
    ExportCamera,
    Export,
    SavePicture,
    ExportVideo,
    ExportAvatar,
    Train,
    Quit,
    Undo,
    Redo,
    ResetControls,
    Mirror,
    LoadExpression,
    SaveExpression,
    Play,
    ToStart,
    ToEnd,
    PreviousFrame,
    NextFrame,
    Loop,
    SetIn,
    SetOut,
    ClearRange,
    Record,
    FrameFocus,
    FrameHead,
    FrameFace,
    FrameWhole,
    ViewFront,
    ViewRight,
    ViewLeft,
    Turntable,
    AddBookmark,
    NextBookmark,
    Grid,
    Shadow,
    Wireframe,
    Bones,
    Anchors,
    NextShading,
    FitFrame,
    ActualPixels,
    NextLayer,
    EncodeLive,
    NextPicture,
    PreviousPicture,
    Show3d,
    Show2d,
    Controls,
    Inspector,
    Timeline,
    HighContrast,
    NextTheme,
    Performance,
    Shortcuts,
}

/// Where an action stands in menus and in the list of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Group {
    File,
    Edit,
    Play,
    Camera,
    View,
    Window,
    Help,
}

impl Group {
    pub(crate) const ALL: [Self; 7] =
        [Self::File, Self::Edit, Self::Play, Self::Camera, Self::View, Self::Window, Self::Help];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Play => "Play",
            Self::Camera => "Camera",
            Self::View => "View",
            Self::Window => "Window",
            Self::Help => "Help",
        }
    }
}

impl Action {
    /// Every one, in the order of the menus.
    pub(crate) const ALL: [Self; 60] = [
        Self::New,
        Self::Open,
        Self::OpenBundled,
        Self::OpenTrack,
        Self::SaveTrack,
        Self::ImportCamera,
        Self::ExportCamera,
        Self::Export,
        Self::SavePicture,
        Self::ExportVideo,
        Self::ExportAvatar,
        Self::Train,
        Self::Quit,
        Self::Undo,
        Self::Redo,
        Self::ResetControls,
        Self::Mirror,
        Self::LoadExpression,
        Self::SaveExpression,
        Self::Play,
        Self::ToStart,
        Self::ToEnd,
        Self::PreviousFrame,
        Self::NextFrame,
        Self::Loop,
        Self::SetIn,
        Self::SetOut,
        Self::ClearRange,
        Self::Record,
        Self::FrameFocus,
        Self::FrameHead,
        Self::FrameFace,
        Self::FrameWhole,
        Self::ViewFront,
        Self::ViewRight,
        Self::ViewLeft,
        Self::Turntable,
        Self::AddBookmark,
        Self::NextBookmark,
        Self::Grid,
        Self::Shadow,
        Self::Wireframe,
        Self::Bones,
        Self::Anchors,
        Self::NextShading,
        Self::FitFrame,
        Self::ActualPixels,
        Self::NextLayer,
        Self::EncodeLive,
        Self::NextPicture,
        Self::PreviousPicture,
        Self::Show3d,
        Self::Show2d,
        Self::Controls,
        Self::Inspector,
        Self::Timeline,
        Self::HighContrast,
        Self::NextTheme,
        Self::Performance,
        Self::Shortcuts,
    ];

    pub(crate) fn group(self) -> Group {
        match self {
            Self::New
            | Self::Open
            | Self::OpenBundled
            | Self::OpenTrack
            | Self::SaveTrack
            | Self::ImportCamera
            | Self::ExportCamera
            | Self::Export
            | Self::SavePicture
            | Self::ExportVideo
            | Self::ExportAvatar
            | Self::Quit => Group::File,
            Self::Train => Group::File,
            Self::Undo
            | Self::Redo
            | Self::ResetControls
            | Self::Mirror
            | Self::LoadExpression
            | Self::SaveExpression => Group::Edit,
            Self::Play
            | Self::ToStart
            | Self::ToEnd
            | Self::PreviousFrame
            | Self::NextFrame
            | Self::Loop
            | Self::SetIn
            | Self::SetOut
            | Self::ClearRange
            | Self::Record => Group::Play,
            Self::FrameFocus
            | Self::FrameHead
            | Self::FrameFace
            | Self::FrameWhole
            | Self::ViewFront
            | Self::ViewRight
            | Self::ViewLeft
            | Self::Turntable
            | Self::AddBookmark
            | Self::NextBookmark => Group::Camera,
            Self::Grid
            | Self::Shadow
            | Self::Wireframe
            | Self::Bones
            | Self::Anchors
            | Self::NextShading
            | Self::FitFrame
            | Self::ActualPixels
            | Self::NextLayer
            | Self::EncodeLive
            | Self::NextPicture
            | Self::PreviousPicture => Group::View,
            Self::Show3d
            | Self::Show2d
            | Self::Controls
            | Self::Inspector
            | Self::Timeline
            | Self::HighContrast
            | Self::NextTheme
            | Self::Performance => Group::Window,
            Self::Shortcuts => Group::Help,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Open => "Open…",
            Self::OpenBundled => "Open the bundled avatar",
            Self::ImportCamera => "Import camera…",
            Self::ExportCamera => "Export camera…",
            Self::Export => "Export…",
            Self::SavePicture => "Save a picture",
            Self::ExportVideo => "Export the video",
            Self::ExportAvatar => "Export the avatar",
            Self::Train => "Train an avatar…",
            Self::Quit => "Quit",
            Self::Undo => "Undo",
            Self::Redo => "Redo",
            Self::ResetControls => "Reset all controls",
            Self::Play => "Play or pause",
            Self::OpenTrack => "Open track…",
            Self::SaveTrack => "Save track…",
            Self::Mirror => "Edit both sides",
            Self::LoadExpression => "Load expression…",
            Self::SaveExpression => "Save expression…",
            Self::ToStart => "Go to the start",
            Self::ToEnd => "Go to the end",
            Self::PreviousFrame => "Previous frame",
            Self::NextFrame => "Next frame",
            Self::Loop => "Loop",
            Self::SetIn => "Play from here",
            Self::SetOut => "Play up to here",
            Self::ClearRange => "Play everything",
            Self::Record => "Record",
            Self::FrameFocus => "Frame all",
            Self::FrameHead => "Frame the head",
            Self::FrameFace => "Frame the face",
            Self::FrameWhole => "Frame the whole avatar",
            Self::ViewFront => "From the front",
            Self::ViewRight => "From the right",
            Self::ViewLeft => "From the left",
            Self::Turntable => "Turntable",
            Self::AddBookmark => "Bookmark this view",
            Self::NextBookmark => "Next bookmark",
            Self::Grid => "Grid",
            Self::Shadow => "Ground shadow",
            Self::Wireframe => "Mesh",
            Self::Bones => "Bones",
            Self::Anchors => "Anchors",
            Self::NextShading => "Next shading",
            Self::FitFrame => "Fit the frame",
            Self::ActualPixels => "Pixel for pixel",
            Self::NextLayer => "Next layer of the frame",
            Self::EncodeLive => "Encode live",
            Self::NextPicture => "Next picture of the capture",
            Self::PreviousPicture => "Previous picture of the capture",
            Self::Show3d => "3D view",
            Self::Show2d => "2D view",
            Self::Controls => "Controls",
            Self::Inspector => "Inspector",
            Self::Timeline => "Timeline",
            Self::HighContrast => "High contrast",
            Self::NextTheme => "Dark or light",
            Self::Performance => "Performance",
            Self::Shortcuts => "Keyboard shortcuts",
        }
    }

    /// The keys that perform it.
    pub(crate) fn shortcut(self) -> Option<KeyboardShortcut> {
        let (modifiers, key) = match self {
            Self::New => (Modifiers::COMMAND, Key::N),
            Self::Open => (Modifiers::COMMAND, Key::O),
            Self::Quit => (Modifiers::COMMAND, Key::Q),
            Self::Undo => (Modifiers::COMMAND, Key::Z),
            Self::Redo => (Modifiers::COMMAND | Modifiers::SHIFT, Key::Z),
            Self::ResetControls => (Modifiers::COMMAND, Key::Backspace),
            Self::Play => (Modifiers::NONE, Key::Space),
            Self::ToStart => (Modifiers::NONE, Key::Home),
            Self::ToEnd => (Modifiers::NONE, Key::End),
            Self::PreviousFrame => (Modifiers::NONE, Key::Comma),
            Self::NextFrame => (Modifiers::NONE, Key::Period),
            Self::Loop => (Modifiers::NONE, Key::L),
            Self::SetIn => (Modifiers::NONE, Key::I),
            Self::SetOut => (Modifiers::NONE, Key::O),
            Self::ClearRange => (Modifiers::NONE, Key::P),
            Self::Record => (Modifiers::NONE, Key::R),
            Self::Mirror => (Modifiers::NONE, Key::M),
            Self::OpenTrack => (Modifiers::COMMAND | Modifiers::SHIFT, Key::O),
            Self::SaveTrack => (Modifiers::COMMAND, Key::S),
            Self::SaveExpression => (Modifiers::COMMAND, Key::K),
            Self::LoadExpression => (Modifiers::COMMAND | Modifiers::SHIFT, Key::K),
            Self::FrameFocus => (Modifiers::NONE, Key::F),
            Self::FrameHead => (Modifiers::NONE, Key::Num1),
            Self::FrameFace => (Modifiers::NONE, Key::Num2),
            Self::FrameWhole => (Modifiers::NONE, Key::Num3),
            Self::ViewFront => (Modifiers::NONE, Key::Num4),
            Self::ViewRight => (Modifiers::NONE, Key::Num5),
            Self::ViewLeft => (Modifiers::NONE, Key::Num6),
            Self::Turntable => (Modifiers::NONE, Key::T),
            Self::AddBookmark => (Modifiers::COMMAND, Key::B),
            Self::NextBookmark => (Modifiers::NONE, Key::B),
            Self::Grid => (Modifiers::NONE, Key::G),
            Self::Shadow => (Modifiers::NONE, Key::H),
            Self::Wireframe => (Modifiers::SHIFT, Key::W),
            Self::Bones => (Modifiers::SHIFT, Key::B),
            Self::Anchors => (Modifiers::SHIFT, Key::A),
            Self::NextShading => (Modifiers::SHIFT, Key::S),
            Self::FitFrame => (Modifiers::NONE, Key::Num0),
            Self::ActualPixels => (Modifiers::NONE, Key::Num9),
            Self::NextLayer => (Modifiers::SHIFT, Key::L),
            Self::EncodeLive => (Modifiers::SHIFT, Key::E),
            Self::NextPicture => (Modifiers::NONE, Key::PageDown),
            Self::PreviousPicture => (Modifiers::NONE, Key::PageUp),
            Self::Show3d => (Modifiers::COMMAND, Key::Num1),
            Self::Show2d => (Modifiers::COMMAND, Key::Num2),
            Self::Controls => (Modifiers::NONE, Key::F2),
            Self::Inspector => (Modifiers::NONE, Key::F3),
            Self::Timeline => (Modifiers::NONE, Key::F4),
            Self::HighContrast => (Modifiers::NONE, Key::F6),
            Self::NextTheme => (Modifiers::NONE, Key::F5),
            Self::Performance => (Modifiers::NONE, Key::F12),
            Self::Shortcuts => (Modifiers::NONE, Key::F1),
            Self::Export => (Modifiers::COMMAND, Key::E),
            Self::SavePicture => (Modifiers::COMMAND, Key::P),
            Self::Train => return None,
            Self::OpenBundled
            | Self::ImportCamera
            | Self::ExportCamera
            | Self::ExportVideo
            | Self::ExportAvatar => return None,
        };
        Some(KeyboardShortcut::new(modifiers, key))
    }

    /// Whether it is switched on, for those that are switched.
    pub(crate) fn is_on(self, state: &State) -> Option<bool> {
        let look = &state.document.look;
        Some(match self {
            Self::Play => state.scene.clock.playing,
            Self::Loop => state.scene.clock.looping,
            Self::Record => state.recorder.is_on(),
            Self::Mirror => state.settings.mirror,
            Self::Turntable => state.view3d.turntable.is_turning(),
            Self::Grid => look.grid,
            Self::Shadow => look.shadow,
            Self::Wireframe => look.wireframe,
            Self::Bones => look.bones,
            Self::Anchors => look.anchors,
            Self::EncodeLive => state.document.frame.live,
            Self::Show3d => state.centre == Centre::View3d,
            Self::Show2d => state.centre == Centre::View2d,
            Self::Controls => state.settings.show_controls,
            Self::Inspector => state.settings.show_inspector,
            Self::Timeline => state.settings.show_timeline,
            Self::HighContrast => state.settings.high_contrast,
            Self::Shortcuts => state.show_shortcuts,
            _ => return None,
        })
    }

    /// Whether it can be performed now.
    pub(crate) fn is_possible(self, state: &State) -> bool {
        let loaded = state.scene.loaded().is_some();
        match self {
            Self::Undo => state.history.before().is_some() || state.document != *state.history.present(),
            Self::Redo => state.history.after().is_some(),
            Self::ResetControls => !state.document.controls.is_empty(),
            Self::FitFrame | Self::ActualPixels | Self::NextLayer => state.centre == Centre::View2d,
            Self::NextPicture | Self::PreviousPicture => state.view2d.shots.is_some(),
            Self::AddBookmark => state.document.bookmarks.len() < MOST_BOOKMARKS,
            Self::NextBookmark => !state.document.bookmarks.is_empty(),
            Self::Play
            | Self::ToStart
            | Self::ToEnd
            | Self::PreviousFrame
            | Self::NextFrame
            | Self::SetIn
            | Self::SetOut
            | Self::SaveTrack => state.scene.motion.duration() > 0.0,
            Self::ClearRange => state.scene.clock.range.is_some(),
            Self::Record | Self::OpenTrack | Self::LoadExpression | Self::SaveExpression => {
                state.scene.rig().is_some()
            }
            Self::FrameFocus
            | Self::FrameHead
            | Self::FrameFace
            | Self::FrameWhole
            | Self::ExportCamera
            | Self::SavePicture
            | Self::ExportVideo
            | Self::ExportAvatar => loaded,
            Self::Wireframe | Self::Bones | Self::Anchors => {
                state.scene.loaded().is_some_and(|loaded| loaded.avatar.body.is_some())
            }
            _ => true,
        }
    }

    /// What it would do, where that is not always the same.
    pub(crate) fn label(self, state: &State) -> String {
        let step = |other: Option<&crate::document::Document>, present| {
            other.map_or(String::new(), |other| format!(": {}", other.difference(present)))
        };
        let present = state.history.present();
        match self {
            Self::Undo if state.document != *present => {
                format!("Undo: {}", state.document.difference(present))
            }
            Self::Undo => format!("Undo{}", step(state.history.before(), present)),
            Self::Redo => format!("Redo{}", step(state.history.after(), present)),
            _ => self.name().to_owned(),
        }
    }

    /// Performs it.
    pub(crate) fn perform(self, state: &mut State) {
        if !self.is_possible(state) {
            return;
        }
        match self {
            Self::New => state.start_over(),
            Self::Open => open::ask(state),
            Self::OpenBundled => open::bundled(state),
            Self::OpenTrack => open::ask_for_track(state),
            Self::SaveTrack => saving::ask_where_to_save_track(state),
            Self::ImportCamera => open::ask_for_camera(state),
            Self::ExportCamera => open::ask_where_to_export_camera(state),
            Self::Export => {
                state.settings.show_inspector = true;
                state.inspector = Tab::Export;
            }
            Self::SavePicture => export::picture(state),
            Self::ExportVideo => export::video(state),
            Self::ExportAvatar => export::avatar(state),
            Self::Train => {
                state.settings.show_inspector = true;
                state.inspector = Tab::Train;
            }
            Self::Quit => state.quit = true,
            Self::Undo => {
                state.recorder = Default::default();
                state.history.undo(&mut state.document);
                state.restore_motion();
            }
            Self::Redo => {
                state.history.redo(&mut state.document);
                state.restore_motion();
            }
            Self::ResetControls => state.document.controls = Default::default(),
            Self::Mirror => toggle(&mut state.settings.mirror),
            Self::LoadExpression => saving::ask_for_expression(state),
            Self::SaveExpression => saving::ask_where_to_save_expression(state),
            Self::Play => state.scene.clock.toggle(state.scene.motion.duration()),
            Self::ToStart => {
                state.scene.clock.time = state.scene.clock.span(state.scene.motion.duration())[0]
            }
            Self::ToEnd => state.scene.clock.time = state.scene.clock.span(state.scene.motion.duration())[1],
            Self::PreviousFrame | Self::NextFrame => {
                let frames = if self == Self::NextFrame { 1 } else { -1 };
                state.scene.clock.playing = false;
                state.scene.clock.time = state.scene.motion.stepped(state.scene.clock.time, frames);
            }
            Self::Loop => toggle(&mut state.scene.clock.looping),
            Self::SetIn => state.scene.clock.set_in(state.scene.clock.time, state.scene.motion.duration()),
            Self::SetOut => state.scene.clock.set_out(state.scene.clock.time, state.scene.motion.duration()),
            Self::ClearRange => state.scene.clock.range = None,
            Self::Record => recording::toggle(state),
            Self::FrameFocus | Self::FrameWhole => state.frame(|extents| extents.whole),
            Self::FrameHead => state.frame(|extents| extents.head),
            Self::FrameFace => state.frame(|extents| extents.face),
            Self::ViewFront => state.look_from(0.0),
            Self::ViewRight => state.look_from(-std::f32::consts::FRAC_PI_2),
            Self::ViewLeft => state.look_from(std::f32::consts::FRAC_PI_2),
            Self::Turntable => {
                let camera = &mut state.document.camera;
                if state.view3d.turntable.toggle(camera) {
                    // It has turned by itself: nothing to undo.
                    state.history.adopt(&state.document);
                }
            }
            Self::AddBookmark => state.add_bookmark(),
            Self::NextBookmark => state.next_bookmark(),
            Self::Grid => toggle(&mut state.document.look.grid),
            Self::Shadow => toggle(&mut state.document.look.shadow),
            Self::Wireframe => toggle(&mut state.document.look.wireframe),
            Self::Bones => toggle(&mut state.document.look.bones),
            Self::Anchors => toggle(&mut state.document.look.anchors),
            Self::NextShading => {
                let shading = &mut state.document.look.shading;
                let at = Shading::ALL.iter().position(|other| other == shading).unwrap_or(0);
                *shading = Shading::ALL[(at + 1) % Shading::ALL.len()];
            }
            Self::FitFrame => state.view2d.fit(),
            Self::ActualPixels => state.view2d.actual(),
            Self::NextLayer => {
                let layer = &mut state.document.frame.layer;
                let at = Layer::ALL.iter().position(|other| other == layer).unwrap_or(0);
                *layer = Layer::ALL[(at + 1) % Layer::ALL.len()];
            }
            Self::NextPicture | Self::PreviousPicture => {
                if let Some(shots) = &mut state.view2d.shots {
                    shots.step(if self == Self::NextPicture { 1 } else { -1 });
                }
            }
            Self::EncodeLive => toggle(&mut state.document.frame.live),
            Self::Show3d => {
                state.centre = Centre::View3d;
                if state.inspector == Tab::Frame {
                    state.inspector = Tab::View;
                }
            }
            Self::Show2d => {
                state.centre = Centre::View2d;
                state.inspector = Tab::Frame;
            }
            Self::Controls => toggle(&mut state.settings.show_controls),
            Self::Inspector => toggle(&mut state.settings.show_inspector),
            Self::Timeline => toggle(&mut state.settings.show_timeline),
            Self::HighContrast => toggle(&mut state.settings.high_contrast),
            Self::NextTheme => {
                state.settings.theme = match state.settings.theme {
                    ThemeChoice::Light => ThemeChoice::Dark,
                    ThemeChoice::Dark | ThemeChoice::System => ThemeChoice::Light,
                }
            }
            Self::Performance => {
                state.settings.show_inspector = true;
                state.inspector = Tab::Performance;
            }
            Self::Shortcuts => toggle(&mut state.show_shortcuts),
        }
    }
}

fn toggle(value: &mut bool) {
    *value = !*value;
}

/// The actions whose keys were pressed. While text is typed, keys without a modifier are text.
pub(crate) fn pressed(context: &egui::Context) -> Vec<Action> {
    let typing = context.text_edit_focused();
    let mut keyed: Vec<(Action, KeyboardShortcut)> =
        Action::ALL.iter().filter_map(|&action| Some((action, action.shortcut()?))).collect();
    // Those with more modifiers first: Ctrl+Shift+Z would count as Ctrl+Z.
    keyed.sort_by_key(|(_, shortcut)| std::cmp::Reverse(modifiers(shortcut.modifiers)));
    context.input_mut(|input| {
        // The keys that fly while the right button is down are no commands.
        if input.pointer.secondary_down() {
            return Vec::new();
        }
        keyed
            .iter()
            .filter(|(_, shortcut)| !(typing && modifiers(shortcut.modifiers) == 0))
            .filter(|(_, shortcut)| !(typing && shortcut.modifiers == Modifiers::SHIFT))
            .filter(|(_, shortcut)| input.consume_shortcut(shortcut))
            .map(|&(action, _)| action)
            .collect()
    })
}

fn modifiers(modifiers: Modifiers) -> u32 {
    u32::from(modifiers.shift) + u32::from(modifiers.alt) + u32::from(modifiers.command || modifiers.ctrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_share_keys_or_a_name() {
        for (i, a) in Action::ALL.iter().enumerate() {
            for b in &Action::ALL[i + 1..] {
                assert!(a.name() != b.name(), "{a:?} {b:?}");
                assert!(a.shortcut().is_none() || a.shortcut() != b.shortcut(), "{a:?} {b:?}");
            }
            assert!(Group::ALL.contains(&a.group()));
        }
    }

    #[test]
    fn keys_with_more_modifiers_come_first() {
        let context = egui::Context::default();
        let press = |key, modifiers| {
            let event = egui::Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers };
            let events = vec![egui::Event::ModifiersChanged(modifiers), event];
            let input = egui::RawInput { events, ..Default::default() };
            let mut found = Vec::new();
            context.run_ui(input, |_| found = pressed(&context)).drop_without_applying_deltas();
            found
        };
        assert_eq!(press(Key::Z, Modifiers::COMMAND), [Action::Undo]);
        assert_eq!(press(Key::Z, Modifiers::COMMAND | Modifiers::SHIFT), [Action::Redo]);
        assert_eq!(press(Key::B, Modifiers::NONE), [Action::NextBookmark]);
        assert_eq!(press(Key::B, Modifiers::COMMAND), [Action::AddBookmark]);
        assert_eq!(press(Key::X, Modifiers::NONE), []);
    }
}
