//! Every command of the viewer: its name and its keys.

use egui::{Key, KeyboardShortcut, Modifiers};

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
