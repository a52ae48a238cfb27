//! Flicker of a sequence beyond what the truth itself does.

use serde::Serialize;

use crate::area::Area;
use crate::error::QualityError;
use crate::pair::Pair;
use crate::plane::Plane;

/// Flicker of one sequence over one area.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    size: (usize, usize),
    /// Red, green and blue of the truth and of ours, of which 255 is white.
    pixels: Vec<[[f64; 3]; 2]>,
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
    /// [`QualityError::Size`] when the frame is not of the last one's size or an area not of the frame's; the meter is
    /// then as it was.
    pub fn push(&mut self, pair: &Pair, areas: &[Area]) -> Result<(), QualityError> {
        let size = (pair.width(), pair.height());
        for area in areas {
            let found = area.mask().map_or(size, |m| (m.width(), m.height()));
            if found != size {
                return Err(QualityError::size(format!("the mask of area {}", area.name()), found, size));
            }
        }
        if let Some(expected) = self.previous.as_ref().map(|p| p.size).filter(|&expected| expected != size) {
            return Err(QualityError::size("the frame", size, expected));
        }
        let pixels: Vec<_> =
            pair.reference().codes().zip(pair.test().codes()).map(|(truth, ours)| [truth, ours]).collect();
        if let Some(before) = &self.previous {
            let (flicker, motion) = change(size, &before.pixels, &pixels);
            for area in areas {
                let earlier = before.areas.iter().find(|a| a.name() == area.name());
                let weights = match (area.mask(), earlier.map(Area::mask)) {
                    (None, _) | (_, Some(None)) => None,
                    (Some(now), None) => Some(now.weights().clone()),
                    (Some(now), Some(Some(then))) => {
                        let either = now.weights().values.iter().zip(&then.weights().values);
                        let values = either.map(|(a, b)| a.max(*b)).collect();
                        Some(Plane { width: size.0, height: size.1, values })
                    }
                };
                let mean = |plane: &Plane| match &weights {
                    Some(weights) => plane.weighted_mean(weights, 0),
                    None => plane.mean(),
                };
                if let (Some(flicker), Some(motion)) = (mean(&flicker), mean(&motion)) {
                    add(&mut self.sums, area.name(), flicker, motion);
                }
            }
        }
        self.previous = Some(Previous { size, pixels, areas: areas.to_vec() });
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

/// |Δours - Δtruth| and |Δtruth| of each pixel, channels averaged; of 1 for white.
fn change(
    (width, height): (usize, usize),
    before: &[[[f64; 3]; 2]],
    after: &[[[f64; 3]; 2]],
) -> (Plane, Plane) {
    let pixels = before.iter().zip(after).map(|([truth0, ours0], [truth1, ours1])| {
        let (mut flicker, mut motion) = (0.0, 0.0);
        for c in 0..3 {
            let truth = truth1[c] - truth0[c];
            flicker += ((ours1[c] - ours0[c]) - truth).abs();
            motion += truth.abs();
        }
        (flicker / (3.0 * 255.0), motion / (3.0 * 255.0))
    });
    let (flicker, motion) = pixels.unzip();
    let plane = |values| Plane { width, height, values };
    (plane(flicker), plane(motion))
}
