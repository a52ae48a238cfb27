//! Rigs within the `.glb` asset that take care to write: mirrored nodes, shared vertices, animations that differ.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{avatar, json_of, posed, with_json};
use effigy_avatar::{Avatar, Body, simplify};
use effigy_rig::{
    Animation, Channel, ChannelValues, Interpolation, LoadLimits, Morph, Pose, PosedVertices, Poser, Rig,
};
use glam::{Vec3, Vec4};
use serde_json::json;

/// The bytes of an accessor that fills its buffer view.
fn accessor_bytes(glb: &[u8], accessor: u64) -> &[u8] {
    let json = json_of(glb);
    let view = json["accessors"][accessor as usize]["bufferView"].as_u64().unwrap() as usize;
    let number = |key: &str| json["bufferViews"][view][key].as_u64().unwrap() as usize;
    let binary = glb.len() - json["buffers"][0]["byteLength"].as_u64().unwrap() as usize;
    &glb[binary + number("byteOffset")..][..number("byteLength")]
}

#[test]
fn a_mirrored_node_does_not_move_the_gaussians() {
    let mut before = avatar();
    let body = before.body.as_mut().unwrap();
    body.rig.nodes[3].scale = Vec3::new(-1.0, 1.0, 1.0);
    body.binding.barycentric[2] = Vec3::new(0.2, 0.3, 0.5);
    let glb = before.to_glb().unwrap();
    // Mirrored, a triangle is seen from behind unless its file has it the other way round (glTF 2.0, 3.7.4).
    let indices = json_of(&glb)["meshes"][1]["primitives"][0]["indices"].as_u64().unwrap();
    assert_eq!(accessor_bytes(&glb, indices), [0, 0, 2, 0, 1, 0]);
    let after = Avatar::from_glb(&glb).unwrap();
    assert_eq!(after.body.as_ref().unwrap().rig.triangles, [[0, 1, 2], [0, 2, 3], [4, 5, 6]]);
    assert_eq!(after.to_glb().unwrap(), glb);
    for weight in [0.0, 1.0] {
        let move_jaw = |pose: &mut Pose| pose.morph_weights[0] = weight;
        let (a, b) = (posed(&before, move_jaw), posed(&after, move_jaw));
        for (p, q) in a.gaussians.positions.iter().zip(&b.gaussians.positions) {
            assert!(p.abs_diff_eq(*q, 1e-4), "{p} {q}");
        }
    }
}

/// A rig of which two primitives name the same vertices in the file, as VRM exporters write it.
fn with_shared_vertices() -> Rig {
    let glb = with_json(&avatar().to_glb().unwrap(), |json| {
        drop(json.as_object_mut().unwrap().remove("extensions"));
        let primitives = json["meshes"][0]["primitives"].as_array_mut().unwrap();
        primitives.push(primitives[0].clone());
        primitives[1]["material"] = json!(0);
    });
    Rig::from_slice(&glb, None, &LoadLimits::default()).unwrap()
}

#[test]
fn a_rig_whose_file_shares_vertices_is_saved_and_simplified() {
    let rig = with_shared_vertices();
    assert_eq!((rig.primitives.len(), rig.triangles.len()), (3, 5));
    let mut before = avatar();
    let body = before.body.take().unwrap();
    let mut binding = body.binding;
    // One on either of the primitives that share, one on the triangle.
    binding.triangles = vec![1, 3, 4];
    before.body = Some(Body { rig, binding, field: None });
    let glb = before.to_glb().unwrap();
    let after = Avatar::from_glb(&glb).unwrap();
    assert_eq!(after.to_glb().unwrap(), glb);
    let open = |pose: &mut Pose| pose.morph_weights[0] = 0.6;
    let (a, b) = (posed(&before, open), posed(&after, open));
    for (p, q) in a.gaussians.positions.iter().zip(&b.gaussians.positions) {
        assert!(p.abs_diff_eq(*q, 1e-4), "{p} {q}");
    }

    // Less than all triangles is asked for, but borders hold every one of these.
    let rig = &before.body.as_ref().unwrap().rig;
    let small = simplify(rig, 4);
    small.validate().unwrap();
    let corners = |rig: &Rig| {
        let mut pose = Pose::rest(rig);
        pose.morph_weights[0] = 1.0;
        let mut out = PosedVertices::default();
        let mut poser = Poser::new(rig, effigy_rig::FrameMode::Skin).unwrap();
        poser.pose(rig, &pose, &mut out).unwrap();
        let place = |t: &[u32; 3]| t.map(|v| out.positions[v as usize].to_array());
        let mut corners: Vec<_> = rig.triangles.iter().flat_map(place).collect();
        corners.sort_by(|a, b| a.partial_cmp(b).unwrap());
        corners.dedup();
        corners
    };
    assert_eq!(corners(&small), corners(rig));
}

#[test]
fn what_shares_vertices_in_memory_is_refused_or_left_alone() {
    let mut before = avatar();
    let rig = &mut before.body.as_mut().unwrap().rig;
    rig.primitives[1].vertices = 0..7;
    rig.validate().unwrap();
    assert_eq!(simplify(rig, 1), *rig);
    let said = before.to_glb().unwrap_err().to_string();
    assert!(said.contains("primitives do not follow one another"), "{said}");
}

#[test]
fn a_rigid_primitive_on_another_joint_is_refused() {
    let mut before = avatar();
    before.body.as_mut().unwrap().rig.joint_indices[6 * 4] = 1;
    let said = before.to_glb().unwrap_err().to_string();
    assert!(said.contains("follows something else than its node"), "{said}");
}

fn weights(interpolation: Interpolation, morph: usize, keys: &[(f32, f32)]) -> Channel {
    Channel {
        interpolation,
        times: keys.iter().map(|k| k.0).collect(),
        values: ChannelValues::Weights(vec![morph], keys.iter().map(|k| k.1).collect()),
    }
}

#[test]
fn steps_stay_steps_beside_a_channel_that_is_linear() {
    let mut before = avatar();
    before.body.as_mut().unwrap().rig.animations = vec![Animation {
        name: "both".into(),
        channels: vec![
            weights(Interpolation::Step, 0, &[(0.0, 0.25), (1.0, 1.0), (3.0, 0.5)]),
            weights(Interpolation::Linear, 1, &[(0.5, 0.0), (2.5, 1.0)]),
        ],
    }];
    let glb = before.to_glb().unwrap();
    let after = Avatar::from_glb(&glb).unwrap();
    assert_eq!(after.to_glb().unwrap(), glb);
    let rig = &after.body.as_ref().unwrap().rig;
    let mut pose = Pose::rest(rig);
    for (time, step, linear) in [
        (0.0, 0.25, 0.0),
        (0.5, 0.25, 0.0),
        (0.75, 0.25, 0.125),
        (0.999, 0.25, 0.2495),
        (1.0, 1.0, 0.25),
        (1.5, 1.0, 0.5),
        (2.75, 1.0, 1.0),
        (3.0, 0.5, 1.0),
    ] {
        rig.animations[0].sample(time, &mut pose);
        let found = &pose.morph_weights;
        assert!((found[0] - step).abs() < 1e-6 && (found[1] - linear).abs() < 1e-6, "{time}: {found:?}");
    }
}

#[test]
fn animations_that_would_grow_without_measure_are_refused() {
    let mut before = avatar();
    let rig = &mut before.body.as_mut().unwrap().rig;
    let morph = |i| Morph { name: format!("m{i}"), default_weight: 0.0, indices: vec![], deltas: vec![] };
    rig.morphs.extend((0..4000).map(morph));
    // 4002 weights at each of 20,000 keys: 80 million, from a channel of 20,000.
    let keys: Vec<(f32, f32)> = (0..20_000).map(|k| (k as f32, 0.5)).collect();
    let animation =
        |keys| Animation { name: "long".into(), channels: vec![weights(Interpolation::Linear, 0, keys)] };
    rig.animations = vec![animation(&keys)];
    let said = before.to_glb().unwrap_err().to_string();
    assert!(said.contains("67108864 morph weights"), "{said}");
    // Two that fit alone do not together.
    let rig = &mut before.body.as_mut().unwrap().rig;
    rig.animations = vec![animation(&keys[..9000]); 2];
    assert!(before.to_glb().unwrap_err().to_string().contains("morph weights"));
    before.body.as_mut().unwrap().rig.animations.truncate(1);
    before.body.as_mut().unwrap().rig.animations[0] = animation(&keys[..10]);
    assert!(before.to_glb().is_ok());
}

#[test]
fn vertex_colours_and_mirrored_skins_come_back() {
    let mut before = avatar();
    let body = before.body.as_mut().unwrap();
    body.rig.colors = vec![Vec4::ONE; 7];
    body.rig.colors[2] = Vec4::new(0.1, 0.2, 1.5, 0.25);
    // Both joints of the square.
    body.rig.nodes[0].scale = Vec3::new(-1.0, 1.0, 1.0);
    assert_eq!(body.rig.mirrored_primitives(), [true, true]);
    let glb = before.to_glb().unwrap();
    let attributes = |mesh: usize| json_of(&glb)["meshes"][mesh]["primitives"][0]["attributes"].clone();
    assert!(attributes(0).get("COLOR_0").is_some() && attributes(1).get("COLOR_0").is_none());
    let indices = json_of(&glb)["meshes"][0]["primitives"][0]["indices"].as_u64().unwrap();
    assert_eq!(accessor_bytes(&glb, indices), [0, 0, 2, 0, 1, 0, 0, 0, 3, 0, 2, 0]);
    let after = Avatar::from_glb(&glb).unwrap();
    let (a, b) = (&before.body.as_ref().unwrap().rig, &after.body.as_ref().unwrap().rig);
    assert_eq!((&a.colors, &a.triangles), (&b.colors, &b.triangles));
    assert_eq!(after.to_glb().unwrap(), glb);
    let small = simplify(a, 1);
    small.validate().unwrap();
    assert_eq!(small.colors.len(), small.positions.len());
}
