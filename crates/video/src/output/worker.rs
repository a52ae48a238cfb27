//! The encoder's thread: takes frames from the ring, encodes them, and writes what comes out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::report::{OutputReport, Shared};
use super::{OpenContainer, OpenEncoder, Segment, config_of};
use crate::VideoError;
use crate::container::Container;
use crate::encoder::{Encoder, EncoderConfig, FrameRequest, Packet, Picture};
use crate::format::Shape;
use crate::gpu_focus::RegionRef;
use crate::quality_map::QualityMapper;
use crate::ring::{PlanesRef, Ring};

/// Between two looks at whether a frame has arrived, which a host that submits or polls finds out sooner. Each look costs
/// processor time that a renderer in software would have.
const LOOK: Duration = Duration::from_millis(4);
/// The same while there is none on its way.
const IDLE: Duration = Duration::from_millis(5);

pub(super) struct Worker {
    config: EncoderConfig,
    mapper: Option<QualityMapper>,
    ring: Arc<Ring>,
    shared: Arc<Shared>,
    open_encoder: OpenEncoder,
    open_container: OpenContainer,
    report: OutputReport,
}

/// What one encoder works on.
struct Open {
    shape: Shape,
    encoder: Box<dyn Encoder>,
    container: Box<dyn Container>,
    clock: Clock,
    /// Pictures since the last key frame that was asked for or is due.
    since_key: u32,
}

impl Worker {
    pub(super) fn new(
        config: &EncoderConfig,
        mapper: Option<QualityMapper>,
        ring: &Arc<Ring>,
        shared: &Arc<Shared>,
        open_encoder: OpenEncoder,
        open_container: OpenContainer,
    ) -> Self {
        Self {
            config: config.clone(),
            mapper,
            ring: ring.clone(),
            shared: shared.clone(),
            open_encoder,
            open_container,
            report: OutputReport::default(),
        }
    }

    /// Until the video is closed and all frames have come, or something fails.
    pub(super) fn run(mut self) {
        let mut open = None;
        let worked = self.work(&mut open);
        // Nobody has to wait for room any more.
        self.ring.leave();
        // Also after a fault: what was written so far must be readable.
        let ended = open.map_or(Ok(()), |open| self.end_segment(open));
        self.shared.tell(&self.report);
        self.shared.end(worked.and(ended).err());
    }

    fn work(&mut self, open: &mut Option<Open>) -> Result<(), VideoError> {
        loop {
            // Before the last look, so that no frame is forgotten.
            let closing = self.shared.is_closing();
            let on_its_way = self.ring.has_frames();
            if on_its_way {
                self.ring.look();
            }
            match self.ring.take_within(if on_its_way { LOOK } else { IDLE })? {
                Some(planes) => self.encode(open, planes)?,
                None if closing && !self.ring.has_frames() => return Ok(()),
                None => {
                    if let Some(open) = open {
                        self.poll(open)?;
                    }
                }
            }
            self.shared.begin(None);
            self.shared.tell(&self.report);
        }
    }

    fn encode(&mut self, open: &mut Option<Open>, planes: PlanesRef) -> Result<(), VideoError> {
        let taken = Instant::now();
        self.report.times.read_back += planes.arrived().saturating_duration_since(planes.recorded());
        self.report.times.queue += taken.saturating_duration_since(planes.arrived());
        let bytes =
            planes.picture().ok_or_else(|| VideoError::Picture("a frame came without planes".into()))?;
        let picture = Picture::of(&bytes);
        if open.as_ref().is_some_and(|open| open.shape != *planes.shape())
            && let Some(ended) = open.take()
        {
            self.end_segment(ended)?;
        }
        let open = match open {
            Some(open) => open,
            None => open.insert(self.begin_segment(&planes, &picture)?),
        };
        let able = open.encoder.capabilities().key_on_request;
        let asked = self.shared.take_key() && able && open.since_key > 0;
        let due = self.config.key_interval > 0 && open.since_key >= self.config.key_interval;
        if asked || due {
            open.since_key = 0;
        }
        self.shared.begin(Some("an encoder"));
        let start = Instant::now();
        let map = match &mut self.mapper {
            Some(mapper) => {
                let size = planes.shape().picture();
                let region = RegionRef::new(size, planes.rest())
                    .ok_or_else(|| VideoError::Map("a frame came without its importance".into()))?;
                Some(mapper.map_region(size.into(), &region, Some(&picture), open.since_key == 0)?)
            }
            None => None,
        };
        open.clock.push(planes.frame());
        let request = FrameRequest { key: asked, quality_map: map };
        let mut packet = open.encoder.encode(&picture, request)?;
        open.since_key = open.since_key.saturating_add(1);
        self.report.pictures += 1;
        self.report.times.encode += start.elapsed();
        // Its buffer is free for the next frame.
        drop(planes);
        while let Some(ready) = packet {
            self.write(open, ready)?;
            packet = open.encoder.poll()?;
        }
        Ok(())
    }

    fn poll(&mut self, open: &mut Open) -> Result<(), VideoError> {
        while let Some(packet) = open.encoder.poll()? {
            self.write(open, packet)?;
        }
        Ok(())
    }

    fn write(&mut self, open: &mut Open, mut packet: Packet) -> Result<(), VideoError> {
        self.shared.begin(Some("a receiver"));
        let start = Instant::now();
        open.clock.set(&mut packet);
        let written = open.container.write(&packet);
        self.report.times.write += start.elapsed();
        written?;
        self.report.packets += 1;
        self.report.bytes += packet.data.len() as u64;
        Ok(())
    }

    fn begin_segment(&mut self, planes: &PlanesRef, picture: &Picture<'_>) -> Result<Open, VideoError> {
        let config = config_of(&self.config, picture);
        self.shared.begin(Some("an encoder"));
        let encoder = (self.open_encoder)(&config)?;
        if self.mapper.is_some() && !encoder.capabilities().quality_map {
            return Err(VideoError::Unsupported {
                encoder: encoder.capabilities().name.clone(),
                what: "it takes no quality map".into(),
            });
        }
        // A map of alpha beside the colour would be of another size.
        if self.mapper.is_some() && planes.shape().shown() != planes.shape().picture() {
            return Err(VideoError::Settings("there are no quality maps for alpha at the side".into()));
        }
        let number = self.report.segments;
        let container = (self.open_container)(&Segment { number, first_frame: planes.frame(), config })?;
        self.report.segments += 1;
        Ok(Open { shape: *planes.shape(), encoder, container, clock: Clock::default(), since_key: 0 })
    }

    /// Writes what is still under way and finishes the container, whichever of both fails.
    fn end_segment(&mut self, mut open: Open) -> Result<(), VideoError> {
        self.shared.begin(Some("an encoder"));
        let start = Instant::now();
        let left = open.encoder.finish();
        self.report.times.encode += start.elapsed();
        let written =
            left.and_then(|packets| packets.into_iter().try_for_each(|packet| self.write(&mut open, packet)));
        self.shared.begin(Some("a receiver"));
        let start = Instant::now();
        let finished = open.container.finish();
        self.report.times.write += start.elapsed();
        written.and(finished)
    }
}
