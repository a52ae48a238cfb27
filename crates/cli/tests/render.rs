//! `effigy render` as a user runs it: pictures, folders, videos, and that the right things move in them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;
#[path = "support/video.rs"]
mod video;

use std::fs;
use std::path::Path;
use std::process::Command;

use effigy_tests::data;
use serde_json::{Value, json};
use support::{Picture, done, effigy, listing, read_png, workshop};

#[test]
fn the_same_command_gives_the_same_bytes() {
    let workshop = workshop();
    let folder = workshop.path();
    for backend in ["cpu", "gpu"] {
        for extension in ["png", "mp4"] {
            let [first, second] = ["a", "b"].map(|name| {
                let out = format!("{name}.{extension}");
                let track = ["--track", "track.json", "--time", "0.7", "--seconds", "0.6", "--fps", "20"];
                let arguments =
                    ["render", "avatar.glb", "--size", "160x128", "--backend", backend, "-o", &out];
                done(folder, &[&arguments[..], &track].concat());
                fs::read(folder.join(out)).unwrap()
            });
            assert!(first.len() > 2000);
            assert!(first == second, "{backend} {extension}: the bytes differ");
        }
    }
}

#[test]
fn pngs_have_straight_alpha_and_the_size_asked_for() {
    let workshop = workshop();
    let folder = workshop.path();
    for (size, width, height) in [("97x61", 97, 61), ("64", 64, 64), ("1x1", 1, 1), ("33X70", 33, 70)] {
        done(folder, &["render", "avatar.glb", "--size", size, "-o", "clear.png"]);
        let clear = read_png(&folder.join("clear.png"));
        assert_eq!((clear.width, clear.height), (width, height));
        let background = [0x20, 0x40, 0xE0].map(f64::from);
        let arguments = ["render", "avatar.glb", "--size", size, "--background", "#2040E0", "-o", "over.png"];
        done(folder, &arguments);
        let over = read_png(&folder.join("over.png"));
        let mut soft = 0;
        for (p, q) in clear.pixels.iter().zip(&over.pixels) {
            let alpha = f64::from(p[3]) / 255.0;
            assert_eq!(q[3], 255);
            for c in 0..3 {
                let expected = alpha * f64::from(p[c]) + (1.0 - alpha) * background[c];
                // Two roundings to 8 bits, and that of alpha.
                assert!((expected - f64::from(q[c])).abs() <= 2.0, "{p:?} over {background:?} gave {q:?}");
            }
            soft += usize::from((30..220).contains(&p[3]) && p[..3].iter().any(|&c| c > 60));
        }
        assert!(width < 50 || soft > 20, "only {soft} pixels tell straight alpha from premultiplied");
    }
}

#[test]
fn folders_are_filled_replaced_and_refused() {
    let workshop = workshop();
    let folder = workshop.path();
    let render = |seconds: &str| {
        let arguments = ["render", "avatar.glb", "--track", "track.json", "--size", "48x40", "--fps", "10"];
        effigy(folder, &[&arguments[..], &["--seconds", seconds, "-o", "frames"]].concat())
    };
    let names = || {
        let found = listing(&folder.join("frames"));
        found
            .iter()
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(render("1.2").status.success());
    assert_eq!(names(), (0..12).map(|i| format!("frame_{i:05}.png")).collect::<Vec<_>>());
    // The track holds still for a second and then opens the jaw.
    let frame = |i: usize| read_png(&folder.join(format!("frames/frame_{i:05}.png")));
    assert_eq!((frame(0).width, frame(0).height), (48, 40));
    assert!(frame(0).pixels == frame(8).pixels);
    assert!(frame(0).changes(&frame(11)).contains(&true));

    assert!(render("0.3").status.success());
    assert_eq!(names(), ["frame_00000.png", "frame_00001.png", "frame_00002.png"]);

    fs::write(folder.join("frames/thesis.txt"), "mine").unwrap();
    let before = listing(folder);
    let refused = render("0.5");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("thesis.txt"));
    assert_eq!(listing(folder), before);
}

#[test]
fn videos_hold_what_the_pictures_show() {
    let workshop = workshop();
    let folder = workshop.path();
    let common = ["render", "avatar.glb", "--track", "track.json", "--fps", "10", "--background", "#d03020"];
    for (size, width, height) in [("160x128", 160, 128), ("97x61", 98, 62)] {
        done(folder, &[&common[..], &["--size", size, "-o", "out.mp4"]].concat());
        done(folder, &[&common[..], &["--size", size, "-o", "out"]].concat());
        let video = video::read(&fs::read(folder.join("out.mp4")).unwrap(), 1);
        assert_eq!((video.width, video.height), (width, height));
        // The track's last frame is at 2.9 s.
        assert_eq!(video.frames.len(), 29);
        assert!((video.seconds - 2.9).abs() < 0.02, "{} s", video.seconds);
        assert!(video.fast_start);
        // BT.709 with the transfer function of sRGB, limited range (H.264, tables E-3 to E-5).
        assert_eq!(video.color, Some((false, [1, 13, 1])));
        for (i, decoded) in video.frames.iter().enumerate() {
            let picture = read_png(&folder.join(format!("out/frame_{i:05}.png")));
            let error = rms(&picture, decoded, width);
            assert!(error < 0.02, "{size}, frame {i}: {error}");
        }
        // A decoder that always gave the first picture would pass if nothing moved.
        let moved = read_png(&folder.join("out/frame_00015.png"));
        assert!(rms(&moved, &video.frames[0], width) > 1.5 * rms(&moved, &video.frames[15], width));
        by_ffmpeg(folder, width, height);
        fs::remove_dir_all(folder.join("out")).unwrap();
    }
}

/// A GPU's pictures are prepared where they are drawn, a CPU's in memory.
#[test]
fn videos_of_the_gpu_are_those_of_the_cpu() {
    let workshop = workshop();
    let folder = workshop.path();
    let common = ["render", "avatar.glb", "--track", "track.json", "--fps", "10", "--size", "330x258"];
    let shown = |options: &[&str], backend: &str| {
        let to = ["--time", "1.2", "--seconds", "0.4", "--backend", backend, "-o", "out.mp4"];
        done(folder, &[&common[..], options, &to].concat());
        video::read(&fs::read(folder.join("out.mp4")).unwrap(), 1)
    };
    let apart = |a: &video::Video, b: &video::Video| {
        let pixels = |video: &video::Video| video.frames.concat().concat();
        let pairs = pixels(a).into_iter().zip(pixels(b));
        let squares: f64 = pairs.map(|(a, b)| (a - b).powi(2)).sum();
        (squares / pixels(a).len() as f64).sqrt()
    };
    let plain = shown(&["--crf", "40"], "cpu");
    for options in [
        &["--crf", "40"][..],
        &["--crf", "40", "--prefilter", "focus"],
        &["--crf", "40", "--prefilter", "learned"],
        &["--crf", "40", "--prefilter", "plain"],
        &["--bitrate", "200k", "--alpha", "side-by-side"],
    ] {
        let [gpu, cpu] = ["gpu", "cpu"].map(|backend| shown(options, backend));
        assert_eq!((gpu.width, gpu.height, gpu.seconds), (cpu.width, cpu.height, cpu.seconds));
        assert_eq!((gpu.frames.len(), gpu.color), (4, cpu.color));
        // Roundings make other decisions of the encoder, whose pictures are this far from what they show.
        assert!(apart(&gpu, &cpu) < 0.01, "{options:?}: {}", apart(&gpu, &cpu));
        if options.len() == 4 && options[2] == "--prefilter" {
            assert!(apart(&gpu, &plain) > 1.5 * apart(&gpu, &cpu), "{options:?} does nothing");
        }
    }
}

#[test]
fn a_stream_of_controls_shows_the_take() {
    let workshop = workshop();
    let folder = workshop.path();
    let stream = ["stream", "track.json", "--avatar", "avatar.glb", "--fps", "10", "--psnr", "45"];
    done(folder, &[&stream[..], &["--size", "64x64", "-o", "take.effs"]].concat());
    // Thirty frames of a few controls.
    let bytes = fs::read(folder.join("take.effs")).unwrap();
    assert!((40..2000).contains(&bytes.len()), "{} bytes", bytes.len());
    let render = ["render", "avatar.glb", "--fps", "10", "--seconds", "2.5", "--size", "64x64", "--track"];
    done(folder, &[&render[..], &["track.json", "-o", "given"]].concat());
    done(folder, &[&render[..], &["take.effs", "-o", "received"]].concat());
    let picture = |of: &str, i: usize| read_png(&folder.join(format!("{of}/frame_{i:05}.png")));
    let distance = |a: &Picture, b: &Picture| {
        let squares = a.pixels.iter().flatten().zip(b.pixels.iter().flatten());
        let sum: f64 = squares.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        (sum / (4 * a.pixels.len()) as f64).sqrt()
    };
    for i in 0..25 {
        let off = distance(&picture("given", i), &picture("received", i));
        assert!(off < 4.0, "frame {i}: {off}");
    }
    assert!(distance(&picture("given", 0), &picture("given", 15)) > 8.0, "the take moves");

    fs::write(folder.join("cut.effs"), &bytes[..3]).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_effigy"))
        .args([&render[..], &["cut.effs", "-o", "cut"]].concat())
        .current_dir(folder)
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("cut.effs"));
}

/// The root of the mean square difference of colour, out of 1, between blocks of 8 × 8 pixels, which have lost little
/// to the coarser chroma and to compression.
fn rms(picture: &Picture, decoded: &[[f64; 3]], decoded_width: usize) -> f64 {
    let (across, down) = (picture.width / 8, picture.height / 8);
    let mut sum = 0.0;
    for block in 0..across * down {
        let (left, top) = (block % across * 8, block / across * 8);
        for c in 0..3 {
            let inside = (0..64).map(|i| (left + i % 8, top + i / 8));
            let difference = inside.map(|(x, y)| {
                f64::from(picture.pixels[y * picture.width + x][c]) / 255.0
                    - decoded[y * decoded_width + x][c]
            });
            sum += (difference.sum::<f64>() / 64.0).powi(2);
        }
    }
    (sum / (3 * across * down) as f64).sqrt()
}

/// What another program makes of `out.mp4`; skipped where it is not installed.
fn by_ffmpeg(folder: &Path, width: usize, height: usize) {
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(folder).output();
        match output {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{program} complains");
                Some(output.stdout)
            }
            Err(_) => {
                println!("skipping: no {program}");
                None
            }
        }
    };
    let arguments = ["-v", "warning", "-count_frames", "-show_streams", "-of", "json", "out.mp4"];
    if let Some(report) = run("ffprobe", &arguments) {
        let report: Value = serde_json::from_slice(&report).unwrap();
        let stream = &report["streams"][0];
        for (key, expected) in [
            ("codec_name", json!("h264")),
            ("pix_fmt", json!("yuv420p")),
            ("nb_read_frames", json!("29")),
            ("width", json!(width)),
            ("height", json!(height)),
            ("color_range", json!("tv")),
            ("color_space", json!("bt709")),
            ("color_primaries", json!("bt709")),
            ("color_transfer", json!("iec61966-2-1")),
            ("r_frame_rate", json!("10/1")),
        ] {
            assert_eq!(stream[key], expected, "{key}");
        }
    }
    let arguments = ["-v", "warning", "-i", "out.mp4", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    if let Some(bytes) = run("ffmpeg", &arguments) {
        assert_eq!(bytes.len(), 29 * width * height * 3);
        for i in [0, 15, 28] {
            let picture = read_png(&folder.join(format!("out/frame_{i:05}.png")));
            let pixels = bytes[i * width * height * 3..].as_chunks::<3>().0;
            let decoded: Vec<_> = pixels.iter().map(|p| p.map(|c| f64::from(c) / 255.0)).collect();
            let error = rms(&picture, &decoded[..width * height], width);
            assert!(error < 0.02, "ffmpeg, frame {i}: {error}");
        }
    }
}

#[test]
fn reports_are_json() {
    let workshop = workshop();
    let folder = workshop.path();
    let parse = |arguments: &[&str]| serde_json::from_str::<Value>(&done(folder, arguments)).unwrap();
    let report = parse(&[
        "render",
        "avatar.glb",
        "--track",
        "track.json",
        "--backend",
        "cpu",
        "--size",
        "40x30",
        "--seconds",
        "0.5",
        "--json",
        "-o",
        "f",
    ]);
    assert_eq!(
        (&report["output"], &report["frames"], &report["width"], &report["height"], &report["backend"]),
        (&json!("f"), &json!(15), &json!(40), &json!(30), &json!("cpu"))
    );
    let info = parse(&["info", "avatar.glb", "--json"]);
    assert_eq!((&info["kind"], &info["rig"]["vertices"]), (&json!("avatar"), &json!(289)));
    assert_eq!(info["rig"]["morphs"], json!(["jawOpen", "eyeBlinkLeft"]));
    let info = parse(&["info", "track.json", "--json"]);
    assert_eq!((&info["kind"], &info["frames"]), (&json!("track"), &json!(30)));
    assert!(parse(&["adapters", "--json"]).is_array());
}

#[test]
fn without_an_avatar_it_plays_what_it_brings() {
    let folder = tempfile::tempdir().unwrap();
    // Of everything but the size, which makes this slow, the defaults.
    let said = done(folder.path(), &["render", "--size", "240x240"]);
    assert!(said.contains("effigy.mp4"), "{said}");
    let files = listing(folder.path());
    assert_eq!(files.len(), 1);
    let video = video::read(&fs::read(folder.path().join("effigy.mp4")).unwrap(), 10);
    assert!(video.count >= 60 && video.seconds >= 2.0, "{} frames", video.count);
    // It moves.
    let change =
        |a: &[[f64; 3]], b: &[[f64; 3]]| a.iter().zip(b).filter(|(p, q)| (p[1] - q[1]).abs() > 0.1).count();
    let most = video.frames.iter().map(|f| change(f, &video.frames[0])).max().unwrap();
    assert!(most > 200, "at most {most} pixels change");
}

#[test]
fn what_fails_on_this_machine_leaves_nothing() {
    let workshop = workshop();
    let folder = workshop.path();
    let before = listing(folder);
    for out in ["a.png", "a.mp4", "frames"] {
        let output =
            effigy(folder, &["render", "avatar.glb", "--backend", "gpu", "--adapter", "Abacus", "-o", out]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("none is called \"Abacus\""), "{stderr}");
        assert_eq!(listing(folder), before);
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_render_leaves_nothing() {
    let workshop = workshop();
    let folder = workshop.path();
    let before = listing(folder);
    for (out, backend) in [("a.mp4", "cpu"), ("a.mp4", "gpu"), ("frames", "cpu")] {
        let child = Command::new(env!("CARGO_BIN_EXE_effigy"))
            .args(["render", "avatar.glb", "--size", "64x64", "--seconds", "3000", "-o", out])
            .args(["--backend", backend])
            // Mesa says on stderr that it wants this variable.
            .env("XDG_RUNTIME_DIR", folder)
            .current_dir(folder)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It has begun once its temporary output is there.
        let begun = std::time::Instant::now();
        while listing(folder) == before {
            assert!(begun.elapsed().as_secs() < 60, "nothing is being written");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        // And in the midst of it when pictures are on their way.
        std::thread::sleep(std::time::Duration::from_millis(200));
        let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "effigy: interrupted; nothing was written\n");
        assert_eq!(listing(folder), before);
    }
}

/// Files are made under another name first, which temporary files let nobody else read.
#[cfg(unix)]
#[test]
fn others_may_read_what_is_written() {
    use std::os::unix::fs::PermissionsExt;
    let workshop = workshop();
    let folder = workshop.path();
    for out in ["a.png", "a.mp4", "frames"] {
        done(folder, &["render", "avatar.glb", "--size", "32x32", "--backend", "cpu", "-o", out]);
    }
    for out in ["a.glb", "a.ply"] {
        done(folder, &["convert", "avatar.glb", out]);
    }
    fs::write(folder.join("plain"), "").unwrap();
    let mode = |file: &str| fs::metadata(folder.join(file)).unwrap().permissions().mode() & 0o444;
    for file in ["a.png", "a.mp4", "frames", "frames/frame_00000.png", "a.glb", "a.ply"] {
        assert_eq!(mode(file), mode("plain"), "{file}");
    }
}

/// Regions of the picture, in fractions: left, top, right, bottom. Measured on a still of the avatar.
const MOUTH: [f64; 4] = [0.43, 0.54, 0.57, 0.66];
const EYES: [f64; 4] = [0.37, 0.38, 0.63, 0.46];
const BACKGROUND: [[f64; 4]; 3] = [[0.0, 0.0, 1.0, 0.1], [0.0, 0.0, 0.25, 0.6], [0.75, 0.0, 1.0, 0.6]];
const FOREHEAD: [f64; 4] = [0.4, 0.22, 0.6, 0.34];

#[test]
fn mouth_and_eyelids_follow_the_track() {
    let Some(avatar) = data("lam/p2-1.zip") else { return };
    let Some(take) = data("tracks/lam_test_expression_52x973.json") else { return };
    let (avatar, take) = (avatar.to_str().unwrap(), take.to_str().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let still = |track: &str, time: f64| {
        let time = time.to_string();
        let arguments = ["render", avatar, "--track", track, "--size", "400x400", "--backend", "cpu"];
        done(folder.path(), &[&arguments[..], &["--time", &time, "-o", "out.png"]].concat());
        read_png(&folder.path().join("out.png"))
    };

    let weights = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 1.0]];
    let frames: Vec<_> =
        (0..3).map(|i| json!({ "weights": weights[i], "time": i, "rotation": [] })).collect();
    let track = json!({ "names": ["jawOpen", "eyeBlinkLeft", "eyeBlinkRight"], "frames": frames });
    fs::write(folder.path().join("three.json"), track.to_string()).unwrap();
    let [rest, open, shut] = [0.0, 1.0, 2.0].map(|t| still("three.json", t));
    let (by_jaw, by_lids) = (rest.changes(&open), rest.changes(&shut));
    let share = |mask: &[bool], region| rest.share(mask, region);
    assert!(share(&by_jaw, MOUTH) > 0.5, "mouth: {}", share(&by_jaw, MOUTH));
    assert!(share(&by_lids, EYES) > 0.2, "eyes: {}", share(&by_lids, EYES));
    assert_eq!((share(&by_jaw, EYES), share(&by_lids, MOUTH)), (0.0, 0.0), "the wrong part moves");
    for region in BACKGROUND.into_iter().chain([FOREHEAD]) {
        assert_eq!((share(&by_jaw, region), share(&by_lids, region)), (0.0, 0.0), "{region:?} changes");
    }

    // A real take: the instants where the jaw is widest open, where the eyes are shut, and where neither is.
    let (jaw_open, blink, neither) = instants(take);
    let [jaw_open, blink, neither] = [jaw_open, blink, neither].map(|t| still(take, t));
    let (mouth, eyes) =
        (neither.share(&neither.changes(&jaw_open), MOUTH), neither.share(&neither.changes(&blink), EYES));
    assert!(mouth > 0.3 && eyes > 0.2, "mouth {mouth}, eyes {eyes}");
    for region in BACKGROUND {
        assert!(neither.share(&neither.changes(&jaw_open), region) < 0.02, "{region:?} changes");
    }
}

/// When the jaw is widest open, when both eyes are most shut, and when neither is, seconds.
fn instants(track: &str) -> (f64, f64, f64) {
    let track: Value = serde_json::from_slice(&fs::read(track).unwrap()).unwrap();
    let names = track["names"].as_array().unwrap();
    let column = |name: &str| names.iter().position(|n| n == name).unwrap();
    let (jaw, lid) = (column("jawOpen"), column("eyeBlinkLeft"));
    let frames = track["frames"].as_array().unwrap();
    let best = |score: &dyn Fn(f64, f64) -> f64| {
        let of = |f: &Value| score(f["weights"][jaw].as_f64().unwrap(), f["weights"][lid].as_f64().unwrap());
        let best = (0..frames.len()).max_by(|&a, &b| of(&frames[a]).total_cmp(&of(&frames[b]))).unwrap();
        best as f64 / 30.0
    };
    (best(&|jaw, _| jaw), best(&|_, lid| lid), best(&|jaw, lid| -jaw - lid))
}

/// Light from the viewer's left brightens the left, on the CPU and on the GPU alike, and none changes nothing.
#[test]
fn a_lamp_lights_the_side_it_is_at() {
    let workshop = workshop();
    let folder = workshop.path();
    let still = |backend: &str, light: &[&str]| {
        let arguments = ["render", "avatar.glb", "--size", "128x128", "--background", "black", "--backend"];
        done(folder, &[&arguments[..], &[backend, "-o", "out.png"], light].concat());
        read_png(&folder.join("out.png"))
    };
    // Light of the left and of the right half, each as a mean of levels.
    let halves = |picture: &Picture| {
        [0..64, 64..128].map(|columns| {
            let rows = picture.pixels.chunks(128).flat_map(|row| &row[columns.clone()]);
            rows.map(|p| p[..3].iter().map(|&c| f64::from(c)).sum::<f64>()).sum::<f64>()
                / (3.0 * 64.0 * 128.0)
        })
    };
    let lamp = |from| ["--ambient", "0.2", "--key", "1.1,1,0.8", "--key-from", from];
    for from in ["-60,20", "60,20"] {
        let [on_cpu, on_gpu] = ["cpu", "gpu"].map(|backend| still(backend, &lamp(from)));
        let squared: f64 = (on_cpu.pixels.iter().flatten().zip(on_gpu.pixels.iter().flatten()))
            .map(|(a, b)| (f64::from(a.abs_diff(*b)) / 255.0).powi(2))
            .sum();
        let psnr = -10.0 * (squared / (4 * on_cpu.pixels.len()) as f64).log10();
        assert!(psnr > 45.0, "{from}: {psnr} dB");
    }
    let plain = still("cpu", &[]);
    let [from_left, from_right] = ["-60,20", "60,20"].map(|from| halves(&still("cpu", &lamp(from))));
    assert!(from_left[0] > 1.2 * from_right[0], "the left: {from_left:?}, {from_right:?}");
    assert!(from_right[1] > 1.2 * from_left[1], "the right: {from_left:?}, {from_right:?}");
    assert!(!plain.changes(&still("cpu", &["--ambient", "1"])).contains(&true));
    let dim = halves(&still("cpu", &["--ambient", "0.25"]));
    // A quarter of the light is a little more than half of the level.
    assert!((0.4..0.6).contains(&(dim[0] / halves(&plain)[0])), "{dim:?}, {:?}", halves(&plain));
}
