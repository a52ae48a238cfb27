//! FFmpeg as the independent reader.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// Whether FFmpeg and ffprobe are there; says so if not.
pub(crate) fn there() -> bool {
    let works =
        |program| Command::new(program).arg("-version").output().is_ok_and(|out| out.status.success());
    let there = works("ffmpeg") && works("ffprobe");
    if !there {
        println!("skipped: ffmpeg and ffprobe are not here");
    }
    there
}

/// Whether FFmpeg has an encoder.
pub(crate) fn has_encoder(name: &str) -> bool {
    let out = Command::new("ffmpeg").args(["-hide_banner", "-encoders"]).output().unwrap();
    let has = String::from_utf8_lossy(&out.stdout).split_whitespace().any(|word| word == name);
    if !has {
        println!("skipped: this ffmpeg has no {name}");
    }
    has
}

/// What ffprobe says of the video stream, frames counted.
pub(crate) fn probe(path: &Path) -> HashMap<String, String> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-count_frames", "-show_streams"])
        .arg(path)
        .output()
        .unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    let text = String::from_utf8_lossy(&out.stdout);
    text.lines().filter_map(|line| line.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
}

/// Each decoded frame's value of a field, such as `key_frame` or `pts_time`.
pub(crate) fn frames(path: &Path, field: &str) -> Vec<String> {
    let out = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", &format!("frame={field}"), "-of"])
        .args(["default=noprint_wrappers=1:nokey=1"])
        .arg(path)
        .output()
        .unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect()
}

/// The planes of every frame as they are coded, one frame after the other; nothing may be complained about.
pub(crate) fn decode(path: &Path) -> Vec<u8> {
    let out = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(path)
        .args(["-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"])
        .output()
        .unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout
}

/// A checksum of every frame that can be decoded, whatever is complained about.
pub(crate) fn checksums(path: &Path) -> Vec<String> {
    sums(Command::new("ffmpeg").args(["-v", "quiet", "-i"]).arg(path))
}

/// The same of what comes through a pipe, where nothing can be looked up again.
pub(crate) fn checksums_of_stream(bytes: &[u8]) -> Vec<String> {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let bytes = bytes.to_vec();
    // It may stop reading before the end.
    let feeder = std::thread::spawn(move || drop(writer.write_all(&bytes)));
    let sums = sums(Command::new("ffmpeg").args(["-v", "quiet", "-i", "pipe:0"]).stdin(reader));
    feeder.join().unwrap();
    sums
}

fn sums(command: &mut Command) -> Vec<String> {
    let out = command.args(["-fps_mode", "passthrough", "-f", "framemd5", "pipe:1"]).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit(',').next().map(|sum| sum.trim().to_owned()))
        .collect()
}
