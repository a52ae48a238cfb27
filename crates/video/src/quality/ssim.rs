//! Structural similarity of luma, at one scale and at several.

use super::picture::Plane;

/// Side of the Gaussian window, pixels.
const TAPS: usize = 11;
/// Pixels that the window takes off each edge.
pub(super) const MARGIN: usize = TAPS / 2;
const SIGMA: f64 = 1.5;
const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
/// Exponents of the scales of MS-SSIM, finest first (Wang et al. 2003).
const SCALES: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// The SSIM of luma of every 11×11 window that lies wholly inside two planes of one size: Wang, Bovik, Sheikh and
/// Simoncelli, "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004, with σ = 1.5,
/// K1 = 0.01, K2 = 0.03 and L = 255. `None` where a side is below 11 pixels.
pub(super) fn ssim_map(reference: &Plane, test: &Plane) -> Option<Plane> {
    Terms::of(reference, test).map(|t| t.ssim)
}

/// MS-SSIM of luma: Wang, Simoncelli and Bovik, "Multiscale Structural Similarity for Image Quality Assessment", 2003,
/// halving by 2×2 means; a negative mean counts as 0. Scales smaller than the window are left out, and the exponents
/// of those that remain are scaled to sum to one: below 176 pixels a side a score compares only with its like. `None`
/// where a side is below 11 pixels.
pub(super) fn ms_ssim(reference: &Plane, test: &Plane) -> Option<f64> {
    let least = reference.width.min(reference.height);
    let count = (0..SCALES.len()).take_while(|level| least >> level >= TAPS).count();
    // The published exponents sum to 1.0001, and stay as they are where all scales are there.
    let total = if count == SCALES.len() { 1.0 } else { SCALES.iter().take(count).sum() };
    let (mut reference, mut test) = (reference.clone(), test.clone());
    let mut product = None;
    for (level, exponent) in SCALES.into_iter().enumerate().take(count) {
        let terms = Terms::of(&reference, &test)?;
        let map = if level + 1 == count { &terms.ssim } else { &terms.contrast };
        product = Some(product.unwrap_or(1.0) * mean(map).max(0.0).powf(exponent / total));
        (reference, test) = (halved(&reference), halved(&test));
    }
    product
}

/// The mean of a plane that has pixels.
pub(super) fn mean(plane: &Plane) -> f64 {
    plane.values.iter().sum::<f64>() / plane.values.len() as f64
}

struct Terms {
    ssim: Plane,
    contrast: Plane,
}

impl Terms {
    fn of(a: &Plane, b: &Plane) -> Option<Self> {
        let (width, height) = (a.width, a.height);
        if width.min(height) < TAPS || (b.width, b.height) != (width, height) {
            return None;
        }
        let (out_width, out_height) = (width - 2 * MARGIN, height - 2 * MARGIN);
        let window = window();
        // Of each row: the means of a, b, a² + b² and ab. The two variances are only ever needed summed.
        let fields = [0, 1, 2, 3].map(|field| {
            let value: fn(f64, f64) -> f64 = match field {
                0 => |a, _| a,
                1 => |_, b| b,
                2 => |a, b| a * a + b * b,
                _ => |a, b| a * b,
            };
            let mut across = vec![0.0; out_width * height];
            let mut line = vec![0.0; width];
            let rows = a.values.chunks_exact(width).zip(b.values.chunks_exact(width));
            for (out, (a, b)) in across.chunks_exact_mut(out_width).zip(rows) {
                for ((line, &a), &b) in line.iter_mut().zip(a).zip(b) {
                    *line = value(a, b);
                }
                for (k, weight) in window.iter().enumerate() {
                    accumulate(out, &line[k..], *weight);
                }
            }
            across
        });
        let mut ssim = Vec::with_capacity(out_width * out_height);
        let mut contrast = Vec::with_capacity(out_width * out_height);
        let mut means = [(); 4].map(|()| vec![0.0; out_width]);
        for y in 0..out_height {
            for (mean, across) in means.iter_mut().zip(&fields) {
                mean.fill(0.0);
                for (k, weight) in window.iter().enumerate() {
                    accumulate(mean, &across[(y + k) * out_width..], *weight);
                }
            }
            let [a, b, squares, products] = &means;
            for x in 0..out_width {
                let ab = a[x] * b[x];
                let aabb = a[x] * a[x] + b[x] * b[x];
                let cs = (2.0 * (products[x] - ab) + C2) / (squares[x] - aabb + C2);
                contrast.push(cs);
                ssim.push((2.0 * ab + C1) / (aabb + C1) * cs);
            }
        }
        let plane = |values| Plane { width: out_width, height: out_height, values };
        Some(Self { ssim: plane(ssim), contrast: plane(contrast) })
    }
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

/// Half the size by 2×2 means; the last row or column of an odd side is left out.
fn halved(plane: &Plane) -> Plane {
    let (width, height) = (plane.width / 2, plane.height / 2);
    let mut values = Vec::with_capacity(width * height);
    for pair in plane.values.chunks_exact(2 * plane.width) {
        let (top, bottom) = pair.split_at(plane.width);
        let columns = top.chunks_exact(2).zip(bottom.chunks_exact(2));
        values.extend(columns.map(|(t, b)| (t[0] + t[1] + b[0] + b[1]) / 4.0));
    }
    Plane { width, height, values }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{close, pair};
    use super::*;

    // skimage.metrics.structural_similarity(ya, yb, data_range=255, gaussian_weights=True, sigma=1.5,
    // use_sample_covariance=False) of the sample pair's luma.
    #[test]
    fn ssim_is_that_of_scikit_image() {
        let (a, b) = pair();
        close(mean(&ssim_map(&a.luma(), &b.luma()).unwrap()), 0.959_438_290_664, 1e-9);
    }

    // From the same terms with scipy.ndimage.correlate1d, five scales, halving by reshaped means.
    #[test]
    fn ms_ssim_is_that_of_numpy() {
        let (a, b) = pair();
        close(ms_ssim(&a.luma(), &b.luma()).unwrap(), 0.997_571_760_824, 1e-9);
        close(ms_ssim(&a.luma(), &a.luma()).unwrap(), 1.0, 1e-12);
    }

    #[test]
    fn small_planes_have_fewer_scales_or_none() {
        let flat = |side: usize, v: f64| Plane { width: side, height: side, values: vec![v; side * side] };
        assert!(ssim_map(&flat(10, 1.0), &flat(10, 1.0)).is_none());
        assert!(ms_ssim(&flat(10, 1.0), &flat(10, 1.0)).is_none());
        // One scale of flat planes: (2·50·100 + C1) / (50² + 100² + C1), with C1 = 6.5025.
        close(ms_ssim(&flat(12, 50.0), &flat(12, 100.0)).unwrap(), 0.800_103_9, 1e-6);
    }
}
