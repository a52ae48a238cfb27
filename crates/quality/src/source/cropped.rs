//! What an encoder added at the edges, cut off again.

use super::frame_source::FrameSource;
use crate::error::QualityError;
use crate::picture::Picture;
use crate::rect::Rect;

/// A sequence of which only a part of every picture is seen.
pub struct Cropped {
    source: Box<dyn FrameSource>,
    rect: Rect,
}

impl Cropped {
    /// The part within `rect` of every picture of `source`.
    pub fn new(source: Box<dyn FrameSource>, rect: Rect) -> Self {
        Self { source, rect }
    }
}

impl FrameSource for Cropped {
    fn name(&self) -> String {
        self.source.name()
    }

    fn frames_per_second(&self) -> Option<f64> {
        self.source.frames_per_second()
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        let Some(picture) = self.source.next_frame()? else { return Ok(None) };
        let cropped = picture.cropped(self.rect);
        cropped.map(Some).map_err(|e| QualityError::read(self.source.name().as_ref(), e))
    }
}
