//! Splat files that are packed in others, and kinds of file that are named and not read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "splat_file/made.rs"]
#[allow(dead_code, reason = "it makes more than is needed here")]
mod made;

use std::io::Write;
use std::path::Path;

use effigy_avatar::{Avatar, OpenOptions};
use made::{Spz, gzip, gzip_of_zeros, plain_ply};

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn open(name: &str, bytes: &[u8]) -> Avatar {
    Avatar::from_bytes(Path::new(name), bytes, &OpenOptions::default()).unwrap().0
}

fn fault(name: &str, bytes: &[u8]) -> String {
    let fault = Avatar::from_bytes(Path::new(name), bytes, &OpenOptions::default()).unwrap_err().to_string();
    assert!(fault.starts_with(name) && fault.lines().count() == 1, "{fault}");
    fault
}

#[test]
fn a_splat_file_is_opened_however_it_is_packed() {
    let (ply, spz) = (plain_ply(5, 9), gzip(&Spz::two(3).payload()));
    let [of_ply, of_spz] = [&ply, &spz].map(|bytes| open("a.ply", bytes).gaussians);
    assert_eq!((of_ply.len(), of_spz.len()), (5, 2));
    let gzipped = gzip(&ply);
    assert_eq!(open("a.ply.gz", &gzipped).gaussians, of_ply);
    // Two members, as `cat` of two gzip files makes them.
    assert_eq!(open("a.ply.gz", &[gzip(&ply[..700]), gzip(&ply[700..])].concat()).gaussians, of_ply);
    assert_eq!(open("a.spz.gz", &gzip(&spz)).gaussians, of_spz);
    let v4 = Spz::two(4).v4(&[]);
    assert_eq!(open("a.spz.gz", &gzip(&v4)).gaussians, of_spz);
    // Beside what archives hold as well.
    let others: [(&str, &[u8]); 4] = [
        ("scene/README.txt", b"hello"),
        ("__MACOSX/scene/._point_cloud.ply", b"litter"),
        ("scene/._x.ply", b"litter"),
        ("scene/cameras.json", b"[]"),
    ];
    for (name, content, want) in [
        ("scene/point_cloud.ply", &ply, &of_ply),
        ("scan.SPZ", &spz, &of_spz),
        ("point_cloud.ply.gz", &gzipped, &of_ply),
    ] {
        let mut files = others.to_vec();
        files.push((name, content));
        let avatar = open("packed.zip", &zip(&files));
        assert_eq!(avatar.gaussians, *want, "{name}");
        assert_eq!(avatar.name, "packed");
    }
    let (_, origin) =
        Avatar::from_bytes(Path::new("a.zip"), &zip(&[("a.ply", &ply)]), &OpenOptions::default()).unwrap();
    assert_eq!(origin.unwrap().format, "PLY");
}

#[test]
fn faults_of_packed_files_are_named() {
    let ply = plain_ply(5, 0);
    let two = fault("a.zip", &zip(&[("one.ply", &ply), ("two.ply", &ply)]));
    assert!(two.contains("\"one.ply\"") && two.contains("\"two.ply\""), "{two}");
    assert!(fault("a.zip", &zip(&[("readme", b"x")])).contains("no splat file"));
    let broken = fault("a.zip", &zip(&[("x/one.ply", &ply[..ply.len() - 1])]));
    assert!(broken.contains("one.ply: file ends within"), "{broken}");
    let gzipped = gzip(&ply);
    assert!(fault("a.ply.gz", &gzipped[..gzipped.len() / 2]).contains("gzip: "));
    assert!(fault("a.gz", &gzip(b"to whom it may concern")).contains("not an avatar"));
    let deep = gzip(&gzip(&gzip(&ply)));
    assert!(fault("a.gz", &deep).contains("packed more than 2 times"));
    assert_eq!(open("a.gz", &gzip(&gzip(&ply))).gaussians.len(), 5);
}

#[test]
fn what_unpacks_to_too_much_is_refused() {
    let options = OpenOptions { file_bytes: 1 << 20, ..OpenOptions::default() };
    let fault =
        |bytes: &[u8]| Avatar::from_bytes(Path::new("a"), bytes, &options).map(drop).unwrap_err().to_string();
    let bomb = gzip_of_zeros(b"ply\n", 1 << 28);
    assert!(fault(&bomb).contains("unpacks to more than 1048576 bytes"), "{}", fault(&bomb));
    let inner = zip(&[("a.ply.gz", &bomb)]);
    assert!(fault(&inner).contains("unpacks to more than 1048576 bytes"), "{}", fault(&inner));
    let zeros = vec![0; 2 << 20];
    assert!(fault(&zip(&[("a.ply", &zeros)])).contains("unpacks to more than 1048576 bytes"));
}

#[test]
fn kinds_that_are_not_read_are_named_with_the_way_from_there() {
    for (name, bytes, words) in [
        ("a.usda", &b"#usda 1.0\n"[..], ["USD", "PLY"]),
        ("a", b"PXR-USDC\0\0", ["USD", "PLY"]),
        ("scene.rad", b"RAD0....", ["RAD", "made from"]),
        ("meta.lcc", b"{\"version\": \"5.0\", \"totalSplats\": 10}", ["LCC", "splat-transform"]),
        ("scene.lcc2", b"{}", ["LCC", "splat-transform"]),
        ("a.fbx", b"Kaydara FBX Binary  \0", ["FBX", "glTF"]),
        ("a.fbx", b"; FBX 7.7.0 project file", ["FBX", "glTF"]),
        ("a.ckpt", b"\x80\x02}q\0", ["checkpoint", "PLY"]),
        ("viewer.html", b"<!DOCTYPE html><html>", ["web page", "splat file"]),
    ] {
        let fault = fault(name, bytes);
        assert!(words.iter().all(|word| fault.contains(word)) && fault.contains("not read"), "{fault}");
    }
    let usdz = zip(&[("default.usda", b"#usda 1.0"), ("gauss.usda", b"#usda 1.0")]);
    assert!(fault("a.usdz", &usdz).contains("USD"));
    assert!(fault("renamed.zip", &usdz).contains("USD"));
    let checkpoint = zip(&[("archive/data.pkl", b"\x80\x02"), ("archive/data/0", b"")]);
    assert!(fault("model.pt", &checkpoint).contains("checkpoint"));
    // The name does not matter to what can be read.
    assert_eq!(open("a.usdz", &plain_ply(3, 0)).gaussians.len(), 3);
}
