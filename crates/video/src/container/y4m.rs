//! YUV4MPEG2: planes as they are, for any program that reads video.

use std::io::Write;

use crate::VideoError;
use crate::encoder::{EncoderConfig, Layout, Picture, Planar};

/// Raw pictures with a line of text before each. Colour at half size is sited at the left; the range is told by
/// `XCOLORRANGE`, the matrix cannot be.
pub struct Y4m<W: Write> {
    writer: W,
    config: EncoderConfig,
    planar: Planar,
    frames: u64,
}

impl<W: Write> Y4m<W> {
    /// A stream of `config`'s size, frame rate, layout and colour. Layouts with interleaved planes are written with
    /// separate ones.
    ///
    /// # Errors
    /// [`VideoError::Settings`].
    pub fn new(writer: W, config: &EncoderConfig) -> Result<Self, VideoError> {
        config.validate()?;
        Ok(Self { writer, config: config.clone(), planar: Planar::default(), frames: 0 })
    }

    /// # Errors
    /// [`VideoError::Size`], [`VideoError::Picture`], [`VideoError::Io`].
    pub fn write(&mut self, picture: &Picture<'_>) -> Result<(), VideoError> {
        let (expected, found) = ((self.config.width, self.config.height), (picture.width, picture.height));
        if expected != found {
            return Err(VideoError::Size { frame: self.frames, expected, found });
        }
        if picture.layout != self.config.layout || picture.color != self.config.color {
            return Err(VideoError::Picture(format!(
                "picture {} is {:?}, {:?} and the stream {:?}, {:?}",
                self.frames, picture.layout, picture.color, self.config.layout, self.config.color
            )));
        }
        picture.validate()?;
        if self.frames == 0 {
            let (numerator, denominator) = self.config.frame_rate();
            let (space, name) = match self.config.layout.planar() {
                Layout::I444 => ("444", "444"),
                Layout::I444P10 => ("444p10", "444P10"),
                Layout::I420P10 => ("420p10", "420P10"),
                _ => ("420mpeg2", "420MPEG2"),
            };
            let range = if self.config.color.full_range { "FULL" } else { "LIMITED" };
            writeln!(
                self.writer,
                "YUV4MPEG2 W{} H{} F{numerator}:{denominator} Ip A1:1 C{space} XYSCSS={name} XCOLORRANGE={range}",
                self.config.width, self.config.height
            )?;
        }
        self.planar.load(picture, 1);
        self.writer.write_all(b"FRAME\n")?;
        for plane in &self.planar.planes {
            self.writer.write_all(plane)?;
        }
        self.frames += 1;
        Ok(())
    }

    /// Flushes, and gives back what was written to.
    ///
    /// # Errors
    /// [`VideoError::NoPictures`], [`VideoError::Io`].
    pub fn finish(mut self) -> Result<W, VideoError> {
        if self.frames == 0 {
            return Err(VideoError::NoPictures);
        }
        self.writer.flush()?;
        Ok(self.writer)
    }
}
