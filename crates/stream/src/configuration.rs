//! The configuration of a stream: its layout, clock, quantiser steps and predictions, and the packet that carries it.

use std::collections::HashMap;

use effigy_rig::{ARKIT_NAMES, canonical};

use crate::checksum::crc32;
use crate::error::within;
use crate::layout::NAME_BYTES;
use crate::range_coder::{Bit, Coder, RangeDecoder, RangeEncoder};
use crate::{Bounds, Control, Layout, StreamError, StreamLimits};

/// The version that this code writes and reads.
pub const STREAM_VERSION: u8 = 1;

/// Kinds of packets.
pub(crate) const CONFIGURATION: u8 = 0;
pub(crate) const ACCESS_POINT: u8 = 1;
pub(crate) const CONTINUATION: u8 = 2;

/// A channel that another one foretells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The channel, which stands before the one that it foretells.
    pub channel: usize,
    /// What share of the parent's change is taken away before coding, in eighths, −16 to 16; 0 uses the parent for the
    /// odds alone.
    pub gain: i8,
}

/// All that a receiver must know before the first access point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Configuration {
    /// What every frame holds.
    pub layout: Layout,
    /// Ticks per second, in which times are written.
    pub tick_rate: u32,
    /// The usual time from frame to frame, ticks.
    pub interval: u32,
    /// The quantiser step of each channel at quality [`REFERENCE_QUALITY`], in half octaves, 0 to 40: see [`step`] of four
    /// times this.
    pub steps: Vec<u8>,
    /// What foretells each channel.
    pub parents: Vec<Option<Parent>>,
}

/// The quality index at which a channel's step is the configured one.
pub const REFERENCE_QUALITY: u8 = 64;
/// The greatest quality index: the coarsest.
pub const MAX_QUALITY: u8 = 127;
/// The greatest step index.
pub const MAX_STEP: u8 = 160;
/// The greatest step of a channel in a configuration, in half octaves.
pub const MAX_CHANNEL_STEP: u8 = MAX_STEP / 4;

/// The step that an index stands for, in 1/65536: `2^(index / 8)`, rounded as the specification says.
pub fn step(index: u8) -> i64 {
    /// 2^14 · 2^(k/8).
    const EIGHTHS: [i64; 8] = [16384, 17867, 19484, 21247, 23170, 25268, 27554, 30048];
    let index = index.min(MAX_STEP);
    let scaled = EIGHTHS[usize::from(index % 8)] << (index / 8);
    (scaled + (1 << 13)) >> 14
}

/// The step index of a channel at a quality.
pub(crate) fn step_index(channel: u8, quality: u8) -> u8 {
    let sum = 4 * i32::from(channel) + i32::from(quality) - i32::from(REFERENCE_QUALITY);
    sum.clamp(0, i32::from(MAX_STEP)) as u8
}

impl Configuration {
    /// 90 000 ticks a second, frames at `rate` per second, equal steps, and the right side foretold by the left.
    ///
    /// # Errors
    /// [`StreamError::Input`] for a layout or a rate that cannot be.
    pub fn new(layout: Layout, rate: f64) -> Result<Self, StreamError> {
        let tick_rate = 90_000;
        if !(rate.is_finite() && (0.01..=10_000.0).contains(&rate)) {
            return Err(StreamError::Input(format!("{rate} frames per second")));
        }
        let interval = (f64::from(tick_rate) / rate).round() as u32;
        let steps = vec![24; layout.channel_count()];
        let parents = mirrored(&layout);
        let configuration = Self { layout, tick_rate, interval, steps, parents };
        configuration.validate(u64::MAX)?;
        Ok(configuration)
    }

    /// Checks that all parts fit together.
    ///
    /// # Errors
    /// [`StreamError::Input`] or [`StreamError::Limit`], naming the first fault.
    pub fn validate(&self, channels: u64) -> Result<(), StreamError> {
        self.layout.validate(channels)?;
        let count = self.layout.channel_count();
        let fail = |what: &str| Err(StreamError::Input(what.into()));
        if self.steps.len() != count || self.parents.len() != count {
            return fail("the steps or parents are not one per channel");
        }
        if self.steps.iter().any(|&s| s > MAX_CHANNEL_STEP) {
            return fail("a channel's step is above 40");
        }
        if self.tick_rate == 0 || self.interval == 0 {
            return fail("the tick rate or the interval is 0");
        }
        for (channel, parent) in self.parents.iter().enumerate() {
            if let Some(parent) = parent
                && (parent.channel >= channel || !(-16..=16).contains(&parent.gain))
            {
                return fail("a parent does not stand before its channel, or its gain is over 2");
            }
        }
        Ok(())
    }

    /// The packet that carries this.
    pub fn to_packet(&self) -> Vec<u8> {
        let mut coder = RangeEncoder::new();
        // What is written is never refused: `validate` is stricter than the limits here.
        let _ =
            code(&mut coder, self.clone(), &StreamLimits { channels: u64::MAX, ..StreamLimits::default() });
        let mut packet = vec![first_byte(CONFIGURATION)];
        packet.extend(coder.finish());
        let crc = crc32(&packet);
        packet.extend(crc.to_be_bytes());
        packet
    }

    /// Reads what [`Configuration::to_packet`] wrote.
    ///
    /// # Errors
    /// [`StreamError`] for anything else.
    pub fn from_packet(packet: &[u8], limits: &StreamLimits) -> Result<Self, StreamError> {
        within("the packet's size", packet.len() as u64, limits.packet_bytes)?;
        let short = || StreamError::Packet("it is too short".into());
        let (body, crc) = packet.split_last_chunk::<4>().ok_or_else(short)?;
        let (&first, coded) = body.split_first().ok_or_else(short)?;
        if first != first_byte(CONFIGURATION) {
            return Err(StreamError::Packet("it is not a configuration".into()));
        }
        if crc32(body).to_be_bytes() != *crc {
            return Err(StreamError::Checksum);
        }
        let mut coder = RangeDecoder::new(coded);
        let empty = Self {
            layout: Layout::default(),
            tick_rate: 0,
            interval: 0,
            steps: Vec::new(),
            parents: Vec::new(),
        };
        let read = code(&mut coder, empty, limits)?;
        if !coder.is_at_end() {
            return Err(StreamError::Malformed("bytes are left over".into()));
        }
        read.validate(limits.channels).map_err(|e| StreamError::Malformed(e.to_string()))?;
        Ok(read)
    }

    /// What ties data packets to this configuration: the CRC-32 of its packet.
    pub fn id(&self) -> u32 {
        let packet = self.to_packet();
        packet.last_chunk::<4>().map_or(0, |crc| u32::from_be_bytes(*crc))
    }
}

/// The first byte of a packet, where the number's high bits are 0.
pub(crate) fn first_byte(kind: u8) -> u8 {
    STREAM_VERSION << 6 | kind << 4
}

/// The kind of a packet by its first byte.
pub(crate) fn kind(first: u8) -> Result<u8, StreamError> {
    match (first >> 6, first >> 4 & 3) {
        (STREAM_VERSION, kind @ CONFIGURATION..=CONTINUATION) => Ok(kind),
        (STREAM_VERSION, kind) => Err(StreamError::Packet(format!("kind {kind}"))),
        (version, _) => Err(StreamError::Packet(format!("version {version}"))),
    }
}

/// Writes `given`, or reads a configuration in its place.
fn code<C: Coder>(
    coder: &mut C,
    given: Configuration,
    limits: &StreamLimits,
) -> Result<Configuration, StreamError> {
    let tick_rate = coder.even_bits(given.tick_rate, 32);
    let interval = coder.even_bits(given.interval, 32);
    let layout = code_layout(coder, &given.layout, limits)?;

    let channels = layout.channel_count();
    let usual = mirrored(&layout);
    let (mut as_usual, mut is_some) = (Bit::EVEN, Bit::EVEN);
    let width = usize::BITS - channels.leading_zeros();
    let mut parents = Vec::new();
    for (channel, usual) in usual.into_iter().enumerate() {
        let wanted = given.parents.get(channel).copied().flatten();
        if coder.bit(&mut as_usual, wanted == usual) {
            parents.push(usual);
        } else if coder.bit(&mut is_some, wanted.is_some()) {
            let parent = wanted.unwrap_or(Parent { channel: 0, gain: 0 });
            let of = coder.even_bits(parent.channel as u32, width.min(32)) as usize;
            let gain = coder.even_bits((i32::from(parent.gain) + 16) as u32, 6) as i32 - 16;
            if of >= channel || gain > 16 {
                return Err(StreamError::Malformed("a channel's parent is none".into()));
            }
            parents.push(Some(Parent { channel: of, gain: gain as i8 }));
        } else {
            parents.push(None);
        }
    }

    let (mut changes, mut positive) = ([Bit::EVEN; 7], Bit::EVEN);
    let mut steps: Vec<u8> = Vec::new();
    for channel in 0..channels {
        let parent = parents.get(channel).copied().flatten().map(|p: Parent| p.channel);
        let near = parent.or(channel.checked_sub(1)).and_then(|near| steps.get(near));
        let near = near.map_or(24, |&s| i32::from(s));
        let change = given.steps.get(channel).map_or(0, |&s| i32::from(s) - near);
        let mut read = coder.golomb(&mut changes, change.unsigned_abs()) as i32;
        if read != 0 && !coder.bit(&mut positive, change > 0) {
            read = -read;
        }
        let index = u8::try_from(near + read).ok().filter(|&s| s <= MAX_CHANNEL_STEP);
        steps.push(index.ok_or_else(|| StreamError::Malformed("a step is outside 0 to 40".into()))?);
    }
    Ok(Configuration { layout, tick_rate, interval, steps, parents })
}

fn code_layout<C: Coder>(
    coder: &mut C,
    given: &Layout,
    limits: &StreamLimits,
) -> Result<Layout, StreamError> {
    let mut layout = Layout { placement: false, camera: false, ..Layout::default() };
    layout.placement = coder.even_bit(given.placement);
    layout.camera = coder.even_bit(given.camera);
    let controls = coder.even_bits(given.controls.len() as u32, 16);
    let rotations = coder.even_bits(given.rotations.len() as u32, 16);
    let channels = u64::from(controls) + 3 * u64::from(rotations);
    within("the number of channels", channels, limits.channels)?;

    // The next ARKit name is expected, then the one after it, and so on.
    let mut expected = 0u32;
    let (mut is_arkit, mut plain) = (Bit::EVEN, Bit::EVEN);
    let (mut skips, mut letters) = ([Bit::EVEN; 7], vec![Bit::EVEN; 256]);
    for i in 0..controls as usize {
        let control = given.controls.get(i);
        let number = control.and_then(|c| ARKIT_NAMES.iter().position(|n| *n == c.name));
        let count = ARKIT_NAMES.len() as u32;
        let name = if coder.bit(&mut is_arkit, number.is_some()) {
            let skip = (number.unwrap_or(0) as u32 + count - expected % count) % count;
            let skip = coder.golomb(&mut skips, skip) % count;
            let found = (expected + skip) % count;
            expected = (found + 1) % count;
            ARKIT_NAMES[found as usize].to_owned()
        } else {
            code_name(coder, &mut letters, control.map_or("", |c| &c.name))?
        };
        let bounds = control.map_or(Bounds::Unit, |c| c.bounds);
        let bounds = if coder.bit(&mut plain, bounds == Bounds::Unit) {
            Bounds::Unit
        } else if coder.even_bit(bounds == Bounds::Free) {
            Bounds::Free
        } else {
            Bounds::Signed
        };
        layout.controls.push(Control { name, bounds });
    }
    for i in 0..rotations as usize {
        let usual = [Layout::HEAD, Layout::LEFT_EYE, Layout::RIGHT_EYE];
        let name = given.rotations.get(i).map_or("", String::as_str);
        let number = usual.iter().position(|u| *u == name).unwrap_or(3) as u32;
        let number = coder.even_bits(number, 2) as usize;
        layout.rotations.push(match usual.get(number) {
            Some(&usual) => usual.to_owned(),
            None => code_name(coder, &mut letters, name)?,
        });
    }
    Ok(layout)
}

/// A length and the bytes of a name, with odds that learn the alphabet.
fn code_name<C: Coder>(coder: &mut C, letters: &mut [Bit], name: &str) -> Result<String, StreamError> {
    let length = coder.even_bits(name.len().min(NAME_BYTES) as u32, 8);
    let mut bytes = Vec::new();
    for i in 0..length as usize {
        let wanted = usize::from(name.as_bytes().get(i).copied().unwrap_or(0));
        let mut node = 1;
        for bit in (0..8).rev() {
            let Some(odds) = letters.get_mut(node) else { break };
            node = 2 * node + usize::from(coder.bit(odds, wanted >> bit & 1 != 0));
        }
        bytes.push(node as u8);
    }
    String::from_utf8(bytes).map_err(|_| StreamError::Malformed("a name is not UTF-8".into()))
}

/// For each channel of a control on one side, the one that moves like it on the other side if it stands before it.
pub(crate) fn mirrored(layout: &Layout) -> Vec<Option<Parent>> {
    let mut parents = vec![None; layout.channel_count()];
    let mut before: HashMap<&str, usize> = HashMap::new();
    for (channel, (control, parent)) in layout.controls.iter().zip(&mut parents).enumerate() {
        let name = canonical(&control.name).unwrap_or(&control.name);
        if let Some(&found) = other_side(name).and_then(|other| before.get(other.as_str())) {
            *parent = Some(Parent { channel: found, gain: 8 });
        }
        // Of several spellings of a name the first counts.
        before.entry(name).or_insert(channel);
    }
    parents
}

fn other_side(name: &str) -> Option<String> {
    let (stem, side) = match name.strip_suffix("Right") {
        Some(stem) => (stem, "Left"),
        None => (name.strip_suffix("Left")?, "Right"),
    };
    match stem {
        // The eyes look the same way: one inwards, the other outwards.
        "eyeLookIn" => Some(format!("eyeLookOut{side}")),
        "eyeLookOut" => Some(format!("eyeLookIn{side}")),
        // These exclude each other.
        "jaw" | "mouth" => None,
        stem => Some(format!("{stem}{side}")),
    }
}
