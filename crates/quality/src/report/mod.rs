//! Comparisons gathered into a table, JSON, and a page with curves or pictures.

mod chart;
mod delta;
mod escape;
mod frames;
mod gallery;
mod page;
mod picture_files;
mod table;

use std::path::Path;

use serde::Serialize;

pub use delta::Delta;
pub use gallery::Gallery;
pub use picture_files::DIFFERENCE_GAIN;

use crate::bd_rate::{Interpolation, RatePoint};
use crate::error::QualityError;
use crate::flicker::SequenceFlicker;
use crate::measure::Measure;
use crate::rect::Rect;
use crate::score::{Comparison, MeasureScores, Score, number};
use crate::whole_files;

/// What a comparison is of; what is empty is not shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// The clip.
    pub clip: String,
    /// The split of a capture.
    pub split: String,
    /// The variant: one way to encode, which has one curve over rate.
    pub variant: String,
    /// The rate point, such as "crf 30".
    pub point: String,
    /// Its rate, kbit/s, where there is one.
    pub kbit_per_s: Option<f64>,
}

/// One comparison over one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// The clip.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub clip: String,
    /// The split.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub split: String,
    /// The variant.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub variant: String,
    /// The rate point.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub point: String,
    /// Its rate, kbit/s.
    #[serde(serialize_with = "rate")]
    pub kbit_per_s: Option<f64>,
    /// The region's name.
    pub region: String,
    /// The region's rectangle, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rect: Option<Rect>,
    /// The region's share of a frame, the mean over frames, 0..=1.
    pub share: f64,
    /// How many frames were compared.
    pub frames: usize,
    /// Names of the frames, where they are no sequence, whose frames have numbers. Reports may leave them empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
    /// The scores.
    pub scores: Vec<MeasureScores>,
}

impl Row {
    /// The score of a measure, where there is one.
    pub fn score(&self, measure: Measure) -> Option<&Score> {
        self.scores.iter().find(|s| s.measure == measure)?.result.as_ref().ok()
    }

    /// How many frames have a value.
    fn measured(&self) -> usize {
        let values = self.scores.iter().filter_map(|s| s.result.as_ref().ok());
        values.map(|score| score.per_frame.iter().flatten().count()).max().unwrap_or(0)
    }

    /// The name of a frame, or its number.
    fn name_of(&self, frame: usize) -> String {
        self.names.get(frame).cloned().unwrap_or_else(|| frame.to_string())
    }
}

fn rate<S: serde::Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Comparisons, and the delta rates between their variants.
#[derive(Clone, Debug, Default)]
pub struct Report {
    title: String,
    anchor: Option<String>,
    interpolation: Interpolation,
    rows: Vec<Row>,
    flicker: Vec<SequenceFlicker>,
}

impl Report {
    /// An empty report. Delta rates are against the variant `anchor`; against the first that is added if left out.
    pub fn new(title: impl Into<String>, anchor: Option<String>, interpolation: Interpolation) -> Self {
        Self { title: title.into(), anchor, interpolation, ..Self::default() }
    }

    /// Takes a comparison in: one row per region.
    pub fn add(&mut self, labels: &Labels, comparison: &Comparison) {
        let Labels { clip, split, variant, point, kbit_per_s } = labels;
        self.rows.extend(comparison.regions.iter().map(|region| Row {
            clip: clip.clone(),
            split: split.clone(),
            variant: variant.clone(),
            point: point.clone(),
            kbit_per_s: *kbit_per_s,
            region: region.region.clone(),
            rect: region.rect,
            share: region.share,
            frames: comparison.frames,
            names: comparison.names.clone(),
            scores: region.scores.clone(),
        }));
    }

    /// Takes the flicker of sequences in.
    pub fn add_flicker(&mut self, flicker: impl IntoIterator<Item = SequenceFlicker>) {
        self.flicker.extend(flicker);
    }

    /// The title.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The rows, in the order in which they were added.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The variant that delta rates are against; `None` in a report without variants.
    pub fn anchor(&self) -> Option<&str> {
        let first = || self.rows.iter().map(|row| row.variant.as_str()).find(|variant| !variant.is_empty());
        self.anchor.as_deref().or_else(first)
    }

    /// The flicker of sequences, where it was measured.
    pub fn flicker(&self) -> &[SequenceFlicker] {
        &self.flicker
    }

    /// Rows and delta rates as JSON; with every frame's value if `frames`. Infinity is `"inf"`.
    pub fn json(&self, frames: bool) -> String {
        #[derive(Serialize)]
        struct Whole<'a> {
            title: &'a str,
            anchor: Option<&'a str>,
            rows: Vec<Row>,
            bd_rates: Vec<Delta>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            flicker: &'a [SequenceFlicker],
        }
        let mut rows = self.rows.clone();
        if !frames {
            let scores = rows.iter_mut().flat_map(|row| &mut row.scores);
            for score in scores.filter_map(|s| s.result.as_mut().ok()) {
                score.per_frame.clear();
            }
            rows.iter_mut().for_each(|row| row.names.clear());
        }
        let (title, anchor, flicker) = (&*self.title, self.anchor(), &*self.flicker);
        let whole = Whole { title, anchor, rows, bd_rates: self.deltas(), flicker };
        // Names, numbers and sequences always have a form in JSON.
        serde_json::to_string_pretty(&whole).unwrap_or_default()
    }

    /// Writes the [JSON](Self::json), whole or not at all.
    ///
    /// # Errors
    /// [`QualityError::Write`].
    pub fn save_json(&self, path: &Path, frames: bool) -> Result<(), QualityError> {
        whole_files::write(path, (self.json(frames) + "\n").as_bytes())
    }

    /// Writes the [page](Self::page), whole or not at all.
    ///
    /// # Errors
    /// [`QualityError::Write`].
    pub fn save_page(&self, path: &Path) -> Result<(), QualityError> {
        whole_files::write(path, self.page().as_bytes())
    }

    /// The measures that any row asked for, in the order of [`Measure::ALL`].
    fn measures(&self) -> Vec<Measure> {
        let asked = |m: &Measure| self.rows.iter().any(|row| row.scores.iter().any(|s| s.measure == *m));
        Measure::ALL.into_iter().filter(asked).collect()
    }

    /// Different values of a field, in the order in which they first occur.
    fn names<'a>(&'a self, field: impl Fn(&'a Row) -> &'a str) -> Vec<&'a str> {
        let mut names = Vec::new();
        for name in self.rows.iter().map(field) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Rate and pooled score of one curve, by rising rate.
    fn curve(&self, clip: &str, region: &str, variant: &str, measure: Measure) -> Vec<RatePoint> {
        let rows = self.rows.iter().filter(|r| r.clip == clip && r.region == region && r.variant == variant);
        let mut points: Vec<RatePoint> = rows
            .filter_map(|row| {
                Some(RatePoint { kbit_per_s: row.kbit_per_s?, quality: row.score(measure)?.pooled })
            })
            .collect();
        points.sort_by(|a, b| a.kbit_per_s.total_cmp(&b.kbit_per_s));
        points
    }

    /// What is absent and why, each reason once.
    fn absences(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for row in &self.rows {
            for MeasureScores { measure, result } in &row.scores {
                if let Err(reason) = result {
                    let line = format!("{measure} of {}: {reason}", row.region);
                    if !lines.contains(&line) {
                        lines.push(line);
                    }
                }
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::close;
    use crate::score::RegionScores;

    /// Two variants of two clips, over two regions; the second needs half the rate for the same quality.
    pub(super) fn sample() -> Report {
        let mut report = Report::new("a <title> & more", None, Interpolation::Piecewise);
        for clip in ["one", "two <b>"] {
            for (variant, factor) in [("plain", 1.0), ("\"roi\"", 0.5)] {
                for (i, rate) in [50.0, 110.0, 260.0, 700.0].into_iter().enumerate() {
                    let value = |measure: Measure| {
                        let pooled = match measure {
                            Measure::Flip | Measure::Laplacian => 0.12 - 0.02 * i as f64,
                            Measure::Ssim | Measure::MsSsim => 0.9 + 0.02 * i as f64,
                            _ => 70.0 + 7.0 * i as f64,
                        };
                        let result = match measure {
                            Measure::Xpsnr => Err("this ffmpeg has no <xpsnr>".to_owned()),
                            _ => Ok(Score::new(measure, vec![Some(pooled); 3], None).unwrap()),
                        };
                        MeasureScores { measure, result }
                    };
                    let region = |name: &str| RegionScores {
                        region: name.into(),
                        rect: None,
                        share: 1.0,
                        scores: Measure::ALL.map(value).to_vec(),
                    };
                    let comparison = Comparison {
                        frames: 3,
                        names: Vec::new(),
                        regions: vec![region("frame"), region("face")],
                    };
                    let labels = Labels {
                        clip: clip.into(),
                        variant: variant.into(),
                        point: format!("crf {i}"),
                        kbit_per_s: Some(rate * factor),
                        ..Labels::default()
                    };
                    report.add(&labels, &comparison);
                }
            }
        }
        report
    }

    #[test]
    fn deltas_are_per_clip_and_mean() {
        let report = sample();
        let deltas = report.deltas();
        // 9 measures that have scores, 2 regions, 2 clips and their mean, one variant against the anchor.
        assert_eq!(deltas.len(), 9 * 2 * 3);
        for delta in &deltas {
            assert_eq!((delta.variant.as_str(), delta.anchor.as_str()), ("\"roi\"", "plain"));
            close(delta.result.as_ref().unwrap().percent, -50.0, 1e-9);
        }
    }

    #[test]
    fn json_is_complete() {
        let json: serde_json::Value = serde_json::from_str(&sample().json(false)).unwrap();
        assert_eq!(json["rows"].as_array().unwrap().len(), 2 * 2 * 4 * 2);
        assert_eq!(json["rows"][0]["kbit_per_s"], 50.0);
        assert_eq!(json["rows"][0]["scores"][5]["measure"], "flip");
        assert_eq!(json["rows"][0]["scores"][5]["pooled"], 0.12);
        assert!(json["rows"][0]["scores"][5].get("per_frame").is_none());
        assert_eq!(json["rows"][0]["scores"][9]["absent"], "this ffmpeg has no <xpsnr>");
        assert!((json["bd_rates"][0]["bd_rate_percent"].as_f64().unwrap() + 50.0).abs() < 1e-9);
        let json: serde_json::Value = serde_json::from_str(&sample().json(true)).unwrap();
        assert_eq!(json["rows"][0]["scores"][5]["per_frame"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn the_table_has_every_row_and_reason() {
        let table = sample().table();
        let lines: Vec<&str> = table.lines().collect();
        assert!(lines[0].starts_with("clip") && lines[0].ends_with("XPSNR"), "{table}");
        assert_eq!(lines.iter().filter(|l| l.contains("crf 2")).count(), 2 * 2 * 2);
        assert!(table.contains("-50.0"), "{table}");
        assert!(table.contains("XPSNR of face: this ffmpeg has no <xpsnr>"), "{table}");
    }

    #[test]
    fn the_page_escapes_and_draws() {
        let page = sample().page();
        assert!(page.contains("a &lt;title&gt; &amp; more") && !page.contains("<title> &"), "{page}");
        assert!(!page.contains("<b>") && !page.contains("<xpsnr>"));
        // A chart for each clip, region and measure that has values.
        assert_eq!(page.matches("<svg").count(), 2 * 2 * 9);
        assert_eq!(page.matches("<polyline").count(), 2 * 2 * 9 * 2);
        assert!(
            !page.contains("http://") || page.matches("http://").count() == page.matches("xmlns").count()
        );
    }

    // A lone pair has no curves over rate; its frames are drawn instead.
    #[test]
    fn a_lone_pair_is_drawn_over_frames() {
        let mut report = Report::new("pair", None, Interpolation::Piecewise);
        let per_frame = vec![Some(30.0), None, Some(f64::INFINITY), Some(31.0), Some(29.0)];
        let score = Score::new(Measure::PsnrRgb, per_frame, Some(30.2)).unwrap();
        let scores = vec![MeasureScores { measure: Measure::PsnrRgb, result: Ok(score) }];
        let regions = vec![RegionScores { region: "frame".into(), rect: None, share: 1.0, scores }];
        let comparison = Comparison { frames: 5, names: Vec::new(), regions };
        report.add(&Labels { clip: "a".into(), variant: "b".into(), ..Labels::default() }, &comparison);
        assert!(report.deltas().is_empty());
        let page = report.page();
        assert_eq!((page.matches("<svg").count(), page.contains("30.20")), (1, true));
        // Frame 0 stands alone, 3 and 4 are joined.
        assert_eq!((page.matches("<circle").count(), page.matches("<polyline").count()), (1, 2));
        assert!(!page.contains("NaN") && !page.contains("inf"), "{page}");
        assert!(!report.table().contains("BD-rate"));
    }
}
