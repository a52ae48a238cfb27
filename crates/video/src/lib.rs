//! From rendered frames to bits: planes, quality maps, encoders, containers, the parametric stream, and measures of
//! quality.
//!
//! **Planes**: a [`Converter`] makes what encoders read ([`PlaneFormat`], [`Alpha`], sizes in [`Shape`]) of a view's colour
//! on the GPU, as [`Planes`] defines it on the CPU; a [`Ring`] brings them back without anyone waiting.
//! **Encoders** behind one trait are in [`encoder`], what their packets are written to in [`container`].
//! **Streams** of controls instead of pictures are in [`stream`]. How good decoded pictures are is measured in [`quality`].

pub mod container;
mod convert;
pub mod encoder;
mod error;
mod format;
mod planes;
pub mod quality;
mod ring;
pub mod stream;

pub use convert::{Converter, PlanesBuffer};
pub use error::VideoError;
pub use format::{
    Alpha, Association, Component, Layout, Matrix, PlaneFormat, PlanesError, Range, Shape, Signal, Span,
};
pub use planes::{Picture, Planes, Rows};
pub use ring::{PlanesRef, Recorded, Ring, RingCounts, WhenFull};
