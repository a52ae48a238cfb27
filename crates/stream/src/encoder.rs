//! The sender's end.

use std::sync::Arc;

use crate::quantiser::choose;
use crate::state::{Body, Header, MAX_TICK, State, next_sequence};
use crate::transform::MAX_FRAMES;
use crate::{Configuration, MAX_QUALITY, REFERENCE_QUALITY, Sensitivity, StreamError, StreamFrame};

/// How a stream is packed.
#[derive(Clone, Debug, PartialEq)]
pub struct EncoderOptions {
    /// Frames of a packet, 1 to 32. A packet leaves when its last frame has come, so more of them cost delay and save
    /// bits: in the packets' headers, and because changes are coded together.
    pub frames_per_packet: usize,
    /// Seconds from one access point to the next, at most one packet more.
    pub access_point_interval: f64,
    /// The configuration is sent before the first access point and then before every so many of them; 0 never repeats it.
    pub configuration_every: u32,
    /// The quantiser's fineness, 0 to 127; 8 more double the error. See [`REFERENCE_QUALITY`].
    pub quality: u8,
}

impl Default for EncoderOptions {
    /// 10 frames a packet, an access point every 2 s, the configuration every fifth of them.
    fn default() -> Self {
        Self {
            frames_per_packet: 10,
            access_point_interval: 2.0,
            configuration_every: 5,
            quality: REFERENCE_QUALITY,
        }
    }
}

/// What was done with the frames of one packet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PacketReport {
    /// Whether it is an access point.
    pub access_point: bool,
    /// How many frames it holds.
    pub frames: usize,
    /// Its bytes.
    pub bytes: usize,
    /// The quality it was coded at.
    pub quality: u8,
    /// The mean squared picture error (white = 1) that the sensitivity foretells.
    pub estimated_error: f64,
}

/// Turns frames into packets.
#[derive(Clone, Debug)]
pub struct StreamEncoder {
    options: EncoderOptions,
    /// For the report.
    sensitivity: Sensitivity,
    /// For choosing levels.
    prices: Sensitivity,
    state: State,
    sequence: u16,
    waiting: Vec<(u64, Vec<f64>)>,
    /// Channels of the frame that came last.
    before: Vec<f64>,
    last_tick: Option<u64>,
    /// When the last access point began, ticks.
    access_point: Option<u64>,
    access_points: u32,
    configuration_wanted: bool,
    access_point_wanted: bool,
    report: Option<PacketReport>,
}

impl StreamEncoder {
    /// An encoder. Without a sensitivity, each channel's error counts by its step alone.
    ///
    /// # Errors
    /// [`StreamError::Input`] for a configuration or options that cannot be, or a sensitivity of another layout.
    pub fn new(
        configuration: Configuration,
        sensitivity: Option<Sensitivity>,
        options: EncoderOptions,
    ) -> Result<Self, StreamError> {
        configuration.validate(u64::from(u16::MAX))?;
        let fail = |what: &str| Err(StreamError::Input(what.into()));
        if !(1..=MAX_FRAMES).contains(&options.frames_per_packet) {
            return fail("a packet has 1 to 32 frames");
        }
        if !(options.access_point_interval >= 0.0) || options.quality > MAX_QUALITY {
            return fail("the access point interval is negative, or the quality above 127");
        }
        let sensitivity = match sensitivity {
            Some(s) if s.channels != configuration.layout.channel_count() => {
                return fail("the sensitivity is of another layout");
            }
            Some(s) => s,
            None => Sensitivity::implied(&configuration),
        };
        Ok(Self {
            options,
            prices: sensitivity.clone().at_least(&configuration.steps),
            sensitivity,
            state: State::new(Arc::new(configuration)),
            sequence: 0,
            waiting: Vec::new(),
            before: Vec::new(),
            last_tick: None,
            access_point: None,
            access_points: 0,
            configuration_wanted: true,
            access_point_wanted: true,
            report: None,
        })
    }

    /// The configuration that the packets belong to.
    pub fn configuration(&self) -> &Configuration {
        &self.state.configuration
    }

    /// Takes a frame, and returns the packets that are complete with it: none, one, or two where the configuration goes
    /// first. Times are rounded to the clock, and a frame within 1/64 of the usual interval counts as on time.
    ///
    /// # Errors
    /// [`StreamError::Input`] for a frame that does not fit the layout, holds what is not finite, or is not after the
    /// one before; the frame is left out then.
    pub fn push(&mut self, frame: &StreamFrame) -> Result<Vec<Vec<u8>>, StreamError> {
        let configuration = &self.state.configuration;
        let exact = frame.time * f64::from(configuration.tick_rate);
        // NaN fails too.
        if !(exact >= 0.0 && exact < (MAX_TICK - 1) as f64) {
            return Err(StreamError::Input(format!("a frame's time is {} s", frame.time)));
        }
        let mut tick = exact.round() as u64;
        if let Some(last) = self.last_tick {
            let usual = last + u64::from(configuration.interval);
            if (exact - usual as f64).abs() <= f64::from(configuration.interval) / 64.0 {
                tick = usual;
            }
            if tick <= last || tick - last > u64::from(u32::MAX / 8) {
                return Err(StreamError::Input("a frame's time is not shortly after the one before".into()));
            }
        }
        let values = configuration.layout.channels(frame, &self.before)?;
        self.last_tick = Some(tick);
        self.before.clone_from(&values);
        self.waiting.push((tick, values));
        if self.waiting.len() < self.options.frames_per_packet { Ok(Vec::new()) } else { self.flush() }
    }

    /// The packets of the frames that wait for others.
    ///
    /// # Errors
    /// None for frames that [`StreamEncoder::push`] has taken.
    pub fn flush(&mut self) -> Result<Vec<Vec<u8>>, StreamError> {
        let Some(&(first, _)) = self.waiting.first() else { return Ok(Vec::new()) };
        let tick_rate = f64::from(self.state.configuration.tick_rate);
        // Half a frame early rather than a packet late.
        let due = self.options.access_point_interval * tick_rate
            - 0.5 * f64::from(self.state.configuration.interval);
        let intra = self.access_point_wanted || self.access_point.is_none_or(|at| (first - at) as f64 >= due);
        let mut packets = Vec::new();
        if intra {
            let every = self.options.configuration_every;
            if self.configuration_wanted || (every > 0 && self.access_points.is_multiple_of(every)) {
                packets.push(self.state.configuration.to_packet());
                self.configuration_wanted = false;
            }
            self.access_points = self.access_points.wrapping_add(1);
            self.access_point = Some(first);
            self.access_point_wanted = false;
        }
        let (ticks, frames): (Vec<u64>, Vec<Vec<f64>>) = self.waiting.drain(..).unzip();
        let quality = self.options.quality;
        self.state.prepare(intra);
        let levels = choose(&self.state, &self.prices, intra, quality, &frames);
        let header = Header { intra, sequence: self.sequence };
        let (packet, coded) = self.state.write(header, Body { ticks, quality, levels })?;
        self.sequence = next_sequence(self.sequence);

        let channels = self.before.len().max(1);
        let mut estimated_error = 0.0;
        for (coded, frame) in coded.chunks_exact(channels).zip(&frames) {
            let difference: Vec<f64> = coded.iter().zip(frame).map(|(&c, f)| c as f64 - f).collect();
            estimated_error += self.sensitivity.error(&difference) / frames.len() as f64;
        }
        self.report = Some(PacketReport {
            access_point: intra,
            frames: frames.len(),
            bytes: packet.len(),
            quality,
            estimated_error,
        });
        packets.push(packet);
        Ok(packets)
    }

    /// What became of the last packet of frames.
    pub fn report(&self) -> Option<PacketReport> {
        self.report
    }

    /// The next packet will be an access point, as a receiver that lost one asks for.
    pub fn request_access_point(&mut self) {
        self.access_point_wanted = true;
    }

    /// The next packet will be an access point, with the configuration before it, for a receiver that has just come.
    pub fn request_configuration(&mut self) {
        self.configuration_wanted = true;
        self.access_point_wanted = true;
    }

    /// Sets the quality of the packets to come, 0 to 127.
    pub fn set_quality(&mut self, quality: u8) {
        self.options.quality = quality.min(MAX_QUALITY);
    }

    /// The quality of the next packet.
    pub fn quality(&self) -> u8 {
        self.options.quality
    }

    #[cfg(test)]
    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    #[cfg(test)]
    pub(crate) fn set_sequence(&mut self, sequence: u16) {
        self.sequence = sequence;
    }
}
