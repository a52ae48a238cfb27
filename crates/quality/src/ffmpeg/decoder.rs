//! Frames of any file that FFmpeg decodes.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ChildStdout;

use super::child::Running;
use super::probe::Samples;
use super::program::Ffmpeg;
use crate::error::QualityError;
use crate::picture::Picture;
use crate::source::{CleanAperture, FrameSource, SourceOptions, Y4mStream, clean_aperture};

/// Decodes one frame after another, as RGB.
///
/// FFmpeg hands over the planes as they were coded, and this crate converts them exactly by the matrix, range and chroma
/// siting that the stream signals: FFmpeg's scaler takes all chroma for centred, and is off by up to five code values
/// where chroma changes fast. Streams of RGB come as RGB. Where a stream changes its size, FFmpeg scales to the first.
///
/// An MP4 that shows only a part of its pictures ([`clean_aperture`]) is cropped to it here: FFmpeg before 7.1 passes over
/// that, and later ones round it to whole samples of colour.
pub(crate) struct Decoder {
    path: PathBuf,
    frames_per_second: Option<f64>,
    aperture: Option<CleanAperture>,
    running: Option<Running>,
    stream: Stream,
}

/// What comes from the child.
enum Stream {
    Planes(Y4mStream),
    Rgb { input: BufReader<ChildStdout>, width: usize, height: usize },
}

impl Stream {
    fn next(&mut self) -> Result<Option<Picture>, String> {
        match self {
            Self::Planes(stream) => stream.next(),
            Self::Rgb { input, width, height } => {
                if input.fill_buf().map_err(|e| e.to_string())?.is_empty() {
                    return Ok(None);
                }
                let mut rgb = vec![0; 3 * *width * *height];
                input.read_exact(&mut rgb).map_err(|_| "its last frame is cut off")?;
                Picture::new(*width, *height, rgb).map(Some).map_err(|e| e.to_string())
            }
        }
    }
}

impl Decoder {
    /// Starts to decode the first video stream of a file.
    pub(crate) fn open(ffmpeg: &Ffmpeg, path: &Path, options: &SourceOptions) -> Result<Self, QualityError> {
        let fault = |e: String| QualityError::read(path, e);
        if let Err(e) = std::fs::File::open(path) {
            return Err(fault(e.to_string()));
        }
        let aperture = clean_aperture(path);
        // What the decoder gives is cropped here, and then not by FFmpeg.
        let cropping: &[&str] = match aperture.is_some() && ffmpeg.crops_by_container() {
            true => &["-apply_cropping", "codec"],
            false => &[],
        };
        let probe = ffmpeg.probe(path, cropping)?;
        let mut options = *options;
        let mut command = ffmpeg.command();
        command.args(["-v", "error"]).args(cropping).args(Ffmpeg::input(path));
        command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-strict", "-1"]);
        match &probe.samples {
            Samples::Matrix(matrix) => options.matrix = *matrix,
            Samples::Untagged => {}
            Samples::Rgb(width, height) => {
                if width.checked_mul(*height).is_none_or(|n| n == 0 || n > options.most_pixels) {
                    return Err(fault(format!("frames of {width}x{height} are too large")));
                }
            }
            Samples::Unsupported(matrix) => return Err(fault(format!("is coded by the matrix {matrix}"))),
        }
        match probe.samples {
            Samples::Rgb(..) => command.args(["-pix_fmt", "rgb24", "-f", "rawvideo", "pipe:1"]),
            _ => command.args(["-f", "yuv4mpegpipe", "pipe:1"]),
        };
        let mut running = Running::start(&mut command, false, true).map_err(fault)?;
        let stdout = running.stdout().ok_or_else(|| fault("ffmpeg has no output".into()))?;
        let input = BufReader::with_capacity(1 << 16, stdout);
        let stream = match probe.samples {
            Samples::Rgb(width, height) => Stream::Rgb { input, width, height },
            _ => match Y4mStream::new(Box::new(input), &options) {
                Ok(mut stream) => {
                    if probe.siting_is_unknown {
                        stream.set_cosited();
                    }
                    Stream::Planes(stream)
                }
                Err(e) => return Err(fault(running.finish().err().unwrap_or(e))),
            },
        };
        let frames_per_second = probe.frames_per_second;
        Ok(Self { path: path.to_owned(), frames_per_second, aperture, running: Some(running), stream })
    }
}

impl FrameSource for Decoder {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn frames_per_second(&self) -> Option<f64> {
        self.frames_per_second
    }

    fn next_frame(&mut self) -> Result<Option<Picture>, QualityError> {
        if self.running.is_none() {
            return Ok(None);
        }
        let frame = self.stream.next();
        if let Ok(Some(frame)) = frame {
            let size = (frame.width(), frame.height());
            return match &self.aperture {
                Some(aperture) if aperture.coded == size => frame.cropped(aperture.rect).map(Some),
                _ => Ok(Some(frame)),
            };
        }
        // At the end, whether expected or not, the child's own fault says more.
        let said = self.running.take().map_or(Ok(String::new()), Running::finish);
        let said =
            said.and_then(|said| frame.map(|_| said)).map_err(|e| QualityError::read(&self.path, e))?;
        if let Some(line) = said.lines().next() {
            tracing::warn!("{}: {line}", self.path.display());
        }
        Ok(None)
    }
}
