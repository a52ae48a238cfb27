//! Running the program, and small inputs for it.
#![allow(dead_code, reason = "each test program uses a part of it")]

#[path = "../../../rig/tests/support/mod.rs"]
pub(crate) mod gltf;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;

/// Runs `effigy` in `folder`.
pub(crate) fn effigy(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_effigy"))
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        // Mesa says on stderr that it wants this variable.
        .env("XDG_RUNTIME_DIR", folder)
        .output()
        .expect("the program starts")
}

/// Runs `effigy`, which must succeed without a warning, and returns its stdout. Drivers may say what they like.
pub(crate) fn done(folder: &Path, arguments: &[&str]) -> String {
    let output = effigy(folder, arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    assert!(!stderr.contains("WARN") && !stderr.contains("effigy"), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// Every file below `folder` with its length, sorted, hidden ones included.
pub(crate) fn listing(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.push((path.clone(), 0));
            found.extend(listing(&path));
        } else {
            found.push((path.clone(), fs::metadata(&path).unwrap().len()));
        }
    }
    found.sort();
    found
}

/// A textured head-like bulge on 17 × 17 vertices: `jawOpen` lowers and opens its lower part, `eyeBlinkLeft` moves a
/// spot in its upper left. It has no animation.
pub(crate) fn bulge() -> gltf::Builder {
    const SIDE: usize = 17;
    let mut b = gltf::Builder::new();
    let (mut positions, mut uvs, mut jaw, mut blink) = (vec![], vec![], vec![], vec![]);
    for row in 0..SIDE {
        for column in 0..SIDE {
            let (u, v) = (column as f32 / 16.0, row as f32 / 16.0);
            let (x, y) = (0.2 * u - 0.1, 0.26 * v - 0.13);
            positions.extend([x, y, 0.08 - 4.0 * (x * x + 0.6 * y * y)]);
            uvs.extend([u, 1.0 - v]);
            let lower = ((0.4 - v) / 0.4).max(0.0);
            jaw.extend([0.0, -0.05 * lower, 0.01 * lower]);
            let near = (-((u - 0.7) / 0.1).powi(2) - ((v - 0.7) / 0.08).powi(2)).exp();
            blink.extend([0.0, -0.03 * near, 0.01 * near]);
        }
    }
    let mut corners = Vec::new();
    for row in 0..SIDE - 1 {
        for column in 0..SIDE - 1 {
            let at = |r: usize, c: usize| (r * SIDE + c) as u16;
            let [p, q, r, s] =
                [at(row, column), at(row, column + 1), at(row + 1, column + 1), at(row + 1, column)];
            corners.extend([p, q, r, p, r, s]);
        }
    }
    let positions = b.floats("VEC3", &positions);
    let uvs = b.floats("VEC2", &uvs);
    let (jaw, blink) = (b.floats("VEC3", &jaw), b.floats("VEC3", &blink));
    let indices = b.shorts(&corners);
    let picture = b.view(&checkered());
    b.json["images"] = json!([{ "bufferView": picture, "mimeType": "image/png" }]);
    b.json["textures"] = json!([{ "source": 0 }]);
    b.json["materials"] = json!([{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }]);
    let mesh = b.mesh(json!({
        "primitives": [{
            "attributes": { "POSITION": positions, "TEXCOORD_0": uvs }, "indices": indices, "material": 0,
            "targets": [{ "POSITION": jaw }, { "POSITION": blink }],
        }],
        "extras": { "targetNames": ["jawOpen", "eyeBlinkLeft"] },
    }));
    b.node(json!({ "mesh": mesh }));
    b
}

fn checkered() -> Vec<u8> {
    const SIDE: u32 = 32;
    let pixels: Vec<u8> = (0..SIDE * SIDE)
        .flat_map(|i| {
            let (x, y) = (i % SIDE, i / SIDE);
            if (x / 4 + y / 4) % 2 == 0 { [230, 60 + 5 * x as u8, 40] } else { [30, 90, 60 + 6 * y as u8] }
        })
        .collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, SIDE, SIDE);
    encoder.set_color(png::ColorType::Rgb);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    out
}

/// A track of the bulge's controls: one second at rest, then with the jaw open, then with the eye shut; 10 frames/s.
pub(crate) fn track() -> String {
    let frame = |t: usize| {
        let weights = match t {
            0..10 => [0.0, 0.0],
            10..20 => [1.0, 0.0],
            _ => [0.0, 1.0],
        };
        json!({ "weights": weights, "time": t as f64 / 10.0, "rotation": [] })
    };
    let frames: Vec<_> = (0..30).map(frame).collect();
    json!({ "names": ["jawOpen", "eyeBlinkLeft"], "frames": frames, "metadata": { "fps": 10.0 } }).to_string()
}

/// A folder with `avatar.glb` (the bulge with 3000 Gaussians) and `track.json`.
pub(crate) fn workshop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("bulge.glb"), bulge().glb()).unwrap();
    fs::write(folder.path().join("track.json"), track()).unwrap();
    done(folder.path(), &["convert", "bulge.glb", "avatar.glb", "--gaussians", "3000"]);
    fs::remove_file(folder.path().join("bulge.glb")).unwrap();
    folder
}

/// A picture in memory.
pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// RGBA.
    pub(crate) pixels: Vec<[u8; 4]>,
}

pub(crate) fn read_png(path: &Path) -> Picture {
    let mut reader =
        png::Decoder::new(std::io::BufReader::new(fs::File::open(path).unwrap())).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    assert_eq!((info.color_type, info.bit_depth), (png::ColorType::Rgba, png::BitDepth::Eight));
    Picture {
        width: info.width as usize,
        height: info.height as usize,
        pixels: bytes.as_chunks::<4>().0.to_vec(),
    }
}

impl Picture {
    /// Pixels that differ from `other`'s by more than 6 levels in a channel, as a mask.
    pub(crate) fn changes(&self, other: &Self) -> Vec<bool> {
        assert_eq!((self.width, self.height), (other.width, other.height));
        let differs = |(p, q): (&[u8; 4], &[u8; 4])| p.iter().zip(q).any(|(a, b)| a.abs_diff(*b) > 6);
        self.pixels.iter().zip(&other.pixels).map(differs).collect()
    }

    /// The part of `mask` that is set within `[left, top, right, bottom]`, in fractions of the picture.
    pub(crate) fn share(&self, mask: &[bool], [left, top, right, bottom]: [f64; 4]) -> f64 {
        let (w, h) = (self.width as f64, self.height as f64);
        let (mut set, mut all) = (0, 0);
        for (i, on) in mask.iter().enumerate() {
            let (x, y) = (((i % self.width) as f64 + 0.5) / w, ((i / self.width) as f64 + 0.5) / h);
            if (left..right).contains(&x) && (top..bottom).contains(&y) {
                all += 1;
                set += usize::from(*on);
            }
        }
        f64::from(set as u32) / f64::from(all.max(1) as u32)
    }
}
