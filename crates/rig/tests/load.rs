//! What is read from well-formed files, against values worked out by hand from glTF 2.0.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{
    AlphaMode, ChannelValues, Interpolation, LoadLimits, Override, Pose, PosedVertices, Poser, Rig,
    rest_normals,
};
use effigy_tests::warnings;
use glam::{Affine3A, Quat, Vec2, Vec3, Vec4};
use serde_json::{Value, json};
use support::{Builder, morphing_square, square, two_bones};

/// Loads with exactly one warning, which says `part`.
fn load_warned(b: &Builder, part: &str) -> Rig {
    let (rig, said) = warnings(|| load(b));
    assert!(said.len() == 1 && said[0].contains(part), "{said:?} does not say {part:?}");
    rig
}

fn load(b: &Builder) -> Rig {
    Rig::from_slice(&b.glb(), None, &LoadLimits::default()).unwrap()
}

#[test]
fn a_mesh_without_a_skin_follows_its_node() {
    let mut b = square();
    b.json["nodes"][0]["translation"] = json!([1, 2, 3]);
    let rig = load(&b);
    assert_eq!(rig.positions[2], Vec3::new(1.0, 1.0, 0.0));
    assert_eq!(rig.triangles, [[0, 1, 2], [0, 2, 3]]);
    assert_eq!((rig.influences, rig.joints.len()), (1, 1));
    assert_eq!(rig.joints[0].node_from_mesh, Affine3A::IDENTITY);
    assert_eq!(rig.nodes[0].translation, Vec3::new(1.0, 2.0, 3.0));
    assert!(rig.normals.iter().all(|&n| n == Vec3::Z), "computed normals face the counter-clockwise side");
    assert_eq!(rig.uvs, [Vec2::ZERO; 4]);
    assert!(!rig.primitives[0].skinned);
}

#[test]
fn whose_work_it_is_is_kept() {
    let mut b = square();
    assert_eq!(load(&b).copyright, None);
    b.json["asset"]["copyright"] = json!("© 2020 A. Maker, CC BY 4.0");
    assert_eq!(load(&b).copyright.as_deref(), Some("© 2020 A. Maker, CC BY 4.0"));
}

#[test]
fn morphs_are_dense_or_sparse_and_named_by_extras() {
    let rig = load(&morphing_square());
    assert_eq!(rig.morphs.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["jawOpen", "custom"]);
    assert_eq!(
        (rig.morphs[0].indices.as_slice(), rig.morphs[0].deltas[3]),
        ([0, 1, 2, 3].as_slice(), Vec3::Z)
    );
    assert_eq!((rig.morphs[1].indices.as_slice(), rig.morphs[1].deltas[0]), ([2].as_slice(), Vec3::X * 0.5));
    let channel = &rig.animations[0].channels[0];
    assert_eq!(channel.interpolation, Interpolation::Linear);
    assert_eq!(channel.values, ChannelValues::Weights(vec![0, 1], vec![0.0, 0.25, 1.0, 0.75]));
}

#[test]
fn sparse_changes_stand_on_a_dense_base() {
    let mut b = square();
    let changed = b.sparse(4, &[(1, [2., 0., 0.])]);
    b.json["accessors"][changed]["bufferView"] = b.json["accessors"][0]["bufferView"].clone();
    b.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = changed.into();
    let rig = load(&b);
    assert_eq!(rig.positions[1], Vec3::X * 2.0);
    assert_eq!(rig.positions[2], Vec3::new(1.0, 1.0, 0.0));
}

#[test]
fn morphs_without_names_are_numbered_and_without_data_are_still() {
    let mut b = square();
    b.json["accessors"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "componentType": 5126, "type": "VEC3", "count": 4 }));
    b.json["meshes"][0]["primitives"][0]["targets"] = json!([{ "POSITION": 2 }, {}]);
    b.json["meshes"][0]["weights"] = json!([0.5, 0]);
    let rig = load(&b);
    assert_eq!(rig.morphs.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["morph_0", "morph_1"]);
    assert!(rig.morphs.iter().all(|m| m.indices.is_empty()));
    assert_eq!(rig.morphs[0].default_weight, 0.5);
}

#[test]
fn morphs_of_one_name_in_two_meshes_are_one() {
    let mut b = morphing_square();
    let mut mesh = b.json["meshes"][0].clone();
    mesh["extras"]["targetNames"] = json!(["custom", "jaw_open"]);
    let mesh = b.mesh(mesh);
    b.node(json!({ "mesh": mesh }));
    let rig = load(&b);
    assert_eq!(rig.morphs.len(), 2);
    assert_eq!(rig.morphs[0].indices, [0, 1, 2, 3, 6]);
    assert_eq!(rig.morphs[1].indices, [2, 4, 5, 6, 7]);
}

#[test]
fn an_instanced_mesh_stands_once_for_each_node() {
    let mut b = morphing_square();
    b.node(json!({ "mesh": 0, "scale": [-1, 1, 1] }));
    let rig = load(&b);
    assert_eq!((rig.positions.len(), rig.triangles.len(), rig.joints.len(), rig.morphs.len()), (8, 4, 2, 2));
    assert_eq!(rig.morphs[1].indices, [2, 6]);
    assert_eq!(rig.joint_indices, [0, 0, 0, 0, 1, 1, 1, 1]);
    assert_eq!(rig.triangles[2], [4, 6, 5], "the mirrored one is wound the other way");
}

#[test]
fn primitives_over_the_same_vertices_have_their_own_copies() {
    let mut b = morphing_square();
    let mut second = b.json["meshes"][0]["primitives"][0].clone();
    second["indices"] = b.shorts(&[3, 2, 1]).into();
    b.json["meshes"][0]["primitives"].as_array_mut().unwrap().push(second);
    let rig = load(&b);
    assert_eq!((rig.positions.len(), rig.triangles.len(), rig.primitives.len()), (7, 3, 2));
    assert_eq!((rig.primitives[0].vertices.clone(), rig.primitives[1].vertices.clone()), (0..4, 4..7));
    // Vertices 1, 2 and 3 of the file are 4, 5 and 6 here; no triangle of the second primitive has vertex 0.
    assert_eq!(rig.triangles[2], [6, 5, 4]);
    assert_eq!(rig.positions[4..], [Vec3::X, Vec3::new(1.0, 1.0, 0.0), Vec3::Y]);
    assert!(rig.normals[4..].iter().all(|&n| n == -Vec3::Z), "computed from its own triangle");
    assert_eq!((rig.uvs.len(), rig.joint_weights.len()), (7, 7));
    assert_eq!(rig.morphs[0].indices, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(
        (rig.morphs[1].indices.as_slice(), rig.morphs[1].deltas[1]),
        ([2, 5].as_slice(), Vec3::X * 0.5)
    );
}

#[test]
fn strips_fans_and_lists_without_indices() {
    let mut b = square();
    let primitive = b.json["meshes"][0]["primitives"][0].as_object_mut().unwrap();
    primitive.remove("indices");
    primitive.insert("mode".into(), 6.into());
    // glTF 2.0, 3.7.2.1: fan p_i = {v_i+1, v_i+2, v_0}, strip p_i = {v_i, v_i+(1+i%2), v_i+(2-i%2)}.
    assert_eq!(load(&b).triangles, [[1, 2, 0], [2, 3, 0]]);
    b.json["meshes"][0]["primitives"][0]["mode"] = 5.into();
    assert_eq!(load(&b).triangles, [[0, 1, 2], [1, 3, 2]]);
    let indices = b.shorts(&[0, 1, 2, 2, 3]);
    b.json["meshes"][0]["primitives"][0]["indices"] = indices.into();
    assert_eq!(load(&b).triangles, [[0, 1, 2]], "degenerate stitches are dropped");
}

#[test]
fn points_and_lines_are_passed_over() {
    let mut b = square();
    let mut points = b.json["meshes"][0]["primitives"][0].clone();
    points["mode"] = 0.into();
    b.json["meshes"][0]["primitives"].as_array_mut().unwrap().insert(0, points);
    let rig = load(&b);
    assert_eq!((rig.positions.len(), rig.primitives.len()), (4, 1));
}

#[test]
fn quantised_attributes_are_scaled() {
    let mut b = square();
    // KHR_mesh_quantization: plain shorts, strided; normalised bytes for texture coordinates.
    let shorts: Vec<u8> = [[0i16, 0, 0, 0], [100, 0, 0, 0], [100, -50, 0, 0], [0, 1, 0, 0]]
        .concat()
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let positions = b.accessor(&shorts, 5122, "VEC3", 4);
    let view = b.json["accessors"][positions]["bufferView"].as_u64().unwrap() as usize;
    b.json["bufferViews"][view]["byteStride"] = 8.into();
    let uvs = b.accessor(&[0, 0, 255, 0, 255, 51, 0, 255], 5121, "VEC2", 4);
    b.json["accessors"][uvs]["normalized"] = true.into();
    b.json["meshes"][0]["primitives"][0]["attributes"] = json!({ "POSITION": positions, "TEXCOORD_0": uvs });
    b.json["extensionsRequired"] = json!(["KHR_mesh_quantization"]);
    let rig = load(&b);
    assert_eq!(rig.positions[2], Vec3::new(100.0, -50.0, 0.0));
    assert_eq!(rig.uvs[2], Vec2::new(1.0, 0.2));
}

#[test]
fn influences_are_normalised_and_nodes_sorted() {
    let rig = load(&two_bones());
    assert_eq!((rig.influences, rig.joints.len()), (4, 2));
    assert_eq!(rig.nodes.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["", "root", "Head"]);
    assert_eq!(rig.nodes[2].parent, Some(1));
    assert_eq!((rig.joints[0].node, rig.joints[1].node), (1, 2));
    assert_eq!(rig.joint_weights[..4], [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(rig.joint_weights[8..12], [0.5, 0.5, 0.0, 0.0]);
    assert_eq!(rig.joint_indices[8..10], [0, 1]);
}

#[test]
fn eight_influences_make_eight_slots() {
    let mut b = two_bones();
    let joints = b.accessor(&[1; 24], 5121, "VEC4", 6);
    let weights: Vec<f32> = (0..6).flat_map(|_| [0.25, 0.0, 0.0, 0.75]).collect();
    let weights = b.floats("VEC4", &weights);
    let attributes = &mut b.json["meshes"][0]["primitives"][0]["attributes"];
    attributes["JOINTS_1"] = joints.into();
    attributes["WEIGHTS_1"] = weights.into();
    let rig = load(&b);
    assert_eq!(rig.influences, 8);
    // Set 0 is 3/255 in one slot, set 1 adds 1 in two.
    let sum = 1.0 + 3.0 / 255.0;
    let expected = [3.0 / 255.0 / sum, 0.0, 0.0, 0.0, 0.25 / sum, 0.0, 0.0, 0.75 / sum];
    for (got, expected) in rig.joint_weights[..8].iter().zip(expected) {
        assert!((got - expected).abs() < 1e-6);
    }
    assert_eq!((rig.joint_indices[4], rig.joint_indices[7]), (1, 1));
}

#[test]
fn a_matrix_node_is_taken_apart() {
    let mut b = square();
    // Quarter turn about z, scale (2, 3, 4), then a translation; column-major.
    b.json["nodes"][0]["matrix"] = json!([0, 2, 0, 0, -3, 0, 0, 0, 0, 0, 4, 0, 5, 6, 7, 1]);
    let node = &load(&b).nodes[0];
    assert!(node.scale.abs_diff_eq(Vec3::new(2.0, 3.0, 4.0), 1e-6));
    assert!(node.rotation.abs_diff_eq(Quat::from_rotation_z(std::f32::consts::FRAC_PI_2), 1e-6));
    assert_eq!(node.translation, Vec3::new(5.0, 6.0, 7.0));
}

#[test]
fn buffers_come_from_files_and_data_uris() {
    let b = square();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my buffer.bin"), &b.bin).unwrap();
    let mut json = b.json.clone();
    json["buffers"][0] = json!({ "byteLength": b.bin.len(), "uri": "my%20buffer.bin" });
    let path = folder.path().join("square.gltf");
    std::fs::write(&path, serde_json::to_vec(&json).unwrap()).unwrap();
    let expected = load(&b);
    assert_eq!(Rig::open(&path, &LoadLimits::default()).unwrap(), expected);

    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&b.bin);
    json["buffers"][0]["uri"] = format!("data:application/octet-stream;base64,{encoded}").into();
    let bytes = serde_json::to_vec(&json).unwrap();
    assert_eq!(Rig::from_slice(&bytes, None, &LoadLimits::default()).unwrap(), expected);
}

#[test]
fn materials_and_pictures_are_kept_encoded() {
    let mut b = square();
    let picture = b.view(b"\x89PNG and so on");
    b.json["images"] = json!([{ "bufferView": picture, "mimeType": "image/png", "name": "skin" }]);
    b.json["textures"] = json!([{ "source": 0 }]);
    b.json["materials"] = json!([{
        "name": "face", "alphaMode": "MASK", "alphaCutoff": 0.25, "doubleSided": true,
        "normalTexture": { "index": 0, "scale": 0.5 },
        "pbrMetallicRoughness": {
            "baseColorFactor": [0.1, 0.2, 0.3, 1], "roughnessFactor": 0.4,
            "baseColorTexture": { "index": 0, "extensions": { "KHR_texture_transform": { "offset": [0.5, 0], "scale": [2, 1] } } },
        },
    }]);
    let uvs = b.floats("VEC2", &[0., 0., 1., 0., 1., 1., 0., 1.]);
    b.json["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"] = uvs.into();
    b.json["meshes"][0]["primitives"][0]["material"] = 0.into();
    let rig = load(&b);
    let m = &rig.materials[0];
    assert_eq!((m.name.as_str(), m.alpha, m.double_sided), ("face", AlphaMode::Mask(0.25), true));
    assert_eq!((m.base_color, m.metallic, m.roughness), ([0.1, 0.2, 0.3, 1.0], 1.0, 0.4));
    assert_eq!((m.base_color_image, m.normal_image), (Some(0), Some((0, 0.5))));
    assert_eq!(
        (rig.images[0].mime.as_str(), rig.images[0].bytes.as_slice()),
        ("image/png", b"\x89PNG and so on".as_slice())
    );
    assert_eq!(rig.primitives[0].material, Some(0));
    assert_eq!(rig.uvs[1], Vec2::new(2.5, 0.0), "the texture transform is applied");
}

#[test]
fn texture_coordinates_are_scaled_then_turned_then_moved() {
    let mut b = square();
    b.json["images"] = json!([{ "uri": "data:image/png;base64,iVBORw0KGgo=" }]);
    b.json["textures"] = json!([{ "source": 0 }]);
    let quarter = std::f32::consts::FRAC_PI_2;
    let transform = json!({ "offset": [0.25, 0], "rotation": quarter, "scale": [2, 3], "texCoord": 1 });
    b.json["materials"] = json!([{ "pbrMetallicRoughness": { "baseColorTexture": {
        "index": 0, "extensions": { "KHR_texture_transform": transform } } } }]);
    let uvs = b.floats("VEC2", &[0., 0., 1., 0., 1., 1., 0., 1.]);
    let primitive = &mut b.json["meshes"][0]["primitives"][0];
    primitive["attributes"]["TEXCOORD_1"] = uvs.into();
    primitive["material"] = 0.into();
    let rig = load(&b);
    // Counter-clockwise in a picture whose v runs downwards: (1, 0) goes to (0, -1), (0, 1) to (1, 0).
    assert!(rig.uvs[1].abs_diff_eq(Vec2::new(0.25, -2.0), 1e-6), "{}", rig.uvs[1]);
    assert!(rig.uvs[3].abs_diff_eq(Vec2::new(3.25, 0.0), 1e-6), "{}", rig.uvs[3]);
    assert_eq!((rig.images[0].mime.as_str(), rig.images[0].bytes.len()), ("image/png", 8));
}

#[test]
fn vrm_expressions_bind_morphs() {
    let mut b = morphing_square();
    b.json["extensions"] = json!({ "VRMC_vrm": { "specVersion": "1.0", "expressions": {
        "preset": {
            "happy": { "isBinary": true, "morphTargetBinds": [
                { "node": 0, "index": 1, "weight": 0.5 }, { "node": 0, "index": 0, "weight": 1.0 },
            ] },
            "blink": { "materialColorBinds": [] },
        },
        "custom": { "EyeBlinkLeft": { "morphTargetBinds": [{ "node": 0, "index": 0, "weight": 0.25 }] } },
    } } });
    let rig = load(&b);
    let found: Vec<_> =
        rig.expressions.iter().map(|e| (e.name.as_str(), e.binds.as_slice(), e.binary)).collect();
    assert_eq!(
        found,
        [
            ("blink", [].as_slice(), false),
            ("happy", &[(1, 0.5), (0, 1.0)], true),
            ("eyeBlinkLeft", &[(0, 0.25)], false)
        ]
    );
}

#[test]
fn normalised_integer_animation_values_are_scaled() {
    let mut b = square();
    let times = b.floats("SCALAR", &[0.5]);
    let quarter = (std::f32::consts::FRAC_1_SQRT_2 * 32767.0).round() as i16;
    let bytes: Vec<u8> = [0, quarter, 0, quarter].iter().flat_map(|v| v.to_le_bytes()).collect();
    let rotation = b.accessor(&bytes, 5122, "VEC4", 1);
    b.json["accessors"][rotation]["normalized"] = true.into();
    b.json["animations"] = json!([{
        "name": "turn",
        "channels": [{ "sampler": 0, "target": { "node": 0, "path": "rotation" } }],
        "samplers": [{ "input": times, "output": rotation, "interpolation": "STEP" }],
    }]);
    let rig = load(&b);
    let ChannelValues::Rotation(0, values) = &rig.animations[0].channels[0].values else { panic!() };
    assert!(values[0].abs_diff_eq(Quat::from_rotation_y(std::f32::consts::FRAC_PI_2), 1e-4));
}

#[test]
fn primitives_may_lack_the_morph_targets_of_others() {
    let plain = square().json["meshes"][0]["primitives"][0].clone();
    for first in [true, false] {
        let mut b = morphing_square();
        let primitives = b.json["meshes"][0]["primitives"].as_array_mut().unwrap();
        let mut one = primitives[0].clone();
        one["targets"].as_array_mut().unwrap().pop();
        let at = if first { 0 } else { 1 };
        primitives.insert(at, one);
        primitives.insert(at, plain.clone());
        let rig = load_warned(&b, "2 primitives lack morph targets");
        assert_eq!(rig.morphs.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["jawOpen", "custom"]);
        let whole = if first { 8..12 } else { 0..4 };
        assert_eq!(rig.morphs[1].indices, [whole.start + 2]);
        let (half, still) = if first { (4..8, 0..4) } else { (8..12, 4..8) };
        let mut moving: Vec<u32> = whole.chain(half).collect();
        moving.sort_unstable();
        assert_eq!(rig.morphs[0].indices, moving);
        assert!(still.clone().all(|v| !rig.morphs[0].indices.contains(&v)));
    }
}

fn with_vrm(mut b: Builder, name: &str, vrm: Value) -> Builder {
    b.json["extensions"] = json!({ name: vrm });
    b
}

#[test]
fn binds_that_lead_nowhere_are_left_out() {
    let b = with_vrm(
        morphing_square(),
        "VRMC_vrm",
        json!({ "expressions": { "preset": {
        "aa": { "morphTargetBinds": [
            { "node": 0, "index": 7, "weight": 1.0 }, { "node": 3, "index": 0, "weight": 1.0 },
            { "node": 0, "index": 0, "weight": "full" }, { "node": 0, "index": 1, "weight": 0.5 }, 5,
        ] },
        "ih": [],
    } } }),
    );
    // Four binds and one expression.
    let rig = load_warned(&b, "5 binds of expressions");
    assert_eq!(rig.expressions.len(), 1);
    assert_eq!(
        (rig.expressions[0].name.as_str(), rig.expressions[0].binds.as_slice()),
        ("aa", &[(1, 0.5)][..])
    );
}

#[test]
fn overrides_and_bones_of_vrm_1() {
    let b = with_vrm(
        morphing_square(),
        "VRMC_vrm",
        json!({
            "humanoid": { "humanBones": { "head": { "node": 0 }, "leftEye": { "node": 9 } } },
            "expressions": { "preset": { "happy": {
                "overrideBlink": "block", "overrideLookAt": "none", "overrideMouth": "blend",
            } } },
        }),
    );
    let rig = load(&b);
    assert_eq!(rig.expressions[0].overrides, [Override::Block, Override::None, Override::Blend]);
    assert_eq!((rig.humanoid.len(), rig.head_node()), (1, Some(0)));
    assert_eq!(rig.nodes[0].rotation, Quat::IDENTITY);
}

#[test]
fn vrm_0_is_turned_and_its_groups_are_expressions() {
    let mut b = morphing_square();
    b.json["nodes"][0]["name"] = "Bone.012".into();
    b.json["nodes"][0]["translation"] = json!([1, 2, 3]);
    b.json["nodes"][0]["rotation"] = json!([0.0, 0.0, 0.6, 0.8]);
    b.node(json!({ "children": [0], "translation": [0, 0, 0.5], "scale": [2, 2, 2] }));
    let bind = |mesh: u32, index: u32, weight: f32| json!({ "mesh": mesh, "index": index, "weight": weight });
    let group = |preset: &str, name: &str, binds: Value| json!({ "presetName": preset, "name": name, "binds": binds, "isBinary": preset == "joy" });
    let b = with_vrm(
        b,
        "VRM",
        json!({
            "humanoid": { "humanBones": [
                { "bone": "head", "node": 0 }, { "bone": "leftThumbProximal", "node": 1 }, { "bone": "hips", "node": 9 },
            ] },
            "blendShapeMaster": { "blendShapeGroups": [
                group("a", "A", json!([bind(0, 0, 100.0)])),
                group("joy", "Joy", json!([bind(0, 1, 25.0), bind(0, 0, 50.0)])),
                group("blink_l", "Blink_L", json!([bind(0, 0, 100.0)])),
                group("sorrow", "", json!([])),
                group("unknown", "JawOpen", json!([{ "mesh": 0, "index": 0 }])),
                group("unknown", "Wink", json!([bind(0, 9, 100.0)])),
            ] },
        }),
    );
    let rig = load_warned(&b, "1 binds of expressions are left out");
    let found: Vec<_> =
        rig.expressions.iter().map(|e| (e.name.as_str(), e.binds.as_slice(), e.binary)).collect();
    assert_eq!(
        found,
        [
            ("aa", &[(0, 1.0)][..], false),
            ("happy", &[(1, 0.25), (0, 0.5)], true),
            ("blinkLeft", &[(0, 1.0)], false),
            ("sad", &[], false),
            ("jawOpen", &[(0, 1.0)], false),
            ("Wink", &[], false),
        ]
    );
    // The parent comes first here.
    assert_eq!((rig.head_node(), rig.humanoid["leftThumbMetacarpal"]), (Some(1), 0));

    let unturned = load(&{
        let mut b = b;
        b.json["extensions"] = json!({});
        b
    });
    let posed = |rig: &Rig| {
        let mut out = PosedVertices::default();
        let mut poser = Poser::new(rig, Default::default()).unwrap();
        poser.pose(rig, &Pose::rest(rig), &mut out).unwrap();
        out.positions
    };
    for (turned, p) in posed(&rig).iter().zip(posed(&unturned)) {
        assert!(turned.abs_diff_eq(Vec3::new(-p.x, p.y, -p.z), 1e-6), "{turned} {p}");
    }
}

#[test]
fn animations_of_vrm_0_are_turned_with_it() {
    let mut b = square();
    b.json["extensions"] = json!({ "VRM": {} });
    b.node(json!({ "children": [0] }));
    let times = b.floats("SCALAR", &[0.]);
    let translation = b.floats("VEC3", &[1., 2., 3.]);
    let rotation = b.floats("VEC4", &[0.6, 0., 0., 0.8]);
    let channel = |sampler: u32, node: u32, path: &str| json!({ "sampler": sampler, "target": { "node": node, "path": path } });
    b.json["animations"] = json!([{
        "channels": [channel(0, 1, "translation"), channel(1, 1, "rotation"), channel(0, 0, "translation")],
        "samplers": [{ "input": times, "output": translation }, { "input": times, "output": rotation }],
    }]);
    let rig = load(&b);
    let values: Vec<_> = rig.animations[0].channels.iter().map(|c| c.values.clone()).collect();
    let half_turn = Quat::from_rotation_y(std::f32::consts::PI);
    let ChannelValues::Rotation(0, turned) = &values[1] else { panic!("{values:?}") };
    assert!(turned[0].abs_diff_eq(half_turn * Quat::from_xyzw(0.6, 0.0, 0.0, 0.8), 1e-6), "{turned:?}");
    assert_eq!(values[0], ChannelValues::Translation(0, vec![Vec3::new(-1.0, 2.0, -3.0)]));
    assert_eq!(values[2], ChannelValues::Translation(1, vec![Vec3::new(1.0, 2.0, 3.0)]));
}

#[test]
fn channels_that_cannot_be_applied_are_left_out() {
    let mut b = morphing_square();
    b.node(json!({ "name": "Armature" }));
    let equal = b.floats("SCALAR", &[0.5, 0.5]);
    let animation = &mut b.json["animations"][0];
    let output = animation["samplers"][0]["output"].clone();
    let samplers = animation["samplers"].as_array_mut().unwrap();
    samplers.push(json!({ "input": equal, "output": output }));
    let good = animation["channels"][0].clone();
    let pointer = json!({ "KHR_animation_pointer": { "pointer": "/materials/0/pbrMetallicRoughness/baseColorFactor" } });
    animation["channels"] = json!([
        { "sampler": 0, "target": { "path": "pointer", "extensions": pointer } },
        { "sampler": 0, "target": { "path": "weights" } },
        { "sampler": 0, "target": { "path": "weights", "node": 1 } },
        { "sampler": 1, "target": { "path": "weights", "node": 0 } },
        { "sampler": 0, "target": { "path": "translation", "node": 0 } },
        { "sampler": 5, "target": { "path": "weights", "node": 0 } },
        { "sampler": 0, "target": { "path": "weights", "node": 8 } },
        {},
        good,
    ]);
    let rig = load_warned(&b, "8 channels of animations are left out; the first: animation 0, channel 0");
    assert_eq!(rig.animations[0].channels, load(&morphing_square()).animations[0].channels);
    b.json["animations"] = json!({ "not": "a list" });
    assert!(load_warned(&b, "the animations").animations.is_empty());
}

#[test]
fn negative_weights_are_none() {
    let mut b = two_bones();
    let weights: Vec<f32> = (0..6).flat_map(|_| [0.75, 0.25, -0.001, 0.0]).collect();
    let weights = b.floats("VEC4", &weights);
    b.json["meshes"][0]["primitives"][0]["attributes"]["WEIGHTS_0"] = weights.into();
    let joints = b.accessor(&[0, 1, 7, 0].repeat(6), 5121, "VEC4", 6);
    b.json["meshes"][0]["primitives"][0]["attributes"]["JOINTS_0"] = joints.into();
    let rig = load_warned(&b, "6 negative skin weights");
    assert_eq!(rig.joint_weights[..4], [0.75, 0.25, 0.0, 0.0]);
}

#[test]
fn vertex_colours_of_every_form() {
    let colored = |accessor: &dyn Fn(&mut Builder) -> usize| {
        let mut b = square();
        let colors = accessor(&mut b);
        b.json["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = colors.into();
        b
    };
    let floats = |b: &mut Builder| b.floats("VEC3", &[1., 0.5, 0., 1., 1., 1., 1., 1., 1., -0.5, 2., 1.]);
    let rig = load(&colored(&floats));
    assert_eq!(rig.colors, [[1., 0.5, 0., 1.], [1.; 4], [1.; 4], [0., 2., 1., 1.]].map(Vec4::from_array));
    let bytes = |b: &mut Builder| {
        let colors = b.accessor(&[255, 51, 0, 102].repeat(4), 5121, "VEC4", 4);
        b.json["accessors"][colors]["normalized"] = true.into();
        colors
    };
    assert_eq!(load(&colored(&bytes)).colors, [Vec4::new(1.0, 0.2, 0.0, 0.4); 4]);
    let shorts = |b: &mut Builder| {
        let words: Vec<u8> = [65535u16, 13107, 0].repeat(4).iter().flat_map(|w| w.to_le_bytes()).collect();
        b.accessor(&words, 5123, "VEC3", 4)
    };
    assert_eq!(load(&colored(&shorts)).colors, [Vec4::new(1.0, 0.2, 0.0, 1.0); 4]);
    // White is as good as none, and what does not fit is left out.
    assert!(load(&colored(&|b: &mut Builder| b.floats("VEC4", &[1.; 16]))).colors.is_empty());
    let few = colored(&|b: &mut Builder| b.floats("VEC4", &[0.5; 12]));
    assert!(load_warned(&few, "1 primitives have vertex colours that cannot be used").colors.is_empty());

    // Other primitives are white, and copies of shared vertices keep their colours.
    let mut b = colored(&floats);
    let mut second = b.json["meshes"][0]["primitives"][0].clone();
    second["indices"] = b.shorts(&[3, 2, 1]).into();
    b.json["meshes"][0]["primitives"].as_array_mut().unwrap().push(second);
    let plain = square().json["meshes"][0]["primitives"][0].clone();
    b.json["meshes"][0]["primitives"].as_array_mut().unwrap().insert(0, plain);
    let rig = load(&b);
    assert_eq!(rig.colors.len(), rig.positions.len());
    let last = rig.primitives[2].vertices.end as usize - 1;
    assert_eq!((rig.colors[0], rig.colors[last]), (Vec4::ONE, Vec4::new(0.0, 2.0, 1.0, 1.0)));
}

/// Area-weighted normal of the whole of `rig` in the world, by its triangles.
fn facing(rig: &Rig) -> Vec3 {
    let mut posed = PosedVertices::default();
    Poser::new(rig, Default::default()).unwrap().pose(rig, &Pose::rest(rig), &mut posed).unwrap();
    let p = |v: u32| posed.positions[v as usize];
    rig.triangles.iter().map(|t| (p(t[1]) - p(t[0])).cross(p(t[2]) - p(t[0]))).sum::<Vec3>().normalize()
}

#[test]
fn what_is_mirrored_keeps_its_outer_side() {
    // Of a square in z = 0 that is seen from +z, mirrored in x and then turned half about y: seen from −z.
    let mut b = square();
    b.json["nodes"][0]["scale"] = json!([-1, 1, 1]);
    for (above, side) in
        [(json!({}), 1.0), (json!({ "scale": [1, -2, 1] }), 1.0), (json!({ "scale": [1, 1, -1] }), -1.0)]
    {
        let mut nested = Builder { json: b.json.clone(), bin: b.bin.clone() };
        let mut parent = above;
        parent["children"] = json!([0]);
        nested.node(parent);
        let rig = load(&nested);
        assert!(facing(&rig).abs_diff_eq(Vec3::Z * side, 1e-6), "{}", facing(&rig));
        assert!(rest_normals(&rig).iter().all(|n| n.abs_diff_eq(Vec3::Z * side, 1e-6)));
    }
    // A skin under a mirrored armature.
    let mut b = two_bones();
    let plain = facing(&load(&b));
    b.json["nodes"][2]["scale"] = json!([-1, 1, 1]);
    let rig = load(&b);
    assert_eq!(rig.mirrored_primitives(), [true]);
    assert!(facing(&rig).abs_diff_eq(plain, 1e-6) && rest_normals(&rig)[0].abs_diff_eq(plain, 1e-6));
    // The mesh's own node does not move a skinned mesh.
    let mut b = two_bones();
    b.json["nodes"][0]["scale"] = json!([-1, 1, 1]);
    assert!(facing(&load(&b)).abs_diff_eq(plain, 1e-6));
}

#[test]
fn textures_of_other_formats_are_left_out_or_stood_in_for() {
    let mut b = square();
    b.json["images"] = json!([{ "uri": "data:image/png;base64,iVBORw0KGgo=" }, { "uri": "gone.webp" }]);
    b.json["textures"] = json!([
        { "extensions": { "KHR_texture_basisu": { "source": 0 } } },
        { "source": 0, "extensions": { "EXT_texture_webp": { "source": 1 } } },
    ]);
    let with = |texture: u32| json!({ "pbrMetallicRoughness": { "baseColorTexture": { "index": texture } } });
    b.json["materials"] = json!([with(0), with(1)]);
    let (rig, said) = warnings(|| load(&b));
    assert_eq!(rig.materials.iter().map(|m| m.base_color_image).collect::<Vec<_>>(), [None, Some(0)]);
    assert!(said.len() == 2 && said[0].contains("1 pictures") && said[1].contains("texture 0"), "{said:?}");
}

#[test]
fn pictures_are_found_around_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("a/b/model");
    for part in ["a/b/model/tex", "a/b/texture", "a"] {
        std::fs::create_dir_all(folder.path().join(part)).unwrap();
    }
    let png = |name: &str| std::fs::write(folder.path().join(name), format!("\x1bPNG {name}")).unwrap();
    for name in ["a/b/model/tex/my skin.png", "a/b/texture/skin.png", "a/skin.png", "skin.png"] {
        png(name);
    }
    let mut b = square();
    b.json["textures"] = json!([{ "source": 0 }]);
    b.json["materials"] = json!([{ "pbrMetallicRoughness": {
        "baseColorFactor": [0.5, 0.25, 0.125, 1.0], "baseColorTexture": { "index": 0 } } }]);
    b.json["meshes"][0]["primitives"][0]["material"] = 0.into();
    let read = |uri: &str| {
        let mut json = b.json.clone();
        json["buffers"][0]["byteLength"] = b.bin.len().into();
        json["images"] = json!([{ "uri": uri }]);
        warnings(|| {
            Rig::from_slice(&support::pack(&json, &b.bin), Some(&model), &LoadLimits::default()).unwrap()
        })
    };
    for (uri, name) in [
        ("tex/my%20skin.png", "a/b/model/tex/my skin.png"),
        ("tex\\my skin.png", "a/b/model/tex/my skin.png"),
        ("./tex/../tex/my skin.png", "a/b/model/tex/my skin.png"),
        ("../texture/skin.png", "a/b/texture/skin.png"),
        ("..%5Ctexture%5cskin.png", "a/b/texture/skin.png"),
        ("../../skin.png", "a/skin.png"),
    ] {
        let (rig, said) = read(uri);
        assert_eq!((rig.images.len(), said), (1, vec![]), "{uri}");
        assert!(rig.images[0].bytes.ends_with(name.as_bytes()), "{uri}");
        assert_eq!(rig.materials[0].base_color_image, Some(0));
    }
    let absolute = folder.path().join("skin.png").display().to_string();
    for uri in
        ["../../../skin.png", "tex/gone.png", "tex", "data:image/png;base64,???", "C:\\skin.png", &absolute]
    {
        let (rig, said) = read(uri);
        assert!(said.len() == 1 && said[0].contains("1 pictures are left out"), "{uri}: {said:?}");
        assert!(!said[0].contains('\n'), "{said:?}");
        let material = &rig.materials[0];
        assert_eq!((rig.images.len(), material.base_color_image, material.base_color[1]), (0, None, 0.25));
    }
}
