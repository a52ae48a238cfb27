//! The compressed PLY of PlayCanvas.
//!
//! Element `chunk` holds bounds of each 256 Gaussians, element `vertex` four 32-bit words per Gaussian, and element
//! `sh`, if there is one, a byte per harmonic after the first. From the most significant bit down the words are
//!
//! - `packed_position`: x 11, y 10, z 11 bits, from the chunk's least to its greatest;
//! - `packed_rotation`: 2 bits, which of w, x, y, z is the largest, then the other three in that order, 10 bits each,
//!   from -√½ to √½;
//! - `packed_scale`: as the position, natural logarithms;
//! - `packed_color`: red, green, blue and opacity, 8 bits each; colours within the chunk's bounds if it has any, else
//!   from 0 to 1; opacity from 0 to 1.
//!
//! A byte v of `sh` is -4 if 0, 4 if 255, else (v + ½) / 32 - 4. As described by the reader and writer in PlayCanvas
//! splat-transform.

use std::f64::consts::SQRT_2;

use effigy_splat::{Gaussians, SH_C0};
use glam::{DVec3, Quat};

use super::color::logit;
use super::orientation::UpAxis;
use super::ply::{PLY_AXES, RestColumns};
use super::ply_body::{PlyFile, Table};
use super::ply_header::Scalar;
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatReadOptions, SplatScene};

/// How many Gaussians share the bounds of a chunk.
const CHUNK: usize = 256;

/// Reads a PlayCanvas compressed PLY; the filter is what a comment says, as in [`read_ply`](super::read_ply), and
/// [`SplatReadOptions::ply_color`] is not used.
///
/// # Errors
/// [`SplatFileError`] if the file is truncated, lacks a property, is over a limit, or holds nothing that can be
/// drawn.
pub fn read_compressed_ply(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    decode(&PlyFile::parse(bytes, &options.limits)?, options)
}

/// Whether a PLY is of this kind.
pub(super) fn is_compressed(file: &PlyFile<'_>) -> bool {
    let packed = |table: Table<'_>| table.element.properties.iter().any(|p| p.name.starts_with("packed_"));
    file.table("chunk").is_some() && file.table("vertex").is_some_and(packed)
}

/// Reads the Gaussians of a compressed PLY.
pub(super) fn decode(file: &PlyFile<'_>, options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let table_of = |name: &str| {
        let absent = || SplatFileError::PlyLayout(format!("there is no element \"{name}\""));
        file.table(name).ok_or_else(absent)
    };
    let (chunk_table, vertex_table) = (table_of("chunk")?, table_of("vertex")?);
    let harmonics = match file.table("sh") {
        None => None,
        Some(table) => Some((table, RestColumns::of(table.element.rest_count()?)?)),
    };
    let columns = vertex_table.columns("vertex", &PACKED.map(String::from))?;
    expect_type(vertex_table, &columns, Scalar::U32, "uint")?;
    let vertices = vertex_table.element.count;
    let degree = harmonics.map_or(0, |(_, rest)| rest.degree);
    let chunk_bytes = chunk_table.element.count.saturating_mul(size_of::<Chunk>() as u64);
    let count = options.limits.check(vertices, degree, chunk_bytes)?;
    expect_rows(chunk_table, vertices.div_ceil(CHUNK as u64))?;
    if let Some((table, _)) = harmonics {
        expect_rows(table, vertices)?;
    }
    let chunks = read_chunks(chunk_table)?;

    let mut gaussians = Gaussians::with_capacity(count, degree);
    vertex_table.rows(&columns, |index, words| {
        let (&[position, rotation, scale, color], Some(chunk)) = (words, chunks.get(index / CHUNK)) else {
            return Ok(());
        };
        let (position, scale, color) = (position as u32, scale as u32, color as u32);
        gaussians.positions.push(within(&chunk.position, unpack_11_10_11(position)).as_vec3());
        gaussians.rotations.push(unpack_rotation(rotation as u32));
        gaussians.log_scales.push(within(&chunk.log_scale, unpack_11_10_11(scale)).as_vec3());
        gaussians.opacity_logits.push(logit(unorm(color, 8)));
        let rgb = within(&chunk.color, [24, 16, 8].map(|shift| unorm(color >> shift, 8)));
        let dc = (rgb - 0.5) / f64::from(SH_C0);
        gaussians.sh.extend(dc.as_vec3().to_array());
        // Room for those that follow in another element.
        gaussians.sh.resize(gaussians.sh.len() + 3 * harmonics.map_or(0, |(_, rest)| rest.kept()), 0.0);
        Ok(())
    })?;
    if let Some((table, rest)) = harmonics {
        let names: Vec<String> =
            (0..rest.kept()).flat_map(|k| (0..3).map(move |channel| rest.name(k, channel))).collect();
        let columns = table.columns("sh", &names)?;
        expect_type(table, &columns, Scalar::U8, "uchar")?;
        let mut all = gaussians.sh.chunks_exact_mut(3 * (rest.kept() + 1));
        table.rows(&columns, |_, bytes| {
            let after_first = all.next().and_then(|sh| sh.get_mut(3..)).unwrap_or_default();
            for (coefficient, &byte) in after_first.iter_mut().zip(bytes) {
                *coefficient = unpack_harmonic(byte);
            }
            Ok(())
        })?;
    }
    let axes = Told::new(UpAxis::YDown.into(), PLY_AXES);
    finish(Found { format: "compressed PLY", gaussians, axes, filter: file.filter() }, options)
}

const PACKED: [&str; 4] = ["packed_position", "packed_rotation", "packed_scale", "packed_color"];

/// Least and greatest of three values.
type Bounds = [[f64; 3]; 2];

struct Chunk {
    position: Bounds,
    log_scale: Bounds,
    color: Bounds,
}

fn read_chunks(table: Table<'_>) -> Result<Vec<Chunk>, SplatFileError> {
    let bounds_of = |names: [&str; 3]| {
        let [a, b, c] = names;
        [format!("min_{a}"), format!("min_{b}"), format!("min_{c}")].into_iter().chain([
            format!("max_{a}"),
            format!("max_{b}"),
            format!("max_{c}"),
        ])
    };
    let mut names: Vec<String> = bounds_of(["x", "y", "z"]).collect();
    names.extend(bounds_of(["scale_x", "scale_y", "scale_z"]));
    let colored = bounds_of(["r", "g", "b"]).any(|name| table.element.scalar_index(&name).is_some());
    if colored {
        names.extend(bounds_of(["r", "g", "b"]));
    }
    let columns = table.columns("chunk", &names)?;
    let mut chunks = Vec::new();
    table.rows(&columns, |_, values| {
        let bounds = |part: usize| -> Option<Bounds> {
            match *values.get(part * 6..part * 6 + 6)? {
                [a, b, c, d, e, f] => Some([[a, b, c], [d, e, f]]),
                _ => None,
            }
        };
        if let (Some(position), Some(log_scale)) = (bounds(0), bounds(1)) {
            chunks.push(Chunk { position, log_scale, color: bounds(2).unwrap_or([[0.0; 3], [1.0; 3]]) });
        }
        Ok(())
    })?;
    Ok(chunks)
}

fn expect_rows(table: Table<'_>, want: u64) -> Result<(), SplatFileError> {
    if table.element.count == want {
        return Ok(());
    }
    Err(SplatFileError::PlyLayout(format!(
        "element \"{}\" has {} rows where the vertices need {want}",
        table.element.name, table.element.count
    )))
}

fn expect_type(
    table: Table<'_>,
    columns: &[usize],
    scalar: Scalar,
    name: &str,
) -> Result<(), SplatFileError> {
    match columns.iter().filter_map(|&c| table.element.properties.get(c)).find(|p| p.scalar != scalar) {
        None => Ok(()),
        Some(other) => {
            Err(SplatFileError::PlyLayout(format!("property {} is not of type {name}", other.name)))
        }
    }
}

/// The lowest `bits` of `word`, as a fraction of the greatest that they can be.
fn unorm(word: u32, bits: u32) -> f64 {
    let greatest = (1_u32 << bits) - 1;
    f64::from(word & greatest) / f64::from(greatest)
}

fn unpack_11_10_11(word: u32) -> [f64; 3] {
    [unorm(word >> 21, 11), unorm(word >> 11, 10), unorm(word, 11)]
}

/// The point at fractions `t` of the way from the least to the greatest.
fn within(bounds: &Bounds, t: [f64; 3]) -> DVec3 {
    let [low, high] = bounds.map(DVec3::from_array);
    let t = DVec3::from_array(t);
    low * (1.0 - t) + high * t
}

fn unpack_rotation(word: u32) -> Quat {
    let [a, b, c] = [20, 10, 0].map(|shift| (unorm(word >> shift, 10) - 0.5) * SQRT_2);
    let largest = (1.0 - (a * a + b * b + c * c)).max(0.0).sqrt();
    let [w, x, y, z] = match word >> 30 {
        0 => [largest, a, b, c],
        1 => [a, largest, b, c],
        2 => [a, b, largest, c],
        _ => [a, b, c, largest],
    };
    Quat::from_xyzw(x as f32, y as f32, z as f32, w as f32)
}

fn unpack_harmonic(byte: f64) -> f32 {
    let fraction = match byte as u8 {
        0 => 0.0,
        255 => 1.0,
        byte => (f64::from(byte) + 0.5) / 256.0,
    };
    ((fraction - 0.5) * 8.0) as f32
}
