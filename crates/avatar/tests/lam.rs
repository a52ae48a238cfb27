//! LAM zips: the documented formula on real files, and archives that mean harm.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::io::{Cursor, Read, Write};

use common::mutate;
use effigy_avatar::lam::{LamLimits, read_lam};
use effigy_avatar::{Avatar, AvatarPoser, Body, PosedGaussians, splat_file};
use effigy_rig::{Pose, Rig};
use effigy_splat::Gaussians;
use effigy_tests::data;
use glam::{Quat, Vec3};
use zip::write::SimpleFileOptions;

fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// As [`zip`], without compression.
fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A Gaussian for each of `n` vertices, close to it; colours are not looked at here.
fn offsets(n: usize) -> Vec<u8> {
    let gaussians = Gaussians {
        positions: (0..n).map(|i| Vec3::new(0.0, 0.0, 0.01 * (i % 7) as f32)).collect(),
        rotations: vec![Quat::IDENTITY; n],
        log_scales: vec![Vec3::splat(-5.0); n],
        opacity_logits: vec![1.0; n],
        sh_degree: 0,
        sh: vec![0.5; n * 3],
    };
    let mut ply = Vec::new();
    splat_file::write_ply(&gaussians, effigy_splat::Filter::CLASSIC, &mut ply).unwrap();
    ply
}

/// The mesh of an avatar of seven vertices, and its Gaussians.
fn small() -> (Vec<u8>, Vec<u8>) {
    (common::avatar().to_glb().unwrap(), offsets(7))
}

fn fault(bytes: &[u8], limits: &LamLimits) -> String {
    read_lam(bytes, limits).unwrap_err().to_string()
}

#[test]
fn a_small_zip_is_read_past_the_litter() {
    let (skin, ply) = small();
    let bytes = zip(&[
        ("me/.DS_Store", b"x"),
        ("__MACOSX/me/._skin.glb", b"x"),
        ("me/skin.glb", &skin),
        ("me/offset.ply", &ply),
    ]);
    let avatar = read_lam(&bytes, &LamLimits::default()).unwrap();
    assert_eq!(avatar.name, "me");
    let body = avatar.body.as_ref().unwrap();
    for i in 0..7 {
        let corner = body.binding.barycentric[i].to_array().iter().position(|&b| b == 1.0).unwrap();
        assert_eq!(body.rig.triangles[body.binding.triangles[i] as usize][corner] as usize, i);
    }
}

#[test]
fn hostile_and_broken_archives_are_refused() {
    let (skin, ply) = small();
    let limits = LamLimits::default();
    for name in ["../skin.glb", "/skin.glb", "a/../../skin.glb", "..\\skin.glb", "C:\\skin.glb"] {
        let said = fault(&zip(&[(name, &skin), ("offset.ply", &ply)]), &limits);
        assert!(said.contains("outside"), "{name}: {said}");
    }
    let bomb = zip(&[("a/skin.glb", &vec![0; 4 << 20]), ("a/offset.ply", &ply)]);
    assert!(bomb.len() < 20_000);
    let tight = LamLimits { unpacked_bytes: 1 << 20, ..LamLimits::default() };
    assert!(fault(&bomb, &tight).contains("unpacks to more than 1048576 bytes"));
    // The same with a directory that claims one byte: only unpacking can tell.
    let mut liar = bomb.clone();
    let size = (4_u32 << 20).to_le_bytes();
    for at in (0..liar.len() - 4).rev() {
        if liar[at..at + 4] == size {
            liar[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
        }
    }
    assert_ne!(liar, bomb);
    assert_eq!(fault(&liar, &tight), "zip: skin.glb: File is larger than its declared uncompressed size");
    let few = LamLimits { entries: 1, ..LamLimits::default() };
    assert!(fault(&zip(&[("a/skin.glb", &skin), ("a/offset.ply", &ply)]), &few).contains("2 entries"));
    assert!(fault(&zip(&[("a/skin.glb", &skin)]), &limits).contains("no offset.ply"));
    assert!(fault(&zip(&[("readme", b"x")]), &limits).contains("not a LAM avatar"));
    let twice = [("a/skin.glb", &skin[..]), ("b/skin.glb", &skin), ("a/offset.ply", &ply)];
    assert!(fault(&zip(&twice), &limits).contains("more than one"));
    let other = zip(&[("a/skin.glb", &skin[..30]), ("a/offset.ply", &ply)]);
    assert!(fault(&other, &limits).starts_with("zip: skin.glb: "));
}

#[test]
fn damaged_archives_never_panic() {
    let (skin, ply) = small();
    let bytes = zip(&[("a/skin.glb", &skin), ("a/offset.ply", &ply)]);
    let mut refused = 0;
    mutate(&bytes, 2000, |bytes| refused += usize::from(read_lam(bytes, &LamLimits::default()).is_err()));
    assert!(refused > 1000, "only {refused} of 2000");
}

/// The entries of a real zip by the last part of their names.
fn entries(path: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut zip = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut found = Vec::new();
    for i in 0..zip.len() {
        let mut entry = zip.by_index(i).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        found.push((entry.name().unwrap().rsplit('/').next().unwrap().to_owned(), bytes));
    }
    found
}

#[test]
fn damaged_real_archives_never_panic() {
    for file in ["lam/p2-1.zip", "lam/james.zip"] {
        let Some(path) = data(file) else { continue };
        let (mut refused, mut total) = (0, 0);
        let mut check = |bytes: &[u8]| {
            total += 1;
            match read_lam(bytes, &LamLimits::default()) {
                Ok(avatar) => avatar.validate().unwrap(),
                Err(_) => refused += 1,
            }
        };
        mutate(&std::fs::read(&path).unwrap(), 100, &mut check);
        // Past the checksums: the files inside, damaged and packed again.
        let entries = entries(&path);
        let entry = |name: &str| &entries.iter().find(|(n, _)| n == name).unwrap().1;
        let (skin, ply) = (entry("skin.glb"), entry("offset.ply"));
        mutate(skin, 100, |skin| check(&stored(&[("a/skin.glb", skin), ("a/offset.ply", ply)])));
        mutate(ply, 100, |ply| check(&stored(&[("a/skin.glb", skin), ("a/offset.ply", ply)])));
        assert!(refused > total / 4 && refused < total, "{file}: {refused} of {total} were refused");
    }
}

/// `rig` with a Gaussian for each vertex, as a LAM zip.
fn lam_of(rig: Rig) -> Avatar {
    read_lam(&lam_zip(rig), &LamLimits::default()).unwrap()
}

fn lam_zip(rig: Rig) -> Vec<u8> {
    let ply = offsets(rig.vertex_count());
    let carrier = common::avatar();
    let body = Body { rig, ..carrier.body.unwrap() };
    let skin = Avatar { body: Some(body), ..carrier }.to_glb().unwrap();
    zip(&[("me/skin.glb", &skin), ("me/offset.ply", &ply)])
}

#[test]
fn a_mesh_without_a_skin_follows_the_head_before_and_after_saving() {
    for mirror in [1.0, -1.0] {
        let mut rig = common::rig();
        rig.nodes[3].scale.x = mirror;
        if mirror < 0.0 {
            // In the file it is 4, 5, 6, whose normal is +Z as the vertices' are.
            rig.triangles[2] = [4, 6, 5];
        }
        let before = lam_of(rig);
        let rig = &before.body.as_ref().unwrap().rig;
        assert!(rig.primitives.iter().all(|p| p.skinned));
        assert_eq!(rig.triangles[2], [4, 5, 6], "mirror {mirror}");
        let head = rig.nodes.iter().position(|n| n.name == "head").unwrap();
        let glb = before.to_glb().unwrap();
        let after = Avatar::from_glb(&glb).unwrap();
        assert_eq!(after.to_glb().unwrap(), glb);
        let turn = Quat::from_rotation_z(0.5);
        let nod = |pose: &mut Pose| pose.nodes[head].rotation = turn;
        let (a, b) = (common::posed(&before, nod), common::posed(&after, nod));
        for i in 0..7 {
            // The head's rest is a move by (0, 1, 0), which its inverse bind matrix takes back. What writes the zip's
            // PLY turns it half about x, as is the custom elsewhere and not of LAM.
            let offset = Vec3::new(0.0, 0.0, -0.01 * i as f32);
            let want = Vec3::Y + turn * (common::rig().positions[i] - Vec3::Y + offset);
            for posed in [&a, &b] {
                let centre = posed.gaussians.positions[i];
                assert!(centre.abs_diff_eq(want, 1e-5), "mirror {mirror}, {i}: {centre} is not {want}");
            }
        }
    }
}

#[test]
fn a_mesh_of_loose_vertices_is_refused() {
    let mut rig = common::rig();
    let n = 18_000_u32;
    rig.positions = (0..n).map(|i| Vec3::new(i as f32, (i % 3) as f32, 0.0)).collect();
    rig.normals = vec![Vec3::Z; n as usize];
    rig.uvs = vec![Default::default(); n as usize];
    rig.joint_indices = vec![0; n as usize * 4];
    rig.joint_weights = [1.0, 0.0, 0.0, 0.0].repeat(n as usize);
    rig.triangles = (0..n / 6).map(|t| [3 * t, 3 * t + 1, 3 * t + 2]).collect();
    rig.primitives.truncate(1);
    (rig.primitives[0].vertices, rig.primitives[0].triangles) = (0..n, 0..n / 6);
    // 9000 vertices in triangles times 9000 that are in none.
    let said = fault(&lam_zip(rig), &LamLimits::default());
    assert!(said.contains("most vertices are in no triangle"), "{said}");
}

#[test]
fn centres_follow_the_documented_formula() {
    let Some(path) = data("lam/p2-1.zip") else { return };
    let avatar = Avatar::open(path, &Default::default()).unwrap();
    let body = avatar.body.as_ref().unwrap();
    let rig = &body.rig;
    let mut pose = Pose::rest(rig);
    for (name, weight) in [("jawOpen", 0.7), ("eyeBlinkLeft", 0.9), ("mouthSmileRight", 0.4)] {
        pose.morph_weights[rig.morph(name).unwrap()] = weight;
    }
    let head = rig.nodes.iter().position(|n| n.name == "head").unwrap();
    let w = (1.0_f32 - 0.01 - 0.04 - 0.0025).sqrt();
    pose.nodes[head].rotation = Quat::from_xyzw(0.1, 0.2, -0.05, w);
    let mut posed = PosedGaussians::default();
    AvatarPoser::new(&avatar).unwrap().pose(&avatar, &pose, &mut posed).unwrap();
    // From a numpy program that reads the zip by itself: head bone · (vertex + offset + Σ weight · delta), in f64.
    for (i, expected) in [
        (0, Vec3::new(0.0670032, 1.6563583, -0.0233373)),
        (1500, Vec3::new(0.0655712, 1.6631505, -0.0315914)),
        (3601, Vec3::new(0.0289746, 1.543_611, 0.0410886)),
        (9999, Vec3::new(0.0839572, 1.65849, 0.0487913)),
        (20017, Vec3::new(0.0125737, 1.6744928, 0.0871719)),
    ] {
        let centre = posed.gaussians.positions[i];
        assert!(centre.abs_diff_eq(expected, 1e-5), "{i}: {centre} instead of {expected}");
    }
    // f_dc is plain colour, opacity and scale as in the file.
    let g = &avatar.gaussians;
    assert!((g.sh_of(1500)[0] * 0.282_094_8 + 0.5 - 0.660_052_4).abs() < 1e-5);
    assert!((g.opacity_logits[1500] + 1.689_116_4).abs() < 1e-5);
    assert!((g.log_scales[1500] - Vec3::new(-6.064_782_6, -5.152_554_5, -5.626_614_6)).length() < 1e-3);
}

#[test]
fn real_avatars_stand_upright_in_metres() {
    for file in ["lam/p2-1.zip", "lam/james.zip"] {
        let Some(path) = data(file) else { continue };
        let avatar = Avatar::open(path, &Default::default()).unwrap();
        assert_eq!(avatar.gaussians.len(), 20_018);
        let rig = &avatar.body.as_ref().unwrap().rig;
        assert_eq!(rig.morphs.len(), 51);
        let (low, high) = avatar.bounds().unwrap().unwrap();
        let size = high - low;
        assert!(size.y > 0.25 && size.y < 0.5 && size.y > size.x && size.y > size.z, "{file}: {size}");
        let glb = avatar.to_glb().unwrap();
        assert_eq!(Avatar::from_glb(&glb).unwrap().to_glb().unwrap(), glb);
    }
}
