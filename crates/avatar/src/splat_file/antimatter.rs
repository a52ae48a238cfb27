//! The `.splat` of antimatter15's viewer: 32 bytes a Gaussian and nothing else.
//!
//! Position and linear scale, three f32 each, little-endian; red, green, blue and opacity, a byte each, 0 to 1; and the
//! rotation, a byte (v - 128) / 128 each for w, x, y, z. The axes are those of the PLY it was made from.

use effigy_splat::{Filter, Gaussians};
use glam::{Quat, Vec3};

use super::color::{harmonic_from_rgb, logit_from_byte};
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatReadOptions, SplatScene, UpAxis};

const BYTES: usize = 32;
/// So many Gaussians from the start of a file are looked at to tell whether it is one.
const LOOKED_AT: usize = 64;

/// Whether `rows` can be of such a file, which has no magic number.
fn are_sane(rows: &[[u8; BYTES]]) -> bool {
    let sane = |row: &[u8; BYTES]| {
        let numbers = numbers(row);
        let [position, scale] = [Vec3::from_slice(&numbers), Vec3::from_slice(&numbers[3..])];
        position.is_finite() && scale.is_finite() && scale.min_element() >= 0.0 && scale.max_element() < 1e6
    };
    let looked_at = rows.len().min(LOOKED_AT);
    let sound = rows.iter().take(looked_at).filter(|row| sane(row)).count();
    2 * sound > looked_at
}

/// Reads a `.splat` file; the filter is [`Filter::CLASSIC`].
///
/// # Errors
/// [`SplatFileError`] if the file is empty or not a multiple of 32 bytes, begins with other numbers than positions and
/// scales, is over a limit, or holds nothing that can be drawn.
pub fn read_antimatter(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let (rows, rest) = bytes.as_chunks::<BYTES>();
    if rows.is_empty() || !rest.is_empty() {
        let length = bytes.len();
        return Err(SplatFileError::Antimatter(format!("{length} bytes are no multiple of {BYTES}")));
    }
    if !are_sane(rows) {
        return Err(SplatFileError::Antimatter("the numbers in it are no positions and scales".into()));
    }
    let count = options.limits.check(rows.len() as u64, 0, 0)?;
    let mut gaussians = Gaussians::with_capacity(count, 0);
    for row in rows {
        let [x, y, z, sx, sy, sz] = numbers(row);
        let &[.., red, green, blue, opacity, w, i, j, k] = row;
        gaussians.positions.push(Vec3::new(x, y, z));
        gaussians.log_scales.push(Vec3::from_array([sx, sy, sz].map(|s| f64::from(s).ln() as f32)));
        gaussians.sh.extend([red, green, blue].map(|c| harmonic_from_rgb(f64::from(c) / 255.0)));
        gaussians.opacity_logits.push(logit_from_byte(opacity));
        gaussians.rotations.push(Quat::from_array([i, j, k, w].map(|v| (f32::from(v) - 128.0) / 128.0)));
    }
    let axes = Told::new(UpAxis::YDown.into(), "as is the custom");
    let filter = Told::new(Filter::CLASSIC, "the format does not say");
    finish(Found { format: ".splat", gaussians, axes, filter }, options)
}

/// Position and scale.
fn numbers(row: &[u8; BYTES]) -> [f32; 6] {
    let mut numbers = [0.0; 6];
    for (number, bytes) in numbers.iter_mut().zip(row.as_chunks().0) {
        *number = f32::from_le_bytes(*bytes);
    }
    numbers
}
