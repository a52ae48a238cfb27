//! Reading MP4 back: the boxes that matter (ISO/IEC 14496-12 and -15), the parameters of the stream (ITU-T H.264), and
//! the pictures by openh264's decoder.

use openh264::decoder::Decoder;
use openh264::formats::YUVSource;

/// What an MP4 says of its one video track, and what it decodes to.
pub(crate) struct Video {
    /// As the sample entry has it.
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Seconds of all samples together.
    pub(crate) seconds: f64,
    /// Whether the index stands before the data.
    pub(crate) fast_start: bool,
    /// Full range, then colour primaries, transfer and matrix codes of the sequence parameter set.
    pub(crate) color: Option<(bool, [u32; 3])>,
    /// How many pictures it decodes to.
    pub(crate) count: usize,
    /// Every so many of them, RGB from BT.709 of limited range.
    pub(crate) frames: Vec<Vec<[f64; 3]>>,
}

fn u32_at(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap()))
}

/// The boxes directly within `bytes`: kind, offset and body.
fn boxes(bytes: &[u8]) -> Vec<([u8; 4], usize, &[u8])> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let length = u32_at(bytes, at);
        assert!(length >= 8 && at + length <= bytes.len(), "a box of {length} bytes at {at}");
        out.push((bytes[at + 4..at + 8].try_into().unwrap(), at, &bytes[at + 8..at + length]));
        at += length;
    }
    out
}

/// The body of the box at a path of kinds separated by slashes.
fn find<'a>(bytes: &'a [u8], path: &str) -> &'a [u8] {
    path.split('/').fold(bytes, |inside, kind| {
        let found: Vec<_> = boxes(inside).into_iter().filter(|(k, ..)| k == kind.as_bytes()).collect();
        assert_eq!(found.len(), 1, "{kind} of {path}");
        found[0].2
    })
}

/// Reads `file` and keeps every `stride`th picture; asserts that it is a well-formed MP4 with one H.264 track.
pub(crate) fn read(file: &[u8], stride: usize) -> Video {
    let top = boxes(file);
    let place = |kind: &[u8; 4]| top.iter().find(|(k, ..)| k == kind).unwrap().1;
    assert_eq!(&top[0].0, b"ftyp");
    let track = find(file, "moov/trak/mdia");
    let timescale = u32_at(find(track, "mdhd"), if find(track, "mdhd")[0] == 1 { 20 } else { 12 });
    let table = find(track, "minf/stbl");

    let entry = &find(table, "stsd")[8..];
    assert_eq!(&entry[4..8], b"avc1");
    let (width, height) = (u16_at(entry, 32), u16_at(entry, 34));
    let config = find(&entry[86..u32_at(entry, 0)], "avcC");
    assert_eq!(config[4] & 3, 3, "lengths of four bytes");
    assert_eq!(config[5] & 31, 1, "one sequence parameter set");
    let sps = &config[8..8 + u16_at(config, 6)];
    let rest = &config[8 + sps.len()..];
    let pps = &rest[3..3 + u16_at(rest, 1)];

    let stts = find(table, "stts");
    let runs = (0..u32_at(stts, 4)).map(|i| (u32_at(stts, 8 + 8 * i), u32_at(stts, 12 + 8 * i)));
    let (counted, ticks) = runs.fold((0, 0), |(n, t), (count, delta)| (n + count, t + count * delta));
    let samples = samples(file, table);
    assert_eq!(counted, samples.len());

    let mut decoder = Decoder::new().unwrap();
    let mut frames = Vec::new();
    for (i, sample) in samples.iter().enumerate() {
        let mut annex_b = Vec::new();
        let mut add = |unit: &[u8]| {
            annex_b.extend([0, 0, 0, 1]);
            annex_b.extend(unit);
        };
        if i == 0 {
            add(sps);
            add(pps);
        }
        let mut at = 0;
        while at < sample.len() {
            let length = u32_at(sample, at);
            add(&sample[at + 4..at + 4 + length]);
            at += 4 + length;
        }
        let picture = decoder.decode(&annex_b).unwrap().expect("every sample is a picture");
        assert_eq!(picture.dimensions(), (width, height));
        if i % stride == 0 {
            frames.push(rgb(&picture));
        }
    }
    Video {
        width,
        height,
        seconds: ticks as f64 / timescale as f64,
        fast_start: place(b"moov") < place(b"mdat"),
        color: color_of(sps),
        count: samples.len(),
        frames,
    }
}

/// The bytes of each sample, by way of the chunk tables.
fn samples<'a>(file: &'a [u8], table: &[u8]) -> Vec<&'a [u8]> {
    let (stsz, stsc, stco) = (find(table, "stsz"), find(table, "stsc"), find(table, "stco"));
    assert_eq!(u32_at(stsz, 4), 0, "each sample has a size of its own");
    let count = u32_at(stsz, 8);
    let runs: Vec<_> =
        (0..u32_at(stsc, 4)).map(|i| (u32_at(stsc, 8 + 12 * i), u32_at(stsc, 12 + 12 * i))).collect();
    let mut out = Vec::new();
    for chunk in 0..u32_at(stco, 4) {
        let mut at = u32_at(stco, 8 + 4 * chunk);
        let (_, in_chunk) = runs.iter().rev().find(|(first, _)| *first <= chunk + 1).unwrap();
        for _ in 0..*in_chunk {
            let size = u32_at(stsz, 12 + 4 * out.len());
            out.push(&file[at..at + size]);
            at += size;
        }
    }
    assert_eq!(out.len(), count);
    out
}

/// ITU-R BT.709-6, limited range; chroma taken from the nearest sample.
fn rgb(picture: &impl YUVSource) -> Vec<[f64; 3]> {
    let ((w, h), (sy, su, sv)) = (picture.dimensions(), picture.strides());
    let pixel = |x: usize, y: usize| {
        let luma = (f64::from(picture.y()[y * sy + x]) - 16.0) / 219.0;
        let blue = (f64::from(picture.u()[y / 2 * su + x / 2]) - 128.0) / 224.0;
        let red = (f64::from(picture.v()[y / 2 * sv + x / 2]) - 128.0) / 224.0;
        let (r, b) = (luma + 1.5748 * red, luma + 1.8556 * blue);
        [r, (luma - 0.2126 * r - 0.0722 * b) / 0.7152, b]
    };
    (0..w * h).map(|i| pixel(i % w, i / w)).collect()
}

/// H.264, 7.3.2.1.1 and E.1.1, as far as the colour description.
fn color_of(sps: &[u8]) -> Option<(bool, [u32; 3])> {
    // Without the bytes that keep start codes out.
    let mut raw = Vec::new();
    for &byte in sps {
        if !(byte == 3 && raw.ends_with(&[0, 0])) {
            raw.push(byte);
        }
    }
    let profile = raw[1];
    let mut bits = Bits { bytes: &raw, at: 32 };
    bits.exp_golomb(); // seq_parameter_set_id
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128) {
        assert_eq!(bits.exp_golomb(), 1, "4:2:0");
        assert_eq!((bits.exp_golomb(), bits.exp_golomb()), (0, 0), "8 bits");
        assert_eq!((bits.take(1), bits.take(1)), (0, 0), "no bypass, no scaling matrices");
    }
    bits.exp_golomb(); // log2_max_frame_num_minus4
    match bits.exp_golomb() {
        0 => {
            bits.exp_golomb();
        }
        other => assert_eq!(other, 2, "picture order of type 1"),
    }
    bits.exp_golomb(); // max_num_ref_frames
    bits.take(1);
    bits.exp_golomb(); // width and height in macroblocks
    bits.exp_golomb();
    if bits.take(1) == 0 {
        bits.take(1);
    }
    bits.take(1); // direct_8x8_inference_flag
    if bits.take(1) == 1 {
        for _side in 0..4 {
            bits.exp_golomb(); // cropping
        }
    }
    if bits.take(1) == 0 {
        return None;
    }
    if bits.take(1) == 1 && bits.take(8) == 255 {
        bits.take(32); // sample aspect ratio
    }
    if bits.take(1) == 1 {
        bits.take(1); // overscan
    }
    if bits.take(1) == 0 {
        return None;
    }
    bits.take(3); // video_format
    let full_range = bits.take(1) == 1;
    (bits.take(1) == 1).then(|| (full_range, [bits.take(8), bits.take(8), bits.take(8)]))
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> u32 {
        (0..count).fold(0, |value, _| {
            let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | u32::from(bit)
        })
    }

    fn exp_golomb(&mut self) -> u32 {
        let mut zeros = 0;
        while self.take(1) == 0 {
            zeros += 1;
        }
        (1 << zeros) - 1 + self.take(zeros)
    }
}
