//! Each encoder's stream in an MP4: size, colour, times, key frames, and pictures close to those given.

use std::io::Cursor;
use std::path::Path;

use effigy_video::container::{Container, Mp4};
use effigy_video::encoder::{
    Codec, ColorInfo, EncoderChoice, EncoderConfig, FrameRequest, Layout, Matrix, Packet, Preset, Rate, open,
};

use crate::clip::Clip;
use crate::ffmpeg;

pub(crate) fn choice(name: &str) -> EncoderChoice {
    name.parse().unwrap()
}

pub(crate) fn config(clip: &Clip, codec: Codec, quality: f32) -> EncoderConfig {
    EncoderConfig {
        codec,
        layout: clip.layout,
        color: clip.color,
        rate: Rate::Quality(quality),
        ..EncoderConfig::new(clip.width, clip.height)
    }
}

/// Encodes a clip; `keys` are the frames at which a key frame is asked for.
pub(crate) fn encode(name: &str, config: &EncoderConfig, clip: &Clip, keys: &[usize]) -> Vec<Packet> {
    let mut encoder = open(&choice(name), config).unwrap();
    let mut packets = Vec::new();
    for index in 0..clip.frames.len() {
        let request = FrameRequest { key: keys.contains(&index), quality_map: None };
        packets.extend(encoder.encode(&clip.picture(index), request).unwrap());
    }
    packets.extend(encoder.finish().unwrap());
    packets
}

pub(crate) fn write_mp4(path: &Path, config: &EncoderConfig, packets: &[Packet]) {
    let mut file = Mp4::new(Cursor::new(Vec::new()), config).unwrap();
    for packet in packets {
        file.write(packet).unwrap();
    }
    file.finish().unwrap();
    std::fs::write(path, file.into_writer().unwrap().into_inner()).unwrap();
}

pub(crate) fn bytes(packets: &[Packet]) -> usize {
    packets.iter().map(|packet| packet.data.len()).sum()
}

/// Peak signal to noise of luma over those pixels of all frames that `counts`, dB. `decoded` has `pitch` × `rows` luma
/// samples a frame.
pub(crate) fn luma_psnr(
    clip: &Clip,
    decoded: &[u8],
    (pitch, rows): (u32, u32),
    counts: impl Fn(u32, u32, usize) -> bool,
) -> f64 {
    let deep = clip.layout.bit_depth() > 8;
    let frame: usize = clip.layout.planar().planes(pitch, rows).iter().map(|(row, rows)| row * rows).sum();
    assert_eq!(decoded.len(), frame * clip.frames.len(), "whole frames");
    let value = |bytes: &[u8], at: usize, shift: u32| {
        if deep {
            f64::from(u16::from_le_bytes([bytes[2 * at], bytes[2 * at + 1]]) >> shift)
        } else {
            f64::from(bytes[at])
        }
    };
    let shift = if clip.layout == Layout::P010 { 6 } else { 0 };
    let (mut sum, mut count) = (0.0, 0.0);
    for (t, given) in clip.frames.iter().enumerate() {
        let found = &decoded[t * frame..];
        for (y, x) in (0..clip.height).flat_map(|y| (0..clip.width).map(move |x| (y, x))) {
            if counts(x, y, t) {
                let a = value(given, (y * clip.width + x) as usize, shift);
                let b = value(found, (y * pitch + x) as usize, 0);
                sum += (a - b) * (a - b);
                count += 1.0;
            }
        }
    }
    let peak: f64 = if deep { 1023.0 } else { 255.0 };
    10.0 * (peak * peak * count / sum).log10()
}

/// FFmpeg's name; at 8 bits full range has one of its own.
pub(crate) fn pixel_format(layout: Layout, full_range: bool) -> &'static str {
    match layout.planar() {
        Layout::I444 if full_range => "yuvj444p",
        Layout::I420 if full_range => "yuvj420p",
        Layout::I444 => "yuv444p",
        Layout::I420P10 => "yuv420p10le",
        Layout::I444P10 => "yuv444p10le",
        _ => "yuv420p",
    }
}

/// Encodes, writes, reads back and compares everything that a file says.
fn check(name: &str, codec: Codec, clip: &Clip, preset: Preset) {
    let mut config = config(clip, codec, if codec == Codec::Av1 { 20.0 } else { 22.0 });
    config.preset = preset;
    config.fps = 25.0;
    let packets = encode(name, &config, clip, &[]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    write_mp4(&path, &config, &packets);

    let what = format!("{name} {:?} {:?} {}x{}", clip.layout, preset, clip.width, clip.height);
    let probe = ffmpeg::probe(&path);
    let says = |field: &str| probe.get(field).map(String::as_str).unwrap_or_default();
    // H.264 and H.265 with halved colour cannot say an odd size, and SVT-AV1 may not.
    let odd_kept = codec == Codec::Av1 && name != "ffmpeg:libsvtav1" || clip.layout.full_chroma();
    let even = |size: u32| if odd_kept { size } else { size.next_multiple_of(2) };
    let (w, h) = (even(clip.width), even(clip.height));
    assert_eq!(says("width"), w.to_string(), "{what}");
    assert_eq!(says("height"), h.to_string(), "{what}");
    assert_eq!(says("nb_read_frames"), clip.frames.len().to_string(), "{what}");
    assert_eq!(says("r_frame_rate"), "25/1", "{what}");
    assert_eq!(says("color_range"), if clip.color.full_range { "pc" } else { "tv" }, "{what}");
    let matrix = if clip.color.matrix == Matrix::Bt709 { "bt709" } else { "smpte170m" };
    assert_eq!(says("color_space"), matrix, "{what}");
    assert_eq!(says("color_primaries"), "bt709", "{what}");
    assert_eq!(says("color_transfer"), "iec61966-2-1", "{what}");

    // Colour at half size is where the planes have it: at the even columns, between two rows.
    if !clip.layout.full_chroma() {
        assert_eq!(says("chroma_location"), "left", "{what}");
    }

    // FFmpeg has no such format from AV1 decoders.
    let format = pixel_format(clip.layout, clip.color.full_range && codec != Codec::Av1);
    assert_eq!(says("pix_fmt"), format, "{what}");

    let decoded = ffmpeg::decode(&path);
    let psnr = luma_psnr(clip, &decoded, (w, h), |_, _, _| true);
    println!("{what}: {psnr:.2} dB, {} bytes", bytes(&packets));
    assert!(psnr > 37.0, "{what}: {psnr}");
}

const FULL: ColorInfo = ColorInfo { matrix: Matrix::Bt601, full_range: true };
const LIMITED: ColorInfo = ColorInfo { matrix: Matrix::Bt709, full_range: false };

#[test]
fn openh264_is_read_back() {
    if ffmpeg::there() {
        check("openh264", Codec::H264, &Clip::new(160, 96, Layout::I420, LIMITED, 12), Preset::LowLatency);
        check("openh264", Codec::H264, &Clip::new(161, 97, Layout::Nv12, FULL, 12), Preset::Offline);
    }
}

#[cfg(feature = "av1")]
#[test]
fn rav1e_is_read_back() {
    if ffmpeg::there() {
        for (layout, size, color, preset) in [
            (Layout::I420, (160, 96), LIMITED, Preset::LowLatency),
            (Layout::Nv12, (161, 97), FULL, Preset::Offline),
            (Layout::I444, (129, 65), FULL, Preset::LowLatency),
            (Layout::P010, (128, 64), LIMITED, Preset::LowLatency),
        ] {
            check("rav1e", Codec::Av1, &Clip::new(size.0, size.1, layout, color, 10), preset);
        }
    }
}

#[cfg(feature = "x264")]
#[test]
fn x264_is_read_back() {
    if ffmpeg::there() {
        for (layout, size, color, preset) in [
            (Layout::I420, (160, 96), LIMITED, Preset::LowLatency),
            (Layout::Nv12, (161, 97), FULL, Preset::Offline),
            (Layout::I444, (129, 65), FULL, Preset::LowLatency),
            (Layout::P010, (128, 64), LIMITED, Preset::Offline),
            (Layout::I444P10, (128, 64), LIMITED, Preset::LowLatency),
        ] {
            check("x264", Codec::H264, &Clip::new(size.0, size.1, layout, color, 12), preset);
        }
    }
}

#[test]
fn encoders_of_ffmpeg_are_read_back() {
    if ffmpeg::there() {
        for (name, codec, layout, size, color, preset) in [
            ("libx264", Codec::H264, Layout::I420, (160, 96), LIMITED, Preset::LowLatency),
            ("libx264", Codec::H264, Layout::Nv12, (161, 97), FULL, Preset::Offline),
            ("libx265", Codec::H265, Layout::I420, (160, 96), FULL, Preset::LowLatency),
            ("libx265", Codec::H265, Layout::P010, (160, 96), LIMITED, Preset::Offline),
            ("libsvtav1", Codec::Av1, Layout::I420, (160, 96), LIMITED, Preset::LowLatency),
        ] {
            if ffmpeg::has_encoder(name) {
                let clip = Clip::new(size.0, size.1, layout, color, 12);
                check(&format!("ffmpeg:{name}"), codec, &clip, preset);
            }
        }
    }
}

/// Encoders in this build that make a key frame when asked.
fn on_request() -> Vec<(&'static str, Codec)> {
    let mut all = vec![("openh264", Codec::H264)];
    if cfg!(feature = "av1") {
        all.push(("rav1e", Codec::Av1));
    }
    if cfg!(feature = "x264") {
        all.push(("x264", Codec::H264));
    }
    all
}

#[test]
fn key_frames_come_where_asked_and_after_the_interval() {
    if !ffmpeg::there() {
        return;
    }
    let clip = Clip::new(160, 96, Layout::I420, LIMITED, 20);
    for (name, codec) in on_request() {
        let config = EncoderConfig { key_interval: 8, ..config(&clip, codec, 30.0) };
        let packets = encode(name, &config, &clip, &[5]);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.mp4");
        write_mp4(&path, &config, &packets);
        let keys: Vec<usize> = (0..20).filter(|&at| ffmpeg::frames(&path, "key_frame")[at] == "1").collect();
        assert_eq!(keys, [0, 5, 13], "{name}");
        let marked: Vec<usize> = (0..20).filter(|&at| packets[at].key).collect();
        assert_eq!(marked, [0, 5, 13], "{name}");
    }
}

#[test]
fn low_latency_delays_no_picture_more_than_said() {
    let clip = Clip::new(160, 96, Layout::I420, LIMITED, 8);
    for (name, codec) in on_request() {
        // rav1e looks at four pictures more, whatever it is told.
        let delay = if name == "rav1e" { 4 } else { 0 };
        let mut encoder = open(&choice(name), &config(&clip, codec, 30.0)).unwrap();
        for index in 0..clip.frames.len() {
            let packet = encoder.encode(&clip.picture(index), FrameRequest::default()).unwrap();
            let number = index.checked_sub(delay).map(|number| (number as i64, number as i64));
            assert_eq!(packet.map(|packet| (packet.pts, packet.dts)), number, "{name}");
        }
        assert_eq!(encoder.finish().unwrap().len(), delay, "{name}");
    }
}

#[test]
fn times_survive_reordered_pictures() {
    if !ffmpeg::there() || !ffmpeg::has_encoder("libx264") {
        return;
    }
    let clip = Clip::new(160, 96, Layout::I420, LIMITED, 20);
    let mut names = vec!["ffmpeg:libx264"];
    if cfg!(feature = "x264") {
        names.push("x264");
    }
    for name in names {
        let config =
            EncoderConfig { preset: Preset::Offline, fps: 29.97, ..config(&clip, Codec::H264, 28.0) };
        let packets = encode(name, &config, &clip, &[]);
        assert!(packets.iter().any(|packet| packet.pts > packet.dts + 1), "{name} reorders nothing");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reordered.mp4");
        write_mp4(&path, &config, &packets);
        for (index, time) in ffmpeg::frames(&path, "pts_time").iter().enumerate() {
            let time: f64 = time.parse().unwrap();
            assert!((time - index as f64 * 1001.0 / 30_000.0).abs() < 1e-4, "{name} {index} {time}");
        }
    }
}

#[test]
fn pictures_come_through_ffmpeg_before_the_next_one_is_given() {
    if !ffmpeg::there() || !ffmpeg::has_encoder("libx264") {
        return;
    }
    let clip = Clip::new(160, 96, Layout::I420, LIMITED, 4);
    let mut encoder = open(&choice("ffmpeg:libx264"), &config(&clip, Codec::H264, 30.0)).unwrap();
    let begin = std::time::Instant::now();
    for index in 0..clip.frames.len() {
        let mut packet = encoder.encode(&clip.picture(index), FrameRequest::default()).unwrap();
        while packet.is_none() {
            assert!(begin.elapsed().as_secs() < 20, "picture {index} does not come");
            std::thread::sleep(std::time::Duration::from_millis(1));
            packet = encoder.poll().unwrap();
        }
        assert_eq!(packet.unwrap().pts, index as i64);
    }
    assert!(encoder.finish().unwrap().is_empty());
}
