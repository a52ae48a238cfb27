//! Opus in Ogg (RFC 7845) on pages (RFC 3533). Checksums are not looked at.

use super::{AudioCodec, AudioError, AudioPacket, AudioTrack, fault};

/// Opus always counts in these.
const RATE: u32 = 48_000;

/// The packets of the first stream.
fn packets(bytes: &[u8]) -> Result<Vec<Vec<u8>>, AudioError> {
    let mut rest = bytes;
    let (mut packets, mut open) = (Vec::new(), Vec::new());
    let mut serial = None;
    while !rest.is_empty() {
        let page = rest.get(..27).filter(|page| page.starts_with(b"OggS\0"));
        let Some(header) = page else { return fault("is no Ogg between two pages") };
        let lengths = rest.get(27..27 + usize::from(header[26]));
        let Some(lengths) = lengths else { return fault("its last page is cut off") };
        let body = 27 + lengths.len();
        let size: usize = lengths.iter().map(|&length| usize::from(length)).sum();
        let Some(mut body) = rest.get(body..body + size) else { return fault("its last page is cut off") };
        rest = &rest[27 + lengths.len() + size..];
        let here = &header[14..18];
        if *serial.get_or_insert(here) != here {
            continue;
        }
        for &length in lengths {
            let (part, left) = body.split_at(usize::from(length));
            body = left;
            open.extend_from_slice(part);
            // A full segment goes on in the next one.
            if length < 255 {
                packets.push(std::mem::take(&mut open));
            }
        }
    }
    Ok(packets)
}

/// Samples of a packet at 48 kHz (RFC 6716, 3.1 and 3.2); `None` for one that is not valid.
fn samples(packet: &[u8]) -> Option<u64> {
    let &toc = packet.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(*packet.get(1)? & 0x3f),
    };
    // 120 ms at most.
    (1..=5760).contains(&(frames * frame)).then_some(frames * frame)
}

pub(super) fn read(bytes: &[u8]) -> Result<AudioTrack, AudioError> {
    let mut found = packets(bytes)?.into_iter();
    let head = found.next().unwrap_or_default();
    let (b"OpusHead", Some(&[version, channels, low, high, _, _, _, _, _, _, family])) =
        (head.get(..8).unwrap_or_default(), head.get(8..).and_then(|rest| rest.first_chunk::<11>()))
    else {
        return fault("holds something else than Opus");
    };
    if version >> 4 != 0 || family != 0 || !(1..=2).contains(&channels) {
        return fault("holds Opus of more than two channels");
    }
    if !found.next().is_some_and(|tags| tags.starts_with(b"OpusTags")) {
        return fault("has no tags where Opus has them");
    }
    let (mut packets, mut start) = (Vec::new(), 0);
    for data in found {
        let Some(samples) = samples(&data) else {
            return fault(format!("packet {} is not Opus", packets.len()));
        };
        packets.push(AudioPacket { data, start });
        start += samples;
    }
    if packets.is_empty() {
        return fault("has no packets");
    }
    let pre_skip = u16::from_le_bytes([low, high]);
    let (codec, channels) = (AudioCodec::Opus, u16::from(channels));
    Ok(AudioTrack { codec, sample_rate: RATE, channels, pre_skip, packets, samples: start })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lengths: &[u8], body: &[u8]) -> Vec<u8> {
        let mut page = b"OggS\0\0".to_vec();
        page.extend([0; 8]);
        page.extend([7, 0, 0, 0]);
        page.extend([0; 8]);
        page.push(lengths.len() as u8);
        [&page[..], lengths, body].concat()
    }

    fn head(channels: u8, family: u8) -> Vec<u8> {
        let head = [&b"OpusHead\x01"[..], &[channels, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0, 0, family]].concat();
        [page(&[19], &head), page(&[8], b"OpusTags")].concat()
    }

    #[test]
    fn reads_packets_over_pages() {
        // 20 ms of one frame (configuration 31), then 255 + 3 bytes over two pages of three frames of 10 ms (30).
        let mut long = vec![0; 258];
        (long[0], long[1]) = (30 << 3 | 3, 3);
        let first = [&[31 << 3, 9][..], &long[..255]].concat();
        let bytes = [head(1, 0), page(&[2, 255], &first), page(&[3], &long[255..])].concat();
        let track = AudioTrack::from_bytes(&bytes).unwrap();
        assert_eq!((track.codec(), track.sample_rate(), track.channels()), (AudioCodec::Opus, 48_000, 1));
        let found: Vec<_> = track.packets().map(|(at, data)| (at, data.to_vec())).collect();
        assert_eq!(found, [(0.0, vec![31 << 3, 9]), (0.02, long)]);
        // 50 ms, of which 312 samples are not heard.
        assert!((track.duration() - (0.05 - 312.0 / 48_000.0)).abs() < 1e-12);
    }

    #[test]
    fn faults_are_told() {
        let told = |bytes: &[u8]| AudioTrack::from_bytes(bytes).unwrap_err().to_string();
        let good = [head(2, 0), page(&[2], &[31 << 3, 9])].concat();
        assert!(AudioTrack::from_bytes(&good).is_ok());
        for end in 5..good.len() {
            // Cut anywhere it is refused, without a panic.
            assert!(AudioTrack::from_bytes(&good[..end]).is_err(), "{end}");
        }
        assert!(told(&good[..good.len() - 1]).contains("cut off"));
        assert!(told(&head(6, 1)).contains("more than two channels"));
        assert!(told(&head(2, 0)).contains("no packets"));
        assert!(told(&page(&[8], b"\x01vorbis\0")).contains("something else"));
        assert!(told(&[head(2, 0), page(&[0], &[])].concat()).contains("packet 0 is not Opus"));
        assert!(told(&[&good[..], b"x"].concat()).contains("between two pages"));
    }
}
