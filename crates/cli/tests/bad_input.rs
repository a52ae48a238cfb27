//! What the program does with input that cannot be used: one line that names the file and the fault, exit code 2, and
//! nothing written.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "support/files.rs"]
mod files;
mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::gltf::{Builder, morphing_square, pack, two_bones};
use support::{bulge, done, effigy, listing, track};
use tempfile::TempDir;

/// A folder with a good avatar and a good track, and an empty one for what is asked to be written.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("out")).unwrap();
        let bench = Self { folder };
        bench.put("bulge.glb", &bulge().glb());
        bench.put("good.json", track().as_bytes());
        done(bench.path(), &["convert", "bulge.glb", "good.glb", "--gaussians", "200"]);
        bench
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path().join(name), bytes).unwrap();
    }

    /// Runs the program, which must refuse in one line that begins with `file` and says `fault`.
    fn refused(&self, arguments: &[&str], file: &str, fault: &str) {
        self.fails(arguments, 2, file, fault);
    }

    fn fails(&self, arguments: &[&str], code: i32, file: &str, fault: &str) {
        let before = listing(self.path());
        let output = effigy(self.path(), arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let context = format!("{arguments:?} said {stderr:?}");
        assert_eq!(output.status.code(), Some(code), "{context}");
        assert_eq!(stderr.matches('\n').count(), 1, "{context}");
        assert!(stderr.ends_with('\n') && stderr.len() < 500, "{context}");
        assert!(stderr.starts_with(&format!("effigy: {file}")), "expected {file:?} first: {context}");
        assert!(stderr.contains(fault), "expected {fault:?}: {context}");
        assert_eq!(stderr.matches(fault).count(), 1, "said twice: {context}");
        assert!(output.stdout.is_empty(), "{context}");
        assert_eq!(listing(self.path()), before, "files appeared or changed: {arguments:?}");
    }

    /// `file` is no avatar, whatever is to be done with it.
    fn no_avatar(&self, file: &str, fault: &str) {
        let size = ["--size", "32x32", "--backend", "cpu"];
        for out in ["out/a.png", "out/a.mp4", "out/frames"] {
            self.refused(&[&["render", file, "-o", out], &size[..]].concat(), file, fault);
        }
        self.refused(&["convert", file, "out/a.glb"], file, fault);
        self.refused(&["convert", file, "out/a.ply"], file, fault);
        self.refused(&["info", file], file, fault);
    }

    /// The same for an avatar that is first to be written.
    fn no_avatar_in(&self, file: &str, bytes: &[u8], fault: &str) {
        self.put(file, bytes);
        self.no_avatar(file, fault);
    }

    /// `file` is an avatar that renders: what tests damage is good before.
    fn avatar_in(&self, file: &str, bytes: &[u8]) {
        self.put(file, bytes);
        done(self.path(), &["render", file, "-o", "ok.png", "--size", "32x32", "--backend", "cpu"]);
        fs::remove_file(self.path().join("ok.png")).unwrap();
    }

    /// `text` is no track.
    fn no_track_in(&self, file: &str, text: impl AsRef<[u8]>, fault: &str) {
        self.put(file, text.as_ref());
        self.no_track(file, fault);
        self.refused(&["info", file], file, fault);
    }

    fn no_track(&self, file: &str, fault: &str) {
        for out in ["out/a.png", "out/a.mp4", "out/frames"] {
            let arguments = ["render", "good.glb", "--track", file, "-o", out, "--backend", "cpu"];
            self.refused(&arguments, file, fault);
        }
    }
}

/// The JSON of a binary glTF, to be changed, and its binary chunk.
fn parts(glb: &[u8]) -> (Value, Vec<u8>) {
    let length = u32::from_le_bytes(glb[12..16].try_into().unwrap()) as usize;
    (serde_json::from_slice(&glb[20..20 + length]).unwrap(), glb[28 + length..].to_vec())
}

#[test]
fn absent_files() {
    let bench = Bench::new();
    let why = "No such file or directory";
    let why = if cfg!(unix) { why } else { "os error 2" };
    for file in ["no.glb", "no.ply", "no.spz", "no.zip", "no/such/folder.glb"] {
        bench.no_avatar(file, why);
    }
    bench.no_track("no.csv", why);
    bench.refused(&["render", "good.glb", "--camera", "no.json", "-o", "out/a.png"], "no.json", why);
    bench.refused(&["bench", "no.glb"], "no.glb", why);
    // A folder is there, but is no file.
    bench.refused(&["info", "out"], "out", "directory");
    bench.refused(&["render", "good.glb", "--track", "out", "-o", "out/a.png"], "out", "directory");
}

#[test]
fn damaged_gltf() {
    let bench = Bench::new();
    let good = bulge().glb();
    bench.avatar_in("a.glb", &good);
    bench.no_avatar_in("empty.glb", b"", "not an avatar");
    bench.no_avatar_in("text.glb", b"to whom it may concern", "not an avatar");
    bench.no_avatar_in("four.glb", b"glTF", "cut short");
    for part in [30, good.len() / 3, good.len() - 1] {
        bench.no_avatar_in("short.glb", &good[..part], "truncated");
    }
    let mut garbled = good.clone();
    garbled[20..60].fill(b'#');
    bench.no_avatar_in("garbled.glb", &garbled, "not a readable glTF file");
    let mut later = good.clone();
    later[4] = 7;
    bench.no_avatar_in("later.glb", &later, "version 7");

    let (json, binary) = parts(&good);
    let edited = |pointer: &str, value: Value| {
        let mut json = json.clone();
        *json.pointer_mut(pointer).unwrap() = value;
        pack(&json, &binary)
    };
    bench.no_avatar_in("far.glb", &edited("/accessors/0/bufferView", json!(77)), "no buffer view 77");
    bench.no_avatar_in("many.glb", &edited("/accessors/0/count", json!(4_000_000_000_u64)), "vertices");
    let target = "/meshes/0/primitives/0/targets/0/POSITION";
    bench.no_avatar_in("morph.glb", &edited(target, json!(1)), "morph target 0");
    let mut picture = good.clone();
    let at = picture.windows(4).position(|w| w == b"IDAT").unwrap();
    picture[at + 4..at + 40].fill(0x77);
    bench.no_avatar_in("skin.glb", &picture, "picture");

    for bad in [f32::NAN, f32::INFINITY] {
        let mut b = bulge();
        b.bin[12 * 5 + 4..12 * 5 + 8].copy_from_slice(&bad.to_le_bytes());
        bench.no_avatar_in("nan.glb", &b.glb(), "POSITION: element 5 is not finite");
    }
}

#[test]
fn rigs_that_contradict_themselves() {
    let bench = Bench::new();
    bench.avatar_in("bones.glb", &two_bones().glb());
    bench.avatar_in("square.glb", &morphing_square().glb());
    let edited = |mut b: Builder, pointer: &str, value: Value| {
        *b.json.pointer_mut(pointer).unwrap() = value;
        b.glb()
    };
    bench.no_avatar_in(
        "joint.glb",
        &edited(two_bones(), "/skins/0/joints", json!([2])),
        "JOINTS_0: vertex 2 names joint 1 of 1",
    );
    let short = edited(morphing_square(), "/accessors/2/count", json!(3));
    bench.no_avatar_in("morph.glb", &short, "morph target 0: has 3 elements for 4 vertices");
    let nothing = edited(two_bones(), "/meshes/0/primitives", json!([]));
    bench.no_avatar_in("nothing.glb", &nothing, "has no triangles");
    let cycle = json!([{ "mesh": 0, "children": [1] }, { "children": [0] }]);
    bench.no_avatar_in("cycle.glb", &edited(morphing_square(), "/nodes", cycle), "form a cycle");
    // A .gltf may refer to files beside it, and to no others.
    let mut json = morphing_square().json;
    for (uri, fault) in
        [("../secret.bin", ".."), ("absent.bin", "absent.bin"), ("/etc/passwd", "/etc/passwd")]
    {
        json["buffers"][0] = json!({ "byteLength": 100, "uri": uri });
        bench.no_avatar_in("outside.gltf", json.to_string().as_bytes(), fault);
    }
}

#[test]
fn damaged_avatars_of_our_own() {
    let bench = Bench::new();
    let good = fs::read(bench.path().join("good.glb")).unwrap();
    bench.avatar_in("a.glb", &good);
    bench.no_avatar_in("short.glb", &good[..good.len() / 2], "truncated");
    let (json, binary) = parts(&good);
    let extension = &json["extensions"]["EFFIGY_neural_avatar"];
    for (name, view, fault) in [
        ("positions", &extension["positions"], "not finite"),
        ("opacities", &extension["opacityLogits"], "not a number"),
        ("colours", &extension["sh"], "not finite"),
        ("triangles", &extension["binding"]["triangles"], "triangle 4294967295"),
    ] {
        let view = &json["bufferViews"][view.as_u64().unwrap() as usize];
        let [start, length] = ["byteOffset", "byteLength"].map(|key| view[key].as_u64().unwrap() as usize);
        let mut binary = binary.clone();
        // All ones are not a number, in half and single precision.
        binary[start..start + length].fill(0xFF);
        bench.no_avatar_in(&format!("{name}.glb"), &pack(&json, &binary), fault);
    }
    let mut later = json.clone();
    later["extensions"]["EFFIGY_neural_avatar"]["version"] = json!(99);
    bench.no_avatar_in("later.glb", &pack(&later, &binary), "version 99");
    let mut empty = json.clone();
    empty["extensions"]["EFFIGY_neural_avatar"] = json!({ "version": 1 });
    bench.no_avatar_in("empty.glb", &pack(&empty, &binary), "missing field `count`");
}

#[test]
fn damaged_ply() {
    let bench = Bench::new();
    let good = files::ply(&[files::ROW; 3]);
    bench.avatar_in("a.ply", &good);
    bench.no_avatar_in("short.ply", &good[..good.len() - 30], "file ends within");
    bench.no_avatar_in("header.ply", &good[..40], "PLY header");
    let text = String::from_utf8_lossy(&good[..good.len() - 3 * 56]).into_owned();
    let with =
        |from: &str, to: &str| [text.replace(from, to).as_bytes(), &good[good.len() - 3 * 56..]].concat();
    bench.no_avatar_in("many.ply", &with("vertex 3", "vertex 999999999999"), "999999999999");
    bench.no_avatar_in("more.ply", &with("vertex 3", "vertex 4"), "file ends within");
    bench.no_avatar_in("less.ply", &with("vertex 3", "vertex -3"), "PLY header, line 3");
    bench.no_avatar_in("mesh.ply", &with("opacity", "confidence"), "lacks opacity");
    for (column, bad) in [(0, f32::NAN), (7, f32::INFINITY), (10, f32::NAN), (4, f32::NEG_INFINITY)] {
        let mut row = files::ROW;
        row[column] = bad;
        // What cannot be drawn is left out, and what can be is not refused for it.
        bench.put("nan.ply", &files::ply(&[files::ROW, row]));
        let output = effigy(bench.path(), &["info", "nan.ply"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && stderr.contains("1 of 2 Gaussians"), "{stderr}");
        bench.no_avatar_in("nan.ply", &files::ply(&[row, row]), "none of its 2 Gaussians");
    }
    let mut flat = files::ROW;
    flat[10] = 0.0;
    bench.no_avatar_in("flat.ply", &files::ply(&[flat]), "none of its 1 Gaussians");

    let good = files::compressed_ply();
    bench.avatar_in("c.ply", &good);
    bench.no_avatar_in("c_short.ply", &good[..good.len() - 1], "file ends within");
    let mut bad = good.clone();
    let at = bad.len() - 2 * 16 - 48;
    bad[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    bench.no_avatar_in("c_nan.ply", &bad, "none of its 2 Gaussians");
}

#[test]
fn damaged_spz() {
    let bench = Bench::new();
    let good = files::gzip(&files::spz_contents(2, 2));
    bench.avatar_in("a.spz", &good);
    bench.no_avatar_in("short.spz", &good[..good.len() / 2], "the file ends within it");
    bench.no_avatar_in("tail.spz", &good[..good.len() - 4], "the file ends within it");
    bench.no_avatar_in("lacks.spz", &files::gzip(&files::spz_contents(2, 3)), "fewer than the 9 bytes");
    bench.no_avatar_in("many.spz", &files::gzip(&files::spz_contents(2, u32::MAX)), "4294967295 Gaussians");
    bench.no_avatar_in("later.spz", &files::gzip(&files::spz_contents(9, 2)), "version 9");
    bench.no_avatar_in("v4.spz", &files::spz_contents(4, 2), "table of contents");
    bench.no_avatar_in("other.spz", &files::gzip(b"something else entirely"), "not an avatar");
    bench.no_avatar_in("scene.rad", b"RAD0", "is not read");
    let two = files::zip(&[("a.spz", &good[..]), ("b.spz", &good[..])]);
    bench.no_avatar_in("two.zip", &two, "2 files that could be meant");
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    bench.no_avatar_in("flipped.spz", &flipped, "corrupt deflate stream");
}

#[test]
fn damaged_splats_of_other_kinds() {
    let bench = Bench::new();
    // Position, scale, colour and rotation of one Gaussian.
    let numbers: Vec<u8> = [0.0_f32, 1.0, 2.0, 0.1, 0.1, 0.1].iter().flat_map(|v| v.to_le_bytes()).collect();
    let good = [&numbers[..], &[255, 128, 0, 255], &[255, 128, 128, 128]].concat();
    bench.avatar_in("a.splat", &good);
    bench.no_avatar_in("short.splat", &good[..30], "no multiple of 32");
    bench.no_avatar_in("noise.splat", &[0xff; 64], "no positions and scales");
    bench.no_avatar_in("a.ksplat", &[1; 5000], "version 1.1 is not known");
    bench.no_avatar_in("short.ksplat", &[0; 100], "version 0.0 is not known");
    let meta =
        br#"{"version":2,"count":1,"means":{"mins":[0,0,0],"maxs":[1,1,1],"files":["l.webp","u.webp"]},
        "scales":{"files":[]},"quats":{"files":[]},"sh0":{"files":[]}}"#;
    bench.no_avatar_in("a.sog", &files::zip(&[("meta.json", &meta[..])]), "l.webp: ");
    let primitive = |attributes: &str| {
        format!(
            r#"{{"asset":{{"version":"2.0"}},"scene":0,"scenes":[{{"nodes":[0]}}],"nodes":[{{"mesh":0}}],
            "accessors":[{{"componentType":5126,"count":1,"type":"VEC3"}}],"meshes":[{{"primitives":[{{"mode":0,
            "attributes":{{{attributes}}},"extensions":{{"KHR_gaussian_splatting":{{"kernel":"ellipse",
            "colorSpace":"srgb_rec709_display"}}}}}}]}}]}}"#
        )
    };
    let lacks = primitive(r#""POSITION":0"#);
    bench.no_avatar_in("a.gltf", lacks.as_bytes(), "lacks the attribute KHR_gaussian_splatting:ROTATION");
    let beyond = primitive(r#""POSITION":7"#);
    bench.no_avatar_in("b.gltf", beyond.as_bytes(), "there is no accessor 7");
}

#[test]
fn damaged_and_hostile_zips() {
    let bench = Bench::new();
    let (skin, offsets) = (two_bones().glb(), files::ply(&[files::ROW; 6]));
    let named = |skin_name: &str| files::zip(&[(skin_name, &skin), ("head/offset.ply", &offsets)]);
    let good = named("head/skin.glb");
    bench.avatar_in("a.zip", &good);
    for length in [4, good.len() / 2, good.len() - 8] {
        bench.no_avatar_in("short.zip", &good[..length], "invalid Zip archive");
    }
    let mut flipped = good.clone();
    let middle = 30 + "head/skin.glb".len() + 200;
    flipped[middle..middle + 40].fill(0xA5);
    bench.no_avatar_in("flipped.zip", &flipped, "zip: skin.glb: ");
    for outside in ["../skin.glb", "head/../../skin.glb", "/skin.glb", "C:/skin.glb", "..\\skin.glb"] {
        bench.no_avatar_in("outside.zip", &named(outside), "lies outside the archive");
    }
    let elsewhere = files::zip(&[("skin.glb", &skin), ("head/offset.ply", &offsets), ("../../evil", b"x")]);
    bench.no_avatar_in("evil.zip", &elsewhere, "lies outside the archive");
    bench.no_avatar_in("photos.zip", &files::zip(&[("beach.jpg", b"sand")]), "no skin.glb");
    bench.no_avatar_in("half.zip", &files::zip(&[("head/skin.glb", &skin)]), "no offset.ply");
    let three = files::zip(&[("h/skin.glb", &skin), ("h/offset.ply", &files::ply(&[files::ROW; 3]))]);
    bench.no_avatar_in("three.zip", &three, "offset.ply has 3 Gaussians and skin.glb 6 vertices");
    let inner = files::zip(&[("h/skin.glb", &skin[..60]), ("h/offset.ply", &offsets)]);
    bench.no_avatar_in("inner.zip", &inner, "skin.glb: ");
}

#[test]
fn zips_that_unpack_to_too_much() {
    let bench = Bench::new();
    let (skin, offsets) = (two_bones().glb(), files::ply(&[files::ROW; 6]));
    let good = files::zip(&[("head/skin.glb", &skin), ("head/offset.ply", &offsets)]);
    bench.no_avatar_in(
        "claims.zip",
        &files::claim(good, "head/skin.glb", 0xFFFF_FFF0),
        "unpacks to more than",
    );
    // 256 entries of 4 GiB each: a terabyte, by what the directory says.
    let names: Vec<String> = (0..256).map(|i| format!("head/{i:03}.bin")).collect();
    let mut entries: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &b"x"[..])).collect();
    entries.extend([("head/skin.glb", &skin[..]), ("head/offset.ply", &offsets)]);
    let mut terabyte = files::zip(&entries);
    for name in &names {
        terabyte = files::claim(terabyte, name, 0xFFFF_FFF0);
    }
    bench.no_avatar_in("terabyte.zip", &terabyte, "unpacks to more than");
    // 600 MiB of zeros in 600 kB, honestly declared and not.
    let bomb = files::bomb(600, &offsets);
    assert!(bomb.len() < 2 << 20);
    bench.put("bomb.zip", &bomb);
    bench.refused(&["info", "bomb.zip"], "bomb.zip", "unpacks to more than");
    bench.put("lies.zip", &files::claim(bomb, "head/skin.glb", 1000));
    bench.refused(&["info", "lies.zip"], "lies.zip", "larger than its declared");
    bench.refused(&["render", "lies.zip", "-o", "out/a.png"], "lies.zip", "larger than its declared");
}

#[test]
fn damaged_csv() {
    let bench = Bench::new();
    let shapes = ["EyeBlinkLeft", "JawOpen"];
    let good = files::csv(&shapes, &[&["0.1", "0.2"], &["0.3", "0.4"]]);
    bench.put("good.csv", good.as_bytes());
    done(bench.path(), &["info", "good.csv"]);
    bench.no_track_in("empty.csv", "", "not a track");
    bench.no_track_in("header.csv", files::csv(&shapes, &[]), "no frames");
    // A row that is cut or holds no number is left out; where it is the only one, its fault is told.
    bench.put("short.csv", &good.as_bytes()[..good.len() - 8]);
    let output = effigy(bench.path(), &["info", "short.csv"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 of 2 rows left out"), "{said}");
    let one = files::csv(&shapes, &[&["0.1", "0.2"]]);
    bench.no_track_in("cut.csv", &one[..one.len() - 8], "line 2: ");
    bench.no_track_in("prose.csv", "Dear all,\nplease find attached\n", "not a track");
    bench.no_track_in("binary.csv", [0xFF, 0xFE, 0x00, 0x80, b'\n', 0x9F], "not a track");
    for bad in ["nan", "inf", "-Infinity", "1e99", "", "0,3", "zero"] {
        let text = files::csv(&shapes, &[&[bad, "0.4"]]);
        bench.no_track_in("value.csv", text, "line 2: ");
    }
    let unknown = files::csv(&["Gain", "Pitch"], &[&["0.1", "0.2"]]);
    bench.no_track_in("unknown.csv", unknown, "not a single known control");
    bench.no_track_in("clock.csv", good.replace("12:00:00:", "12:99:00:"), "timecode");
}

#[test]
fn damaged_json_tracks() {
    let bench = Bench::new();
    done(bench.path(), &["info", "good.json"]);
    let good = track();
    bench.no_track_in("short.json", &good[..good.len() / 2], "not a readable track file");
    bench.no_track_in("other.json", r#"{"answer": 42}"#, "not a track");
    bench.no_track_in("nan.json", good.replacen("[0.0,", "[NaN,", 1), "not a readable track file");
    bench.no_track_in("inf.json", good.replacen("[0.0,", "[1e99,", 1), "frame 0: a weight is not finite");
    bench.no_track_in("huge.json", good.replacen("[0.0,", "[1e9999,", 1), "number out of range");
    bench.no_track_in(
        "unknown.json",
        good.replace("jawOpen", "left").replace("eyeBlinkLeft", "right"),
        "not a single known control",
    );
    bench.no_track_in(
        "uneven.json",
        good.replacen("[0.0,0.0]", "[0.0]", 1),
        "frame 0: has 1 weights for 2 names",
    );
    bench.no_track_in("none.json", r#"{"names": ["jawOpen"], "frames": []}"#, "no frames");
    bench.no_track_in("deep.json", r#"{"more":"#.to_owned() + &"[".repeat(200_000), "EOF");
    bench.no_track_in("twice.json", good.replace("eyeBlinkLeft", "JawOpen"), "jawOpen twice");
    // A glTF that animates nothing is no track either.
    bench.put("still.glb", &bulge().glb());
    bench.no_track("still.glb", "no animation of morph weights");
}

#[test]
fn tracks_that_do_not_fit_the_avatar() {
    let bench = Bench::new();
    bench.put("a.ply", &files::ply(&[files::ROW]));
    let arguments = ["render", "a.ply", "--track", "good.json", "-o", "out/a.png", "--backend", "cpu"];
    bench.refused(&arguments, "a.ply", "no rig");
    // Controls that are known, but not to this avatar.
    let track = r#"{"names": ["tongueOut"], "frames": [{"weights": [1]}]}"#;
    bench.put("tongue.json", track.as_bytes());
    bench.no_track("tongue.json", "not a single control");
}

#[test]
fn cameras_that_cannot_be_used() {
    let bench = Bench::new();
    let frame = json!({ "transform_matrix": [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]] });
    let camera = |w: u32, fl_x: f32| json!({ "w": w, "h": 48, "fl_x": fl_x, "frames": [frame] });
    bench.put("good_camera.json", camera(64, 60.0).to_string().as_bytes());
    done(
        bench.path(),
        &["render", "good.glb", "--camera", "good_camera.json", "-o", "ok.png", "--backend", "cpu"],
    );
    let mut squashed = camera(64, 60.0);
    squashed["frames"][0]["transform_matrix"][0][0] = json!(0.5);
    for (text, fault) in [
        (camera(0, 60.0).to_string(), "picture size 0x48"),
        (camera(100_000, 60.0).to_string(), "picture size 100000x48"),
        (camera(64, -1.0).to_string(), "focal length"),
        (squashed.to_string(), "not a rotation"),
        (camera(64, 60.0).to_string()[..50].to_owned(), "not a transforms.json: EOF"),
        ("{}".into(), "missing field `frames`"),
        ("[]".into(), "no camera"),
    ] {
        bench.put("c.json", text.as_bytes());
        for out in ["out/a.png", "out/a.mp4", "out/frames"] {
            bench.refused(&["render", "good.glb", "--camera", "c.json", "-o", out], "c.json", fault);
        }
    }
}

#[test]
fn cameras_of_several_sizes_make_no_video() {
    let bench = Bench::new();
    let matrix = json!([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 2], [0, 0, 0, 1]]);
    let frames = [64, 80].map(|w| json!({ "w": w, "transform_matrix": matrix }));
    bench.put("c.json", json!({ "h": 48, "fl_x": 60, "frames": frames }).to_string().as_bytes());
    let arguments = ["render", "good.glb", "--backend", "cpu", "--camera", "c.json", "-o"];
    for more in [&["out/a.mp4"][..], &["out/a.mp4", "--backend", "gpu"]] {
        let arguments = [&["render", "good.glb", "--camera", "c.json", "-o"], more].concat();
        bench.refused(&arguments, "out/a.mp4", "picture 1 is 80x48");
    }
    for more in [["out/frames", "--fps=30"], ["out/a.mp4", "--size=64"]] {
        done(bench.path(), &[&arguments[..], &more].concat());
    }
}

#[test]
fn arguments_that_mean_nothing() {
    let bench = Bench::new();
    for bad in [
        ["--size", "0x0"],
        ["--size", "0"],
        ["--size", "100000"],
        ["--size", "64x100000"],
        ["--size", "64x-64"],
        ["--background", "plaid"],
        ["--camera", "orbit:much"],
        ["--backend", "abacus"],
    ] {
        let before = listing(bench.path());
        let output = effigy(bench.path(), &["render", "good.glb", "-o", "out/a.png", bad[0], bad[1]]);
        assert_eq!(output.status.code(), Some(2), "{bad:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(bad[1]), "{bad:?} is not named");
        assert_eq!(listing(bench.path()), before);
    }
    let with = |more: &[&'static str], fault: &str| {
        bench.refused(
            &[&["render", "good.glb", "-o", "out/a.mp4", "--backend", "cpu"], more].concat(),
            "",
            fault,
        );
    };
    with(&["--fps", "0"], "frame rate");
    with(&["--fps", "nan"], "frame rate");
    with(&["--seconds=-1"], "not a length");
    with(&["--seconds", "1e12"], "not a length");
    with(&["--seconds", "inf"], "not a length");
    with(&["--time", "nan"], "out of range");
    with(&["--ambient", "-1"], "--ambient -1 is not");
    with(&["--key", "bright"], "--key bright is not");
    with(&["--key", "1", "--key-from", "40"], "--key-from 40 is not");
    with(&["--key-from", "-40,30"], "no --key");
    with(&["--size", "8000x8000"], "16x16 to 3840x2160");
    with(&["--size", "8x8"], "16x16 to 3840x2160");
    with(&["--size", "8x8"], "a folder of pictures");
    with(&["--codec", "mpeg1"], "no encoder");
    with(&["--codec", "ffmpeg:huffyuv"], "as far as its name tells");
    with(&["--crf", "99"], "quality 99");
    with(&["--alpha", "side-by-side", "--background", "black"], "leave out --background");
    for (asked, fault) in [("0", "0 Gaussians"), ("1000000000", "1000000000 Gaussians")] {
        bench.refused(&["convert", "bulge.glb", "out/a.glb", "--gaussians", asked], "bulge.glb", fault);
    }
}

#[test]
fn outputs_that_cannot_be() {
    let bench = Bench::new();
    let render = |out: &'static str| ["render", "good.glb", "--size", "32x32", "--backend", "cpu", "-o", out];
    for out in ["a.gif", "out/a.jpeg", "a.mkv"] {
        bench.refused(&render(out), out, "cannot write");
    }
    bench.refused(&["convert", "good.glb", "a.obj"], "a.obj", "cannot write");
    for out in ["no/a.png", "no/such/a.mp4", "no/frames"] {
        bench.refused(&render(out), out, "no folder");
    }
    for out in ["no/a.glb", "no/a.ply"] {
        bench.refused(&["convert", "good.glb", out], out, "no folder");
    }
    // A file is not a folder.
    bench.refused(&render("good.json/a.png"), "good.json/a.png", "no folder");
    bench.put("taken", b"a file");
    bench.refused(&render("taken"), "taken", "Not a directory");
    // A folder is not a file.
    fs::create_dir(bench.path().join("album.png")).unwrap();
    bench.refused(&render("album.png"), "album.png", "a folder");
}

/// A place where nothing can be written fails on this machine's account: exit code 1.
#[cfg(target_os = "linux")]
#[test]
fn places_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let locked = bench.path().join("locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o555)).unwrap();
    // The superuser may write everywhere but where the kernel itself refuses.
    let privileged = fs::write(locked.join("probe"), "").is_ok();
    let place = if privileged { Path::new("/sys") } else { locked.as_path() };
    for name in ["a.png", "a.mp4", "frames"] {
        let out = place.join(name).display().to_string();
        let arguments = ["render", "good.glb", "--size", "32x32", "--backend", "cpu", "-o", &out];
        bench.fails(&arguments, 1, &out, "(os error ");
    }
    for name in ["a.glb", "a.ply"] {
        let out = place.join(name).display().to_string();
        bench.fails(&["convert", "good.glb", &out], 1, &out, "(os error ");
    }
}

/// Files without an end are read up to the limits of each kind.
#[cfg(target_os = "linux")]
#[test]
fn files_without_an_end() {
    let bench = Bench::new();
    bench.refused(&["render", "good.glb", "--track", "/dev/zero", "-o", "out/a.png"], "/dev/zero", "limit");
    bench.refused(
        &["render", "good.glb", "--camera", "/dev/zero", "-o", "out/a.png"],
        "/dev/zero",
        "not a transforms.json",
    );
}
