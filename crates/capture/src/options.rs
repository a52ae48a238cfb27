//! How a capture is read.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::limits::CaptureLimits;

/// Which axis of a capture's world points up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpAxis {
    /// +Y, as in glTF: the world is taken as it is. A capture with a rig is in the rig's world, so this is what it needs.
    #[default]
    Y,
    /// +Z, as in Blender and nerfstudio: turned by −90° about x.
    Z,
    /// −Y, as in OpenCV: turned by 180° about x.
    MinusY,
}

/// How a capture is to be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaptureOptions {
    /// The rig, in place of the one that the capture names.
    pub rig: Option<PathBuf>,
    /// Controls for frames that have none: a file of controls by timestep, or a track (see
    /// [`Capture::open`](crate::Capture::open)). A `controls.json` in the folder is found without this.
    pub controls: Option<PathBuf>,
    /// Which axis of the capture's world points up.
    pub up_axis: UpAxis,
    /// Upper bounds on what reading may take.
    pub limits: CaptureLimits,
}
