//! How much of each pixel of a tile one splat covers: the arithmetic that rendering and its derivative share, so that
//! the two cannot disagree about which contributions there are.
//!
//! A tile is 16 pixels wide so that one row of it is one AVX-512, two AVX or four SSE registers; the inner loops are
//! plain arrays that the compiler vectorises for whatever the machine has. No fused multiply-add is used, so that wider
//! registers change nothing in the result.

use std::ops::Range;

use crate::projection::{MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, Splat};

/// Tile width and height, pixels.
pub(crate) const TILE: usize = 16;

/// One row of a tile.
pub(crate) type Row = [f32; TILE];

/// A splat as one tile sees it.
pub(crate) struct Footprint {
    /// Pixel centres' distances from the splat's centre along x.
    pub(crate) dx: Row,
    /// Rows of the tile that the splat's box touches.
    pub(crate) rows: Range<usize>,
    quadratic: Row,
    center_y: f32,
    xy: f32,
    yy: f32,
    opacity: f32,
}

impl Footprint {
    /// In the tile with its first pixel at (`left`, `top`).
    #[inline(always)]
    pub(crate) fn of(splat: &Splat, left: usize, top: usize) -> Self {
        let center_x = splat.center[0] - left as f32 - 0.5;
        let center_y = splat.center[1] - top as f32 - 0.5;
        // The casts saturate.
        let first = (center_y - splat.extent[1]).ceil().max(0.0) as usize;
        let last = (center_y + splat.extent[1]).floor().min(TILE as f32 - 1.0);
        let end = if last < 0.0 { first } else { last as usize + 1 };
        let [xx, xy, yy] = splat.conic;
        let mut dx = [0.0; TILE];
        let mut quadratic = [0.0; TILE];
        for x in 0..TILE {
            dx[x] = x as f32 - center_x;
            quadratic[x] = -0.5 * xx * dx[x] * dx[x];
        }
        Self { dx, rows: first..end, quadratic, center_y, xy, yy, opacity: splat.opacity }
    }

    /// Distance of row `y` from the splat's centre.
    #[inline(always)]
    pub(crate) fn dy(&self, y: usize) -> f32 {
        y as f32 - self.center_y
    }

    /// What the splat covers of the pixels of row `y`, of which `transmittance` is still free: 0 where it is not drawn,
    /// else [`MIN_ALPHA`] to [`MAX_ALPHA`], the latter where it was clamped.
    #[inline(always)]
    pub(crate) fn alphas(&self, y: usize, transmittance: &Row) -> Row {
        let dy = self.dy(y);
        let constant = -0.5 * self.yy * dy * dy;
        let linear = -self.xy * dy;
        let mut alphas = [0.0; TILE];
        for x in 0..TILE {
            let power = self.quadratic[x] + linear * self.dx[x] + constant;
            let alpha = self.opacity * exp(power);
            let alpha = if alpha < MAX_ALPHA { alpha } else { MAX_ALPHA };
            // A needle's quadratic form can come out negative by rounding far from its centre.
            let drawn = (alpha >= MIN_ALPHA) & (transmittance[x] >= MIN_TRANSMITTANCE) & (power <= 0.0);
            alphas[x] = if drawn { alpha } else { 0.0 };
        }
        alphas
    }
}

/// Whether every pixel of the row has had its last contribution.
#[inline(always)]
pub(crate) fn finished(transmittance: &Row) -> bool {
    // As integers, which order like positive floats: a maximum of floats would not be vectorised.
    let most = transmittance.iter().fold(0, |most, t| t.to_bits().max(most));
    most < MIN_TRANSMITTANCE.to_bits()
}

/// eˣ for x ≤ 0 to about 1 ulp, written so that it vectorises: the integer part goes into the exponent bits, the
/// fraction through a polynomial (Cephes' expf).
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it leaves the rounded value in the low mantissa bits
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.max(-80.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let f = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * f + 1.398_2e-3;
    p = p * f + 8.333_452e-3;
    p = p * f + 4.166_579_6e-2;
    p = p * f + 1.666_666_5e-1;
    p = p * f + 5e-1;
    let fraction = p * f * f + f + 1.0;
    fraction * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_accurate_to_an_ulp_or_two() {
        for i in 0..=20_000 {
            let x = -f64::from(i) * 1e-3;
            let want = f64::from(x as f32).exp();
            let error = (f64::from(exp(x as f32)) - want).abs() / want;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "exp({x}): relative error {error}");
        }
    }
}
