//! Recording poses into tracks, and keeping tracks in files: what is read back plays the same.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{LoadLimits, Pose, Rig, Track, TrackLimits, TrackPlayer, TrackRecorder, Wrap};
use glam::Quat;
use support::{morphing_square, two_bones};

fn load(builder: &support::Builder) -> Rig {
    Rig::from_slice(&builder.glb(), None, &LoadLimits::default()).unwrap()
}

fn open(path: &std::path::Path) -> Track {
    Track::open(path, &TrackLimits::default()).unwrap()
}

/// Equal but for what is less than a nanosecond.
fn same(a: &Track, b: &Track) -> bool {
    let near =
        a.times.len() == b.times.len() && a.times.iter().zip(&b.times).all(|(a, b)| (a - b).abs() < 1e-9);
    near && Track { times: b.times.clone(), ..a.clone() } == *b
}

/// Poses of the square: `jawOpen`, `custom`.
fn pose(rig: &Rig, weights: [f32; 2]) -> Pose {
    Pose { morph_weights: weights.to_vec(), ..Pose::rest(rig) }
}

#[test]
fn poses_at_any_pace_become_even_frames() {
    let rig = load(&morphing_square());
    let mut recorder = TrackRecorder::new(&rig, 4.0, &TrackLimits::default()).unwrap();
    // A fall from 1 to 0 within a second, seen at 0, 0.6 and 1.1 s; then it stays.
    assert!(recorder.push(9.0, &pose(&rig, [1.0, 0.0])).unwrap());
    assert!(recorder.push(0.6, &pose(&rig, [0.4, 0.0])).unwrap());
    assert!(recorder.push(0.5, &pose(&rig, [-0.1, 0.0])).unwrap());
    assert!((recorder.duration() - 1.1).abs() < 1e-9);
    let track = recorder.finish().unwrap();
    assert_eq!(track.names, ["jawOpen"], "what stayed at rest is left out");
    assert_eq!(track.times, [0.0, 0.25, 0.5, 0.75, 1.0]);
    for (weight, expected) in track.weights.iter().zip([1.0, 0.75, 0.5, 0.25, 0.0]) {
        assert!((weight - expected).abs() < 1e-6, "{weight} for {expected}");
    }
    assert_eq!((track.head_rotations, track.node_turns.len()), (None, 0));
}

#[test]
fn recordings_have_bounds_and_refuse_what_is_no_pose_of_the_rig() {
    let rig = load(&morphing_square());
    assert!(TrackRecorder::new(&rig, 0.0, &TrackLimits::default()).is_err());
    assert!(TrackRecorder::new(&rig, f64::NAN, &TrackLimits::default()).is_err());
    let limits = TrackLimits { frames: 3, ..TrackLimits::default() };
    let mut recorder = TrackRecorder::new(&rig, 10.0, &limits).unwrap();
    assert!(recorder.clone().finish().is_err(), "nothing is recorded yet");
    assert!(recorder.push(0.0, &pose(&rig, [0.0, 0.5])).unwrap());
    assert!(!recorder.push(100.0, &pose(&rig, [0.0, 0.5])).unwrap());
    assert_eq!(recorder.frame_count(), 3);
    assert!(recorder.push(0.1, &Pose { morph_weights: vec![0.0], ..Pose::rest(&rig) }).is_err());
    assert!(recorder.push(0.1, &pose(&rig, [f32::NAN, 0.0])).is_err());
    assert_eq!(recorder.finish().unwrap().frame_count(), 3);
}

/// Two bones, the second of which is called as the head is.
fn with_head() -> Rig {
    let mut builder = two_bones();
    let mut rig = load(&builder);
    let last = rig.joints.last().unwrap().node;
    let name = rig.nodes[last].name.clone();
    for node in builder.json["nodes"].as_array_mut().unwrap() {
        if node["name"] == name.as_str() {
            node["name"] = "Head".into();
        }
    }
    rig = load(&builder);
    assert_eq!(rig.head_node(), Some(last));
    rig
}

#[test]
fn turned_nodes_play_as_they_were_recorded_from_memory_and_from_a_file() {
    let rig = with_head();
    let head = rig.head_node().unwrap();
    let other = rig.joints.iter().map(|joint| joint.node).find(|&node| node != head).unwrap();
    let mut recorder = TrackRecorder::new(&rig, 60.0, &TrackLimits::default()).unwrap();
    let mut poses = Vec::new();
    for i in 0..30 {
        let mut pose = Pose::rest(&rig);
        let angle = 0.02 * i as f32;
        if i >= 10 {
            pose.nodes[other].rotation *= Quat::from_rotation_z(angle);
        }
        pose.nodes[head].rotation = Quat::from_rotation_x(angle) * pose.nodes[head].rotation;
        recorder.push(1.0 / 60.0, &pose).unwrap();
        poses.push(pose);
    }
    let track = recorder.finish().unwrap();
    assert!(track.head_rotations.is_some());
    assert_eq!(track.node_turns.keys().collect::<Vec<_>>(), [&rig.nodes[other].name]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.json");
    std::fs::write(&path, track.to_json().unwrap()).unwrap();
    let back = open(&path);
    assert!(same(&back, &track));
    let player = TrackPlayer::new(&back, &rig).unwrap();
    assert!(player.unmatched().is_empty());
    let mut played = Pose::rest(&rig);
    for (i, recorded) in poses.iter().enumerate() {
        player.apply(i as f64 / 60.0, Wrap::Clamp, &mut played);
        for (a, b) in played.nodes.iter().zip(&recorded.nodes) {
            assert!(a.rotation.angle_between(b.rotation) < 2e-3, "frame {i}: {} {}", a.rotation, b.rotation);
        }
    }
    // A rig without the node says so.
    let elsewhere = load(&morphing_square());
    let foreign = Track { names: vec!["jawOpen".into()], weights: vec![0.0; 30], ..track };
    assert_eq!(TrackPlayer::new(&foreign, &elsewhere).unwrap().unmatched(), [rig.nodes[other].name.as_str()]);
}

fn sample() -> Track {
    let frames = 90;
    let wave = |i: usize, speed: f32| 0.5 + 0.5 * (i as f32 * speed).sin();
    Track {
        names: vec!["jawOpen".into(), "mouthSmileLeft".into(), "browInnerUp".into()],
        times: (0..frames).map(|i| i as f64 / 60.0).collect(),
        weights: (0..frames).flat_map(|i| [wave(i, 0.1), wave(i, 0.37), 1.0 / 3.0]).collect(),
        head_rotations: Some(
            (0..frames)
                .map(|i| {
                    Quat::from_rotation_y(0.4 * wave(i, 0.05)) * Quat::from_rotation_x(-0.2 * wave(i, 0.09))
                })
                .collect(),
        ),
        eye_rotations: Some(
            (0..frames)
                .map(|i| [Quat::from_rotation_x(0.01 * i as f32), Quat::from_rotation_y(0.002 * i as f32)])
                .collect(),
        ),
        ..Track::default()
    }
}

/// The names of what the file cannot hold.
fn write_live_link(track: &Track, path: &std::path::Path) -> Result<Vec<String>, effigy_rig::RigError> {
    let (bytes, left_out) = track.to_live_link()?;
    std::fs::write(path, bytes)?;
    Ok(left_out)
}

#[test]
fn json_and_csv_read_back_the_same_and_write_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let track = sample();
    std::fs::write(at("a.json"), track.to_json().unwrap()).unwrap();
    let back = open(&at("a.json"));
    assert!(same(&back, &track));
    std::fs::write(at("b.json"), back.to_json().unwrap()).unwrap();
    assert_eq!(std::fs::read(at("a.json")).unwrap(), std::fs::read(at("b.json")).unwrap());

    assert!(write_live_link(&track, &at("a.csv")).unwrap().is_empty());
    let back = open(&at("a.csv"));
    assert_eq!((back.names.len(), back.frame_count()), (52, 90));
    for (i, (got, expected)) in back.times.iter().zip(&track.times).enumerate() {
        assert!((got - expected).abs() < 1e-9, "{got} for {expected}");
        for (c, name) in track.names.iter().enumerate() {
            let column = back.names.iter().position(|other| other == name).unwrap();
            assert_eq!(back.frame(i)[column], track.frame(i)[c], "weights are kept to the bit");
        }
        let near = |a: Quat, b: Quat| a.dot(b).abs() > 1.0 - 1e-6;
        assert!(near(back.head_rotations.as_ref().unwrap()[i], track.head_rotations.as_ref().unwrap()[i]));
        for eye in 0..2 {
            let of = |track: &Track| track.eye_rotations.as_ref().unwrap()[i][eye];
            assert!(near(of(&back), of(&track)));
        }
    }
    assert_eq!(back.frame(3).iter().filter(|&&w| w != 0.0).count(), 3);
    assert!(write_live_link(&back, &at("b.csv")).unwrap().is_empty());
    let (a, b) =
        (std::fs::read_to_string(at("a.csv")).unwrap(), std::fs::read_to_string(at("b.csv")).unwrap());
    assert_eq!(a, b);
    // As Live Link Face writes it: 61 channels under a timecode of frames at 60 per second.
    let mut lines = a.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    assert_eq!(header.len(), 2 + 61);
    assert_eq!(header[..3], ["Timecode", "BlendshapeCount", "EyeBlinkLeft"]);
    assert_eq!(header[54..57], ["HeadYaw", "HeadPitch", "HeadRoll"]);
    assert!(lines.next().unwrap().starts_with("00:00:00:59.000,61,0,"));
    assert!(lines.next().unwrap().starts_with("00:00:01:00.000,61,0,"));
    assert!(lines.nth(60).unwrap().starts_with("00:00:02:01.000,61,0,"));
}

#[test]
fn csv_keeps_times_of_any_rate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.csv");
    // The first takes are within a second, or have no frame late in one: readers could take them for another rate.
    for (rate, frames) in
        [(24.0, 5), (2.0 / 3.0, 4), (25.0, 60), (30.0, 7), (30.0, 100), (48.0, 3), (100.0, 250), (240.0, 9)]
    {
        let track = Track {
            names: vec!["jawOpen".into()],
            times: (0..frames).map(|i| f64::from(i) / rate).collect(),
            weights: vec![0.25; frames as usize],
            ..Track::default()
        };
        write_live_link(&track, &path).unwrap();
        let back = open(&path);
        assert_eq!(back.times.len(), track.times.len(), "{rate}");
        for (got, expected) in back.times.iter().zip(&track.times) {
            assert!((got - expected).abs() < 1e-5, "{rate}: {got} for {expected}");
        }
    }
    // One frame, an expression, reads as one frame.
    let still =
        Track { names: vec!["jawOpen".into()], times: vec![0.0], weights: vec![0.5], ..Track::default() };
    write_live_link(&still, &path).unwrap();
    assert_eq!((open(&path).times, open(&path).frame(0)[17]), (vec![0.0], 0.5));
}

#[test]
fn what_csv_cannot_hold_is_named_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.csv");
    let mut track = Track {
        names: vec!["wings".into(), "jawOpen".into()],
        times: vec![0.0, 0.1],
        weights: vec![1.0, 0.5, 1.0, 0.5],
        node_turns: [("neck".into(), vec![Quat::IDENTITY; 2])].into(),
        ..Track::default()
    };
    assert_eq!(write_live_link(&track, &path).unwrap(), ["wings", "neck"]);
    std::fs::remove_file(&path).unwrap();
    let refused = |track: &Track, part: &str| {
        let message = write_live_link(track, &path).expect_err("written").to_string();
        assert!(message.contains(part), "{message}");
    };
    track.times[1] = 1e-6;
    refused(&track, "frame 1");
    track.times[1] = 90_000.0;
    refused(&track, "a day");
    track.names[1] = "tail".into();
    refused(&track, "no ARKit shape");
}

#[test]
fn a_rig_of_its_own_names_has_tracks_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pose.json");
    let own =
        Track { names: vec!["custom".into()], times: vec![0.0], weights: vec![0.75], ..Track::default() };
    std::fs::write(&path, own.to_json().unwrap()).unwrap();
    assert_eq!(open(&path), own);
    // Turned nodes alone are a track too.
    let turns = Track {
        times: vec![0.0],
        node_turns: [("neck".into(), vec![Quat::from_rotation_x(0.5)])].into(),
        ..Track::default()
    };
    std::fs::write(&path, turns.to_json().unwrap()).unwrap();
    assert_eq!(open(&path), turns);
    assert!(Track { node_turns: [("neck".into(), vec![])].into(), ..turns.clone() }.validate().is_err());
}
