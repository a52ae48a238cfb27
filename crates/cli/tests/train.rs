//! `effigy train` and `effigy eval`, from the command line to the files that they leave.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;
#[path = "../../train/tests/synthetic/mod.rs"]
mod synthetic;

use std::fs;

use serde_json::Value;
use support::{done, effigy};

/// A capture of the small head, and settings that train it in a moment.
fn capture() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("ball")).unwrap();
    synthetic::write(&folder.path().join("ball"));
    fs::write(folder.path().join("quick.toml"), synthetic::config(6).to_toml()).unwrap();
    folder
}

#[test]
fn a_run_leaves_an_avatar_and_goes_on_where_it_stopped() {
    let folder = capture();
    let here = folder.path();
    let file = |name: &str| here.join(name);
    let trained = ["train", "ball", "-o", "a.glb", "--config", "quick.toml", "--json"];
    let said: Value = serde_json::from_str(&done(here, &trained)).unwrap();
    assert_eq!((said["steps"].as_u64(), said["of"].as_u64()), (Some(6), Some(6)));
    assert_eq!(said["bytes"].as_u64(), Some(fs::metadata(file("a.glb")).unwrap().len()));
    for name in ["config.toml", "metrics.csv", "metrics.svg", "preview.png", "checkpoint.safetensors"] {
        assert!(file("a.train").join(name).exists(), "{name}");
    }
    let log = fs::read_to_string(file("a.train/metrics.csv")).unwrap();
    assert!(
        log.starts_with("step,seconds,loss,psnr,held_out_psnr,gaussians\n")
            && log.lines().last().unwrap().starts_with("6,")
    );
    done(here, &["info", "a.glb"]);

    // What is there is not overwritten by mistake.
    let again = effigy(here, &trained);
    assert_eq!(again.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&again.stderr).contains("--resume"));

    // Six steps and then three are nine.
    let resumed = ["train", "ball", "-o", "a.glb", "--resume", "--set", "steps=9", "--json"];
    let said: Value = serde_json::from_str(&done(here, &resumed)).unwrap();
    assert_eq!(said["steps"].as_u64(), Some(9));

    let table = done(here, &["eval", "a.glb", "ball", "--json", "scores.json", "--html", "page", "--frames"]);
    for word in ["novel_expression", "frame", "mask", "face", "PSNR", "FLIP"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    // The log is of every second of the eight held-out pictures.
    let judged = |name: &str| -> f64 {
        let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let row = rows.find(|row| row.get(1..3) == Some(&[name, "frame"][..])).unwrap();
        row[3].parse().unwrap()
    };
    let judged = ["06.png", "20.png", "34.png", "48.png"].map(judged).iter().sum::<f64>() / 4.0;
    let log = fs::read_to_string(file("a.train/metrics.csv")).unwrap();
    let logged: f64 = log.lines().last().unwrap().split(',').nth(4).unwrap().parse().unwrap();
    assert!((judged - logged).abs() < 0.02, "{judged} dB judged, {logged} dB in the log");
    let scores: Value = serde_json::from_slice(&fs::read(file("scores.json")).unwrap()).unwrap();
    let pictures = |row: &Value| row["names"].as_array().unwrap().len();
    assert_eq!(scores["rows"].as_array().unwrap().iter().map(pictures).collect::<Vec<_>>(), [8, 8, 8]);
    assert!(file("page/index.html").exists());
}

#[test]
fn a_capture_is_checked_and_all_that_is_wrong_is_said_at_once() {
    let folder = capture();
    let here = folder.path();
    fs::remove_file(here.join("ball/00.png")).unwrap();
    fs::write(here.join("ball/01.png"), b"no picture").unwrap();
    let check = || {
        let output = effigy(here, &["train", "ball", "--check"]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    // What is left can be trained on.
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    for line in
        ["1 frame left out, the picture is missing: ", "1 frame left out, the picture cannot be used: "]
    {
        assert!(said.contains(&format!("warning: capture: {line}")), "{said}");
    }
    assert!(said.contains("00.png") && said.contains("01.png"), "{said}");
    // Nothing is left.
    for entry in fs::read_dir(here.join("ball")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "png") {
            fs::remove_file(path).unwrap();
        }
    }
    let (code, said) = check();
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("error: capture: there is no frame that can be used"), "{said}");
    assert!(!here.join("avatar.train").exists());
}

#[test]
fn what_cannot_be_used_is_refused_in_one_line() {
    let folder = capture();
    let here = folder.path();
    fs::write(here.join("wrong.toml"), "stepps = 3").unwrap();
    fs::write(here.join("broken.toml"), "steps = ").unwrap();
    for (arguments, words) in [
        (vec!["train", "nowhere"], vec!["nowhere"]),
        (vec!["train", "ball", "-o", "a.ply"], vec!["a.ply", ".glb"]),
        (vec!["train", "ball", "--config", "wrong.toml"], vec!["wrong.toml", "stepps"]),
        (vec!["train", "ball", "--config", "broken.toml"], vec!["broken.toml"]),
        (vec!["train", "ball", "--set", "steps=0"], vec!["steps=0", "1 to"]),
        (vec!["train", "ball", "--set", "loss.l1=\"much\""], vec!["loss.l1"]),
        (vec!["train", "ball", "--resume"], vec!["checkpoint.safetensors"]),
        (vec!["train", "ball", "--device", "no such adapter"], vec!["no such adapter"]),
        (vec!["eval", "nowhere.glb", "ball"], vec!["nowhere.glb"]),
        (vec!["eval", "ball/ball.glb", "nowhere"], vec!["nowhere"]),
        (vec!["eval", "ball/ball.glb", "ball", "--split", "novel_view"], vec!["--split"]),
    ] {
        let output = effigy(here, &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {said}");
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("effigy: "), "{arguments:?}: {said}");
        for word in words {
            assert!(last.contains(word), "{arguments:?}: no {word} in {last}");
        }
        assert!(!here.join("avatar.glb").exists());
    }
}

/// Another program that starts a run sees all of it, and has it wait, show itself, and end.
#[test]
fn a_run_is_watched_and_steered_by_another_program() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let folder = capture();
    let here = folder.path();
    fs::write(here.join("long.toml"), synthetic::config(100_000).to_toml()).unwrap();
    let arguments = ["ball", "-o", "a.glb", "--config", "long.toml", "--events"];
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_effigy-train"))
        .args(arguments)
        .current_dir(here)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut orders = run.stdin.take().unwrap();
    let mut events = BufReader::new(run.stdout.take().unwrap()).lines().map(|line| {
        let line = line.unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{line}: {error}"))
    });
    let mut until = |name: &str| events.find(|event| event["event"] == name).unwrap();
    assert_eq!(until("started")["steps"].as_u64(), Some(100_000));
    assert_eq!(until("step")["step"].as_u64(), Some(1));
    writeln!(orders, "show").unwrap();
    until("shown");
    let shown = effigy_avatar::Avatar::open(here.join("a.train/shown.glb"), &Default::default()).unwrap();
    assert_eq!(shown.gaussians.len(), 700);
    // The order to end is heard though the run waits.
    writeln!(orders, "pause").unwrap();
    writeln!(orders, "keep").unwrap();
    let end = until("ended");
    assert_eq!(end["written"].as_bool(), Some(true));
    assert!(run.wait().unwrap().success() && here.join("a.glb").exists());

    // What cannot be is an event too.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_effigy-train"))
        .args(["nowhere", "-o", "b.glb", "--events"])
        .current_dir(here)
        .stdin(std::process::Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let last: Value = serde_json::from_slice(output.stdout.rsplit(|&b| b == b'\n').nth(1).unwrap()).unwrap();
    assert_eq!((last["event"].as_str(), last["cause"].as_str()), (Some("failed"), Some("capture")), "{last}");

    // Whoever watches is gone: the run ends, and writes no avatar.
    let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_effigy-train"))
        .args(["ball", "-o", "c.glb", "--config", "long.toml", "--events"])
        .current_dir(here)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(run.stdin.take());
    assert!(run.wait().unwrap().success() && !here.join("c.glb").exists());
}
