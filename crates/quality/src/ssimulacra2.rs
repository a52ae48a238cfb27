//! SSIMULACRA2.

use ssimulacra2::{LinearRgb, compute_frame_ssimulacra2};

use crate::picture::Picture;

/// Below it there are fewer than six scales, and the implementation, as that of libjxl, gives the weights of one scale to
/// another.
const LEAST_SIDE: usize = 113;

/// The SSIMULACRA2 score (Sneyers, Cloudinary, 2022/23; version 2.1 of the tool in libjxl): 100 for identical
/// pictures, 90 hardly to be told apart, 70 good, 50 middling, below 0 very poor.
///
/// # Errors
/// A line that says why there is none: a side below [`LEAST_SIDE`] pixels.
pub(crate) fn ssimulacra2(reference: &Picture, test: &Picture) -> Result<f64, String> {
    if reference.width().min(reference.height()) < LEAST_SIDE {
        return Err(format!("SSIMULACRA2 needs at least {LEAST_SIDE}x{LEAST_SIDE} pixels"));
    }
    let linear = |picture: &Picture| {
        LinearRgb::new(
            picture.levels().iter().map(|p| p.map(linear_of)).collect(),
            picture.width(),
            picture.height(),
        )
        .map_err(|e| e.to_string())
    };
    compute_frame_ssimulacra2(linear(reference)?, linear(test)?).map_err(|e| e.to_string())
}

/// IEC 61966-2-1.
fn linear_of(v: f32) -> f32 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{close, pair};

    // numpy, after the definition in libjxl, with SciPy's exact Gaussian and zeros outside, gives 82.9066; the crate blurs
    // with libjxl's recursive approximation.
    #[test]
    fn is_near_another_implementation() {
        let (a, b) = pair();
        close(ssimulacra2(&a, &b).unwrap(), 82.906_6, 0.15);
        close(ssimulacra2(&a, &a).unwrap(), 100.0, 1e-9);
        let small = Picture::new(112, 200, vec![0; 3 * 112 * 200]).unwrap();
        assert!(ssimulacra2(&small, &small).unwrap_err().contains("113x113"));
    }
}
