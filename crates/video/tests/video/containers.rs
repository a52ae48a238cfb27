//! Containers read back.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use effigy_video::container::{Container, Elementary, FragmentedMp4, Pipe, Y4m};
use effigy_video::encoder::{Codec, ColorInfo, EncoderConfig, Layout, Matrix, Packet};

use crate::clip::Clip;
use crate::encoders::{config, encode, pixel_format, write_mp4};
use crate::ffmpeg;

fn fragmented(config: &EncoderConfig, packets: &[Packet], length: usize) -> Vec<u8> {
    let mut file = FragmentedMp4::new(Vec::new(), config, length).unwrap();
    for packet in packets {
        file.write(packet).unwrap();
    }
    file.finish().unwrap();
    file.into_writer()
}

/// A codec's packets, by whatever encoder for it is here.
fn streams(clip: &Clip) -> Vec<(EncoderConfig, Vec<Packet>)> {
    let mut all = vec![("openh264", Codec::H264)];
    if cfg!(feature = "av1") {
        all.push(("rav1e", Codec::Av1));
    } else if ffmpeg::has_encoder("libsvtav1") {
        all.push(("ffmpeg:libsvtav1", Codec::Av1));
    }
    if ffmpeg::has_encoder("libx265") {
        all.push(("ffmpeg:libx265", Codec::H265));
    }
    all.into_iter()
        .map(|(name, codec)| {
            let config = EncoderConfig { key_interval: 10, fps: 24.0, ..config(clip, codec, 30.0) };
            let packets = encode(name, &config, clip, &[]);
            (config, packets)
        })
        .collect()
}

#[test]
fn fragments_hold_the_same_pictures_at_the_same_times() {
    if !ffmpeg::there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip::new(160, 96, Layout::I420, ColorInfo { matrix: Matrix::Bt601, full_range: true }, 25);
    for (config, packets) in streams(&clip) {
        let whole = folder.path().join("whole.mp4");
        write_mp4(&whole, &config, &packets);
        let expected = ffmpeg::checksums(&whole);
        assert_eq!(expected.len(), 25);
        for length in [1, 7, 100] {
            let path = folder.path().join("fragmented.mp4");
            std::fs::write(&path, fragmented(&config, &packets, length)).unwrap();
            assert_eq!(ffmpeg::checksums(&path), expected, "{:?} {length}", config.codec);
            for (index, time) in ffmpeg::frames(&path, "pts_time").iter().enumerate() {
                let time: f64 = time.parse().unwrap();
                assert!(
                    (time - index as f64 / 24.0).abs() < 1e-5,
                    "{:?} {length} {index} {time}",
                    config.codec
                );
            }
            let probe = ffmpeg::probe(&path);
            assert_eq!(probe["color_range"], "pc");
            assert_eq!(probe["color_space"], "smpte170m");
            assert_eq!(probe["avg_frame_rate"], "24/1");
        }
        let bare = folder.path().join(if config.codec == Codec::Av1 { "bare.ivf" } else { "bare.bin" });
        let mut stream = Elementary::new(Vec::new(), &config);
        packets.iter().for_each(|packet| stream.write(packet).unwrap());
        stream.finish().unwrap();
        std::fs::write(&bare, stream.into_writer()).unwrap();
        assert_eq!(ffmpeg::checksums(&bare), expected, "{:?}", config.codec);
    }
}

#[test]
fn reordered_pictures_keep_their_times_in_fragments() {
    if !ffmpeg::there() || !ffmpeg::has_encoder("libx264") {
        return;
    }
    use effigy_video::encoder::Preset;
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip::new(160, 96, Layout::I420, ColorInfo::default(), 20);
    let config = EncoderConfig { preset: Preset::Offline, fps: 29.97, ..config(&clip, Codec::H264, 28.0) };
    let packets = encode("ffmpeg:libx264", &config, &clip, &[]);
    let path = folder.path().join("reordered.mp4");
    std::fs::write(&path, fragmented(&config, &packets, 6)).unwrap();
    let times = ffmpeg::frames(&path, "pts_time");
    assert_eq!(times.len(), 20);
    for (index, time) in times.iter().enumerate() {
        let time: f64 = time.parse().unwrap();
        assert!((time - index as f64 * 1001.0 / 30_000.0).abs() < 1e-5, "{index} {time}");
    }
}

/// How many pictures a file's whole fragments hold, from its own boxes.
fn pictures_in(file: &[u8]) -> usize {
    let word = |at: usize| file.get(at..at + 4).map(|b| u32::from_be_bytes(b.try_into().unwrap()) as usize);
    let (mut at, mut pictures, mut next) = (0, 0, 0);
    while let (Some(size), Some(name)) = (word(at), file.get(at + 4..at + 8)) {
        if at + size > file.len() {
            break;
        }
        match name {
            b"moof" => {
                let run = at + file[at..].windows(4).position(|name| name == b"trun").unwrap();
                next = word(run + 8).unwrap();
            }
            b"mdat" => pictures += std::mem::take(&mut next),
            _ => {}
        }
        at += size;
    }
    pictures
}

/// A disk that remembers what was written where, byte after byte.
#[derive(Default)]
struct Disk {
    written: Vec<(usize, u8)>,
    at: usize,
}

impl Disk {
    /// What is on it after so many bytes.
    fn after(&self, count: usize) -> Vec<u8> {
        let mut file = Vec::new();
        for &(at, byte) in &self.written[..count] {
            file.resize(file.len().max(at + 1), 0);
            file[at] = byte;
        }
        file
    }
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.written.extend(bytes.iter().enumerate().map(|(index, &byte)| (self.at + index, byte)));
        self.at += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Disk {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Current(by) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = self.at.checked_add_signed(by as isize).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at as u64)
    }
}

#[test]
fn writing_that_stops_anywhere_leaves_whole_fragments() {
    if !ffmpeg::there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.mp4");
    let clip = Clip::new(96, 64, Layout::I420, ColorInfo::default(), 24);
    let config = EncoderConfig { key_interval: 8, ..config(&clip, Codec::H264, 30.0) };
    let packets = encode("openh264", &config, &clip, &[]);
    let mut file = FragmentedMp4::in_file(Disk::default(), &config, 4).unwrap();
    packets.iter().for_each(|packet| file.write(packet).unwrap());
    file.finish().unwrap();
    let disk = file.into_writer();
    let stream = fragmented(&config, &packets, 4);
    let total = disk.written.len();
    assert_eq!(disk.after(total), stream, "a file ends as a stream does");

    std::fs::write(&path, &stream).unwrap();
    let whole = ffmpeg::checksums(&path);
    assert_eq!((whole.len(), pictures_in(&stream)), (24, 24));
    let check = |bytes: &[u8], found: &[String], what: &str| {
        let pictures = pictures_in(bytes);
        assert!(found.len() >= pictures, "{what}: {} of {pictures}", found.len());
        assert_eq!(found[..pictures], whole[..pictures], "{what}");
    };
    let mut counts = std::collections::BTreeSet::new();
    for part in 0..60 {
        let count = total * part / 59;
        let bytes = disk.after(count);
        counts.insert(pictures_in(&bytes));
        std::fs::write(&path, &bytes).unwrap();
        check(&bytes, &ffmpeg::checksums(&path), &format!("file after {count}"));
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [0, 4, 8, 12, 16, 20, 24]);
    for part in 1..30 {
        let bytes = &stream[..stream.len() * part / 30];
        check(bytes, &ffmpeg::checksums_of_stream(bytes), &format!("stream cut at {}", bytes.len()));
    }
}

/// The named box's content, found by its name.
fn content<'a>(file: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    let at = file.windows(4).position(|window| window == name)?;
    let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap()) as usize;
    Some(&file[at + 4..at - 4 + size])
}

#[test]
fn the_sample_entry_tells_colour_and_the_visible_part() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("odd.mp4");
    let color = ColorInfo { matrix: Matrix::Bt601, full_range: true };
    let clip = Clip::new(97, 65, Layout::I420, color, 2);
    let config = config(&clip, Codec::H264, 30.0);
    let packets = encode("openh264", &config, &clip, &[]);
    write_mp4(&path, &config, &packets);
    for file in [std::fs::read(&path).unwrap(), fragmented(&config, &packets, 1)] {
        // Primaries 1, transfer 13, matrix 6, full range (ISO/IEC 23091-2).
        assert_eq!(content(&file, b"colr").unwrap(), b"nclx\0\x01\0\x0d\0\x06\x80");
        // 97/1 by 65/1, the centre half a pixel to the left and above.
        let numbers: Vec<i32> = content(&file, b"clap")
            .unwrap()
            .chunks_exact(4)
            .map(|bytes| i32::from_be_bytes(bytes.try_into().unwrap()))
            .collect();
        assert_eq!(numbers, [97, 1, 65, 1, -1, 2, -1, 2]);
    }
    let even = Clip::new(96, 64, Layout::I420, color, 2);
    let config = crate::encoders::config(&even, Codec::H264, 30.0);
    let file = fragmented(&config, &encode("openh264", &config, &even, &[]), 1);
    assert!(content(&file, b"clap").is_none());
}

#[test]
fn the_configuration_tells_depth_and_subsampling() {
    // ISO/IEC 14496-15: reserved bits, then chroma format 1 (4:2:0) or 3 (4:4:4), then twice the depth less 8.
    let of = |name: &str, codec, layout, word: &[u8; 4]| {
        let clip = Clip::new(96, 64, layout, ColorInfo::default(), 1);
        let config = config(&clip, codec, 30.0);
        let file = fragmented(&config, &encode(name, &config, &clip, &[]), 1);
        content(&file, word).unwrap().to_vec()
    };
    if ffmpeg::there() && ffmpeg::has_encoder("libx265") {
        let bytes = of("ffmpeg:libx265", Codec::H265, Layout::P010, b"hvcC");
        assert_eq!(bytes[16..19], [0xfd, 0xfa, 0xfa]);
    }
    if cfg!(feature = "x264") {
        let bytes = of("x264", Codec::H264, Layout::I444P10, b"avcC");
        assert_eq!(bytes[bytes.len() - 4..], [0xff, 0xfa, 0xfa, 0]);
        // High profile, 8 bits: 4:2:0.
        let bytes = of("x264", Codec::H264, Layout::I420, b"avcC");
        assert_eq!((bytes[1], &bytes[bytes.len() - 4..]), (100, [0xfd, 0xf8, 0xf8, 0].as_slice()));
    }
}

#[test]
fn raw_pictures_are_read_back_bit_for_bit() {
    if !ffmpeg::there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("raw.y4m");
    for (layout, full_range) in [
        (Layout::I420, false),
        (Layout::Nv12, true),
        (Layout::I444, true),
        (Layout::I420P10, false),
        (Layout::I444P10, true),
    ] {
        let color = ColorInfo { matrix: Matrix::Bt709, full_range };
        let clip = Clip::new(33, 21, layout, color, 3);
        let config = config(&clip, Codec::H264, 0.0);
        let mut file = Y4m::new(Vec::new(), &config).unwrap();
        (0..3).for_each(|index| file.write(&clip.picture(index)).unwrap());
        std::fs::write(&path, file.finish().unwrap()).unwrap();
        let expected = Clip::new(33, 21, layout.planar(), color, 3).frames.concat();
        assert_eq!(ffmpeg::decode(&path), expected, "{layout:?}");
        let probe = ffmpeg::probe(&path);
        assert_eq!(probe["color_range"], if full_range { "pc" } else { "tv" }, "{layout:?}");
        assert_eq!(probe["pix_fmt"], pixel_format(layout, false), "{layout:?}");
        assert_eq!(probe["r_frame_rate"], "30/1");
    }
}

#[test]
fn another_program_reads_from_a_pipe() {
    if !ffmpeg::there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("piped.mkv");
    let clip = Clip::new(96, 64, Layout::I420, ColorInfo::default(), 5);
    let config = config(&clip, Codec::H264, 30.0);
    let target = |path: &Path| {
        let words = ["-v", "error", "-y", "-f", "yuv4mpegpipe", "-i", "-", "-c:v", "ffv1"];
        let mut words: Vec<_> = words.iter().map(|word| (*word).into()).collect::<Vec<std::ffi::OsString>>();
        words.push(path.into());
        words
    };
    let mut file = Y4m::new(Pipe::new("ffmpeg", target(&path)).unwrap(), &config).unwrap();
    (0..5).for_each(|index| file.write(&clip.picture(index)).unwrap());
    file.finish().unwrap().finish().unwrap();
    assert_eq!(ffmpeg::decode(&path), clip.frames.concat());

    // What it says when it fails comes back in one line.
    let mut pipe = Pipe::new("ffmpeg", target(&folder.path().join("no/such/folder.mkv"))).unwrap();
    let _ = pipe.write_all(&vec![b'x'; 1 << 20]);
    let error = pipe.finish().unwrap_err().to_string();
    assert!(error.starts_with("ffmpeg: ") && error.lines().count() == 1 && error.len() > 20, "{error}");
    assert!(Pipe::new("no-such-program-here", target(&path)).is_err());
}
