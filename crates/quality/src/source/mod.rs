//! Where sequences of pictures come from.

mod aperture;
mod cropped;
mod folder;
mod frame_source;
mod memory;
mod open;
mod png;
mod y4m;
mod ycbcr;

pub use aperture::{CleanAperture, clean_aperture, clean_aperture_of};
pub use cropped::Cropped;
pub use frame_source::{FrameSource, Matrix, SourceOptions};
pub use memory::Frames;
pub use open::open_frames;
pub use png::PngSequence;
pub use y4m::Y4mReader;
pub(crate) use y4m::Y4mStream;
pub use ycbcr::{Codes, Sampling};
