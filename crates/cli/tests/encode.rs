//! Importance, what it does to videos, and `effigy encode`, as a user has them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;
#[path = "support/video.rs"]
mod video;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{done, effigy, listing, read_png, workshop};

const SIDE: usize = 96;
const RENDER: [&str; 10] =
    ["render", "avatar.glb", "--track", "track.json", "--size", "96x96", "--fps", "10", "--seconds", "0.6"];

fn render(folder: &Path, more: &[&str]) {
    done(folder, &[&RENDER[..], more].concat());
}

/// The luma planes of a Y4M file of 96 x 96 pixels, with as many other samples behind each luma plane as `more` says.
fn luma(path: &Path, more: usize) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let header = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
    let frames = bytes[header..].chunks(6 + SIDE * SIDE + more);
    frames
        .map(|frame| {
            assert_eq!(&frame[..6], b"FRAME\n");
            frame[6..6 + SIDE * SIDE].to_vec()
        })
        .collect()
}

/// Samples of both colour differences of a 4:2:0 picture.
const CHROMA: usize = SIDE * SIDE / 2;

#[test]
fn importance_is_where_viewers_look_on_both_renderers() {
    let workshop = workshop();
    let folder = workshop.path();
    render(folder, &["--backend", "cpu", "--importance", "cpu.y4m", "-o", "pictures"]);
    render(folder, &["--backend", "gpu", "--importance", "grey", "-o", "pictures"]);
    let cpu = luma(&folder.join("cpu.y4m"), 0);
    assert_eq!(cpu.len(), 6);
    assert!(
        fs::read(folder.join("cpu.y4m"))
            .unwrap()
            .starts_with(b"YUV4MPEG2 W96 H96 F10:1 Ip A1:1 Cmono XCOLORRANGE=FULL\n")
    );
    for (i, cpu) in cpu.iter().enumerate() {
        let file = fs::File::open(folder.join(format!("grey/frame_{i:05}.png"))).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(file)).read_info().unwrap();
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut grey).unwrap();
        assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Grayscale, png::BitDepth::Eight));
        assert!(grey.iter().zip(cpu).all(|(a, b)| a.abs_diff(*b) <= 1), "frame {i}");
        // The lid is at 0.7 of the width and 0.3 from the top, the jaw below; eyes matter 1, and a face 0.6 (153 codes).
        let at = |x: f64, y: f64| cpu[(y * SIDE as f64) as usize * SIDE + (x * SIDE as f64) as usize];
        let picture = read_png(&folder.join(format!("pictures/frame_{i:05}.png")));
        let covered = |x: usize, y: usize| picture.pixels[y * SIDE + x][3];
        assert!(at(0.68, 0.32) > 230, "{}", at(0.68, 0.32));
        assert!((120..=165).contains(&at(0.5, 0.84)), "{}", at(0.5, 0.84));
        assert!((0..SIDE * SIDE).all(|p| covered(p % SIDE, p / SIDE) > 0 || cpu[p] == 0));
        assert_eq!(at(0.01, 0.01), 0);
    }
}

#[test]
fn filters_leave_the_face_or_nothing_as_it_is() {
    let workshop = workshop();
    let folder = workshop.path();
    // The face is a small part of this picture.
    let planes = |name: &str, filter: &str| {
        render(folder, &["--prefilter", filter, "--crf", "44", "--importance", "i.y4m", "-o", name]);
        luma(&folder.join(name), CHROMA)
    };
    let [none, plain, focus] = [("n.y4m", "none"), ("p.y4m", "plain"), ("f.y4m", "focus")]
        .map(|(name, filter)| planes(name, filter));
    let importance = luma(&folder.join("i.y4m"), 0);
    let differs = |a: &[u8], b: &[u8]| -> Vec<bool> { a.iter().zip(b).map(|(a, b)| a != b).collect() };
    for (((none, plain), focus), importance) in none.iter().zip(&plain).zip(&focus).zip(&importance) {
        let looked_at: Vec<bool> = importance.iter().map(|v| *v >= 128).collect();
        let within = |mask: &[bool], wanted: bool| {
            mask.iter().zip(&looked_at).filter(|(set, looked)| **set && **looked == wanted).count()
        };
        let (by_plain, by_focus) = (differs(none, plain), differs(none, focus));
        assert_eq!(within(&by_focus, true), 0, "the face stays");
        assert!(within(&by_focus, false) > 20, "{}", within(&by_focus, false));
        assert!(within(&by_plain, true) > 200, "{}", within(&by_plain, true));
    }
    // At a rate at which nothing is filtered nothing differs; a bitrate sets the strength, too.
    let same = |rate: &[&str]| {
        render(folder, &[&["--prefilter", "plain", "-o", "s.y4m"], rate].concat());
        luma(&folder.join("s.y4m"), CHROMA) == none
    };
    assert!(same(&["--crf", "18"]) && same(&["--bitrate", "20M"]) && !same(&["--bitrate", "2k"]));
}

#[test]
fn pictures_that_exist_are_encoded() {
    let workshop = workshop();
    let folder = workshop.path();
    render(folder, &["-o", "views"]);
    render(folder, &["-o", "clip.y4m"]);
    render(folder, &["-o", "straight.mp4"]);
    let report = |arguments: &[&str]| -> Value {
        serde_json::from_str(&done(folder, &[&["encode", "--json"], arguments].concat())).unwrap()
    };
    let of_pngs = report(&["views", "--fps", "10", "-o", "pngs.mp4"]);
    assert_eq!(
        (&of_pngs["frames"], &of_pngs["fps"], &of_pngs["width"]),
        (&6.into(), &10.0.into(), &96.into())
    );
    let length = fs::metadata(folder.join("pngs.mp4")).unwrap().len();
    assert_eq!(of_pngs["bytes"], length);
    // The rate of a Y4M file is its own.
    assert_eq!(report(&["clip.y4m", "-o", "y4m.mp4"])["fps"], 10.0);
    let straight = video::read(&fs::read(folder.join("straight.mp4")).unwrap(), 1);
    for name in ["pngs.mp4", "y4m.mp4"] {
        let video = video::read(&fs::read(folder.join(name)).unwrap(), 1);
        assert_eq!((video.count, video.width, video.height), (6, SIDE, SIDE));
        assert!((video.seconds - 0.6).abs() < 1e-6 && video.fast_start);
        assert_eq!(video.color, straight.color);
        for (a, b) in straight.frames.iter().zip(&video.frames) {
            let squares = a.iter().flatten().zip(b.iter().flatten()).map(|(a, b)| (a - b).powi(2));
            let rms = (squares.sum::<f64>() / (3 * SIDE * SIDE) as f64).sqrt();
            assert!(rms < 0.012, "{name}: {rms}");
        }
    }
    // Luma that is only read and written stays what it is.
    done(folder, &["encode", "clip.y4m", "-o", "again.y4m"]);
    assert_eq!(luma(&folder.join("again.y4m"), CHROMA), luma(&folder.join("clip.y4m"), CHROMA));

    // From a pipe it is the same video.
    let mut child = Command::new(env!("CARGO_BIN_EXE_effigy"))
        .args(["encode", "-", "-o", "piped.mp4"])
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(folder.join("clip.y4m")).unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(fs::read(folder.join("piped.mp4")).unwrap(), fs::read(folder.join("y4m.mp4")).unwrap());

    // Transparency goes to the right half.
    done(folder, &["encode", "views", "--alpha", "side-by-side", "--crf", "12", "-o", "wide.mp4"]);
    let wide = video::read(&fs::read(folder.join("wide.mp4")).unwrap(), 1);
    assert_eq!((wide.width, wide.height), (2 * SIDE, SIDE));
    let picture = read_png(&folder.join("views/frame_00000.png"));
    let off = |i: usize| {
        let covered = wide.frames[0][i / SIDE * 2 * SIDE + SIDE + i % SIDE][1];
        (covered - f64::from(picture.pixels[i][3]) / 255.0).abs()
    };
    let mean = (0..SIDE * SIDE).map(off).sum::<f64>() / (SIDE * SIDE) as f64;
    assert!(mean < 0.02, "{mean}");
}

#[test]
fn importance_from_a_file_decides_what_stays() {
    let workshop = workshop();
    let folder = workshop.path();
    render(folder, &["-o", "clip.y4m"]);
    // Somebody looks at the jaw only: 24 x 24 pixels below the middle.
    let looked_at = |p: usize| (36..60).contains(&(p % SIDE)) && (56..80).contains(&(p / SIDE));
    fs::create_dir(folder.join("looks")).unwrap();
    for i in 0..6 {
        let grey: Vec<u8> = (0..SIDE * SIDE).map(|p| if looked_at(p) { 255 } else { 40 }).collect();
        let file = fs::File::create(folder.join(format!("looks/{i}.png"))).unwrap();
        let mut encoder = png::Encoder::new(file, SIDE as u32, SIDE as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&grey).unwrap();
    }
    let filter = ["--importance", "looks", "--prefilter", "focus", "--crf", "44", "-o", "filtered.y4m"];
    done(folder, &[&["encode", "clip.y4m"], &filter[..]].concat());
    let [before, after] = ["clip.y4m", "filtered.y4m"].map(|name| luma(&folder.join(name), CHROMA));
    for (before, after) in before.iter().zip(&after) {
        let changed = |wanted: bool| {
            let pairs = before.iter().zip(after).enumerate().filter(|(p, _)| looked_at(*p) == wanted);
            pairs.filter(|(_, (a, b))| a.abs_diff(**b) > 4).count()
        };
        assert_eq!(changed(true), 0);
        assert!(changed(false) > 200, "{}", changed(false));
    }
    #[cfg(feature = "x264")]
    {
        let encode = |more: &[&str]| {
            let x264 = ["encode", "clip.y4m", "--codec", "x264", "--preset", "low-latency", "-o", "o.mp4"];
            done(folder, &[&x264[..], more].concat());
            fs::read(folder.join("o.mp4")).unwrap()
        };
        let looks = ["--importance", "looks", "--roi"];
        assert_ne!(encode(&looks), encode(&[]));
    }
}

/// A packet of AAC at 8 kHz with one channel, whose header says so bit by bit (ISO/IEC 14496-3, 1.A.2.2).
fn aac(payload: &[u8]) -> Vec<u8> {
    let length = payload.len() + 7;
    let bits = format!("111111111111000101101100010000{length:013b}1111111111100");
    let bytes = (0..7).map(|i| u8::from_str_radix(&bits[8 * i..8 * i + 8], 2).unwrap());
    bytes.chain(payload.iter().copied()).collect()
}

#[test]
fn sound_goes_along_as_it_is() {
    let workshop = workshop();
    let folder = workshop.path();
    // 20 packets of 0.128 s, each of another byte.
    let packets: Vec<u8> = (0..20_u8).flat_map(|i| aac(&[0x40 + i; 50])).collect();
    fs::write(folder.join("speech.aac"), packets).unwrap();
    render(folder, &["-o", "clip.y4m"]);
    render(folder, &["-o", "silent.mp4"]);
    done(folder, &["encode", "clip.y4m", "--audio", "speech.aac", "-o", "clip.mp4"]);
    render(folder, &["--audio", "speech.aac", "--time", "0.5", "-o", "later.mp4"]);
    let holds = |name: &str| -> Vec<u8> {
        let file = fs::read(folder.join(name)).unwrap();
        let there = |i: &u8| file.windows(50).any(|bytes| bytes == [0x40 + i; 50]);
        (0..20).filter(there).collect()
    };
    assert!(holds("silent.mp4").is_empty());
    // 0.6 s of pictures are 4.7 packets; 0.5 s are 3.9.
    assert_eq!(holds("clip.mp4"), [0, 1, 2, 3, 4]);
    assert_eq!(holds("later.mp4"), [4, 5, 6, 7, 8]);
    // The pictures are as they were, wherever their bytes lie now.
    let [with, without] = ["later.mp4", "silent.mp4"].map(|name| fs::read(folder.join(name)).unwrap());
    assert_eq!(with.windows(4).filter(|name| name == b"trak").count(), 2);
    assert_eq!(without.windows(4).filter(|name| name == b"trak").count(), 1);
}

#[test]
fn what_cannot_be_encoded_leaves_nothing_behind() {
    let workshop = workshop();
    let folder = workshop.path();
    render(folder, &["--importance", "looks", "-o", "views"]);
    render(folder, &["-o", "clip.y4m"]);
    let cut = fs::read(folder.join("clip.y4m")).unwrap();
    fs::write(folder.join("cut.y4m"), &cut[..cut.len() - 5]).unwrap();
    fs::write(folder.join("empty.y4m"), &cut[..cut.iter().position(|&b| b == b'\n').unwrap() + 1]).unwrap();
    fs::create_dir(folder.join("few")).unwrap();
    fs::create_dir(folder.join("mixed")).unwrap();
    fs::create_dir(folder.join("none")).unwrap();
    for i in 0..2 {
        let name = format!("frame_{i:05}.png");
        fs::copy(folder.join("looks").join(&name), folder.join("few").join(&name)).unwrap();
        fs::copy(folder.join("views").join(&name), folder.join("mixed").join(&name)).unwrap();
    }
    done(folder, &["render", "avatar.glb", "--size", "32x32", "-o", "mixed/frame_00002.png"]);
    let before = listing(folder);
    for (arguments, fault) in [
        (&["encode", "absent.y4m", "-o", "o.mp4"][..], "absent.y4m: "),
        (&["encode", "avatar.glb", "-o", "o.mp4"], "avatar.glb: is not Y4M"),
        (&["encode", "cut.y4m", "-o", "o.mp4"], "cut.y4m: its last frame is cut off"),
        (&["encode", "empty.y4m", "-o", "o.mp4"], "empty.y4m: has no pictures"),
        (&["encode", "none", "-o", "o.mp4"], "none: has no PNG pictures"),
        (&["encode", "mixed", "-o", "o.mp4"], "picture 2 is 32x32 and the first 96x96"),
        (&["encode", "views", "-o", "o.png"], "o.png: videos are .mp4 or .y4m"),
        (&["encode", "clip.y4m", "-o", "clip.y4m"], "clip.y4m: is an input"),
        (&["encode", "views", "-o", "absent/o.mp4"], "there is no folder absent"),
        (&["encode", "views", "--fps", "-1", "-o", "o.mp4"], "--fps -1 is not"),
        (&["encode", "views", "--prefilter", "focus", "-o", "o.mp4"], "need --importance"),
        (&["encode", "views", "--importance", "looks", "-o", "o.mp4"], "--importance is for"),
        (
            &["encode", "views", "--importance", "few", "--prefilter", "focus", "-o", "o.mp4"],
            "few ends after 2 pictures, views goes on",
        ),
        (
            &["encode", "few", "--importance", "views", "--prefilter", "focus", "-o", "o.mp4"],
            "few ends after 2 pictures, views goes on",
        ),
        (
            &["encode", "views", "--importance", "mixed", "--prefilter", "focus", "-o", "o.mp4"],
            "mixed: picture 2 is 32x32 and that of views 96x96",
        ),
        (
            &["encode", "views", "--importance", "looks", "--roi", "-o", "o.mp4"],
            "--roi: openh264 takes no quantiser offsets; --codec x264 does",
        ),
        (
            &["encode", "views", "--importance", "looks", "--roi", "-o", "o.y4m"],
            "--roi and --audio are for encoded videos",
        ),
        (&["render", "avatar.glb", "--roi", "-o", "o.mp4"], "--roi: openh264 takes no quantiser offsets"),
        (
            &["render", "avatar.glb", "--prefilter", "plain", "-o", "o"],
            "--roi, --prefilter and --audio are for videos",
        ),
        (
            &["render", "avatar.glb", "--importance", "o.png", "-o", "o.mp4"],
            "o.png: importance is written to",
        ),
        (&["render", "avatar.glb", "--importance", "o.y4m", "-o", "o.y4m"], "are two files"),
        (&["render", "avatar.glb", "--importance", "views/x/o.y4m", "-o", "o.mp4"], "there is no folder"),
    ] {
        let output = effigy(folder, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(fault), "{arguments:?}: {stderr}");
        let ours: Vec<_> = stderr.lines().filter(|line| line.starts_with("effigy: ")).collect();
        assert_eq!(ours.len(), 1, "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
        assert_eq!(listing(folder), before, "{arguments:?}");
    }
}

#[test]
fn folders_of_pictures_are_read_as_people_leave_them() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::create_dir(here.join("frames")).unwrap();
    let write = |name: &str| {
        let file = fs::File::create(here.join("frames").join(name)).unwrap();
        let mut encoder = png::Encoder::new(file, 16, 16);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.write_header().unwrap().write_image_data(&[90; 256]).unwrap();
    };
    ["a_01.png", "a_02.png", "a_05.png"].into_iter().for_each(write);
    // As macOS leaves it on foreign disks.
    fs::write(here.join("frames/._a_01.png"), "no picture").unwrap();
    let output = effigy(here, &["encode", "frames", "-o", "clip.mp4", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("frames: of a_* 2 numbers are missing: 3, 4"), "{said}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["frames"], 3);
    ["b_01.png", "b_02.png"].into_iter().for_each(write);
    for arguments in [&["encode", "frames", "-o", "again.mp4"][..], &["compare", "frames", "frames"]] {
        let output = effigy(here, arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("frames: holds two sequences, a_* (3 pictures) and b_* (2 pictures)"),
            "{said}"
        );
    }
}
