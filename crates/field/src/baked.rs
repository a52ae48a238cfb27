//! The field after its evaluation: what the renderer keeps in memory.

use effigy_splat::with_widest_registers;
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;

use crate::{ATTRIBUTES, COLOR, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION, RegionBlend};

/// Residual bases of the Gaussians that the field moves noticeably.
#[derive(Clone, Debug, PartialEq)]
pub struct BakedField {
    /// K.
    pub bases: usize,
    /// Numbers of the M Gaussians that move, ascending.
    pub gaussians: Vec<u32>,
    /// Their regions, M entries.
    pub regions: Vec<RegionBlend>,
    /// M × K × attributes, each Gaussian's mobility in them.
    pub residuals: Vec<f16>,
}

/// Residuals that are smaller than this at a coefficient of one, of all attributes and bases together, cannot be
/// seen: 10 µm, 0.1 % of a turn or of a size, and a tenth of an 8-bit step of colour or opacity.
const NEGLIGIBLE: [f32; ATTRIBUTES] = {
    let mut out = [1e-3; ATTRIBUTES];
    let mut i = POSITION.start;
    while i < POSITION.end {
        out[i] = 1e-5;
        i += 1;
    }
    out
};

const _: () =
    assert!(ROTATION.end == LOG_SCALE.start && LOG_SCALE.end == OPACITY_LOGIT && COLOR.end == ATTRIBUTES);

/// Gaussians a thread moves at a time.
const CHUNK: usize = 1024;
/// Bases that are turned into full precision at a time.
const BLOCK: usize = 16;

impl BakedField {
    /// Keeps of `bases` (count × K × attributes), those of Gaussians from number `first` on, what is not negligible.
    pub(crate) fn new(count: usize, first: usize, bases: &[f32], regions: &[RegionBlend]) -> Self {
        let stride = count * ATTRIBUTES;
        let mut out =
            Self { bases: count, gaussians: Vec::new(), regions: Vec::new(), residuals: Vec::new() };
        let moving: Vec<usize> = (0..regions.len())
            .filter(|&g| moves(&bases[g * stride..][..stride], regions[g].mobility))
            .collect();
        out.residuals.resize(moving.len() * stride, f16::ZERO);
        let mut taken = vec![0.0; stride];
        for (row, &g) in out.residuals.chunks_exact_mut(stride).zip(&moving) {
            let mobility = regions[g].mobility;
            taken.iter_mut().zip(&bases[g * stride..]).for_each(|(out, x)| *out = mobility * x);
            row.convert_from_f32_slice(&taken);
            // What a half float cannot hold must not become infinite.
            row.iter_mut().for_each(|x| *x = x.clamp(f16::MIN, f16::MAX));
            out.gaussians.push((first + g) as u32);
            out.regions.push(regions[g]);
        }
        out
    }

    /// The parts one after another.
    pub(crate) fn concat(bases: usize, parts: &[Self]) -> Self {
        let moving = parts.iter().map(|p| p.gaussians.len()).sum();
        let mut out = Self {
            bases,
            gaussians: Vec::with_capacity(moving),
            regions: Vec::with_capacity(moving),
            residuals: Vec::with_capacity(moving * bases * ATTRIBUTES),
        };
        for part in parts {
            out.gaussians.extend_from_slice(&part.gaussians);
            out.regions.extend_from_slice(&part.regions);
            out.residuals.extend_from_slice(&part.residuals);
        }
        out
    }

    /// The residual of each of the M Gaussians for `coefficients` (R × K): M × attributes into `out`. A Gaussian of a
    /// region that `coefficients` does not reach stays where it is. Allocates nothing once `out` has held M.
    pub fn residuals(&self, coefficients: &[f32], out: &mut Vec<[f32; ATTRIBUTES]>) {
        let k = self.bases;
        let stride = k * ATTRIBUTES;
        out.clear();
        out.resize(self.gaussians.len(), [0.0; ATTRIBUTES]);
        if k == 0 {
            return;
        }
        let of_region = |r: u16| coefficients.get(usize::from(r) * k..).and_then(|c| c.get(..k));
        let rows = self.residuals.par_chunks(CHUNK * stride);
        out.par_chunks_mut(CHUNK).zip(rows).zip(self.regions.par_chunks(CHUNK)).for_each(
            |((out, rows), blends)| {
                let mut bases = [0.0_f32; BLOCK * ATTRIBUTES];
                with_widest_registers(
                    pulp::Arch::new(),
                    #[inline(always)]
                    || {
                        for ((out, row), blend) in out.iter_mut().zip(rows.chunks_exact(stride)).zip(blends) {
                            let RegionBlend { regions: [first, second], weight, .. } = *blend;
                            let (Some(first), Some(second)) = (of_region(first), of_region(second)) else {
                                continue;
                            };
                            if first.iter().chain(second).all(|c| *c == 0.0) {
                                continue;
                            }
                            let blocks = row.chunks(BLOCK * ATTRIBUTES);
                            for ((block, first), second) in
                                blocks.zip(first.chunks(BLOCK)).zip(second.chunks(BLOCK))
                            {
                                let bases = &mut bases[..block.len()];
                                block.convert_to_f32_slice(bases);
                                for (basis, (a, b)) in
                                    bases.as_chunks().0.iter().zip(first.iter().zip(second))
                                {
                                    let w = weight * a + (1.0 - weight) * b;
                                    add_scaled(out, basis, w);
                                }
                            }
                        }
                    },
                );
            },
        );
    }
}

#[inline(always)]
fn add_scaled(sum: &mut [f32; ATTRIBUTES], basis: &[f32; ATTRIBUTES], factor: f32) {
    for (sum, x) in sum.iter_mut().zip(basis) {
        *sum += factor * x;
    }
}

/// Whether a Gaussian with these bases (K × attributes) moves noticeably.
fn moves(bases: &[f32], mobility: f32) -> bool {
    let mut sums = [0.0_f32; ATTRIBUTES];
    for basis in bases.chunks_exact(ATTRIBUTES) {
        for (sum, x) in sums.iter_mut().zip(basis) {
            *sum += x.abs();
        }
    }
    sums.iter().zip(&NEGLIGIBLE).any(|(sum, limit)| mobility * sum > *limit)
}
