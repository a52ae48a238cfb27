//! What a comparison gives.

use serde::{Serialize, Serializer};

use crate::measure::Measure;
use crate::rect::Rect;

/// Two sequences, or many pairs of pictures, compared over every region.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// How many frames each sequence has, or how many pairs there are.
    pub frames: usize,
    /// Names of the pictures; of a sequence, whose frames have numbers, there are none.
    pub names: Vec<String>,
    /// One entry per region, in the order of the options.
    pub regions: Vec<RegionScores>,
}

/// The scores of one region.
#[derive(Clone, Debug, PartialEq)]
pub struct RegionScores {
    /// The region's name.
    pub region: String,
    /// Its rectangle, where it is one.
    pub rect: Option<Rect>,
    /// Its share of a frame, the mean over frames, 0..=1.
    pub share: f64,
    /// One entry per measure asked for.
    pub scores: Vec<MeasureScores>,
}

/// The scores of one measure over one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeasureScores {
    /// Which measure.
    pub measure: Measure,
    /// The scores, or the reason why there are none.
    #[serde(flatten, serialize_with = "score_or_reason")]
    pub result: Result<Score, String>,
}

/// One measure over a sequence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Of a sequence: PSNR from the mean squared error, XPSNR as FFmpeg averages it, all others the mean over frames. Of
    /// pictures that are no sequence: the mean over those that have a value.
    #[serde(serialize_with = "number")]
    pub pooled: f64,
    /// The fifth percentile from the worst end: a twentieth of the frames, rounded down, are worse.
    #[serde(serialize_with = "number")]
    pub worst_twentieth: f64,
    /// The value of the worst frame.
    #[serde(serialize_with = "number")]
    pub worst: f64,
    /// Which frame that is, from 0.
    pub worst_frame: usize,
    /// Each frame's value; `None` for a frame without one, such as one with an empty mask. Reports may leave it empty.
    #[serde(serialize_with = "numbers", skip_serializing_if = "Vec::is_empty")]
    pub per_frame: Vec<Option<f64>>,
}

impl Score {
    /// Scores from the values of frames, pooled by the mean unless `pooled` says otherwise. `None` where no frame has
    /// a value.
    pub(crate) fn new(measure: Measure, per_frame: Vec<Option<f64>>, pooled: Option<f64>) -> Option<Self> {
        let mut order: Vec<(usize, f64)> =
            per_frame.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?))).collect();
        let mean = order.iter().map(|(_, v)| v).sum::<f64>() / order.len() as f64;
        // Worst first, and of equals the first.
        order.sort_by(|(i, a), (j, b)| {
            let ascending = a.total_cmp(b);
            let by_value = if measure.higher_is_better() { ascending } else { ascending.reverse() };
            by_value.then(i.cmp(j))
        });
        let &(worst_frame, worst) = order.first()?;
        let &(_, worst_twentieth) = order.get(order.len() / 20)?;
        Some(Self { pooled: pooled.unwrap_or(mean), worst_twentieth, worst, worst_frame, per_frame })
    }

    /// The smallest and the largest value of a frame.
    pub fn range(&self) -> [f64; 2] {
        let values = || self.per_frame.iter().flatten().copied();
        [values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max)]
    }
}

/// JSON has no infinity: identical pictures have a PSNR of `"inf"`.
pub(crate) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    match *value {
        f64::INFINITY => serializer.serialize_str("inf"),
        value if value.is_finite() => serializer.serialize_f64(value),
        _ => serializer.serialize_none(),
    }
}

fn numbers<S: Serializer>(values: &[Option<f64>], serializer: S) -> Result<S::Ok, S::Error> {
    struct Number(f64);
    impl Serialize for Number {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            number(&self.0, serializer)
        }
    }
    serializer.collect_seq(values.iter().map(|v| v.map(Number)))
}

fn score_or_reason<S: Serializer>(result: &Result<Score, String>, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Absent<'a> {
        absent: &'a str,
    }
    match result {
        Ok(score) => score.serialize(serializer),
        Err(reason) => Absent { absent: reason }.serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_worst_at_the_right_end() {
        let values: Vec<Option<f64>> =
            [None].into_iter().chain((0..40).map(|i| Some(f64::from(i)))).collect();
        let score = Score::new(Measure::Vmaf, values.clone(), None).unwrap();
        assert_eq!((score.worst, score.worst_frame, score.worst_twentieth), (0.0, 1, 2.0));
        assert_eq!(score.pooled, 19.5);
        let score = Score::new(Measure::Flip, values, Some(7.0)).unwrap();
        assert_eq!((score.worst, score.worst_frame, score.worst_twentieth), (39.0, 40, 37.0));
        assert_eq!(score.pooled, 7.0);
        assert_eq!(Score::new(Measure::Flip, vec![None], None), None);
    }

    #[test]
    fn json_says_infinity_and_absence_in_words() {
        let score = Score::new(Measure::PsnrRgb, vec![Some(f64::INFINITY), None, Some(30.5)], None).unwrap();
        let scores = [
            MeasureScores { measure: Measure::PsnrRgb, result: Ok(score) },
            MeasureScores { measure: Measure::VmafNeg, result: Err("no ffmpeg".into()) },
        ];
        assert_eq!(
            serde_json::to_string(&scores).unwrap(),
            concat!(
                r#"[{"measure":"psnr_rgb","pooled":"inf","worst_twentieth":30.5,"worst":30.5,"worst_frame":2,"#,
                r#""per_frame":["inf",null,30.5]},{"measure":"vmaf_neg","absent":"no ffmpeg"}]"#
            )
        );
    }
}
