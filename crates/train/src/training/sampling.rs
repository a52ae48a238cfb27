//! Which pictures a step learns from.

use std::collections::BTreeMap;

use effigy_capture::{Capture, CaptureFrame, Split};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

/// Draws training frames so that expressions come evenly: those that many pictures show (the neutral face, mostly) are
/// drawn by the square root of how many.
///
/// The frames of each step follow from the seed and the step alone, so that a run that is resumed goes on as it would
/// have.
#[derive(Clone, Debug)]
pub struct Sampler {
    seed: u64,
    /// Training frames in an order by the seed, with the running sum of their shares.
    frames: Vec<(usize, f64)>,
}

/// One over the golden ratio: multiples of it fall evenly into any range.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

impl Sampler {
    /// Over the training frames of `capture`.
    pub fn new(capture: &Capture, seed: u64) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut frames: Vec<(usize, &CaptureFrame)> = capture.split(Split::Train).collect();
        for (_, frame) in &frames {
            *counts.entry(expression(frame)).or_default() += 1;
        }
        let mut rng = SmallRng::seed_from_u64(seed);
        for i in (1..frames.len()).rev() {
            frames.swap(i, rng.random_range(0..=i));
        }
        let share =
            |frame: &CaptureFrame| 1.0 / (counts.get(&expression(frame)).copied().unwrap_or(1) as f64).sqrt();
        let total: f64 = frames.iter().map(|(_, f)| share(f)).sum();
        let mut sum = 0.0;
        let frames = frames
            .iter()
            .map(|&(i, frame)| {
                sum += share(frame) / total;
                (i, sum)
            })
            .collect();
        Self { seed, frames }
    }

    /// How many frames there are to learn from.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The frame of draw number `draw`; none if there is nothing to draw from.
    pub fn frame(&self, draw: u64) -> Option<usize> {
        let at = (0.5 + draw as f64 * GOLDEN).fract();
        let place = self.frames.partition_point(|&(_, sum)| sum < at);
        self.frames.get(place).or(self.frames.last()).map(|f| f.0)
    }

    /// A mixture of expressions for step number `step`: two frames to learn from, and how many times as strong as in the
    /// capture each is, 0.5 to 1.5.
    pub fn mixture(&self, step: u64) -> Option<[(usize, f32); 2]> {
        let mut rng = SmallRng::seed_from_u64(!self.seed ^ step.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut pick = || {
            Some((
                self.frames.get(rng.random_range(0..self.frames.len().max(1)))?.0,
                rng.random_range(0.5..1.5),
            ))
        };
        Some([pick()?, pick()?])
    }

    /// The background of draw number `draw`, uniform in the colour cube.
    pub fn background(&self, draw: u64) -> [f32; 3] {
        let mut rng = SmallRng::seed_from_u64(self.seed ^ draw.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        [rng.random(), rng.random(), rng.random()]
    }
}

/// What a frame's expression is told by: its controls that are not zero.
fn expression(frame: &CaptureFrame) -> String {
    let controls = frame.controls.iter().filter(|(_, value)| **value != 0.0);
    controls.map(|(name, value)| format!("{name}={value};")).collect()
}
