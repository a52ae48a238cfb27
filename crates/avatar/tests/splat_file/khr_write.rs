//! Writing `KHR_gaussian_splatting`.

use effigy_avatar::splat_file::{SplatReadOptions, SplatScene, read_khr, read_ply, write_khr};
use effigy_rig::{GlbChunks, LoadLimits, split_glb};
use effigy_splat::{BlendSpace, Filter, SplatRules};
use serde_json::Value;

use crate::assert_close;
use crate::made::plain_ply;

const OPTIONS: SplatReadOptions = SplatReadOptions { up: None, ..crate::Y_UP };

fn read(bytes: &[u8]) -> SplatScene {
    read_khr(bytes, None, &LoadLimits::default(), &OPTIONS).unwrap().unwrap()
}

fn document(glb: &[u8]) -> (Value, Vec<u8>) {
    let GlbChunks { json, binary } = split_glb(glb, &LoadLimits::default()).unwrap();
    (serde_json::from_slice(json).unwrap(), binary.to_vec())
}

#[test]
fn what_is_written_is_read_back() {
    for rest in [0, 9, 24, 45] {
        let mut scene = read_ply(&plain_ply(7, rest), &OPTIONS).unwrap();
        scene.gaussians.opacity_logits[0] = f32::INFINITY;
        scene.gaussians.opacity_logits[1] = f32::NEG_INFINITY;
        let again = read(&write_khr(&scene.gaussians, scene.filter, "seven").unwrap());
        let (a, b) = (&scene.gaussians, &again.gaussians);
        assert_eq!((&a.positions, &a.sh, a.sh_degree), (&b.positions, &b.sh, b.sh_degree));
        for i in 0..a.len() {
            assert!(a.rotations[i].normalize().abs_diff_eq(b.rotations[i], 1e-6));
            assert_close(&a.log_scales[i].to_array(), &b.log_scales[i].to_array(), 2e-6);
        }
        assert_eq!(a.opacity_logits[..2], b.opacity_logits[..2]);
        assert_close(&a.opacity_logits[2..], &b.opacity_logits[2..], 2e-6);
        assert_eq!(again.filter, Filter { rules: SplatRules::KHR_ELLIPSE, ..Filter::CLASSIC });
    }
}

#[test]
fn filter_and_colour_space_are_kept() {
    let scene = read_ply(&plain_ply(3, 0), &OPTIONS).unwrap();
    for blending in [BlendSpace::Srgb, BlendSpace::Linear] {
        for filter in [Filter::CLASSIC, Filter::MIP] {
            let rules = SplatRules { blending, ..SplatRules::KHR_ELLIPSE };
            let filter = Filter { rules, ..filter };
            let file = write_khr(&scene.gaussians, filter, "").unwrap();
            assert_eq!(read(&file).filter, filter);
        }
    }
}

/// What the standard asks for, and what programs that do not know the extension show.
#[test]
fn the_file_is_as_the_standard_has_it() {
    let scene = read_ply(&plain_ply(5, 9), &OPTIONS).unwrap();
    let (json, binary) = document(&write_khr(&scene.gaussians, scene.filter, "a \"name\"").unwrap());
    assert_eq!(json["extensionsUsed"], serde_json::json!(["KHR_gaussian_splatting"]));
    assert!(json["extensionsRequired"].is_null(), "programs without the extension show points");
    assert_eq!(json["nodes"][0]["name"], "a \"name\"");
    let primitive = &json["meshes"][0]["primitives"][0];
    assert_eq!(primitive["mode"], 0);
    let extension = &primitive["extensions"]["KHR_gaussian_splatting"];
    assert_eq!(
        (&extension["kernel"], &extension["colorSpace"]),
        (&"ellipse".into(), &"srgb_rec709_display".into())
    );
    let attributes = primitive["attributes"].as_object().unwrap();
    assert_eq!(attributes.len(), 2 + 3 + 4, "{attributes:?}");
    let accessor = |name: &str| &json["accessors"][attributes[name].as_u64().unwrap() as usize];
    let (low, high) = scene.gaussians.bounds().unwrap();
    for (key, want) in [("min", low), ("max", high)] {
        let found: Vec<f32> = serde_json::from_value(accessor("POSITION")[key].clone()).unwrap();
        assert_eq!(found, want.to_array());
    }
    for (name, kind) in [("ROTATION", "VEC4"), ("SCALE", "VEC3"), ("OPACITY", "SCALAR")] {
        let accessor = accessor(&format!("KHR_gaussian_splatting:{name}"));
        assert_eq!((&accessor["type"], &accessor["count"]), (&kind.into(), &5.into()));
    }
    // COLOR_0 is linear, by 16 bits: 0.5 + C0 · sh of the first splat, decoded from sRGB.
    let color = accessor("COLOR_0");
    assert_eq!((&color["componentType"], &color["normalized"]), (&5123.into(), &true.into()));
    let view = &json["bufferViews"][color["bufferView"].as_u64().unwrap() as usize];
    let at = view["byteOffset"].as_u64().unwrap() as usize;
    let shown =
        |k: usize| f32::from(u16::from_le_bytes([binary[at + 2 * k], binary[at + 2 * k + 1]])) / 65_535.0;
    for k in 0..3 {
        let srgb = (0.5 + 0.282_094_8 * scene.gaussians.sh_of(0)[k]).clamp(0.0, 1.0);
        let linear = if srgb <= 0.04045 { srgb / 12.92 } else { ((srgb + 0.055) / 1.055).powf(2.4) };
        assert!((shown(k) - linear).abs() < 2e-5, "{} {linear}", shown(k));
    }
    let opacity = 1.0 / (1.0 + (-scene.gaussians.opacity_logits[0]).exp());
    assert!((shown(3) - opacity).abs() < 2e-5);
}

#[test]
fn nothing_is_not_written() {
    assert!(write_khr(&effigy_splat::Gaussians::default(), Filter::CLASSIC, "").is_err());
}
