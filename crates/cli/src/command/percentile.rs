//! Percentiles of what was measured.

/// The value below which `fraction` of `values`, which is not empty, lies.
pub(super) fn percentile(values: &mut [f64], fraction: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(fraction * (values.len() - 1) as f64).round() as usize]
}
