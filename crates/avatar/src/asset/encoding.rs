//! The binary layouts of Gaussians and bindings, as `schema/EFFIGY_neural_avatar.md` lays them down. Little-endian.
//!
//! Every decoder gives values that its encoder turns back into the same bytes, but for rotations that are not of unit
//! length to 1 in 10,000: the encoder makes these unit, and what it has written comes back the same from then on.

use effigy_splat::{Gaussians, sh_coefficients};
use glam::{Quat, Vec3, Vec4};
use half::f16;

/// Steps of the log-scale encoding per unit: e^(1/1024), about 0.1 %.
const LOG_SCALE_STEPS: f32 = 1024.0;
const ROTATION_STEPS: f32 = 32767.0;
const WEIGHT_STEPS: u32 = 65535;

pub(super) fn encode_rotations(rotations: &[Quat]) -> Vec<u8> {
    let quantise = |q: &Quat| {
        let v = Vec4::from(*q);
        // What was read from a file is of unit length but for rounding; normalising it would change it.
        let v = if (v.length() - 1.0).abs() < 1e-4 { v } else { v.normalize_or(Vec4::W) };
        v.to_array().map(|c| (c * ROTATION_STEPS).round().clamp(-ROTATION_STEPS, ROTATION_STEPS) as i16)
    };
    rotations.iter().flat_map(quantise).flat_map(i16::to_le_bytes).collect()
}

pub(super) fn decode_rotations(bytes: &[u8]) -> Vec<Quat> {
    words(bytes)
        .map(|w: [u16; 4]| Quat::from_array(w.map(|c| f32::from((c as i16).max(-32767)) / ROTATION_STEPS)))
        .collect()
}

pub(super) fn encode_log_scales(log_scales: &[Vec3]) -> Vec<u8> {
    let quantise = |s: f32| {
        ((s * LOG_SCALE_STEPS).round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16).to_le_bytes()
    };
    log_scales.iter().flat_map(|s| s.to_array()).flat_map(quantise).collect()
}

pub(super) fn decode_log_scales(bytes: &[u8]) -> Vec<Vec3> {
    words(bytes)
        .map(|w: [u16; 3]| Vec3::from_array(w.map(|c| f32::from(c as i16) / LOG_SCALE_STEPS)))
        .collect()
}

/// Half floats; what is too large becomes infinite where `infinite`, else the largest half.
pub(super) fn encode_halves(values: &[f32], infinite: bool) -> Vec<u8> {
    let limit = if infinite { f32::INFINITY } else { f16::MAX.to_f32() };
    values.iter().flat_map(|v| f16::from_f32(v.clamp(-limit, limit)).to_le_bytes()).collect()
}

pub(super) fn decode_halves(bytes: &[u8]) -> Vec<f32> {
    words(bytes).map(|[w]: [u16; 1]| f16::from_bits(w).to_f32()).collect()
}

pub(super) fn encode_vectors(vectors: &[Vec3]) -> Vec<u8> {
    vectors.iter().flat_map(|v| v.to_array()).flat_map(f32::to_le_bytes).collect()
}

pub(super) fn decode_vectors(bytes: &[u8]) -> Vec<Vec3> {
    decode_floats(bytes).into_iter().map(Vec3::from_array).collect()
}

pub(super) fn decode_floats<const N: usize>(bytes: &[u8]) -> Vec<[f32; N]> {
    dwords(bytes).map(|w: [u32; N]| w.map(f32::from_bits)).collect()
}

pub(super) fn encode_indices(indices: &[u32]) -> Vec<u8> {
    indices.iter().flat_map(|i| i.to_le_bytes()).collect()
}

pub(super) fn decode_indices(bytes: &[u8]) -> Vec<u32> {
    dwords(bytes).map(|[w]: [u32; 1]| w).collect()
}

/// The first two weights in 1/65535; the third is what is left to 1.
pub(super) fn encode_barycentric(weights: &[Vec3]) -> Vec<u8> {
    let quantise = |b: &Vec3| {
        let steps = |w: f32| (w.clamp(0.0, 1.0) * WEIGHT_STEPS as f32).round() as u32;
        let a = steps(b.x);
        [a, steps(b.y).min(WEIGHT_STEPS - a)].map(|w| w as u16)
    };
    weights.iter().flat_map(quantise).flat_map(u16::to_le_bytes).collect()
}

/// `None` if two weights exceed 1 together.
pub(super) fn decode_barycentric(bytes: &[u8]) -> Option<Vec<Vec3>> {
    words(bytes)
        .map(|[a, b]: [u16; 2]| {
            let rest = WEIGHT_STEPS.checked_sub(u32::from(a) + u32::from(b))?;
            Some(Vec3::from_array([u32::from(a), u32::from(b), rest].map(|w| w as f32 / WEIGHT_STEPS as f32)))
        })
        .collect()
}

/// Bytes of one Gaussian's harmonics.
pub(super) fn sh_bytes(degree: u8) -> usize {
    sh_coefficients(degree) * 3 * 2
}

/// Harmonics above degree 0 in 8 bits, `values` of them a Gaussian: an exponent e, then each value in steps of 2ᵉ, so
/// that the largest takes all of the bits or all but one. What is decoded encodes to the same bytes.
pub(super) fn encode_rest(harmonics: &[f32], values: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(harmonics.len() + harmonics.len() / values);
    for row in harmonics.chunks_exact(values) {
        let largest = row.iter().fold(0.0_f32, |m, c| m.max(c.abs()));
        let mut exponent = MIN_EXPONENT;
        while exponent < MAX_EXPONENT && largest > 127.5 * exp2(exponent) {
            exponent += 1;
        }
        bytes.push(exponent.to_le_bytes()[0]);
        let step = exp2(exponent);
        bytes.extend(row.iter().map(|c| ((c / step).round().clamp(-127.0, 127.0) as i8).to_le_bytes()[0]));
    }
    bytes
}

/// As [`encode_rest`] wrote it.
pub(super) fn decode_rest(bytes: &[u8], values: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(bytes.len());
    for row in bytes.chunks_exact(1 + values) {
        let step = exp2(i8::from_le_bytes([row[0]]).clamp(MIN_EXPONENT, MAX_EXPONENT));
        out.extend(row[1..].iter().map(|&b| f32::from(i8::from_le_bytes([b])) * step));
    }
    out
}

/// Steps of harmonics from about 10⁻⁹ to 10⁶.
const MIN_EXPONENT: i8 = -30;
const MAX_EXPONENT: i8 = 20;

fn exp2(exponent: i8) -> f32 {
    f32::from(exponent).exp2()
}

/// Vectors as half floats: offsets of millimetres, to better than a micrometre.
pub(super) fn encode_offsets(vectors: &[Vec3]) -> Vec<u8> {
    let values: Vec<f32> = vectors.iter().flat_map(|v| v.to_array()).collect();
    encode_halves(&values, false)
}

/// As [`encode_offsets`] wrote them.
pub(super) fn decode_offsets(bytes: &[u8]) -> Vec<Vec3> {
    decode_halves(bytes).as_chunks::<3>().0.iter().map(|v| Vec3::from_array(*v)).collect()
}

/// The five arrays of `gaussians` in file order: positions, rotations, log-scales, opacity logits, harmonics. With
/// `offsets` positions are half floats; with `constant` there are only the constant harmonics.
pub(super) fn encode_gaussians(gaussians: &Gaussians, offsets: bool, constant: bool) -> [Vec<u8>; 5] {
    let sh = if constant {
        let (constant, _) = split_harmonics(gaussians);
        encode_halves(&constant, false)
    } else {
        encode_halves(&gaussians.sh, false)
    };
    let positions = &gaussians.positions;
    [
        if offsets { encode_offsets(positions) } else { encode_vectors(positions) },
        encode_rotations(&gaussians.rotations),
        encode_log_scales(&gaussians.log_scales),
        encode_halves(&gaussians.opacity_logits, true),
        sh,
    ]
}

/// The constant harmonics, and those above degree 0.
pub(super) fn split_harmonics(gaussians: &Gaussians) -> (Vec<f32>, Vec<f32>) {
    let rows = gaussians.sh.chunks_exact(3 * sh_coefficients(gaussians.sh_degree));
    let (mut constant, mut rest) = (Vec::with_capacity(3 * gaussians.len()), Vec::new());
    for row in rows {
        let (first, others) = row.split_at(3);
        constant.extend_from_slice(first);
        rest.extend_from_slice(others);
    }
    (constant, rest)
}

/// Undoes [`split_harmonics`], for `values` harmonics above degree 0 a Gaussian.
pub(super) fn join_harmonics(constant: &[f32], rest: &[f32], values: usize) -> Vec<f32> {
    let rows = constant.chunks_exact(3).zip(rest.chunks_exact(values));
    rows.flat_map(|(constant, rest)| [constant, rest].concat()).collect()
}

/// Harmonics above degree 0 of one Gaussian.
pub(super) fn rest_values(degree: u8) -> usize {
    3 * (sh_coefficients(degree) - 1)
}

/// Groups of N little-endian 16-bit words; what is left over at the end is not looked at.
fn words<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u16; N]> {
    let (words, _) = bytes.as_chunks();
    words.as_chunks::<N>().0.iter().map(|group| group.map(u16::from_le_bytes))
}

/// As [`words`], of 32 bits.
fn dwords<const N: usize>(bytes: &[u8]) -> impl Iterator<Item = [u32; N]> {
    let (words, _) = bytes.as_chunks();
    words.as_chunks::<N>().0.iter().map(|group| group.map(u32::from_le_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_match_hand_written_bytes() {
        assert_eq!(
            encode_rotations(&[Quat::from_xyzw(0.0, 0.0, 0.0, -2.0)]),
            [0, 0, 0, 0, 0, 0, 0x01, 0x80],
            "normalised, -32767"
        );
        assert_eq!(
            encode_log_scales(&[Vec3::new(-5.5, 1.0, -100.0)]),
            [0x00, 0xEA, 0x00, 0x04, 0x00, 0x80],
            "-5632, 1024, clamped to -32768"
        );
        // 1.0, -2.0 and 65504 (the largest half) by IEEE 754.
        assert_eq!(encode_halves(&[1.0, -2.0, 1e9], false), [0x00, 0x3C, 0x00, 0xC0, 0xFF, 0x7B]);
        assert_eq!(encode_halves(&[f32::INFINITY], true), [0x00, 0x7C]);
        assert_eq!(encode_barycentric(&[Vec3::new(0.2, 0.8, 0.0)]), [0x33, 0x33, 0xCC, 0xCC]);
        assert_eq!(
            encode_vectors(&[Vec3::new(1.0, 0.0, -2.0)]),
            [0, 0, 0x80, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0]
        );
        assert_eq!(encode_indices(&[0x0102_0304]), [4, 3, 2, 1]);
    }

    #[test]
    fn every_bit_pattern_of_rotations_and_weights_survives_a_round_trip() {
        // Unit quaternions as they are read back, from a lattice over the sphere.
        for i in 0..4000_i32 {
            let a = i as f32 * 0.37;
            let q = Quat::from_euler(glam::EulerRot::XYZ, a, a * 1.7, a * 0.3);
            let bytes = encode_rotations(&[q]);
            assert_eq!(encode_rotations(&decode_rotations(&bytes)), bytes);
        }
        for a in (0..=65535_u16).step_by(97) {
            for b in (0..=65535 - a).step_by(1009) {
                let bytes = [a.to_le_bytes(), b.to_le_bytes()].concat();
                let weights = decode_barycentric(&bytes).unwrap();
                assert_eq!(encode_barycentric(&weights), bytes);
            }
        }
        let bytes: Vec<u8> = (0..=65535_u16).chain([0, 0]).flat_map(u16::to_le_bytes).collect();
        assert_eq!(encode_log_scales(&decode_log_scales(&bytes)), bytes);
    }

    #[test]
    fn harmonics_in_eight_bits_are_near_and_stay_the_same() {
        // 0.5 needs steps of 2⁻⁷ (64 of them), 127.6 of 2⁻⁸ would not do.
        assert_eq!(encode_rest(&[0.5, -0.25, 0.0], 3), [(-7_i8) as u8, 64, (-32_i8) as u8, 0]);
        assert_eq!(encode_rest(&[0.0; 3], 3), [MIN_EXPONENT as u8, 0, 0, 0]);
        let row: Vec<f32> =
            (0..24 * 500).map(|i| ((i * 7919) % 1013) as f32 / 700.0 * (i as f32 * 0.01).sin()).collect();
        let bytes = encode_rest(&row, 24);
        let decoded = decode_rest(&bytes, 24);
        assert_eq!(encode_rest(&decoded, 24), bytes);
        for (row, decoded) in row.chunks(24).zip(decoded.chunks(24)) {
            let largest = row.iter().fold(0.0_f32, |m, c| m.max(c.abs()));
            for (a, b) in row.iter().zip(decoded) {
                assert!((a - b).abs() <= largest / 127.0, "{a} became {b} beside {largest}");
            }
        }
    }

    #[test]
    fn weights_above_one_together_are_refused() {
        assert!(decode_barycentric(&[0xFF, 0xFF, 1, 0]).is_none());
    }
}
