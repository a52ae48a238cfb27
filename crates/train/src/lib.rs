//! Training: from a capture (pictures, cameras, rig controls) to an avatar.
//!
//! A capture is opened and checked ([`effigy_capture`]), a [`Model`] starts from the rig's surface, a [`Trainer`] takes
//! steps, and [`run()`] keeps checkpoints, a log and a preview while it does.
//!
//! Tensors are Burn's. What Burn has no operation for, or none that is fast enough, is in [`ops`]: splatting, the
//! field's networks, reading feature planes, and the loss of a picture, each with its backward pass. All tensor work of
//! a run stays on the thread that calls it.

pub mod adam;
mod calibration;
mod checkpoint;
mod config;
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
mod trainer;
mod usage;
mod whole_file;

pub use checkpoint::Checkpoint;
pub use config::{FieldSettings, LossSettings, Preset, Rates, Relocation, TrainConfig};
pub use error::TrainError;
pub use gpu::{check, device};
pub use model::{Model, ModelBody, ModelField};
pub use run::{RunEnd, RunFolder, run};
pub use sampling::Sampler;
pub use trainer::{StepReport, Trainer};
