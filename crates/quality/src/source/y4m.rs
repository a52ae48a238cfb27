//! Y4M.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::frame_source::{FrameSource, SourceOptions};
use super::ycbcr::{Conversion, Sampling, interpolated};
use crate::error::QualityError;
use crate::picture::Picture;

const MAGIC: &[u8] = b"YUV4MPEG2";
/// The longest header or frame line.
const LONGEST_LINE: u64 = 4096;

/// Reads a Y4M file as RGB: 4:2:0, 4:2:2, 4:4:4 or luma alone, of 8 to 16 bits, limited range unless
/// `XCOLORRANGE=FULL`. Chroma is interpolated with Keys' cubic kernel of a = -0.6 where its siting says.
pub struct Y4mReader {
    path: PathBuf,
    stream: Y4mStream,
}

/// Whether a file begins as Y4M does.
pub(super) fn is_y4m(path: &Path) -> Result<bool, QualityError> {
    let fault = |e: std::io::Error| QualityError::read(path, e);
    let mut start = Vec::new();
    File::open(path).map_err(fault)?.take(MAGIC.len() as u64).read_to_end(&mut start).map_err(fault)?;
    Ok(start == MAGIC)
}

impl Y4mReader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`QualityError::Read`] for what is not such a file within the limits.
    pub fn open(path: &Path, options: &SourceOptions) -> Result<Self, QualityError> {
        let file = File::open(path).map_err(|e| QualityError::read(path, e))?;
        Self::of_stream(path, Box::new(BufReader::with_capacity(1 << 16, file)), options)
    }

    /// Reads such a stream from anywhere, which errors call `name`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of_stream(
        name: impl Into<PathBuf>,
        input: Box<dyn BufRead + Send>,
        options: &SourceOptions,
    ) -> Result<Self, QualityError> {
        let path = name.into();
        let stream = Y4mStream::new(input, options).map_err(|e| QualityError::read(&path, e))?;
        Ok(Self { path, stream })
    }

    /// The next picture's width and height, and in `pixels` its colours, opaque and not rounded to 8 bits; `None` after the
    /// last.
    ///
    /// # Errors
    /// As [`FrameSource::next_frame`].
    pub fn read_into(&mut self, pixels: &mut Vec<[f32; 4]>) -> Result<Option<(usize, usize)>, QualityError> {
        self.stream.read_into(pixels).map_err(|e| QualityError::read(&self.path, e))
    }
}

impl FrameSource for Y4mReader {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn frames_per_second(&self) -> Option<f64> {
        self.stream.frames_per_second
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        self.stream.next().map_err(|e| QualityError::read(&self.path, e))
    }
}

/// A stream of Y4M from anywhere. Its faults are lines that do not name it.
pub(crate) struct Y4mStream {
    input: Box<dyn BufRead + Send>,
    width: usize,
    height: usize,
    frames_per_second: Option<f64>,
    /// Along x and y; `None` without chroma.
    sampling: Option<[Sampling; 2]>,
    /// Bits of a sample, 8 to 16.
    depth: u32,
    conversion: Conversion,
}

impl Y4mStream {
    /// Reads the header.
    pub(crate) fn new(mut input: Box<dyn BufRead + Send>, options: &SourceOptions) -> Result<Self, String> {
        let header = line(&mut *input).map_err(|e| e.to_string())?;
        if !header.starts_with(MAGIC) {
            return Err("is not Y4M".into());
        }
        let text = String::from_utf8_lossy(&header);
        let value = |tag: char| text.split_whitespace().skip(1).find_map(|word| word.strip_prefix(tag));
        let tag = value('C').unwrap_or("420jpeg");
        let (sampling, depth) =
            sampling_of(tag).ok_or_else(|| format!("has samples of an unknown kind C{tag}"))?;
        let side = |tag| value(tag).and_then(|v| v.parse::<usize>().ok()).filter(|&v| v > 0);
        let (Some(width), Some(height)) = (side('W'), side('H')) else {
            return Err("its header has no size".into());
        };
        if width.checked_mul(height).is_none_or(|n| n > options.most_pixels) {
            return Err(format!("frames of {width}x{height} are too large"));
        }
        let frames_per_second = value('F').and_then(|v| {
            let (numerator, denominator) = v.split_once(':')?;
            let rate = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
            (rate.is_finite() && rate > 0.0).then_some(rate)
        });
        let full_range = text.split_whitespace().any(|word| word == "XCOLORRANGE=FULL");
        let conversion = Conversion::new(options.matrix, full_range, depth);
        Ok(Self { input, width, height, frames_per_second, sampling, depth, conversion })
    }

    /// Takes subsampled chroma to lie on every second column, as H.264 and HEVC do where nothing is said.
    pub(crate) fn set_cosited(&mut self) {
        if let Some([across @ Sampling::Centred, _]) = &mut self.sampling {
            *across = Sampling::Cosited;
        }
    }

    /// The next picture, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Picture>, String> {
        let Some([luma, blue, red]) = self.next_planes()? else { return Ok(None) };
        let samples = luma.iter().zip(&blue).zip(&red);
        let rgb = samples.flat_map(|((&y, &b), &r)| self.conversion.rgb(y, b, r)).collect();
        Picture::new(self.width, self.height, rgb).map(Some).map_err(|e| e.to_string())
    }

    fn read_into(&mut self, pixels: &mut Vec<[f32; 4]>) -> Result<Option<(usize, usize)>, String> {
        let Some([luma, blue, red]) = self.next_planes()? else { return Ok(None) };
        pixels.clear();
        let samples = luma.iter().zip(&blue).zip(&red);
        pixels.extend(samples.map(|((&y, &b), &r)| {
            let [r, g, b] = self.conversion.levels(y, b, r).map(|level| level / 255.0);
            [r, g, b, 1.0]
        }));
        Ok(Some((self.width, self.height)))
    }

    /// Codes of luma, blue and red differences at every pixel of the next picture; `None` after the last.
    fn next_planes(&mut self) -> Result<Option<[Vec<f32>; 3]>, String> {
        let header = line(&mut *self.input).map_err(|e| e.to_string())?;
        if header.is_empty() {
            return Ok(None);
        }
        if !header.starts_with(b"FRAME") {
            return Err("is no Y4M between two frames".into());
        }
        let (width, height) = (self.width, self.height);
        let luma = self.plane(width * height)?;
        let [blue, red] = match self.sampling {
            None => [(); 2].map(|()| vec![self.conversion.grey(); width * height]),
            Some(sampling) => {
                let (w, h) = (sampling[0].samples(width), sampling[1].samples(height));
                let [blue, red] = [self.plane(w * h)?, self.plane(w * h)?];
                [blue, red].map(|plane| interpolated(&plane, w, sampling, (width, height)))
            }
        };
        Ok(Some([luma, blue, red]))
    }

    fn plane(&mut self, samples: usize) -> Result<Vec<f32>, String> {
        let mut bytes = vec![0; samples * if self.depth > 8 { 2 } else { 1 }];
        self.input.read_exact(&mut bytes).map_err(|_| "its last frame is cut off")?;
        Ok(match self.depth {
            ..=8 => bytes.iter().map(|&v| f32::from(v)).collect(),
            _ => bytes.chunks_exact(2).map(|v| f32::from(u16::from_le_bytes([v[0], v[1]]))).collect(),
        })
    }
}

/// A line without its end; empty at the end of the stream.
fn line(input: &mut (dyn BufRead + Send)) -> std::io::Result<Vec<u8>> {
    let mut line = Vec::new();
    input.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    Ok(line)
}

/// Along x and y (`None` for luma alone), and the bits of a sample.
fn sampling_of(tag: &str) -> Option<(Option<[Sampling; 2]>, u32)> {
    let digits = tag.trim_start_matches("mono").trim_start_matches(['4', '2', '0', 'p']);
    let chroma = |sampling| Some((Some(sampling), 8));
    match tag {
        "420jpeg" => return chroma([Sampling::Centred, Sampling::Centred]),
        "420" | "420mpeg2" => return chroma([Sampling::Cosited, Sampling::Centred]),
        "420paldv" => return chroma([Sampling::Cosited, Sampling::Cosited]),
        "422" => return chroma([Sampling::Cosited, Sampling::Full]),
        "444" => return chroma([Sampling::Full, Sampling::Full]),
        "mono" => return Some((None, 8)),
        _ => {}
    }
    let depth = digits.parse().ok().filter(|depth| (9..=16).contains(depth))?;
    // With more bits the siting is not said.
    Some(match tag.strip_suffix(digits)? {
        "420p" => (Some([Sampling::Cosited, Sampling::Centred]), depth),
        "422p" => (Some([Sampling::Cosited, Sampling::Full]), depth),
        "444p" => (Some([Sampling::Full, Sampling::Full]), depth),
        "mono" => (None, depth),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ffmpeg::{Decoder, tests::ffmpeg};

    fn frames(header: &str, frames: &[&[u8]]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a file.y4m");
        let mut bytes = format!("YUV4MPEG2 {header}\n").into_bytes();
        for frame in frames {
            bytes.extend_from_slice(b"FRAME Ip\n");
            bytes.extend_from_slice(frame);
        }
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    // BT.709 in limited range: the codes of white, black, and of pure red by ITU-R BT.709-6 (63, 102, 240), whose
    // rounding leaves (255, 1, 0): 1.164383·47 = 54.73, + 1.792741·112 = 255.51; - 0.213249·(-26) - 0.532909·112 = 0.59;
    // + 2.112402·(-26) = -0.20.
    #[test]
    fn converts_by_the_standard() {
        let options = SourceOptions::default();
        let (_folder, path) =
            frames("W3 H1 F30000:1001 C444", &[&[235, 16, 63, 128, 128, 102, 128, 128, 240]]);
        let mut reader = Y4mReader::open(&path, &options).unwrap();
        assert!((reader.frames_per_second().unwrap() - 29.970_03).abs() < 1e-5);
        let picture = reader.next_frame().unwrap().unwrap();
        assert_eq!(*picture.rgb(), [255, 255, 255, 0, 0, 0, 255, 1, 0]);
        assert!(reader.next_frame().unwrap().is_none());
        let (_folder, path) = frames("W2 H1 Cmono XCOLORRANGE=FULL", &[&[7, 250]]);
        let picture = Y4mReader::open(&path, &options).unwrap().next_frame().unwrap().unwrap();
        assert_eq!(*picture.rgb(), [7, 7, 7, 250, 250, 250]);
    }

    // numpy: upsampling matrices of Keys' kernel at (i - 0.5)/2 or i/2, then the matrix of BT.709. 4 × 2 pixels of luma
    // 100, Cb 90 and 170, Cr 160 and 110.
    #[test]
    fn chroma_is_interpolated_where_it_lies() {
        let red = |tag: &str| {
            let planes = [100, 100, 100, 100, 100, 100, 100, 100, 90, 170, 160, 110];
            let (_folder, path) = frames(&format!("W4 H2 C{tag}"), &[&planes]);
            let picture = Y4mReader::open(&path, &SourceOptions::default()).unwrap().next_frame().unwrap();
            picture.unwrap().rgb()[..12].to_vec()
        };
        assert_eq!(red("420jpeg"), [163, 88, 3, 136, 91, 53, 85, 96, 151, 58, 99, 201]);
        assert_eq!(red("420mpeg2"), [155, 89, 18, 110, 94, 102, 66, 98, 187, 59, 99, 199]);
    }

    #[test]
    fn more_bits_are_the_same_colours() {
        // 10-bit codes are four times those of 8 bits: white, black and red of above; and full-range 16-bit grey.
        let wide = |codes: &[u16]| codes.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let read = |header: &str, frame: &[u8]| {
            let (_folder, path) = frames(header, &[frame]);
            let picture = Y4mReader::open(&path, &SourceOptions::default()).unwrap().next_frame().unwrap();
            picture.unwrap().rgb().to_vec()
        };
        let codes = [940, 64, 252, 512, 512, 408, 512, 512, 960];
        assert_eq!(read("W3 H1 C444p10", &wide(&codes)), [255, 255, 255, 0, 0, 0, 255, 1, 0]);
        assert_eq!(read("W2 H1 Cmono16 XCOLORRANGE=FULL", &wide(&[65_535, 257])), [255, 255, 255, 1, 1, 1]);
    }

    // 10-bit luma 505 between grey differences is (505 - 64) / 876 = 0.503425 of white, which no 8 bits hold.
    #[test]
    fn frames_are_not_rounded() {
        let codes: Vec<u8> = [505_u16, 512, 512].iter().flat_map(|v| v.to_le_bytes()).collect();
        let (_folder, path) = frames("W1 H1 C444p10", &[&codes]);
        let mut reader = Y4mReader::open(&path, &SourceOptions::default()).unwrap();
        let mut pixels = Vec::new();
        assert_eq!(reader.read_into(&mut pixels).unwrap(), Some((1, 1)));
        assert!(pixels[0].iter().zip([0.503_425; 3]).all(|(a, b)| (a - b).abs() < 1e-5), "{pixels:?}");
        assert_eq!(pixels[0][3], 1.0);
        assert_eq!(reader.read_into(&mut pixels).unwrap(), None);
    }

    // What FFmpeg hands over through its own demuxer and muxer is what was read here.
    #[test]
    fn agrees_with_ffmpeg() {
        let Some(ffmpeg) = ffmpeg() else { return };
        for (tag, samples) in [("420jpeg", 35), ("420mpeg2", 35), ("422", 70), ("444", 140)] {
            let planes: Vec<u8> = (0..140 + 2 * samples).map(|i| (60 + i * 37 % 130) as u8).collect();
            for range in ["FULL", "LIMITED"] {
                let header = format!("W14 H10 F25:1 Ip A1:1 C{tag} XCOLORRANGE={range}");
                let (_folder, path) = frames(&header, &[&planes, &planes]);
                let options = SourceOptions::default();
                let ours = Y4mReader::open(&path, &options).unwrap().next_frame().unwrap().unwrap();
                let mut theirs = Decoder::open(&ffmpeg, &path, &options).unwrap();
                assert_eq!(theirs.frames_per_second(), Some(25.0));
                assert_eq!(theirs.next_frame().unwrap().unwrap(), ours, "{header}");
                assert!(theirs.next_frame().unwrap().is_some() && theirs.next_frame().unwrap().is_none());
            }
        }
    }

    #[test]
    fn faults_are_one_line() {
        let fault = |header: &str, frame: &[u8]| {
            let (_folder, path) = frames(header, &[frame]);
            let options = SourceOptions { most_pixels: 100, ..SourceOptions::default() };
            let mut reader = match Y4mReader::open(&path, &options) {
                Ok(reader) => reader,
                Err(e) => return e.to_string(),
            };
            reader.next_frame().unwrap_err().to_string()
        };
        assert!(fault("W2 H2 C444", &[0; 11]).contains("cut off"));
        assert!(fault("W2 C444", &[]).contains("no size"));
        assert!(fault("W200 H200 C444", &[]).contains("too large"));
        assert!(fault(&format!("W{} H2 C444", usize::MAX), &[]).contains("too large"));
        assert!(fault("W2 H2 C410", &[]).contains("unknown kind C410"));
        let (_folder, path) = frames("W1 H1 Cmono", &[&[1], &[2]]);
        let mut bytes = std::fs::read(&path).unwrap();
        let length = bytes.len();
        bytes[length - 10] = b'x';
        std::fs::write(&path, bytes).unwrap();
        let mut reader = Y4mReader::open(&path, &SourceOptions::default()).unwrap();
        assert!(reader.next_frame().unwrap().is_some());
        assert!(reader.next_frame().unwrap_err().to_string().contains("between two frames"));
    }
}
