//! Judging: how near a rendered picture is to the true one.
//!
//! Pictures are opaque display-referred sRGB in 0..=1, row-major from the top left; whoever has premultiplied pictures
//! puts both over the same background first. [`compare`] takes one pair and gives every metric over every [`Area`];
//! [`Report`] gathers frames into means, a table and JSON; [`HtmlReport`] shows the pictures; [`FlickerMeter`] takes
//! a sequence. What each metric is, and its unit, is told by [`Metric`] and the functions themselves.

mod area;
mod error;
mod flicker;
mod flip;
mod html;
mod laplacian;
mod page;
mod picture;
mod psnr;
mod report;
mod scores;
mod ssim;
mod table;
mod whole_files;

pub use area::Area;
pub use error::JudgeError;
pub use flicker::{FlickerMeter, SequenceFlicker};
pub use flip::flip_map;
pub use html::{DIFFERENCE_GAIN, HtmlReport};
pub use laplacian::LaplacianBands;
pub use picture::{Map, Pair, Picture};
pub use psnr::psnr;
pub use report::{MetricSpread, Report, Summary};
pub use scores::{AreaScores, Comparison, FrameScores, Metric, Scores, compare};
pub use ssim::{MS_SSIM_WEIGHTS, Structure};
