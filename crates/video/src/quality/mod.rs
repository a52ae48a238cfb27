//! Quality: how near a decoded sequence is to the one that was encoded, and for how many bits.

mod bd_rate;
mod compare;
mod error;
mod ffmpeg;
mod flip;
mod measure;
mod picture;
mod psnr;
mod rect;
mod region;
mod report;
#[cfg(test)]
mod sample;
mod score;
mod source;
mod ssim;
mod ssimulacra2;

pub use bd_rate::{BdRate, BdRateError, Interpolation, LEAST_POINTS, RatePoint, bd_rate};
pub use compare::{CompareOptions, compare};
pub use error::QualityError;
pub use ffmpeg::{FFMPEG_VARIABLE, Ffmpeg, StreamRate};
pub use measure::Measure;
pub use picture::{Mask, Picture};
pub use psnr::SquaredError;
pub use rect::Rect;
pub use region::{Extent, Gather, LEAST_FOUND, LEAST_SIDE, RectFinder, Region};
pub use report::{Delta, Labels, Report, Row};
pub use score::{Comparison, MeasureScores, RegionScores, Score};
pub use source::{
    FrameSource, Frames, H264Packets, Matrix, PngSequence, SourceOptions, Y4mReader, open_frames,
};
