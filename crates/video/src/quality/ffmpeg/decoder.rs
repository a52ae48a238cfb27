//! Frames of any file that FFmpeg decodes.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::child::Running;
use super::probe::Samples;
use super::{Ffmpeg, QualityError};
use crate::quality::Picture;
use crate::quality::source::{FrameSource, SourceOptions, Y4mStream};

/// Decodes one frame after another, as RGB.
///
/// FFmpeg hands over the planes as they were coded, and this crate converts them exactly by the matrix, range and chroma
/// siting that the stream signals: FFmpeg's scaler takes all chroma for centred, and is off by up to five code values
/// where chroma changes fast. Streams of RGB come by way of 16-bit 4:4:4. Where a stream changes its size, FFmpeg scales
/// to the first.
pub(crate) struct Decoder {
    path: PathBuf,
    frames_per_second: Option<f64>,
    running: Option<Running>,
    stream: Y4mStream,
}

impl Decoder {
    /// Starts to decode the first video stream of a file.
    pub(crate) fn open(ffmpeg: &Ffmpeg, path: &Path, options: &SourceOptions) -> Result<Self, QualityError> {
        let fault = |e: String| QualityError::read(path, e);
        if let Err(e) = std::fs::File::open(path) {
            return Err(fault(e.to_string()));
        }
        let probe = ffmpeg.probe(path)?;
        let mut options = *options;
        let mut command = ffmpeg.command();
        command.args(["-v", "error"]).args(Ffmpeg::input(path));
        command.args(["-map", "0:v:0", "-fps_mode", "passthrough", "-strict", "-1"]);
        match probe.samples {
            Samples::Matrix(matrix) => options.matrix = matrix,
            Samples::Untagged => {}
            Samples::Rgb => {
                let name = options.matrix.ffmpeg_name();
                let scale = format!("scale=flags=accurate_rnd:out_color_matrix={name}:out_range=full");
                command.args(["-vf", &(scale + ",format=yuv444p16le")]);
            }
            Samples::Unsupported(matrix) => return Err(fault(format!("is coded by the matrix {matrix}"))),
        }
        command.args(["-f", "yuv4mpegpipe", "pipe:1"]);
        let mut running = Running::start(&mut command, false, true).map_err(fault)?;
        let stdout = running.stdout().ok_or_else(|| fault("ffmpeg has no output".into()))?;
        let input = Box::new(BufReader::with_capacity(1 << 16, stdout));
        let mut stream = match Y4mStream::new(input, &options) {
            Ok(stream) => stream,
            Err(e) => return Err(fault(running.finish().err().unwrap_or(e))),
        };
        if probe.samples == Samples::Rgb {
            stream.set_full_range(options.matrix);
        }
        if probe.siting_is_unknown {
            stream.set_cosited();
        }
        let frames_per_second = probe.frames_per_second;
        Ok(Self { path: path.to_owned(), frames_per_second, running: Some(running), stream })
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
            return Ok(Some(frame));
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
