//! The receiver's end.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::configuration::{CONFIGURATION, kind};
use crate::error::within;
use crate::state::{Header, State, ahead, next_sequence};
use crate::{Configuration, Layout, Placement, StreamCamera, StreamError, StreamFrame, StreamLimits};

/// What a packet did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It gave this many new frames, those of packets that had waited for it included.
    Frames(usize),
    /// It is a configuration that was not known; an access point will follow.
    Configuration,
    /// It is the configuration that is known already.
    Known,
    /// It came twice, or after an access point had made it useless.
    Late,
    /// It waits for one that has not come.
    Early,
    /// It cannot be used: there has been no configuration, or a packet before it was lost. The next access point will do.
    Waiting,
}

/// How a receiver stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamStatistics {
    /// Data packets that gave frames.
    pub decoded: u64,
    /// Data packets that were skipped over at access points and had not come by then.
    pub lost: u64,
    /// Packets refused with an error.
    pub refused: u64,
}

/// Turns packets into frames. Packets may be lost, doubled, damaged or out of order.
#[derive(Clone, Debug)]
pub struct StreamDecoder {
    limits: StreamLimits,
    configuration: Option<Arc<Configuration>>,
    /// The state for checking packets; its rest counts only while `next` is known.
    state: Option<State>,
    /// The number of the packet that continues `state`; `None` before the first access point.
    next: Option<u16>,
    pending: BTreeMap<u16, (bool, Vec<u8>)>,
    frames: VecDeque<StreamFrame>,
    taken: usize,
    statistics: StreamStatistics,
}

/// An access point this far behind is of a sender that began anew.
const RESTART: i32 = 512;

impl StreamDecoder {
    /// A receiver that waits for a configuration.
    pub fn new(limits: StreamLimits) -> Self {
        Self {
            limits,
            configuration: None,
            state: None,
            next: None,
            pending: BTreeMap::new(),
            frames: VecDeque::new(),
            taken: 0,
            statistics: StreamStatistics::default(),
        }
    }

    /// A receiver that was told the configuration by other means.
    ///
    /// # Errors
    /// [`StreamError`] if it is not valid or over `limits`.
    pub fn with_configuration(
        configuration: Configuration,
        limits: StreamLimits,
    ) -> Result<Self, StreamError> {
        configuration.validate(limits.channels)?;
        let mut decoder = Self::new(limits);
        decoder.configure(configuration);
        Ok(decoder)
    }

    fn configure(&mut self, configuration: Configuration) {
        let configuration = Arc::new(configuration);
        self.state = Some(State::new(Arc::clone(&configuration)));
        self.configuration = Some(configuration);
        self.next = None;
        self.pending.clear();
        self.frames.clear();
        self.taken = 0;
    }

    /// The configuration, once it is known.
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_deref()
    }

    /// What every frame holds, once the configuration is known.
    pub fn layout(&self) -> Option<&Layout> {
        self.configuration.as_ref().map(|c| &c.layout)
    }

    /// How things went so far.
    pub fn statistics(&self) -> StreamStatistics {
        self.statistics
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// [`StreamError`] for a packet that is damaged, of another configuration, over the limits or not one at all. The
    /// receiver is then as it was before.
    pub fn push(&mut self, packet: &[u8]) -> Result<Received, StreamError> {
        let received = self.take(packet);
        self.statistics.refused += u64::from(received.is_err());
        received
    }

    fn take(&mut self, packet: &[u8]) -> Result<Received, StreamError> {
        within("the packet's size", packet.len() as u64, self.limits.packet_bytes)?;
        let Some(&first) = packet.first() else {
            return Err(StreamError::Packet("it is empty".into()));
        };
        if kind(first)? == CONFIGURATION {
            let configuration = Configuration::from_packet(packet, &self.limits)?;
            if self.configuration.as_deref() == Some(&configuration) {
                return Ok(Received::Known);
            }
            self.configure(configuration);
            return Ok(Received::Configuration);
        }
        let Some(state) = &self.state else { return Ok(Received::Waiting) };
        let (Header { intra, sequence }, coded) = state.open(packet)?;
        let distance = self.next.map(|next| ahead(sequence, next));
        match distance {
            None if !intra => return Ok(Received::Waiting),
            Some(i32::MIN..=-1) if !(intra && distance < Some(-RESTART)) => return Ok(Received::Late),
            Some(1..) if !intra => {
                if distance > Some(self.limits.pending_packets.min(1 << 10) as i32) {
                    return Ok(Received::Waiting);
                }
                self.pending.insert(sequence, (intra, coded.to_vec()));
                return Ok(Received::Early);
            }
            _ => {}
        }
        let mut count = self.decode(intra, sequence, coded)?;
        if let Some(1..) = distance {
            self.statistics.lost += distance.map_or(0, |a| a as u64);
        }
        // What waited for this one.
        while let Some((intra, coded)) = self.next.and_then(|next| self.pending.remove(&next)) {
            let Some(next) = self.next else { break };
            // Its checksum was right; what it says may be nonsense all the same, and is then as good as lost.
            match self.decode(intra, next, &coded) {
                Ok(more) => count += more,
                Err(_) => {
                    self.statistics.refused += 1;
                    break;
                }
            }
        }
        self.forget_pending();
        Ok(Received::Frames(count))
    }

    /// Drops what waits for a packet that will not be used any more.
    fn forget_pending(&mut self) {
        let (next, most) = (self.next, self.limits.pending_packets.min(1 << 10) as i32);
        self.pending
            .retain(|&sequence, _| next.is_some_and(|next| (1..=most).contains(&ahead(sequence, next))));
    }

    /// Decodes a packet whose turn it is. On an error nothing changes.
    fn decode(&mut self, intra: bool, sequence: u16, coded: &[u8]) -> Result<usize, StreamError> {
        let Some(configuration) = self.configuration.as_ref() else { return Ok(0) };
        let Some(mut state) = self.state.clone() else { return Ok(0) };
        let frames = state.read(intra, coded, &self.limits)?;
        let rate = f64::from(configuration.tick_rate);
        let count = frames.len();
        for (tick, channels) in frames {
            let frame = configuration.layout.frame(tick as f64 / rate, &channels);
            // An access point of a sender that began anew may lie before what is kept.
            if self.frames.back().is_some_and(|last| last.time >= frame.time) {
                self.frames.clear();
                self.taken = 0;
            }
            self.frames.push_back(frame);
        }
        while self.frames.len() as u64 > self.limits.kept_frames.max(1) {
            self.frames.pop_front();
            self.taken = self.taken.saturating_sub(1);
        }
        self.state = Some(state);
        self.next = Some(next_sequence(sequence));
        self.statistics.decoded += 1;
        Ok(count)
    }

    /// The frames that were decoded and are still kept, the oldest first.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = &StreamFrame> + ExactSizeIterator {
        self.frames.iter()
    }

    /// The next frame that has not been taken, in order of time. It stays among the kept ones.
    pub fn next_frame(&mut self) -> Option<&StreamFrame> {
        let frame = self.frames.get(self.taken)?;
        self.taken += 1;
        Some(frame)
    }

    /// The state at `time` seconds, for rendering at any rate: interpolated between the frames around it, also across
    /// lost ones; before the first kept frame and after the last, that frame. `None` before any frame has come.
    pub fn at(&self, time: f64) -> Option<StreamFrame> {
        let next = self.frames.partition_point(|f| f.time <= time);
        let (Some(before), Some(after)) =
            (next.checked_sub(1).and_then(|i| self.frames.get(i)), self.frames.get(next))
        else {
            let held = if next == 0 { self.frames.front() } else { self.frames.back() };
            return held.cloned();
        };
        let part = ((time - before.time) / (after.time - before.time)) as f32;
        Some(blend(before, after, part, time))
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    #[cfg(test)]
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }
}

fn blend(a: &StreamFrame, b: &StreamFrame, part: f32, time: f64) -> StreamFrame {
    let placement = |a: &Placement, b: &Placement| Placement {
        rotation: a.rotation.slerp(b.rotation, part).normalize(),
        translation: a.translation.lerp(b.translation, part),
    };
    let camera = |a: &StreamCamera, b: &StreamCamera| StreamCamera {
        placement: placement(&a.placement, &b.placement),
        focal: a.focal * (b.focal / a.focal).powf(part),
    };
    StreamFrame {
        time,
        controls: a.controls.iter().zip(&b.controls).map(|(a, b)| a + (b - a) * part).collect(),
        rotations: a.rotations.iter().zip(&b.rotations).map(|(a, b)| a.slerp(*b, part).normalize()).collect(),
        placement: a.placement.as_ref().zip(b.placement.as_ref()).map(|(a, b)| placement(a, b)),
        camera: a.camera.as_ref().zip(b.camera.as_ref()).map(|(a, b)| camera(a, b)),
    }
}
