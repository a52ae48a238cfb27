//! Sound that is encoded already, to be put beside a video as it is: AAC in ADTS, or Opus in Ogg.

mod adts;
mod ogg;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// What sound is coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    /// MPEG-4 AAC, low complexity.
    Aac,
    /// Opus (RFC 6716), one or two channels.
    Opus,
}

/// Why a file is no sound that can be passed through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is not in one of the forms that are taken.
    #[error(
        "is neither AAC in ADTS nor Opus in Ogg, and sound is not encoded here: `ffmpeg -i IN -c:a libopus OUT.opus` or \
         `ffmpeg -i IN -c:a aac OUT.aac` makes it so"
    )]
    Unknown,
    /// It is larger than is read.
    #[error("is larger than {0} bytes")]
    TooLarge(u64),
    /// It is damaged, or of a kind that is not taken.
    #[error("{0}")]
    Format(String),
}

/// One coded packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AudioPacket {
    /// For AAC with its ADTS header.
    pub(crate) data: Vec<u8>,
    /// When it begins, in samples from the start.
    pub(crate) start: u64,
}

/// A coded track of sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioTrack {
    codec: AudioCodec,
    sample_rate: u32,
    channels: u16,
    /// Samples at the start that only the decoder needs.
    pre_skip: u16,
    packets: Vec<AudioPacket>,
    /// Samples of all packets.
    samples: u64,
}

impl AudioTrack {
    /// The most bytes of a file: 256 MiB, some three hours.
    pub const MOST_BYTES: u64 = 1 << 28;

    /// Reads a file, of at most [`Self::MOST_BYTES`].
    ///
    /// # Errors
    /// [`AudioError`], which does not name the file.
    pub fn open(path: &Path) -> Result<Self, AudioError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(Self::MOST_BYTES + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > Self::MOST_BYTES {
            true => Err(AudioError::TooLarge(Self::MOST_BYTES)),
            false => Self::from_bytes(&bytes),
        }
    }

    /// From a file's bytes.
    ///
    /// # Errors
    /// [`AudioError::Unknown`], [`AudioError::Format`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AudioError> {
        if bytes.starts_with(b"OggS") {
            ogg::read(bytes)
        } else if adts::begins(bytes) {
            adts::read(bytes)
        } else {
            Err(AudioError::Unknown)
        }
    }

    /// What it is coded in.
    pub fn codec(&self) -> AudioCodec {
        self.codec
    }

    /// Samples a second.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// How many channels.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// Seconds, as far as they are heard.
    pub fn duration(&self) -> f64 {
        self.samples.saturating_sub(self.pre_skip.into()) as f64 / f64::from(self.sample_rate)
    }

    /// The same without its first `seconds`, to the nearest packet.
    pub fn after(mut self, seconds: f64) -> Self {
        let samples = (seconds.max(0.0) * f64::from(self.sample_rate)).round() as u64;
        self.packets.retain(|packet| packet.start >= samples);
        let first = self.packets.first().map_or(self.samples, |packet| packet.start);
        self.packets.iter_mut().for_each(|packet| packet.start -= first);
        self.samples -= first;
        self
    }

    pub(crate) fn pre_skip(&self) -> u16 {
        self.pre_skip
    }

    /// Packets and when they begin, seconds.
    pub(crate) fn packets(&self) -> impl Iterator<Item = (f64, &[u8])> {
        let rate = f64::from(self.sample_rate);
        self.packets.iter().map(move |packet| (packet.start as f64 / rate, &packet.data[..]))
    }
}

fn fault<T>(what: impl Into<String>) -> Result<T, AudioError> {
    Err(AudioError::Format(what.into()))
}
