//! Real rigs and tracks. Expected positions were computed in numpy, in double precision, by a reader of its own.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

use std::io::Read;

use effigy_rig::{
    ARKIT_NAMES, FrameMode, LoadLimits, Pose, PosedVertices, Poser, Rig, Track, TrackLimits, TrackPlayer,
    Wrap,
};
use effigy_tests::data;
use glam::{DVec3, Quat, Vec3};

fn smile(rig: &Rig) -> Pose {
    let mut pose = Pose::rest(rig);
    for (name, weight) in [("jawOpen", 0.6), ("mouthSmileLeft", 0.5), ("eyeBlinkRight", 1.0)] {
        pose.morph_weights[rig.morph(name).unwrap()] = weight;
    }
    pose
}

fn check(rig: &Rig, pose: &Pose, expected: &[(usize, [f64; 3])]) -> PosedVertices {
    let mut out = PosedVertices::default();
    Poser::new(rig, FrameMode::Surface).unwrap().pose(rig, pose, &mut out).unwrap();
    for &(v, expected) in expected {
        let got = out.positions[v].as_dvec3();
        assert!(got.abs_diff_eq(DVec3::from(expected), 2e-6), "vertex {v}: {got} for {expected:?}");
    }
    assert!(out.rotations.iter().all(|q| q.is_normalized()) && out.scales.iter().all(|s| s.is_finite()));
    out
}

#[test]
fn the_captured_head() {
    let Some(path) = data("capture_head/head.glb") else { return };
    let rig = Rig::open(path, &LoadLimits::default()).unwrap();
    assert_eq!((rig.vertex_count(), rig.triangles.len(), rig.morphs.len()), (26_225, 47_804, 51));
    assert_eq!((rig.materials.len(), rig.images.len(), rig.primitives.len()), (6, 5, 6));
    let missing: Vec<&str> = ARKIT_NAMES.into_iter().filter(|name| rig.morph(name).is_none()).collect();
    assert_eq!(missing, ["tongueOut"]);
    let out = check(
        &rig,
        &smile(&rig),
        &[
            (0, [-0.0044108015, -0.1046437497, 0.0578696207]),
            (5000, [-0.0035859323, 0.0009677750, 0.1092514955]),
            (12345, [-0.0199428765, -0.0429740539, 0.0851229930]),
            (20000, [-0.0259308983, -0.0301723073, 0.0766341686]),
            (26224, [-0.0260640423, 0.0249334534, 0.0959294825]),
        ],
    );
    let sum: f64 = out.positions.iter().map(|p| f64::from(p.y)).sum();
    assert!((sum + 236.258_855_475).abs() < 1e-3, "{sum}");
    let with_ring = Poser::new(&rig, FrameMode::Surface).unwrap();
    let without = with_ring.frames().ring_offsets.windows(2).filter(|w| w[0] == w[1]).count();
    assert!(without * 100 < rig.vertex_count(), "{without} vertices have no ring");
}

#[test]
fn the_makehuman_head() {
    let Some(path) = data("rigs/head_mh_female/head_mh_female_arkit52.glb") else { return };
    let rig = Rig::open(path, &LoadLimits::default()).unwrap();
    assert!(ARKIT_NAMES.into_iter().all(|name| rig.morph(name).is_some()));
    assert_eq!((rig.morphs.len(), rig.materials.len()), (52, 5));
}

#[test]
fn a_skinned_avatar_from_another_system() {
    let Some(path) = data("lam/james.zip") else { return };
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
        Rig::from_slice(&bytes, None, &LoadLimits::default()).unwrap()
    };
    let rig = read("arkitWithBSData/skin.glb");
    assert_eq!((rig.vertex_count(), rig.morphs.len(), rig.influences), (20_018, 51, 4));
    let mut pose = smile(&rig);
    let head = rig.nodes.iter().position(|n| n.name == "head").unwrap();
    pose.nodes[head].rotation *= Quat::from_rotation_y(0.3);
    check(
        &rig,
        &pose,
        &[
            (0, [0.0605633692, 1.6591883472, -0.0241108789]),
            (5000, [-0.0140591910, 1.6872715399, 0.0775020371]),
            (12345, [0.0187865769, 1.6859960126, 0.0803881697]),
            (20017, [-0.0124027567, 1.6911137874, 0.0580052813]),
        ],
    );
    let body = read("arkitWithBSData/animation.glb");
    assert_eq!(body.animations.len(), 12);
    assert!(body.animations.iter().all(|a| a.channels.len() == 510 && a.duration() > 0.5));
}

#[test]
fn a_live_link_take() {
    let Some(path) = data("tracks/MySlate_164_iPhone_cal.csv") else { return };
    let track = Track::open(path, &TrackLimits::default()).unwrap();
    assert_eq!((track.frame_count(), track.names.len()), (1895, 52));
    assert_eq!(track.names, ARKIT_NAMES);
    assert!((track.duration() - 31.617_05).abs() < 1e-6, "{}", track.duration());
    assert_eq!(track.frame(0)[..3], [0.004_196_638, 0.0, 0.019_121_42]);
    assert!((track.frame(900)[23] - 0.358_781).abs() < 1e-6);
    assert!((track.times[900] - 15.023_933_333).abs() < 1e-6);
    assert_eq!(track.head_rotations, None);
}

#[test]
fn tracks_of_another_system_play_on_the_captured_head() {
    let Some(path) = data("tracks/lam_test_expression_52x973.json") else { return };
    let track = Track::open(path, &TrackLimits::default()).unwrap();
    assert_eq!((track.frame_count(), track.names.len()), (973, 52));
    assert!((track.duration() - 32.4).abs() < 1e-9);
    let head = track.head_rotations.as_ref().unwrap();
    let v = head[100].to_scaled_axis();
    assert!(v.abs_diff_eq(Vec3::new(-0.002_917_602, -0.006_600_152, -0.001_552_932_8), 1e-6), "{v}");
    if let Some(path) = data("tracks/lam_bsData_52x240.json") {
        let track = Track::open(path, &TrackLimits::default()).unwrap();
        assert_eq!((track.frame_count(), track.head_rotations), (240, None));
    }
    let Some(path) = data("capture_head/head.glb") else { return };
    let rig = Rig::open(path, &LoadLimits::default()).unwrap();
    let player = TrackPlayer::new(&track, &rig).unwrap();
    assert_eq!(player.unmatched(), ["tongueOut"]);
    assert_eq!(player.head_node(), None, "the root that carries the mesh is no bone");
    let mut pose = Pose::rest(&rig);
    // Half way between frames 100 and 101.
    player.apply(100.5 / 30.0, Wrap::Clamp, &mut pose);
    let jaw = pose.morph_weights[rig.morph("jawOpen").unwrap()];
    let expected = (8.527_27e-5 + 2.985_92e-4) / 2.0;
    assert!((jaw - expected).abs() < 1e-8, "{jaw} for {expected}");
}
