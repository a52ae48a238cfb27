//! From rendered frames to bits: planes, quality maps, encoders, containers, the parametric stream, and measures of
//! quality.

pub mod quality;
pub mod stream;
