//! From rendered frames to bits: planes, quality maps, encoders, containers, the parametric stream, and measures of
//! quality.

pub mod container;
pub mod encoder;
mod error;

pub use error::VideoError;
