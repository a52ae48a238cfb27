//! FLIP: the difference that a viewer sees when flipping between two pictures.

use flip_rs::{DEFAULT_PPD, RgbImage};

use super::{JudgeError, Map, Pair};

/// The LDR-FLIP error of each pixel, 0 (same) to 1, at the reference tool's viewing distance of 67 pixels per degree;
/// its mean is the score. Andersson et al., "FLIP: A Difference Evaluator for Alternating Images", 2020.
///
/// # Errors
/// [`JudgeError::Flip`] when the pictures are too large for the filter (about 28 million pixels).
pub fn flip_map(pair: &Pair) -> Result<Map, JudgeError> {
    let interleaved = |[r, g, b]: &[Map; 3]| {
        let pixels = r.values.iter().zip(&g.values).zip(&b.values);
        let channels = pixels.flat_map(|((&r, &g), &b)| [r, g, b]).collect::<Vec<_>>();
        RgbImage::new(pair.width, pair.height, channels)
    };
    let error = flip_rs::ldr_flip(&interleaved(&pair.truth)?, &interleaved(&pair.ours)?, DEFAULT_PPD)?;
    Ok(Map { width: pair.width, height: pair.height, values: error.into_pixels() })
}
