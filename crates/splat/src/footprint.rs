//! How much of each pixel of a tile one splat covers: the arithmetic that rendering and its derivative share, so that
//! the two cannot disagree about which contributions there are.
//!
//! A tile is 16 pixels wide so that one row of it is one AVX-512, two AVX or four SSE registers; the inner loops are
//! plain arrays that the compiler vectorises for whatever the machine has. No fused multiply-add is used, so that wider
//! registers change nothing in the result.

use crate::projection::{MAX_ALPHA, MIN_TRANSMITTANCE, Splat};

/// Tile width and height, pixels.
pub(crate) const TILE: usize = 16;

/// One row of a tile.
pub(crate) type Row = [f32; TILE];

/// Rows of a tile, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rows(u32);

impl Rows {
    /// The first `count` rows.
    #[inline(always)]
    pub(crate) fn first(count: usize) -> Self {
        Self((1 << count) - 1)
    }

    #[inline(always)]
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Rows that are in both.
    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[inline(always)]
    pub(crate) fn remove(&mut self, row: usize) {
        self.0 &= !(1 << row);
    }
}

impl Iterator for Rows {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        let row = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (row < TILE).then_some(row)
    }
}

/// Pixels by which a row's cut through an ellipse is widened, and the part of the ellipse's width: more than rounding
/// can be off, so that nothing that is drawn is cut away.
const SLACK: f32 = 0.05;
const SLACK_OF_WIDTH: f32 = 1e-3;

/// A splat as one tile sees it.
pub(crate) struct Footprint {
    /// Pixel centres' distances from the splat's centre along x.
    pub(crate) dx: Row,
    /// Rows of the tile that the splat's ellipse comes to.
    pub(crate) rows: Rows,
    quadratic: Row,
    center_y: f32,
    xy: f32,
    yy: f32,
    opacity: f32,
    least_alpha: f32,
}

impl Footprint {
    /// In the tile with its first pixel at (`left`, `top`).
    #[inline(always)]
    pub(crate) fn of(splat: &Splat, left: usize, top: usize) -> Self {
        let center_x = splat.center[0] - left as f32 - 0.5;
        let center_y = splat.center[1] - top as f32 - 0.5;
        // The casts saturate.
        let first = ((center_y - splat.extent[1]).ceil().max(0.0) as usize).min(TILE);
        let last = (center_y + splat.extent[1]).floor().min(TILE as f32 - 1.0);
        let end = if last < 0.0 { first } else { last as usize + 1 };
        let [xx, xy, yy] = splat.conic;
        let mut dx = [0.0; TILE];
        let mut quadratic = [0.0; TILE];
        for x in 0..TILE {
            dx[x] = x as f32 - center_x;
            quadratic[x] = -0.5 * xx * dx[x] * dx[x];
        }
        let box_rows = Rows::first(end.max(first)).0 & !Rows::first(first).0;
        // At the height t · extent.y the ellipse lies around shear · t.
        let [width, height] = splat.extent;
        let shear = -xy / xx * height;
        let half_width = (width * width - shear * shear).max(0.0).sqrt();
        let slack = SLACK + SLACK_OF_WIDTH * width;
        let mut cut = 0;
        for y in 0..TILE {
            let t = ((y as f32 - center_y) / height).clamp(-1.0, 1.0);
            let half = half_width * (1.0 - t * t).sqrt() + slack;
            let middle = center_x + shear * t;
            let comes = (middle + half >= 0.0) & (middle - half <= TILE as f32 - 1.0);
            cut |= u32::from(comes) << y;
        }
        Self {
            dx,
            rows: Rows(box_rows & cut),
            quadratic,
            center_y,
            xy,
            yy,
            opacity: splat.opacity,
            least_alpha: splat.least_alpha,
        }
    }

    /// Distance of row `y` from the splat's centre.
    #[inline(always)]
    pub(crate) fn dy(&self, y: usize) -> f32 {
        y as f32 - self.center_y
    }

    /// What the splat covers of the pixels of row `y`, of which `transmittance` is still free: 0 where it is not drawn,
    /// else its least alpha to [`MAX_ALPHA`], the latter where it was clamped.
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
            let drawn =
                (alpha >= self.least_alpha) & (transmittance[x] >= MIN_TRANSMITTANCE) & (power <= 0.0);
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
