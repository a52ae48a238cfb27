//! Comparing a picture with the oracle's.

/// The largest difference of any channel of any pixel.
pub(crate) fn max_difference(ours: &[[f32; 4]], oracle: &[[f64; 4]]) -> f64 {
    assert_eq!(ours.len(), oracle.len());
    ours.iter()
        .flatten()
        .zip(oracle.iter().flatten())
        .map(|(a, b)| (f64::from(*a) - b).abs())
        .fold(0.0, f64::max)
}
