//! 1 − SSIM and its gradient (Wang et al., "Image Quality Assessment", 2004).

use rayon::prelude::*;

use super::blur::Blur;

const C1: f32 = 0.01 * 0.01;
const C2: f32 = 0.03 * 0.03;

/// The sum over pixels of 1 − SSIM of one plane `x` against `y`, and `weight` times its gradient by `x` added to
/// `gradient`.
pub(super) fn dissimilarity(
    blur: &Blur,
    x: &[f32],
    y: &[f32],
    width: usize,
    weight: f32,
    gradient: &mut [f32],
) -> f64 {
    let n = x.len();
    let product = |a: &[f32], b: &[f32]| -> Vec<f32> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let blurred = |plane: &[f32]| {
        let mut out = vec![0.0; n];
        blur.apply(plane, width, &mut out);
        out
    };
    let (mx, my) = (blurred(x), blurred(y));
    let (mxx, myy, mxy) = (blurred(&product(x, x)), blurred(&product(y, y)), blurred(&product(x, y)));
    // Derivatives by the blurred planes; they replace what they are computed from.
    let (mut by_mean, mut by_square, mut by_product) = (mx, mxx, mxy);
    let sums: Vec<f64> = by_mean
        .par_chunks_mut(CHUNK)
        .zip(by_square.par_chunks_mut(CHUNK))
        .zip(by_product.par_chunks_mut(CHUNK))
        .zip(my.par_chunks(CHUNK).zip(myy.par_chunks(CHUNK)))
        .map(|(((mx, mxx), mxy), (my, myy))| {
            let mut sum = 0.0;
            for i in 0..mx.len() {
                let (ux, uy) = (mx[i], my[i]);
                let a1 = 2.0 * ux * uy + C1;
                let a2 = 2.0 * (mxy[i] - ux * uy) + C2;
                let b1 = ux * ux + uy * uy + C1;
                let b2 = mxx[i] - ux * ux + myy[i] - uy * uy + C2;
                let inverse = 1.0 / (b1 * b2);
                let ssim = a1 * a2 * inverse;
                sum += f64::from(1.0 - ssim);
                let by_mxx = -ssim / b2;
                let by_mxy = 2.0 * a1 * inverse;
                mx[i] = 2.0 * uy * a2 * inverse - 2.0 * ux * ssim / b1 - 2.0 * ux * by_mxx - uy * by_mxy;
                mxx[i] = by_mxx;
                mxy[i] = by_mxy;
            }
            sum
        })
        .collect();
    let (by_mean, by_square, by_product) = (blurred(&by_mean), blurred(&by_square), blurred(&by_product));
    for i in 0..n {
        gradient[i] -= weight * (by_mean[i] + 2.0 * x[i] * by_square[i] + y[i] * by_product[i]);
    }
    sums.iter().sum()
}

/// Pixels a thread looks at a time.
const CHUNK: usize = 16_384;
