//! Quality: how near pictures are to the true ones, and for how many bits.
//!
//! A [`Picture`] is opaque and display-referred. A [`Pair`] of them is measured by any [`Measure`], over a [`Mask`] if
//! there is one; what each is, and which paper defines it, is told there. [`compare()`] takes two sequences
//! ([`FrameSource`]) and measures every [`Region`] of them; [`Stills`] takes views of one subject, each weighing the
//! same; a [`FlickerMeter`] tells how an error changes from frame to frame. All of it goes into one [`Report`], which is
//! a table, JSON, and a page with curves ([`bd_rate()`]) or pictures ([`Gallery`]).
//!
//! Files are read by [`open_frames`]: PNG and Y4M here, all else by an [`Ffmpeg`], which also measures VMAF and XPSNR.

mod area;
mod bd_rate;
mod compare;
mod error;
mod ffmpeg;
mod flicker;
mod flip;
mod laplacian;
mod mask;
mod measure;
mod pair;
mod picture;
mod plane;
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
mod stills;
mod tally;
mod whole_files;

pub use area::Area;
pub use bd_rate::{BdRate, BdRateError, Interpolation, LEAST_POINTS, RatePoint, bd_rate};
pub use compare::{CompareOptions, compare};
pub use error::QualityError;
pub use ffmpeg::{FFMPEG_VARIABLE, Ffmpeg, StreamRate, ffmpeg_program};
pub use flicker::{FlickerMeter, SequenceFlicker};
pub use mask::Mask;
pub use measure::Measure;
pub use pair::Pair;
pub use picture::Picture;
pub use plane::Plane;
pub use psnr::SquaredError;
pub use rect::Rect;
pub use region::{Extent, Gather, LEAST_FOUND, LEAST_SIDE, RectFinder, Region};
pub use report::{DIFFERENCE_GAIN, Delta, Gallery, Labels, Report, Row};
pub use score::{Comparison, MeasureScores, RegionScores, Score};
pub use source::{
    CleanAperture, Codes, Cropped, FrameSource, Frames, Matrix, PngSequence, Sampling, SourceOptions,
    Y4mReader, clean_aperture, clean_aperture_of, open_frames,
};
pub use stills::Stills;
