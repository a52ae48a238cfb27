//! Training: from a capture (pictures, cameras, rig controls) to an avatar.
//!
//! A capture is opened and checked ([`effigy_capture`]), a [`Model`] starts from the rig's surface, a [`Trainer`] takes
//! steps, and [`run()`] keeps checkpoints, a log and a preview while it does.
//!
//! Tensors are Burn's. What Burn has no operation for, or none that is fast enough, is in [`ops`]: splatting, the
//! field's networks, reading feature planes, and the loss of a picture, each with its backward pass. All tensor work of
//! a run stays on the thread that calls it.
//!
//! Burn takes long to build. Without the feature `burn`, which is on by default, there is what a program needs that has
//! another one train: [`TrainConfig`], [`RunFolder`] and [`session`].

#[cfg(feature = "burn")]
pub mod adam;
#[cfg(feature = "burn")]
mod backdrop;
#[cfg(feature = "burn")]
mod calibration;
#[cfg(feature = "burn")]
mod checkpoint;
mod config;
#[cfg(feature = "burn")]
mod error;
#[cfg(feature = "burn")]
mod gpu;
#[cfg(feature = "burn")]
pub mod loss;
#[cfg(feature = "burn")]
mod metrics;
#[cfg(feature = "burn")]
mod model;
#[cfg(feature = "burn")]
pub mod ops;
#[cfg(feature = "burn")]
pub mod prefilter;
#[cfg(feature = "burn")]
mod relocation;
#[cfg(feature = "burn")]
mod run;
mod run_folder;
#[cfg(feature = "burn")]
mod sampling;
pub mod session;
#[cfg(feature = "burn")]
mod start;
#[cfg(feature = "burn")]
mod trainer;
#[cfg(feature = "burn")]
mod usage;
#[cfg(feature = "burn")]
mod verdict;
#[cfg(feature = "burn")]
mod whole_file;

#[cfg(feature = "burn")]
pub use checkpoint::Checkpoint;
pub use config::{FieldSettings, Growth, LossSettings, Preset, Rates, Relocation, TrainConfig};
#[cfg(feature = "burn")]
pub use error::TrainError;
#[cfg(feature = "burn")]
pub use gpu::{check, device};
#[cfg(feature = "burn")]
pub use model::{Model, ModelBody, ModelField};
#[cfg(feature = "burn")]
pub use run::{RunEnd, run};
pub use run_folder::RunFolder;
#[cfg(feature = "burn")]
pub use sampling::Sampler;
#[cfg(feature = "burn")]
pub use trainer::{StepReport, Trainer};
#[cfg(feature = "burn")]
pub use verdict::Verdict;
