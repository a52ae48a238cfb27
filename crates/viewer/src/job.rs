//! Work that takes long: each on a thread of its own, with progress, and to be cancelled.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex};

/// What a job has done, to be taken into `S`.
pub(crate) type Outcome<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Why a job failed.
pub(crate) struct Fault {
    pub(crate) text: String,
    /// What the user can do about it.
    pub(crate) advice: &'static str,
}

impl Fault {
    pub(crate) fn new(text: impl ToString, advice: &'static str) -> Self {
        Self { text: text.to_string(), advice }
    }
}

/// How far a job is: its end of the line.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Of 1, as bits of a float.
    done: AtomicU32,
    cancelled: AtomicBool,
    doing: Mutex<String>,
}

impl Progress {
    /// Says how much of 1 is done; below 0 for unknown.
    pub(crate) fn set(&self, done: f32) {
        self.shared.done.store(done.to_bits(), Ordering::Relaxed);
    }

    /// Says what is being done.
    pub(crate) fn say(&self, doing: impl Into<String>) {
        if let Ok(mut slot) = self.shared.doing.lock() {
            *slot = doing.into();
        }
    }

    /// Whether the job should stop as soon as it can.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Relaxed)
    }

    pub(crate) fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Relaxed);
    }

    pub(crate) fn done(&self) -> f32 {
        f32::from_bits(self.shared.done.load(Ordering::Relaxed))
    }

    pub(crate) fn doing(&self) -> String {
        self.shared.doing.lock().map(|doing| doing.clone()).unwrap_or_default()
    }
}

/// One job.
pub(crate) struct Job<S> {
    pub(crate) name: String,
    pub(crate) progress: Progress,
    result: Receiver<Result<Outcome<S>, Fault>>,
}

/// The jobs that are under way, for `S`.
pub(crate) struct Jobs<S> {
    list: Vec<Job<S>>,
    /// Wakes the interface.
    context: egui::Context,
}

impl<S: 'static> Jobs<S> {
    pub(crate) fn new(context: &egui::Context) -> Self {
        Self { list: Vec::new(), context: context.clone() }
    }

    /// Starts one. A job that is cancelled is not heard of again: what it hands back is dropped.
    pub(crate) fn start(
        &mut self,
        name: impl Into<String>,
        work: impl FnOnce(&Progress) -> Result<Outcome<S>, Fault> + Send + 'static,
    ) {
        let (sender, result) = channel();
        let progress = Progress::default();
        progress.set(-1.0);
        let (own, context) = (progress.clone(), self.context.clone());
        let spawned = std::thread::Builder::new().spawn(move || {
            // Who asked may have lost interest.
            let _ = sender.send(work(&own));
            context.request_repaint();
        });
        // A thread that cannot be had has dropped the sender, which is noticed as a job that died.
        drop(spawned);
        self.list.push(Job { name: name.into(), progress, result });
    }

    /// What wakes the interface.
    pub(crate) fn context(&self) -> &egui::Context {
        &self.context
    }

    pub(crate) fn list(&self) -> &[Job<S>] {
        &self.list
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.list.is_empty()
    }

    /// Cancels the jobs called `name`.
    pub(crate) fn cancel(&self, name: &str) {
        self.list.iter().filter(|job| job.name == name).for_each(|job| job.progress.cancel());
    }

    /// Takes the results that are there.
    pub(crate) fn collect(&mut self) -> Vec<Result<Outcome<S>, Fault>> {
        let mut results = Vec::new();
        self.list.retain(|job| {
            if job.progress.is_cancelled() {
                return false;
            }
            match job.result.try_recv() {
                Ok(result) => results.push(result),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => results.push(Err(Fault::new(
                    format!("{} stopped without a result", job.name),
                    "Try it again; if it happens again, please report it.",
                ))),
            }
            false
        });
        results
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn wait(jobs: &mut Jobs<()>) -> Vec<Result<Outcome<()>, Fault>> {
        let start = Instant::now();
        loop {
            let results = jobs.collect();
            if !results.is_empty() || start.elapsed() > Duration::from_secs(10) {
                return results;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_job_that_dies_is_a_fault_and_a_cancelled_one_is_silent() {
        let mut jobs = Jobs::new(&egui::Context::default());
        jobs.start("dying", |_| panic!("on purpose"));
        let results = wait(&mut jobs);
        assert!(matches!(&results[..], [Err(fault)] if fault.text.contains("dying")));
        let (sender, stopped) = channel();
        jobs.start("long", move |progress| {
            while !progress.is_cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
            sender.send(()).unwrap();
            Err(Fault::new("cancelled", ""))
        });
        assert!(jobs.collect().is_empty() && !jobs.is_idle());
        jobs.cancel("long");
        assert!(jobs.collect().is_empty() && jobs.is_idle());
        stopped.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
