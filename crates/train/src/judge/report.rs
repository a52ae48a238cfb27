//! Frames gathered into means per split and area.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::scores::null_is_infinity;
use super::table::{Align, Table};
use super::{FrameScores, JudgeError, Metric, Scores, SequenceFlicker, whole_files};

/// The scores of many frames.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Every frame judged, in order.
    pub frames: Vec<FrameScores>,
    /// Flicker of the sequences among them, if any were measured.
    #[serde(default)]
    pub flicker: Vec<SequenceFlicker>,
}

/// One metric over the frames of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricSpread {
    /// Which metric.
    pub metric: Metric,
    /// Mean of the frames' values, every frame weighing the same; infinity is `null` in JSON.
    #[serde(with = "null_is_infinity")]
    pub mean: f64,
    /// The smallest.
    #[serde(with = "null_is_infinity")]
    pub min: f64,
    /// The largest.
    #[serde(with = "null_is_infinity")]
    pub max: f64,
    /// The name of the worst frame, the first of them where several are.
    pub worst: String,
}

/// One area over the frames of a split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The split's name.
    pub split: String,
    /// The area's name.
    pub area: String,
    /// Frames in which the area is not empty.
    pub frames: usize,
    /// The metrics that at least one frame has.
    pub metrics: Vec<MetricSpread>,
}

impl Summary {
    /// The spread of one metric.
    pub fn spread(&self, metric: Metric) -> Option<&MetricSpread> {
        self.metrics.iter().find(|s| s.metric == metric)
    }
}

impl Report {
    /// One entry per split and area, both in the order in which they first came.
    pub fn summaries(&self) -> Vec<Summary> {
        let splits = distinct(self.frames.iter().map(|f| f.split.as_str()));
        let areas = self.areas();
        let pairs = splits.iter().flat_map(|split| areas.iter().map(move |area| (*split, *area)));
        pairs.filter_map(|(split, area)| self.summary(split, area)).collect()
    }

    /// The summary of one split over one area; `None` when no frame of the split has the area.
    pub fn summary(&self, split: &str, area: &str) -> Option<Summary> {
        let frames = self.frames.iter().filter(|f| f.split == split);
        let found: Vec<(&str, Option<&Scores>)> = frames
            .filter_map(|f| {
                let area = f.areas.iter().find(|a| a.area == area)?;
                Some((f.name.as_str(), area.scores.as_ref()))
            })
            .collect();
        if found.is_empty() {
            return None;
        }
        let judged: Vec<(&str, &Scores)> =
            found.iter().filter_map(|(name, s)| Some((*name, (*s)?))).collect();
        let metrics = Metric::ALL.into_iter().filter_map(|metric| spread(metric, &judged)).collect();
        Some(Summary { split: split.into(), area: area.into(), frames: judged.len(), metrics })
    }

    /// The areas' names, in the order in which they first came.
    pub fn areas(&self) -> Vec<&str> {
        distinct(self.frames.iter().flat_map(|f| f.areas.iter().map(|a| a.area.as_str())))
    }

    /// The means per split and area as aligned text, with PSNR's range and the frame in which it is worst; and the
    /// flicker, if any was measured.
    pub fn table(&self) -> String {
        let mut table = Table::new();
        table.column("split", Align::Left);
        table.column("area", Align::Left);
        table.column("frames", Align::Right);
        for metric in Metric::ALL {
            table.column(metric.label(), Align::Right);
        }
        table.column("PSNR min..max", Align::Right);
        table.column("worst frame", Align::Left);
        for summary in self.summaries() {
            let mut row = vec![summary.split.clone(), summary.area.clone(), summary.frames.to_string()];
            for metric in Metric::ALL {
                row.push(shown(metric, summary.spread(metric).map(|s| s.mean)));
            }
            let psnr = summary.spread(Metric::Psnr);
            let show = |v| Metric::Psnr.show(v);
            row.push(psnr.map_or_else(absent, |s| format!("{}..{}", show(s.min), show(s.max))));
            row.push(psnr.map_or_else(absent, |s| s.worst.clone()));
            table.row(row);
        }
        let mut text = table.to_string();
        if !self.flicker.is_empty() {
            let mut table = Table::new();
            table.column("sequence", Align::Left);
            table.column("area", Align::Left);
            table.column("steps", Align::Right);
            table.column("flicker", Align::Right);
            table.column("motion", Align::Right);
            for f in &self.flicker {
                table.row(vec![
                    f.sequence.clone(),
                    f.area.clone(),
                    f.steps.to_string(),
                    format!("{:.5}", f.flicker),
                    format!("{:.5}", f.motion),
                ]);
            }
            text.push('\n');
            text.push_str(&table.to_string());
        }
        text
    }

    /// Every frame and area as aligned text.
    pub fn frame_table(&self) -> String {
        let mut table = Table::new();
        table.column("split", Align::Left);
        table.column("frame", Align::Left);
        table.column("area", Align::Left);
        for metric in Metric::ALL {
            table.column(metric.label(), Align::Right);
        }
        for frame in &self.frames {
            for area in &frame.areas {
                let mut row = vec![frame.split.clone(), frame.name.clone(), area.area.clone()];
                let value = |metric: Metric| area.scores.as_ref().and_then(|s| metric.of(s));
                row.extend(Metric::ALL.into_iter().map(|metric| shown(metric, value(metric))));
                table.row(row);
            }
        }
        table.to_string()
    }

    /// The report as JSON: `summary` (see [`Summary`]), `frames` and `flicker`. [`Report`] reads back from it.
    ///
    /// # Errors
    /// [`serde_json::Error`] if a number is not representable; none that [`super::compare`] makes.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            summary: Vec<Summary>,
            #[serde(flatten)]
            report: &'a Report,
        }
        serde_json::to_string_pretty(&Document { summary: self.summaries(), report: self })
    }

    /// Writes [`Self::to_json`] to `path`, whole or not at all.
    ///
    /// # Errors
    /// [`JudgeError::Output`] naming the path.
    pub fn save_json(&self, path: &Path) -> Result<(), JudgeError> {
        let json = self.to_json().map_err(|e| JudgeError::output(path, e))?;
        whole_files::write(path, json.as_bytes())
    }
}

/// What stands where there is no value.
pub(super) fn absent() -> String {
    "-".into()
}

/// A metric's value as tables show it.
pub(super) fn shown(metric: Metric, value: Option<f64>) -> String {
    value.map_or_else(absent, |v| metric.show(v))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}

fn spread(metric: Metric, frames: &[(&str, &Scores)]) -> Option<MetricSpread> {
    let values: Vec<(&str, f64)> =
        frames.iter().filter_map(|(name, scores)| Some((*name, metric.of(scores)?))).collect();
    let worse = |a: f64, b: f64| if metric.higher_is_better() { a < b } else { a > b };
    let (&first, rest) = values.split_first()?;
    let worst = rest.iter().fold(first, |worst, &v| if worse(v.1, worst.1) { v } else { worst });
    let numbers = || values.iter().map(|v| v.1);
    Some(MetricSpread {
        metric,
        mean: numbers().sum::<f64>() / values.len() as f64,
        min: numbers().fold(f64::INFINITY, f64::min),
        max: numbers().fold(f64::NEG_INFINITY, f64::max),
        worst: worst.0.into(),
    })
}
