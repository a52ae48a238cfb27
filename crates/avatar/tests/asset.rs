//! The `.glb` asset: what is written is valid glTF, comes back, and damage is refused.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use common::{avatar, avatar_with_field, json_of, mutate, with_json};
use effigy_avatar::surface::{SurfaceOptions, sample};
use effigy_avatar::{Avatar, AvatarError, OpenOptions};
use effigy_rig::{ChannelValues, LoadLimits, Rig, RigError};
use effigy_splat::{BlendSpace, Filter, Gaussians, SplatRules};
use effigy_tests::{data, warnings};
use glam::Vec3;
use serde_json::Value;

fn fault(glb: &[u8]) -> String {
    Avatar::from_glb(glb).unwrap_err().to_string()
}

#[test]
fn an_avatar_comes_back_as_it_was() {
    let before = avatar();
    let after = Avatar::from_glb(&before.to_glb().unwrap()).unwrap();
    assert_eq!((after.name.as_str(), after.filter), ("test", Filter::MIP));
    let (a, b) = (&before.gaussians, &after.gaussians);
    assert_eq!(a.positions, b.positions);
    assert_eq!(a.sh, b.sh, "sixteenths are exact in half floats");
    assert_eq!(a.opacity_logits, b.opacity_logits);
    assert_eq!(a.log_scales, b.log_scales, "multiples of 1/1024 are exact");
    for (p, q) in a.rotations.iter().zip(&b.rotations) {
        assert!(p.dot(*q) > 1.0 - 5e-5, "{p} {q}");
    }
    let (a, b) = (before.body.unwrap(), after.body.unwrap());
    assert_eq!(a.binding.triangles, b.binding.triangles);
    assert_eq!(a.binding.frame, b.binding.frame);
    for (p, q) in a.binding.barycentric.iter().zip(&b.binding.barycentric) {
        assert!(p.abs_diff_eq(*q, 1e-5));
    }
    assert_eq!(b.rig.copyright.as_deref(), Some("2020 A. Maker, CC BY 4.0"));
    assert_eq!(a.rig.positions, b.rig.positions);
    assert_eq!(a.rig.triangles, b.rig.triangles);
    assert_eq!(a.rig.morphs, b.rig.morphs);
    assert_eq!(a.rig.expressions, b.rig.expressions);
    assert_eq!((&a.rig.humanoid, b.rig.head_node()), (&b.rig.humanoid, Some(1)));
    assert_eq!(a.rig.materials, b.rig.materials);
    assert_eq!(a.rig.images, b.rig.images);
    assert_eq!(a.rig.nodes, b.rig.nodes);
    assert_eq!(a.rig.animations[0].channels[0].times, b.rig.animations[0].channels[0].times);
    let weights = |rig: &Rig| match &rig.animations[0].channels[1].values {
        ChannelValues::Weights(morphs, values) => (morphs.clone(), values.clone()),
        _ => panic!("no weights"),
    };
    // The second morph is not animated and stays at its 0.5.
    assert_eq!(weights(&b.rig), (vec![0, 1], vec![0.25, 0.5, 1.0, 0.5]));
}

#[test]
fn saving_what_was_loaded_gives_the_same_bytes() {
    let first = avatar().to_glb().unwrap();
    assert_eq!(Avatar::from_glb(&first).unwrap().to_glb().unwrap(), first);
}

#[test]
fn the_file_is_plain_gltf_by_the_validators_rules() {
    let glb = avatar().to_glb().unwrap();
    assert_eq!(u32::from_le_bytes(glb[8..12].try_into().unwrap()) as usize, glb.len());
    let json = json_of(&glb);
    let list = |key: &str| json[key].as_array().unwrap().clone();
    assert_eq!(json["extensionsUsed"][0], "EFFIGY_neural_avatar");
    assert!(json.get("extensionsRequired").is_none());
    assert_eq!(json["asset"]["copyright"], "2020 A. Maker, CC BY 4.0");
    for view in list("bufferViews") {
        assert_eq!(view["byteOffset"].as_u64().unwrap() % 4, 0);
    }
    let target = |accessor: &Value| {
        let accessor = &json["accessors"][accessor.as_u64().unwrap() as usize];
        json["bufferViews"][accessor["bufferView"].as_u64().unwrap() as usize]["target"].clone()
    };
    for mesh in list("meshes") {
        let counts: Vec<usize> = mesh["primitives"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p.get("targets").map_or(0, |t| t.as_array().unwrap().len()))
            .collect();
        assert!(counts.windows(2).all(|w| w[0] == w[1]));
        for primitive in mesh["primitives"].as_array().unwrap() {
            assert_eq!(target(&primitive["attributes"]["POSITION"]), 34962);
            assert_eq!(target(&primitive["indices"]), 34963);
        }
    }
    // POSITION of the square: 0 to 1 in x and y.
    let position = &list("meshes")[0]["primitives"][0]["attributes"]["POSITION"];
    let position = &json["accessors"][position.as_u64().unwrap() as usize];
    assert_eq!(position["min"], serde_json::json!([0.0, 0.0, 0.0]));
    assert_eq!(position["max"], serde_json::json!([1.0, 1.0, 0.0]));
    // jawOpen moves vertices 1 and 2 of 4: bounds include the zeros.
    let morph = &list("meshes")[0]["primitives"][0]["targets"][0]["POSITION"];
    let morph = &json["accessors"][morph.as_u64().unwrap() as usize];
    assert_eq!((morph["sparse"]["count"].as_u64(), morph["count"].as_u64()), (Some(2), Some(4)));
    assert_eq!(morph["min"], serde_json::json!([0.0, 0.0, 0.0]));
    assert_eq!(morph["max"], serde_json::json!([0.0, 0.5, 1.0]));
    assert_eq!(list("meshes")[0]["extras"]["targetNames"][0], "jawOpen");
    // Inverse bind matrices end in 0 0 0 1, to the bit.
    let matrices = &json["accessors"][list("skins")[0]["inverseBindMatrices"].as_u64().unwrap() as usize];
    let view = &json["bufferViews"][matrices["bufferView"].as_u64().unwrap() as usize];
    let binary = glb.len() - json["buffers"][0]["byteLength"].as_u64().unwrap() as usize;
    let start = binary + view["byteOffset"].as_u64().unwrap() as usize;
    for m in glb[start..start + 128].chunks(64) {
        let row: Vec<f32> =
            (0..4).map(|c| f32::from_le_bytes(m[c * 16 + 12..c * 16 + 16].try_into().unwrap())).collect();
        assert_eq!(row, [0.0, 0.0, 0.0, 1.0]);
    }
    let plain = Rig::from_slice(&glb, None, &LoadLimits::default()).unwrap();
    assert_eq!(plain.triangles.len(), 3);
}

#[test]
fn gaussians_without_a_rig_are_written_too() {
    let alone = Avatar { body: None, ..avatar() };
    let glb = alone.to_glb().unwrap();
    assert!(json_of(&glb).get("meshes").is_none());
    assert!(json_of(&glb)["asset"].get("copyright").is_none());
    let back = Avatar::from_glb(&glb).unwrap();
    assert!(back.body.is_none());
    assert_eq!(back.gaussians.positions, alone.gaussians.positions);
    assert_eq!(back.to_glb().unwrap(), glb);
}

#[test]
fn what_is_wrong_is_named() {
    let glb = avatar().to_glb().unwrap();
    let extension = |change: fn(&mut Value)| {
        fault(&with_json(&glb, |json| change(&mut json["extensions"]["EFFIGY_neural_avatar"])))
    };
    assert!(extension(|e| e["version"] = 3.into()).contains("version 3 is not known"));
    assert!(extension(|e| e["count"] = u64::MAX.into()).contains("positions"));
    assert!(extension(|e| e["count"] = 4.into()).contains("36 bytes for 4 entries of 12"));
    assert!(extension(|e| e["sh"] = 999.into()).contains("no buffer view 999"));
    assert!(extension(|e| e["shDegree"] = 4.into()).contains("degree 4"));
    assert!(extension(|e| e["binding"]["triangleCount"] = 9.into()).contains("9 triangles"));
    assert!(extension(|e| e["humanoid"]["head"] = 9.into()).contains("node 9 of 4"));
    assert!(extension(|e| e["expressions"][0]["binds"][0][0] = "x".into()).contains("\"x\""));
    assert!(
        fault(&with_json(&glb, |json| drop(json.as_object_mut().unwrap().remove("extensions"))))
            .contains("no extension")
    );
    assert!(fault(&glb[..glb.len() - 5]).contains("truncated"));
    assert!(fault(b"glTF").contains("header is cut short"));
    assert!(extension(|e| e["count"] = 0.into()).contains("there are no Gaussians"));
}

#[test]
fn what_a_reader_must_know_of_gltf_is_checked_without_a_mesh_too() {
    let glb = Avatar { body: None, ..avatar() }.to_glb().unwrap();
    let document = |change: fn(&mut Value)| fault(&with_json(&glb, change));
    assert!(document(|json| json["asset"]["version"] = "7.0".into()).contains("7.0"));
    assert!(document(|json| json["asset"]["minVersion"] = "2.9".into()).contains("2.9"));
    assert!(document(|json| json["extensionsRequired"] = serde_json::json!(["NOPE"])).contains("NOPE"));
    let small = LoadLimits { json_bytes: 100, ..LoadLimits::default() };
    let error = Avatar::from_glb_within(&glb, &small).unwrap_err();
    assert!(matches!(error, AvatarError::Rig(RigError::Limit { limit: 100, .. })), "{error}");
}

/// Compares an object with its schema: no key that the schema does not know, none missing that it requires.
fn fits(value: &Value, schema: &Value, place: &str) {
    let (Some(object), Some(known)) = (value.as_object(), schema["properties"].as_object()) else { return };
    for (key, value) in object {
        // `planes0` and so on stand in the schema as a pattern.
        let numbered = key.strip_prefix("planes").is_some_and(|n| n.parse::<u8>().is_ok());
        let pattern = schema["patternProperties"].get("^planes[0-9]+$").filter(|_| numbered);
        let schema = known.get(key).or(pattern).unwrap_or_else(|| panic!("{place}: the schema lacks {key}"));
        fits(value, schema, key);
        for item in value.as_array().into_iter().flatten() {
            fits(item, &schema["items"], key);
        }
    }
    for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        assert!(object.contains_key(key), "{place}: the schema requires {key}");
    }
}

/// The keys that the schema requires, and those it does not, at `pointer` within a value.
fn keys(schema: &Value) -> (Vec<String>, Vec<String>) {
    let required = |key: &String| schema["required"].as_array().unwrap().contains(&key.as_str().into());
    schema["properties"].as_object().unwrap().keys().cloned().partition(required)
}

#[test]
fn the_schema_says_what_is_written_and_what_is_read() {
    let schema: Value =
        serde_json::from_str(include_str!("../schema/EFFIGY_neural_avatar.schema.json")).unwrap();
    let mut full = avatar_with_field();
    full.filter.rules = SplatRules { blending: BlendSpace::Linear, ..SplatRules::KHR_ELLIPSE };
    let glb = full.to_glb().unwrap();
    assert_eq!(Avatar::from_glb(&glb).unwrap().filter, full.filter);
    let bound = avatar().to_glb().unwrap();
    let alone = Avatar { body: None, name: String::new(), ..avatar() }.to_glb().unwrap();
    for glb in [&glb, &alone] {
        fits(&json_of(glb)["extensions"]["EFFIGY_neural_avatar"], &schema, "extension");
    }
    let expression = &schema["properties"]["expressions"]["items"];
    let field = &schema["properties"]["field"];
    for (place, schema) in [
        ("", &schema),
        ("/filter", &schema["properties"]["filter"]),
        ("/binding", &schema["properties"]["binding"]),
        ("/expressions/0", expression),
        ("/field", field),
        ("/field/planes/0", &field["properties"]["planes"]["items"]),
        ("/field/triplane", &field["properties"]["triplane"]),
        ("/field/weights", &field["properties"]["weights"]),
    ] {
        let (required, optional) = keys(schema);
        let without = |key: &str| {
            if place.is_empty() && key == "field" {
                // Positions are smaller with one.
                return Avatar::from_glb(&bound);
            }
            // A field is nothing without a binding.
            let glb = if key == "binding" { &bound } else { &glb };
            Avatar::from_glb(&with_json(glb, |json| {
                if key == "shRest" {
                    // What is left are the constant ones.
                    json["extensions"]["EFFIGY_neural_avatar"]["shDegree"] = 0.into();
                }
                let object = json.pointer_mut(&format!("/extensions/EFFIGY_neural_avatar{place}")).unwrap();
                // A full avatar has everything that the schema knows.
                assert!(
                    object.as_object_mut().unwrap().remove(key).is_some(),
                    "{place}: {key} is not written"
                );
            }))
        };
        required.iter().for_each(|key| assert!(without(key).is_err(), "{place}: {key} is not missed"));
        optional.iter().for_each(|key| assert!(without(key).is_ok(), "{place}: {key} is missed"));
    }
}

#[test]
fn values_that_are_not_numbers_are_refused_both_ways() {
    let mut bad = avatar();
    bad.gaussians.positions[1].y = f32::NAN;
    assert!(matches!(bad.to_glb(), Err(AvatarError::Splat(_))));
    let glb = avatar().to_glb().unwrap();
    let json = json_of(&glb);
    let view = json["extensions"]["EFFIGY_neural_avatar"]["positions"].as_u64().unwrap() as usize;
    let binary = glb.len() - json["buffers"][0]["byteLength"].as_u64().unwrap() as usize;
    let at = binary + json["bufferViews"][view]["byteOffset"].as_u64().unwrap() as usize;
    let mut broken = glb.clone();
    broken[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(fault(&broken).contains("Gaussian 0: position is not finite"));
}

#[test]
fn bindings_that_do_not_fit_are_refused() {
    let change = |f: fn(&mut Avatar)| {
        let mut a = avatar();
        f(&mut a);
        a.validate().unwrap_err().to_string()
    };
    assert!(change(|a| a.body.as_mut().unwrap().binding.triangles[1] = 3).contains("triangle 3"));
    assert!(change(|a| a.body.as_mut().unwrap().binding.barycentric[2] = Vec3::ONE).contains("Gaussian 2"));
    assert!(change(|a| a.body.as_mut().unwrap().binding.barycentric.truncate(2)).contains("2 barycentric"));
}

#[test]
fn saving_leaves_one_whole_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glb");
    avatar().save(&path).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let opened = Avatar::open(&path, &Default::default()).unwrap();
    assert_eq!(opened, Avatar::from_glb(&std::fs::read(&path).unwrap()).unwrap());
    let nowhere = folder.path().join("none/a.glb");
    assert!(avatar().save(&nowhere).unwrap_err().to_string().contains("a.glb"));
    let mut bad = avatar();
    bad.gaussians = Gaussians::default();
    assert!(bad.save(folder.path().join("b.glb")).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn damaged_files_never_panic() {
    for (avatar, rounds) in [(avatar(), 3000), (avatar_with_field(), 4000)] {
        let glb = avatar.to_glb().unwrap();
        let (mut refused, mut lines) = (0, std::collections::BTreeSet::new());
        mutate(&glb, rounds, |bytes| match Avatar::from_glb(bytes) {
            Ok(avatar) => {
                avatar.validate().unwrap();
                let _ = avatar.to_glb();
            }
            Err(error) => {
                let said = error.to_string();
                assert!(!said.chars().any(char::is_control), "{said:?}");
                lines.insert(said);
                refused += 1;
            }
        });
        assert!(refused > rounds / 3, "only {refused} of {rounds} damaged files were refused");
        if avatar.body.unwrap().field.is_some() {
            assert!(lines.iter().filter(|line| line.contains("field")).count() > 20, "{lines:?}");
        }
    }
}

#[test]
fn damaged_files_of_a_real_head_never_panic() {
    let Some(path) = data("capture_head/head.glb") else { return };
    let mut rig = Rig::open(path, &LoadLimits::default()).unwrap();
    // Without its pictures, most of the file is what this crate reads.
    rig.materials.clear();
    rig.images.clear();
    rig.primitives.iter_mut().for_each(|p| p.material = None);
    let options = SurfaceOptions { count: 500, simplify_to: Some(600), ..SurfaceOptions::default() };
    let glb = sample(rig, &options).unwrap().to_glb().unwrap();
    let limits = LoadLimits {
        vertices: 1 << 14,
        triangles: 1 << 15,
        morph_deltas: 1 << 20,
        numbers: 1 << 22,
        ..LoadLimits::default()
    };
    assert!(Avatar::from_glb_within(&glb, &limits).is_ok(), "{} bytes", glb.len());
    let mut refused = 0;
    mutate(&glb, 600, |bytes| match Avatar::from_glb_within(bytes, &limits) {
        Ok(avatar) => avatar.validate().unwrap(),
        Err(_) => refused += 1,
    });
    assert!(refused > 100 && refused < 600, "{refused} of 600 were refused");
}

#[test]
fn an_avatar_that_has_lost_its_gaussians_is_told_from_a_plain_mesh() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("head.glb");
    let opened = |glb: &[u8]| {
        std::fs::write(&path, glb).unwrap();
        let options = OpenOptions {
            surface: SurfaceOptions { count: 50, ..SurfaceOptions::default() },
            ..OpenOptions::default()
        };
        let (avatar, said) = warnings(|| Avatar::open(&path, &options).unwrap());
        (avatar.gaussians.len(), said)
    };
    let whole = avatar().to_glb().unwrap();
    assert_eq!(opened(&whole), (3, vec![]));
    // What glTF-Transform leaves: another generator, but the extras.
    let other = |generator: &str, extras: bool| {
        with_json(&whole, |json| {
            drop(json.as_object_mut().unwrap().remove("extensions"));
            json["asset"]["generator"] = generator.into();
            if !extras {
                drop(json["asset"].as_object_mut().unwrap().remove("extras"));
            }
        })
    };
    for glb in [other("glTF-Transform v4.5.1", true), other("effigy 0.1.0", false)] {
        let (count, said) = opened(&glb);
        assert!(count == 50 && said.len() == 1, "{said:?}");
        assert!(said[0].contains("head.glb: was a neural avatar"), "{said:?}");
    }
    assert_eq!(opened(&other("Blender", false)), (50, vec![]));
}
