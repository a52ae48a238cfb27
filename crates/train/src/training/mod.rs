//! All of this crate that needs Burn.

pub mod adam;
mod backdrop;
mod calibration;
mod checkpoint;
mod error;
mod gpu;
pub mod loss;
mod metrics;
mod model;
pub mod ops;
pub mod prefilter;
mod relocation;
mod run;
mod sampling;
mod start;
mod trainer;
mod usage;
mod verdict;
mod whole_file;

pub use checkpoint::Checkpoint;
pub use error::TrainError;
pub use gpu::{check, device};
pub use model::{Model, ModelBody, ModelField};
pub use run::{RunEnd, run};
pub use sampling::Sampler;
pub use trainer::{StepReport, Trainer};
pub use verdict::Verdict;
