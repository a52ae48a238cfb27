//! A capture as it was read.

use std::path::{Path, PathBuf};

use glam::Vec3;

use crate::frame::{CaptureFrame, Split};
use crate::limits::CaptureLimits;
use crate::problem::Problem;

/// A point of the subject that came with the capture, to start Gaussians from where there is no rig.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InitialPoint {
    /// In the world of the cameras.
    pub position: Vec3,
    /// sRGB.
    pub color: [u8; 3],
}

/// A capture, with its pictures still on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// The folder that it is in.
    pub folder: PathBuf,
    /// The rig, if the capture or the caller names one; a static subject needs none.
    pub rig: Option<PathBuf>,
    /// One name for each camera id; `camera` where the capture gives none.
    pub camera_names: Vec<String>,
    /// Its pictures: those that can be used.
    pub frames: Vec<CaptureFrame>,
    /// Points of the subject: COLMAP's, or those of nerfstudio's `ply_file_path`.
    pub points: Vec<InitialPoint>,
    pub(crate) limits: CaptureLimits,
    /// What was found wrong while reading, which did not stand in the way of reading on.
    pub(crate) problems: Vec<Problem>,
}

impl Capture {
    /// One without pictures.
    pub(crate) fn new(folder: &Path, limits: &CaptureLimits) -> Self {
        Self {
            folder: folder.to_owned(),
            rig: None,
            camera_names: Vec::new(),
            frames: Vec::new(),
            points: Vec::new(),
            limits: limits.clone(),
            problems: Vec::new(),
        }
    }

    /// The frames of one split, with their indices.
    pub fn split(&self, split: Split) -> impl Iterator<Item = (usize, &CaptureFrame)> {
        self.frames.iter().enumerate().filter(move |(_, frame)| frame.split == split)
    }

    /// What reading the capture found wrong, frames that are left out first of all; part of what
    /// [`check`](Self::check) lists.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}
