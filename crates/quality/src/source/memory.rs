//! Pictures that are made as they are asked for.

use super::frame_source::FrameSource;
use crate::error::QualityError;
use crate::picture::Picture;

/// A sequence out of any iterator of pictures, such as a renderer's or a `Vec`'s.
#[derive(Clone, Debug)]
pub struct Frames<I> {
    name: String,
    frames_per_second: Option<f64>,
    pictures: I,
}

impl<I: Iterator<Item = Picture> + Send> Frames<I> {
    /// A sequence that reports call `name`.
    pub fn new(
        name: impl Into<String>,
        frames_per_second: Option<f64>,
        pictures: impl IntoIterator<IntoIter = I>,
    ) -> Self {
        Self { name: name.into(), frames_per_second, pictures: pictures.into_iter() }
    }
}

impl<I: Iterator<Item = Picture> + Send> FrameSource for Frames<I> {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn frames_per_second(&self) -> Option<f64> {
        self.frames_per_second
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        Ok(self.pictures.next())
    }
}
