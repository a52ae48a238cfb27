//! The parametric stream: when the receiver can render the same avatar, only what moves it travels.
//!
//! A [`StreamEncoder`] turns [`StreamFrame`]s (controls, rotations, placement, camera) into packets of several frames
//! each, a [`StreamDecoder`] turns packets into frames, whatever was lost on the way: every access point starts afresh. A
//! [`StreamPlayer`] poses the receiver's avatar by them.
//! Errors are those of the picture: [`Sensitivity`] measures with the avatar's renderer what each channel does to it,
//! from which the quantiser's steps follow, and [`ErrorControl`] holds the rendered error or the rate at a target.
//! `SPECIFICATION.md` of this crate describes the format.

mod checksum;
mod configuration;
mod control;
mod decoder;
mod encoder;
mod error;
mod file;
mod layout;
mod limits;
mod model;
mod player;
mod quantiser;
mod range_coder;
mod sensitivity;
mod state;
mod take;
#[cfg(test)]
mod tests;
mod trained;
mod transform;

pub use configuration::{
    Configuration, MAX_CHANNEL_STEP, MAX_QUALITY, MAX_STEP, Parent, REFERENCE_QUALITY, STREAM_VERSION, step,
};
pub use control::{ErrorControl, RateControl, find_quality, rendered_psnr};
pub use decoder::{Received, StreamDecoder, StreamStatistics};
pub use encoder::{EncoderOptions, PacketReport, StreamEncoder};
pub use error::StreamError;
pub use file::StreamFile;
pub use layout::{Bounds, Control, Layout, Placement, StreamCamera, StreamFrame};
pub use limits::StreamLimits;
pub use player::StreamPlayer;
pub use sensitivity::{Sensitivity, StreamRenderer};
pub use take::{resample, stream_frames, track_of};
pub use transform::MAX_FRAMES;
