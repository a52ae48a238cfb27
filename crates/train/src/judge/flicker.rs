//! Flicker of a sequence beyond what the truth itself does.

use serde::{Deserialize, Serialize};

use super::{Area, JudgeError, Map, Pair};

/// Flicker of one sequence over one area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SequenceFlicker {
    /// The sequence's name.
    pub sequence: String,
    /// The area's name.
    pub area: String,
    /// Steps from frame to frame that were averaged.
    pub steps: usize,
    /// Mean of |Δours - Δtruth| over steps, pixels and channels; display-referred, 0..=2. A constant error does not
    /// flicker: 0.
    pub flicker: f64,
    /// Mean of |Δtruth| likewise: how much there was to follow.
    pub motion: f64,
}

/// Takes the frames of a sequence in order and measures how much the error changes from each to the next.
///
/// Each step's mean is over the pixels that the area holds in either of its two frames (the larger weight), so that a
/// silhouette that flickers counts; steps weigh the same whatever their area.
#[derive(Debug)]
pub struct FlickerMeter {
    sequence: String,
    previous: Option<Previous>,
    sums: Vec<Sum>,
}

#[derive(Debug)]
struct Previous {
    pair: Pair,
    areas: Vec<Area>,
}

#[derive(Debug)]
struct Sum {
    area: String,
    steps: usize,
    flicker: f64,
    motion: f64,
}

impl FlickerMeter {
    /// A meter for the sequence of this name.
    pub fn new(sequence: impl Into<String>) -> Self {
        Self { sequence: sequence.into(), previous: None, sums: Vec::new() }
    }

    /// Adds the next frame.
    ///
    /// # Errors
    /// [`JudgeError::Size`] when the frame is not of the last one's size or an area not of the frame's; the meter is
    /// then as it was.
    pub fn push(
        &mut self,
        truth: super::Picture<'_>,
        ours: super::Picture<'_>,
        areas: &[Area],
    ) -> Result<(), JudgeError> {
        let pair = Pair::new(truth, ours)?;
        for area in areas {
            pair.weights(area)?;
        }
        if let Some(previous) = &self.previous {
            let before = &previous.pair;
            if (before.width, before.height) != (pair.width, pair.height) {
                return Err(JudgeError::Size {
                    what: "the frame".into(),
                    width: pair.width,
                    height: pair.height,
                    expected_width: before.width,
                    expected_height: before.height,
                });
            }
            let (flicker, motion) = change(before, &pair);
            for area in areas {
                let weights = pair.weights(area)?;
                let earlier = previous.areas.iter().find(|a| a.name() == area.name());
                let weights = match (weights, earlier.map(|a| before.weights(a)).transpose()?) {
                    (None, _) | (_, Some(None)) => None,
                    (Some(now), None) => Some(now.clone()),
                    (Some(now), Some(Some(then))) => {
                        let either = now.values.iter().zip(&then.values).map(|(a, b)| a.max(*b));
                        Some(Map { width: now.width, height: now.height, values: either.collect() })
                    }
                };
                let mean = |map: &Map| map.mean(weights.as_ref(), 0);
                if let (Some(flicker), Some(motion)) = (mean(&flicker), mean(&motion)) {
                    add(&mut self.sums, area.name(), flicker, motion);
                }
            }
        }
        self.previous = Some(Previous { pair, areas: areas.to_vec() });
        Ok(())
    }

    /// Tells of a cut: the next frame does not follow the last one.
    pub fn cut(&mut self) {
        self.previous = None;
    }

    /// The flicker of each area that had a step, in the order in which they came.
    pub fn finish(self) -> Vec<SequenceFlicker> {
        let sequence = self.sequence;
        let result = |sum: Sum| SequenceFlicker {
            sequence: sequence.clone(),
            area: sum.area,
            steps: sum.steps,
            flicker: sum.flicker / sum.steps as f64,
            motion: sum.motion / sum.steps as f64,
        };
        self.sums.into_iter().map(result).collect()
    }
}

fn add(sums: &mut Vec<Sum>, area: &str, flicker: f64, motion: f64) {
    match sums.iter_mut().find(|s| s.area == area) {
        Some(sum) => {
            sum.steps += 1;
            sum.flicker += flicker;
            sum.motion += motion;
        }
        None => sums.push(Sum { area: area.into(), steps: 1, flicker, motion }),
    }
}

/// |Δours - Δtruth| and |Δtruth| of each pixel, channels averaged.
fn change(before: &Pair, after: &Pair) -> (Map, Map) {
    let count = after.width * after.height;
    let mut flicker = vec![0.0; count];
    let mut motion = vec![0.0; count];
    for c in 0..3 {
        let (truth0, truth1) = (&before.truth[c].values, &after.truth[c].values);
        let (ours0, ours1) = (&before.ours[c].values, &after.ours[c].values);
        for i in 0..count {
            let truth = truth1[i] - truth0[i];
            flicker[i] += ((ours1[i] - ours0[i]) - truth).abs() / 3.0;
            motion[i] += truth.abs() / 3.0;
        }
    }
    let map = |values| Map { width: after.width, height: after.height, values };
    (map(flicker), map(motion))
}
