//! Files of every kind, opened by their path as a program does.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use effigy_avatar::splat_file::{SplatReadOptions, read_khr};
use effigy_avatar::{Avatar, OpenOptions};
use effigy_rig::LoadLimits;
use effigy_splat::SplatRules;
use glam::Vec3;
use serde_json::json;

use crate::gltf_made::{Gltf, SRGB, splats, two};
use crate::made::{Sog, antimatter, ksplat};

fn open(path: &Path) -> Avatar {
    Avatar::open(path, &OpenOptions::default()).unwrap()
}

fn refused(path: &Path) -> String {
    let message = Avatar::open(path, &OpenOptions::default()).unwrap_err().to_string();
    assert!(!message.contains('\n') && message.contains(&path.display().to_string()), "{message}");
    message
}

/// All files of a SOG in a zip, in a folder or not.
fn bundled(sog: &Sog, folder: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let meta = ("meta.json".to_owned(), sog.meta.clone().into_bytes());
    for (name, bytes) in sog.files.iter().chain([&meta]) {
        zip.start_file(format!("{folder}{name}"), stored).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn each_kind_is_told_from_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let row = ([1.0, 2.0, 3.0], [0.1; 3], [9, 99, 199, 255], [255, 128, 128, 128]);
    fs::write(at("a.splat"), antimatter(&[row])).unwrap();
    assert_eq!(open(&at("a.splat")).gaussians.positions, [Vec3::new(1.0, -2.0, -3.0)]);
    // By its name alone: there is nothing in it to know it by.
    fs::write(at("a.bin"), antimatter(&[row])).unwrap();
    assert!(refused(&at("a.bin")).contains("not an avatar"));
    fs::write(at("noise.splat"), [0xff; 64]).unwrap();
    assert!(refused(&at("noise.splat")).contains("no positions and scales"));
    fs::write(at("short.splat"), [0; 33]).unwrap();
    assert!(refused(&at("short.splat")).contains("33 bytes are no multiple of 32"));

    for name in ["b.ksplat", "b.whatever"] {
        fs::write(at(name), ksplat(1, 2).bytes()).unwrap();
        assert_eq!(open(&at(name)).gaussians.len(), 3);
    }
    fs::write(at("later.ksplat"), [1; 5000]).unwrap();
    assert!(refused(&at("later.ksplat")).contains(".ksplat: version 1.1"));
}

#[test]
fn sog_bundled_or_beside_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for version in [1, 2] {
        let sog = Sog::new(version);
        for (name, inside) in [("c.sog", ""), ("d.zip", "scene/")] {
            fs::write(at(name), bundled(&sog, inside)).unwrap();
            assert_eq!(open(&at(name)).gaussians.len(), 3);
        }
        fs::write(at("meta.json"), &sog.meta).unwrap();
        for (name, bytes) in &sog.files {
            fs::write(at(name), bytes).unwrap();
        }
        assert_eq!(open(&at("meta.json")).gaussians, open(&at("c.sog")).gaussians);
    }
    // Names that lead elsewhere are not followed.
    let outside = Sog::new(2).meta.replace("quats.webp", "../quats.webp");
    fs::write(at("meta.json"), outside).unwrap();
    assert!(refused(&at("meta.json")).contains("is not the name of a file in the folder"));
    fs::remove_file(at("quats.webp")).unwrap();
    fs::write(at("meta.json"), Sog::new(2).meta).unwrap();
    assert!(refused(&at("meta.json")).contains("quats.webp"));
}

#[test]
fn splats_in_gltf() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = Gltf::new();
    let attributes = two(&mut file);
    file.show(splats(&attributes, SRGB), json!({}));
    fs::write(folder.path().join("a.glb"), file.glb()).unwrap();
    fs::write(folder.path().join("data.bin"), &file.binary).unwrap();
    let text = file.text(json!({ "byteLength": file.binary.len(), "uri": "data.bin" }));
    fs::write(folder.path().join("a.gltf"), text).unwrap();
    for name in ["a.glb", "a.gltf"] {
        let avatar = open(&folder.path().join(name));
        assert_eq!((avatar.gaussians.len(), avatar.name.as_str()), (2, "a"));
        assert_eq!(avatar.filter.rules, SplatRules::KHR_ELLIPSE);
        // Its rules go with it into a file of our own, and out again.
        let path = folder.path().join("ours.glb");
        avatar.save(&path).unwrap();
        assert_eq!(open(&path).filter, avatar.filter);
        avatar.save_khr(&path).unwrap();
        let again = open(&path);
        assert_eq!((again.gaussians.positions, again.filter), (avatar.gaussians.positions, avatar.filter));
    }
    // Meshes beside splats are left out, and those of a file without splats sampled as ever.
    let place = file.floats(3, &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    file.show(json!({ "attributes": { "POSITION": place } }), json!({}));
    let read = read_khr(&file.glb(), None, &LoadLimits::default(), &SplatReadOptions::default());
    assert_eq!(read.unwrap().unwrap().gaussians.len(), 2);
}
