//! The tabs of the panel on the right.

/// What the panel on the right shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    View,
    Camera,
    Frame,
    Export,
    Train,
    Performance,
}

impl Tab {
    pub(crate) const ALL: &[Self] =
        &[Self::View, Self::Camera, Self::Frame, Self::Export, Self::Train, Self::Performance];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::View => "View",
            Self::Camera => "Camera",
            Self::Frame => "Frame",
            Self::Export => "Export",
            Self::Train => "Train",
            // Short, so that all stand in a line.
            Self::Performance => "Speed",
        }
    }
}
