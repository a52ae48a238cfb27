//! Fragmented MP4: what has been written plays, wherever the writing stops.

use std::io::{self, Seek, SeekFrom, Write};

use muxide::codec::{annexb_to_avcc, av1, extract_avc_config, extract_hevc_config, hevc_annexb_to_hvcc};
use muxide::fragmented::{FragmentConfig, FragmentedMuxer};

use super::{Container, sample_entry};
use crate::VideoError;
use crate::encoder::{Codec, EncoderConfig, Packet};

/// `sample_depends_on` = 2, others do not matter: a picture to start from (ISO/IEC 14496-12, 8.8.3.1).
const SYNC: u32 = 0x0200_0000;
/// `sample_depends_on` = 1 and `sample_is_non_sync_sample`.
const NOT_SYNC: u32 = 0x0101_0000;

/// MP4 in fragments, each written whole and flushed: at a key frame, and after a number of pictures.
///
/// A stream that is cut anywhere plays up to its last whole fragment. FFmpeg, however, refuses a *file* whose last
/// fragment's header is cut, so in a file ([`Self::in_file`]) a fragment is written under the name of free space and
/// gets its own once it is whole.
///
/// The clock counts in fractions of a picture, so times are exact. Header by `muxide`, fragments made here.
pub struct FragmentedMp4<W: Write + Send> {
    writer: W,
    config: EncoderConfig,
    /// Pictures a fragment at most.
    length: usize,
    waiting: Vec<Packet>,
    first_dts: Option<i64>,
    /// Fragments written.
    count: u32,
    /// A fragment was not written whole, so nothing may follow.
    broken: bool,
    /// Puts a fragment's name where `free` stands, so many bytes before the end.
    name: Option<fn(&mut W, i64) -> io::Result<()>>,
}

impl<W: Write + Send> FragmentedMp4<W> {
    /// A stream of what an encoder opened with `config` makes, in fragments of at most `length` pictures (1
    /// for the least delay).
    ///
    /// # Errors
    /// [`VideoError::Settings`].
    pub fn new(writer: W, config: &EncoderConfig, length: usize) -> Result<Self, VideoError> {
        config.validate()?;
        Ok(Self {
            writer,
            config: config.clone(),
            length: length.max(1),
            waiting: Vec::new(),
            first_dts: None,
            count: 0,
            broken: false,
            name: None,
        })
    }

    /// The same in a file, which the writer stands at the end of: an interruption at any moment leaves it playable.
    ///
    /// # Errors
    /// [`VideoError::Settings`].
    pub fn in_file(writer: W, config: &EncoderConfig, length: usize) -> Result<Self, VideoError>
    where
        W: Seek,
    {
        let name = |writer: &mut W, back: i64| {
            writer.seek(SeekFrom::Current(-back))?;
            writer.write_all(b"moof")?;
            writer.seek(SeekFrom::Current(back - 4))?;
            writer.flush()
        };
        Ok(Self { name: Some(name), ..Self::new(writer, config, length)? })
    }

    /// What was written to; pictures that wait for their fragment are lost without [`Container::finish`].
    pub fn into_writer(self) -> W {
        self.writer
    }

    /// Units of time a second, and a picture: the frame rate's fraction, finer where it is coarse.
    fn clock(&self) -> (u32, u32) {
        let (numerator, denominator) = self.config.frame_rate();
        let finer = if numerator < 1000 { 1000 } else { 1 };
        (numerator * finer, denominator * finer)
    }

    fn write_header(&mut self, first: &Packet) -> Result<(), VideoError> {
        let bad = |what: &str| VideoError::Container(format!("the first packet has no {what}"));
        if !first.key {
            return Err(VideoError::Container("the first packet is not a key frame".into()));
        }
        let (width, height) = self.config.coded_size();
        let mut settings = FragmentConfig::new(width, height, self.clock().0);
        match self.config.codec {
            Codec::H264 => {
                let found = extract_avc_config(&first.data).ok_or_else(|| bad("parameter sets"))?;
                (settings.sps, settings.pps) = (found.sps, found.pps);
            }
            Codec::H265 => {
                let found = extract_hevc_config(&first.data).ok_or_else(|| bad("parameter sets"))?;
                (settings.vps, settings.sps, settings.pps) = (Some(found.vps), found.sps, found.pps);
            }
            Codec::Av1 => {
                let found = av1::extract_av1_config(&first.data).ok_or_else(|| bad("sequence header"))?;
                settings.av1_sequence_header = Some(found.sequence_header);
            }
        }
        let mut header = FragmentedMuxer::new(settings)
            .map_err(|error| VideoError::Container(error.to_string()))?
            .init_segment();
        let moov = header.windows(4).position(|name| name == b"moov").and_then(|at| at.checked_sub(4));
        let moov = moov.ok_or_else(|| VideoError::Container("the MP4 writer made no header".into()))?;
        let mut index = header.split_off(moov);
        sample_entry::complete(&mut index, &self.config, false)?;
        self.writer.write_all(&header)?;
        self.writer.write_all(&index)?;
        Ok(())
    }

    /// Writes the pictures that wait as one fragment.
    fn write_fragment(&mut self) -> Result<(), VideoError> {
        if self.broken {
            return Err(VideoError::Container("a fragment could not be written, and none may follow".into()));
        }
        self.broken = true;
        self.write_whole_fragment()?;
        self.broken = false;
        Ok(())
    }

    fn write_whole_fragment(&mut self) -> Result<(), VideoError> {
        let packets = std::mem::take(&mut self.waiting);
        let Some(first) = packets.first() else { return Ok(()) };
        if self.count == 0 {
            self.write_header(first)?;
        }
        self.count += 1;
        let step = i64::from(self.clock().1);
        let start = *self.first_dts.get_or_insert(first.dts);
        let samples: Vec<Vec<u8>> = packets
            .iter()
            .map(|packet| match self.config.codec {
                Codec::H264 => annexb_to_avcc(&packet.data),
                Codec::H265 => hevc_annexb_to_hvcc(&packet.data),
                Codec::Av1 => packet.data.clone(),
            })
            .collect();

        // ISO/IEC 14496-12, 8.8.8: durations, sizes, flags and composition offsets, signed, for every picture.
        let mut run = Vec::new();
        run.extend(0x0100_0f01u32.to_be_bytes());
        run.extend((packets.len() as u32).to_be_bytes());
        let offset_at = run.len();
        run.extend([0; 4]);
        for (index, packet) in packets.iter().enumerate() {
            let next = packets.get(index + 1).map_or(packet.dts + 1, |next| next.dts);
            run.extend((((next - packet.dts) * step) as u32).to_be_bytes());
            run.extend((samples[index].len() as u32).to_be_bytes());
            run.extend((if packet.key { SYNC } else { NOT_SYNC }).to_be_bytes());
            // The clock starts with decoding.
            run.extend((((packet.pts - packet.dts + start) * step) as i32).to_be_bytes());
        }
        let time = ((first.dts - start) * step) as u64;
        let header = boxed(b"mfhd", &[&[0; 4], &self.count.to_be_bytes()]);
        // `default-base-is-moof`; track 1.
        let track = boxed(b"tfhd", &[&0x0002_0000u32.to_be_bytes(), &1u32.to_be_bytes()]);
        let decode_time = boxed(b"tfdt", &[&0x0100_0000u32.to_be_bytes(), &time.to_be_bytes()]);
        let length = 8 + header.len() + 8 + track.len() + decode_time.len() + 8 + run.len();
        // The media starts after this box and the next one's header.
        run[offset_at..offset_at + 4].copy_from_slice(&(length as u32 + 8).to_be_bytes());
        let run = boxed(b"trun", &[&run]);
        let traf = boxed(b"traf", &[&track, &decode_time, &run]);
        let mut fragment = boxed(b"moof", &[&header, &traf]);
        let parts: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
        let bytes: usize = samples.iter().map(Vec::len).sum();
        if bytes > (u32::MAX - 8) as usize {
            return Err(VideoError::Container("a fragment holds 4 GB; make fragments shorter".into()));
        }
        fragment.extend(boxed(b"mdat", &parts));
        if self.name.is_some() {
            fragment[4..8].copy_from_slice(b"free");
        }
        self.writer.write_all(&fragment)?;
        self.writer.flush()?;
        if let Some(name) = self.name {
            name(&mut self.writer, fragment.len() as i64 - 4)?;
        }
        Ok(())
    }
}

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let size = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(size);
    bytes.extend((size as u32).to_be_bytes());
    bytes.extend(name);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

impl<W: Write + Send> Container for FragmentedMp4<W> {
    fn write(&mut self, packet: &Packet) -> Result<(), VideoError> {
        if self.waiting.last().is_some_and(|last| packet.dts <= last.dts) {
            return Err(VideoError::Container("packets come in decoding order".into()));
        }
        if packet.key {
            self.write_fragment()?;
        }
        self.waiting.push(packet.clone());
        if self.waiting.len() >= self.length {
            self.write_fragment()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), VideoError> {
        self.write_fragment()?;
        if self.count == 0 {
            return Err(VideoError::NoPictures);
        }
        self.writer.flush()?;
        Ok(())
    }
}
