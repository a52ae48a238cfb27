//! Sound beside a video, read back by FFmpeg.

use std::process::Command;

use effigy_video::audio::{AudioCodec, AudioTrack};
use effigy_video::container::{Container, Mp4};
use effigy_video::encoder::{Codec, ColorInfo, EncoderConfig, Layout};

use crate::clip::Clip;
use crate::encoders::{config, encode};
use crate::ffmpeg;

/// Decoded samples of a file's sound: 16 bits, one channel.
fn decoded(path: &std::path::Path) -> Vec<i16> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-map", "0:a:0", "-ac", "1", "-ar", "48000", "-f", "s16le", "pipe:1"])
        .output()
        .unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout.chunks_exact(2).map(|v| i16::from_le_bytes([v[0], v[1]])).collect()
}

/// A page of Ogg (RFC 3533, 6) with one packet, of no stream and without a checksum.
fn page(packet: &[u8]) -> Vec<u8> {
    [&b"OggS\0\0"[..], &[0; 20], &[1, packet.len() as u8], packet].concat()
}

#[test]
fn what_only_the_decoder_needs_is_told() {
    let head = [&b"OpusHead\x01\x02"[..], &0x1234_u16.to_le_bytes(), &[0x80, 0xbb, 0, 0, 0, 0, 0]].concat();
    let sound = [page(&head), page(b"OpusTags"), page(&[31 << 3, 9])].concat();
    let track = AudioTrack::from_bytes(&sound).unwrap();
    let clip = Clip::new(64, 48, Layout::I420, ColorInfo::default(), 3);
    let config = config(&clip, Codec::H264, 30.0);
    let mut container = Mp4::with_sound(Vec::new(), &config, Some(track)).unwrap();
    for packet in encode("openh264", &config, &clip, &[]) {
        container.write(&packet).unwrap();
    }
    container.finish().unwrap();
    let file = container.into_writer().unwrap();
    // Opus in ISO base media, 4.3.2: a version, the channels, and the samples to leave out, most significant byte first.
    let at = file.windows(4).position(|name| name == b"dOps").unwrap() + 4;
    assert_eq!(file[at..at + 4], [0, 2, 0x12, 0x34]);
}

#[test]
fn ffmpeg_hears_what_was_passed_through() {
    if !ffmpeg::there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip::new(64, 48, Layout::I420, ColorInfo::default(), 25);
    let config = EncoderConfig { fps: 25.0, ..config(&clip, Codec::H264, 30.0) };
    let packets = encode("openh264", &config, &clip, &[]);
    let sounds =
        [("aac", "tone.aac", AudioCodec::Aac, 44_100), ("libopus", "tone.opus", AudioCodec::Opus, 48_000)];
    for (encoder, file, codec, rate) in sounds {
        if !ffmpeg::has_encoder(encoder) {
            continue;
        }
        let sound = folder.path().join(file);
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", "sine=frequency=440:duration=3", "-ac", "2"])
            .args(["-ar", &rate.to_string(), "-c:a", encoder, "-b:a", "96k"])
            .arg(&sound)
            .status()
            .unwrap();
        assert!(made.success());
        let track = AudioTrack::open(&sound).unwrap();
        assert_eq!((track.codec(), track.sample_rate(), track.channels()), (codec, rate, 2));
        assert!((track.duration() - 3.0).abs() < 0.06, "{}", track.duration());
        let path = folder.path().join("out.mp4");
        let writer = std::fs::File::create(&path).unwrap();
        let mut container = Mp4::with_sound(writer, &config, Some(track)).unwrap();
        for packet in &packets {
            container.write(packet).unwrap();
        }
        container.finish().unwrap();
        drop(container);
        // The pictures are all there, and a second of sound is the tone that went in.
        assert_eq!(ffmpeg::frames(&path, "pts_time").len(), 25);
        let (given, found) = (decoded(&sound), decoded(&path));
        assert!((47_000..52_000).contains(&found.len()), "{encoder}: {} samples", found.len());
        // AAC begins with a packet that only its decoder needs: where they agree best is where they are the same.
        let apart = |shift: usize| -> f64 {
            let pairs = given[4000..].iter().zip(&found[4000 + shift..]).take(30_000);
            pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).fold(0.0, f64::max)
        };
        let best = (0..2048).map(apart).fold(f64::INFINITY, f64::min);
        assert!(best < 64.0, "{encoder}: {best}");
    }
}
