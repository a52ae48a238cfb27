//! What a video's renderer and its encoder's thread tell each other, and their account for the host.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::VideoError;
use crate::ring::RingCounts;

/// What happened to a video so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OutputReport {
    /// Frames recorded, dropped, waited for and lost.
    pub frames: RingCounts,
    /// Pictures that the encoder took.
    pub pictures: u64,
    /// Packets that were written, and their bytes.
    pub packets: u64,
    /// The bytes of packets that were written.
    pub bytes: u64,
    /// Segments begun.
    pub segments: u64,
    /// What all of it took.
    pub times: OutputTimes,
    /// How long the encoder or the receiver has been busy with what it does now; none if the thread waits for frames. Long
    /// for a receiver that stalls.
    pub busy: Option<Duration>,
}

/// Sums over all frames. Only `record`, and what the ring's counts say was waited, are the renderer's time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutputTimes {
    /// Recording the commands of filter, conversion and copy, on the renderer's thread.
    pub record: Duration,
    /// From a frame's recording to its arrival: the GPU draws, filters, converts and copies, and the host submits.
    pub read_back: Duration,
    /// From its arrival until the encoder takes it.
    pub queue: Duration,
    /// Quality maps and encoding.
    pub encode: Duration,
    /// Writing packets, and finishing containers.
    pub write: Duration,
}

/// Shared between both threads.
#[derive(Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    report: OutputReport,
    record: Duration,
    key_wanted: bool,
    closing: bool,
    /// What the thread does, and since when.
    step: Option<(&'static str, Instant)>,
    /// When anything last went on.
    moved: Option<Instant>,
    end: Option<End>,
}

/// How a video ended.
enum End {
    Well,
    /// Not told yet.
    Fault(VideoError),
    Told(String),
}

impl Shared {
    /// No step of a change to the state can fail, so it is whole whoever panicked.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add_record(&self, took: Duration) {
        self.lock().record += took;
    }

    pub(super) fn request_key(&self) {
        self.lock().key_wanted = true;
    }

    pub(super) fn take_key(&self) -> bool {
        std::mem::take(&mut self.lock().key_wanted)
    }

    /// No frames will be recorded any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.moved = Some(Instant::now());
    }

    pub(super) fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// The thread begins to do something that may take long, or waits for frames.
    pub(super) fn begin(&self, step: Option<&'static str>) {
        let (now, mut state) = (Instant::now(), self.lock());
        state.step = step.map(|step| (step, now));
        if step.is_some() {
            state.moved = Some(now);
        }
    }

    /// The thread's account so far.
    pub(super) fn tell(&self, report: &OutputReport) {
        self.lock().report = *report;
    }

    /// The thread is at its end.
    pub(super) fn end(&self, fault: Option<VideoError>) {
        let mut state = self.lock();
        state.step = None;
        state.end = Some(fault.map_or(End::Well, End::Fault));
        drop(state);
        self.ended.notify_all();
    }

    pub(super) fn report(&self, frames: RingCounts) -> OutputReport {
        let state = self.lock();
        let mut report = state.report;
        report.frames = frames;
        report.times.record = state.record;
        report.busy = state.step.map(|(_, since)| since.elapsed());
        report
    }

    /// Whether the video has ended by a fault: what it was the first time, that it was from then on.
    pub(super) fn check(&self) -> Result<(), VideoError> {
        let mut state = self.lock();
        match state.end.take() {
            Some(End::Fault(error)) => {
                state.end = Some(End::Told(error.to_string()));
                Err(error)
            }
            Some(End::Told(message)) => {
                let error = VideoError::Ended(message.clone());
                state.end = Some(End::Told(message));
                Err(error)
            }
            other => {
                state.end = other;
                Ok(())
            }
        }
    }

    /// Waits until the thread is at its end; what it does, and how long nothing has gone on, if that is more than `patience`.
    pub(super) fn wait_for_end(&self, patience: Duration) -> Option<(&'static str, Duration)> {
        /// Between two looks at what goes on.
        const STEP: Duration = Duration::from_millis(20);
        let mut state = self.lock();
        loop {
            if state.end.is_some() {
                return None;
            }
            let waited = state.moved.map_or(Duration::ZERO, |moved| moved.elapsed());
            if waited >= patience {
                let step = state.step.map_or("a frame that was recorded and not submitted", |(step, _)| step);
                return Some((step, waited));
            }
            let waiting = self.ended.wait_timeout(state, STEP.min(patience - waited));
            state = waiting.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
