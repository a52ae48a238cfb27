//! What came out of measuring a scene, as JSON and as tables.

use effigy_avatar::Avatar;
use effigy_render::FrameTimes;
use serde::Serialize;

use super::percentile::percentile;
use super::scene::Scene;
use crate::engine::Engine;
use crate::framing::Size;
use crate::report::print;

/// One scene on one device at one size.
#[derive(Serialize)]
pub(super) struct Row {
    scene: String,
    /// The same for scenes that differ only in their number of Gaussians.
    #[serde(skip)]
    pub(super) family: String,
    device: String,
    pub(super) gaussians: usize,
    pub(super) width: u32,
    pub(super) height: u32,
    /// Median milliseconds by stage.
    stages: Vec<(&'static str, f64)>,
    /// Wall milliseconds of a frame: median, and the 10th and 90th percentile.
    pub(super) frame_ms: f64,
    frame_ms_p10: f64,
    frame_ms_p90: f64,
    /// Processor seconds of this process, all threads, per frame.
    cpu_seconds_per_frame: f64,
    /// Of the median frame of a GPU: Gaussians that are drawn, and pairs of Gaussian and tile.
    visible: Option<f64>,
    tile_entries: Option<f64>,
    /// Bytes a second, read and written, of large copies on the GPU, in 10⁹.
    copy_gb_per_second: Option<f64>,
    /// What a GPU's stages move.
    traffic: Vec<Traffic>,
}

/// The memory traffic of a stage, by [`effigy_render::Renderer::traffic`].
#[derive(Serialize)]
struct Traffic {
    stage: &'static str,
    /// Median bytes a frame.
    bytes: f64,
    gb_per_second: f64,
    /// Of what copies reach.
    of_copies: Option<f64>,
}

impl Row {
    /// Of the timed `frames`, at least one, of `scene` on `engine`, which copies so many bytes a second.
    pub(super) fn of(
        scene: &Scene,
        avatar: &Avatar,
        engine: &Engine,
        size: Size,
        frames: &[FrameTimes],
        copies: Option<f64>,
    ) -> Self {
        let median = |of: &dyn Fn(&FrameTimes) -> f64, fraction| {
            percentile(&mut frames.iter().map(of).collect::<Vec<_>>(), fraction)
        };
        let names: Vec<_> = frames[0].stages.iter().map(|stage| stage.name).collect();
        let stages: Vec<_> =
            names.iter().enumerate().map(|(s, &name)| (name, median(&|t| t.stages[s].ms, 0.5))).collect();
        let counted = frames[0].counts.is_some();
        let count = |of: &dyn Fn(effigy_render::Counts) -> u32| {
            counted.then(|| median(&|t| t.counts.map_or(0.0, |counts| of(counts).into()), 0.5))
        };
        let traffic = stages.iter().enumerate().filter(|_| counted).map(|(s, &(stage, ms))| {
            let bytes = median(&|t| t.stages[s].bytes.unwrap_or(0) as f64, 0.5);
            // A stage that was skipped takes no time and moves nothing.
            let per_second = if bytes > 0.0 && ms > 0.0 { 1e3 * bytes / ms } else { 0.0 };
            Traffic {
                stage,
                bytes,
                gb_per_second: 1e-9 * per_second,
                of_copies: copies.map(|copies| per_second / copies),
            }
        });
        Self {
            scene: scene.name.clone(),
            family: scene.family.clone(),
            device: engine.describe(),
            gaussians: avatar.gaussians.len(),
            width: size.width,
            height: size.height,
            traffic: traffic.collect(),
            stages,
            frame_ms: median(&|t| t.frame, 0.5),
            frame_ms_p10: median(&|t| t.frame, 0.1),
            frame_ms_p90: median(&|t| t.frame, 0.9),
            cpu_seconds_per_frame: frames.iter().map(|t| t.cpu_seconds).sum::<f64>() / frames.len() as f64,
            visible: count(&|counts| counts.visible),
            tile_entries: count(&|counts| counts.entries),
            copy_gb_per_second: copies.filter(|_| counted).map(|copies| 1e-9 * copies),
        }
    }

    /// What measured it, without the details that drivers add.
    pub(super) fn device_name(&self) -> &str {
        self.device.split(" (").next().unwrap_or_default()
    }

    fn picture(&self) -> String {
        format!("{}x{}", self.width, self.height)
    }
}

/// Times of all rows.
pub(super) fn print_times(rows: &[Row], frames: usize) -> anyhow::Result<()> {
    print(&format!(
        "Milliseconds, medians of {frames} frames; p10 to p90 of the whole frame; CPU seconds a frame."
    ))?;
    print(&format!(
        "{:<16} {:<20} {:>9} {:>10} {:>7} {:>7} {:>8} {:>7} {:>7} {:>9} {:>8} {:>16} {:>7}",
        "scene",
        "device",
        "Gaussians",
        "picture",
        "pose",
        "decode",
        "project",
        "sort",
        "bin",
        "rasterize",
        "frame",
        "p10..p90",
        "CPU s"
    ))?;
    for row in rows {
        let stage = |name| {
            let ms = row.stages.iter().find(|(n, _)| *n == name).map(|(_, ms)| format!("{ms:.2}"));
            ms.unwrap_or_else(|| "-".into())
        };
        print(&format!(
            "{:<16.16} {:<20.20} {:>9} {:>10} {:>7} {:>7} {:>8} {:>7} {:>7} {:>9} {:>8.2} {:>16} {:>7.3}",
            row.scene,
            row.device,
            row.gaussians,
            row.picture(),
            stage("pose"),
            stage("decode"),
            stage("project"),
            stage("sort"),
            stage("bin"),
            stage("rasterize"),
            row.frame_ms,
            format!("{:.1}..{:.1}", row.frame_ms_p10, row.frame_ms_p90),
            row.cpu_seconds_per_frame
        ))?;
    }
    Ok(())
}

/// Bandwidths of the rows of GPUs.
pub(super) fn print_bandwidth(rows: &[Row]) -> anyhow::Result<()> {
    let mut measured = rows.iter().filter(|row| !row.traffic.is_empty()).peekable();
    let Some(first) = measured.peek() else { return print("\nOnly a GPU's memory traffic is known.") };
    let copies = first.copy_gb_per_second.unwrap_or(0.0);
    print(&format!(
        "\nGB/s that each stage has to move at least, and the part of the {copies:.1} GB/s that copies reach on {}.",
        first.device_name()
    ))?;
    let line = |scene: &str, picture: &str, cells: &[String]| {
        let cells: String = cells.iter().map(|cell| format!(" {cell:>13}")).collect();
        print(&format!("{scene:<16.16} {picture:>10}{cells}"))
    };
    let names: Vec<_> = first.traffic.iter().map(|traffic| traffic.stage.to_owned()).collect();
    line("scene", "picture", &names)?;
    for row in measured {
        let cells: Vec<_> = (row.traffic.iter())
            .map(|t| match t.of_copies {
                Some(part) if t.bytes > 0.0 => format!("{:.2} ({:.1} %)", t.gb_per_second, 100.0 * part),
                _ => "-".into(),
            })
            .collect();
        line(&row.scene, &row.picture(), &cells)?;
    }
    Ok(())
}
