//! What the thread that watches a run and the interface know of each other.

use std::io::Write as _;
use std::process::ChildStdin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use effigy_train::session::Order;

/// How a step turned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// From 1.
    pub(crate) step: usize,
    pub(crate) loss: f32,
    /// Of the step's pictures, dB.
    pub(crate) psnr: f32,
}

/// What the thread that watches a run and the interface know of each other.
#[derive(Default)]
pub(crate) struct Shared {
    samples: Mutex<Vec<Sample>>,
    problems: Mutex<Vec<String>>,
    /// Of the whole run; 0 before that is known.
    steps: Mutex<(usize, String)>,
    paused: AtomicBool,
    ending: AtomicBool,
    over: AtomicBool,
    orders: Mutex<Orders>,
}

/// What the run is told.
#[derive(Default)]
struct Orders {
    /// Once it listens.
    run: Option<ChildStdin>,
    /// What it was told before that.
    early: Vec<Order>,
}

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

    pub(crate) fn add_problem(&self, problem: String) {
        if let Ok(mut problems) = self.problems.lock() {
            problems.push(problem);
        }
    }

    pub(crate) fn take_problems(&self) -> Vec<String> {
        self.problems.lock().map(|mut problems| std::mem::take(&mut *problems)).unwrap_or_default()
    }

    /// The run can be told what to do from now on.
    pub(super) fn listen(&self, run: ChildStdin) {
        if let Ok(mut orders) = self.orders.lock() {
            orders.run = Some(run);
            for order in std::mem::take(&mut orders.early) {
                orders.tell(order);
            }
        }
    }

    /// Tells the run what to do.
    pub(crate) fn order(&self, order: Order) {
        match order {
            Order::Pause => self.paused.store(true, Ordering::Relaxed),
            Order::Resume => self.paused.store(false, Ordering::Relaxed),
            Order::Show => {}
            Order::Keep | Order::Discard => self.ending.store(true, Ordering::Relaxed),
        }
        if let Ok(mut orders) = self.orders.lock() {
            orders.tell(order);
        }
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Whether it was told to stop.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

impl Orders {
    fn tell(&mut self, order: Order) {
        match &mut self.run {
            // A run that is gone is noticed where its events are read.
            Some(run) => drop(writeln!(run, "{order}").and_then(|()| run.flush())),
            None => self.early.push(order),
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
