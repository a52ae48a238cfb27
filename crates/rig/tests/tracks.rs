//! Tracks: reading each format, resampling, and what they do to a rig.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{Expression, LoadLimits, Pose, Rig, RigError, Track, TrackLimits, TrackPlayer, Wrap};
use glam::{Quat, Vec3};
use serde_json::{Value, json};
use support::{morphing_square, two_bones};

fn read(bytes: &[u8]) -> Result<Track, RigError> {
    Track::from_bytes(bytes, &TrackLimits::default())
}

fn read_json(json: Value) -> Result<Track, RigError> {
    read(&serde_json::to_vec(&json).unwrap())
}

fn refused(bytes: &[u8], part: &str) {
    let message = read(bytes).expect_err("read").to_string();
    assert!(message.contains(part) && !message.contains('\n'), "{message:?} does not say {part:?}");
}

fn csv(rows: &[(&str, f32, [f32; 3])]) -> Vec<u8> {
    let mut text =
        "Timecode,BlendshapeCount,JawOpen,TongueOut,HeadYaw,HeadPitch,HeadRoll,LeftEyeYaw\n".to_owned();
    for (time, jaw, [yaw, pitch, roll]) in rows {
        text += &format!("{time},61,{jaw},0.0,{yaw},{pitch},{roll},0.1\n");
    }
    text.into_bytes()
}

fn rig() -> Rig {
    Rig::from_slice(&morphing_square().glb(), None, &LoadLimits::default()).unwrap()
}

#[test]
fn live_link_timecodes_give_seconds() {
    let still = [0.0; 3];
    let rows = [
        ("23:59:59:58.000", 0.0, still),
        ("23:59:59:59.500", 0.5, still),
        ("00:00:00:03.000", 1.0, still),
        ("00:00:00:03.000", 9.0, still),
    ];
    let track = read(&csv(&rows)).unwrap();
    assert_eq!(track.names, ["jawOpen", "tongueOut"]);
    let expected = [0.0, 1.5 / 60.0, 5.0 / 60.0];
    assert_eq!(track.times.len(), 3, "the repeated timecode is dropped");
    for (got, expected) in track.times.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-9, "{got} for {expected}");
    }
    assert_eq!(track.weights, [0.0, 0.0, 0.5, 0.0, 1.0, 0.0]);
    assert_eq!(track.head_rotations, None, "all zero is not tracked");
    // Frames counted to 29 only, over a full second: 30 per second.
    let rows = [("10:00:00:28.0", 0.0, still), ("10:00:00:29.0", 0.0, still), ("10:00:01:00.0", 0.0, still)];
    assert!((read(&csv(&rows)).unwrap().duration() - 2.0 / 30.0).abs() < 1e-9);
}

#[test]
fn live_link_head_angles_turn_the_face() {
    let time = "10:00:00:00.0";
    let face = |angles| read(&csv(&[(time, 0.0, angles)])).unwrap().head_rotations.unwrap()[0] * Vec3::Z;
    // The face looks along +Z, +X is to the person's left.
    assert!(face([0.3, 0.0, 0.0]).x < -0.2, "yaw is positive to the right");
    assert!(face([0.0, 0.3, 0.0]).y < -0.2, "pitch is positive downwards");
    let up = read(&csv(&[(time, 0.0, [0.0, 0.0, 0.3])])).unwrap().head_rotations.unwrap()[0] * Vec3::Y;
    assert!(up.x < -0.2, "roll is positive to the right shoulder");
}

#[test]
fn faults_in_csv_are_named() {
    let still = [0.0; 3];
    refused(b"", "not a track");
    refused(b"a,b\n1,2\n", "not a track");
    refused(b"Timecode,BlendshapeCount,JawOpen\n", "no frames");
    refused(b"Timecode,BlendshapeCount,Wings\n10:00:00:00,1,0\n", "known control");
    refused(b"Timecode,BlendshapeCount,JawOpen\n10:00:00:00,1\n", "line 2: has 2 columns, the header 3");
    refused(b"Timecode,BlendshapeCount,JawOpen,jaw_open\n10:00:00:00,1,0,0\n", "twice");
    refused(&csv(&[("10:00:00:00.0", f32::NAN, still)]), "JawOpen is \"NaN\"");
    refused(&csv(&[("10:00:00:00.0", f32::INFINITY, still)]), "line 2");
    refused(&csv(&[("10:61:00:00.0", 0.0, still)]), "timecode \"10:61:00:00.0\"");
}

#[test]
fn json_times_come_from_frames_or_the_rate() {
    let track = read_json(json!({
        "names": ["JawOpen", "other"],
        "frames": [{ "weights": [0, 1], "time": 2.0, "rotation": [] }, { "weights": [0.5, 1], "time": 2.25, "rotation": [] }],
        "head_pose": [[0, 0, 0], [0, 0.5, 0]],
    }))
    .unwrap();
    assert_eq!((track.names[0].as_str(), track.times.as_slice()), ("jawOpen", [0.0, 0.25].as_slice()));
    let head = track.head_rotations.unwrap();
    assert!(head[1].abs_diff_eq(Quat::from_rotation_y(0.5), 1e-6));
    let track = read_json(json!({
        "names": ["jawOpen"], "metadata": { "fps": 50.0 }, "frames": [{ "weights": [0] }, { "weights": [1] }],
    }));
    assert_eq!(track.unwrap().times, [0.0, 0.02]);
}

#[test]
fn faults_in_json_are_named() {
    let refuse = |json: Value, part| refused(&serde_json::to_vec(&json).unwrap(), part);
    refused(b"{", "track");
    refuse(json!({ "names": ["jawOpen"] }), "JSON without controls over time");
    refuse(json!({ "names": ["jawOpen"], "frames": [] }), "no frames");
    refuse(json!({ "names": ["wings"], "frames": [{ "weights": [0] }] }), "known control");
    refuse(
        json!({ "names": ["jawOpen"], "frames": [{ "weights": [0] }, { "weights": [0, 1] }] }),
        "frame 1: has 2 weights for 1",
    );
    refuse(json!({ "names": ["jawOpen"], "frames": [{ "weights": [1e39] }] }), "not finite");
    let frames = json!([{ "weights": [0], "time": 0 }, { "weights": [0], "time": 1 }, { "weights": [0], "time": 0.5 }]);
    refuse(json!({ "names": ["jawOpen"], "frames": frames }), "frame 2: its time");
    refuse(
        json!({ "names": ["jawOpen"], "metadata": { "fps": 0 }, "frames": [{ "weights": [0] }] }),
        "frames per second",
    );
    refuse(
        json!({ "names": ["jawOpen"], "frames": [{ "weights": [0], "rotation": [1, 2] }] }),
        "a rotation of 2 numbers",
    );
    refuse(
        json!({ "names": ["jawOpen"], "frames": [{ "weights": [0], "rotation": [0, 0, 0, 0] }] }),
        "head rotation",
    );
    let limits = TrackLimits { frames: 1, ..TrackLimits::default() };
    let two = serde_json::to_vec(
        &json!({ "names": ["jawOpen"], "frames": [{ "weights": [0] }, { "weights": [0] }] }),
    )
    .unwrap();
    assert!(matches!(Track::from_bytes(&two, &limits), Err(RigError::Limit { .. })));
}

#[test]
fn gltf_animations_of_weights_are_tracks() {
    let track = read(&morphing_square().glb()).unwrap();
    assert_eq!(track.names, ["jawOpen", "custom"]);
    assert_eq!((track.frame_count(), track.duration()), (61, 1.0));
    assert_eq!(track.frame(0), [0.0, 0.25]);
    assert_eq!(track.frame(30), [0.5, 0.5]);
    assert_eq!(track.frame(60), [1.0, 0.75]);
    refused(&two_bones().glb(), "no animation of morph weights");
    let mut b = morphing_square();
    b.json["animations"][0]["samplers"][0]["input"] = b.floats("SCALAR", &[0., 1e30]).into();
    refused(&b.glb(), "the number of frames");
}

#[test]
fn saved_tracks_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("track.json");
    let track = Track {
        names: vec!["jawOpen".into(), "custom".into()],
        times: vec![0.0, 0.1, 0.4],
        weights: vec![0.0, 1.0, 0.25, 0.5, 0.1, 0.7],
        head_rotations: Some(vec![Quat::IDENTITY, Quat::from_rotation_x(0.2), Quat::from_rotation_z(-0.2)]),
        eye_rotations: Some(vec![
            [Quat::IDENTITY, Quat::from_rotation_y(0.3)],
            [Quat::from_rotation_x(0.1), Quat::IDENTITY],
            [Quat::from_rotation_y(-0.1), Quat::from_rotation_z(0.3)],
        ]),
        node_turns: [(
            "neck".into(),
            vec![Quat::from_rotation_x(0.4), Quat::IDENTITY, Quat::from_rotation_y(1.0)],
        )]
        .into(),
    };
    std::fs::write(&path, track.to_json().unwrap()).unwrap();
    assert_eq!(Track::open(&path, &TrackLimits::default()).unwrap(), track);
    let broken = Track { times: vec![0.0], ..track };
    assert!(broken.to_json().is_err() && broken.to_live_link().is_err());
    let error = Track::open(folder.path().join("absent.csv"), &TrackLimits::default()).expect_err("opened");
    assert!(error.to_string().contains("absent.csv"));
}

#[test]
fn players_resample_linearly_and_wrap() {
    let rig = rig();
    let track = Track {
        names: vec!["jawOpen".into(), "unknown".into()],
        times: vec![0.0, 1.0, 3.0],
        weights: vec![0.0, 0.0, 1.0, 0.0, 0.5, 0.0],
        ..Track::default()
    };
    let player = TrackPlayer::new(&track, &rig).unwrap();
    assert_eq!(player.unmatched(), ["unknown"]);
    let mut pose = Pose::rest(&rig);
    pose.morph_weights[1] = 0.3;
    let mut at = |time, wrap| {
        player.apply(time, wrap, &mut pose);
        assert_eq!(pose.morph_weights[1], 0.3, "what the track does not move stays");
        pose.morph_weights[0]
    };
    for (time, expected) in [(0.25, 0.25), (2.0, 0.75), (-5.0, 0.0), (99.0, 0.5)] {
        assert!((at(time, Wrap::Clamp) - expected).abs() < 1e-6, "{time}");
    }
    // The mean interval is 1.5 s, so the loop is 4.5 s long and returns to the first frame by then.
    for (time, expected) in [(0.25, 0.25), (4.75, 0.25), (3.75, 0.25), (-1.5, 0.5), (45.0, 0.0)] {
        assert!((at(time, Wrap::Loop) - expected).abs() < 1e-6, "{time}");
    }
    assert!(at(f64::NAN, Wrap::Loop).is_finite());
}

#[test]
fn frames_that_come_one_by_one_do_what_a_track_does() {
    let rig = rig();
    let track = |weights: Vec<f32>, head: Quat| Track {
        names: vec!["jawOpen".into(), "unknown".into()],
        times: (0..weights.len() / 2).map(|i| i as f64).collect(),
        head_rotations: Some(vec![head; weights.len() / 2]),
        weights,
        ..Track::default()
    };
    let turn = Quat::from_rotation_y(0.4);
    let shown = |player: &TrackPlayer| {
        let mut pose = Pose::rest(&rig);
        player.apply(7.0, Wrap::Clamp, &mut pose);
        pose
    };
    let mut live = TrackPlayer::new(&track(vec![0.1, 0.2, 0.3, 0.4], Quat::IDENTITY), &rig).unwrap();
    live.set_frame(&[0.75, 0.5], Some(turn), None).unwrap();
    let expected = shown(&TrackPlayer::new(&track(vec![0.75, 0.5], turn), &rig).unwrap());
    assert_eq!(shown(&live), expected);
    for wrong in [&[0.5][..], &[0.5, f32::NAN], &[0.5; 3]] {
        assert!(live.set_frame(wrong, None, None).is_err());
    }
    assert!(live.set_frame(&[0.0; 2], Some(turn * 2.0), None).is_err());
    assert_eq!(shown(&live), expected);
    live.set_frame(&[0.75, 0.5], None, None).unwrap();
    assert_eq!(shown(&live).world_from_scene, Pose::rest(&rig).world_from_scene);
}

#[test]
fn other_vocabularies_move_arkit_shapes_and_expressions() {
    let mut rig = rig();
    let track = |name: &str| Track {
        names: vec![name.into()],
        times: vec![0.0],
        weights: vec![0.8],
        ..Track::default()
    };
    let weights = |rig: &Rig, name: &str| {
        let mut pose = Pose::rest(rig);
        TrackPlayer::new(&track(name), rig)
            .map(|p| p.apply(0.0, Wrap::Clamp, &mut pose))
            .map(|()| pose.morph_weights)
    };
    // `aa` is 0.6 jawOpen here, and the only part of it that this rig has.
    let got = weights(&rig, "viseme_aa").unwrap();
    assert!((got[0] - 0.48).abs() < 1e-6 && got[1] == 0.0);
    assert!(matches!(weights(&rig, "eyeBlinkLeft"), Err(RigError::Mismatch(_))));
    rig.expressions.push(Expression {
        name: "eyeBlinkLeft".into(),
        binds: vec![(1, 0.5)],
        ..Expression::default()
    });
    assert!((weights(&rig, "blinkLeft").unwrap()[1] - 0.4).abs() < 1e-6);
    rig.expressions.push(Expression {
        name: "happy".into(),
        binds: vec![(0, 0.2), (1, 0.3)],
        binary: true,
        ..Expression::default()
    });
    assert_eq!(weights(&rig, "happy").unwrap(), [0.2, 0.3]);
    // A rig with presets only still follows ARKit names.
    rig.morphs[0].name = "Fcl_MTH_A".into();
    rig.expressions = vec![Expression { name: "aa".into(), binds: vec![(0, 1.0)], ..Expression::default() }];
    assert!((weights(&rig, "jawOpen").unwrap()[0] - 0.8).abs() < 1e-6);
}

#[test]
fn the_head_turns_about_world_axes() {
    let mut b = two_bones();
    b.json["nodes"][2]["rotation"] = json!([0, 0, 0.6, 0.8]);
    b.json["nodes"][1]["rotation"] = json!([0.6, 0, 0, 0.8]);
    b.json["meshes"][0]["primitives"][0]["targets"] = json!([{}]);
    b.json["meshes"][0]["extras"] = json!({ "targetNames": ["jawOpen"] });
    let rig = Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap();
    let yaw = Quat::from_rotation_y(0.5);
    let track = Track {
        names: vec!["jawOpen".into()],
        times: vec![0.0, 1.0],
        weights: vec![0.0, 0.0],
        head_rotations: Some(vec![Quat::IDENTITY, yaw]),
        ..Track::default()
    };
    let player = TrackPlayer::new(&track, &rig).unwrap();
    assert_eq!(player.head_node(), Some(2));
    let mut pose = Pose::rest(&rig);
    let world = |pose: &Pose| pose.nodes[1].rotation * pose.nodes[2].rotation;
    let rest = world(&pose);
    player.apply(0.5, Wrap::Clamp, &mut pose);
    assert!(world(&pose).abs_diff_eq(Quat::from_rotation_y(0.25) * rest, 1e-5));
    player.apply(0.0, Wrap::Clamp, &mut pose);
    assert!(world(&pose).abs_diff_eq(rest, 1e-5));

    // Without a head node everything turns about the bottom centre: (0.5, 0, 0) of the square.
    let rig = self::rig();
    let player = TrackPlayer::new(&track, &rig).unwrap();
    assert_eq!(player.head_node(), None);
    let mut pose = Pose::rest(&rig);
    player.apply(1.0, Wrap::Clamp, &mut pose);
    let neck = Vec3::new(0.5, 0.0, 0.0);
    assert!(pose.world_from_scene.transform_point3(neck).abs_diff_eq(neck, 1e-6));
    assert!(pose.world_from_scene.transform_vector3(Vec3::Z).abs_diff_eq(yaw * Vec3::Z, 1e-6));
}

#[test]
fn only_nodes_named_head_are_heads() {
    for (name, is_head) in [
        ("mixamorig:Head", true),
        ("J_Bip_C_Head", true),
        ("CC_Base_Head", true),
        ("head_06", true),
        ("HEAD", true),
        ("head_end", false),
        ("headUpper", false),
        ("HeadTop_End", false),
        ("", false),
    ] {
        let mut b = two_bones();
        b.json["nodes"][1]["name"] = name.into();
        b.json["meshes"][0]["primitives"][0]["targets"] = json!([{}]);
        b.json["meshes"][0]["extras"] = json!({ "targetNames": ["jawOpen"] });
        let rig = Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap();
        let track =
            Track { names: vec!["jawOpen".into()], times: vec![0.0], weights: vec![0.0], ..Track::default() };
        assert_eq!(TrackPlayer::new(&track, &rig).unwrap().head_node().is_some(), is_head, "{name}");
    }
}

/// Two bones that are the eyes, on a rig with the morphs `jawOpen` (still) and `eyeLookUpRight` (moves vertex 0).
fn rig_with_eyes() -> Rig {
    let mut b = two_bones();
    b.json["nodes"][1]["name"] = "eye_L".into();
    b.json["nodes"][2]["name"] = "eye_R".into();
    b.json["nodes"][2]["rotation"] = json!([0, 0, 0.6, 0.8]);
    let look = b.sparse(6, &[(0, [0.1, 0.0, 0.0])]);
    b.json["meshes"][0]["primitives"][0]["targets"] = json!([{}, { "POSITION": look }]);
    b.json["meshes"][0]["extras"] = json!({ "targetNames": ["jawOpen", "eyeLookUpRight"] });
    Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap()
}

#[test]
fn live_link_eye_angles_are_read() {
    let text = "Timecode,BlendshapeCount,JawOpen,LeftEyeYaw,LeftEyePitch,LeftEyeRoll,RightEyeYaw,RightEyePitch,RightEyeRoll\n\
                10:00:00:00.0,61,0.5,0.3,0,0,0,0.2,0\n10:00:00:00.0,61,0.5,9,9,9,9,9,9\n10:00:00:01.0,61,0.5,0,0,0.1,0,0,0\n";
    let eyes = read(text.as_bytes()).unwrap().eye_rotations.unwrap();
    assert_eq!(eyes.len(), 2, "the repeated timecode is dropped here too");
    // As for the head: the face looks along +Z, +X is to the person's left.
    assert!((eyes[0][0] * Vec3::Z).abs_diff_eq(Vec3::new(-(0.3f32.sin()), 0.0, 0.3f32.cos()), 1e-6));
    assert!((eyes[0][1] * Vec3::Z).abs_diff_eq(Vec3::new(0.0, -(0.2f32.sin()), 0.2f32.cos()), 1e-6));
    assert!((eyes[1][0] * Vec3::Y).x < -0.05 && eyes[1][1] == Quat::IDENTITY);
    let still = text.replace("0.3", "0").replace("0.2", "0").replace("0.1", "0").replace(",9", ",0");
    assert_eq!(read(still.as_bytes()).unwrap().eye_rotations, None, "all zero is not tracked");
}

#[test]
fn eye_rotations_in_json_stand_in_every_frame_or_none() {
    let frame = |eyes: Value| json!({ "weights": [0], "eye_rotations": eyes });
    let track = |frames: Value| read_json(json!({ "names": ["jawOpen"], "frames": frames }));
    let eyes = track(json!([frame(json!([[0, 0.5, 0], [0, 0, 0.6, 0.8]]))])).unwrap().eye_rotations.unwrap();
    assert!(eyes[0][0].abs_diff_eq(Quat::from_rotation_y(0.5), 1e-6));
    assert!(eyes[0][1].abs_diff_eq(Quat::from_xyzw(0.0, 0.0, 0.6, 0.8), 1e-6));
    let fault = |frames: Value| track(frames).expect_err("read").to_string();
    let good = frame(json!([[0, 0, 0], [0, 0, 0]]));
    assert_eq!(fault(json!([good, { "weights": [0] }])), "frame 1: has no eye rotations, while others have");
    assert_eq!(fault(json!([frame(json!([[0], [0, 0, 0]]))])), "frame 0: a rotation of 1 numbers");
    assert_eq!(
        fault(json!([frame(json!([[0, 0, 0], [0, 0, 0, 0]]))])),
        "frame 0: an eye's rotation means nothing"
    );
}

#[test]
fn eyes_turn_about_the_axes_of_the_head() {
    let rig = rig_with_eyes();
    let (left, right) = (Quat::from_rotation_y(0.4), Quat::from_rotation_x(-0.2));
    let track = Track {
        names: vec!["jawOpen".into()],
        times: vec![0.0, 1.0],
        weights: vec![0.0, 0.0],
        head_rotations: None,
        eye_rotations: Some(vec![[Quat::IDENTITY; 2], [left, right]]),
        ..Track::default()
    };
    // In the rig parents come first: node 1 is the right eye, node 2 the left one on it.
    assert_eq!(rig.eye_nodes(), [Some(2), Some(1)]);
    let player = TrackPlayer::new(&track, &rig).unwrap();
    assert_eq!(player.eye_nodes(), [Some(2), Some(1)]);
    let mut pose = Pose::rest(&rig);
    let parent = pose.nodes[1].rotation;
    player.apply(0.5, Wrap::Clamp, &mut pose);
    let half_right = Quat::from_rotation_x(-0.1);
    assert!(pose.nodes[1].rotation.abs_diff_eq(half_right * parent, 1e-6));
    // Turned about the axes of the scene at rest, then carried by what it hangs from.
    let left_at_rest = parent.inverse() * Quat::from_rotation_y(0.2) * parent;
    assert!(pose.nodes[2].rotation.abs_diff_eq(left_at_rest, 1e-6));
    // The same gaze as a morph of the right eye turns it already.
    let looking = Track { names: vec!["eyeLookUpRight".into()], ..track };
    assert_eq!(TrackPlayer::new(&looking, &rig).unwrap().eye_nodes(), [Some(2), None]);
}

#[test]
fn a_mesh_that_lies_elsewhere_is_no_eye() {
    let mut b = morphing_square();
    b.json["nodes"][0]["name"] = "LeftEye".into();
    let load = |b: &support::Builder| Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap();
    assert_eq!(load(&b).eye_nodes(), [Some(0), None], "the node's origin is a corner of its mesh");
    b.bin[..48]
        .copy_from_slice(&[2f32, 0., 0., 3., 0., 0., 3., 1., 0., 2., 1., 0.].map(f32::to_le_bytes).concat());
    assert_eq!(load(&b).eye_nodes(), [None, None]);
}

#[test]
fn players_of_broken_rigs_are_refused() {
    let mut rig = rig();
    let track = read(&morphing_square().glb()).unwrap();
    rig.joint_indices[0] = 99;
    assert!(matches!(TrackPlayer::new(&track, &rig), Err(RigError::Invalid { .. })));
}

#[test]
fn names_from_files_are_shown_without_control_characters() {
    let name = "jawOpen\n\u{1b}[31m\u{202e}";
    let message =
        read_json(json!({ "names": ["jawOpen", name, name], "frames": [{ "weights": [0, 0, 0] }] }))
            .expect_err("read")
            .to_string();
    assert!(message.contains("twice") && !message.contains(['\n', '\u{1b}', '\u{202e}']), "{message:?}");
    let text = format!("Timecode,JawOpen,x{}\n10:00:00:00,NaN,1\n", "\u{1b}[2J");
    assert!(!read(text.as_bytes()).expect_err("read").to_string().contains('\u{1b}'));
}
