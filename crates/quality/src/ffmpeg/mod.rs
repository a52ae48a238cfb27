//! FFmpeg as a child process: it decodes what this crate does not, and has measures that no crate has.

mod child;
mod decoder;
mod judge;
mod probe;
mod program;

pub(crate) use decoder::Decoder;
pub(crate) use judge::Judge;
pub use probe::StreamRate;
#[cfg(test)]
pub(crate) use program::tests;
pub use program::{FFMPEG_VARIABLE, Ffmpeg, ffmpeg_program};
