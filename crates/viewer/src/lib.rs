//! The desktop viewer: an avatar in 3D, its controls, and what the renderer does with it.
//!
//! [`Viewer`] is the whole application without a window: it takes what the user did and draws itself on a texture. Two
//! shells hold one: [`run`] opens a window, and [`Offscreen`] draws to a picture, for [`screenshot`]s and tests. What an
//! artist can do here is done by the crates below, which programs can call without a viewer.

mod action;
mod action_button;
mod beside;
mod bookmark;
mod clock;
mod command;
mod control_groups;
mod control_list;
mod curves;
mod dialog;
mod document;
mod error;
mod export;
mod expression;
mod graphics;
#[cfg(test)]
mod hands;
mod history;
mod inspector_tab;
mod job;
mod learn;
mod look;
mod message;
mod meter;
mod motion;
mod offscreen;
mod open;
mod options;
mod overrides;
mod paint;
mod panel;
mod panel_memory;
mod recorder;
mod recording;
mod saving;
mod scene;
mod settings;
mod state;
#[cfg(test)]
mod test_rig;
mod theme;
mod view2d;
mod view3d;
mod viewer;
mod window;

pub use error::ViewerError;
pub use offscreen::{Offscreen, Picture, screenshot};
pub use options::{Bundled, Centre, Dialogs, Options, Storage};
pub use viewer::{Frame, Viewer};
pub use window::run;
// Whoever drives a viewer must use the same version of egui; through here they cannot miss it.
pub use egui;
