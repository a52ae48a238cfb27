//! Thousands of damaged captures: any may be refused or have problems, none may panic or take longer than a few seconds.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod capture_support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use capture_support::{colmap, cube, nerfstudio, own, vhap};
use effigy_capture::{Capture, CaptureLimits, CaptureOptions, PictureCache};
use effigy_tests::SplitMix64;

/// Writes a sound capture.
type Maker = fn(&Path);

const ROUNDS: usize = 500;
const LONGEST: Duration = Duration::from_secs(5);

/// What stands in for a number or word of a text file.
const WORDS: [&str; 22] = [
    "null",
    "-1",
    "0",
    "1e308",
    "-1e39",
    "1e999",
    "NaN",
    "nan",
    "inf",
    "18446744073709551615",
    "4294967296",
    "\"\"",
    "[]",
    "{}",
    "\"../../../x\"",
    "\"/dev/zero\"",
    "\"images\"",
    "true",
    "[[[[[[[[[[]]]]]]]]]]",
    "\"\\u0000\"",
    "\u{202e}",
    "512.5",
];

fn damaged(random: &mut SplitMix64, mut bytes: Vec<u8>, is_text: bool) -> Vec<u8> {
    for _ in 0..=random.below(3) {
        let n = bytes.len();
        if n == 0 {
            break;
        }
        let at = random.below(n);
        match random.below(if is_text { 8 } else { 5 }) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes.truncate(at),
            2 => bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)],
            3 => {
                let end = (at + 8).min(n);
                let number = [0, 1, u64::MAX, 1 << 32, 1 << 63, f64::NAN.to_bits(), 1e300f64.to_bits()];
                let number = number[random.below(7)].to_le_bytes();
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            4 => {
                let end = (at + random.below(40)).min(n);
                let part = bytes[at..end].to_vec();
                let to = random.below(n);
                bytes.splice(to..to, part);
            }
            _ => {
                // A word for a word: what is left is mostly well formed.
                let inside = |b: &u8| b.is_ascii_alphanumeric() || b"-+._\"/".contains(b);
                let start = bytes[..at].iter().rposition(|b| !inside(b)).map_or(0, |i| i + 1);
                let end = bytes[at..].iter().position(|b| !inside(b)).map_or(n, |i| at + i);
                bytes.splice(start..end.max(start), WORDS[random.below(WORDS.len())].bytes());
            }
        }
    }
    bytes
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[test]
fn damaged_captures_never_panic() {
    let rig = cube();
    let limits = CaptureLimits {
        json_bytes: 1 << 20,
        model_bytes: 1 << 20,
        frames: 1000,
        values: 10_000,
        points: 1000,
        picture_bytes: 1 << 20,
        picture_pixels: 1 << 16,
        folders_up: 1,
    };
    let options = CaptureOptions { limits, ..CaptureOptions::default() };
    let makers: [(&str, Maker); 5] = [
        ("own", own),
        ("vhap", |folder| vhap(folder, true)),
        ("text", |folder| colmap(folder, false)),
        ("binary", |folder| colmap(folder, true)),
        ("nerfstudio", nerfstudio),
    ];
    let mut random = SplitMix64(11);
    for (name, make) in makers {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        let (mut opened, mut faulty) = (0, 0);
        let is_text =
            |path: &&PathBuf| path.extension().is_some_and(|e| e == "json" || e == "txt" || e == "ply");
        let is_picture =
            |path: &&PathBuf| path.extension().is_some_and(|e| e == "png" || e == "jpg" || e == "webp");
        let all = files(folder.path());
        let (pictures, others): (Vec<&PathBuf>, Vec<&PathBuf>) = all.iter().partition(is_picture);
        for round in 0..ROUNDS {
            // Files that are not pictures are what this crate reads itself.
            let from = if random.below(4) == 0 { &pictures } else { &others };
            let path = from[random.below(from.len())];
            let sound = std::fs::read(path).unwrap();
            let bad = damaged(&mut random, sound.clone(), is_text(&path));
            std::fs::write(path, &bad).unwrap();
            let start = Instant::now();
            if let Ok(capture) = Capture::open(folder.path(), &options) {
                opened += 1;
                let problems = capture.check((round % 2 == 0).then_some(&rig));
                faulty += usize::from(!problems.is_empty());
                assert!(problems.iter().all(|p| !p.to_string().contains(['\n', '\0', '\u{202e}'])));
                // Decoding takes most of the time.
                if round % 4 == 0 || pictures.contains(&path) {
                    let cache = PictureCache::new(&capture, 1 << 20);
                    let indices: Vec<usize> = (0..capture.frames.len()).collect();
                    let _ = cache.preload(&indices, round as u32 % 3, &|_, _| {});
                    assert!(cache.bytes() <= 1 << 20);
                }
            }
            assert!(start.elapsed() < LONGEST, "{name}, round {round}: {}", path.display());
            std::fs::write(path, &sound).unwrap();
        }
        // The damage is neither always fatal nor without effect.
        assert!(opened > ROUNDS / 20 && opened < ROUNDS && faulty > 0, "{name}: {opened} {faulty}");
    }
}
