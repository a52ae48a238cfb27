//! What the 2D view keeps from frame to frame.

use std::time::Duration;

use egui::TextureHandle;

use super::grab::Grabber;
use super::live::Readings;
use super::probe::Probe;
use super::setup::Setup;
use super::shots::Shots;
use super::worker::{Scores, Shown, Worker};
use super::zoom::{Placing, Zoom};

/// What the 2D view keeps from frame to frame.
#[derive(Default)]
pub(crate) struct View2d {
    pub(super) grabber: Grabber,
    pub(super) worker: Option<Worker>,
    /// What the worker was told.
    pub(super) told: Option<Setup>,
    pub(super) shown: Option<Shown>,
    pub(super) readings: Option<(Readings, Scores)>,
    /// By stage.
    pub(super) textures: [Option<TextureHandle>; 4],
    pub(super) zoom: Zoom,
    /// What the wheel has turned and that was no step yet, points.
    pub(super) turned: f32,
    /// Of the room and of the frame, pixels.
    pub(super) view: [u32; 2],
    pub(super) frame: [u32; 2],
    /// The pictures of a capture that the avatar is compared with.
    pub(crate) shots: Option<Shots>,
    /// Counts captures.
    opened: u64,
    pub(super) pinned: Option<[u32; 2]>,
    pub(super) probe: Option<Probe>,
    /// Whether the next frame of the interface should come at once.
    pub(super) waiting: bool,
    pub(super) current: bool,
    /// Whether nothing is being judged, and the readings say so.
    pub(super) judged: bool,
    /// How long recording took in this frame of the interface.
    pub(crate) recording: Duration,
}

impl View2d {
    /// Whether all that was asked for is shown.
    pub(crate) fn is_current(&self) -> bool {
        self.current && self.judged
    }

    /// Whether the next frame of the interface should come at once.
    pub(crate) fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// What is known of the stream; nothing unless frames are encoded.
    pub(crate) fn readings(&self) -> Option<&(Readings, Scores)> {
        self.readings.as_ref()
    }

    /// What stands in the pixel under the pointer, or in the one that is pinned.
    pub(crate) fn probe(&self) -> Option<&Probe> {
        self.probe.as_ref()
    }

    /// PSNR against the ground truth, of colour and of luma; dB.
    pub(crate) fn truth_psnr(&self) -> Option<[f64; 2]> {
        self.shown.as_ref()?.analysis.truth_psnr
    }

    /// Compares the avatar with the pictures of a capture, made for the number that they are given.
    pub(crate) fn show_shots(&mut self, make: impl FnOnce(u64) -> Shots) {
        self.opened += 1;
        self.shots = Some(make(self.opened));
    }

    /// Shows all of the frame.
    pub(crate) fn fit(&mut self) {
        self.zoom.fit();
    }

    /// Shows each of the frame's pixels on one of the screen.
    pub(crate) fn actual(&mut self) {
        self.zoom.actual(self.view, self.frame);
    }

    /// Comes so many steps nearer.
    pub(crate) fn nearer(&mut self, steps: i32) {
        let middle = self.view.map(|side| 0.5 * side as f32);
        self.zoom.step(steps, middle, self.view, self.frame);
    }

    pub(super) fn placing(&self) -> Placing {
        self.zoom.placing(self.view, self.frame)
    }
}
