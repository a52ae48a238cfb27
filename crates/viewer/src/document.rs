//! What undo goes back through: everything that the user sets about what is shown.

use crate::bookmark::Bookmark;
use crate::expression::Expression;
use crate::look::Look;
use crate::motion::Motion;
use crate::overrides::Overrides;
use crate::view2d::setup::Setup;
use effigy_render::OrbitCamera;

/// What undo goes back through. Panels change it as they like; [`crate::history::History`] sees what has changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    pub(crate) controls: Overrides,
    /// Of the user's own.
    pub(crate) expressions: Vec<Expression>,
    /// As the scene has it.
    pub(crate) motion: Motion,
    pub(crate) camera: OrbitCamera,
    pub(crate) bookmarks: Vec<Bookmark>,
    pub(crate) look: Look,
    /// Of the 2D view.
    pub(crate) frame: Setup,
}

impl Document {
    /// What is different in `other`, in a word for the menu.
    pub(crate) fn difference(&self, other: &Self) -> &'static str {
        if self.motion != other.motion {
            "Track"
        } else if self.expressions != other.expressions {
            "Expressions"
        } else if self.controls != other.controls {
            "Controls"
        } else if self.bookmarks != other.bookmarks {
            "Bookmarks"
        } else if self.look != other.look {
            "View"
        } else if self.frame != other.frame {
            "Frame"
        } else {
            "Camera"
        }
    }
}
