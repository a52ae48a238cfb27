//! Training of the filter that stands before a video encoder: a small convolutional network that is taught, through a
//! differentiable stand-in for the encoder, to leave out what costs bits and is not missed.
//!
//! The idea is Chadha and Andreopoulos', "Deep Perceptual Preprocessing for Video Coding", CVPR 2021. [`Clip`]s of rendered
//! frames are cut into [`Lesson`]s: two consecutive frames of a small area, how the second moves against the first, and how
//! much is looked at each pixel. [`Network`] filters both, [`Codec`] codes the first alone and the second as a difference from
//! it, and [`Perception`] says how far what is decoded is from what was rendered. What is minimised is that distance plus the
//! bits at the price at which the stand-in itself buys quality at this quantiser. `effigy-video` runs the network.

mod clip;
mod codec;
mod lesson;
mod motion;
mod network;
mod perception;
mod trainer;

pub use clip::Clip;
pub use codec::{Codec, Coded, MovedFrom, Prediction, Transform, quantiser_step};
pub use lesson::{Lesson, LessonBatch, Lessons};
pub use motion::{Motion, search};
pub use network::Network;
pub use perception::Perception;
pub use trainer::{PrefilterSettings, PrefilterStep, PrefilterTrainer, Prices};
