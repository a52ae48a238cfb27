//! Thousands of damaged files: any may be refused, none may panic or take longer than a few seconds. What loading may
//! take in memory is measured in `memory.rs`.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod packed;
mod support;

use std::io::Read;
use std::time::Instant;

use effigy_rig::{
    FrameMode, LoadLimits, Pose, PosedVertices, Poser, Rig, Track, TrackLimits, TrackPlayer, Wrap,
};
use effigy_tests::{SplitMix64, data};
use packed::packed_square;
use serde_json::{Value, json};
use support::{morphing_square, pack, two_bones};

/// Each of them takes some hundredths of a second to load and pose.
const ROUNDS_ON_REAL_RIGS: usize = 300;

fn limits() -> LoadLimits {
    LoadLimits {
        bytes: 32 << 20,
        folders_up: 2,
        json_bytes: 1 << 20,
        primitives: 1 << 12,
        vertices: 1 << 16,
        triangles: 1 << 17,
        nodes: 1 << 12,
        joints: 1 << 12,
        morphs: 256,
        morph_deltas: 1 << 20,
        expressions: 256,
        numbers: 1 << 23,
    }
}

fn bytes_damaged(random: &mut SplitMix64, mut bytes: Vec<u8>) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        let n = bytes.len();
        if n == 0 {
            break;
        }
        match random.below(5) {
            0 => bytes[random.below(n)] ^= 1 << random.below(8),
            1 => bytes[random.below(n)] = [0, 0xff, 0x7f, 0x80, b'9', b'-'][random.below(6)],
            2 => bytes.truncate(random.below(n)),
            3 => {
                let (from, to) = (random.below(n), random.below(n));
                let length = random.below(64).min(n - from.max(to));
                bytes.copy_within(from..from + length, to);
            }
            _ => {
                let (at, length) = (random.below(n), random.below(16));
                bytes.drain(at..(at + length).min(n));
            }
        }
    }
    bytes
}

/// Every number and string in `value`.
fn leaves<'a>(value: &'a mut Value, out: &mut Vec<&'a mut Value>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|v| leaves(v, out)),
        Value::Object(items) => items.values_mut().for_each(|v| leaves(v, out)),
        Value::Number(_) | Value::String(_) => out.push(value),
        _ => {}
    }
}

fn json_damaged(random: &mut SplitMix64, mut value: Value) -> Value {
    let mut found = Vec::new();
    leaves(&mut value, &mut found);
    for _ in 0..=random.below(3) {
        let at = random.below(found.len());
        let new = match random.below(8) {
            0 => json!(0),
            1 => json!(random.below(12)),
            2 => json!(-1),
            3 => json!(u64::MAX >> random.below(64)),
            4 => json!(1e30),
            5 => json!([5120, 5121, 5122, 5123, 5125, 5126][random.below(6)]),
            6 => json!(["SCALAR", "VEC2", "VEC3", "VEC4", "MAT4", "jawOpen"][random.below(6)]),
            _ => json!(random.below(1 << 20)),
        };
        if let Some(leaf) = found.get_mut(at) {
            **leaf = new;
        }
    }
    value
}

/// Runs `f`, which must not take long.
fn timed<T>(f: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let out = f();
    let seconds = start.elapsed().as_secs_f64();
    // The largest real file takes a tenth of that on a slow machine.
    assert!(seconds < 10.0, "a file took {seconds} s");
    out
}

fn use_gltf(bytes: &[u8]) -> bool {
    timed(|| load_and_pose(bytes))
}

fn load_and_pose(bytes: &[u8]) -> bool {
    let track = Track::from_bytes(
        bytes,
        &TrackLimits { frames: 1 << 12, weights: 1 << 18, ..TrackLimits::default() },
    );
    let Ok(rig) = Rig::from_slice(bytes, None, &limits()) else { return false };
    let mut pose = Pose::rest(&rig);
    let mut out = PosedVertices::default();
    let mut poser = Poser::new(&rig, FrameMode::Surface).expect("what was loaded is valid");
    pose.morph_weights.fill(0.5);
    if let Some(player) = track.ok().and_then(|t| TrackPlayer::new(&t, &rig).ok()) {
        player.apply(0.3, Wrap::Loop, &mut pose);
    }
    for animation in &rig.animations {
        animation.sample(0.4, &mut pose);
    }
    poser.pose(&rig, &pose, &mut out).expect("the pose fits");
    assert!(out.rotations.iter().all(|q| q.is_finite()) && out.scales.iter().all(|s| s.is_finite()));
    true
}

fn parts(glb: &[u8]) -> (Value, Vec<u8>) {
    let size = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    (serde_json::from_slice(&glb[20..20 + size]).unwrap(), glb[28 + size..].to_vec())
}

#[test]
fn damaged_rigs_are_refused_or_load() {
    let mut random = SplitMix64(1);
    let (mut loaded, mut total) = (0, 0);
    let mut vrm = morphing_square();
    vrm.json["extensions"] = json!({ "VRMC_vrm": { "expressions": { "preset": {
        "aa": { "morphTargetBinds": [{ "node": 0, "index": 0, "weight": 1.0 }] } } } } });
    let mut vrm_0 = morphing_square();
    vrm_0.json["extensions"] = json!({ "VRM": {
        "humanoid": { "humanBones": [{ "bone": "head", "node": 0 }] },
        "blendShapeMaster": { "blendShapeGroups": [
            { "presetName": "joy", "name": "Joy", "binds": [{ "mesh": 0, "index": 1, "weight": 50 }] }] },
    } });
    let colors = vrm_0.floats("VEC4", &[0.5; 16]);
    vrm_0.json["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = colors.into();
    for glb in [
        two_bones().glb(),
        morphing_square().glb(),
        vrm.glb(),
        vrm_0.glb(),
        packed_square("EXT_meshopt_compression").glb(),
    ] {
        let (json, bin) = parts(&glb);
        for i in 0..3000 {
            let bytes = match i % 3 {
                0 => bytes_damaged(&mut random, glb.clone()),
                1 => pack(&json, &bytes_damaged(&mut random, bin.clone())),
                _ => pack(&json_damaged(&mut random, json.clone()), &bin),
            };
            loaded += usize::from(use_gltf(&bytes));
            total += 1;
        }
    }
    assert!(
        loaded > total / 20 && loaded < total * 19 / 20,
        "{loaded} of {total} load: the damage tests nothing"
    );
}

#[test]
fn damaged_real_rigs_are_refused_or_load() {
    let mut files = Vec::new();
    for file in ["rigs/head_mh_female/head_mh_female_arkit52.glb", "capture_head/head.glb"] {
        files.extend(data(file).map(|path| std::fs::read(path).unwrap()));
    }
    if let Some(path) = data("lam/james.zip") {
        let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        let mut bytes = Vec::new();
        zip.by_name("arkitWithBSData/skin.glb").unwrap().read_to_end(&mut bytes).unwrap();
        files.push(bytes);
    }
    let mut random = SplitMix64(2);
    for glb in files {
        let (json, bin) = parts(&glb);
        let mut loaded = 0;
        for i in 0..ROUNDS_ON_REAL_RIGS {
            let bytes = match i % 3 {
                0 => bytes_damaged(&mut random, glb.clone()),
                1 => pack(&json, &bytes_damaged(&mut random, bin.clone())),
                _ => pack(&json_damaged(&mut random, json.clone()), &bin),
            };
            loaded += usize::from(use_gltf(&bytes));
        }
        assert!(
            (1..ROUNDS_ON_REAL_RIGS).contains(&loaded),
            "{loaded} of {ROUNDS_ON_REAL_RIGS} load: the damage tests nothing"
        );
    }
}

/// A short track in each format of other tools.
fn other_formats() -> Vec<Vec<u8>> {
    let json = |value: Value| serde_json::to_vec(&value).unwrap();
    let mut formats = vec![
        b"Timecode;BlendShapeCount;JawOpen\n10:00:00:58,1;61;0,5\n10:00:01;00,2;61;0,6\n10:00:01;01,2;61;0,6\n".to_vec(),
        b"frame,timestamp_ms,_neutral,jawOpen\n0,0,0,0.1\n1,33,0,0.2\n2,66,0,\n".to_vec(),
        b"info,1,Face Cap\nbs,jawOpen,eyeBlink_L\nk,0,0,0,0,1,2,3,4,5,6,7,0.5,1\nk,16,0,0,0,1,2,3,4,5,6,7,0.6,1\n".to_vec(),
        b"jawOpen-25|eyeBlink_L&3|=head#1,2,3,0,0,0|rightEye#1,2,3|leftEye#1,2,3|\njawOpen-50|=head#1,2,3|\n".to_vec(),
        json(json!({ "exportFps": 30.0, "facsNames": ["jawOpen", "mouthLeft"], "weightMat": [[0.5, 0.25], [1, 0]] })),
        json(json!([{ "timestamp": 0, "blendshapes": [{ "name": "jawOpen", "score": 0.5 }] },
                    { "timestamp": 33, "blendshapes": [{ "name": "jawOpen", "score": 0.7 }] }])),
        json(json!({ "0.00": { "jawOpen": 0.5 }, "0.02": { "jawOpen": 0.7 } })),
        json(json!({ "faceBlendshapes": [{ "categories": [{ "categoryName": "jawOpen", "score": 0.5 }] }],
                     "facialTransformationMatrixes": [{ "rows": 4, "columns": 4,
                         "data": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 2, -40, 1] }] })),
        b"{\"jawOpen\": 0.5, \"time\": 1,}\n{\"jawOpen\": 0.6, \"time\": 2,}\n".to_vec(),
    ];
    let mut vrma = support::Builder::new();
    for name in ["head", "happy"] {
        vrma.node(json!({ "name": name }));
    }
    let (times, happy) = (vrma.floats("SCALAR", &[0., 1.]), vrma.floats("VEC3", &[0., 0., 0., 1., 0., 0.]));
    let turn = vrma.floats("VEC4", &[0., 0., 0., 1., 0., 0.6, 0., 0.8]);
    vrma.json["animations"] = json!([{
        "channels": [{ "sampler": 0, "target": { "node": 1, "path": "translation" } },
                     { "sampler": 1, "target": { "node": 0, "path": "rotation" } }],
        "samplers": [{ "input": times, "output": happy }, { "input": times, "output": turn }],
    }]);
    vrma.json["extensions"] = json!({ "VRMC_vrm_animation": { "specVersion": "1.0",
        "humanoid": { "humanBones": { "head": { "node": 0 } } },
        "expressions": { "preset": { "happy": { "node": 1 } } }, "lookAt": { "node": 0 } } });
    formats.push(vrma.glb());
    formats
}

#[test]
fn damaged_tracks_are_refused_or_load() {
    let mut sources = vec![
        b"Timecode,BlendshapeCount,JawOpen,HeadYaw,HeadPitch,HeadRoll\n10:00:00:58.1,61,0.5,0.1,0.2,0.3\n10:00:01:00.2,61,0.6,0.1,0.2,0.3\n"
            .to_vec(),
        serde_json::to_vec(&json!({
            "names": ["jawOpen", "aa"], "metadata": { "fps": 30.0 }, "head_pose": [[0, 0.1, 0], [0, 0.2, 0]],
            "frames": [
                { "weights": [0.5, 0], "time": 0, "rotation": [], "eye_rotations": [[0, 0, 0], [0, 0, 0, 1]] },
                { "weights": [0, 1], "time": 0.1, "rotation": [], "eye_rotations": [[0, 1, 0], [0, 0, 0, 1]] },
            ],
        }))
        .unwrap(),
    ];
    sources.extend(other_formats());
    if let Some(path) = data("tracks/MySlate_164_iPhone_cal.csv") {
        let text = std::fs::read_to_string(path).unwrap();
        sources.push(text.lines().take(8).collect::<Vec<_>>().join("\n").into_bytes());
    }
    for file in ["tracks/lam_test_expression_52x973.json", "tracks/lam_bsData_52x240.json"] {
        let Some(path) = data(file) else { continue };
        let mut json: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        for list in ["frames", "head_pose"] {
            if let Some(list) = json.get_mut(list).and_then(Value::as_array_mut) {
                list.truncate(4);
            }
        }
        sources.push(serde_json::to_vec(&json).unwrap());
    }
    let rig = Rig::from_slice(&morphing_square().glb(), None, &limits()).unwrap();
    let mut pose = Pose::rest(&rig);
    let mut random = SplitMix64(3);
    for source in sources {
        let (mut loaded, mut total) = (0, 0);
        for i in 0..3000 {
            let bytes = match serde_json::from_slice(&source) {
                Ok(json) if i % 2 == 0 => serde_json::to_vec(&json_damaged(&mut random, json)).unwrap(),
                _ => bytes_damaged(&mut random, source.clone()),
            };
            total += 1;
            let read = timed(|| Track::from_bytes(&bytes, &TrackLimits::default()));
            let Ok(track) = read else { continue };
            loaded += 1;
            track.validate().unwrap();
            if let Ok(player) = TrackPlayer::new(&track, &rig) {
                player.apply(0.07, Wrap::Loop, &mut pose);
                assert!(pose.morph_weights.iter().all(|w| w.is_finite()));
            }
        }
        assert!((1..total).contains(&loaded), "{loaded} of {total} read: the damage tests nothing");
    }
}
