//! What an encoder added at the edges, cut off again.

use super::frame_source::FrameSource;
use crate::error::QualityError;
use crate::picture::Picture;
use crate::rect::Rect;

/// A sequence of which only the upper left of every picture is seen.
pub struct Cropped {
    source: Box<dyn FrameSource>,
    width: usize,
    height: usize,
}

impl Cropped {
    /// The first `width` columns of the first `height` rows of every picture of `source`, or as many as there are.
    pub fn new(source: Box<dyn FrameSource>, width: usize, height: usize) -> Self {
        Self { source, width, height }
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
        let (width, height) = (self.width.min(picture.width()), self.height.min(picture.height()));
        match (width, height) == (picture.width(), picture.height()) {
            true => Ok(Some(picture)),
            false => picture.cropped(Rect::whole(width, height)).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Frames;

    #[test]
    fn only_what_is_too_much_is_cut_off() {
        let pictures = [(2, 2), (3, 1)].map(|(width, height)| {
            Picture::new(width, height, (0..3 * (width * height) as u8).collect()).unwrap()
        });
        let mut cropped = Cropped::new(Box::new(Frames::new("a", None, pictures)), 2, 1);
        for _ in 0..2 {
            assert_eq!(*cropped.next_frame().unwrap().unwrap().rgb(), [0, 1, 2, 3, 4, 5]);
        }
        assert!(cropped.next_frame().unwrap().is_none());
    }
}
