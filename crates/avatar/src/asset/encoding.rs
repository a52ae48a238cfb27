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
    dwords(bytes).map(|w: [u32; 3]| Vec3::from_array(w.map(f32::from_bits))).collect()
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

/// The five arrays of `gaussians` in file order: positions, rotations, log-scales, opacity logits, harmonics.
pub(super) fn encode_gaussians(gaussians: &Gaussians) -> [Vec<u8>; 5] {
    [
        encode_vectors(&gaussians.positions),
        encode_rotations(&gaussians.rotations),
        encode_log_scales(&gaussians.log_scales),
        encode_halves(&gaussians.opacity_logits, true),
        encode_halves(&gaussians.sh, false),
    ]
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
    fn weights_above_one_together_are_refused() {
        assert!(decode_barycentric(&[0xFF, 0xFF, 1, 0]).is_none());
    }
}
