//! What the 3D view keeps from frame to frame.

use std::time::Duration;

use effigy_render::{OrbitCamera, PendingPick};
use effigy_splat::Camera;

use super::background::Backgrounds;
use super::ground::Ground;
use super::overlay::Overlays;
use super::pace::Pace;
use super::picture::Pictures;
use super::turntable::Turntable;
use super::variant::Variant;
use crate::look::Shading;

/// An edit by wheel or keys is over when nothing more has come for so many seconds.
const PAUSE: f64 = 0.4;

/// What the 3D view keeps from frame to frame.
#[derive(Default)]
pub(crate) struct View3d {
    pub(crate) turntable: Turntable,
    pub(super) pictures: Pictures,
    pub(super) backgrounds: Backgrounds,
    pub(super) ground: Option<Ground>,
    pub(super) overlays: Option<Overlays>,
    pub(super) variant: Option<Variant>,
    /// The shading whose Gaussians are being made.
    pub(super) preparing: Option<Shading>,
    pub(super) pace: Pace,
    /// What was shown in the last frame.
    pub(super) last: Option<(u64, OrbitCamera)>,
    pub(super) focus: Option<(PendingPick, Camera, [u32; 2])>,
    /// Of the picture, pixels.
    pub(super) size: [u32; 2],
    /// Whether the picture is of what there is.
    pub(super) current: bool,
    /// When the wheel or a key last moved the camera, seconds of the interface's time.
    pub(super) nudged: Option<f64>,
    /// How long recording took in this frame of the interface.
    pub(crate) recording: Duration,
    /// Whether the stages are to be measured with the next picture.
    pub(crate) measure: bool,
}

impl View3d {
    /// Width and height of the picture, pixels.
    pub(crate) fn size(&self) -> [u32; 2] {
        self.size.map(|side| side.max(1))
    }

    /// Another view draws the frame, of so many pixels.
    pub(crate) fn set_size(&mut self, size: [u32; 2]) {
        self.size = size;
    }

    /// The camera as it is shown, turntable included.
    pub(crate) fn shown_camera(&self, camera: &OrbitCamera) -> OrbitCamera {
        self.turntable.turned(camera)
    }

    /// Width over height.
    pub(crate) fn aspect(&self) -> f32 {
        let [width, height] = self.size();
        width as f32 / height as f32
    }

    /// Whether the picture is of what there is.
    pub(crate) fn is_current(&self) -> bool {
        self.current && self.focus.is_none()
    }

    /// Whether the camera is being moved by what has no end of its own.
    pub(crate) fn is_edited(&self, time: f64) -> bool {
        self.nudged.is_some_and(|nudged| time - nudged < PAUSE)
    }
}
