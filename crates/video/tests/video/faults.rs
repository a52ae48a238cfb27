//! What goes wrong: full disks, dead encoders, pictures that do not fit.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use effigy_video::VideoError;
use effigy_video::container::{Container, Elementary, FragmentedMp4, Mp4, Y4m};
use effigy_video::encoder::{
    Codec, ColorInfo, Encoder, EncoderChoice, EncoderConfig, Ffmpeg, FfmpegOptions, FrameRequest, Layout,
    OpenH264, QualityMap, Rate, open,
};

use crate::clip::Clip;
use crate::encoders::{config, encode};
use crate::ffmpeg;

/// A disk with room for so many bytes.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let count = bytes.len().min(self.0);
        self.0 -= count;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_fills() {
    let clip = Clip::new(96, 64, Layout::I420, ColorInfo::default(), 12);
    let config = config(&clip, Codec::H264, 30.0);
    let packets = encode("openh264", &config, &clip, &[]);
    let write = |container: &mut dyn Container| {
        packets.iter().try_for_each(|packet| container.write(packet)).and_then(|()| container.finish())
    };
    let full = |result: Result<(), VideoError>| match result {
        Ok(()) => false,
        Err(VideoError::Io(error)) if error.kind() == io::ErrorKind::StorageFull => true,
        Err(error) => panic!("{error}"),
    };
    // A half-written fragment is the last one.
    let mut broken = FragmentedMp4::new(Disk(700), &config, 1).unwrap();
    assert!(full(packets.iter().try_for_each(|packet| broken.write(packet))));
    assert!(matches!(broken.write(&packets[0]), Err(VideoError::Container(_))));
    assert!(matches!(broken.finish(), Err(VideoError::Container(_))));

    // Room enough for any of them, then too little for all.
    assert!(!full(write(&mut Mp4::new(Disk(1 << 20), &config).unwrap())));
    let needed: usize = packets.iter().map(|packet| packet.data.len()).sum();
    for room in [0, 1, 20, 30, 300, 700, needed / 2, needed - 1] {
        assert!(full(write(&mut Mp4::new(Disk(room), &config).unwrap())), "{room}");
        assert!(full(write(&mut FragmentedMp4::new(Disk(room), &config, 3).unwrap())), "{room}");
        assert!(full(write(&mut Elementary::new(Disk(room), &config))), "{room}");
        let mut raw = Y4m::new(Disk(room), &config).unwrap();
        assert!(full((0..3).try_for_each(|index| raw.write(&clip.picture(index)))), "{room}");
    }
}

#[test]
fn pictures_that_do_not_fit_are_refused() {
    let clip = Clip::new(96, 64, Layout::I420, ColorInfo::default(), 1);
    let other = Clip::new(64, 96, Layout::I420, ColorInfo::default(), 1);
    let settings = config(&clip, Codec::H264, 30.0);
    let mut encoder = OpenH264::new(&settings).unwrap();
    encoder.encode(&clip.picture(0), FrameRequest::default()).unwrap();
    let error = encoder.encode(&other.picture(0), FrameRequest::default()).unwrap_err();
    assert_eq!(error.to_string(), "picture 1 is 64x96 and the stream 96x64: a stream has one size");
    let deep = Clip::new(96, 64, Layout::P010, ColorInfo::default(), 1);
    assert!(matches!(encoder.encode(&deep.picture(0), FrameRequest::default()), Err(VideoError::Picture(_))));
    let map = QualityMap { block: 16, columns: 6, rows: 4, offsets: vec![0.0; 24] };
    let request = FrameRequest { key: false, quality_map: Some(&map) };
    assert!(matches!(encoder.encode(&clip.picture(0), request), Err(VideoError::Unsupported { .. })));
    // It goes on after what it refused, and not after its end.
    assert!(encoder.encode(&clip.picture(0), FrameRequest::default()).unwrap().is_some());
    assert!(encoder.finish().unwrap().is_empty());
    assert!(encoder.encode(&clip.picture(0), FrameRequest::default()).is_err());
    let mut raw = Y4m::new(Vec::new(), &settings).unwrap();
    raw.write(&clip.picture(0)).unwrap();
    assert!(matches!(raw.write(&other.picture(0)), Err(VideoError::Size { frame: 1, .. })));
}

#[cfg(feature = "x264")]
#[test]
fn maps_that_do_not_fit_are_refused() {
    let clip = Clip::new(90, 60, Layout::I420, ColorInfo::default(), 1);
    let mut encoder = open(&EncoderChoice::X264, &config(&clip, Codec::H264, 30.0)).unwrap();
    let good = QualityMap { block: 16, columns: 6, rows: 4, offsets: vec![0.0; 24] };
    let mut nan = good.clone();
    nan.offsets[3] = f32::NAN;
    let short = QualityMap { offsets: vec![0.0; 23], ..good.clone() };
    let wide = QualityMap { columns: 12, rows: 2, ..good.clone() };
    for map in [&nan, &short, &wide] {
        let request = FrameRequest { key: false, quality_map: Some(map) };
        assert!(matches!(encoder.encode(&clip.picture(0), request), Err(VideoError::Map(_))));
    }
    let request = FrameRequest { key: false, quality_map: Some(&good) };
    assert!(encoder.encode(&clip.picture(0), request).unwrap().is_some());
}

#[test]
fn sizes_and_settings_beyond_an_encoder_are_refused() {
    let base = EncoderConfig::new(64, 64);
    for (bad, word) in [
        (EncoderConfig { width: 4096, ..base.clone() }, "3840"),
        (EncoderConfig { height: 8, ..base.clone() }, "16x16"),
        (EncoderConfig { width: 100_000, ..base.clone() }, "16384"),
        (EncoderConfig { codec: Codec::Av1, ..base.clone() }, "Av1"),
        (EncoderConfig { layout: Layout::I444, ..base.clone() }, "I444"),
        (EncoderConfig { max_frame_bytes: Some(1000), ..base.clone() }, "bytes"),
    ] {
        let error = open(&EncoderChoice::OpenH264, &bad).err().unwrap().to_string();
        assert!(error.contains(word) && error.lines().count() == 1, "{error}");
    }
    // Odd and small sizes are encoded.
    for (width, height) in [(15, 15), (17, 33), (16, 2160), (3839, 16)] {
        let clip = Clip::new(width, height, Layout::I420, ColorInfo::default(), 1);
        assert_eq!(encode("openh264", &config(&clip, Codec::H264, 40.0), &clip, &[]).len(), 1);
    }
}

#[test]
fn without_pictures_there_is_no_video() {
    let config = EncoderConfig::new(64, 64);
    assert!(OpenH264::new(&config).unwrap().finish().unwrap().is_empty());
    let mut bytes = Vec::new();
    assert!(matches!(Mp4::new(&mut bytes, &config).unwrap().finish(), Err(VideoError::NoPictures)));
    assert!(matches!(
        FragmentedMp4::new(&mut bytes, &config, 1).unwrap().finish(),
        Err(VideoError::NoPictures)
    ));
    assert!(matches!(Elementary::new(&mut bytes, &config).finish(), Err(VideoError::NoPictures)));
    assert!(matches!(Y4m::new(&mut bytes, &config).unwrap().finish(), Err(VideoError::NoPictures)));
    assert!(bytes.is_empty());
    if ffmpeg::there() {
        let mut child = Ffmpeg::new("libx264", &config, &FfmpegOptions::default()).unwrap();
        assert!(child.finish().unwrap().is_empty());
    }
}

#[test]
fn an_encoder_that_ffmpeg_has_not_is_said_in_one_line() {
    let settings = EncoderConfig { rate: Rate::Bitrate(100_000), ..EncoderConfig::new(96, 64) };
    let missing = FfmpegOptions { program: "no-such-program-here".into(), ..FfmpegOptions::default() };
    let error = Ffmpeg::new("libx264", &settings, &missing).err().unwrap().to_string();
    assert!(error.starts_with("no-such-program-here: cannot be started"), "{error}");
    if ffmpeg::there() {
        let clip = Clip::new(96, 64, Layout::I420, ColorInfo::default(), 1);
        let mut child = Ffmpeg::new("my264", &settings, &FfmpegOptions::default()).unwrap();
        let error = until_error(&mut child, &clip);
        assert!(error.starts_with("ffmpeg:my264: ") && error.contains("my264'"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

fn until_error(encoder: &mut dyn Encoder, clip: &Clip) -> String {
    for _ in 0..10_000 {
        if let Err(error) = encoder.encode(&clip.picture(0), FrameRequest::default()) {
            return error.to_string();
        }
    }
    encoder.finish().unwrap_err().to_string()
}

/// A program that behaves as a script says, in place of FFmpeg.
#[cfg(unix)]
fn script(folder: &std::path::Path, text: &str, patience: Duration) -> FfmpegOptions {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("encoder.sh");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    FfmpegOptions { program: path.into(), extra: Vec::new(), patience }
}

#[cfg(unix)]
#[test]
fn an_encoder_that_dies_stalls_or_floods_is_an_error_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let clip = Clip::new(320, 240, Layout::I420, ColorInfo::default(), 1);
    let settings = EncoderConfig { rate: Rate::Bitrate(100_000), ..config(&clip, Codec::H264, 0.0) };
    let long = Duration::from_secs(60);
    for (text, patience, expected) in [
        ("head -c 300000 >/dev/null; echo boom >&2; exit 3", long, "ffmpeg:libx264: boom"),
        ("exit 3", long, "exit status: 3"),
        ("exec sleep 100", Duration::from_millis(300), "took no picture"),
        ("cat >/dev/null; exec sleep 100", Duration::from_millis(300), "gave nothing"),
        // Its output is still held open by another program.
        ("sleep 5 & exit 3", long, "exit status: 3"),
        ("yes garbage; exit 0", long, "not FLV"),
        // More on standard error than a pipe holds, before anything is read.
        ("yes | head -c 1000000 >&2; echo the end >&2; exit 1", long, "the end"),
    ] {
        let begin = Instant::now();
        let options = script(folder.path(), text, patience);
        let mut child = Ffmpeg::new("libx264", &settings, &options).unwrap();
        let error = until_error_or_end(&mut child, &clip);
        assert!(error.contains(expected) && error.lines().count() == 1, "{text}: {error}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{text}");
        assert!(child.encode(&clip.picture(0), FrameRequest::default()).is_err());
        assert!(child.finish().unwrap().is_empty());
    }
}

#[cfg(unix)]
fn until_error_or_end(encoder: &mut dyn Encoder, clip: &Clip) -> String {
    for _ in 0..30 {
        if let Err(error) = encoder.encode(&clip.picture(0), FrameRequest::default()) {
            return error.to_string();
        }
    }
    encoder.finish().unwrap_err().to_string()
}

// In a process of its own, whose environment is what it should be.
#[test]
fn the_ffmpeg_that_the_environment_names_is_run() {
    const NAMED: &str = "no-such-ffmpeg-here";
    if std::env::var_os("EFFIGY_FFMPEG").is_some_and(|name| name == NAMED) {
        let settings = EncoderConfig::new(64, 64);
        let error = Ffmpeg::new("libx264", &settings, &FfmpegOptions::default()).err().unwrap().to_string();
        assert!(error.starts_with("no-such-ffmpeg-here: cannot be started"), "{error}");
        return;
    }
    let here = "faults::the_ffmpeg_that_the_environment_names_is_run";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", here])
        .env("EFFIGY_FFMPEG", NAMED)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn an_encoder_that_is_dropped_leaves_no_process() {
    if !ffmpeg::there() {
        return;
    }
    let clip = Clip::new(320, 240, Layout::I420, ColorInfo::default(), 1);
    let settings = config(&clip, Codec::H264, 20.0);
    let begin = Instant::now();
    for _ in 0..3 {
        let mut child = Ffmpeg::new("libx264", &settings, &FfmpegOptions::default()).unwrap();
        for _ in 0..5 {
            child.encode(&clip.picture(0), FrameRequest::default()).unwrap();
        }
    }
    // A drop waits for the process; one that stayed would hold it up.
    assert!(begin.elapsed() < Duration::from_secs(20));
}
