//! The pictures beside a page.

use std::collections::HashMap;

/// The PNGs of one frame. Their names come from a number, never from the frame's name.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureFiles {
    pub(super) index: usize,
    pub(super) width: usize,
    pub(super) height: usize,
}

/// By split and name.
pub(super) type Pictures = HashMap<(String, String), PictureFiles>;

/// What the difference picture multiplies |ours - truth| by.
pub const DIFFERENCE_GAIN: f64 = 8.0;

/// Of each frame.
pub(super) const KINDS: [&str; 4] = ["truth", "ours", "difference", "flip"];

impl PictureFiles {
    pub(super) fn file(&self, kind: &str) -> String {
        format!("{:05}_{kind}.png", self.index)
    }
}

/// Whether a file is one that a report's folder of pictures holds.
pub(super) fn is_picture_file(name: &str) -> bool {
    let stem = name.strip_suffix(".png").and_then(|n| n.split_once('_'));
    stem.is_some_and(|(number, kind)| {
        number.len() >= 5 && number.bytes().all(|b| b.is_ascii_digit()) && KINDS.contains(&kind)
    })
}
