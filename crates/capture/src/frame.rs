//! One picture of a capture.

use std::collections::BTreeMap;
use std::path::PathBuf;

use effigy_splat::Camera;
use serde::{Deserialize, Serialize};

use crate::reading::Reading;

/// What a picture of a capture is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Trained on.
    Train,
    /// Judged: expressions that were trained on, seen from cameras that were not.
    NovelView,
    /// Judged: expressions that were not trained on.
    NovelExpression,
}

impl Split {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::NovelView, Self::NovelExpression];

    /// As capture files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::NovelView => "novel_view",
            Self::NovelExpression => "novel_expression",
        }
    }
}

impl std::fmt::Display for Split {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One picture of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureFrame {
    /// The picture's path as the capture writes it.
    pub name: String,
    /// Its file, to be read by [`Picture::of`](crate::Picture::of).
    pub picture: PathBuf,
    /// The file of a picture of the same shape whose brightness (or alpha, where that is not opaque throughout) is the
    /// coverage of the subject. Without it, the picture's own alpha is.
    pub mask: Option<PathBuf>,
    /// What it is for.
    pub split: Split,
    /// The camera that took it, in the capture's world turned so that +Y is up; lengths as in the capture. Where a lens
    /// bends lines, the pinhole camera that sees the straightened picture.
    pub camera: Camera,
    /// Index into [`Capture::camera_names`](crate::Capture::camera_names). Frames with the same index were taken by one
    /// physical camera, whose exposure and colours are the same in all of them.
    pub camera_id: usize,
    /// When it was taken, seconds.
    pub time: Option<f64>,
    /// Values of named controls. ARKit shapes have their camelCase name, whatever the file writes; a control that is
    /// not listed is 0.
    pub controls: BTreeMap<String, f32>,
    /// Rotations of named joints, xyzw.
    pub joints: BTreeMap<String, [f32; 4]>,
    /// How the picture's file becomes what the camera sees.
    pub(crate) reading: Reading,
}

impl CaptureFrame {
    /// The camera of this frame's picture after halving it `level` times (see [`Picture::halved`](crate::Picture::halved)).
    pub fn camera_at(&self, level: u32) -> Camera {
        let mut camera = self.camera;
        for _ in 0..level.min(u32::BITS) {
            if camera.width < 2 || camera.height < 2 {
                break;
            }
            camera.width /= 2;
            camera.height /= 2;
            camera.fx *= 0.5;
            camera.fy *= 0.5;
            camera.cx *= 0.5;
            camera.cy *= 0.5;
        }
        camera
    }
}
