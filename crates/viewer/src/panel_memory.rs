//! What the panels keep from frame to frame.

use std::collections::BTreeSet;

use egui::TextureHandle;

use crate::control_groups::Group;
use crate::control_list::Entry;
use crate::curves::Curves;
use crate::expression::Expression;

/// What the panel of controls keeps.
#[derive(Default)]
pub(crate) struct ControlsPanel {
    /// What is searched for.
    pub(crate) filter: String,
    /// The control that was touched last: its curve stands out.
    pub(crate) selected: Option<String>,
    pub(crate) closed: BTreeSet<Group>,
    /// Of the avatar of so many before it.
    pub(crate) catalogue: (u64, Vec<Entry>),
    pub(crate) expressions: ExpressionsPanel,
}

/// What its part with presets and expressions keeps.
#[derive(Default)]
pub(crate) struct ExpressionsPanel {
    /// What the next one will be called.
    pub(crate) name: String,
    /// The presets that the avatar of so many before it has.
    pub(crate) presets: (u64, Vec<Preset>),
}

/// An expression that comes with the viewer.
pub(crate) struct Preset {
    pub(crate) expression: Expression,
    /// Of a mouth that speaks.
    pub(crate) viseme: bool,
}

/// What the timeline keeps.
#[derive(Default)]
pub(crate) struct TimelinePanel {
    pub(crate) curves: CurveArea,
}

/// The curves of the timeline, and the picture of them.
#[derive(Default)]
pub(crate) struct CurveArea {
    /// Of the avatar and the motion of these numbers.
    pub(crate) curves: Option<((u64, u64), Option<Curves>)>,
    pub(crate) picture: Option<(PictureKey, TextureHandle)>,
}

/// What a picture of the curves was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PictureKey {
    pub(crate) motion: (u64, u64),
    pub(crate) size: [usize; 2],
    pub(crate) dark: bool,
}
