//! What a comparison of two sequences gives.

use serde::{Serialize, Serializer};

use super::{Measure, Rect};

/// Two sequences compared, over every region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Width of the pictures, pixels.
    pub width: usize,
    /// Height of the pictures, pixels.
    pub height: usize,
    /// How many frames each sequence has.
    pub frames: usize,
    /// One entry per region, in the order of the options.
    pub regions: Vec<RegionScores>,
}

/// The scores of one region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RegionScores {
    /// The region's name.
    pub region: String,
    /// Its rectangle, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rect: Option<Rect>,
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
    /// For the whole sequence: PSNR from the mean squared error, XPSNR as FFmpeg averages it, all others the mean over
    /// frames.
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
    pub(super) fn new(measure: Measure, per_frame: Vec<Option<f64>>, pooled: Option<f64>) -> Option<Self> {
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
}

/// JSON has no infinity: identical pictures have a PSNR of `"inf"`.
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
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
