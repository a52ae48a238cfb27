//! Streams in files.

use std::io::{Read, Write};
use std::path::Path;

use effigy_rig::Track;

use crate::error::within;
use crate::{Configuration, Received, StreamDecoder, StreamError, StreamFrame, StreamLimits, track_of};

/// The packets of a stream, as a file keeps them: `EFFS`, then each packet after its length (u32, big-endian).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamFile {
    /// The packets, in order.
    pub packets: Vec<Vec<u8>>,
    /// Whether the file ended within a packet, which is left out: what wrote it was interrupted.
    pub cut_short: bool,
}

const MAGIC: &[u8; 4] = b"EFFS";

impl StreamFile {
    /// Whether `bytes` begin like such a file.
    pub fn is_one(bytes: &[u8]) -> bool {
        bytes.starts_with(MAGIC)
    }

    /// Reads a file from memory.
    ///
    /// # Errors
    /// [`StreamError::Packet`] for something else, [`StreamError::Limit`] for more or longer packets than allowed.
    pub fn from_bytes(bytes: &[u8], limits: &StreamLimits) -> Result<Self, StreamError> {
        let mut rest = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| StreamError::Packet("the file is not a stream".into()))?;
        let mut file = Self::default();
        while !rest.is_empty() {
            let Some((length, after)) = rest.split_first_chunk::<4>() else {
                file.cut_short = true;
                break;
            };
            let length = u32::from_be_bytes(*length);
            within("the packet's size", u64::from(length), limits.packet_bytes)?;
            within("the number of packets", file.packets.len() as u64 + 1, limits.file_packets)?;
            let Some((packet, after)) = after.split_at_checked(length as usize) else {
                file.cut_short = true;
                break;
            };
            file.packets.push(packet.to_vec());
            rest = after;
        }
        Ok(file)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// As [`StreamFile::from_bytes`], and [`StreamError::Io`].
    pub fn open(path: impl AsRef<Path>, limits: &StreamLimits) -> Result<Self, StreamError> {
        let most = limits.packet_bytes.saturating_add(4).saturating_mul(limits.file_packets).min(1 << 30);
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        within("the file's size", bytes.len() as u64, most)?;
        Self::from_bytes(&bytes, limits)
    }

    /// Writes the whole file. To write as packets come, use [`StreamFile::begin`] and [`StreamFile::append`].
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> Result<(), StreamError> {
        Self::begin(out)?;
        self.packets.iter().try_for_each(|packet| Self::append(out, packet))
    }

    /// Writes the beginning of a file.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn begin(out: &mut impl Write) -> Result<(), StreamError> {
        Ok(out.write_all(MAGIC)?)
    }

    /// Writes one packet at the end of a file.
    ///
    /// # Errors
    /// Those of `out`; [`StreamError::Input`] for a packet of 4 GiB or more.
    pub fn append(out: &mut impl Write, packet: &[u8]) -> Result<(), StreamError> {
        let length =
            u32::try_from(packet.len()).map_err(|_| StreamError::Input("a packet is too long".into()))?;
        out.write_all(&length.to_be_bytes())?;
        Ok(out.write_all(packet)?)
    }

    /// The configuration of the last part and all its frames. Packets that are damaged are passed over, up to the next
    /// access point. Where the configuration changes, what was before it is dropped, as its frames hold something else.
    ///
    /// # Errors
    /// [`StreamError::Packet`] if there is no configuration and [`StreamError::Limit`] for more frames times channels than
    /// allowed.
    pub fn frames(&self, limits: &StreamLimits) -> Result<(Configuration, Vec<StreamFrame>), StreamError> {
        let kept = limits.kept_frames.max(2 * crate::MAX_FRAMES as u64);
        let mut decoder = StreamDecoder::new(StreamLimits { kept_frames: kept, ..limits.clone() });
        let mut frames: Vec<StreamFrame> = Vec::new();
        for packet in &self.packets {
            match decoder.push(packet) {
                Ok(Received::Configuration) => frames.clear(),
                Ok(Received::Frames(_)) => {
                    while let Some(frame) = decoder.next_frame() {
                        // A sender that began anew.
                        if frames.last().is_some_and(|last| last.time >= frame.time) {
                            frames.clear();
                        }
                        frames.push(frame.clone());
                    }
                    let channels = decoder.layout().map_or(0, crate::Layout::channel_count) as u64;
                    within("frames times channels", frames.len() as u64 * channels, limits.file_values)?;
                }
                _ => {}
            }
        }
        let none = || StreamError::Packet("the file has no configuration".into());
        Ok((decoder.configuration().ok_or_else(none)?.clone(), frames))
    }

    /// The stream as a track.
    ///
    /// # Errors
    /// As [`StreamFile::frames`] and [`track_of`].
    pub fn track(&self, limits: &StreamLimits) -> Result<Track, StreamError> {
        let (configuration, frames) = self.frames(limits)?;
        track_of(&configuration.layout, &frames)
    }
}
