//! Why the viewer cannot start or go on. What goes wrong while it runs is shown in the window instead.

use effigy_render::RenderError;

/// Why the viewer cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewerError {
    /// No window can be opened, or the one there was is of no use any more.
    #[error("no window: {0}")]
    Window(String),
    /// The graphics device is missing, lost, or too small.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file that was asked for cannot be used, or a control that the avatar lacks.
    #[error("{0}")]
    Input(String),
    /// A file cannot be written.
    #[error("{path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}
