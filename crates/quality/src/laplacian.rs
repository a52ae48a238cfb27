//! A Laplacian-pyramid distance.

use crate::mask::Mask;
use crate::picture::Picture;
use crate::plane::Plane;

/// Levels of the pyramid at most: band-pass levels and, last, the low-pass rest.
const LEVELS: usize = 5;

/// The absolute difference of the two pictures' Laplacian pyramids, made once for all areas.
///
/// The pyramid is that of Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983: binomial filter
/// (1 4 6 4 1)/16, mirrored at the edges without repeating them, four band-pass levels and the low-pass rest, fewer
/// where a side would fall below 2. The score is the mean over the levels, all weighing the same, of each level's mean
/// absolute difference over the three display-referred channels: per pixel of the finest level that is the 2^2j
/// weighting of Bojanowski et al., "Optimizing the Latent Space of Generative Networks", 2018. Lower is better; 0 is
/// identical.
#[derive(Clone, Debug)]
pub(crate) struct LaplacianBands {
    /// Finest first: |difference|, channels averaged.
    bands: Vec<Plane>,
}

impl LaplacianBands {
    /// Compares two pictures of one size.
    pub(crate) fn of(reference: &Picture, test: &Picture) -> Self {
        // The pyramid is linear, so that of the difference is the difference of the two.
        let channel = |c: usize| {
            let values = reference.codes().zip(test.codes()).map(|(a, b)| (b[c] - a[c]) / 255.0).collect();
            bands_of(Plane { width: reference.width(), height: reference.height(), values })
        };
        let (mut bands, (green, blue)) =
            rayon::join(|| channel(0), || rayon::join(|| channel(1), || channel(2)));
        for (band, (g, b)) in bands.iter_mut().zip(green.iter().zip(&blue)) {
            for ((r, g), b) in band.values.iter_mut().zip(&g.values).zip(&b.values) {
                *r = (r.abs() + g.abs() + b.abs()) / 3.0;
            }
        }
        Self { bands }
    }

    /// The mean absolute difference of each level, finest first. A mask is reduced with the pictures, by the same filter.
    /// `None` where it is empty.
    fn levels(&self, mask: Option<&Mask>) -> Option<Vec<f64>> {
        let mut weights = mask.map(|m| m.weights().clone());
        let mut means = Vec::with_capacity(self.bands.len());
        for band in &self.bands {
            means.push(match &weights {
                Some(weights) => band.weighted_mean(weights, 0)?,
                None => band.mean()?,
            });
            weights = weights.as_ref().map(reduce);
        }
        Some(means)
    }

    /// The score. `None` where a mask is empty.
    pub(crate) fn score(&self, mask: Option<&Mask>) -> Option<f64> {
        self.levels(mask).map(|means| means.iter().sum::<f64>() / means.len() as f64)
    }
}

/// The signed pyramid of a difference, finest first, the rest last.
fn bands_of(mut rest: Plane) -> Vec<Plane> {
    let mut bands = Vec::with_capacity(LEVELS);
    while bands.len() + 1 < LEVELS && rest.width.div_ceil(2).min(rest.height.div_ceil(2)) >= 2 {
        let coarser = reduce(&rest);
        let expanded = expand(&coarser, rest.width, rest.height);
        for (v, e) in rest.values.iter_mut().zip(&expanded.values) {
            *v -= e;
        }
        bands.push(std::mem::replace(&mut rest, coarser));
    }
    bands.push(rest);
    bands
}

/// The index that `i` mirrors to in `0..n`, the edge itself not being repeated.
fn mirror(i: isize, n: usize) -> usize {
    let last = n as isize - 1;
    if last <= 0 {
        return 0;
    }
    let i = i.rem_euclid(2 * last);
    i.min(2 * last - i) as usize
}

/// Filters and keeps every second row and column.
fn reduce(map: &Plane) -> Plane {
    let (w, h) = (map.width, map.height);
    let (width, height) = (w.div_ceil(2), h.div_ceil(2));
    let mut padded = vec![0.0; w + 4];
    let mut rows = Vec::with_capacity(width * h);
    for row in map.values.chunks_exact(w) {
        padded[2..w + 2].copy_from_slice(row);
        for (at, i) in [(0, -2), (1, -1), (w + 2, w as isize), (w + 3, w as isize + 1)] {
            padded[at] = row[mirror(i, w)];
        }
        let taps = |x: usize| {
            let p = &padded[2 * x..2 * x + 5];
            (p[0] + p[4] + 4.0 * (p[1] + p[3]) + 6.0 * p[2]) / 16.0
        };
        rows.extend((0..width).map(taps));
    }
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = |offset: isize| {
            let y = mirror(2 * y as isize + offset, h);
            &rows[y * width..(y + 1) * width]
        };
        let (a, b, c, d, e) = (row(-2), row(-1), row(0), row(1), row(2));
        values.extend((0..width).map(|x| (a[x] + e[x] + 4.0 * (b[x] + d[x]) + 6.0 * c[x]) / 16.0));
    }
    Plane { width, height, values }
}

/// The other way: to `width` × `height`, zeros between the samples, filtered with four times the weight.
fn expand(map: &Plane, width: usize, height: usize) -> Plane {
    let (w, h) = (map.width, map.height);
    // A sample's neighbour to be, mirrored where the larger picture is.
    let at = |i: isize, size: usize| mirror(2 * i, size) / 2;
    let mut padded = vec![0.0; w + 2];
    let mut rows = Vec::with_capacity(width * h);
    for row in map.values.chunks_exact(w) {
        padded[1..=w].copy_from_slice(row);
        padded[0] = row[at(-1, width)];
        padded[w + 1] = row[at(w as isize, width)];
        rows.extend((0..width).map(|x| {
            let i = x / 2;
            match x % 2 {
                0 => (padded[i] + padded[i + 2] + 6.0 * padded[i + 1]) / 8.0,
                _ => (padded[i + 1] + padded[i + 2]) / 2.0,
            }
        }));
    }
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let i = (y / 2) as isize;
        let row = |i: isize| {
            let i = at(i, height);
            &rows[i * width..(i + 1) * width]
        };
        let (before, here, after) = (row(i - 1), row(i), row(i + 1));
        match y % 2 {
            0 => values.extend((0..width).map(|x| (before[x] + after[x] + 6.0 * here[x]) / 8.0)),
            _ => values.extend((0..width).map(|x| (here[x] + after[x]) / 2.0)),
        }
    }
    Plane { width, height, values }
}
