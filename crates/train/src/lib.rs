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

mod config;
mod run_folder;
pub mod session;
#[cfg(feature = "burn")]
mod training;

pub use config::{FieldSettings, Growth, LossSettings, Preset, Rates, Relocation, TrainConfig};
pub use run_folder::RunFolder;
#[cfg(feature = "burn")]
pub use training::{
    Checkpoint, Model, ModelBody, ModelField, RunEnd, Sampler, StepReport, TrainError, Trainer, Verdict,
    adam, check, device, loss, ops, prefilter, run,
};
