//! Delta rates between the variants of a report.

use serde::Serialize;

use super::Report;
use crate::bd_rate::{BdRate, RatePoint, bd_rate};
use crate::measure::Measure;

/// The delta rate of one variant by one measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// The clip; `None` for the mean over clips.
    pub clip: Option<String>,
    /// The region's name.
    pub region: String,
    /// The measure that is held equal.
    pub measure: Measure,
    /// The variant.
    pub variant: String,
    /// The variant that it is compared with.
    pub anchor: String,
    /// The delta rate, or a line that says why there is none. That of the mean has the least overlap of the clips.
    pub result: Result<BdRate, String>,
}

impl Delta {
    pub(super) fn is_of(&self, clip: Option<&str>, region: &str, variant: &str, measure: Measure) -> bool {
        (self.clip.as_deref(), &*self.region, &*self.variant, self.measure)
            == (clip, region, variant, measure)
    }
}

impl Serialize for Delta {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'a> {
            clip: Option<&'a str>,
            region: &'a str,
            measure: Measure,
            variant: &'a str,
            anchor: &'a str,
            #[serde(flatten)]
            bd_rate: Option<&'a BdRate>,
            #[serde(skip_serializing_if = "Option::is_none")]
            absent: Option<&'a str>,
        }
        let Self { clip, region, measure, variant, anchor, result } = self;
        Fields {
            clip: clip.as_deref(),
            region,
            measure: *measure,
            variant,
            anchor,
            bd_rate: result.as_ref().ok(),
            absent: result.as_ref().err().map(String::as_str),
        }
        .serialize(serializer)
    }
}

impl Report {
    /// Delta rates of every clip, region, measure and variant but the anchor, and where there are several clips their
    /// means. There are none when the anchor has fewer than two points everywhere: then nothing was to be compared. Nor
    /// are there any by a measure that neither variant has scores of.
    pub fn deltas(&self) -> Vec<Delta> {
        deltas(self)
    }
}

fn deltas(report: &Report) -> Vec<Delta> {
    let Some(anchor) = report.anchor() else { return Vec::new() };
    let clips = report.names(|row| &row.clip);
    let several_points = clips.iter().any(|clip| {
        let rows = report.rows.iter().filter(|row| row.clip == **clip && row.variant == anchor);
        let mut rates: Vec<f64> = rows.filter_map(|row| row.kbit_per_s).collect();
        rates.sort_by(f64::total_cmp);
        rates.dedup();
        rates.len() > 1
    });
    if !several_points {
        return Vec::new();
    }
    let mut deltas = Vec::new();
    for region in report.names(|row| &row.region) {
        for variant in report.names(|row| &row.variant).into_iter().filter(|v| *v != anchor) {
            for measure in report.measures() {
                let of = |clip: Option<&str>, result| Delta {
                    clip: clip.map(str::to_owned),
                    region: region.into(),
                    measure,
                    variant: variant.into(),
                    anchor: anchor.into(),
                    result,
                };
                let curve = |clip: &str, variant: &str| -> Vec<RatePoint> {
                    let sign = if measure.higher_is_better() { 1.0 } else { -1.0 };
                    let mut points = report.curve(clip, region, variant, measure);
                    points.iter_mut().for_each(|p| p.quality *= sign);
                    points
                };
                // What neither measured is told with the scores.
                let has_points = |variant: &str| clips.iter().any(|clip| !curve(clip, variant).is_empty());
                if !has_points(anchor) && !has_points(variant) {
                    continue;
                }
                let results: Vec<Result<BdRate, String>> = clips
                    .iter()
                    .map(|clip| {
                        bd_rate(&curve(clip, anchor), &curve(clip, variant), report.interpolation)
                            .map_err(|e| e.to_string())
                    })
                    .collect();
                let mean = mean(&results);
                deltas.extend(clips.iter().zip(results).map(|(clip, result)| of(Some(clip), result)));
                if clips.len() > 1 {
                    deltas.push(of(None, mean));
                }
            }
        }
    }
    deltas
}

/// The mean of percentages, where every clip has one: a mean over fewer would flatter.
fn mean(results: &[Result<BdRate, String>]) -> Result<BdRate, String> {
    let present: Vec<&BdRate> = results.iter().flatten().collect();
    if present.len() < results.len() || present.is_empty() {
        return Err(format!("{} of {} clips have none", results.len() - present.len(), results.len()));
    }
    Ok(BdRate {
        percent: present.iter().map(|bd| bd.percent).sum::<f64>() / present.len() as f64,
        overlap: present.iter().map(|bd| bd.overlap).fold(1.0, f64::min),
    })
}
