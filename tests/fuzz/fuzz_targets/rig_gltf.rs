//! glTF rigs: load, then pose once.
#![no_main]

use effigy_fuzz::rig_limits;
use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig, Track, TrackPlayer, Wrap, rest_normals};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(rig) = Rig::from_slice(bytes, None, &rig_limits()) else { return };
    let mut pose = Pose::rest(&rig);
    for animation in &rig.animations {
        animation.sample(0.5, &mut pose);
    }
    let expressions = Track {
        names: rig.expressions.iter().map(|e| e.name.clone()).collect(),
        times: vec![0.0],
        weights: rig.expressions.iter().zip([0.4, 0.7].iter().cycle()).map(|(_, weight)| *weight).collect(),
        ..Track::default()
    };
    if let Ok(player) = TrackPlayer::new(&expressions, &rig) {
        player.apply(0.0, Wrap::Clamp, &mut pose);
    }
    assert!(rest_normals(&rig).len() == rig.vertex_count() && rig.head_node() < Some(rig.nodes.len()));
    let mut posed = PosedVertices::default();
    let mut poser = Poser::new(&rig, FrameMode::Surface).expect("what was loaded is valid");
    poser.pose(&rig, &pose, &mut posed).expect("the pose fits");
    assert!(posed.rotations.iter().all(|q| q.is_finite()));
});
