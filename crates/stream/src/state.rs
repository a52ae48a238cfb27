//! What the two ends of a stream hold in common, and the body of a packet.

use std::sync::Arc;

use crate::configuration::{ACCESS_POINT, CONTINUATION, first_byte, kind, step, step_index};
use crate::error::within;
use crate::model::{Model, Place};
use crate::range_coder::{Bit, Coder, RangeDecoder, RangeEncoder};
use crate::transform::{MAX_FRAMES, inverse};
use crate::{Configuration, StreamError, StreamLimits};

use crate::checksum::crc16;

/// Coefficients are kept within this.
const MAX_COEFFICIENT: i64 = 1 << 34;
/// Ticks are below this.
pub(crate) const MAX_TICK: u64 = 1 << 47;
/// Bytes before a packet's body, and after it.
pub(crate) const HEADER_BYTES: usize = 2;
pub(crate) const CHECKSUM_BYTES: usize = 2;

/// The state of encoder and decoder after a packet. Both keep it equal.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) configuration: Arc<Configuration>,
    pub(crate) id: u32,
    bounds: Arc<[(i64, i64)]>,
    pub(crate) model: Model,
    header: HeaderOdds,
    /// The last frame's channels, in 1/65536.
    pub(crate) last: Vec<i64>,
    /// The last frame's time.
    pub(crate) tick: u64,
    frames: usize,
    quality: u8,
}

/// Odds of what stands before the levels.
#[derive(Clone, Debug)]
struct HeaderOdds {
    other_frames: Bit,
    other_quality: Bit,
    irregular: Bit,
    off_time: Bit,
    late: Bit,
    difference: [Bit; 31],
}

impl HeaderOdds {
    fn new() -> Self {
        // Nearly always the same as before.
        let usual = Bit::new(61440, 8);
        Self {
            other_frames: usual,
            other_quality: usual,
            irregular: usual,
            off_time: Bit::EVEN,
            late: Bit::EVEN,
            difference: [Bit::EVEN; 31],
        }
    }
}

/// The number after `sequence`.
pub(crate) fn next_sequence(sequence: u16) -> u16 {
    (sequence + 1) & 0xFFF
}

/// How far `sequence` is ahead of `of`, −2048 to 2047.
pub(crate) fn ahead(sequence: u16, of: u16) -> i32 {
    // The 12 bits at the top of 16 wrap as they should.
    i32::from((sequence.wrapping_sub(of) << 4) as i16 >> 4)
}

/// What a packet says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Body {
    /// The time of each of N frames.
    pub(crate) ticks: Vec<u64>,
    pub(crate) quality: u8,
    /// Channels × N levels, channel after channel.
    pub(crate) levels: Vec<i32>,
}

/// The packet around a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) intra: bool,
    /// Of 12 bits.
    pub(crate) sequence: u16,
}

impl State {
    pub(crate) fn new(configuration: Arc<Configuration>) -> Self {
        let channels = configuration.layout.channel_count();
        Self {
            id: configuration.id(),
            bounds: configuration.layout.channel_bounds().into(),
            model: Model::new(channels),
            header: HeaderOdds::new(),
            last: vec![0; channels],
            tick: 0,
            frames: 0,
            quality: 0,
            configuration,
        }
    }

    /// Forgets all that went before.
    fn reset(&mut self) {
        self.model.reset();
        self.header = HeaderOdds::new();
        self.last.fill(0);
    }

    /// Before the levels of an access point are chosen, the encoder forgets as the decoder will.
    pub(crate) fn prepare(&mut self, intra: bool) {
        if intra {
            self.reset();
        }
    }

    /// Writes a packet, whose levels were chosen on this state after [`State::prepare`]. Also returns the channels of its
    /// frames as the decoder will have them, frame after frame.
    pub(crate) fn write(&mut self, header: Header, body: Body) -> Result<(Vec<u8>, Vec<i64>), StreamError> {
        let mut coder = RangeEncoder::new();
        let (_, frames) = self.body(&mut coder, header.intra, body)?;
        let kind = if header.intra { ACCESS_POINT } else { CONTINUATION };
        let mut packet = vec![first_byte(kind) | (header.sequence >> 8) as u8 & 15, header.sequence as u8];
        packet.extend(coder.finish());
        let crc = crc16(&[&self.id.to_be_bytes(), &packet]);
        packet.extend(crc.to_be_bytes());
        Ok((packet, frames))
    }

    /// The header of a data packet of this configuration, and its coded body.
    pub(crate) fn open<'p>(&self, packet: &'p [u8]) -> Result<(Header, &'p [u8]), StreamError> {
        let short = || StreamError::Packet("it is too short".into());
        let (content, crc) = packet.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(short)?;
        let (&[first, low], coded) = content.split_first_chunk::<HEADER_BYTES>().ok_or_else(short)?;
        let kind = kind(first)?;
        if crc16(&[&self.id.to_be_bytes(), content]).to_be_bytes() != *crc {
            return Err(StreamError::Checksum);
        }
        Ok((Header { intra: kind == ACCESS_POINT, sequence: u16::from_be_bytes([first & 15, low]) }, coded))
    }

    /// Reads the coded body of a packet and moves on to the state after it. Returns times and channels of its frames,
    /// frame after frame. After an error the state is of no use.
    pub(crate) fn read(
        &mut self,
        intra: bool,
        coded: &[u8],
        limits: &StreamLimits,
    ) -> Result<Vec<(u64, Vec<i64>)>, StreamError> {
        within("the packet's size", coded.len() as u64, limits.packet_bytes)?;
        self.prepare(intra);
        let mut coder = RangeDecoder::new(coded);
        let (body, frames) = self.body(&mut coder, intra, Body::default())?;
        if !coder.is_at_end() || coded.last() == Some(&0) {
            return Err(StreamError::Malformed("bytes are left over".into()));
        }
        let channels = self.last.len();
        let mut values = frames.chunks_exact(channels.max(1));
        Ok(body.ticks.iter().map(|&tick| (tick, values.next().unwrap_or_default().to_vec())).collect())
    }

    /// Writes `given`, or reads another in its place; also returns its frames' channels.
    fn body<C: Coder>(
        &mut self,
        coder: &mut C,
        intra: bool,
        given: Body,
    ) -> Result<(Body, Vec<i64>), StreamError> {
        let count = given.ticks.len();
        if intra || coder.bit(&mut self.header.other_frames, count != self.frames) {
            self.frames = 1 + coder.even_bits((count as u32).wrapping_sub(1) % MAX_FRAMES as u32, 5) as usize;
        }
        if intra || coder.bit(&mut self.header.other_quality, given.quality != self.quality) {
            self.quality = coder.even_bits(u32::from(given.quality), 7) as u8;
        }
        let (frames, quality) = (self.frames, self.quality);
        if frames == 0 {
            return Err(StreamError::Malformed("there has been no access point".into()));
        }
        let ticks = self.times(coder, intra, frames, &given.ticks)?;

        let channels = self.last.len();
        let mut levels = given.levels;
        levels.resize(channels * frames, 0);
        let configuration = Arc::clone(&self.configuration);
        let mut recent = 0u32;
        for (channel, parent) in configuration.parents.iter().enumerate() {
            let (before, rest) = levels.split_at_mut((channel * frames).min(channels * frames));
            let own = rest.get_mut(..frames).unwrap_or_default();
            let parent = parent
                .and_then(|p| Some((before.get(p.channel * frames..(p.channel + 1) * frames)?, p.gain != 0)));
            let place = Place { channel, intra, parent, recent };
            let coded = self.model.channel(coder, place, own);
            self.model.note(channel, intra, own);
            recent = recent << 1 | u32::from(coded);
        }

        let mut coefficients: Vec<i64> = Vec::with_capacity(levels.len());
        let mut out = vec![0; levels.len()];
        let mut change = Vec::new();
        for (channel, own) in levels.chunks_exact(frames).enumerate() {
            let start = coefficients.len();
            let size = self.step(channel, quality);
            for (k, &level) in own.iter().enumerate() {
                let foretold = self.foretold(&coefficients, channel, frames, k);
                let coefficient = i64::from(level).saturating_mul(size).saturating_add(foretold);
                coefficients.push(coefficient.clamp(-MAX_COEFFICIENT, MAX_COEFFICIENT));
            }
            inverse(coefficients.get(start..).unwrap_or_default(), intra, &mut change);
            let (Some(last), Some(&(low, high))) = (self.last.get_mut(channel), self.bounds.get(channel))
            else {
                continue;
            };
            let base = *last;
            for (t, &change) in change.iter().enumerate() {
                let value = (base + change).clamp(low, high);
                if let Some(slot) = out.get_mut(t * channels + channel) {
                    *slot = value;
                }
                *last = value;
            }
        }
        self.tick = ticks.last().copied().unwrap_or(self.tick);
        Ok((Body { ticks, quality, levels }, out))
    }

    /// The step of a channel, in 1/65536.
    pub(crate) fn step(&self, channel: usize, quality: u8) -> i64 {
        step(step_index(self.configuration.steps.get(channel).copied().unwrap_or(0), quality))
    }

    /// What a channel's coefficient `k` is taken to be before its level is known.
    pub(crate) fn foretold(&self, coefficients: &[i64], channel: usize, frames: usize, k: usize) -> i64 {
        let parent = self.configuration.parents.get(channel).copied().flatten();
        let of = parent.and_then(|p| Some((coefficients.get(p.channel * frames + k)?, p.gain)));
        of.map_or(0, |(coefficient, gain)| (coefficient * i64::from(gain) + 4) >> 3)
    }

    fn times<C: Coder>(
        &mut self,
        coder: &mut C,
        intra: bool,
        frames: usize,
        given: &[u64],
    ) -> Result<Vec<u64>, StreamError> {
        let interval = u64::from(self.configuration.interval);
        let mut ticks = Vec::with_capacity(frames);
        let mut last = self.tick;
        if intra {
            let first = given.first().copied().unwrap_or(0);
            let high = coder.even_bits((first >> 24) as u32, 23);
            let low = coder.even_bits((first & 0xFF_FFFF) as u32, 24);
            last = u64::from(high) << 24 | u64::from(low);
            ticks.push(last);
        }
        let steps = given
            .iter()
            .copied()
            .scan(self.tick, |before, tick| Some(tick.wrapping_sub(std::mem::replace(before, tick))));
        let steps: Vec<u64> = steps.skip(ticks.len()).collect();
        let regular = !coder.bit(&mut self.header.irregular, steps.iter().any(|&s| s != interval));
        for i in ticks.len()..frames {
            let wanted = steps.get(ticks.len() - usize::from(intra)).copied().unwrap_or(interval);
            let mut forward = interval;
            if !regular && coder.bit(&mut self.header.off_time, wanted != interval) {
                let late = coder.bit(&mut self.header.late, wanted > interval);
                let by = wanted.abs_diff(interval).min(u64::from(u32::MAX / 4)) as u32;
                let by = u64::from(coder.golomb(&mut self.header.difference, by));
                forward = if late { interval.checked_add(by) } else { interval.checked_sub(by) }.unwrap_or(0);
            }
            last = last.saturating_add(forward);
            if forward == 0 || last >= MAX_TICK {
                return Err(StreamError::Malformed(format!("the time of frame {i} does not go on")));
            }
            ticks.push(last);
        }
        Ok(ticks)
    }
}
