//! A trainer on a capture.

use std::path::Path;
use std::sync::Arc;

use effigy_capture::{Capture, CaptureOptions, PictureCache};
use effigy_rig::{LoadLimits, Rig};
use effigy_train::{Model, TrainConfig, Trainer};

/// A trainer on the capture in `folder`, on the CPU, of a model that `change` has changed.
pub(crate) fn trainer(folder: &Path, config: TrainConfig, change: &dyn Fn(&mut Model)) -> Trainer {
    let capture = Arc::new(Capture::open(folder, &CaptureOptions::default()).unwrap());
    let rig = capture.rig.as_ref().map(|rig| Rig::open(rig, &LoadLimits::default()).unwrap());
    let device = effigy_train::device("cpu").unwrap();
    let pictures = Arc::new(PictureCache::new(&capture, 64 << 20));
    let mut model = Model::start(&capture, &pictures, rig, &config, &device).unwrap();
    change(&mut model);
    Trainer::new(config, capture, pictures, model, &device).unwrap()
}
