//! Rate against quality: each knob turns the right way.

use effigy_video::encoder::{Codec, ColorInfo, EncoderConfig, Layout, Rate};

use crate::clip::Clip;
use crate::encoders::{bytes, config, encode, luma_psnr, write_mp4};
use crate::ffmpeg;

fn all() -> Vec<(&'static str, Codec)> {
    let mut all = vec![("openh264", Codec::H264)];
    if cfg!(feature = "av1") {
        all.push(("rav1e", Codec::Av1));
    }
    if cfg!(feature = "x264") {
        all.push(("x264", Codec::H264));
    }
    if ffmpeg::there() {
        for (name, codec) in [
            ("ffmpeg:libx264", Codec::H264),
            ("ffmpeg:libx265", Codec::H265),
            ("ffmpeg:libsvtav1", Codec::Av1),
        ] {
            if ffmpeg::has_encoder(name.trim_start_matches("ffmpeg:")) {
                all.push((name, codec));
            }
        }
    }
    all
}

fn psnr(config: &EncoderConfig, clip: &Clip, packets: &[effigy_video::encoder::Packet]) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.mp4");
    write_mp4(&path, config, packets);
    luma_psnr(clip, &ffmpeg::decode(&path), (clip.width, clip.height), |_, _, _| true)
}

#[test]
fn better_quality_costs_more() {
    let clip = Clip::new(128, 96, Layout::I420, ColorInfo::default(), 8);
    for (name, codec) in all() {
        let mut last = (usize::MAX, f64::INFINITY);
        for quality in [18.0, 28.0, 40.0] {
            let config = config(&clip, codec, quality);
            let packets = encode(name, &config, &clip, &[]);
            let psnr = if ffmpeg::there() { psnr(&config, &clip, &packets) } else { -f64::from(quality) };
            println!("{name} {quality}: {} bytes, {psnr:.2} dB", bytes(&packets));
            assert!(bytes(&packets) * 10 < last.0.saturating_mul(9), "{name} {quality}");
            assert!(psnr < last.1, "{name} {quality}");
            last = (bytes(&packets), psnr);
        }
    }
}

#[test]
fn rates_are_held() {
    let clip = Clip::new(192, 128, Layout::I420, ColorInfo::default(), 75);
    for (name, codec) in all() {
        let config = EncoderConfig { rate: Rate::Bitrate(200_000), ..config(&clip, codec, 0.0) };
        let packets = encode(name, &config, &clip, &[]);
        // From the second second on: the first one pays for the first key frame.
        let bits = 8.0 * bytes(&packets[30..]) as f64 / ((packets.len() - 30) as f64 / 30.0);
        println!("{name}: {:.0} kbit/s after the first second", bits / 1000.0);
        assert_eq!(packets.len(), 75, "{name}");
        assert!((140_000.0..260_000.0).contains(&bits), "{name} {bits}");
    }
}

#[test]
fn frames_stay_below_a_size() {
    let clip = Clip::new(256, 192, Layout::I420, ColorInfo::default(), 40);
    for (name, codec) in all() {
        if !["x264", "ffmpeg:libx264"].contains(&name) {
            continue;
        }
        // A quality that would need much more.
        let free = config(&clip, codec, 15.0);
        let largest = |config| {
            let packets = encode(name, config, &clip, &[]);
            packets.iter().map(|packet| packet.data.len()).max().unwrap()
        };
        let cap = 4000;
        let capped = EncoderConfig { max_frame_bytes: Some(cap), ..free.clone() };
        let (free, capped) = (largest(&free), largest(&capped));
        println!("{name}: largest frame {free} bytes, held below {cap}: {capped}");
        assert!(free > 2 * cap as usize && capped <= cap as usize && capped > cap as usize / 4, "{name}");
    }
}

#[cfg(feature = "x264")]
#[test]
fn a_quality_map_moves_bits_to_the_face() {
    use effigy_video::encoder::{FrameRequest, QualityMap, open};

    use crate::clip::in_disc;
    use crate::encoders::choice;

    if !ffmpeg::there() {
        return;
    }
    let clip = Clip::new(256, 192, Layout::I420, ColorInfo::default(), 24);
    let config = config(&clip, Codec::H264, 32.0);
    let run = |mapped: bool, inside: f32, outside: f32| {
        let mut encoder = open(&choice("x264"), &config).unwrap();
        let mut packets = Vec::new();
        for t in 0..clip.frames.len() {
            let offsets = (0..12 * 16)
                .map(|block| {
                    let (x, y) = (block % 16 * 16 + 8, block / 16 * 16 + 8);
                    if in_disc(x, y, 256, 192, t) { inside } else { outside }
                })
                .collect();
            let map = QualityMap { block: 16, columns: 16, rows: 12, offsets };
            let request = FrameRequest { key: false, quality_map: mapped.then_some(&map) };
            packets.extend(encoder.encode(&clip.picture(t), request).unwrap());
        }
        packets.extend(encoder.finish().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("map.mp4");
        write_mp4(&path, &config, &packets);
        let decoded = ffmpeg::decode(&path);
        let region =
            |face: bool| luma_psnr(&clip, &decoded, (256, 192), |x, y, t| in_disc(x, y, 256, 192, t) == face);
        println!(
            "{mapped} {inside} {outside}: face {:.2} dB, rest {:.2} dB, {} bytes",
            region(true),
            region(false),
            bytes(&packets)
        );
        (region(true), region(false), bytes(&packets))
    };
    let plain = run(false, 0.0, 0.0);
    let zero = run(true, 0.0, 0.0);
    assert_eq!(plain, zero, "a map of zeros changes nothing");
    let face = run(true, -6.0, 6.0);
    assert!(face.0 > plain.0 + 2.0, "the face is better");
    assert!(face.1 < plain.1 - 2.0, "the rest is worse");
    let all = run(true, 4.0, 4.0);
    assert!(all.0 < plain.0 - 1.0 && all.1 < plain.1 - 1.0 && all.2 < plain.2);
}
