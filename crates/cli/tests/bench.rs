//! `effigy bench` as a user runs it: which scenes it measures, and what it says of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::{done, effigy, workshop};

/// A few Gaussians without a rig.
fn splats(folder: &Path) {
    done(folder, &["convert", "avatar.glb", "body.ply"]);
}

fn rows(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let common = ["--frames", "2", "--size", "48x32", "--json"];
    let text = done(folder, &[&["bench"], arguments, &common].concat());
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_suite_holds_the_bundled_the_given_and_the_made_up() {
    let workshop = workshop();
    let folder = workshop.path();
    splats(folder);
    let rows = rows(folder, &["--suite", "avatar.glb", "body.ply", "--generated", "2000,3001"]);
    let name = |row: &Value| row["scene"].as_str().unwrap().to_owned();
    let scenes: Vec<_> = rows.chunks(2).map(|of_one| name(&of_one[0])).collect();
    assert_eq!(scenes, ["bundled", "avatar.glb", "body.ply", "generated 2k", "generated 3001"]);
    let gaussians: Vec<_> = rows.iter().map(|row| row["gaussians"].as_u64().unwrap()).collect();
    assert_eq!(gaussians[2..], [3000, 3000, 3000, 3000, 2000, 2000, 3001, 3001]);
    for (i, of_one) in rows.chunks(2).enumerate() {
        let [cpu, gpu] = of_one else { panic!("{of_one:?}") };
        assert_eq!(name(cpu), name(gpu));
        assert_eq!((&cpu["device"], &cpu["traffic"]), (&"CPU".into(), &Value::Array(vec![])));
        let number = |value: &Value| value.as_f64().unwrap();
        for row in [cpu, gpu] {
            assert_eq!(row["stages"].as_array().unwrap().len(), 6);
            assert!(number(&row["frame_ms_p10"]) <= number(&row["frame_ms"]));
        }
        let visible = number(&gpu["visible"]);
        assert!(
            visible > 0.0 && visible <= number(&gpu["gaussians"]) && number(&gpu["tile_entries"]) >= visible
        );
        let copies = number(&gpu["copy_gb_per_second"]);
        assert!(copies > 0.0);
        for (s, traffic) in gpu["traffic"].as_array().unwrap().iter().enumerate() {
            let (bytes, per_second) = (number(&traffic["bytes"]), number(&traffic["gb_per_second"]));
            let ms = number(&gpu["stages"][s][1]);
            assert_eq!(traffic["stage"], gpu["stages"][s][0]);
            assert!((per_second - 1e-6 * bytes / ms).abs() <= 1e-6 * per_second, "{traffic}");
            assert!((number(&traffic["of_copies"]) - per_second / copies).abs() < 1e-9);
            // Only rigs are posed, each frame anew, and only the bundled avatar has a field.
            let moves = [i < 2, i < 1, true, true, true, true][s];
            assert_eq!(bytes > 0.0, moves, "{} {traffic}", name(gpu));
        }
    }
}

#[test]
fn the_table_names_scenes_and_bandwidth() {
    let workshop = workshop();
    let folder = workshop.path();
    splats(folder);
    let table = |more: &[&str]| {
        let common = ["bench", "--frames", "1", "--size", "32", "avatar.glb"];
        done(folder, &[&common[..], more].concat())
    };
    let plain = table(&["body.ply", "--backend", "cpu"]);
    assert_eq!(plain.lines().count(), 4, "{plain}");
    assert!(plain.lines().nth(2).unwrap().starts_with("avatar.glb "), "{plain}");
    assert!(plain.lines().nth(3).unwrap().starts_with("body.ply "), "{plain}");
    let with = table(&["body.ply", "--bandwidth", "--backend", "gpu"]);
    // The same, an empty line, what the numbers are, the heads, and a row each.
    assert_eq!(with.lines().count(), 4 + 1 + 1 + 1 + 2, "{with}");
    assert_eq!(with.lines().last().unwrap().matches(" %)").count(), 4, "{with}");
    let sampled = table(&["--gaussians", "500,2000", "--backend", "cpu"]);
    let begins = |i: usize, name: &str| sampled.lines().nth(i).unwrap().starts_with(name);
    assert!(begins(2, "avatar.glb 500 ") && begins(3, "avatar.glb 2k "), "{sampled}");
}

#[test]
fn combinations_that_mean_nothing() {
    let workshop = workshop();
    let folder = workshop.path();
    splats(folder);
    for (arguments, fault) in [
        (&["avatar.glb", "body.ply", "--crowd", "2"][..], "effigy: --crowd is of one avatar\n"),
        (
            &["avatar.glb", "body.ply", "--gaussians", "500"],
            "effigy: body.ply: --gaussians needs an avatar with a rig\n",
        ),
        (&["body.ply", "--track", "track.json"], "body.ply"),
        (&["--suite", "--crowd", "2"], "--crowd"),
        (&["--suite", "--gaussians", "500"], "--gaussians"),
        (&["--suite", "--track", "track.json"], "--track"),
        (&["--suite", "--camera", "front"], "--camera"),
        (&["--generated", "10", "--gaussians", "500"], "--gaussians"),
        (&["--crowd", "2", "--bandwidth"], "--bandwidth"),
        (&["--suite", "absent.ply"], "effigy: absent.ply"),
        (&["--frames", "0"], "--frames"),
    ] {
        let output = effigy(folder, &[&["bench"], arguments].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert!(stderr.contains(fault), "{arguments:?}: {stderr}");
        assert!(output.stdout.is_empty());
    }
}
