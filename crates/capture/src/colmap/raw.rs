//! What COLMAP's files hold, as far as captures need it.

use std::collections::BTreeMap;

use effigy_splat::transforms::Intrinsics;
use glam::{DQuat, DVec3};

use crate::lens::Lens;
use crate::models::Model;

/// Cameras by their numbers, or the name of the model that is not known.
pub(super) type Cameras = BTreeMap<u32, Result<RawCamera, String>>;

/// A camera.
pub(super) struct RawCamera {
    pub(super) model: &'static Model,
    pub(super) width: u64,
    pub(super) height: u64,
    /// As many as its model has.
    pub(super) parameters: Vec<f64>,
}

/// A picture.
pub(super) struct RawImage {
    pub(super) name: String,
    /// World to camera.
    pub(super) rotation: DQuat,
    pub(super) translation: DVec3,
    pub(super) camera: u32,
}

/// A triangulated point.
pub(super) struct RawPoint {
    pub(super) position: DVec3,
    pub(super) color: [u8; 3],
}

impl RawCamera {
    /// Intrinsics and lens; none of a camera whose pictures are not flat.
    pub(super) fn optics(&self) -> Option<(Intrinsics, Option<Lens>)> {
        let (focal, rest) = self.parameters.split_at_checked(self.model.focal_lengths)?;
        let (&fx, &fy) = (focal.first()?, focal.last()?);
        let &[cx, cy, ref of_lens @ ..] = rest else { return None };
        // Sizes that do not fit are far beyond what a camera may have.
        let size = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let intrinsics = Intrinsics { width: size(self.width), height: size(self.height), fx, fy, cx, cy };
        Some((intrinsics, (self.model.lens)(of_lens)))
    }
}
