//! Peak signal-to-noise ratio.

use super::{Area, JudgeError, Pair};

/// PSNR in dB over the area: 10 log10(1 / MSE), the squared error being averaged over the three display-referred
/// channels and, by weight, over the pixels. Identical pictures give infinity; `None` where the area is empty.
///
/// # Errors
/// [`JudgeError::Size`] for an area of another size.
pub fn psnr(pair: &Pair, area: &Area) -> Result<Option<f64>, JudgeError> {
    let weights = pair.weights(area)?;
    let mut error = 0.0;
    for (truth, ours) in pair.truth.iter().zip(&pair.ours) {
        let pairs = truth.values.iter().zip(&ours.values);
        let squares = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
        error += match weights {
            None => squares.sum::<f64>(),
            Some(w) => squares.zip(&w.values).map(|(e, &w)| e * f64::from(w)).sum(),
        };
    }
    let total = match weights {
        None => (pair.width * pair.height) as f64,
        Some(w) => w.values.iter().map(|&w| f64::from(w)).sum(),
    };
    Ok((total > 0.0).then(|| match error / (3.0 * total) {
        0.0 => f64::INFINITY,
        mse => -10.0 * mse.log10(),
    }))
}
