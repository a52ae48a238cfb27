//! AAC in ADTS (ISO/IEC 14496-3, 1.A.2.2).

use super::{AudioCodec, AudioError, AudioPacket, AudioTrack, fault};

const RATES: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// Samples of a packet.
const SAMPLES: u64 = 1024;
/// Bytes of a header without a checksum.
const HEADER: usize = 7;

/// Whether bytes begin with a header, or with a tag that players pass over.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let bytes = bytes.get(tag(bytes)..).unwrap_or_default();
    matches!(bytes, [0xff, second, ..] if second & 0xf6 == 0xf0)
}

/// Length of an ID3v2 tag at the start (id3.org, ID3v2.4.0, 3.1), 0 without one.
fn tag(bytes: &[u8]) -> usize {
    match bytes {
        [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] => {
            10 + [a, b, c, d].iter().fold(0, |length, byte| length << 7 | usize::from(**byte & 0x7f))
        }
        _ => 0,
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<AudioTrack, AudioError> {
    let mut rest = bytes.get(tag(bytes)..).unwrap_or_default();
    let mut kind = None;
    let mut packets: Vec<AudioPacket> = Vec::new();
    // An ID3v1 tag may follow.
    while !rest.is_empty() && !rest.starts_with(b"TAG") {
        let number = packets.len();
        let Some(&[0xff, b, c, d, e, f, g]) = rest.first_chunk::<HEADER>() else {
            return fault(format!("has no AAC where packet {number} begins"));
        };
        if b & 0xf6 != 0xf0 {
            return fault(format!("has no AAC where packet {number} begins"));
        }
        if c >> 6 != 1 {
            return fault("holds AAC of another kind than low complexity");
        }
        let Some(&rate) = RATES.get(usize::from(c >> 2 & 15)) else {
            return fault(format!("packet {number} has no sample rate"));
        };
        let channels = u16::from((c & 1) << 2 | d >> 6);
        if !(1..=7).contains(&channels) {
            return fault("does not say how many channels it has");
        }
        if g & 3 != 0 {
            return fault("has several blocks a packet");
        }
        if *kind.get_or_insert((rate, channels)) != (rate, channels) {
            return fault(format!("changes its sample rate or channels at packet {number}"));
        }
        let length = usize::from(d & 3) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
        let header = if b & 1 == 1 { HEADER } else { HEADER + 2 };
        let Some((packet, left)) = rest.split_at_checked(length).filter(|_| length > header) else {
            return fault(format!("packet {number} is cut off"));
        };
        packets.push(AudioPacket { data: packet.to_vec(), start: number as u64 * SAMPLES });
        rest = left;
    }
    let Some((sample_rate, channels)) = kind else { return fault("has no packets") };
    let samples = packets.len() as u64 * SAMPLES;
    Ok(AudioTrack { codec: AudioCodec::Aac, sample_rate, channels, pre_skip: 0, packets, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of low complexity at 44.1 kHz with two channels, by the table of bits in the standard: sync, MPEG-4, no
    /// checksum; profile 01, rate 0100, private 0, channels 010; length in 13 bits.
    fn packet(payload: &[u8]) -> Vec<u8> {
        let length = payload.len() + 7;
        let bits = format!("111111111111000101010000100000{length:013b}1111111111100");
        let bytes = (0..7).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).unwrap());
        bytes.chain(payload.iter().copied()).collect()
    }

    #[test]
    fn reads_packets_and_when_they_begin() {
        let all =
            [&b"ID3\x04\0\0\0\0\0\x03abc"[..], &packet(&[1, 2, 3]), &packet(&[4; 300]), b"TAG"].concat();
        let track = AudioTrack::from_bytes(&all).unwrap();
        assert_eq!((track.codec(), track.sample_rate(), track.channels()), (AudioCodec::Aac, 44_100, 2));
        assert!((track.duration() - 2048.0 / 44_100.0).abs() < 1e-12);
        let found: Vec<_> = track.packets().map(|(at, data)| (at, data.len())).collect();
        assert_eq!(found, [(0.0, 10), (1024.0 / 44_100.0, 307)]);
        let later: Vec<_> = track.after(0.01).packets().map(|(at, data)| (at, data.len())).collect();
        assert_eq!(later, [(0.0, 307)]);
    }

    #[test]
    fn faults_are_told() {
        let told = |bytes: &[u8]| AudioTrack::from_bytes(bytes).unwrap_err().to_string();
        let good = packet(&[1, 2, 3]);
        assert!(told(&good[..9]).contains("packet 0 is cut off"));
        assert!(told(&[&good[..], &[0; 9]].concat()).contains("no AAC where packet 1 begins"));
        let mut bad = good.clone();
        bad[2] |= 0xc0;
        assert!(told(&bad).contains("low complexity"));
        let mut other = good.clone();
        other[2] ^= 0b0000_0100;
        assert!(told(&[good, other].concat()).contains("at packet 1"));
        for unknown in [&b"RIFF\0\0\0\0WAVE"[..], b"", &[0xff], b"ID3\x04\0\0\x7f\x7f\x7f\x7f"] {
            assert!(told(unknown).contains("ffmpeg -i IN"), "{unknown:?}");
        }
    }
}
