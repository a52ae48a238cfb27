//! What the thread of a run and the interface know of each other.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

/// How a step turned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// From 1.
    pub(crate) step: usize,
    pub(crate) loss: f32,
    /// Of the step's pictures, dB.
    pub(crate) psnr: f32,
}

/// What is to become of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It goes on.
    None,
    /// It stops, and the avatar is kept as it stands.
    Keep,
    /// It stops, and no avatar is written.
    Discard,
}

/// What the thread of a run and the interface know of each other.
#[derive(Default)]
pub(crate) struct Shared {
    samples: Mutex<Vec<Sample>>,
    problems: Mutex<Vec<String>>,
    /// Of the whole run; 0 before that is known.
    steps: Mutex<(usize, String)>,
    paused: AtomicBool,
    ending: AtomicU8,
    over: AtomicBool,
}

/// How long it takes to notice that a run goes on.
const NAP: Duration = Duration::from_millis(15);
/// More samples than these are thinned.
const MOST_SAMPLES: usize = 20_000;

impl Shared {
    pub(crate) fn add(&self, sample: Sample) {
        if let Ok(mut samples) = self.samples.lock() {
            if samples.len() >= MOST_SAMPLES {
                let mut index = 0;
                samples.retain(|_| {
                    index += 1;
                    index % 2 == 0
                });
            }
            samples.push(sample);
        }
    }

    /// Looks at the samples so far.
    pub(crate) fn with_samples<R>(&self, look: impl FnOnce(&[Sample]) -> R) -> R {
        look(&self.samples.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(crate) fn say_steps(&self, steps: usize, what: String) {
        if let Ok(mut slot) = self.steps.lock() {
            *slot = (steps, what);
        }
    }

    /// How many steps there are to be, and what is learned from what.
    pub(crate) fn steps(&self) -> (usize, String) {
        self.steps.lock().map(|steps| steps.clone()).unwrap_or_default()
    }

    pub(crate) fn add_problems(&self, new: impl Iterator<Item = String>) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.extend(new);
        }
    }

    pub(crate) fn take_problems(&self) -> Vec<String> {
        self.problems.lock().map(|mut problems| std::mem::take(&mut *problems)).unwrap_or_default()
    }

    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self, ending: Ending) {
        self.ending.store(ending as u8, Ordering::Relaxed);
    }

    pub(crate) fn ending(&self) -> Ending {
        match self.ending.load(Ordering::Relaxed) {
            0 => Ending::None,
            1 => Ending::Keep,
            _ => Ending::Discard,
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// Waits while the run is paused and shall not end.
    pub(crate) fn wait_while_paused(&self, cancelled: impl Fn() -> bool) {
        while self.is_paused() && self.ending() == Ending::None && !cancelled() {
            std::thread::sleep(NAP);
        }
    }
}

/// Says that a run is over when it goes.
pub(crate) struct Over<'a>(pub(crate) &'a Shared);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

/// Points of a curve at most `most` long, each the mean of its part: single pictures differ by several decibels.
pub(crate) fn smoothed(samples: &[Sample], most: usize, of: impl Fn(&Sample) -> f32) -> Vec<[f64; 2]> {
    let each = samples.len().div_ceil(most.max(1)).max(1);
    samples
        .chunks(each)
        .filter_map(|part| {
            let sum: f64 = part.iter().map(|sample| f64::from(of(sample))).sum();
            let mean = sum / part.len() as f64;
            mean.is_finite().then(|| [part[part.len() / 2].step as f64, mean])
        })
        .collect()
}
