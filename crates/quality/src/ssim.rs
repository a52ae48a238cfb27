//! Structural similarity of luma, at one scale and at several.

use rayon::prelude::*;

use crate::mask::Mask;
use crate::picture::Picture;
use crate::plane::Plane;

/// Side of the Gaussian window, pixels.
const TAPS: usize = 11;
/// Pixels that the window takes off each edge.
const MARGIN: usize = TAPS / 2;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
/// Output rows that one task filters, so that its intermediate rows stay in cache.
const BAND: usize = 32;
/// Exponents of the scales of MS-SSIM, finest first (Wang et al. 2003).
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// The structural comparison of two pictures at up to five scales, made once for all masks.
///
/// SSIM is that of Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to Structural
/// Similarity", 2004, which is of grey pictures: here luma Y' of BT.709, with an 11×11 Gaussian window of σ = 1.5,
/// K1 = 0.01, K2 = 0.03 and L = 255. Only windows that lie wholly inside the picture count. (Papers on radiance fields
/// often give the mean of the SSIM of red, green and blue instead, which is not comparable.)
///
/// MS-SSIM is that of Wang, Simoncelli and Bovik, "Multiscale Structural Similarity for Image Quality Assessment", 2003,
/// also of luma; pictures are halved as its authors' program halves them: means of 2×2 pixels, an odd side's last row
/// or column being averaged with itself. A negative mean counts as 0. Where a scale is smaller than the window it is
/// left out, and the exponents of those that remain are scaled to sum to one: with a side of 160 pixels or less there are
/// fewer than five scales, and a score compares only with its like.
#[derive(Clone, Debug)]
pub(crate) struct Structure {
    /// SSIM of the finest scale.
    finest: Plane,
    /// Per scale: the contrast-structure term, and at the coarsest scale the full SSIM.
    scales: Vec<Plane>,
}

impl Structure {
    /// Compares two pictures of one size; `None` where a side is below 11 pixels.
    pub(crate) fn of(reference: &Picture, test: &Picture) -> Option<Self> {
        let (mut a, mut b) = (reference.luma(), test.luma());
        if a.width.min(a.height) < TAPS {
            return None;
        }
        let window = window();
        let Terms { ssim: finest, mut contrast } = terms(&a, &b, &window);
        // A coarsest scale that is the only one is the finest, too.
        let mut ssim = finest.clone();
        let mut scales = Vec::new();
        while scales.len() + 1 < SCALES.len() {
            (a, b) = (halved(&a), halved(&b));
            if a.width.min(a.height) < TAPS {
                break;
            }
            scales.push(contrast);
            Terms { ssim, contrast } = terms(&a, &b, &window);
        }
        scales.push(ssim);
        Some(Self { finest, scales })
    }

    /// Mean SSIM, -1..=1, weighted by a mask where one is given. `None` where no window's centre lies in it.
    pub(crate) fn ssim(&self, mask: Option<&Mask>) -> Option<f64> {
        mean(&self.finest, mask.map(Mask::weights))
    }

    /// MS-SSIM, 0..=1: a mask is halved with the pictures. `None` where it holds no window's centre at some scale.
    pub(crate) fn ms_ssim(&self, mask: Option<&Mask>) -> Option<f64> {
        // The published exponents sum to 1.0001, and stay as they are where all scales are there.
        let total = match self.scales.len() {
            n if n == SCALES.len() => 1.0,
            n => SCALES.iter().take(n).sum::<f64>(),
        };
        let mut weights = mask.map(|m| m.weights().clone());
        let mut product = 1.0;
        for (map, exponent) in self.scales.iter().zip(SCALES) {
            product *= mean(map, weights.as_ref())?.max(0.0).powf(exponent / total);
            weights = weights.as_ref().map(halved);
        }
        Some(product)
    }
}

fn mean(map: &Plane, weights: Option<&Plane>) -> Option<f64> {
    match weights {
        Some(weights) => map.weighted_mean(weights, MARGIN),
        None => map.mean(),
    }
}

/// The two maps at one scale.
struct Terms {
    ssim: Plane,
    contrast: Plane,
}

/// Of planes of one size, at least as large as the window.
fn terms(a: &Plane, b: &Plane, window: &[f64; TAPS]) -> Terms {
    let (width, height) = (a.width - 2 * MARGIN, a.height - 2 * MARGIN);
    let mut ssim = vec![0.0; width * height];
    let mut contrast = vec![0.0; width * height];
    let bands = ssim.par_chunks_mut(BAND * width).zip(contrast.par_chunks_mut(BAND * width));
    bands.enumerate().for_each(|(band, (ssim, contrast))| {
        let rows = ssim.len() / width;
        // Of each input row: the means of a, b, a² + b² and ab. The variances are only ever needed summed.
        let mut across = vec![[(); 4].map(|()| vec![0.0; width]); rows + 2 * MARGIN];
        let mut squares = vec![0.0; a.width];
        let mut products = vec![0.0; a.width];
        for (i, across) in across.iter_mut().enumerate() {
            let row = (band * BAND + i) * a.width..(band * BAND + i + 1) * a.width;
            let (a, b) = (&a.values[row.clone()], &b.values[row]);
            for (((s, p), a), b) in squares.iter_mut().zip(&mut products).zip(a).zip(b) {
                *s = a * a + b * b;
                *p = a * b;
            }
            for (out, input) in across.iter_mut().zip([a, b, &squares, &products]) {
                for (k, weight) in window.iter().enumerate() {
                    accumulate(out, &input[k..k + width], *weight);
                }
            }
        }
        let mut means = [(); 4].map(|()| vec![0.0; width]);
        for y in 0..rows {
            for (field, mean) in means.iter_mut().enumerate() {
                mean.fill(0.0);
                for (k, weight) in window.iter().enumerate() {
                    accumulate(mean, &across[y + k][field], *weight);
                }
            }
            let (ssim, contrast) = (&mut ssim[y * width..][..width], &mut contrast[y * width..][..width]);
            let [a, b, squares, products] = &means;
            for x in 0..width {
                let ab = a[x] * b[x];
                let aabb = a[x] * a[x] + b[x] * b[x];
                let cs = (2.0 * (products[x] - ab) + C2) / (squares[x] - aabb + C2);
                contrast[x] = cs;
                ssim[x] = (2.0 * ab + C1) / (aabb + C1) * cs;
            }
        }
    });
    let plane = |values| Plane { width, height, values };
    Terms { ssim: plane(ssim), contrast: plane(contrast) }
}

fn accumulate(out: &mut [f64], input: &[f64], weight: f64) {
    for (out, input) in out.iter_mut().zip(input) {
        *out += weight * input;
    }
}

fn window() -> [f64; TAPS] {
    let raw: [f64; TAPS] = std::array::from_fn(|i| {
        let x = i as f64 - MARGIN as f64;
        (-x * x / (2.0 * SIGMA * SIGMA)).exp()
    });
    let sum: f64 = raw.iter().sum();
    raw.map(|v| v / sum)
}

/// Half the size by 2×2 means; the last row or column of an odd side is averaged with itself.
fn halved(plane: &Plane) -> Plane {
    let (w, h) = (plane.width, plane.height);
    let (width, height) = (w.div_ceil(2), h.div_ceil(2));
    let mut values = Vec::with_capacity(width * height);
    for y in 0..height {
        let row = |y: usize| &plane.values[y * w..(y + 1) * w];
        let (top, bottom) = (row(2 * y), row((2 * y + 1).min(h - 1)));
        for (top, bottom) in top.chunks(2).zip(bottom.chunks(2)) {
            let sum = |pair: &[f64]| pair[0] + pair[pair.len() - 1];
            values.push((sum(top) + sum(bottom)) / 4.0);
        }
    }
    Plane { width, height, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{close, pair};

    fn of(a: &Picture, b: &Picture) -> Structure {
        Structure::of(a, b).unwrap()
    }

    // skimage.metrics.structural_similarity(ya, yb, data_range=255, gaussian_weights=True, sigma=1.5,
    // use_sample_covariance=False) of the sample pair's luma.
    #[test]
    fn ssim_is_that_of_scikit_image() {
        let (a, b) = pair();
        close(of(&a, &b).ssim(None).unwrap(), 0.959_438_290_664, 1e-9);
    }

    // From the same terms with scipy.ndimage.correlate1d, five scales (200 × 184, ..., 13 × 12), halving as
    // scipy.ndimage.correlate(y, ones((2, 2)) / 4, mode='reflect', origin=-1)[::2, ::2], as imfilter(..., 'symmetric').
    #[test]
    fn ms_ssim_is_that_of_scipy() {
        let (a, b) = pair();
        close(of(&a, &b).ms_ssim(None).unwrap(), 0.997_571_943_986, 1e-9);
        close(of(&a, &a).ms_ssim(None).unwrap(), 1.0, 1e-12);
    }

    #[test]
    fn small_pictures_have_fewer_scales_or_none() {
        let flat = |side: usize, v: u8| Picture::new(side, side, vec![v; 3 * side * side]).unwrap();
        assert!(Structure::of(&flat(10, 1), &flat(10, 1)).is_none());
        // One scale of flat pictures: (2·50·100 + C1) / (50² + 100² + C1), with C1 = 6.5025.
        let one = of(&flat(12, 50), &flat(12, 100));
        close(one.ms_ssim(None).unwrap(), 0.800_103_9, 1e-6);
        assert_eq!(of(&flat(160, 1), &flat(160, 2)).scales.len(), 4);
        assert_eq!(of(&flat(161, 1), &flat(161, 2)).scales.len(), 5);
    }
}
