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
        log.starts_with("step,seconds,loss,psnr,held_out_psnr\n")
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
    for word in ["novel_expression", "whole", "mask", "face", "PSNR", "FLIP"] {
        assert!(table.contains(word), "{word} in {table}");
    }
    let scores: Value = serde_json::from_slice(&fs::read(file("scores.json")).unwrap()).unwrap();
    assert_eq!(scores["frames"].as_array().unwrap().len(), 8);
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
