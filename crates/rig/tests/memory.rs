//! How much memory hostile files take. The peak is the whole process's, so this stays one test, and a program of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{FrameMode, LoadLimits, Pose, PosedVertices, Poser, Rig};
use effigy_tests::peak_memory;
use serde_json::{Value, json};
use support::{Builder, square};

const MIB: u64 = 1 << 20;

fn peak() -> u64 {
    peak_memory().expect("Linux tells the peak")
}

#[test]
fn small_files_take_little_memory() {
    let limits = LoadLimits { json_bytes: MIB, ..LoadLimits::default() };
    let before = peak();
    // Counts that nothing stands behind.
    for count in [1u64 << 31, 1 << 40, u64::MAX] {
        let mut b = square();
        b.json["accessors"][0]["count"] = count.into();
        assert!(Rig::from_slice(&b.glb(), None, &limits).is_err());
        let mut b = square();
        b.json["accessors"][1] = json!({ "componentType": 5125, "type": "SCALAR", "count": count });
        assert!(Rig::from_slice(&b.glb(), None, &limits).is_err());
    }
    assert!(peak() - before < 32 * MIB, "{} bytes for counts", peak() - before);

    // A fan whose 3000 triangles have a copy of its centre each.
    let mut b = Builder::new();
    let positions: Vec<f32> = (0..3000u16)
        .flat_map(|i| [0, i, i + 1].map(|i| if i == 0 { [0.0; 3] } else { [1.0, f32::from(i) * 1e-3, 0.0] }))
        .flatten()
        .collect();
    let positions = b.floats("VEC3", &positions);
    let mesh = b.mesh(json!({ "primitives": [{ "attributes": { "POSITION": positions } }] }));
    b.node(json!({ "mesh": mesh }));
    let rig = Rig::from_slice(&b.glb(), None, &limits).expect("it is valid");
    let mut posed = PosedVertices::default();
    let mut poser = Poser::new(&rig, FrameMode::Surface).expect("it is valid");
    poser.pose(&rig, &Pose::rest(&rig), &mut posed).expect("the pose fits");
    assert!(peak() - before < 64 * MIB, "{} bytes for a fan", peak() - before);

    // The smallest objects there are, which a megabyte of JSON holds most of.
    for list in ["nodes", "materials", "accessors"] {
        let mut b = square();
        b.json[list] = vec![Value::Object(serde_json::Map::new()); 300_000].into();
        let _ = Rig::from_slice(&b.glb(), None, &limits);
    }
    assert!(peak() - before < 512 * MIB, "{} bytes for a megabyte of JSON", peak() - before);
}
