//! Sequences of PNG pictures.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use png::{ColorType, Decoder, Transformations};

use super::folder;
use super::frame_source::{FrameSource, SourceOptions};
use crate::error::QualityError;
use crate::picture::Picture;

/// Whether a name says so.
pub(super) fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("png"))
}

/// A folder's PNG pictures in the order of the numbers in their names, or one such picture. Hidden files are left out,
/// and numbers that are missing are told in a warning.
pub struct PngSequence {
    path: PathBuf,
    most_pixels: usize,
    files: std::vec::IntoIter<PathBuf>,
}

impl PngSequence {
    /// Finds the pictures.
    ///
    /// # Errors
    /// [`QualityError::Read`] for a folder that cannot be read, has none, or holds two sequences.
    pub fn open(path: &Path, options: &SourceOptions) -> Result<Self, QualityError> {
        let files = match path.is_dir() {
            true => folder::pictures(path, is_png)?,
            false => vec![path.to_owned()],
        };
        if files.is_empty() {
            return Err(QualityError::read(path, "has no PNG pictures"));
        }
        Ok(Self { path: path.to_owned(), most_pixels: options.most_pixels, files: files.into_iter() })
    }

    /// The next picture's width and height, and in `pixels` its colours as a renderer has them: red, green, blue and alpha
    /// from 0 to 1, premultiplied, with all bits of the file. `None` after the last.
    ///
    /// # Errors
    /// As [`FrameSource::next_frame`].
    pub fn read_into(&mut self, pixels: &mut Vec<[f32; 4]>) -> Result<Option<(usize, usize)>, QualityError> {
        let Some(file) = self.files.next() else { return Ok(None) };
        let decoded = Decoded::open(&file, self.most_pixels)?;
        decoded.fill(pixels);
        Ok(Some((decoded.width, decoded.height)))
    }
}

impl FrameSource for PngSequence {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn frames_per_second(&self) -> Option<f64> {
        None
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        self.files.next().map(|file| read(&file, self.most_pixels)).transpose()
    }
}

/// A picture as its file has it.
struct Decoded {
    width: usize,
    height: usize,
    /// Not indexed.
    color: ColorType,
    /// Samples of two bytes, the higher first.
    deep: bool,
    bytes: Vec<u8>,
}

impl Decoded {
    fn open(path: &Path, most_pixels: usize) -> Result<Self, QualityError> {
        let fault = |e: png::DecodingError| QualityError::read(path, e);
        let file = File::open(path).map_err(|e| QualityError::read(path, e))?;
        let mut decoder = Decoder::new(BufReader::new(file));
        decoder.set_transformations(Transformations::EXPAND);
        let mut reader = decoder.read_info().map_err(fault)?;
        let info = reader.info();
        let (width, height) = (info.width as usize, info.height as usize);
        let (color, depth) = reader.output_color_type();
        let size = reader
            .output_buffer_size()
            .filter(|_| width.checked_mul(height).is_some_and(|n| n <= most_pixels))
            .ok_or_else(|| QualityError::read(path, format!("a picture of {width}x{height} is too large")))?;
        if color == ColorType::Indexed {
            return Err(QualityError::read(path, "its palette is missing"));
        }
        let mut bytes = vec![0; size];
        reader.next_frame(&mut bytes).map_err(fault)?;
        Ok(Self { width, height, color, deep: depth == png::BitDepth::Sixteen, bytes })
    }

    /// 8-bit RGB: 16 bits are rounded to 8, transparent pixels are put over black.
    fn rgb(self, path: &Path) -> Result<Picture, QualityError> {
        let Self { width, height, color, deep, mut bytes } = self;
        if deep {
            let eight = |pair: &[u8]| {
                let value = u32::from(u16::from_be_bytes([pair[0], pair[1]]));
                ((value * 255 + 32_767) / 65_535) as u8
            };
            bytes = bytes.chunks_exact(2).map(eight).collect();
        }
        let over_black = |value: u8, alpha: u8| ((u32::from(value) * u32::from(alpha) + 127) / 255) as u8;
        let rgb = match color {
            ColorType::Rgb => bytes,
            ColorType::Rgba => {
                bytes.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]].map(|v| over_black(v, p[3]))).collect()
            }
            ColorType::Grayscale => bytes.iter().flat_map(|&v| [v; 3]).collect(),
            ColorType::GrayscaleAlpha => {
                bytes.chunks_exact(2).flat_map(|p| [over_black(p[0], p[1]); 3]).collect()
            }
            ColorType::Indexed => return Err(QualityError::read(path, "its palette is missing")),
        };
        Picture::new(width, height, rgb)
    }

    /// As a renderer has it: premultiplied.
    fn fill(&self, pixels: &mut Vec<[f32; 4]>) {
        let value = |sample: &[u8]| match *sample {
            [high, low] => f32::from(u16::from_be_bytes([high, low])) / 65_535.0,
            [byte] => f32::from(byte) / 255.0,
            _ => 0.0,
        };
        let bytes = if self.deep { 2 } else { 1 };
        let samples = self.color.samples();
        pixels.clear();
        pixels.extend(self.bytes.chunks_exact(samples * bytes).map(|pixel| {
            let mut at = [0.0; 4];
            for (at, sample) in at.iter_mut().zip(pixel.chunks_exact(bytes)) {
                *at = value(sample);
            }
            let [r, g, b, a] = match samples {
                1 => [at[0], at[0], at[0], 1.0],
                2 => [at[0], at[0], at[0], at[1]],
                3 => [at[0], at[1], at[2], 1.0],
                _ => at,
            };
            [r * a, g * a, b * a, a]
        }));
    }
}

/// Reads a picture as 8-bit RGB.
fn read(path: &Path, most_pixels: usize) -> Result<Picture, QualityError> {
    Decoded::open(path, most_pixels)?.rgb(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, color: ColorType, depth: png::BitDepth, bytes: &[u8]) {
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), 2, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    }

    #[test]
    fn reads_a_folder_in_the_order_of_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let eight = png::BitDepth::Eight;
        write(&at("f 10.png"), ColorType::Rgba, eight, &[10, 20, 200, 128, 9, 9, 9, 0]);
        write(&at("f 9.png"), ColorType::Rgb, eight, &[1, 2, 3, 4, 5, 6]);
        // 0x00ff is 255/65535 of white, 0.99 of an 8-bit step; 0xfeff is 253.99.
        write(&at("f 11.PNG"), ColorType::Grayscale, png::BitDepth::Sixteen, &[0, 255, 254, 255]);
        std::fs::write(at("notes.txt"), "x").unwrap();
        let mut frames = PngSequence::open(folder.path(), &SourceOptions::default()).unwrap();
        let mut next = || frames.next_frame().unwrap().map(|p| p.rgb().to_vec());
        assert_eq!(next().unwrap(), [1, 2, 3, 4, 5, 6]);
        // 128/255 of 10, 20 and 200: 5.02, 10.04, 100.4.
        assert_eq!(next().unwrap(), [5, 10, 100, 0, 0, 0]);
        assert_eq!(next().unwrap(), [1, 1, 1, 254, 254, 254]);
        assert_eq!(next(), None);
    }

    #[test]
    fn frames_keep_transparency_and_all_bits() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        write(&at("0.png"), ColorType::Rgba, png::BitDepth::Eight, &[255, 102, 0, 51, 9, 9, 9, 0]);
        write(&at("1.png"), ColorType::Grayscale, png::BitDepth::Sixteen, &[0, 255, 254, 255]);
        write(&at("2.png"), ColorType::GrayscaleAlpha, png::BitDepth::Eight, &[255, 51, 51, 255]);
        let mut frames = PngSequence::open(folder.path(), &SourceOptions::default()).unwrap();
        let mut pixels = Vec::new();
        let grey = |v: f32, a: f32| [v, v, v, a];
        let (dark, bright) = (255.0 / 65_535.0, 65_279.0 / 65_535.0);
        for expected in [
            // 51/255 is a fifth, of 1, 0.4 and 0.
            [[0.2, 0.08, 0.0, 0.2], [0.0; 4]],
            [grey(dark, 1.0), grey(bright, 1.0)],
            [grey(0.2, 0.2), grey(0.2, 1.0)],
        ] {
            assert_eq!(frames.read_into(&mut pixels).unwrap(), Some((2, 1)));
            let apart = pixels.iter().flatten().zip(expected.iter().flatten());
            assert!(apart.map(|(a, b)| (a - b).abs()).all(|d| d < 1e-6), "{pixels:?}");
        }
        assert_eq!(frames.read_into(&mut pixels).unwrap(), None);
    }

    #[test]
    fn faults_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let options = SourceOptions { most_pixels: 1, ..SourceOptions::default() };
        assert!(PngSequence::open(folder.path(), &options).is_err_and(|e| e.to_string().contains("no PNG")));
        let path = folder.path().join("a.png");
        write(&path, ColorType::Rgb, png::BitDepth::Eight, &[0; 6]);
        let fault = read(&path, 1).unwrap_err().to_string();
        assert!(fault.contains("a.png: a picture of 2x1 is too large"), "{fault}");
        std::fs::write(&path, b"not a picture").unwrap();
        assert!(read(&path, 9).unwrap_err().to_string().contains("a.png: "));
    }
}
