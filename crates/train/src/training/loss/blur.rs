//! The Gaussian window of SSIM as a separable blur.

use effigy_splat::with_widest_registers;
use rayon::prelude::*;

const RADIUS: usize = 5;
const TAPS: usize = 2 * RADIUS + 1;
/// Rows a thread blurs at a time.
const ROWS: usize = 16;

/// The window of Wang et al. 2004: 11 × 11, standard deviation 1.5, normalised.
#[derive(Clone, Debug)]
pub(super) struct Blur {
    taps: [f32; TAPS],
}

impl Blur {
    pub(super) fn new() -> Self {
        let mut taps = [0.0; TAPS];
        for (i, tap) in taps.iter_mut().enumerate() {
            let x = i as f32 - RADIUS as f32;
            *tap = (-x * x / (2.0 * 1.5 * 1.5)).exp();
        }
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|t| *t /= sum);
        Self { taps }
    }

    /// Blurs a picture of `width` columns, with zeros outside of it. With these the blur is its own transpose.
    pub(super) fn apply(&self, input: &[f32], width: usize, out: &mut [f32]) {
        let height = input.len() / width.max(1);
        let arch = pulp::Arch::new();
        out.par_chunks_mut(width * ROWS).enumerate().for_each(|(block, out)| {
            let first = block * ROWS;
            let rows = out.len() / width;
            let mut padded = vec![0.0; width + 2 * RADIUS];
            let mut across = vec![0.0; width * (rows + 2 * RADIUS)];
            with_widest_registers(
                arch,
                #[inline(always)]
                || {
                    for (r, across) in across.chunks_exact_mut(width).enumerate() {
                        let Some(y) = (first + r).checked_sub(RADIUS).filter(|y| *y < height) else {
                            continue;
                        };
                        padded[RADIUS..RADIUS + width].copy_from_slice(&input[y * width..(y + 1) * width]);
                        for (k, tap) in self.taps.iter().enumerate() {
                            for (out, x) in across.iter_mut().zip(&padded[k..k + width]) {
                                *out += tap * x;
                            }
                        }
                    }
                    for (r, out) in out.chunks_exact_mut(width).enumerate() {
                        out.fill(0.0);
                        for (k, tap) in self.taps.iter().enumerate() {
                            for (out, x) in out.iter_mut().zip(&across[(r + k) * width..][..width]) {
                                *out += tap * x;
                            }
                        }
                    }
                },
            );
        });
    }
}
