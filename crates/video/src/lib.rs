//! From rendered frames to bits: planes, quality maps, encoders, and containers.
//!
//! **Planes**: a [`Converter`] makes what encoders read ([`PlaneFormat`], [`Alpha`], sizes in [`Shape`]) of a view's colour
//! on the GPU, as [`Planes`] defines it on the CPU; a [`Ring`] brings them back without anyone waiting.
//! **Importance** of pixels, as the renderer's guide has it, becomes quantiser offsets ([`QualityMapper`]) for encoders that
//! take them, and drives a [`PreFilter`] for those that do not; a [`Preparation`] does either as it is told. Both are there
//! for the GPU too ([`GpuFocus`], [`GpuPreFilter`]). A [`LearnedFilter`] has been taught by a stand-in for an encoder what not
//! to leave in a picture ([`GpuLearnedFilter`] on the GPU).
//! **A renderer's output** in one piece, encoded beside it, is [`output::VideoOutput`]; a file of it is a [`DeviceVideoFile`]; frames
//! in memory, one after another, become a [`VideoFile`].
//! **Encoders** behind one trait are in [`encoder`], what their packets are written to in [`container`]; [`audio`] is sound
//! beside them.
//! What a receiver sees of packets and planes, to be measured by [`effigy_quality`], is in [`received`].

pub mod audio;
mod bindings;
pub mod container;
mod convert;
mod device_file;
pub mod encoder;
mod error;
mod file;
mod focus;
mod format;
mod gpu_focus;
mod gpu_prefilter;
mod learned;
mod memo;
pub mod output;
mod planes;
mod prefilter;
mod preparation;
mod quality_map;
pub mod received;
mod ring;

pub use convert::{Converter, PlanesBuffer};
pub use device_file::DeviceVideoFile;
pub use error::VideoError;
pub use file::{VideoFile, VideoFileOptions};
pub use focus::{Edges, Focus, FocusOptions, Importance};
pub use format::{
    Alpha, Association, Component, Layout, Matrix, PlaneFormat, PlanesError, Range, Shape, Signal, Span,
};
pub use gpu_focus::GpuFocus;
pub use gpu_prefilter::GpuPreFilter;
pub use learned::{GpuLearnedFilter, LearnedFilter, LearnedNetwork, LearnedOptions, NetworkError};
pub use planes::{Picture, Planes, Rows};
pub use prefilter::{FilterOptions, PreFilter, plain_blur};
pub use preparation::{Filtering, Preparation, PreparationOptions};
pub use quality_map::{MapOptions, OutsideOffset, QualityMapper};
pub use ring::{PlanesRef, Recorded, Ring, RingCounts, WhenFull};
