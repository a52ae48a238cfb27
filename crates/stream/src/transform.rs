//! The transforms along time.
//!
//! A packet of N frames that follows another codes what changed since the last frame before it with DST-VII, which is
//! the Karhunen-Loève transform of a random walk that starts from a known value (Han, Saxena and Rose 2010; it is also
//! HEVC's for intra prediction). With N = 1 that is plain prediction from the frame before. An access point has no past and
//! uses DCT-II.

use std::f64::consts::{PI, SQRT_2};
use std::sync::OnceLock;

/// The most frames of a packet.
pub const MAX_FRAMES: usize = 32;

/// Fractional bits of the matrices.
const BITS: u32 = 22;

/// Orthonormal N × N matrices, `[frame][frequency]`, in 2^-22.
struct Matrices {
    changes: Vec<Vec<i64>>,
    values: Vec<Vec<i64>>,
}

fn changes(n: usize, frame: usize, frequency: usize) -> f64 {
    let (n, t, k) = (n as f64, frame as f64, frequency as f64);
    2.0 / (2.0 * n + 1.0).sqrt() * (PI * (2.0 * k + 1.0) * (t + 1.0) / (2.0 * n + 1.0)).sin()
}

fn values(n: usize, frame: usize, frequency: usize) -> f64 {
    let (n, t, k) = (n as f64, frame as f64, frequency as f64);
    let scale = if frequency == 0 { 1.0 } else { SQRT_2 };
    scale / n.sqrt() * (PI * (2.0 * t + 1.0) * k / (2.0 * n)).cos()
}

fn matrices() -> &'static Matrices {
    static MATRICES: OnceLock<Matrices> = OnceLock::new();
    let all = |entry: fn(usize, usize, usize) -> f64| {
        (0..=MAX_FRAMES)
            .map(|n| {
                (0..n * n).map(|i| (entry(n, i / n, i % n) * f64::from(1 << BITS)).round() as i64).collect()
            })
            .collect()
    };
    MATRICES.get_or_init(|| Matrices { changes: all(changes), values: all(values) })
}

/// The matrix for `n` frames; empty above [`MAX_FRAMES`].
fn matrix(n: usize, intra: bool) -> &'static [i64] {
    let all = matrices();
    (if intra { &all.values } else { &all.changes }).get(n).map_or(&[], Vec::as_slice)
}

/// Frames from N coefficients: what is added to the prediction. Exact in integers.
pub(crate) fn inverse(coefficients: &[i64], intra: bool, out: &mut Vec<i64>) {
    out.clear();
    let n = coefficients.len();
    if n == 0 {
        return;
    }
    out.extend(matrix(n, intra).chunks_exact(n).map(|row| {
        let sum: i64 = row.iter().zip(coefficients).map(|(m, c)| m * c).sum();
        (sum + (1 << (BITS - 1))) >> BITS
    }));
}

/// Coefficients of N frames' differences from their prediction.
pub(crate) fn forward(differences: &[f64], intra: bool, out: &mut Vec<f64>) {
    let n = differences.len();
    let matrix = matrix(n, intra);
    out.clear();
    out.extend((0..n).map(|k| {
        let column = matrix.iter().skip(k).step_by(n);
        column.zip(differences).map(|(&m, d)| m as f64 * d).sum::<f64>() / f64::from(1 << BITS)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_entry_is_near_a_tie_of_rounding() {
        // So that every platform's sine gives the same integers.
        for n in 1..=MAX_FRAMES {
            for i in 0..n * n {
                for entry in [changes, values] {
                    let x = entry(n, i / n, i % n) * f64::from(1 << BITS);
                    assert!((x - x.floor() - 0.5).abs() > 1e-7, "{n} {i} {x}");
                }
            }
        }
    }

    #[test]
    fn matrices_are_orthonormal() {
        for intra in [false, true] {
            for n in 1..=MAX_FRAMES {
                let m = matrix(n, intra);
                for a in 0..n {
                    for b in 0..n {
                        let dot: i64 = (0..n).map(|t| m[t * n + a] * m[t * n + b]).sum();
                        let dot = dot as f64 / (1i64 << (2 * BITS)) as f64;
                        assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-5, "{n}: {a} {b} {dot}");
                    }
                }
            }
        }
    }

    #[test]
    fn small_matrices_are_the_known_ones() {
        // HEVC's 4-point DST-VII is 29 55 74 84 … in 1/128.
        let hevc = [29.0, 55.0, 74.0, 84.0];
        for t in 0..4 {
            assert!((matrix(4, false)[t * 4] as f64 / 32768.0 - hevc[t]).abs() < 0.6);
        }
        assert_eq!(matrix(1, false), [4_194_304]);
        assert_eq!(matrix(1, true), [4_194_304]);
        assert_eq!(matrix(2, true), [2_965_821, 2_965_821, 2_965_821, -2_965_821]);
    }

    #[test]
    fn there_and_back() {
        for intra in [false, true] {
            for n in 1..=MAX_FRAMES {
                let x: Vec<f64> =
                    (0..n).map(|t| (f64::from(t as u32 * 7919 % 1000) - 500.0) * 65.0).collect();
                let (mut c, mut y) = (Vec::new(), Vec::new());
                forward(&x, intra, &mut c);
                let rounded: Vec<i64> = c.iter().map(|c| c.round() as i64).collect();
                inverse(&rounded, intra, &mut y);
                for (x, &y) in x.iter().zip(&y) {
                    assert!((x - y as f64).abs() < 2.0, "{n}: {x} {y}");
                }
            }
        }
    }
}
