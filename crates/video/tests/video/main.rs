//! What encoders and containers write, read back by FFmpeg, which is none of ours. Without FFmpeg only the faults are
//! tested.

mod clip;
mod containers;
mod encoders;
mod faults;
mod ffmpeg;
mod quality;
