//! Structural similarity, at one scale and at several.

use rayon::prelude::*;

use super::{Area, JudgeError, Map, Pair};

/// Side of the Gaussian window, pixels.
const TAPS: usize = 11;
/// Pixels that the window takes off each edge.
const MARGIN: usize = TAPS / 2;
const SIGMA: f64 = 1.5;
const C1: f32 = 0.01 * 0.01;
const C2: f32 = 0.03 * 0.03;
/// Output rows that one task filters, so that its intermediate rows stay in cache.
const BAND: usize = 32;

/// Exponents of the scales of MS-SSIM, finest first (Wang et al. 2003).
pub const MS_SSIM_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// The structural comparison of a pair at up to five scales, made once for all areas.
///
/// SSIM is that of Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
/// Similarity", 2004: an 11×11 Gaussian window of σ = 1.5, K1 = 0.01, K2 = 0.03, L = 1, on each of the three
/// display-referred channels, averaged. Only windows that lie wholly inside the picture count. MS-SSIM is that of
/// Wang, Simoncelli and Bovik, "Multiscale Structural Similarity for Image Quality Assessment", 2003, halving by 2×2
/// means; a negative mean counts as 0, and the channels' values are averaged last.
///
/// Where a scale is smaller than the window it is left out and the exponents of those that remain are scaled to sum to
/// one, so pictures with a side of 160 or less have fewer than five scales and are comparable only with their like.
/// A picture with a side below 11 has neither score.
#[derive(Clone, Debug)]
pub struct Structure {
    width: usize,
    height: usize,
    /// SSIM of the finest scale, channels averaged.
    finest: Option<Map>,
    /// Per scale and channel: the contrast-structure term, and at the coarsest scale the full SSIM.
    scales: Vec<[Map; 3]>,
}

impl Structure {
    /// Compares a pair.
    pub fn of(pair: &Pair) -> Self {
        let (width, height) = (pair.width, pair.height);
        let mut finest = None;
        let mut scales = Vec::new();
        let mut pictures = [pair.truth.clone(), pair.ours.clone()];
        let window = window();
        for level in 0..MS_SSIM_WEIGHTS.len() {
            let [truth, ours] = &pictures;
            let (w, h) = (truth[0].width, truth[0].height);
            if w.min(h) < TAPS {
                break;
            }
            let coarser = [truth, ours].map(|p| [0, 1, 2].map(|c| halve(&p[c])));
            let coarsest =
                level + 1 == MS_SSIM_WEIGHTS.len() || coarser[0][0].width.min(coarser[0][0].height) < TAPS;
            let terms = [0, 1, 2].map(|c| compare_channel(&truth[c], &ours[c], &window));
            if level == 0 {
                finest = Some(channel_mean(terms.each_ref().map(|t| &t.ssim)));
            }
            scales.push(terms.map(|t| if coarsest { t.ssim } else { t.contrast }));
            pictures = coarser;
        }
        Self { width, height, finest, scales }
    }

    /// How many scales MS-SSIM has here, 0 to 5.
    pub fn scales(&self) -> usize {
        self.scales.len()
    }

    /// The SSIM of every whole window, channels averaged: 10 pixels narrower and lower than the picture, its first
    /// value belonging to the pixel (5, 5). `None` for pictures smaller than the window.
    pub fn map(&self) -> Option<&Map> {
        self.finest.as_ref()
    }

    /// Mean SSIM over the area, -1..=1. `None` where no window's centre lies in it.
    ///
    /// # Errors
    /// [`JudgeError::Size`] for an area of another size.
    pub fn ssim(&self, area: &Area) -> Result<Option<f64>, JudgeError> {
        let weights = area.weights_for(self.width, self.height)?;
        Ok(self.finest.as_ref().and_then(|map| map.mean(weights, MARGIN)))
    }

    /// MS-SSIM over the area, 0..=1: the mask is halved with the pictures. `None` where the area holds no window's
    /// centre at some scale.
    ///
    /// # Errors
    /// [`JudgeError::Size`] for an area of another size.
    pub fn ms_ssim(&self, area: &Area) -> Result<Option<f64>, JudgeError> {
        let mut weights = area.weights_for(self.width, self.height)?.cloned();
        if self.scales.is_empty() {
            return Ok(None);
        }
        // The published exponents sum to 1.0001 and stay as they are where all scales are there.
        let total = match self.scales.len() {
            n if n == MS_SSIM_WEIGHTS.len() => 1.0,
            n => MS_SSIM_WEIGHTS.iter().take(n).sum::<f64>(),
        };
        let mut product = [1.0; 3];
        for (channels, exponent) in self.scales.iter().zip(MS_SSIM_WEIGHTS) {
            for (product, map) in product.iter_mut().zip(channels) {
                let Some(mean) = map.mean(weights.as_ref(), MARGIN) else { return Ok(None) };
                *product *= mean.max(0.0).powf(exponent / total);
            }
            weights = weights.as_ref().map(halve);
        }
        Ok(Some(product.iter().sum::<f64>() / 3.0))
    }
}

/// The two maps of one channel at one scale.
struct Terms {
    ssim: Map,
    contrast: Map,
}

fn window() -> [f32; TAPS] {
    let raw: [f64; TAPS] = std::array::from_fn(|i| {
        let x = i as f64 - MARGIN as f64;
        (-x * x / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|v| (v / sum) as f32)
}

/// Both pictures are of one size and at least as large as the window.
fn compare_channel(truth: &Map, ours: &Map, window: &[f32; TAPS]) -> Terms {
    let (w, h) = (truth.width, truth.height);
    let (out_w, out_h) = (w - 2 * MARGIN, h - 2 * MARGIN);
    let mut ssim = vec![0.0; out_w * out_h];
    let mut contrast = vec![0.0; out_w * out_h];
    let bands = ssim.par_chunks_mut(BAND * out_w).zip(contrast.par_chunks_mut(BAND * out_w));
    bands.enumerate().for_each(|(band, (ssim, contrast))| {
        let rows = ssim.len() / out_w;
        let first = band * BAND;
        // Of each input row: the means of a, b, a² + b² and ab. The variances are only ever needed summed.
        let mut across = vec![[(); 4].map(|_| vec![0.0_f32; out_w]); rows + 2 * MARGIN];
        let mut squares = vec![0.0_f32; w];
        let mut products = vec![0.0_f32; w];
        for (i, across) in across.iter_mut().enumerate() {
            let range = (first + i) * w..(first + i + 1) * w;
            let (a, b) = (&truth.values[range.clone()], &ours.values[range]);
            for (((s, p), a), b) in squares.iter_mut().zip(&mut products).zip(a).zip(b) {
                *s = a * a + b * b;
                *p = a * b;
            }
            for (out, input) in across.iter_mut().zip([a, b, &squares, &products]) {
                for (k, weight) in window.iter().enumerate() {
                    accumulate(out, &input[k..k + out_w], *weight);
                }
            }
        }
        let mut means = [(); 4].map(|_| vec![0.0_f32; out_w]);
        for y in 0..rows {
            for (field, mean) in means.iter_mut().enumerate() {
                mean.fill(0.0);
                for (k, weight) in window.iter().enumerate() {
                    accumulate(mean, &across[y + k][field], *weight);
                }
            }
            let range = y * out_w..(y + 1) * out_w;
            let (ssim, contrast) = (&mut ssim[range.clone()], &mut contrast[range]);
            let [a, b, squares, products] = &means;
            for x in 0..out_w {
                let ab = a[x] * b[x];
                let aabb = a[x] * a[x] + b[x] * b[x];
                let cs = (2.0 * (products[x] - ab) + C2) / ((squares[x] - aabb) + C2);
                contrast[x] = cs;
                ssim[x] = (2.0 * ab + C1) / (aabb + C1) * cs;
            }
        }
    });
    let map = |values| Map { width: out_w, height: out_h, values };
    Terms { ssim: map(ssim), contrast: map(contrast) }
}

fn accumulate(out: &mut [f32], input: &[f32], weight: f32) {
    for (out, input) in out.iter_mut().zip(input) {
        *out += weight * input;
    }
}

fn channel_mean([r, g, b]: [&Map; 3]) -> Map {
    let channels = r.values.iter().zip(&g.values).zip(&b.values);
    let values = channels.map(|((r, g), b)| (r + g + b) / 3.0).collect();
    Map { width: r.width, height: r.height, values }
}

/// Half the size by 2×2 means; the last row or column of an odd side is averaged with itself.
fn halve(map: &Map) -> Map {
    let (w, h) = (map.width, map.height);
    let (width, height) = (w.div_ceil(2), h.div_ceil(2));
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = |y: usize| &map.values[y * w..(y + 1) * w];
        let (top, bottom) = (row(2 * y), row((2 * y + 1).min(h - 1)));
        for (top, bottom) in top.chunks(2).zip(bottom.chunks(2)) {
            let sum = |pair: &[f32]| pair[0] + pair[pair.len() - 1];
            values.push((sum(top) + sum(bottom)) / 4.0);
        }
    }
    Map { width, height, values }
}
