//! Compressed buffer views, against the reference implementation that encodes them.

#![allow(clippy::unwrap_used)] // Helpers outside test functions fail the test all the same.

mod packed;
mod support;

use effigy_rig::meshopt::{Filter, Mode, decode};
use effigy_rig::{LoadLimits, Rig, RigError};
use meshopt::{
    EncodeExpMode, decode_filter_color, decode_filter_exp, decode_filter_oct, decode_filter_quat,
    decode_index_buffer, encode_filter_color, encode_filter_exp, encode_filter_oct, encode_filter_quat,
    encode_index_buffer, encode_index_sequence, encode_vertex_buffer_level,
};
use packed::packed_square;
use serde_json::json;
use support::square;

/// Numbers without an order, always the same ones.
fn noise(seed: u32) -> impl Iterator<Item = u32> {
    std::iter::successors(Some(seed | 1), |x| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)))
        .map(|x| x ^ x >> 15)
}

/// Elements of `N` bytes of several kinds: smooth floats, small integers, noise, nothing but zeros.
fn elements<const N: usize>(count: usize, kind: u32) -> Vec<[u8; N]> {
    let mut random = noise(kind);
    (0..count)
        .map(|i| {
            let mut element = [0; N];
            for (k, word) in element.chunks_exact_mut(4).enumerate() {
                let value = match kind {
                    0 => (i as f32 * 0.01 + k as f32).sin().to_bits(),
                    1 => ((i * 37 / 5 + k) % 4000) as u32 | (i as u32 / 3) << 16,
                    2 => random.next().unwrap(),
                    3 => random.next().unwrap() & 0x0101_0003,
                    _ => 0,
                };
                word.copy_from_slice(&value.to_le_bytes());
            }
            element
        })
        .collect()
}

fn attributes_of_stride<const N: usize>() {
    for kind in 0..5 {
        for count in [1, 15, 16, 17, 255, 256, 257, 1000] {
            let elements = elements::<N>(count, kind);
            for (version, level) in [(0, 2), (1, 0), (1, 1), (1, 2), (1, 3)] {
                let encoded = encode_vertex_buffer_level(&elements, level, Some(version)).unwrap();
                assert_eq!(encoded[0], 0xa0 | version as u8);
                let decoded = decode(&encoded, Mode::Attributes(Filter::None), count, N);
                let same = decoded.as_deref() == Ok(elements.concat().as_slice());
                assert!(same, "stride {N}, kind {kind}, {count} elements, version {version}, level {level}");
            }
        }
    }
}

#[test]
fn attributes_of_both_versions() {
    attributes_of_stride::<4>();
    attributes_of_stride::<8>();
    attributes_of_stride::<12>();
    attributes_of_stride::<48>();
    attributes_of_stride::<256>();
}

/// The triangles of a grid, row by row, and some that lie anywhere.
fn triangles() -> Vec<u32> {
    let row = 40;
    let mut indices: Vec<u32> = (0..row - 1)
        .flat_map(|y| (0..row - 1).map(move |x| y * row + x))
        .flat_map(|v| [v, v + 1, v + row, v + row, v + 1, v + row + 1])
        .collect();
    indices.extend(noise(5).take(300).map(|i| i % (row * row)));
    indices
}

fn words(bytes: &[u8], stride: usize) -> Vec<u32> {
    let word = |b: &[u8]| b.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte));
    bytes.chunks_exact(stride).map(word).collect()
}

#[test]
fn triangles_and_other_indices() {
    let indices = triangles();
    let encoded = encode_index_buffer(&indices, 1600).unwrap();
    for stride in [2, 4] {
        let decoded = words(&decode(&encoded, Mode::Triangles, indices.len(), stride).unwrap(), stride);
        assert_eq!(decoded, decode_index_buffer::<u32>(&encoded, indices.len()).unwrap());
        // The encoder may begin a triangle at another corner.
        for (got, put) in decoded.as_chunks::<3>().0.iter().zip(indices.as_chunks::<3>().0) {
            let turns = (0..3).map(|k| [put[k], put[(k + 1) % 3], put[(k + 2) % 3]]);
            assert!(turns.into_iter().any(|turn| turn == *got), "{got:?} for {put:?}");
        }
    }
    let mut sequence = indices;
    sequence.extend([70_000, 3, 1 << 28, 0]);
    let encoded = encode_index_sequence(&sequence, 1 << 29).unwrap();
    let decoded = decode(&encoded, Mode::Indices, sequence.len(), 4).unwrap();
    assert_eq!(words(&decoded, 4), sequence);
    let short = words(&decode(&encoded, Mode::Indices, sequence.len(), 2).unwrap(), 2);
    assert!(short.iter().zip(&sequence).all(|(&short, &long)| short == long & 0xffff));
}

/// Decodes elements that hold filtered values.
fn filtered<const N: usize>(values: &[[u8; N]], filter: Filter) -> Vec<u8> {
    let encoded = encode_vertex_buffer_level(values, 2, Some(1)).unwrap();
    decode(&encoded, Mode::Attributes(filter), values.len(), N).unwrap()
}

fn bytes_of(words: [i16; 4]) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes.chunks_exact_mut(2).zip(words).for_each(|(b, w)| b.copy_from_slice(&w.to_le_bytes()));
    bytes
}

fn shorts(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
}

/// Unit vectors of four components all over the sphere.
fn units() -> Vec<[f32; 4]> {
    let numbers: Vec<f32> = noise(9).take(4000).map(|n| (n >> 8) as f32 / 8_388_608.0 - 1.0).collect();
    let unit = |v: &[f32; 4]| v.map(|c| c / v.iter().map(|c| c * c).sum::<f32>().sqrt());
    numbers.as_chunks().0.iter().map(unit).collect()
}

#[test]
fn filters_give_what_the_reference_gives() {
    let near = |a: &[i16], b: &[i16]| {
        assert_eq!(a.len(), b.len());
        assert!(a.iter().zip(b).all(|(&a, &b)| (i32::from(a) - i32::from(b)).abs() <= 1));
    };
    let normals: Vec<[f32; 4]> = units()
        .iter()
        .map(|[x, y, z, _]| {
            let length = (x * x + y * y + z * z).sqrt();
            [x / length, y / length, z / length, 1.0]
        })
        .collect();
    let mut coded: Vec<[i16; 4]> = encode_filter_oct(&normals, 12);
    let decoded =
        shorts(&filtered(&coded.iter().map(|&w| bytes_of(w)).collect::<Vec<_>>(), Filter::Octahedral));
    decode_filter_oct(&mut coded);
    near(&decoded, coded.as_flattened());
    let far = decoded.iter().zip(normals.as_flattened()).map(|(&d, &n)| (f32::from(d) / 32767.0 - n).abs());
    assert!(far.fold(0.0, f32::max) < 0.002);
    let mut coded: Vec<[i8; 4]> = encode_filter_oct(&normals, 8);
    let decoded = filtered(&coded.iter().map(|w| w.map(|c| c as u8)).collect::<Vec<_>>(), Filter::Octahedral);
    decode_filter_oct(&mut coded);
    let widen = |v: &[i8]| v.iter().map(|&c| i16::from(c)).collect::<Vec<_>>();
    let decoded: Vec<i8> = decoded.into_iter().map(|c| c as i8).collect();
    near(&widen(&decoded), &widen(coded.as_flattened()));

    let mut coded = encode_filter_quat(&units(), 14);
    let decoded =
        shorts(&filtered(&coded.iter().map(|&w| bytes_of(w)).collect::<Vec<_>>(), Filter::Quaternion));
    decode_filter_quat(&mut coded);
    near(&decoded, coded.as_flattened());
    for (got, unit) in decoded.as_chunks::<4>().0.iter().zip(units()) {
        let dot: f32 = got.iter().zip(unit).map(|(&g, u)| f32::from(g) / 32767.0 * u).sum();
        assert!(dot.abs() > 0.9999, "{got:?} {unit:?}");
    }

    let floats: Vec<[f32; 3]> =
        units().iter().enumerate().map(|(i, [x, y, z, _])| [*x, y * 1e9, z * 1e-9 * i as f32]).collect();
    let mut coded: Vec<[u32; 3]> = encode_filter_exp(&floats, 15, EncodeExpMode::Separate);
    let flat: Vec<[u8; 4]> = coded.as_flattened().iter().map(|w| w.to_le_bytes()).collect();
    let decoded = filtered(&flat, Filter::Exponential);
    decode_filter_exp(&mut coded);
    assert_eq!(words(&decoded, 4), coded.as_flattened());
    for (got, put) in words(&decoded, 4).iter().zip(floats.as_flattened()) {
        assert!((f32::from_bits(*got) - put).abs() <= put.abs() * 1e-3 + 1e-20);
    }

    let colors: Vec<[f32; 4]> = units().iter().map(|c| c.map(f32::abs)).collect();
    let mut coded: Vec<[u8; 4]> = encode_filter_color(&colors, 8);
    let decoded = filtered(&coded, Filter::Color);
    decode_filter_color(&mut coded);
    let widen = |v: &[u8]| v.iter().map(|&c| i16::from(c)).collect::<Vec<_>>();
    near(&widen(&decoded), &widen(coded.as_flattened()));
    let far = decoded.iter().zip(colors.as_flattened()).map(|(&d, &c)| (f32::from(d) / 255.0 - c).abs());
    assert!(far.fold(0.0, f32::max) < 0.02);
}

#[test]
fn a_packed_rig_is_the_plain_one() {
    let plain = Rig::from_slice(&square().glb(), None, &LoadLimits::default()).unwrap();
    for extension in ["EXT_meshopt_compression", "KHR_meshopt_compression"] {
        let rig = Rig::from_slice(&packed_square(extension).glb(), None, &LoadLimits::default()).unwrap();
        assert_eq!(rig, plain);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let name = "EXT_meshopt_compression";
    let refused = |view: usize, key: &str, value: serde_json::Value, part: &str| {
        let mut b = packed_square(name);
        b.json["bufferViews"][view]["extensions"][name][key] = value;
        let message =
            Rig::from_slice(&b.glb(), None, &LoadLimits::default()).expect_err("loaded").to_string();
        assert!(message.starts_with(&format!("buffer view {view}, {name}: ")), "{message}");
        assert!(message.contains(part) && message.lines().count() == 1, "{message:?} does not say {part:?}");
    };
    refused(0, "mode", json!("POINTS"), "mode \"POINTS\"");
    refused(0, "filter", json!("SHARP"), "filter \"SHARP\"");
    refused(0, "filter", json!("OCTAHEDRAL"), "does not work on elements of that stride");
    refused(0, "mode", json!("TRIANGLES"), "not of triangles");
    refused(1, "filter", json!("QUATERNION"), "over indices");
    refused(0, "byteLength", json!(20), "ends too early");
    refused(1, "byteLength", json!(18), "not one of triangles");
    refused(0, "byteLength", json!(1u64 << 40), "not in a buffer");
    refused(0, "buffer", json!(7), "not in a buffer");
    refused(0, "count", json!(3), "length of the buffer view");
    refused(0, "count", json!("four"), "invalid type");

    // Counts without end are held by the limit on bytes.
    let mut b = packed_square(name);
    b.json["bufferViews"][0]["byteLength"] = json!(12u64 << 34);
    b.json["bufferViews"][0]["extensions"][name]["count"] = json!(1u64 << 34);
    let error = Rig::from_slice(&b.glb(), None, &LoadLimits::default()).expect_err("loaded");
    assert!(matches!(error, RigError::Limit { .. }), "{error}");
}

#[test]
fn damaged_streams_are_refused_or_decode() {
    let mut random = noise(77);
    let vertices = elements::<16>(300, 1);
    let streams = [
        (
            encode_vertex_buffer_level(&vertices, 2, Some(0)).unwrap(),
            Mode::Attributes(Filter::Exponential),
            300,
            16,
        ),
        (encode_vertex_buffer_level(&vertices, 3, Some(1)).unwrap(), Mode::Attributes(Filter::None), 300, 16),
        (encode_index_buffer(&triangles(), 1600).unwrap(), Mode::Triangles, triangles().len(), 4),
        (encode_index_sequence(&triangles(), 1600).unwrap(), Mode::Indices, triangles().len(), 2),
    ];
    for (stream, mode, count, stride) in streams {
        let (mut decoded, rounds) = (0, 2000);
        for _ in 0..rounds {
            let mut bytes = stream.clone();
            for _ in 0..=random.next().unwrap() % 3 {
                let at = random.next().unwrap() as usize % bytes.len();
                match random.next().unwrap() % 3 {
                    0 => bytes.truncate(at.max(1)),
                    1 => bytes[at] ^= 1 << (random.next().unwrap() % 8),
                    _ => bytes[at] = random.next().unwrap() as u8,
                }
            }
            if let Ok(out) = decode(&bytes, mode, count, stride) {
                assert_eq!(out.len(), count * stride);
                decoded += 1;
            }
        }
        assert!(
            (1..rounds).contains(&decoded),
            "{mode:?}: {decoded} of {rounds} decode: the damage tests nothing"
        );
    }
}
