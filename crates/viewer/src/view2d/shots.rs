//! The pictures of a capture, to compare an avatar with.

use std::sync::Arc;

use effigy_avatar::Avatar;
use effigy_rig::{Pose, Rig};
use effigy_splat::{Camera, Frame};

/// Reads a picture: premultiplied sRGB and alpha.
pub(crate) type Read = Arc<dyn Fn() -> Result<Frame, String> + Send + Sync>;
/// The pose of a rig in each picture.
pub(crate) type Poses = Arc<dyn Fn(&Rig) -> Result<Vec<Pose>, String> + Send + Sync>;

/// One picture of a capture.
#[derive(Clone)]
pub(crate) struct Shot {
    pub(crate) name: String,
    /// For people: which camera took it and what for.
    pub(crate) about: String,
    pub(crate) camera: Camera,
    pub(crate) read: Read,
}

/// The pictures of a capture, and the one that is shown.
pub(crate) struct Shots {
    /// Tells it from others.
    pub(super) id: u64,
    pub(crate) name: String,
    pub(crate) list: Vec<Shot>,
    pub(super) poses: Poses,
    /// Of the avatar that they were made for.
    pub(super) posed: Option<(Arc<Avatar>, Vec<Pose>)>,
    pub(crate) at: usize,
    /// The picture that was read last, and which it is.
    pub(super) picture: Option<(usize, Arc<Frame>)>,
    pub(super) reading: Option<usize>,
    /// Those that cannot be read.
    pub(super) broken: Vec<usize>,
}

impl Shots {
    /// `id` tells them from others.
    pub(crate) fn new(id: u64, name: String, list: Vec<Shot>, poses: Poses) -> Self {
        Self { id, name, list, poses, posed: None, at: 0, picture: None, reading: None, broken: Vec::new() }
    }

    /// The one that is shown.
    pub(crate) fn shot(&self) -> Option<&Shot> {
        self.list.get(self.at)
    }

    /// Goes so many pictures on, round from the last to the first.
    pub(crate) fn step(&mut self, by: i32) {
        let count = self.list.len().max(1) as i64;
        self.at = (self.at as i64 + i64::from(by)).rem_euclid(count) as usize;
    }
}
