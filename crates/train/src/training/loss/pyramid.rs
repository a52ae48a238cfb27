//! The Laplacian-pyramid term: L1 between the bands of two pictures. The pyramid is linear, so it is taken of their
//! difference.

/// Bands that are finer than the coarse rest.
const BANDS: usize = 4;
/// What expanding multiplies by, so that it keeps the mean.
const MEAN_KEPT: f32 = 4.0;
const TAPS: [f32; 5] = [1.0 / 16.0, 4.0 / 16.0, 6.0 / 16.0, 4.0 / 16.0, 1.0 / 16.0];

/// A plane of the pyramid.
#[derive(Clone, Debug)]
struct Plane {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// How many bands the pyramid of a picture has.
pub(crate) fn pyramid_levels(width: usize, height: usize) -> usize {
    (0..BANDS).take_while(|b| (width >> b).min(height >> b) >= 4).count()
}

/// The mean over bands of the mean absolute value of the Laplacian bands of `difference`, and `weight` times its
/// gradient added to `gradient`.
pub(super) fn bands(difference: &[f32], width: usize, weight: f32, gradient: &mut [f32]) -> f64 {
    let height = difference.len() / width.max(1);
    let mut level = Plane { width, height, values: difference.to_vec() };
    let mut slopes: Vec<Plane> = Vec::new();
    let mut loss = 0.0;
    let count = pyramid_levels(width, height);
    for _ in 0..count {
        let coarse = level.reduced(1.0);
        let up = coarse.expanded(level.width, level.height, MEAN_KEPT);
        let scale = weight / (count * level.values.len()) as f32;
        let mut slope = Plane { values: Vec::new(), ..level };
        slope.values = level
            .values
            .iter()
            .zip(&up.values)
            .map(|(fine, up)| {
                let band = fine - up;
                loss += f64::from(band.abs()) / (count * level.values.len()) as f64;
                if band > 0.0 {
                    scale
                } else if band < 0.0 {
                    -scale
                } else {
                    0.0
                }
            })
            .collect();
        slopes.push(slope);
        level = coarse;
    }
    // band = fine − expand(reduce(fine)), transposed from the coarsest up.
    let mut by_coarse: Option<Plane> = None;
    for slope in slopes.into_iter().rev() {
        let mut by_reduced = slope.reduced(MEAN_KEPT);
        by_reduced.values.iter_mut().for_each(|x| *x = -*x);
        if let Some(coarse) = by_coarse {
            by_reduced.values.iter_mut().zip(&coarse.values).for_each(|(a, b)| *a += b);
        }
        let mut by_fine = by_reduced.expanded(slope.width, slope.height, 1.0);
        by_fine.values.iter_mut().zip(&slope.values).for_each(|(a, b)| *a += b);
        by_coarse = Some(by_fine);
    }
    if let Some(by_fine) = by_coarse {
        gradient.iter_mut().zip(&by_fine.values).for_each(|(a, b)| *a += b);
    }
    loss
}

impl Plane {
    fn zeros(width: usize, height: usize) -> Self {
        Self { width, height, values: vec![0.0; width * height] }
    }

    /// Blurred and halved, times `factor`; zeros outside. The transpose of [`Self::expanded`].
    fn reduced(&self, factor: f32) -> Self {
        let mut out = Self::zeros(self.width.div_ceil(2), self.height.div_ceil(2));
        self.clone().pair(&mut out, factor, |fine, coarse, w| *coarse += w * *fine);
        out
    }

    /// Doubled to `width` × `height`, times `factor`. The transpose of [`Self::reduced`].
    fn expanded(&self, width: usize, height: usize, factor: f32) -> Self {
        let mut out = Self::zeros(width, height);
        out.pair(&mut self.clone(), factor, |fine, coarse, w| *fine += w * *coarse);
        out
    }

    /// Visits every pair of a pixel of this plane and one of the halved plane that lies under its window.
    #[inline(always)]
    fn pair(&mut self, coarse: &mut Self, factor: f32, mut visit: impl FnMut(&mut f32, &mut f32, f32)) {
        for y in 0..coarse.height {
            for x in 0..coarse.width {
                let center = &mut coarse.values[y * coarse.width + x];
                for (j, tap_y) in TAPS.iter().enumerate() {
                    let Some(fy) = (2 * y + j).checked_sub(2).filter(|y| *y < self.height) else { continue };
                    for (i, tap_x) in TAPS.iter().enumerate() {
                        let Some(fx) = (2 * x + i).checked_sub(2).filter(|x| *x < self.width) else {
                            continue;
                        };
                        visit(&mut self.values[fy * self.width + fx], center, factor * tap_x * tap_y);
                    }
                }
            }
        }
    }
}
