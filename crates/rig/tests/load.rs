//! What is read from well-formed files, against values worked out by hand from glTF 2.0.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{AlphaMode, ChannelValues, Interpolation, LoadLimits, Rig};
use glam::{Affine3A, Quat, Vec2, Vec3};
use serde_json::json;
use support::{Builder, morphing_square, square, two_bones};

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
