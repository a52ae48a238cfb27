//! The measures that FFmpeg has: VMAF and XPSNR.

use std::io::{BufWriter, Write};
use std::process::ChildStdin;

use serde::Deserialize;
use tempfile::TempDir;

use super::child::Running;
use super::program::Ffmpeg;
use crate::measure::Measure;
use crate::pair::Pair;
use crate::picture::luma_of;
use crate::score::Score;

const VMAF_LOG: &str = "vmaf.json";
const XPSNR_LOG: &str = "xpsnr.txt";

/// A child that is fed both sequences and measures them.
///
/// Both go through one pipe as Y4M, the reference above the test in one picture of twice the height, which the filter
/// graph cuts apart again: so no frame can be paired with a wrong one, whatever the time stamps. Both measures read
/// luma alone (BT.709, limited range, as VMAF was trained on); chroma is grey.
pub(crate) struct Judge {
    measures: Vec<Measure>,
    folder: TempDir,
    running: Running,
    stdin: Option<BufWriter<ChildStdin>>,
    width: usize,
    height: usize,
    frames: usize,
}

/// A score of the child, or a line that says why there is none.
pub(crate) type Judged = Vec<(Measure, Result<Score, String>)>;

impl Judge {
    /// Starts to measure pictures of one size. `measures` are some that this FFmpeg [can](Ffmpeg::can).
    pub(crate) fn start(
        ffmpeg: &Ffmpeg,
        measures: &[Measure],
        (width, height): (usize, usize),
        frames_per_second: f64,
    ) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("effigy-")
            .tempdir()
            .map_err(|e| format!("there is no folder for temporary files: {e}"))?;
        let mut command = ffmpeg.command();
        // Run inside the folder, so that the graph names its files without a path to escape.
        command.current_dir(folder.path());
        command.args(["-v", "error", "-f", "yuv4mpegpipe", "-i", "pipe:0"]);
        command.args(["-filter_complex", &graph(measures, width, height), "-f", "null", "-"]);
        let mut running = Running::start(&mut command, true, false)?;
        let mut stdin = running.stdin().map(|stdin| BufWriter::with_capacity(1 << 16, stdin));
        if let Some(stdin) = &mut stdin {
            let rate = (frames_per_second * 1000.0).round().clamp(1.0, 1e9) as u64;
            // A child that is already gone is found out when it is waited for.
            let _ = writeln!(
                stdin,
                "YUV4MPEG2 W{width} H{} F{rate}:1000 Ip A1:1 C444 XCOLORRANGE=LIMITED",
                2 * height
            );
        }
        Ok(Self { measures: measures.to_vec(), folder, running, stdin, width, height, frames: 0 })
    }

    /// Feeds a pair of the judge's size. After a child's death further pairs go nowhere.
    pub(crate) fn push(&mut self, pair: &Pair) {
        self.frames += 1;
        let Some(stdin) = &mut self.stdin else { return };
        let luma: Vec<u8> = pair.reference().codes().chain(pair.test().codes()).map(limited_luma).collect();
        let grey = vec![128; luma.len()];
        let frame: [&[u8]; 4] = [b"FRAME\n", &luma, &grey, &grey];
        if frame.iter().any(|part| stdin.write_all(part).is_err()) {
            self.stdin = None;
        }
    }

    /// Ends the sequence and gives the scores.
    pub(crate) fn finish(self) -> Judged {
        let Self { measures, folder, running, stdin, frames, width, height } = self;
        // What is buffered goes out; a child that does not take it tells why below.
        drop(stdin);
        let ended = running.finish();
        let read = |log| match &ended {
            Ok(_) => std::fs::read_to_string(folder.path().join(log))
                .map_err(|e| format!("ffmpeg leaves no scores: {e}")),
            Err(e) => Err(e.clone()),
        };
        let scores = |measure: Measure| {
            let (values, pooled) = match measure {
                Measure::Xpsnr => xpsnr_of(&read(XPSNR_LOG)?)?,
                _ => (vmaf_of(&read(VMAF_LOG)?, measure)?, None),
            };
            if values.len() != frames {
                return Err(format!("ffmpeg measured {} of {frames} frames", values.len()));
            }
            let values = values.into_iter().map(Some).collect();
            Score::new(measure, values, pooled)
                .ok_or_else(|| format!("ffmpeg measured nothing of {width}x{height} pixels"))
        };
        measures.iter().map(|&measure| (measure, scores(measure))).collect()
    }
}

/// The limited-range luma code of BT.709.
fn limited_luma(pixel: [f64; 3]) -> u8 {
    (16.0 + 219.0 / 255.0 * luma_of(pixel)).round() as u8
}

fn graph(measures: &[Measure], width: usize, height: usize) -> String {
    let models: Vec<&str> = measures
        .iter()
        .filter_map(|measure| match measure {
            Measure::Vmaf => Some(r"version=vmaf_v0.6.1\:name=vmaf"),
            Measure::VmafNeg => Some(r"version=vmaf_v0.6.1neg\:name=vmaf_neg"),
            _ => None,
        })
        .collect();
    let mut filters = Vec::new();
    if !models.is_empty() {
        // libvmaf wants the test first.
        filters.push(format!(
            "[test][reference]libvmaf=model='{}':log_fmt=json:log_path={VMAF_LOG}:n_threads={}",
            models.join("|"),
            std::thread::available_parallelism().map_or(1, usize::from)
        ));
    }
    if measures.contains(&Measure::Xpsnr) {
        // xpsnr takes its weights from its first input.
        filters.push(format!("[reference][test]xpsnr=stats_file={XPSNR_LOG}"));
    }
    let mut graph = format!("split={}", 2 * filters.len());
    for i in 0..filters.len() {
        graph += &format!("[a{i}][b{i}]");
    }
    for (i, filter) in filters.iter().enumerate() {
        let filter = filter.replace("[reference]", &format!("[r{i}]")).replace("[test]", &format!("[t{i}]"));
        graph +=
            &format!(";[a{i}]crop={width}:{height}:0:0[r{i}];[b{i}]crop={width}:{height}:0:{height}[t{i}]");
        graph += &format!(";{filter}");
    }
    graph
}

/// The values of one model from libvmaf's log.
fn vmaf_of(log: &str, measure: Measure) -> Result<Vec<f64>, String> {
    #[derive(Deserialize)]
    struct Log {
        frames: Vec<Frame>,
    }
    #[derive(Deserialize)]
    struct Frame {
        metrics: Metrics,
    }
    #[derive(Deserialize)]
    struct Metrics {
        vmaf: Option<f64>,
        vmaf_neg: Option<f64>,
    }
    let log: Log = serde_json::from_str(log).map_err(|e| format!("libvmaf's log: {e}"))?;
    let value = |frame: &Frame| match measure {
        Measure::VmafNeg => frame.metrics.vmaf_neg,
        _ => frame.metrics.vmaf,
    };
    let values: Option<Vec<f64>> = log.frames.iter().map(value).collect();
    values.ok_or_else(|| format!("libvmaf's log has no {measure}"))
}

/// Each frame's luma value and the average, from lines such as `n:    1  XPSNR y: 33.1  XPSNR u: inf  XPSNR v: inf` and
/// `XPSNR average, 9 frames  y: 33.2  u: inf  v: inf  (minimum: 33.2)`.
fn xpsnr_of(log: &str) -> Result<(Vec<f64>, Option<f64>), String> {
    let luma = |line: &str| line.split_once(" y:")?.1.split_whitespace().next()?.parse::<f64>().ok();
    let (mut values, mut pooled) = (Vec::new(), None);
    for line in log.lines().filter(|line| !line.trim().is_empty()) {
        let value = luma(line).filter(|v| !v.is_nan()).ok_or_else(|| format!("xpsnr's log says {line:?}"))?;
        match line.trim_start().starts_with("n:") {
            true => values.push(value),
            false => pooled = Some(value),
        }
    }
    Ok((values, pooled))
}
