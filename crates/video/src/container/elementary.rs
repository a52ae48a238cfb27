//! The bare stream: what `ffmpeg -` and the like read from a pipe.

use std::io::Write;

use super::Container;
use crate::VideoError;
use crate::encoder::{Codec, EncoderConfig, Packet};

/// H.264 and H.265 in Annex B form, AV1 in IVF. Flushed after every packet.
pub struct Elementary<W: Write + Send> {
    writer: W,
    config: EncoderConfig,
    started: bool,
}

impl<W: Write + Send> Elementary<W> {
    /// A stream of what an encoder opened with `config` makes.
    pub fn new(writer: W, config: &EncoderConfig) -> Self {
        Self { writer, config: config.clone(), started: false }
    }

    /// What was written to.
    pub fn into_writer(self) -> W {
        self.writer
    }
}

impl<W: Write + Send> Container for Elementary<W> {
    fn write(&mut self, packet: &Packet) -> Result<(), VideoError> {
        if self.config.codec == Codec::Av1 {
            if !self.started {
                let (numerator, denominator) = self.config.frame_rate();
                let mut header = b"DKIF\0\0\x20\0AV01".to_vec();
                header.extend((self.config.width as u16).to_le_bytes());
                header.extend((self.config.height as u16).to_le_bytes());
                header.extend(numerator.to_le_bytes());
                header.extend(denominator.to_le_bytes());
                // The number of pictures, unknown, and a reserved word.
                header.extend([0; 8]);
                self.writer.write_all(&header)?;
            }
            // A temporal delimiter before each unit, which packets come without.
            self.writer.write_all(&(packet.data.len() as u32 + 2).to_le_bytes())?;
            self.writer.write_all(&packet.pts.to_le_bytes())?;
            self.writer.write_all(&[0x12, 0])?;
        }
        self.started = true;
        self.writer.write_all(&packet.data)?;
        self.writer.flush()?;
        Ok(())
    }

    fn finish(&mut self) -> Result<(), VideoError> {
        if !self.started {
            return Err(VideoError::NoPictures);
        }
        self.writer.flush()?;
        Ok(())
    }
}
