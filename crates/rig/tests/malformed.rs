//! Files that must be refused, each with a message that names the fault.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod support;

use effigy_rig::{GlbChunks, LoadLimits, Rig, RigError, Track, TrackLimits, check_asset, split_glb};
use effigy_tests::warnings;
use serde_json::{Value, json};
use support::{Builder, morphing_square, pack, square, two_bones};

fn refused(bytes: &[u8]) -> String {
    let error = Rig::from_slice(bytes, None, &LoadLimits::default()).expect_err("loaded");
    let message = error.to_string();
    assert!(!message.contains('\n') && message.len() < 300, "{message}");
    message
}

fn refused_with(b: &Builder, part: &str) {
    let message = refused(&b.glb());
    assert!(message.contains(part), "{message:?} does not say {part:?}");
}

fn all() -> LoadLimits {
    LoadLimits::default()
}

fn edited(mut b: Builder, pointer: &str, value: Value) -> Builder {
    *b.json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    b
}

#[test]
fn what_is_not_gltf() {
    assert!(refused(b"").contains("not a readable glTF"));
    assert!(refused(b"ply\n").contains("not a readable glTF"));
    assert!(refused(b"glTF").contains("cut short"));
    assert!(refused(b"glTF\x02\0\0\0\x05\0\0\0").contains("no JSON chunk"));
    let whole = square().glb();
    assert!(refused(&whole[..whole.len() - 1]).contains("truncated"));
    assert!(refused(br#"{"asset":{"version":"1.0"}}"#).contains("version"));
    assert!(refused(br#"{"asset":{"version":"2.0"}}"#).contains("no triangles"));
    let deep = [b"{\"asset\":".as_slice(), &b"[".repeat(100_000)].concat();
    refused(&deep);
}

#[test]
fn extensions_that_hide_the_geometry() {
    for (name, remedy) in [
        ("KHR_draco_mesh_compression", "npx @gltf-transform/cli copy in.glb out.glb"),
        ("KHR_texture_basisu", "npx @gltf-transform/cli ktxdecompress in.glb out.glb"),
        ("EXT_new_compression", "export it without"),
    ] {
        let mut b = square();
        b.json["extensionsRequired"] = json!([name]);
        refused_with(&b, name);
        refused_with(&b, remedy);
    }
}

#[test]
fn versions_and_required_extensions() {
    let asset = |asset: Value| edited(square(), "/asset", asset);
    assert!(
        Rig::from_slice(&asset(json!({ "version": "2.1", "minVersion": "2.0" })).glb(), None, &all()).is_ok()
    );
    refused_with(
        &asset(json!({ "version": "2.1", "minVersion": "2.1" })),
        "needs a reader of version \"2.1\"",
    );
    refused_with(&asset(json!({ "version": "2.0", "minVersion": "new" })), "needs a reader of version");
    for version in ["1.0", "7.0", "2", "20.0", "2.x", "+2.0"] {
        refused_with(&asset(json!({ "version": version })), "instead of 2.0");
    }
    let required = |names: Value| {
        let mut b = square();
        b.json["extensionsRequired"] = names;
        b
    };
    let bytes = required(json!(["KHR_materials_unlit", "VRMC_vrm"])).glb();
    assert!(Rig::from_slice(&bytes, None, &all()).is_ok());
    refused_with(&required(json!(["KHR_materials_pbrSpecularGlossiness"])), "SpecularGlossiness");
    refused_with(&required(json!(["NO\u{1b}[2J\nPE"])), "NO");
    let message = refused(&required(json!(["NO\u{1b}[2J\nPE"])).glb());
    assert!(!message.contains(['\n', '\u{1b}']), "{message:?}");

    // The same of JSON that another reader has parsed.
    let checked = |json: Value| check_asset(&json).map_err(|e| e.to_string());
    assert_eq!(checked(json!({ "asset": { "version": "2.0" } })), Ok(()));
    for (document, part) in [
        (json!({}), "no asset version"),
        (json!({ "asset": { "version": 2.0 } }), "asset.version is not a text"),
        (json!({ "asset": { "version": "7.0" } }), "\"7.0\" instead of 2.0"),
        (json!({ "asset": { "version": "2.0", "minVersion": "3.0" } }), "version \"3.0\""),
        (json!({ "asset": { "version": "2.0" }, "extensionsRequired": {} }), "not a list"),
        (json!({ "asset": { "version": "2.0" }, "extensionsRequired": [1] }), "more than names"),
        (json!({ "asset": { "version": "2.0" }, "extensionsRequired": ["NOPE"] }), "extension NOPE"),
    ] {
        let message = checked(document).expect_err("passed");
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn chunks_of_a_glb() {
    let glb = pack(&json!({ "asset": { "version": "2.0" } }), b"abcd");
    let chunks = split_glb(&glb, &all()).unwrap();
    assert_eq!(
        (chunks.json.trim_ascii_end(), chunks.binary),
        (br#"{"asset":{"version":"2.0"}}"#.as_slice(), b"abcd".as_slice())
    );
    assert_eq!(split_glb(b"\xef\xbb\xbf {}", &all()).unwrap(), GlbChunks { json: b" {}", binary: b"" });
    // What follows the length in the header is not of the file, and a chunk may not reach into it.
    let followed = [glb.as_slice(), b"more"].concat();
    assert_eq!(split_glb(&followed, &all()).unwrap(), chunks);
    let mut reaching = followed.clone();
    let last = glb.len() - 12;
    reaching[last] = 8;
    assert!(split_glb(&reaching, &all()).expect_err("split").to_string().contains("reaches past the end"));
    assert!(split_glb(&glb[..30], &all()).expect_err("split").to_string().contains("truncated"));
}

#[test]
fn long_texts_count_little_of_the_json() {
    let limits = LoadLimits { json_bytes: 4096, ..all() };
    let load = |extras: Value| {
        let mut b = square();
        b.json["extras"] = extras;
        Rig::from_slice(&b.glb(), None, &limits)
    };
    let padding = "A".repeat(5000);
    assert!(load(json!({ "text": format!("\\\"{padding}") })).is_ok());
    assert!(matches!(load(json!({ "text": padding, "list": vec![1; 2500] })), Err(RigError::Limit { .. })));
    assert!(matches!(load(json!({ "texts": vec!["ABCDEFGH"; 500] })), Err(RigError::Limit { .. })));
}

/// Time enough for what grows with the file's size, and not for what grows with its square.
#[test]
fn many_small_parts_take_no_long_time() {
    let start = std::time::Instant::now();
    let mut b = square();
    let primitive = b.json["meshes"][0]["primitives"][0].clone();
    b.json["meshes"][0]["primitives"] = vec![primitive; 20_000].into();
    let limits = LoadLimits { primitives: 20_000, ..all() };
    assert_eq!(Rig::from_slice(&b.glb(), None, &limits).unwrap().primitives.len(), 20_000);
    assert!(matches!(Rig::from_slice(&b.glb(), None, &all()), Err(RigError::Limit { .. })));

    // Each target of a name that is taken already.
    let mut b = square();
    b.json["meshes"][0]["primitives"][0]["targets"] = vec![json!({}); 50_000].into();
    b.json["meshes"][0]["extras"] = json!({ "targetNames": vec!["same"; 50_000] });
    let limits = LoadLimits { morphs: 50_000, ..all() };
    let rig = Rig::from_slice(&b.glb(), None, &limits).unwrap();
    assert_eq!(
        (rig.morphs[0].name.as_str(), rig.morphs[1].name.as_str(), rig.morphs[49_999].name.as_str()),
        ("same", "mesh_0.same", "mesh_0.same.49999")
    );

    let mut b = morphing_square();
    let bind = json!({ "morphTargetBinds": [{ "node": 0, "index": 0, "weight": 1.0 }] });
    let custom: serde_json::Map<String, Value> =
        (0..50_000).map(|i| (format!("e{i}"), bind.clone())).collect();
    b.json["extensions"] = json!({ "VRMC_vrm": { "expressions": { "custom": custom } } });
    let limits = LoadLimits { expressions: 50_000, ..all() };
    assert_eq!(Rig::from_slice(&b.glb(), None, &limits).unwrap().expressions.len(), 50_000);
    assert!(matches!(Rig::from_slice(&b.glb(), None, &all()), Err(RigError::Limit { .. })));
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 5.0, "{seconds} s");
}

/// As above, and for memory: what is read of text of many small parts is bounded by the limits.
#[test]
fn tracks_of_many_small_parts_take_no_long_time() {
    let start = std::time::Instant::now();
    let small = TrackLimits { frames: 1000, controls: 64, weights: 10_000, ..TrackLimits::default() };
    let read = |text: String, limits: &TrackLimits| Track::from_bytes(text.as_bytes(), limits).map(|_| ());
    let list = |part: &str, count: usize| format!("[{}]", vec![part; count].join(","));
    let by_time: String = (0..20_000).map(|i| format!("\"{i}.5\":{{}},")).collect();
    for text in [
        list("[]", 200_000),
        list("{}", 200_000),
        list("{\"jawOpen\":0}", 20_000),
        format!("{{{}\"x\":0}}", by_time.replace("{}", "1")),
        "{\"jawOpen\":0}\n".repeat(20_000),
        format!("{{\"facsNames\":[\"jawOpen\"],\"weightMat\":{}}}", list("[0]", 20_000)),
        "jawOpen-1|eyeBlink_L-1|\n".repeat(20_000),
        format!("bs,jawOpen,tongueOut\n{}", "k,0,0,0,0,0,0,0,0,0,0,0,0,0\n".repeat(20_000)),
        format!("time,jawOpen\n{}", "0,0\n".repeat(20_000)),
        (0..100).map(|i| format!("{{\"shape{i}.jawOpen\":0}}\n")).collect(),
        format!("time,{}\n0,0\n", "jawOpen,".repeat(100)),
    ] {
        let error = read(text.clone(), &small).expect_err(&text[..text.len().min(60)]);
        assert!(matches!(error, RigError::Limit { .. } | RigError::Format { .. }), "{error}: {:.60}", text);
        assert!(error.to_string().contains("over the limit of"), "{error}: {text:.60}");
        // Without such limits it takes no long time either.
        let _ = read(text, &TrackLimits::default());
    }
    let deep = [b"[".repeat(20_000), b"{\"a\":".repeat(20_000)].concat();
    assert!(Track::from_bytes(&deep, &TrackLimits::default()).is_err());
    let path = "a.".repeat(20_000);
    let _ = read(format!("time,{path}jawOpen\n0,0\n"), &TrackLimits::default());
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 20.0, "{seconds} s");
}

#[test]
fn faults_are_told_once() {
    let chain = |error: &RigError| {
        let error: &dyn std::error::Error = error;
        let causes = std::iter::successors(Some(error), |e| e.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    };
    let os = || std::io::Error::from(std::io::ErrorKind::PermissionDenied);
    let of_io = chain(&RigError::from(os()));
    assert_eq!(of_io.matches(&os().to_string()).count(), 1, "{of_io}");
    let of_file = chain(&Rig::open("absent.glb", &all()).expect_err("opened"));
    assert_eq!(
        (of_file.matches("absent.glb").count(), of_file.matches("os error").count()),
        (1, 1),
        "{of_file}"
    );
}

#[test]
fn indices_and_ranges() {
    let place = "/meshes/0/primitives/0";
    refused_with(&edited(square(), "/accessors/1/count", 5.into()), "multiple of 3");
    refused_with(&edited(square(), "/accessors/0/count", 3.into()), "vertex 3 is out of range");
    refused_with(&edited(square(), "/accessors/0/count", 5.into()), "reach past the end");
    refused_with(&edited(square(), "/accessors/0/count", u64::MAX.into()), "number of vertices");
    refused_with(&edited(square(), "/accessors/0/bufferView", 9.into()), "no buffer view 9");
    refused_with(&edited(square(), "/bufferViews/0/byteOffset", u64::MAX.into()), "reaches past");
    refused_with(&edited(square(), "/bufferViews/0/byteLength", 1_000_000.into()), "reaches past");
    refused_with(&edited(square(), "/bufferViews/0/buffer", 4.into()), "no buffer 4");
    refused_with(&edited(square(), &format!("{place}/attributes/POSITION"), 77.into()), "no accessor 77");
    refused_with(&edited(square(), &format!("{place}/indices"), 0.into()), "not of type Scalar");
    refused_with(&edited(square(), "/accessors/1/componentType", 5126.into()), "unsigned integers");
    refused_with(&edited(square(), "/nodes/0/mesh", 3.into()), "no mesh 3");
    let mut b = square();
    b.json["meshes"][0]["primitives"][0]["material"] = 2.into();
    refused_with(&b, "no material 2");
    let b = square();
    let mut json = b.json.clone();
    json["buffers"][0]["byteLength"] = 1_000_000.into();
    assert!(refused(&pack(&json, &b.bin)).contains("declares 1000000 bytes"));
}

#[test]
fn values_that_are_not_finite() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut b = square();
        b.bin[16..20].copy_from_slice(&bad.to_le_bytes());
        refused_with(&b, "POSITION: element 1 is not finite");
    }
    refused_with(
        &edited(morphing_square(), "/nodes/0", json!({ "mesh": 0, "scale": [1e39, 1, 1] })),
        "not finite",
    );
    refused_with(
        &edited(square(), "/nodes/0", json!({ "mesh": 0, "rotation": [0, 0, 0, 0] })),
        "unit length",
    );
}

#[test]
fn morph_targets_of_another_size() {
    let b = edited(morphing_square(), "/meshes/0/primitives/0/targets/1/POSITION", 2.into());
    assert!(Rig::from_slice(&b.glb(), None, &LoadLimits::default()).is_ok());
    let mut b = b;
    b.json["accessors"][2]["count"] = 3.into();
    refused_with(&b, "morph target 0: has 3 elements for 4 vertices");
    let mut b = morphing_square();
    b.json["accessors"][3]["sparse"]["count"] = 2.into();
    refused_with(&b, "reach past the end");
    let mut b = square();
    let sparse = b.sparse(4, &[(4, [1., 0., 0.])]);
    b.json["meshes"][0]["primitives"][0]["targets"] = json!([{ "POSITION": sparse }]);
    refused_with(&b, "sparse indices are out of range");
}

#[test]
fn joints_out_of_range() {
    refused_with(&edited(two_bones(), "/skins/0/joints", json!([2])), "names joint 1 of 1");
    refused_with(&edited(two_bones(), "/skins/0/joints", json!([2, 9])), "no node 9");
    refused_with(&edited(two_bones(), "/skins/0/joints", json!([2, 1, 0])), "2 for 3 joints");
    refused_with(&edited(two_bones(), "/nodes/0/skin", 5.into()), "skin 5: is not there");
}

#[test]
fn node_trees_that_are_none() {
    let cycle = json!([{ "mesh": 0 }, { "children": [2] }, { "children": [1] }]);
    refused_with(&edited(square(), "/nodes", cycle), "cycle");
    refused_with(&edited(square(), "/nodes", json!([{ "mesh": 0, "children": [0] }])), "cycle");
    refused_with(
        &edited(square(), "/nodes", json!([{ "children": [2] }, { "children": [2] }, {}])),
        "child twice",
    );
    refused_with(&edited(square(), "/nodes", json!([{ "children": [8] }])), "no child 8");
}

#[test]
fn animations_that_do_not_add_up() {
    let left_out = |b: &Builder, part: &str| {
        let (rig, said) = warnings(|| Rig::from_slice(&b.glb(), None, &all()).expect("the rest is sound"));
        assert!(rig.animations[0].channels.is_empty());
        assert!(said.len() == 1 && said[0].contains(part), "{said:?} does not say {part:?}");
    };
    let short = "there are 4 where the keys need";
    left_out(&edited(morphing_square(), "/accessors/4/count", 1.into()), short);
    let mut b = morphing_square();
    b.json["animations"][0]["samplers"][0]["interpolation"] = "CUBICSPLINE".into();
    left_out(&b, short);
    left_out(&edited(morphing_square(), "/animations/0/channels/0/target/node", 3.into()), "no node 3");
    left_out(&edited(morphing_square(), "/animations/0/channels/0/sampler", 3.into()), "no sampler 3");
    let mut b = morphing_square();
    let times = b.floats("SCALAR", &[1., 0.]);
    b.json["animations"][0]["samplers"][0]["input"] = times.into();
    left_out(&b, "not ascending");
}

#[test]
fn addresses_that_lead_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let b = square();
    std::fs::write(folder.path().join("b.bin"), &b.bin).unwrap();
    let inner = inner.join("of/model");
    std::fs::create_dir_all(&inner).unwrap();
    // A name that a terminal would break in two, where the system has such.
    let _ = std::fs::write(inner.join("b\n.bin"), &b.bin);
    let absolute = folder.path().join("b.bin").display().to_string();
    for uri in [
        "../../../b.bin",
        "%2e%2e/..%2f../b.bin",
        "x/../../../../b.bin",
        "..\\..\\..\\b.bin",
        "../inner/absent.bin",
        absolute.as_str(),
        "http://example.com/b.bin",
        "file:///b.bin",
        "",
        "absent.bin",
        "b%0a.bin",
        ".",
    ] {
        let mut json = b.json.clone();
        json["buffers"][0] = json!({ "byteLength": b.bin.len(), "uri": uri });
        let bytes = serde_json::to_vec(&json).unwrap();
        assert!(Rig::from_slice(&bytes, Some(&inner), &LoadLimits::default()).is_err(), "{uri}");
    }
}

#[test]
fn sizes_over_the_limits() {
    let bytes = two_bones().glb();
    let all = LoadLimits::default();
    let limits = [
        LoadLimits { bytes: 100, ..all.clone() },
        LoadLimits { json_bytes: 100, ..all.clone() },
        LoadLimits { primitives: 0, ..all.clone() },
        LoadLimits { vertices: 5, ..all.clone() },
        LoadLimits { triangles: 3, ..all.clone() },
        LoadLimits { nodes: 2, ..all.clone() },
        LoadLimits { joints: 1, ..all.clone() },
        LoadLimits { numbers: 40, ..all.clone() },
    ];
    for limits in limits {
        let error = Rig::from_slice(&bytes, None, &limits).expect_err("loaded");
        assert!(matches!(error, RigError::Limit { .. }), "{error}");
    }
    let bytes = morphing_square().glb();
    for limits in [LoadLimits { morphs: 1, ..all.clone() }, LoadLimits { morph_deltas: 4, ..all.clone() }] {
        assert!(matches!(Rig::from_slice(&bytes, None, &limits), Err(RigError::Limit { .. })));
    }
}

#[test]
fn an_absent_file_is_named() {
    let error = Rig::open("no/such/head.glb", &LoadLimits::default()).expect_err("opened");
    assert!(error.to_string().starts_with("no/such/head.glb: "), "{error}");
}
