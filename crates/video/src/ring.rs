//! Bringing planes to the CPU without waiting: a ring of staging buffers between the renderer and an encoder.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use effigy_render::{RenderError, scoped, wgpu};

use crate::convert::PlanesBuffer;
use crate::format::{PlanesError, Shape};
use crate::planes::Picture;

/// What is done with a frame for which no buffer is free, because the encoder has not taken or not returned as many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The frame is dropped: the renderer never waits.
    Drop,
    /// The renderer waits for the encoder, but not longer than this; then the frame is dropped. Who waits in the thread that
    /// takes frames waits in vain.
    Block(Duration),
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It will come back under this number, counted from 0, after having waited so long for a buffer.
    Kept {
        /// Its number among all frames, dropped ones included.
        frame: u64,
        /// How long recording waited.
        waited: Duration,
    },
    /// It was dropped after having waited so long.
    Dropped {
        /// Its number.
        frame: u64,
        /// How long recording waited.
        waited: Duration,
    },
}

/// What a ring has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingCounts {
    /// Frames that were recorded, dropped ones included.
    pub frames: u64,
    /// Frames that were dropped because no buffer was free.
    pub dropped: u64,
    /// Frames for which the renderer had to wait.
    pub blocked: u64,
    /// How long it waited in all.
    pub waited: Duration,
    /// Frames that were taken.
    pub taken: u64,
    /// Frames whose commands were thrown away before they were submitted, or that the device failed to bring back.
    pub lost: u64,
    /// Staging buffers that were made: one for each place in the ring, and one more each time that it changes its size.
    pub buffers: u64,
}

/// Brings planes back through a number of staging buffers: what is recorded on one thread is taken on the same or another,
/// in order.
///
/// The device has to be polled ([`wgpu::Device::poll`] with [`wgpu::PollType::Poll`], or any submission to its queue) for
/// frames to arrive, as a host that draws does every frame; a ring polls only while it blocks. In the steady state it
/// allocates nothing but what wgpu does for a callback.
pub struct Ring {
    device: wgpu::Device,
    when_full: WhenFull,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    places: Vec<Place>,
    counts: RingCounts,
    /// Set when the device is found to be lost: nothing comes back any more.
    fault: Option<String>,
    /// Nobody takes frames any more, so that none is worth waiting for.
    left: bool,
}

struct Place {
    buffer: Option<wgpu::Buffer>,
    use_: Use,
}

#[derive(Clone, Copy)]
enum Use {
    Free,
    /// On its way from the GPU.
    Coming(Passenger),
    /// Mapped, since when.
    Ready(Passenger, Instant),
    /// In the hands of the encoder.
    Taken,
}

/// A frame on its way.
#[derive(Clone, Copy)]
struct Passenger {
    frame: u64,
    shape: Shape,
    recorded: Instant,
}

impl Shared {
    /// Whoever panicked while holding the lock left the state whole: no step of a change to it can fail.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reports what became of the copy of a frame, also when its commands are thrown away.
struct Arrival {
    shared: Arc<Shared>,
    place: usize,
    result: Option<Result<(), wgpu::BufferAsyncError>>,
}

impl Arrival {
    fn arrived(mut self, result: Result<(), wgpu::BufferAsyncError>) {
        self.result = Some(result);
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        let mut unusable = None;
        let State { places, counts, fault, .. } = &mut *state;
        if let Some(place) = places.get_mut(self.place)
            && let Use::Coming(passenger) = place.use_
        {
            if let Some(Ok(())) = self.result {
                place.use_ = Use::Ready(passenger, Instant::now());
            } else {
                if let Some(Err(error)) = &self.result {
                    fault.get_or_insert_with(|| error.to_string());
                }
                counts.lost += 1;
                // A buffer that may still be about to be mapped is not used again.
                unusable = place.buffer.take();
                place.use_ = Use::Free;
            }
        }
        drop(state);
        // Not under the lock: its end may call back.
        drop(unusable);
        self.shared.changed.notify_all();
    }
}

impl Ring {
    /// Of `places` staging buffers. Three let the GPU, the transfer and the encoder each work on a frame.
    ///
    /// # Errors
    /// [`PlanesError::EmptyRing`] for none.
    pub fn new(device: &wgpu::Device, places: usize, when_full: WhenFull) -> Result<Self, PlanesError> {
        if places == 0 {
            return Err(PlanesError::EmptyRing);
        }
        let places = (0..places).map(|_| Place { buffer: None, use_: Use::Free }).collect();
        let state = State { places, counts: RingCounts::default(), fault: None, left: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        Ok(Self { device: device.clone(), when_full, shared })
    }

    /// Whether a frame that is recorded now is kept without waiting: a host may save itself the drawing of one that is not.
    pub fn has_room(&self) -> bool {
        self.shared.lock().free().is_some()
    }

    /// What happened so far.
    pub fn counts(&self) -> RingCounts {
        self.shared.lock().counts
    }

    /// Whether frames were recorded that were neither taken nor lost.
    pub fn has_frames(&self) -> bool {
        let state = self.shared.lock();
        state.places.iter().any(|place| matches!(place.use_, Use::Coming(_) | Use::Ready(..)))
    }

    /// Counts a frame as dropped for which there was no room, and that was therefore not recorded.
    ///
    /// # Errors
    /// [`PlanesError::Render`] if the device is lost.
    pub fn pass_over(&self) -> Result<Recorded, PlanesError> {
        let mut state = self.shared.lock();
        state.check()?;
        let frame = state.counts.frames;
        state.counts.frames += 1;
        state.counts.dropped += 1;
        Ok(Recorded::Dropped { frame, waited: Duration::ZERO })
    }

    /// Has nobody wait for room again, because whoever took frames is gone.
    pub(crate) fn leave(&self) {
        self.shared.lock().left = true;
        self.shared.changed.notify_all();
    }

    /// Looks without waiting at what the GPU has finished, so that frames arrive though nobody submits anything.
    #[expect(clippy::disallowed_methods, reason = "it does not wait")]
    pub(crate) fn look(&self) {
        // Why it failed the callbacks say, too.
        let _ = self.device.poll(wgpu::PollType::Poll);
    }

    /// Records that `planes`, as commands recorded before leave them, come back once `encoder` is submitted; or that they are
    /// dropped ([`WhenFull`]). Frames of different shapes may follow one another.
    ///
    /// Frames come back in the order in which they are recorded, so each `encoder` must be submitted or dropped: one that is
    /// kept holds all later frames up.
    ///
    /// # Errors
    /// [`PlanesError::Render`] if the device is lost or out of memory.
    pub fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        planes: &PlanesBuffer,
    ) -> Result<Recorded, PlanesError> {
        let mut state = self.shared.lock();
        state.check()?;
        let frame = state.counts.frames;
        state.counts.frames += 1;
        let mut waited = Duration::ZERO;
        if let (WhenFull::Block(longest), None) = (self.when_full, state.free()) {
            let start = Instant::now();
            state = self.wait_for_room(state, start, longest);
            waited = start.elapsed();
            state.counts.blocked += 1;
            state.counts.waited += waited;
            state.check()?;
        }
        let Some(index) = state.free() else {
            state.counts.dropped += 1;
            return Ok(Recorded::Dropped { frame, waited });
        };
        let shape = *planes.shape();
        let size = planes.buffer().size();
        let State { places, counts, .. } = &mut *state;
        let place = &mut places[index];
        let buffer = match place.buffer.take().filter(|buffer| buffer.size() == size) {
            Some(buffer) => buffer,
            None => {
                counts.buffers += 1;
                scoped(&self.device, "making a staging buffer", || {
                    Ok(self.device.create_buffer(&wgpu::BufferDescriptor {
                        label: Some("planes, read"),
                        size,
                        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                        mapped_at_creation: false,
                    }))
                })?
            }
        };
        *place = Place {
            buffer: Some(buffer.clone()),
            use_: Use::Coming(Passenger { frame, shape, recorded: Instant::now() }),
        };
        // The driver may call back at once.
        drop(state);
        encoder.copy_buffer_to_buffer(planes.buffer(), 0, &buffer, 0, size);
        let arrival = Arrival { shared: self.shared.clone(), place: index, result: None };
        encoder.map_buffer_on_submit(&buffer, wgpu::MapMode::Read, .., move |result| arrival.arrived(result));
        Ok(Recorded::Kept { frame, waited })
    }

    /// Waits until a place is free, the device is lost, nobody takes frames any more, or it has been long enough.
    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        start: Instant,
        longest: Duration,
    ) -> MutexGuard<'a, State> {
        /// Between two looks at what the GPU has finished.
        const STEP: Duration = Duration::from_millis(1);
        loop {
            let left = longest.saturating_sub(start.elapsed());
            if state.free().is_some() || state.fault.is_some() || state.left || left.is_zero() {
                return state;
            }
            drop(state);
            // Its callbacks take the lock.
            self.look();
            state = self.shared.lock();
            if state.free().is_none() {
                let waiting = self.shared.changed.wait_timeout(state, left.min(STEP));
                state = waiting.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    /// The oldest frame that was neither taken nor dropped, if it has arrived. Never waits.
    ///
    /// # Errors
    /// [`PlanesError::Render`] once the device is lost, after all frames that arrived before.
    pub fn take(&self) -> Result<Option<PlanesRef>, PlanesError> {
        self.take_from(&mut self.shared.lock())
    }

    /// As [`Ring::take`], but waits up to `longest` for a frame: for an encoder's own thread, while another polls the
    /// device.
    ///
    /// # Errors
    /// As [`Ring::take`].
    pub fn take_within(&self, longest: Duration) -> Result<Option<PlanesRef>, PlanesError> {
        let start = Instant::now();
        let mut state = self.shared.lock();
        loop {
            let left = longest.saturating_sub(start.elapsed());
            if let Some(planes) = self.take_from(&mut state)? {
                return Ok(Some(planes));
            }
            if left.is_zero() {
                return Ok(None);
            }
            let waiting = self.shared.changed.wait_timeout(state, left);
            state = waiting.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn take_from(&self, state: &mut State) -> Result<Option<PlanesRef>, PlanesError> {
        let oldest = state.places.iter().enumerate().filter_map(|(index, place)| match place.use_ {
            Use::Coming(passenger) => Some((passenger.frame, index, None)),
            Use::Ready(passenger, arrived) => Some((passenger.frame, index, Some((passenger, arrived)))),
            Use::Free | Use::Taken => None,
        });
        let oldest = oldest.min_by_key(|(frame, ..)| *frame);
        let Some((frame, index, Some((passenger, arrived)))) = oldest else {
            state.check()?;
            return Ok(None);
        };
        let fail = |message| RenderError::Gpu { doing: "reading planes", message };
        let place = &mut state.places[index];
        let Some(buffer) = place.buffer.clone() else {
            place.use_ = Use::Free;
            return Err(fail("there is no buffer".into()).into());
        };
        match buffer.get_mapped_range(..) {
            Ok(view) => {
                place.use_ = Use::Taken;
                state.counts.taken += 1;
                let (view, shared) = (Some(view), self.shared.clone());
                let Passenger { shape, recorded, .. } = passenger;
                Ok(Some(PlanesRef { shape, frame, recorded, arrived, view, buffer, place: index, shared }))
            }
            Err(error) => {
                *place = Place { buffer: None, use_: Use::Free };
                state.counts.lost += 1;
                Err(fail(error.to_string()).into())
            }
        }
    }
}

impl State {
    fn free(&self) -> Option<usize> {
        self.places.iter().position(|place| matches!(place.use_, Use::Free))
    }

    fn check(&self) -> Result<(), PlanesError> {
        match &self.fault {
            Some(fault) => Err(RenderError::DeviceLost(fault.clone()).into()),
            None => Ok(()),
        }
    }
}

/// A frame's planes in mapped memory, where the GPU put them. Its buffer returns to the ring when it is dropped, on any
/// thread.
pub struct PlanesRef {
    shape: Shape,
    frame: u64,
    recorded: Instant,
    arrived: Instant,
    /// There until it is dropped.
    view: Option<wgpu::BufferView>,
    buffer: wgpu::Buffer,
    place: usize,
    shared: Arc<Shared>,
}

impl PlanesRef {
    /// Its number among all frames that were recorded, counted from 0: what is missing between two was dropped.
    pub fn frame(&self) -> u64 {
        self.frame
    }

    /// What it holds.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// When it was recorded.
    pub fn recorded(&self) -> Instant {
        self.recorded
    }

    /// When it arrived: the GPU had drawn, converted and copied it, and somebody looked.
    pub fn arrived(&self) -> Instant {
        self.arrived
    }

    /// The planes.
    pub fn picture(&self) -> Option<Picture<'_>> {
        Picture::new(&self.shape, self.view.as_deref()?)
    }

    /// What came with the planes, after them.
    pub(crate) fn rest(&self) -> &[u8] {
        self.view.as_deref().and_then(|bytes| bytes.get(self.shape.size()..)).unwrap_or_default()
    }
}

impl Drop for PlanesRef {
    fn drop(&mut self) {
        // It must be gone before its buffer is unmapped, which is not done under the lock, since it takes wgpu's.
        self.view = None;
        self.buffer.unmap();
        let mut state = self.shared.lock();
        if let Some(place) = state.places.get_mut(self.place) {
            place.use_ = Use::Free;
        }
        drop(state);
        self.shared.changed.notify_all();
    }
}
