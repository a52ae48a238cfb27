//! FLIP: the difference that a viewer sees when flipping between two pictures.

use flip_rs::{DEFAULT_PPD, RgbImage};

use crate::picture::Picture;
use crate::plane::Plane;

/// The LDR-FLIP error of each pixel, 0 (same) to 1, at the reference tool's viewing distance of 67 pixels per degree;
/// its mean is the score. Andersson et al., "FLIP: A Difference Evaluator for Alternating Images", 2020.
///
/// # Errors
/// A line that says why there is none: pictures too large for the filter.
pub(crate) fn flip_map(reference: &Picture, test: &Picture) -> Result<Plane, String> {
    let image = |p: &Picture| {
        let levels = p.levels().iter().flatten().copied().collect::<Vec<f32>>();
        RgbImage::new(p.width(), p.height(), levels).map_err(|e| e.to_string())
    };
    let error =
        flip_rs::ldr_flip(&image(reference)?, &image(test)?, DEFAULT_PPD).map_err(|e| e.to_string())?;
    let values = error.pixels().iter().map(|&v| f64::from(v)).collect();
    Ok(Plane { width: reference.width(), height: reference.height(), values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{close, pair};

    // NVIDIA's own, PyPI flip-evaluator: evaluate('a.png', 'b.png', 'LDR') of the sample pair as PNG.
    #[test]
    fn is_that_of_the_reference_tool() {
        let (a, b) = pair();
        close(flip_map(&a, &b).unwrap().mean().unwrap(), 0.035_947_967, 2e-5);
        close(flip_map(&a, &a).unwrap().mean().unwrap(), 0.0, 1e-9);
    }
}
