//! A small convolutional network before the encoder: it takes from a picture what an encoder would spend bits on and the
//! eye would not miss.
//!
//! The idea is Chadha and Andreopoulos', "Deep Perceptual Preprocessing for Video Coding", CVPR 2021. The network sees luma
//! in cells of 2 × 2 pixels, how much each cell is looked at, and the quantiser that the picture will meet; what it adds to
//! luma is small and bounded. Its weights come from `crates/train`.

mod filter;
mod gpu;
mod network;

pub use filter::{LearnedFilter, LearnedOptions};
pub use gpu::GpuLearnedFilter;
pub use network::{LearnedNetwork, NetworkError};
