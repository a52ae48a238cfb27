//! The thread that takes frames apart, encodes them and draws the layers, and the one that judges them. The newest frame
//! wins: what comes while they are busy replaces what waits.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use effigy_quality::{Measure, Pair as Compared, Picture, SquaredError};
use effigy_render::PendingFrame;
use effigy_splat::Frame;
use egui::ColorImage;

use super::analysis::{Analysis, Preparation, Rendered};
use super::layers;
use super::live::{Live, Readings, keep};
use super::setup::{Layer, Setup, Stage};

/// What is there to be shown.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) analysis: Arc<Analysis>,
    pub(crate) layer: Layer,
    /// By stage. A layer that is the same for all stages is in the first.
    pub(crate) pictures: [Option<Arc<ColorImage>>; 4],
    /// Another for every picture.
    pub(crate) number: u64,
}

/// The threads' end of the line.
pub(crate) struct Worker {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// And what a camera saw of it.
    frame: Option<(PendingFrame, Option<Arc<Frame>>)>,
    setup: Option<Setup>,
    busy: bool,
    over: bool,
    shown: Option<Shown>,
    readings: Option<Readings>,
    scores: Scores,
    /// What waits to be judged.
    pair: Option<Pair>,
    judging: bool,
}

/// What SSIMULACRA2 says of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scores {
    /// Of which stream: when it began.
    stream: Option<Instant>,
    /// The last one, and how long it took.
    pub(crate) last: Option<(f64, Duration)>,
    /// The oldest first.
    pub(crate) all: VecDeque<f32>,
}

/// A picture that was rendered and what came out, and when the stream began that it came from.
struct Pair {
    stream: Instant,
    of: Picture,
    decoded: Picture,
}

impl Shared {
    /// Whoever panicked while holding the lock left the state whole: no step of a change to it can fail.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    /// Starts the threads; they end when this is dropped, and what they are busy with is done.
    pub(crate) fn start(context: &egui::Context) -> Self {
        let shared = Arc::new(Shared::default());
        let own = (shared.clone(), context.clone());
        spawn("2D view", move || Studio::new().work(&own.0, &own.1));
        let own = (shared.clone(), context.clone());
        spawn("SSIMULACRA2", move || judge(&own.0, &own.1));
        Self { shared }
    }

    /// Whether a frame that is given now replaces none.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.lock().frame.is_none()
    }

    /// Gives it a frame, and what a camera saw of the same, in place of one that it has not begun with.
    pub(crate) fn take_frame(&self, frame: PendingFrame, truth: Option<Arc<Frame>>) {
        self.shared.lock().frame = Some((frame, truth));
        self.shared.changed.notify_all();
    }

    /// Tells it how frames are to be made and shown.
    pub(crate) fn set_up(&self, setup: Setup) {
        self.shared.lock().setup = Some(setup);
        self.shared.changed.notify_all();
    }

    /// Whether there is nothing that waits or is being done, but for what is judged.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.shared.lock();
        !state.busy && state.frame.is_none() && state.setup.is_none()
    }

    /// Whether nothing is being judged.
    pub(crate) fn has_judged(&self) -> bool {
        let state = self.shared.lock();
        !state.judging && state.pair.is_none()
    }

    /// What is there to be shown, and what is known of the stream.
    pub(crate) fn latest(&self) -> (Option<Shown>, Option<(Readings, Scores)>) {
        let state = self.shared.lock();
        (state.shown.clone(), state.readings.clone().map(|readings| (readings, state.scores.clone())))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) {
    // Where no thread can be had, nothing is ever shown, and nothing else is lost.
    if let Err(error) = std::thread::Builder::new().name(name.into()).spawn(work) {
        tracing::error!("{name}: {error}");
    }
}

/// The thread's own.
struct Studio {
    preparation: Option<Preparation>,
    live: Option<Live>,
    rendered: Option<Arc<Rendered>>,
    analysis: Option<Arc<Analysis>>,
    /// What the analysis was made by.
    made_by: Option<Setup>,
    /// Why nothing is encoded.
    fault: Option<String>,
    number: u64,
}

impl Studio {
    fn new() -> Self {
        Self {
            preparation: Preparation::new().ok(),
            live: None,
            rendered: None,
            analysis: None,
            made_by: None,
            fault: None,
            number: 0,
        }
    }

    fn work(mut self, shared: &Shared, context: &egui::Context) {
        let mut setup = Setup::default();
        loop {
            let mut state = shared.lock();
            state.busy = false;
            while !state.over && state.frame.is_none() && state.setup.is_none() {
                state = shared.wait(state);
            }
            if state.over {
                return;
            }
            state.busy = true;
            setup = state.setup.take().unwrap_or(setup);
            let frame = state.frame.take();
            drop(state);
            let fresh = frame.and_then(|(frame, truth)| {
                let mut rendered = Rendered { truth, ..Rendered::default() };
                match frame.read(&mut rendered.frame, &mut rendered.guide) {
                    Ok(()) => Some(Arc::new(rendered)),
                    Err(error) => {
                        self.fault = Some(error.to_string());
                        None
                    }
                }
            });
            let pair = self.analyse(fresh, &setup);
            let shown = self.draw(&setup);
            let readings = self.readings(&setup);
            let stream = self.live.as_ref().map(|live| live.opened);
            let mut state = shared.lock();
            if state.scores.stream != stream {
                state.scores = Scores { stream, ..Scores::default() };
            }
            state.shown = shown.or(state.shown.take());
            state.readings = readings;
            if pair.is_some() {
                state.pair = pair;
            }
            state.busy = false;
            drop(state);
            shared.changed.notify_all();
            context.request_repaint();
        }
    }

    /// Takes a frame apart, or the last one again if it has to be made in another way. Gives what is to be judged.
    fn analyse(&mut self, fresh: Option<Arc<Rendered>>, setup: &Setup) -> Option<Pair> {
        let again = self.made_by.as_ref().is_none_or(|made_by| !is_made_alike(made_by, setup));
        let is_fresh = fresh.is_some();
        if let Some(fresh) = fresh {
            self.rendered = Some(fresh);
        } else if !again {
            return None;
        }
        let rendered = self.rendered.clone()?;
        let filtering = setup.stages[Stage::Filtered as usize] || setup.filter;
        let prepared = match self.preparation.as_mut()?.prepare(&rendered, setup, filtering) {
            Ok(prepared) => prepared,
            Err(fault) => {
                self.fault = Some(fault);
                return None;
            }
        };
        let before = self.analysis.take();
        let mut analysis = Analysis {
            rendered,
            stages: [
                Some(prepared.rendered.clone()),
                prepared.filtered.clone(),
                None,
                prepared.truth.clone(),
            ],
            decoded_of: None,
            map: prepared.map.clone(),
            truth_psnr: prepared.truth.as_ref().and_then(|truth| {
                let error = SquaredError::of(&truth.rgb, &prepared.rendered.rgb, None);
                Some([error.psnr_rgb()?, error.psnr_luma()?])
            }),
        };
        let mut pair = None;
        // The same frame twice in a stream would cost next to nothing.
        let encodes = setup.live
            && (is_fresh || !self.made_by.as_ref().is_some_and(|made_by| is_encoded_alike(made_by, setup)));
        self.made_by = Some(setup.clone());
        if encodes {
            let received = Live::encode(&mut self.live, &prepared, setup);
            self.fault = received.as_ref().err().cloned();
            if let (Ok(Some(received)), Some(live)) = (received, &self.live) {
                pair = Some(Pair {
                    stream: live.opened,
                    of: received.of.rgb.clone(),
                    decoded: received.decoded.rgb.clone(),
                });
                analysis.stages[Stage::Decoded as usize] = Some(received.decoded);
                analysis.decoded_of = Some(received.of);
            }
        } else if let (true, Some(before)) = (setup.live, before) {
            analysis.stages[Stage::Decoded as usize] = before.stage(Stage::Decoded).cloned();
            analysis.decoded_of.clone_from(&before.decoded_of);
        }
        if !setup.live {
            self.live = None;
            self.fault = None;
        }
        self.analysis = Some(Arc::new(analysis));
        pair
    }

    fn draw(&mut self, setup: &Setup) -> Option<Shown> {
        let analysis = self.analysis.clone()?;
        let draw = |stage| layers::picture(&analysis, setup, stage).map(Arc::new);
        let pictures = if setup.layer.has_stages() {
            let mut pictures = [const { None }; 4];
            for stage in setup.shown_stages() {
                pictures[stage as usize] = draw(stage);
            }
            pictures
        } else {
            [draw(Stage::Rendered), None, None, None]
        };
        self.number += 1;
        Some(Shown { analysis, layer: setup.layer, pictures, number: self.number })
    }

    fn readings(&self, setup: &Setup) -> Option<Readings> {
        if !setup.live {
            return None;
        }
        let mut readings = self.live.as_ref().map(|live| live.readings.clone()).unwrap_or_default();
        readings.fault.clone_from(&self.fault);
        Some(readings)
    }
}

/// Whether the same frame becomes the same analysis by both.
fn is_made_alike(a: &Setup, b: &Setup) -> bool {
    is_encoded_alike(a, b)
        && a.live == b.live
        && a.stages[Stage::Filtered as usize] == b.stages[Stage::Filtered as usize]
}

/// Whether the same frame is encoded to the same by both.
fn is_encoded_alike(a: &Setup, b: &Setup) -> bool {
    let coding = |s: &Setup| {
        let picture = (s.background, s.samples, s.bt601, s.full_range);
        let rate = (s.codec, s.by_rate, s.quality, s.kilobits, s.fps);
        (picture, rate, s.filter, s.map, s.live)
    };
    coding(a) == coding(b)
}

/// Judges pairs as they come.
fn judge(shared: &Shared, context: &egui::Context) {
    loop {
        let mut state = shared.lock();
        state.judging = false;
        while !state.over && state.pair.is_none() {
            state = shared.wait(state);
        }
        if state.over {
            return;
        }
        state.judging = true;
        let pair = state.pair.take();
        drop(state);
        let Some(Pair { stream, of, decoded }) = pair else { continue };
        let start = Instant::now();
        let score = ssimulacra2(of, decoded);
        let mut state = shared.lock();
        let scores = &mut state.scores;
        if let (Some(score), true) = (score, scores.stream == Some(stream)) {
            scores.last = Some((score, start.elapsed()));
            keep(&mut scores.all, score);
        }
        drop(state);
        context.request_repaint();
    }
}

fn ssimulacra2(of: Picture, decoded: Picture) -> Option<f64> {
    Compared::new(of, decoded).ok()?.value(Measure::Ssimulacra2, None).ok()?
}
