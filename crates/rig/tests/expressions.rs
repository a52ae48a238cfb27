//! Expressions of VRM as tracks play them: what they override, and what of them is on or off.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{LoadLimits, Pose, Rig, Track, TrackPlayer, Wrap};
use serde_json::{Value, json};
use support::square;

/// A square with a morph for each of `expressions`, which are the preset's objects without their binds.
fn rig(expressions: &[(&str, Value)]) -> Rig {
    let mut b = square();
    let names: Vec<String> = (0..expressions.len()).map(|i| format!("shape {i}")).collect();
    b.json["meshes"][0]["primitives"][0]["targets"] = vec![json!({}); names.len()].into();
    b.json["meshes"][0]["extras"] = json!({ "targetNames": names });
    let preset: serde_json::Map<String, Value> = expressions
        .iter()
        .enumerate()
        .map(|(i, (name, rest))| {
            let mut expression = rest.clone();
            expression["morphTargetBinds"] = json!([{ "node": 0, "index": i, "weight": 1.0 }]);
            ((*name).to_owned(), expression)
        })
        .collect();
    b.json["extensions"] = json!({ "VRMC_vrm": { "expressions": { "preset": preset } } });
    Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap()
}

/// Weights of the morphs while controls have `weights`.
fn played(rig: &Rig, weights: &[(&str, f32)]) -> Vec<f32> {
    let track = Track {
        names: weights.iter().map(|w| w.0.to_owned()).collect(),
        times: vec![0.0],
        weights: weights.iter().map(|w| w.1).collect(),
        ..Track::default()
    };
    let mut pose = Pose::rest(rig);
    let mut player = TrackPlayer::new(&track, rig).unwrap();
    player.apply(0.0, Wrap::Clamp, &mut pose);
    // Controls that come one by one do the same.
    let mut live = Pose::rest(rig);
    player.set_frame(&track.weights, None, None).unwrap();
    player.apply(0.0, Wrap::Clamp, &mut live);
    assert_eq!(live, pose);
    pose.morph_weights
}

#[test]
fn a_smile_overrides_blinks_and_speech() {
    let rig = rig(&[
        ("happy", json!({ "overrideBlink": "blend", "overrideMouth": "block" })),
        ("blink", json!({ "overrideBlink": "block" })),
        ("aa", json!({})),
        ("lookUp", json!({})),
    ]);
    assert_eq!(played(&rig, &[("blink", 1.0), ("aa", 0.5)]), [0.0, 1.0, 0.5, 0.0]);
    assert_eq!(
        played(&rig, &[("happy", 0.25), ("blink", 1.0), ("aa", 0.5), ("lookUp", 0.5)]),
        [0.25, 0.75, 0.0, 0.5]
    );
    // By ARKit names, on a rig that has none of their shapes: a smile is 0.4 of happy on each side.
    let smile = [("mouthSmileLeft", 0.5), ("mouthSmileRight", 0.5), ("jawOpen", 1.0)];
    let weights = played(&rig, &smile);
    assert!((weights[0] - 0.4).abs() < 1e-6 && weights[2] == 0.0, "{weights:?}");
}

#[test]
fn a_binary_expression_is_off_as_soon_as_it_is_overridden() {
    let rig = rig(&[("happy", json!({ "overrideBlink": "blend" })), ("blink", json!({ "isBinary": true }))]);
    assert_eq!(played(&rig, &[("blink", 0.6)]), [0.0, 1.0]);
    assert_eq!(played(&rig, &[("blink", 0.5)]), [0.0, 0.0]);
    assert_eq!(played(&rig, &[("happy", 0.01), ("blink", 0.6)]), [0.01, 0.0]);
}

#[test]
fn a_binary_expression_overrides_by_what_is_seen_of_it() {
    let rig = rig(&[("happy", json!({ "isBinary": true, "overrideBlink": "blend" })), ("blink", json!({}))]);
    assert_eq!(played(&rig, &[("happy", 0.5), ("blink", 0.6)]), [0.0, 0.6]);
    assert_eq!(played(&rig, &[("happy", 0.51), ("blink", 0.6)]), [1.0, 0.0]);
    // Two controls that are parts of one expression: together they pass one half.
    let smile = |weight| played(&rig, &[("mouthSmileLeft", weight), ("mouthSmileRight", weight)]);
    assert_eq!((smile(0.6), smile(0.7)), (vec![0.0, 0.0], vec![1.0, 0.0]));
}
