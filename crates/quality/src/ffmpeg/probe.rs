//! What a video says of itself.

use std::path::Path;

use super::child::Running;
use super::program::Ffmpeg;
use crate::error::QualityError;
use crate::source::Matrix;

/// What decoding needs to know.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probe {
    /// What the first frame's samples are.
    pub(super) samples: Samples,
    /// Whether the stream says nothing of where chroma lies. Before version 7 FFmpeg does not tell.
    pub(super) siting_is_unknown: bool,
    /// Nominal frame rate, per second.
    pub(super) frames_per_second: Option<f64>,
}

/// What samples are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Samples {
    /// Y'CbCr by a matrix that is signalled.
    Matrix(Matrix),
    /// Y'CbCr by one that is not.
    Untagged,
    /// R'G'B', of this width and height.
    Rgb(usize, usize),
    /// Something else, by its name.
    Unsupported(String),
}

/// The bits of a video stream without its container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StreamRate {
    /// Bytes of all packets.
    pub payload_bytes: u64,
    /// How many packets, one per coded frame.
    pub packets: u64,
    /// How long the packets last, seconds.
    pub seconds: f64,
}

impl StreamRate {
    /// Payload, kbit/s.
    pub fn kbit_per_s(&self) -> f64 {
        self.payload_bytes as f64 * 8.0 / 1000.0 / self.seconds
    }
}

impl Ffmpeg {
    /// Sizes and duration of the packets of a file's first video stream, which are read and not decoded. With
    /// `frames_per_second` the duration is that of as many frames; without, what the container says.
    ///
    /// # Errors
    /// [`QualityError::Read`] for a file without video, or one that does not say how long its packets last.
    pub fn stream_rate(
        &self,
        path: &Path,
        frames_per_second: Option<f64>,
    ) -> Result<StreamRate, QualityError> {
        let mut command = self.command();
        command.args(["-v", "error"]).args(Self::input(path));
        command.args(["-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"]);
        let fault = |e: String| QualityError::read(path, e);
        let mut running = Running::start(&mut command, false, true).map_err(fault)?;
        let mut listing = String::new();
        if let Some(mut stdout) = running.stdout() {
            std::io::Read::read_to_string(&mut stdout, &mut listing).map_err(|e| fault(e.to_string()))?;
        }
        running.finish().map_err(fault)?;
        let mut rate = rate_of(&listing).ok_or_else(|| fault("ffmpeg lists no packets".into()))?;
        if let Some(fps) = frames_per_second {
            rate.seconds = rate.packets as f64 / fps;
        }
        match rate.seconds > 0.0 && rate.seconds.is_finite() {
            true => Ok(rate),
            false => Err(fault("does not say how long its frames last".into())),
        }
    }

    /// Looks at the first frame, which is decoded with `options`.
    pub(super) fn probe(&self, path: &Path, options: &[&str]) -> Result<Probe, QualityError> {
        let mut command = self.command();
        command.args(options).args(Self::input(path));
        // Without colour, and with a line for each frame even where the user's settings say otherwise.
        command.env("AV_LOG_FORCE_NOCOLOR", "1").args(["-v", "info", "-map", "0:v:0", "-frames:v", "1"]);
        command.args(["-vf", "showinfo", "-f", "null", "-"]);
        let fault = |e: String| QualityError::read(path, e);
        match Running::start(&mut command, false, false).map_err(fault)?.finish() {
            Ok(said) => Ok(probe_of(&said)),
            // At this level much is said before the fault is: the last line is of what followed from it.
            Err(_) => Err(fault(self.fault_of(path))),
        }
    }

    /// Why a file cannot be decoded, one line.
    fn fault_of(&self, path: &Path) -> String {
        let mut command = self.command();
        command.args(["-v", "error"]).args(Self::input(path));
        command.args(["-map", "0:v:0", "-frames:v", "1", "-f", "null", "-"]);
        match Running::start(&mut command, false, false).and_then(Running::finish) {
            Ok(_) => "ffmpeg does not decode it".into(),
            Err(line) => line,
        }
    }
}

/// From lines such as `#tb 0: 1/15360` and `0, dts, pts, duration, size, crc`.
fn rate_of(listing: &str) -> Option<StreamRate> {
    let mut rate = StreamRate { payload_bytes: 0, packets: 0, seconds: 0.0 };
    let (mut unit, mut ticks) = (None, 0_u64);
    for line in listing.lines() {
        if let Some(base) = line.strip_prefix("#tb 0:") {
            let (numerator, denominator) = base.trim().split_once('/')?;
            unit = Some(numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?);
        } else if !line.starts_with('#') && !line.trim().is_empty() {
            let mut cells = line.split(',').map(str::trim).skip(3);
            ticks = ticks.saturating_add(cells.next()?.parse().unwrap_or(0));
            rate.payload_bytes = rate.payload_bytes.saturating_add(cells.next()?.parse().ok()?);
            rate.packets += 1;
        }
    }
    rate.seconds = ticks as f64 * unit?;
    (rate.packets > 0).then_some(rate)
}

/// From the lines of the filter `showinfo`.
fn probe_of(said: &str) -> Probe {
    let lines = || said.lines().filter(|line| line.contains("showinfo"));
    let word_after = |key: &str| {
        lines().find_map(|line| line.split_once(key)?.1.split([' ', ',']).find(|w| !w.is_empty()))
    };
    let frames_per_second = word_after("frame_rate:").and_then(|rate| {
        let (numerator, denominator) = rate.split_once('/')?;
        let rate = numerator.parse::<f64>().ok()? / denominator.parse::<f64>().ok()?;
        (rate.is_finite() && rate > 0.0).then_some(rate)
    });
    let is_rgb =
        word_after("fmt:").is_some_and(|f| ["rgb", "bgr", "gbr", "pal8"].iter().any(|k| f.contains(k)));
    let samples = match word_after("color_space:") {
        _ if is_rgb => match word_after(" s:").and_then(|size| size.split_once('x')) {
            Some((width, height)) => Samples::Rgb(width.parse().unwrap_or(0), height.parse().unwrap_or(0)),
            None => Samples::Untagged,
        },
        None | Some("unknown" | "unspecified" | "reserved") => Samples::Untagged,
        Some("bt709") => Samples::Matrix(Matrix::Bt709),
        Some("smpte170m" | "bt470bg") => Samples::Matrix(Matrix::Bt601),
        Some(other) => Samples::Unsupported(other.to_owned()),
    };
    let siting_is_unknown =
        word_after(" cl:").is_some_and(|siting| matches!(siting, "unknown" | "unspecified"));
    Probe { samples, siting_is_unknown, frames_per_second }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_packets_up() {
        let listing = "#software: x\n#tb 0: 1/15360\n#codec_id 0: h264\n0,  -1024,  0,  512,  2358, 0xffd7236c\n\
                       0,  -512,  2048,  512,  623, 0x8db43792, F=0x0\n";
        let rate = rate_of(listing).unwrap();
        assert_eq!((rate.payload_bytes, rate.packets), (2981, 2));
        // 2981 bytes in 1/15 s: 2981 · 8 · 15 bits a second.
        assert!((rate.kbit_per_s() - 357.72).abs() < 1e-9);
        assert_eq!(rate_of("#tb 0: 1/15360\n"), None);
        assert_eq!(rate_of("#tb 0: 1/15360\n0, 1, 2\n"), None);
    }

    #[test]
    fn reads_the_matrix_the_siting_and_the_frame_rate() {
        let said = "[Parsed_showinfo_0 @ 0x5] config in time_base: 1/90000, frame_rate: 30000/1001\n\
                    [Parsed_showinfo_0 @ 0x5] n:   0 pts:      0 fmt:yuv420p cl:left sar:1/1\n\
                    [Parsed_showinfo_0 @ 0x5]   color_range:tv color_space:bt709 color_trc:bt709\n";
        let probe = probe_of(said);
        assert_eq!((&probe.samples, probe.siting_is_unknown), (&Samples::Matrix(Matrix::Bt709), false));
        assert!((probe.frames_per_second.unwrap() - 29.970_03).abs() < 1e-5);
        let samples = |fmt: &str, space: &str| {
            let line = "[Parsed_showinfo_0 @ 0x5]";
            let probe = probe_of(&format!(
                "{line} frame_rate: 1/0\n{line} fmt:{fmt} cl:unspecified s:16x9 i:P\n{line} color_space:{space}"
            ));
            assert_eq!((probe.siting_is_unknown, probe.frames_per_second), (true, None));
            probe.samples
        };
        assert_eq!(samples("yuv420p", "unknown"), Samples::Untagged);
        assert_eq!(samples("yuv420p", "bt470bg"), Samples::Matrix(Matrix::Bt601));
        assert_eq!(samples("gbrp", "gbr"), Samples::Rgb(16, 9));
        assert_eq!(samples("yuv420p10le", "bt2020nc"), Samples::Unsupported("bt2020nc".into()));
    }
}
