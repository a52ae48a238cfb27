//! The log of a run, as CSV, and its plot.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use plotters::prelude::*;

use crate::TrainError;
use crate::training::whole_file::write_whole;

/// One line of the log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct MetricsRow {
    /// Number of the step.
    pub(crate) step: usize,
    /// Wall time since training began, without pauses, seconds.
    pub(crate) seconds: f64,
    /// Mean loss since the last line.
    pub(crate) loss: f32,
    /// Mean PSNR of training pictures since the last line, dB.
    pub(crate) psnr: f32,
    /// Mean PSNR of some pictures that are not trained on, dB, where it was measured.
    pub(crate) held_out: Option<f32>,
    /// Number of Gaussians; none in a log of before there was this column.
    pub(crate) gaussians: Option<usize>,
}

/// The log: `metrics.csv`, and `metrics.svg` beside it.
#[derive(Debug)]
pub(crate) struct Metrics {
    path: PathBuf,
    rows: Vec<MetricsRow>,
}

const HEADER: &str = "step,seconds,loss,psnr,held_out_psnr,gaussians";

impl Metrics {
    /// A log at `path`, which is read as far as `until` steps if it is there: a run that is resumed goes on in it.
    pub(crate) fn resume(path: &Path, until: usize) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let row = |line: &str| {
            let mut cells = line.split(',');
            let row = MetricsRow {
                step: cells.next()?.parse().ok()?,
                seconds: cells.next()?.parse().ok()?,
                loss: cells.next()?.parse().ok()?,
                psnr: cells.next()?.parse().ok()?,
                held_out: cells.next().and_then(|c| c.parse().ok()),
                gaussians: cells.next().and_then(|c| c.parse().ok()),
            };
            (row.step <= until).then_some(row)
        };
        Self { path: path.to_owned(), rows: text.lines().filter_map(row).collect() }
    }

    /// Wall time of the last line.
    pub(crate) fn seconds(&self) -> f64 {
        self.rows.last().map_or(0.0, |r| r.seconds)
    }

    /// Adds a line.
    pub(crate) fn push(&mut self, row: MetricsRow) {
        self.rows.push(row);
    }

    /// Writes the log and its plot.
    ///
    /// # Errors
    /// [`TrainError::Io`].
    pub(crate) fn save(&self) -> Result<(), TrainError> {
        let mut text = HEADER.to_owned();
        for MetricsRow { step, seconds, loss, psnr, held_out, gaussians } in &self.rows {
            let held_out = held_out.map_or_else(String::new, |h| format!("{h:.4}"));
            let gaussians = gaussians.map_or_else(String::new, |n| n.to_string());
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{step},{seconds:.3},{loss:.6},{psnr:.4},{held_out},{gaussians}");
        }
        write_whole(&self.path, (text + "\n").as_bytes())?;
        let plot = self.plot().map_err(|fault| TrainError::Io {
            path: self.path.with_extension("svg"),
            error: std::io::Error::other(fault),
        })?;
        write_whole(&self.path.with_extension("svg"), plot.as_bytes())
    }

    /// PSNR over steps, as SVG: training pictures, and pictures that are not trained on.
    fn plot(&self) -> Result<String, String> {
        let mut svg = String::new();
        let last = self.rows.last().map_or(1, |r| r.step).max(1);
        let values =
            || self.rows.iter().flat_map(|r| [Some(r.psnr), r.held_out]).flatten().filter(|p| p.is_finite());
        let low = values().fold(f32::INFINITY, f32::min).min(60.0).floor();
        let high = values().fold(low + 1.0, f32::max).ceil();
        let draw = |svg: &mut String| -> Result<(), Box<dyn std::error::Error>> {
            let area = SVGBackend::with_string(svg, (900, 420)).into_drawing_area();
            area.fill(&WHITE)?;
            let mut chart = ChartBuilder::on(&area)
                .margin(12)
                .x_label_area_size(36)
                .y_label_area_size(48)
                .build_cartesian_2d(0..last, low..high)?;
            chart.configure_mesh().x_desc("step").y_desc("PSNR, dB").light_line_style(TRANSPARENT).draw()?;
            let train: Vec<_> = self.rows.iter().map(|r| (r.step, r.psnr)).collect();
            let held: Vec<_> = self.rows.iter().filter_map(|r| Some((r.step, r.held_out?))).collect();
            for (name, points, color) in [
                ("training pictures", train, RGBColor(150, 170, 200)),
                ("held out", held, RGBColor(200, 60, 30)),
            ] {
                chart
                    .draw_series(LineSeries::new(points, color.stroke_width(2)))?
                    .label(name)
                    .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], color.stroke_width(2)));
            }
            chart
                .configure_series_labels()
                .position(SeriesLabelPosition::LowerRight)
                .background_style(WHITE)
                .draw()?;
            area.present()?;
            Ok(())
        };
        draw(&mut svg).map_err(|e| e.to_string())?;
        Ok(svg)
    }
}
