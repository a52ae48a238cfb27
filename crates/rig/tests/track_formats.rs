//! Tracks as other tools write them. Each input is made here, by the format's own text.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use std::fmt::Write;

use effigy_rig::{LoadLimits, Pose, Rig, RigError, Track, TrackLimits, TrackPlayer, Wrap};
use glam::{Quat, Vec3};
use serde_json::{Value, json};
use support::{Builder, morphing_square};

fn read(bytes: &[u8]) -> Result<Track, RigError> {
    Track::from_bytes(bytes, &TrackLimits::default())
}

fn read_json(json: &Value) -> Track {
    read(&serde_json::to_vec(json).unwrap()).unwrap()
}

fn fault(bytes: &[u8]) -> String {
    let message = read(bytes).expect_err("read").to_string();
    assert!(!message.contains('\n'), "{message:?}");
    message
}

fn near(times: &[f64], expected: &[f64]) {
    assert_eq!(times.len(), expected.len(), "{times:?}");
    for (got, expected) in times.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6, "{times:?}");
    }
}

fn column(track: &Track, name: &str) -> Vec<f32> {
    let column = track.names.iter().position(|n| n == name).unwrap_or_else(|| panic!("{:?}", track.names));
    (0..track.frame_count()).map(|i| track.frame(i)[column]).collect()
}

/// Which way a face looks, and where its top is.
fn face(turn: Quat) -> (Vec3, Vec3) {
    (turn * Vec3::Z, turn * Vec3::Y)
}

/// Rows of a Live Link Face table of `jawOpen` by their timecodes.
fn live_link(timecodes: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut text = "Timecode,BlendShapeCount,JawOpen\n".to_owned();
    for (i, timecode) in timecodes.into_iter().enumerate() {
        writeln!(text, "{timecode},61,{}", i as f32 / 64.0).unwrap();
    }
    text.into_bytes()
}

#[test]
fn spreadsheets_write_semicolons_tabs_and_decimal_commas() {
    let plain = "Timecode,BlendShapeCount,JawOpen,HeadYaw,HeadPitch,HeadRoll\n\
                 10:00:00:01.500,61,0.25,0.1,0.0,0.0\n10:00:00:03.500,61,0.5,0.2,0.0,0.0\n";
    let expected = read(plain.as_bytes()).unwrap();
    near(&expected.times, &[0.0, 2.0 / 60.0]);
    assert_eq!(expected.weights, [0.25, 0.5]);
    let european = plain.replace(',', ";").replace('.', ",");
    let crlf = european.replace('\n', "\r\n");
    for text in [
        european.clone(),
        format!("\u{feff}{crlf}"),
        format!("sep=;\r\n{crlf}"),
        european.replace(';', "\t"),
        plain.replace(',', "\t"),
        // Empty cells behind the last column, and quoted ones.
        european.replace('\n', ";;\n"),
        plain.replace("0.25", "\"0,25\""),
        plain.replace("BlendShapeCount", "BlendshapeCount").replace("Timecode", "TIMECODE"),
    ] {
        assert_eq!(read(text.as_bytes()).unwrap(), expected, "{text:?}");
    }
    for mark in [0xfeff_u16, 0xfffe] {
        let units = std::iter::once(0xfeff).chain(european.encode_utf16());
        let bytes: Vec<u8> =
            units.flat_map(|u| if mark == 0xfeff { u.to_le_bytes() } else { u.to_be_bytes() }).collect();
        assert_eq!(read(&bytes).unwrap(), expected);
    }
}

#[test]
fn rows_that_cannot_be_used_are_left_out() {
    let text = "Timecode,BlendShapeCount,JawOpen,TongueOut\n\
                10:00:00:00.0,61,0.1,0\n10:00:00:01.0,61,,0\n10:00:00:02.0,61,NaN,0\n10:00:00:03.0,61,0.4,0\n\
                ,61,0.5,0\n10:99:00:05.0,61,0.5,0\n10:00:00:06.0,61,0.7,0\n10:00:00:07.0,6";
    let track = read(text.as_bytes()).unwrap();
    near(&track.times, &[0.0, 3.0 / 60.0, 6.0 / 60.0]);
    assert_eq!(column(&track, "jawOpen"), [0.1, 0.4, 0.7]);
    // Where nothing is left, the first fault is told.
    let none = "Timecode,BlendShapeCount,JawOpen\n10:00:00:00,61\n10:00:00:01,61,x\n";
    let message = fault(none.as_bytes());
    assert!(
        message.contains("not one of its 2 rows") && message.contains("line 2: has 2 columns"),
        "{message}"
    );
}

#[test]
fn the_rate_is_what_the_timecodes_say() {
    // Rates, and how far a row is after the one before: 1.001 frames at 59.94 by a clock of 60.
    for (rate, step) in [
        (15.0, 1.001),
        (15.0, 1.0),
        (24.0, 1.0),
        (25.0, 1.0),
        (30.0, 1.0),
        (60.0, 1.001),
        (60.0, 2.002),
        (60.0, 4.0),
        (90.0, 1.0),
        (10.0, 1.0),
    ] {
        let count = (3.2 * rate / step) as usize;
        let timecode = |i: usize| {
            let frames = i as f64 * step + 0.25;
            let (seconds, frame) = ((frames / rate).floor(), frames % rate);
            format!("01:02:{:02}:{:06.3}", 3 + seconds as u32, frame)
        };
        let track = read(&live_link((0..count).map(timecode))).unwrap();
        let expected: Vec<f64> = (0..count).map(|i| i as f64 * step / rate).collect();
        assert_eq!(track.frame_count(), count, "{rate}");
        for (got, expected) in track.times.iter().zip(&expected) {
            assert!((got - expected).abs() < 1.1e-3 / rate, "{rate}, {step}: {got} for {expected}");
        }
    }
}

#[test]
fn drop_frame_timecodes_leave_numbers_out_and_no_time() {
    // SMPTE ST 12-1: after 01:00:59;29 comes 01:01:00;02, 1001/30000 s later.
    let track = read(&live_link(
        ["00:00:59;27", "00:00:59;28", "00:00:59;29", "00:01:00;02", "00:01:00;03"].map(str::to_owned),
    ))
    .unwrap();
    let frame = 1001.0 / 30000.0;
    near(&track.times, &[0.0, frame, 2.0 * frame, 3.0 * frame, 4.0 * frame]);
    // Every tenth minute has all its numbers.
    let track = read(&live_link(["00:09:59;28", "00:09:59;29", "00:10:00;00"].map(str::to_owned))).unwrap();
    near(&track.times, &[0.0, frame, 2.0 * frame]);
}

#[test]
fn frame_numbers_without_order_are_not_believed() {
    // Ten rows a second, by no order within it.
    let numbers = [3, 41, 7, 55, 12, 30, 2, 58, 20, 9];
    let rows = (0..4).flat_map(|s| numbers.map(|n| format!("01:00:{s:02}:{n:02}.000")));
    let track = read(&live_link(rows)).unwrap();
    let expected: Vec<f64> = (0..40).map(|i| f64::from(i) / 10.0).collect();
    near(&track.times, &expected);
    assert_eq!(track.weights.len(), 40);
}

#[test]
fn tables_of_mediapipe_name_their_times() {
    let table = |head: &str, rows: [&str; 3]| {
        let text = format!(
            "{head},_neutral,eyeBlinkLeft,jawOpen\n{}",
            rows.map(|r| format!("{r},0.0,0.5,0.25\n")).concat()
        );
        read(text.as_bytes()).unwrap()
    };
    for (head, rows) in [
        ("frame,timestamp_ms", ["0,1000", "1,1033", "2,1066"]),
        ("time", ["1.000", "1.033", "1.066"]),
        ("timestamp", ["1700000000000", "1700000000033", "1700000000066"]),
        ("Timestamp (us)", ["0", "33000", "66000"]),
        // Audio2Face's microservice.
        ("timeCode", ["0.0", "0.033", "0.066"]),
    ] {
        let track = table(head, rows);
        near(&track.times, &[0.0, 0.033, 0.066]);
        assert_eq!(track.names, ["eyeBlinkLeft", "jawOpen"]);
        assert_eq!(track.frame(1), [0.5, 0.25]);
    }
    near(&table("frame", ["10", "11", "13"]).times, &[0.0, 1.0 / 30.0, 3.0 / 30.0]);
    near(&table("face", ["0", "0", "0"]).times, &[0.0, 1.0 / 30.0, 2.0 / 30.0]);
    let prefixed = "timeCode,blendShapes.JawOpen,blendShapes.MouthSmileLeft\n0.0,0.1,0.2\n0.5,0.3,0.4\n";
    let track = read(prefixed.as_bytes()).unwrap();
    assert_eq!(track.names, ["jawOpen", "mouthSmileLeft"]);
    assert_eq!(track.weights, [0.1, 0.2, 0.3, 0.4]);
}

#[test]
fn face_cap_text_is_read() {
    // Time in ms, position, the head about x, y, z, both eyes about x, y, weights.
    let text = "info,1,Face Cap\nbs,jawOpen,eyeBlink_L,jawRight\n\
                k,100,1,2,3,30,0,0,10,0,0,-20,0.25,0.5,0\nk,116,1,2,3,0,30,0,0,0,0,0,0.75,1,0\nk,133,1,2,3,0,0,30,0,0,0,0,0,0,1\n\
                k,150,1,2,3,0,0";
    let track = read(text.as_bytes()).unwrap();
    near(&track.times, &[0.0, 0.016, 0.033]);
    assert_eq!(track.names, ["jawOpen", "eyeBlinkLeft", "jawRight"]);
    assert_eq!(column(&track, "jawOpen"), [0.25, 0.75, 0.0]);
    let head = track.head_rotations.unwrap();
    // ARKit's face anchor: +X to the person's left, +Y up, +Z out of the face, right-handed.
    assert!((face(head[0]).0.y + 0.5).abs() < 1e-6, "down");
    assert!((face(head[1]).0.x - 0.5).abs() < 1e-6, "to the person's left");
    assert!((face(head[2]).1.x + 0.5).abs() < 1e-6, "the top to the person's right");
    let eyes = track.eye_rotations.unwrap();
    assert!((face(eyes[0][0]).0.y + 10_f32.to_radians().sin()).abs() < 1e-6, "the left eye down");
    assert!((face(eyes[0][1]).0.x + 20_f32.to_radians().sin()).abs() < 1e-6, "the right eye to the right");
}

#[test]
fn packets_of_ifacialmocap_are_read() {
    // The developer's own example has eyes that look down (eyeLookDown 17) with positive x, and inwards (eyeLookIn_R 6
    // with a positive y of the right eye, eyeLookIn_L 4 with a negative one of the left).
    let packet = |jaw: u32| {
        format!(
            "mouthSmile_R-0|jawOpen-{jaw}|eyeLookDown_L-17|eyeLookDown_R-17|jaw_L-5|hapihapi-0|\
             =head#-21.488958,-6.038993,-6.6019735,-0.030653415,-0.10287084,-0.6584072|\
             rightEye#6.0297494,2.4403017,0.25649446|leftEye#6.034903,-1.6660284,-0.17520553|"
        )
    };
    let text = format!("{}\n{}\n", packet(25), packet(100));
    let track = read(text.as_bytes()).unwrap();
    near(&track.times, &[0.0, 1.0 / 60.0]);
    assert_eq!((column(&track, "jawOpen"), column(&track, "jawLeft")), (vec![0.25, 1.0], vec![0.05; 2]));
    let [left, right] = track.eye_rotations.as_ref().unwrap()[0];
    assert!(face(left).0.y < -0.1 && face(right).0.y < -0.1, "both down");
    assert!(face(left).0.x < -0.02 && face(right).0.x > 0.03, "both inwards");
    let head = track.head_rotations.as_ref().unwrap()[0];
    assert!((face(head).0.y - 21.488958_f32.to_radians().sin()).abs() < 1e-4, "up");

    // Version 2 and Facemotion3d write `&`, TCP ends packets by a word.
    let second = text.replace('-', "&").replace("#&", "#-").replace(",&", ",-");
    assert_eq!(read(second.as_bytes()).unwrap(), track);
    let tcp = text.replace('\n', "___iFacialMocap");
    assert_eq!(read(tcp.as_bytes()).unwrap(), track);
    // What a recorder put in front; a cut packet; one without a face.
    let timed = format!(
        "17.50 {}\n17.60 {}\n17.65 jawOpen-50|trackingStatus-0|=head#0,0,0,0,0,0|\n17.7 jawOpen-2",
        packet(25),
        packet(100)
    );
    let timed = timed + "|eyeBl";
    let track = read(timed.as_bytes()).unwrap();
    near(&track.times, &[0.0, 0.1]);
}

#[test]
fn exports_of_audio2face_are_read() {
    let track = read_json(&json!({
        "exportFps": 25.0, "trackPath": "/World/audio2face/PlayerStreaming", "numPoses": 2, "numFrames": 3,
        "facsNames": ["eyeBlinkLeft", "JawOpen"],
        "weightMat": [[0.0, 0.5], [0.25, 1.0], [1.0, 0.0]],
        "joints": ["jaw"], "rotations": [[[0.0, 0.0, 0.0, 1.0]]], "translations": [[[0.0, 0.0, 0.0]]],
    }));
    near(&track.times, &[0.0, 0.04, 0.08]);
    assert_eq!(track.names, ["eyeBlinkLeft", "jawOpen"]);
    assert_eq!(track.weights, [0.0, 0.5, 0.25, 1.0, 1.0, 0.0]);
    // The same by other words, with times.
    let other = read_json(&json!({
        "blendShapeKeys": ["eyeBlinkLeft", "jawOpen"], "blendShapeValues": [[0.0, 0.5], [0.25], [1.0, 0.0]],
        "timestamps": [5.0, 5.5, 6.0],
    }));
    near(&other.times, &[0.0, 1.0]);
    assert_eq!(other.weights, [0.0, 0.5, 1.0, 0.0], "a row that is cut is left out");
    let own = json!({ "facsNames": ["browLowerL", "lipSuck"], "weightMat": [[0.0, 0.5]] });
    let message = fault(&serde_json::to_vec(&own).unwrap());
    assert!(message.contains("not a single known control") && message.contains("lipSuck"), "{message}");
}

#[test]
fn results_of_face_landmarker_are_read() {
    let angle = 0.3_f32;
    let (sin, cos) = angle.sin_cos();
    let category = |name: &str, score: f64| json!({ "index": 1, "score": score, "categoryName": name, "displayName": "" });
    let matrix = json!({ "rows": 4, "columns": 4, "data": [
        // Columns of a turn about y, and of a place in front of the camera.
        cos, 0, -sin, 0, 0, 1, 0, 0, sin, 0, cos, 0, 1.5, -2.0, -40.0, 1] });
    let result = |jaw: f64| {
        json!({ "faceLandmarks": [[{ "x": 0.5, "y": 0.5, "z": 0.0 }]],
            "faceBlendshapes": [
                { "categories": [category("_neutral", 0.0), category("jawOpen", jaw), category("mouthSmileLeft", 0.5)], "headIndex": -1, "headName": "" },
                { "categories": [category("jawOpen", 0.125)], "headIndex": -1, "headName": "" }],
            "facialTransformationMatrixes": [matrix] })
    };
    let timed = |time: f64, result: Value| json!({ "timestampMs": time, "result": result });
    let nothing = json!({ "faceLandmarks": [], "faceBlendshapes": [], "facialTransformationMatrixes": [] });
    let track =
        read_json(&json!([timed(40.0, nothing), timed(80.0, result(0.25)), timed(120.0, result(0.75))]));
    near(&track.times, &[0.0, 0.04]);
    assert_eq!(column(&track, "jawOpen"), [0.25, 0.75]);
    assert_eq!(track.names, ["jawOpen", "mouthSmileLeft"]);
    let head = track.head_rotations.unwrap()[0];
    assert!(head.abs_diff_eq(Quat::from_rotation_y(angle), 1e-5), "{head}");

    // As Python's dataclasses become JSON: snake case, rows of the matrix; one result is one frame.
    let python = json!({
        "face_blendshapes": [[{ "index": 25, "score": 0.5, "display_name": "", "category_name": "jawOpen" }]],
        "facial_transformation_matrixes": [[[cos, 0, sin, 1.5], [0, 1, 0, -2], [-sin, 0, cos, -40], [0, 0, 0, 1]]],
    });
    let track = read_json(&python);
    assert_eq!((track.times.as_slice(), track.weights.as_slice()), ([0.0].as_slice(), [0.5].as_slice()));
    assert!(track.head_rotations.unwrap()[0].abs_diff_eq(Quat::from_rotation_y(angle), 1e-5));
    // A recorder of the browser: milliseconds since 1970.
    let track = read_json(&json!([
        { "timestamp": 1_700_000_000_000_u64, "blendshapes": [{ "name": "jawOpen", "score": 0.0 }] },
        { "timestamp": 1_700_000_000_099_u64, "blendshapes": [{ "name": "jawOpen", "score": 0.1 }] },
    ]));
    near(&track.times, &[0.0, 0.099]);
    assert_eq!(track.weights, [0.0, 0.1]);
}

#[test]
fn recorders_of_arkit_write_many_kinds_of_json() {
    let frames = [(2.0, 0.25), (2.5, 0.5), (3.5, 1.0)];
    let weights = |jaw: f64| json!({ "jawOpen": jaw, "eyeBlink_L": 0.5 });
    let list = |f: fn(f64, Value) -> Value| Value::from(frames.map(|(t, jaw)| f(t, weights(jaw))).to_vec());
    let dicts = list(|t, w| json!({ "timestamp": t, "blendShapes": w }));
    let lines: String = dicts.as_array().unwrap().iter().map(|line| format!("{line}\n")).collect();
    let by_time: serde_json::Map<String, Value> =
        frames.iter().rev().map(|&(t, jaw)| (format!("{t:.4}"), weights(jaw))).collect();
    let tall: Vec<Value> = frames
        .iter()
        .flat_map(|&(t, jaw)| {
            [("jawOpen", jaw), ("eyeBlink_L", 0.5)]
                .map(|(n, v)| json!({ "timestamp": t, "blendShapeLocation": n, "value": v }))
        })
        .collect();
    for text in [
        dicts.to_string(),
        lines,
        Value::from(by_time).to_string(),
        Value::from(tall).to_string(),
        json!({ "version": 1, "frames": dicts.clone() }).to_string(),
        list(|t, w| json!({ "time_ms": t * 1000.0, "face": { "weights": w } })).to_string(),
        list(|t, w| json!({ "time": t.to_string(), "jawOpen": w["jawOpen"], "eyeBlink_L": w["eyeBlink_L"] }))
            .to_string(),
        // Recorders that print their JSON leave commas behind.
        dicts.to_string().replace("}}", ",}, }").replace(']', ",\n]"),
    ] {
        let track = read(text.as_bytes()).unwrap_or_else(|e| panic!("{e}: {text}"));
        near(&track.times, &[0.0, 0.5, 1.5]);
        assert_eq!(column(&track, "jawOpen"), [0.25, 0.5, 1.0], "{text}");
        assert_eq!(column(&track, "eyeBlinkLeft"), [0.5; 3]);
    }
    // Times of the day, HHmmssSSSS; frames by number; no times but a rate.
    let clock = json!({ "2359590000": weights(0.0), "2359590160": weights(0.5), "2359590330": weights(1.0) });
    near(&read_json(&clock).times, &[0.0, 0.016, 0.033]);
    near(&read_json(&json!({ "1": weights(0.0), "2": weights(0.5) })).times, &[0.0, 1.0 / 30.0]);
    near(&read_json(&json!({ "fps": 50, "frames": [weights(0.0), weights(1.0)] })).times, &[0.0, 0.02]);
    // What a frame lacks is 0, what is not a frame is left out.
    let track = read_json(&json!([{ "jawOpen": 1.0 }, null, { "mouthLeft": 0.5 }]));
    assert_eq!(track.weights, [1.0, 0.0, 0.0, 0.5]);
    for (text, part) in [
        ("[]", "not a track"),
        ("[[[[[[[[1]]]]]]]]", "not a track"),
        ("[{\"a\": 1}]", "not a track"),
        ("[1, 2", "EOF"),
    ] {
        assert!(fault(text.as_bytes()).contains(part), "{text}: {}", fault(text.as_bytes()));
    }
}

/// Two expressions, a neck with a head on it that is turned at rest, and a gaze, over a second.
fn vrma() -> Builder {
    let mut b = Builder::new();
    let half = std::f32::consts::FRAC_1_SQRT_2;
    b.node(json!({ "name": "hips", "rotation": [half, 0, 0, half], "children": [1] }));
    b.node(json!({ "name": "neck", "children": [2] }));
    b.node(json!({ "name": "head", "rotation": [0, half, 0, half] }));
    for name in ["happy", "JawOpen", "still", "gaze"] {
        b.node(json!({ "name": name }));
    }
    b.json["scenes"] = json!([{ "nodes": [0, 3, 4, 5, 6] }]);
    let times = b.floats("SCALAR", &[0., 1.]);
    let happy = b.floats("VEC3", &[0., 9., 9., 1., 9., 9.]);
    let jaw = b.floats("VEC3", &[-1., 0., 0., 3., 0., 0.]);
    // Hips that turn do not turn the head; the neck turns about its own z, which is the world's −y here.
    let spin = b.floats("VEC4", &[half, 0., 0., half, 0., 0., 0., 1.]);
    let (sin, cos) = 0.25_f32.sin_cos();
    let neck = b.floats("VEC4", &[0., 0., 0., 1., 0., 0., sin, cos]);
    let gaze = b.floats("VEC4", &[0., 0., 0., 1., 0., sin, 0., cos]);
    let outputs = [
        (3, "translation", happy),
        (4, "translation", jaw),
        (0, "rotation", spin),
        (1, "rotation", neck),
        (6, "rotation", gaze),
    ];
    let channels: Vec<Value> = outputs
        .iter()
        .enumerate()
        .map(|(i, (node, path, _))| json!({ "sampler": i, "target": { "node": node, "path": path } }))
        .collect();
    let samplers: Vec<Value> =
        outputs.iter().map(|(.., output)| json!({ "input": times, "output": output })).collect();
    b.json["animations"] = json!([{ "channels": channels, "samplers": samplers }]);
    b.json["extensionsUsed"] = json!(["VRMC_vrm_animation"]);
    b.json["extensions"] = json!({ "VRMC_vrm_animation": { "specVersion": "1.0",
        "humanoid": { "humanBones": { "hips": { "node": 0 }, "neck": { "node": 1 }, "head": { "node": 2 } } },
        "expressions": { "preset": { "happy": { "node": 3 }, "sad": { "node": 5 } }, "custom": { "JawOpen": { "node": 4 } } },
        "lookAt": { "node": 6, "offsetFromHeadBone": [0, 0.06, 0] } } });
    b
}

#[test]
fn vrm_animations_move_expressions_the_head_and_the_gaze() {
    let track = read(&vrma().glb()).unwrap();
    assert_eq!((track.frame_count(), track.duration()), (61, 1.0));
    assert_eq!(track.names, ["happy", "jawOpen"]);
    assert!((column(&track, "happy")[15] - 0.25).abs() < 1e-6, "the X of the translation");
    let jaw = column(&track, "jawOpen");
    assert_eq!((jaw[0], jaw[60]), (0.0, 1.0), "within 0 and 1");
    assert!((jaw[30] - 1.0).abs() < 1e-6);
    // A quarter turn about x takes z to −y.
    let head = track.head_rotations.as_ref().unwrap();
    assert!(head[0].abs_diff_eq(Quat::IDENTITY, 1e-6));
    assert!(head[60].angle_between(Quat::from_rotation_y(-0.5)) < 1e-3, "{}", head[60]);
    let eyes = track.eye_rotations.as_ref().unwrap();
    assert!(eyes[60][0].angle_between(Quat::from_rotation_y(0.5)) < 1e-3 && eyes[60][1] == eyes[60][0]);

    // The head alone is a track too, and fits any rig.
    let mut b = vrma();
    b.json["extensions"]["VRMC_vrm_animation"]["expressions"] = json!({});
    let track = read(&b.glb()).unwrap();
    assert!(track.names.is_empty() && track.head_rotations.is_some());
    let rig = Rig::from_slice(&morphing_square().glb(), None, &LoadLimits::default()).unwrap();
    let mut pose = Pose::rest(&rig);
    TrackPlayer::new(&track, &rig).unwrap().apply(1.0, Wrap::Clamp, &mut pose);
    assert!(pose.world_from_scene.transform_vector3(Vec3::Z).x < -0.4);
    assert_eq!(read(&track.to_json().unwrap()).map(|_| ()).map_err(|e| e.to_string()), Ok(()));
    // A body alone is none.
    b.json["extensions"]["VRMC_vrm_animation"] =
        json!({ "specVersion": "1.0", "humanoid": { "humanBones": { "hips": { "node": 0 } } } });
    assert!(fault(&b.glb()).contains("of a body alone"));
}

#[test]
fn motion_of_other_things_is_refused_with_what_is_read() {
    for (bytes, kind) in [
        (b"HIERARCHY\nROOT Hips\n{\n OFFSET 0 0 0\n}\nMOTION\nFrames: 0\n".as_slice(), "BVH"),
        (b"Kaydara FBX Binary  \0\x1a\0", "FBX"),
        (b"; FBX 7.4.0 project file\n", "FBX"),
        (b"Vocaloid Motion Data 0002\0\0\0\0", "VMD"),
        (b"Dear all,\nplease find attached\n", "not a track"),
        (b"\x00\x01\x02\x03", "not a track"),
        (b"{\"a\": [1, 2]}", "not a track"),
    ] {
        let message = fault(bytes);
        assert!(message.contains("not a track") && message.contains(kind), "{message}");
        for read in
            ["Live Link Face", "MediaPipe", "ARKit", "Audio2Face", "Face Cap", "iFacialMocap", "VRMA", "glTF"]
        {
            assert!(message.contains(read), "{message} does not list {read}");
        }
    }
}

fn rig_named(names: [&str; 2]) -> Rig {
    let mut b = morphing_square();
    b.json["meshes"][0]["extras"] = json!({ "targetNames": names });
    Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap()
}

fn played(rig: &Rig, names: &[&str]) -> Result<Vec<f32>, String> {
    let track = Track {
        names: names.iter().map(|&n| n.to_owned()).collect(),
        times: vec![0.0],
        weights: (1..=names.len()).map(|i| i as f32 / 4.0).collect(),
        ..Track::default()
    };
    let mut pose = Pose::rest(rig);
    pose.morph_weights.fill(0.0);
    TrackPlayer::new(&track, rig).map_err(|e| e.to_string())?.apply(0.0, Wrap::Clamp, &mut pose);
    Ok(pose.morph_weights)
}

#[test]
fn names_with_prefixes_match_and_nothing_else_does() {
    for name in ["A25_Jaw_Open", "blendShape1.jawOpen", "head_blendShape.JawOpen", "Mesh|jawOpen", "jaw_open"]
    {
        let rig = rig_named([name, "custom"]);
        assert_eq!(rig.morphs[0].name, "jawOpen", "{name}");
        assert_eq!(played(&rig, &["jawOpen"]), Ok(vec![0.25, 0.0]), "{name}");
        // The other way round.
        assert_eq!(played(&rig_named(["jawOpen", "custom"]), &[name]), Ok(vec![0.25, 0.0]), "{name}");
    }
    // The one without a prefix is the one, wherever it stands.
    for names in [["jawOpen", "A25_Jaw_Open"], ["A25_Jaw_Open", "jawOpen"]] {
        let rig = rig_named(names);
        let jaw = rig.morph("jawOpen").unwrap();
        assert_eq!(names[jaw], "jawOpen");
        assert_eq!(played(&rig, &["jawOpen"]).unwrap()[jaw], 0.25);
        assert_eq!(played(&rig, &["jawOpen"]).unwrap()[1 - jaw], 0.0);
        // A rig's own name is itself, also in a track of this project.
        assert_eq!(played(&rig, &["A25_Jaw_Open"]).unwrap()[1 - jaw], 0.25);
        let own = Track {
            names: vec!["A25_Jaw_Open".into()],
            times: vec![0.0],
            weights: vec![1.0],
            ..Track::default()
        };
        assert_eq!(read(&own.to_json().unwrap()).unwrap(), own);
        // Of a track with both, one moves the jaw.
        let plain = rig_named(["jawOpen", "custom"]);
        assert_eq!(played(&plain, &["A25_Jaw_Open", "jawOpen"]), Ok(vec![0.5, 0.0]));
    }
    // Two that could be it: neither is.
    let rig = rig_named(["A25_Jaw_Open", "blendShape1.jawOpen"]);
    assert_eq!(rig.morph("jawOpen"), None);
    let error = played(&rig, &["jawOpen"]).unwrap_err();
    assert!(error.contains("A25_Jaw_Open") && error.contains("the track has jawOpen"), "{error}");
    // Names that end alike.
    let rig = rig_named(["mouthSmileLeft", "jawOpen_mouthLeft"]);
    assert!(played(&rig, &["mouthLeft"]).is_err());
    let error = played(&rig_named(["Smile", "Frown"]), &["jawOpen", "mouthLeft", "a", "b", "c", "d", "e"])
        .unwrap_err();
    assert!(error.contains("jawOpen, mouthLeft, a, b, c and 2 more; the rig has Smile, Frown"), "{error}");
}
