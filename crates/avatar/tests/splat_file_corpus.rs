//! Thousands of damaged splat files: each is read or refused, without a panic, in little time and memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "splat_file/made.rs"]
mod made;

use std::time::{Duration, Instant};

use effigy_avatar::splat_file::{
    SplatFileError, SplatLimits, SplatReadOptions, SplatScene, read_antimatter, read_khr, read_sog,
    read_splat, write_khr,
};
use effigy_rig::LoadLimits;
use effigy_tests::{data, peak_memory};
use made::{
    CHUNK, Sog, Spz, antimatter, compressed_ply, gzip, gzip_of_zeros, ksplat, plain_ply, ply, property_names,
};

/// xorshift64* (Vigna 2016).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 11) as usize % n.max(1)
    }
}

/// Damages a file in one to four places.
fn damage(file: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len());
        // Half of all damage is to the header, where counts are.
        let at = if random.below(2) == 0 { at % 600 } else { at };
        let end = (at + 1 + random.below(8)).min(bytes.len());
        match random.below(8) {
            _ if bytes.is_empty() => bytes.push(0),
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes[at] = b'0' + random.below(10) as u8,
            3 => bytes[at..end].fill([0x00, 0xff, 0x7f, 0x80][random.below(4)]),
            4 => bytes.truncate(at),
            5 => drop(bytes.drain(at..end)),
            6 => {
                let piece = bytes[at..end].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => {
                let number =
                    [u64::MAX, u64::from(u32::MAX), 1 << 31, 1_000_000][random.below(4)].to_le_bytes();
                let length = [4, 8][random.below(2)].min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&number[..length]);
            }
        }
    }
    bytes
}

const OPTIONS: SplatReadOptions = SplatReadOptions {
    ply_color: effigy_avatar::splat_file::PlyColor::Harmonic,
    up: None,
    mip: None,
    limits: SplatLimits { max_gaussians: 200_000, max_unpacked_bytes: 64 << 20, max_header_bytes: 64 << 10 },
};

/// Limits, decompressor windows, and a margin for the test itself.
const MEMORY: u64 = 128 << 20;

/// Reads `count` damaged copies of the file that `packed` makes of `file`, and gives how many were accepted.
fn read_damaged(
    name: &str,
    file: &[u8],
    count: usize,
    random: &mut Random,
    packed: impl Fn(Vec<u8>) -> Vec<u8>,
) -> usize {
    let packed = |bytes: &[u8]| packed(bytes.to_vec());
    read_damaged_by(name, file, count, random, packed, |bytes| read_splat(bytes, &OPTIONS))
}

/// As [`read_damaged`], by `read`.
fn read_damaged_by(
    name: &str,
    file: &[u8],
    count: usize,
    random: &mut Random,
    packed: impl Fn(&[u8]) -> Vec<u8>,
    read: impl Fn(&[u8]) -> Result<SplatScene, SplatFileError>,
) -> usize {
    let whole = read(&packed(file)).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(!whole.gaussians.is_empty());
    let mut accepted = 0;
    for _ in 0..count {
        let bytes = packed(&damage(file, random));
        let start = Instant::now();
        match read(&bytes) {
            Ok(scene) => {
                scene.gaussians.validate().unwrap();
                assert!(scene.gaussians.len() <= 200_000);
                accepted += 1;
            }
            Err(error) => assert!(!error.to_string().contains('\n'), "{name}: {error}"),
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{name} takes too long");
    }
    assert!(accepted < count, "{name}: no damage was noticed");
    accepted
}

/// Of both versions, with damage to what says what the pictures mean, or to one of them.
fn damaged_sogs_are_read_or_refused(random: &mut Random) -> usize {
    let mut accepted = 0;
    for version in [1, 2] {
        let sog = Sog::new(version);
        let picture = |name: &str| {
            let file = sog.files.iter().find(|(path, _)| path == name);
            file.map(|(_, bytes)| bytes.clone()).ok_or_else(|| SplatFileError::Sog("missing".into()))
        };
        let same = |bytes: &[u8]| bytes.to_vec();
        accepted += read_damaged_by("meta.json", sog.meta.as_bytes(), 1000, random, same, |meta| {
            read_sog(meta, picture, &OPTIONS)
        });
        for (name, bytes) in &sog.files {
            accepted += read_damaged_by(name, bytes, 200, random, same, |damaged| {
                let fetch =
                    |wanted: &str| if wanted == name { Ok(damaged.to_vec()) } else { picture(wanted) };
                read_sog(sog.meta.as_bytes(), fetch, &OPTIONS)
            });
        }
    }
    accepted
}

fn ascii_ply() -> Vec<u8> {
    let properties: Vec<String> = property_names(9).iter().map(|n| format!("property float {n}")).collect();
    let mut lines = vec!["element vertex 2", "property list uchar int neighbours"];
    lines.extend(properties.iter().map(String::as_str));
    let row: String = (0..properties.len()).map(|i| format!(" {}", i as f32 / 8.0 - 1.0)).collect();
    ply("ascii", &lines, format!("2 0 1{row}\n0{row}\n").as_bytes())
}

/// Two extension records of SPZ, the second that of the axes.
const RECORDS: [u8; 24] =
    [2, 0, 0xbe, 0xad, 4, 0, 0, 0, 1, 2, 3, 4, 3, 0, 0xbe, 0xad, 4, 0, 0, 0, 15, 0, 0, 0];

/// Flat, in plain colours, with a 3D filter and comments.
fn odd_ply() -> Vec<u8> {
    let mut names = property_names(0);
    names.retain(|name| !name.starts_with("f_dc_") && name != "scale_2");
    names.extend(["red", "green", "blue", "filter_3D"].map(String::from));
    let properties: Vec<String> = names.iter().map(|name| format!("property float {name}")).collect();
    let mut lines = vec!["comment SplatRenderMode: mip", "comment antialiased 1", "element vertex 5"];
    lines.extend(properties.iter().map(String::as_str));
    let body: Vec<u8> =
        (0..5 * names.len()).flat_map(|i| ((i * 13 % 17) as f32 / 8.0 - 1.0).to_le_bytes()).collect();
    ply("binary_little_endian", &lines, &body)
}

/// One test, because the peak of memory is the whole program's: others at the same time would count as well.
#[test]
fn whatever_the_file_memory_is_bounded() {
    damaged_files_are_read_or_refused();
    damaged_real_files_are_read_or_refused();
    what_unpacks_to_too_much_is_refused();
}

fn damaged_files_are_read_or_refused() {
    let mut random = Random(0x5eed_0001);
    let before = peak_memory();
    let same = |bytes: Vec<u8>| bytes;
    let words: Vec<[u32; 4]> =
        (0..300_u32).map(|i| [i * 7_654_321; 4].map(|w| w.rotate_left(i % 32))).collect();
    let harmonics: Vec<Vec<u8>> = (0..200).map(|i| vec![i as u8; 24]).collect();
    let mut accepted = 0;
    for (name, file) in [
        ("PLY", plain_ply(40, 0)),
        ("PLY with harmonics", plain_ply(10, 45)),
        ("PLY of one row", plain_ply(1, 9)),
        ("ASCII PLY", ascii_ply()),
        ("compressed PLY", compressed_ply(&CHUNK, &words[..200], &harmonics)),
        ("compressed PLY without harmonics", compressed_ply(&CHUNK[..12], &words[..256], &[])),
        ("SPZ 4", Spz::two(4).v4(&[])),
        ("gzip", gzip(&Spz::two(3).payload())),
        ("PLY of other properties", odd_ply()),
        ("SPZ 4 with records", Spz { flags: 2, ..Spz::two(4) }.v4(&RECORDS)),
        (".ksplat", ksplat(0, 2).bytes()),
        (".ksplat of half floats", ksplat(1, 1).bytes()),
        (".ksplat of bytes", ksplat(2, 2).bytes()),
    ] {
        accepted += read_damaged(name, &file, 2000, &mut random, same);
    }
    for version in 1..=3 {
        let payload = Spz::two(version).payload();
        accepted += read_damaged("SPZ within gzip", &payload, 1000, &mut random, |bytes| gzip(&bytes));
    }
    let mut recorded = Spz { flags: 2, ..Spz::two(3) };
    recorded.arrays.push(RECORDS.to_vec());
    let payload = recorded.payload();
    accepted +=
        read_damaged("SPZ with records within gzip", &payload, 1000, &mut random, |bytes| gzip(&bytes));
    let rows = [([1.0, 2.0, 3.0], [0.1; 3], [9, 99, 199, 255], [255, 128, 128, 128]); 40];
    let same_as = |file: &[u8]| file.to_vec();
    accepted += read_damaged_by(".splat", &antimatter(&rows), 1000, &mut random, same_as, |bytes| {
        read_antimatter(bytes, &OPTIONS)
    });
    accepted += damaged_sogs_are_read_or_refused(&mut random);
    let scene = read_splat(&plain_ply(10, 45), &OPTIONS).unwrap();
    let glb = write_khr(&scene.gaussians, scene.filter, "ten").unwrap();
    accepted += read_damaged_by("KHR_gaussian_splatting", &glb, 2000, &mut random, same_as, |bytes| {
        // A file that has lost the name of the extension holds no splats.
        let none = || SplatFileError::Khr("none".into());
        read_khr(bytes, None, &LoadLimits::default(), &OPTIONS)?.ok_or_else(none)
    });
    // Damage must get past the header often enough to be worth the test.
    assert!(accepted > 1500, "{accepted}");
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        assert!(after - before < MEMORY, "{} MiB", (after - before) >> 20);
    }
}

fn damaged_real_files_are_read_or_refused() {
    let (Some(ply), Some(spz)) = (data("splat/biker.compressed.ply"), data("splat/biker.spz")) else {
        return;
    };
    let [ply, spz] = [ply, spz].map(|path| std::fs::read(path).unwrap());
    let mut random = Random(0x5eed_0002);
    let before = peak_memory();
    // The first two chunks of the real file; the whole of it seldom, as it takes long to read.
    let end = ply.windows(11).position(|w| w == b"end_header\n").unwrap() + 11;
    let header = String::from_utf8(ply[..end].to_vec()).unwrap();
    let header = header.replace("chunk 597", "chunk 2").replace("vertex 152746", "vertex 500");
    let (chunks, vertices) = ply[end..].split_at(597 * 72);
    let small = [header.as_bytes(), &chunks[..2 * 72], &vertices[..500 * 16]].concat();
    read_damaged("biker.compressed.ply, two chunks", &small, 2000, &mut random, |bytes| bytes);
    read_damaged("biker.compressed.ply", &ply, 20, &mut random, |bytes| bytes);
    read_damaged("biker.spz", &spz, 40, &mut random, |bytes| bytes);
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        assert!(after - before < MEMORY, "{} MiB", (after - before) >> 20);
    }
}

/// Streams that unpack to far more than they are, and headers that promise it.
fn what_unpacks_to_too_much_is_refused() {
    let before = peak_memory();
    let header = Spz { count: 190_000, arrays: vec![], ..Spz::two(3) };
    let bomb = gzip_of_zeros(&header.payload(), 1 << 29);
    assert!(bomb.len() < 4 << 20, "{}", bomb.len());
    let error = read_splat(&bomb, &OPTIONS).unwrap_err().to_string();
    assert!(error.contains("bytes after the last Gaussian"), "{error}");
    let few =
        SplatReadOptions { limits: SplatLimits { max_unpacked_bytes: 1 << 20, ..OPTIONS.limits }, ..OPTIONS };
    let error = read_splat(&bomb, &few).unwrap_err().to_string();
    assert!(error.contains("bytes of unpacked Gaussians"), "{error}");

    // A zstd stream of repeated bytes, far longer than the 18 bytes that the table of contents promises.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    frame.extend((1_u32 << 30).to_le_bytes());
    for block in 0..8192_u32 {
        let last = u32::from(block == 8191);
        frame.extend(&(last | 1 << 1 | (128 << 10) << 3).to_le_bytes()[..3]);
        frame.push(0);
    }
    let mut file = Spz::two(4).v4(&[]);
    let at = 32 + 6 * 16;
    let length = frame.len() as u64;
    file.splice(at..at + 30, frame);
    file[32..40].copy_from_slice(&length.to_le_bytes());
    let error = read_splat(&file, &OPTIONS).unwrap_err().to_string();
    assert!(error.starts_with("SPZ: stream of positions:"), "{error}");
    if let (Some(before), Some(after)) = (before, peak_memory()) {
        assert!(after - before < MEMORY, "{} MiB", (after - before) >> 20);
    }
}
