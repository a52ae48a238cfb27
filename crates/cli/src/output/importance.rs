//! The importance of pixels beside the pictures: a Y4M file of luma alone, or a folder of grey PNGs; 255 is 1.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use effigy_video::encoder::EncoderConfig;
use tempfile::TempPath;

use super::png::NumberedPngs;
use super::{Kind, new_file};
use crate::failure::bad_input;
use crate::framing::Size;

/// The file or folder being written.
pub(crate) struct ImportanceFile {
    size: Size,
    bytes: Vec<u8>,
    to: To,
}

enum To {
    Folder(NumberedPngs),
    Y4m { path: PathBuf, partial: TempPath, file: BufWriter<File> },
}

impl ImportanceFile {
    /// For pictures of `size`.
    pub(crate) fn create(path: &Path, size: Size, fps: f64) -> anyhow::Result<Self> {
        let to = match Kind::of(path) {
            Ok(Kind::Folder) => To::Folder(NumberedPngs::create(path)?),
            Ok(Kind::Y4m) => {
                let (file, partial) = new_file(path)?.into_parts();
                let mut file = BufWriter::new(file);
                let config = EncoderConfig { fps, ..EncoderConfig::new(size.width, size.height) };
                let (numerator, denominator) = config.frame_rate();
                writeln!(
                    file,
                    "YUV4MPEG2 W{} H{} F{numerator}:{denominator} Ip A1:1 Cmono XCOLORRANGE=FULL",
                    size.width, size.height
                )
                .with_context(|| path.display().to_string())?;
                To::Y4m { path: path.into(), partial, file }
            }
            _ => {
                return Err(bad_input(format!(
                    "{}: importance is written to a .y4m, or to a folder of pictures (no extension)",
                    path.display()
                )));
            }
        };
        Ok(Self { size, bytes: Vec::new(), to })
    }

    /// Adds a picture's, from 0 to 1.
    pub(crate) fn write(&mut self, values: &[f32]) -> anyhow::Result<()> {
        let Size { width, height } = self.size;
        if values.len() as u64 != u64::from(width) * u64::from(height) {
            return Err(bad_input("the importance of pictures needs one size of them (--size)"));
        }
        self.bytes.clear();
        // The cast saturates and sends NaN to 0.
        self.bytes.extend(values.iter().map(|v| (v * 255.0 + 0.5) as u8));
        match &mut self.to {
            To::Folder(pictures) => pictures.add(|to| {
                let mut encoder = png::Encoder::new(to, width, height);
                encoder.set_color(png::ColorType::Grayscale);
                encoder.set_depth(png::BitDepth::Eight);
                let mut writer = encoder.write_header()?;
                writer.write_image_data(&self.bytes)?;
                Ok(writer.finish()?)
            }),
            To::Y4m { path, file, .. } => file
                .write_all(b"FRAME\n")
                .and_then(|()| file.write_all(&self.bytes))
                .with_context(|| path.display().to_string()),
        }
    }

    /// Puts it in its place.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        match self.to {
            To::Folder(pictures) => pictures.finish(),
            To::Y4m { path, partial, mut file } => {
                let name = || path.display().to_string();
                file.flush().with_context(name)?;
                partial.persist(&path).with_context(name)
            }
        }
    }
}
