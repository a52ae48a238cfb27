//! Cameras to come back to.

use effigy_render::OrbitCamera;
use serde::{Deserialize, Serialize};

/// A camera with a name, to come back to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bookmark {
    pub(crate) name: String,
    pub(crate) camera: OrbitCamera,
}
