//! FFmpeg's output into packets: FLV for H.264, IVF for AV1, a raw stream for H.265.

use crate::encoder::{Codec, Packet};

/// No packet is as large; a length beyond it means that the stream is not what it should be.
const MAX_PACKET: usize = 1 << 28;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

pub(super) struct Unpacker {
    codec: Codec,
    fps: f64,
    bytes: Vec<u8>,
    /// Where in `bytes` the next element starts.
    at: usize,
    header_read: bool,
    ended: bool,
    /// H.264: parameter sets, with start codes.
    parameter_sets: Vec<u8>,
    /// H.264: bytes of the length before each unit.
    length_size: usize,
    /// H.264: when the first picture is shown, milliseconds; FFmpeg moves times so that none is below 0.
    first: Option<f64>,
    /// H.265: where to look for the next access unit's start.
    scanned: usize,
    frames: i64,
}

impl Unpacker {
    pub(super) fn new(codec: Codec, fps: f64) -> Self {
        Self {
            codec,
            fps,
            bytes: Vec::new(),
            at: 0,
            header_read: false,
            ended: false,
            parameter_sets: Vec::new(),
            length_size: 4,
            first: None,
            scanned: 0,
            frames: 0,
        }
    }

    /// More of the output.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.scanned = self.scanned.saturating_sub(self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// There is no more.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next whole packet, or none before more output comes; an error says what is wrong.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, String> {
        let next = match self.codec {
            Codec::H264 => self.next_flv(),
            Codec::Av1 => self.next_ivf(),
            Codec::H265 => self.next_raw(),
        }?;
        if next.is_some() {
            self.frames += 1;
        }
        Ok(next)
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let start = self.at;
        let bytes = self.bytes.get(start..start.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    fn peek(&self, count: usize) -> Option<&[u8]> {
        self.bytes.get(self.at..self.at.checked_add(count)?)
    }

    /// Adobe Flash Video File Format 10.1, annex E.
    fn next_flv(&mut self) -> Result<Option<Packet>, String> {
        if !self.header_read {
            match self.peek(13) {
                Some([b'F', b'L', b'V', 1, _, 0, 0, 0, 9, ..]) => {}
                Some(_) => return Err("its output is not FLV".into()),
                None => return Ok(None),
            }
            self.at += 13;
            self.header_read = true;
        }
        loop {
            let Some(&[kind, s0, s1, s2, t0, t1, t2, t3, ..]) = self.peek(11) else { return Ok(None) };
            let size = u32::from_be_bytes([0, s0, s1, s2]) as usize;
            let milliseconds = f64::from(u32::from_be_bytes([t3, t0, t1, t2]));
            // The tag, and its size once more.
            let Some(tag) = self.take(11 + size + 4) else { return Ok(None) };
            let Some([flags, form, c0, c1, c2, payload @ ..]) = tag.get(11..11 + size) else { continue };
            if kind != 9 || flags & 15 != 7 {
                continue;
            }
            let key = flags >> 4 == 1;
            let shift = f64::from(i32::from_be_bytes([*c0, *c1, *c2, 0]) >> 8);
            let payload = payload.to_vec();
            match form {
                0 => self.read_avc_configuration(&payload)?,
                1 => {
                    let mut data = if key { self.parameter_sets.clone() } else { Vec::new() };
                    annex_b(&payload, self.length_size, &mut data)?;
                    let first = *self.first.get_or_insert(milliseconds + shift);
                    let pictures = |time: f64| ((time - first) * self.fps / 1000.0).round() as i64;
                    return Ok(Some(Packet {
                        data,
                        key,
                        pts: pictures(milliseconds + shift),
                        dts: pictures(milliseconds),
                    }));
                }
                _ => {}
            }
        }
    }

    /// ISO/IEC 14496-15, 5.3.3.1.
    fn read_avc_configuration(&mut self, bytes: &[u8]) -> Result<(), String> {
        let bad = || "its parameter sets cannot be read".to_owned();
        let (head, mut rest) = bytes.split_at_checked(5).ok_or_else(bad)?;
        self.length_size = usize::from(head[4] & 3) + 1;
        self.parameter_sets.clear();
        for mask in [31, 255] {
            let (&count, after) = rest.split_first().ok_or_else(bad)?;
            rest = after;
            for _ in 0..count & mask {
                let (length, after) = rest.split_at_checked(2).ok_or_else(bad)?;
                let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
                let (unit, after) = after.split_at_checked(length).ok_or_else(bad)?;
                self.parameter_sets.extend_from_slice(&START_CODE);
                self.parameter_sets.extend_from_slice(unit);
                rest = after;
            }
        }
        Ok(())
    }

    /// IVF: 32 bytes of header, then 4 bytes of length and 8 of time before each temporal unit.
    fn next_ivf(&mut self) -> Result<Option<Packet>, String> {
        if !self.header_read {
            match self.peek(32) {
                Some([b'D', b'K', b'I', b'F', ..]) => {}
                Some(_) => return Err("its output is not IVF".into()),
                None => return Ok(None),
            }
            self.at += 32;
            self.header_read = true;
        }
        let Some(&[a, b, c, d, ..]) = self.peek(12) else { return Ok(None) };
        let size = u32::from_le_bytes([a, b, c, d]) as usize;
        if size > MAX_PACKET {
            return Err("its output is not IVF".into());
        }
        let Some(unit) = self.take(12 + size) else { return Ok(None) };
        let mut data = unit[12..].to_vec();
        if data.starts_with(&[0x12, 0]) {
            data.drain(..2);
        }
        // FFmpeg's key frames are those that bring a sequence header along.
        let key = has_sequence_header(&data);
        Ok(Some(Packet { data, key, pts: self.frames, dts: self.frames }))
    }

    /// ITU-T H.265, annex B: an access unit delimiter (unit type 35) starts each access unit.
    fn next_raw(&mut self) -> Result<Option<Packet>, String> {
        let mut from = self.scanned.max(self.at + 4);
        let end = loop {
            let Some(code) = self.bytes.get(from..).and_then(|rest| {
                rest.windows(4).position(|window| window[..3] == [0, 0, 1] && (window[3] >> 1) & 63 == 35)
            }) else {
                // The last three bytes may be the start of a code.
                self.scanned = self.bytes.len().saturating_sub(3).max(self.at);
                if self.ended && self.bytes.len() > self.at {
                    break self.bytes.len();
                }
                if self.bytes.len() - self.at > MAX_PACKET {
                    return Err("its output is not an H.265 stream".into());
                }
                return Ok(None);
            };
            let code = from + code;
            // The zero before a start code belongs to it.
            let start = if code > 0 && self.bytes.get(code - 1) == Some(&0) { code - 1 } else { code };
            if start > self.at {
                break start;
            }
            from = code + 4;
        };
        let data = self.bytes[self.at..end].to_vec();
        self.at = end;
        self.scanned = end;
        // Intra random access points.
        let key = units(&data).any(|unit| unit.first().is_some_and(|b| (16..=21).contains(&((b >> 1) & 63))));
        Ok(Some(Packet { data, key, pts: self.frames, dts: self.frames }))
    }
}

/// Units with a length before each into units with a start code before each.
fn annex_b(mut bytes: &[u8], length_size: usize, out: &mut Vec<u8>) -> Result<(), String> {
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_at_checked(length_size).ok_or("a packet of it is cut short")?;
        let length = length.iter().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
        let (unit, rest) = rest.split_at_checked(length).ok_or("a packet of it is cut short")?;
        out.extend_from_slice(&START_CODE);
        out.extend_from_slice(unit);
        bytes = rest;
    }
    Ok(())
}

/// The units between start codes.
fn units(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    muxide::codec::AnnexBNalIter::new(bytes)
}

fn has_sequence_header(unit: &[u8]) -> bool {
    muxide::codec::av1::ObuIter::new(unit).any(|(info, _)| info.obu_type == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(codec: Codec, stream: &[u8], step: usize) -> Result<Vec<Packet>, String> {
        let mut unpacker = Unpacker::new(codec, 25.0);
        let mut packets = Vec::new();
        for piece in stream.chunks(step) {
            unpacker.push(piece);
            while let Some(packet) = unpacker.next()? {
                packets.push(packet);
            }
        }
        unpacker.end();
        while let Some(packet) = unpacker.next()? {
            packets.push(packet);
        }
        Ok(packets)
    }

    /// A tag of type 9 around an AVC payload.
    fn tag(milliseconds: u8, flags: u8, form: u8, payload: &[u8]) -> Vec<u8> {
        let size = (payload.len() + 5) as u8;
        let mut tag = vec![9, 0, 0, size, 0, 0, milliseconds, 0, 0, 0, 0, flags, form, 0, 0, 0];
        tag.extend_from_slice(payload);
        tag.extend_from_slice(&[0, 0, 0, size + 11]);
        tag
    }

    #[test]
    fn flv_is_read_at_any_cut() {
        let mut stream = b"FLV\x01\x01\x00\x00\x00\x09\x00\x00\x00\x00".to_vec();
        // One SPS (67 42) and one PPS (68 ce), units with 4 bytes of length.
        stream.extend(tag(0, 0x17, 0, &[1, 0x42, 0, 30, 0xff, 0xe1, 0, 2, 0x67, 0x42, 1, 0, 2, 0x68, 0xce]));
        stream.extend(tag(0, 0x17, 1, &[0, 0, 0, 3, 0x65, 1, 2]));
        stream.extend(tag(40, 0x27, 1, &[0, 0, 0, 1, 0x41, 0, 0, 0, 2, 0x41, 9]));
        let expected = [
            Packet {
                data: vec![0, 0, 0, 1, 0x67, 0x42, 0, 0, 0, 1, 0x68, 0xce, 0, 0, 0, 1, 0x65, 1, 2],
                key: true,
                pts: 0,
                dts: 0,
            },
            Packet { data: vec![0, 0, 0, 1, 0x41, 0, 0, 0, 1, 0x41, 9], key: false, pts: 1, dts: 1 },
        ];
        for step in 1..stream.len() {
            assert_eq!(drain(Codec::H264, &stream, step).unwrap(), expected, "{step}");
        }
        assert!(drain(Codec::H264, b"RIFF.............", 4).is_err());
        stream.extend(tag(80, 0x27, 1, &[0, 0, 0, 9, 0x41]));
        assert!(drain(Codec::H264, &stream, 7).is_err());
    }

    #[test]
    fn raw_streams_are_cut_at_delimiters() {
        // Delimiter, IDR (type 19); delimiter, trailing picture (type 1).
        let stream = [0, 0, 0, 1, 70, 1, 0, 0, 0, 1, 38, 1, 7, 7, 0, 0, 0, 1, 70, 1, 0, 0, 1, 2, 1, 5];
        for step in 1..stream.len() {
            let packets = drain(Codec::H265, &stream, step).unwrap();
            assert_eq!(packets.len(), 2, "{step}");
            assert_eq!(packets[0].data, stream[..14]);
            assert_eq!(packets[1].data, stream[14..]);
            assert!(packets[0].key && !packets[1].key);
        }
    }

    #[test]
    fn ivf_is_read_at_any_cut() {
        let mut stream = b"DKIF".to_vec();
        stream.resize(32, 0);
        // Temporal delimiter, a sequence header of one byte; then a frame of two.
        stream.extend([5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12, 0, 0x0a, 1, 0]);
        stream.extend([4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0x32, 2, 8, 8]);
        for step in 1..stream.len() {
            let packets = drain(Codec::Av1, &stream, step).unwrap();
            assert_eq!(packets.len(), 2);
            assert_eq!((packets[0].data.as_slice(), packets[0].key), ([0x0a, 1, 0].as_slice(), true));
            assert_eq!((packets[1].data.as_slice(), packets[1].key), ([0x32, 2, 8, 8].as_slice(), false));
        }
        stream.extend([255; 12]);
        assert!(drain(Codec::Av1, &stream, 5).is_err());
    }
}
