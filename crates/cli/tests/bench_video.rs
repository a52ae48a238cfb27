//! `effigy bench video` as a user runs it.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::{listing, workshop};

/// Runs it without any ffmpeg.
fn bench(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_effigy"))
        .args(["bench", "video"])
        .args(more)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env("EFFIGY_FFMPEG", folder.join("no-ffmpeg"))
        .env("XDG_RUNTIME_DIR", folder)
        .output()
        .expect("the program starts")
}

#[test]
fn every_variant_has_a_curve() {
    let workshop = workshop();
    let folder = workshop.path();
    // The jaw opens and shuts once, at 30 frames/s.
    let frames: Vec<Value> = [0.0, 0.5, 1.0, 0.7, 0.3, 0.0, 0.0]
        .iter()
        .enumerate()
        .map(|(i, jaw)| json!({ "weights": [jaw], "time": i as f64 / 30.0, "rotation": [] }))
        .collect();
    let chew = json!({ "names": ["jawOpen"], "frames": frames, "metadata": { "fps": 30.0 } });
    fs::write(folder.join("chew.json"), chew.to_string()).unwrap();
    let clips = ["--clip", "avatar.glb,chew.json", "--clip", "avatar.glb,chew.json,orbit:20"];
    let how = [
        "--size",
        "144x144",
        "--seconds",
        "0.2",
        "--every",
        "5",
        "--points",
        "20,26,32,38",
        "--backend",
        "cpu",
    ];
    let output = bench(folder, &[&clips[..], &how, &["--stream", "--json", "-o", "report"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["anchor"], "none");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let rows = report["rows"].as_array().unwrap();
    // Two clips, four variants, four points, two regions.
    assert_eq!(rows.len(), 2 * 4 * 4 * 2);
    for clip in ["avatar chew", "avatar chew orbit 20"] {
        for variant in ["none", "plain", "focus", "learned"] {
            for region in ["face", "frame"] {
                let curve: Vec<&Value> = rows
                    .iter()
                    .filter(|r| r["clip"] == clip && r["variant"] == variant && r["region"] == region)
                    .collect();
                let points: Vec<String> = curve.iter().map(|row| text(&row["point"])).collect();
                assert_eq!(points, ["20", "26", "32", "38"], "{clip} {variant} {region}");
                let rate = |row: &Value| row["kbit_per_s"].as_f64().unwrap();
                let psnr = |row: &Value| {
                    let scores = row["scores"].as_array().unwrap();
                    let score = scores.iter().find(|s| s["measure"] == "psnr_rgb").unwrap();
                    score["pooled"].as_f64().unwrap()
                };
                assert!(curve.windows(2).all(|pair| rate(pair[0]) > rate(pair[1])), "{curve:?}");
                assert!(curve.windows(2).all(|pair| psnr(pair[0]) > psnr(pair[1])), "{curve:?}");
                assert_eq!(curve[0]["frames"], 6);
            }
        }
    }
    // A blur of everything costs quality in the face that a blur around it does not.
    let face_at = |variant: &str| {
        let row = rows
            .iter()
            .find(|r| r["variant"] == variant && r["region"] == "face" && r["point"] == "38")
            .unwrap();
        let scores = row["scores"].as_array().unwrap();
        scores.iter().find(|s| s["measure"] == "ssim").unwrap()["pooled"].as_f64().unwrap()
    };
    assert!(face_at("focus") > face_at("plain") + 0.005, "{} {}", face_at("focus"), face_at("plain"));
    let deltas = report["bd_rates"].as_array().unwrap();
    assert!(deltas.iter().any(|d| d["variant"] == "focus" && d["bd_rate_percent"].is_number()));
    // Only the usual camera can be a stream's; videos but H.264 need an ffmpeg.
    let streams = report["streams"].as_array().unwrap();
    let ways: Vec<String> = streams.iter().map(|row| text(&row["way"])).collect();
    assert_eq!(&ways[..2], ["stream", "openh264"]);
    assert!(streams.iter().all(|row| row["clip"] == "avatar chew"));
    let number = |row: &Value, key: &str| row[key].as_f64().unwrap();
    assert!(
        number(&streams[0], "psnr_db") > 45.0
            && number(&streams[1], "psnr_db") >= number(&streams[0], "psnr_db") - 1e-9
            || number(&streams[1], "quality") == 0.0
    );
    assert!(number(&streams[0], "wire_kbit_per_s") > number(&streams[0], "kbit_per_s"));
    assert!(number(&streams[1], "kbit_per_s") > 5.0 * number(&streams[0], "kbit_per_s"));
    assert!(stderr.contains("rav1e"), "{stderr}");
    let saved: Value = serde_json::from_slice(&fs::read(folder.join("report/report.json")).unwrap()).unwrap();
    assert_eq!(saved, report);
    assert!(fs::read_to_string(folder.join("report/report.html")).unwrap().contains("avatar chew orbit 20"));
}

#[test]
fn what_means_nothing_is_refused_before_anything_is_rendered() {
    let workshop = workshop();
    let folder = workshop.path();
    let before = listing(folder);
    for (arguments, fault) in [
        (&["--codec", "mpeg2"][..], "effigy: no encoder \"mpeg2\""),
        (&["--variants", "roi"], "effigy: --variants roi: openh264 takes no quantiser offsets"),
        (&["--variants", "sharp"], "no variant \"sharp\""),
        (&["--points", "30,60"], "effigy: --points: 60 is not from 0 to 51"),
        (&["--points", "50", "--roi-shift", "2"], "effigy: --points: 52 is not from 0 to 51"),
        (&["--seconds", "0"], "effigy: --seconds 0"),
        (&["--clip", "absent.glb"], "effigy: absent.glb"),
        (&["--clip", "avatar.glb,absent.json"], "effigy: absent.json"),
        (&["--clip", "avatar.glb,,orbit:x"], "orbit"),
        (&["-o", "avatar.glb"], "effigy: avatar.glb: is not a folder"),
        (&["-o", "absent/report"], "there is no folder absent"),
        (&["--suite"], "--suite"),
    ] {
        let output = bench(folder, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(fault), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(listing(folder), before);
}
