//! What encoders and containers write, read back by FFmpeg, which is none of ours. Without FFmpeg only the faults are
//! tested.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod clip;
mod containers;
mod encoders;
mod faults;
mod ffmpeg;
mod odd;
mod quality;
mod sound;
