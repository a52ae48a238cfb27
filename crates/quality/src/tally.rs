//! The values of one region, as frame after frame brings them.

use crate::mask::Mask;
use crate::measure::Measure;
use crate::pair::Pair;
use crate::psnr::SquaredError;
use crate::rect::Rect;
use crate::score::{MeasureScores, RegionScores, Score};

/// One frame's values over one region.
pub(crate) struct FrameValues {
    error: SquaredError,
    share: f64,
    /// Of all measures, in their order.
    values: Vec<Result<Option<f64>, String>>,
}

impl FrameValues {
    /// Of `pair`. `share` is the region's share of the frame where no mask tells it. `skipped` measures have no value of
    /// this frame.
    pub(crate) fn of(
        pair: &Pair,
        mask: Option<&Mask>,
        share: f64,
        measures: &[Measure],
        skipped: impl Fn(Measure) -> bool,
    ) -> Self {
        let error = pair.squared_error(mask);
        let value = |&measure: &Measure| match measure {
            Measure::PsnrRgb => Ok(error.psnr_rgb()),
            Measure::PsnrLuma => Ok(error.psnr_luma()),
            measure if skipped(measure) => Ok(None),
            measure => pair.value(measure, mask),
        };
        let values = measures.iter().map(value).collect();
        Self { error, share: mask.map_or(share, Mask::share), values }
    }

    /// Of a frame that does not have the region.
    pub(crate) fn none(measures: usize) -> Self {
        Self { error: SquaredError::default(), share: 0.0, values: vec![Ok(None); measures] }
    }
}

/// How the PSNR of frames becomes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// From the mean of the squared error: of sequences.
    SquaredError,
    /// The mean of decibels, as for all other measures: of pictures that each weigh the same.
    Mean,
}

/// The values so far.
pub(crate) struct Tally {
    error: SquaredError,
    share: f64,
    frames: usize,
    /// Per measure: each frame's value, and the first fault.
    values: Vec<(Vec<Option<f64>>, Option<String>)>,
}

impl Tally {
    /// Without frames yet. A measure with a fault has no values from the start, for that reason.
    pub(crate) fn new(faults: impl IntoIterator<Item = Option<String>>) -> Self {
        let values = faults.into_iter().map(|fault| (Vec::new(), fault)).collect();
        Self { error: SquaredError::default(), share: 0.0, frames: 0, values }
    }

    pub(crate) fn push(&mut self, frame: FrameValues) {
        self.error.add(&frame.error);
        self.share += frame.share;
        self.frames += 1;
        for ((values, first), value) in self.values.iter_mut().zip(frame.values) {
            match value {
                Ok(value) => values.push(value),
                Err(fault) => {
                    values.push(None);
                    first.get_or_insert(fault);
                }
            }
        }
    }

    /// The scores. What is `judged` elsewhere stands in place of what was tallied.
    pub(crate) fn finish(
        self,
        region: String,
        rect: Option<Rect>,
        measures: &[Measure],
        pooling: Pooling,
        judged: &[(Measure, Result<Score, String>)],
    ) -> RegionScores {
        let Self { error, share, frames, values } = self;
        let score = |(&measure, (values, fault)): (&Measure, (Vec<Option<f64>>, Option<String>))| {
            if let Some((_, result)) = judged.iter().find(|(m, _)| *m == measure) {
                return MeasureScores { measure, result: result.clone() };
            }
            let pooled = match (pooling, measure) {
                (Pooling::SquaredError, Measure::PsnrRgb) => error.psnr_rgb(),
                (Pooling::SquaredError, Measure::PsnrLuma) => error.psnr_luma(),
                _ => None,
            };
            let reason = || fault.unwrap_or_else(|| "every mask is empty".into());
            MeasureScores { measure, result: Score::new(measure, values, pooled).ok_or_else(reason) }
        };
        let scores = measures.iter().zip(values).map(score).collect();
        RegionScores { region, rect, share: share / frames.max(1) as f64, scores }
    }
}
