//! Bjontegaard delta rate: how much more bits one encoding takes for the same quality than another.

mod curve;
mod polynomial;

use serde::{Serialize, Serializer};

use curve::Hermite;
use polynomial::Cubic;

/// How many points a curve must have.
pub const LEAST_POINTS: usize = 4;

/// One encoding: its rate and its quality.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatePoint {
    /// Rate, above 0; kbit/s, or anything in proportion.
    pub kbit_per_s: f64,
    /// Quality; more is better (of FLIP, give it negated).
    pub quality: f64,
}

/// How log rate is drawn between the points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// Piecewise cubic that keeps monotone (PCHIP: Fritsch and Butland 1984), as JVET and AOM compute it today.
    #[default]
    Piecewise,
    /// One cubic polynomial, by least squares where there are more than four points (Bjontegaard, VCEG-M33, 2001).
    Cubic,
}

/// A Bjontegaard delta rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BdRate {
    /// Mean difference of rate at equal quality, per cent; below 0 the test needs fewer bits than the anchor.
    pub percent: f64,
    /// The share of the two curves' joint range of quality that both cover, above 0 and at most 1. Below about 0.75
    /// the mean says little of the whole.
    pub overlap: f64,
}

impl Serialize for BdRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            bd_rate_percent: f64,
            overlap: f64,
        }
        Fields { bd_rate_percent: self.percent, overlap: self.overlap }.serialize(serializer)
    }
}

/// Why two curves have no delta rate. `curve` is "anchor" or "test".
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs)]
pub enum BdRateError {
    /// Fewer than [`LEAST_POINTS`].
    #[error("the {curve} has {count} rate points, at least 4 are needed")]
    TooFew { curve: &'static str, count: usize },
    /// A rate that is not above 0, or a rate or quality that is not finite.
    #[error("the {curve} has a point at {kbit_per_s} kbit/s with quality {quality}")]
    Unusable { curve: &'static str, kbit_per_s: f64, quality: f64 },
    /// Quality that does not rise with rate: no rate belongs to a quality.
    #[error(
        "the {curve}'s quality does not rise from {from} to {to} kbit/s ({from_quality:.4} to {to_quality:.4})"
    )]
    NotRising { curve: &'static str, from: f64, to: f64, from_quality: f64, to_quality: f64 },
    /// No quality that both curves reach.
    #[error(
        "the curves have no quality in common: anchor {:.4} to {:.4}, test {:.4} to {:.4}",
        anchor[0], anchor[1], test[0], test[1]
    )]
    NoOverlap { anchor: [f64; 2], test: [f64; 2] },
}

/// The mean difference of log rate between two curves over the qualities that both cover, as a percentage of rate.
/// Points may come in any order, and the curves may have different numbers of them.
///
/// Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001; with
/// [`Interpolation::Piecewise`] as in its later practice.
///
/// # Errors
/// [`BdRateError`], one line.
pub fn bd_rate(
    anchor: &[RatePoint],
    test: &[RatePoint],
    interpolation: Interpolation,
) -> Result<BdRate, BdRateError> {
    let anchor = ordered("anchor", anchor)?;
    let test = ordered("test", test)?;
    let (a, b) = (range(&anchor), range(&test));
    let low = a[0].max(b[0]);
    let high = a[1].min(b[1]);
    if !(low < high) {
        return Err(BdRateError::NoOverlap { anchor: a, test: b });
    }
    let area = |points: &[(f64, f64)]| match interpolation {
        Interpolation::Piecewise => Hermite::through(points).integral(low, high),
        Interpolation::Cubic => Cubic::fitted(points).integral(low, high),
    };
    let mean = (area(&test) - area(&anchor)) / (high - low);
    let overlap = (high - low) / (a[1].max(b[1]) - a[0].min(b[0]));
    Ok(BdRate { percent: 100.0 * (10_f64.powf(mean) - 1.0), overlap })
}

/// Quality and log10 of rate, both strictly rising.
fn ordered(curve: &'static str, points: &[RatePoint]) -> Result<Vec<(f64, f64)>, BdRateError> {
    if points.len() < LEAST_POINTS {
        return Err(BdRateError::TooFew { curve, count: points.len() });
    }
    let usable = |p: &&RatePoint| p.kbit_per_s > 0.0 && p.kbit_per_s.is_finite() && p.quality.is_finite();
    if let Some(&RatePoint { kbit_per_s, quality }) = points.iter().find(|p| !usable(p)) {
        return Err(BdRateError::Unusable { curve, kbit_per_s, quality });
    }
    let mut points = points.to_vec();
    points.sort_by(|a, b| a.kbit_per_s.total_cmp(&b.kbit_per_s).then(a.quality.total_cmp(&b.quality)));
    for pair in points.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        if !(from.quality < to.quality && from.kbit_per_s < to.kbit_per_s) {
            return Err(BdRateError::NotRising {
                curve,
                from: from.kbit_per_s,
                to: to.kbit_per_s,
                from_quality: from.quality,
                to_quality: to.quality,
            });
        }
    }
    Ok(points.iter().map(|p| (p.quality, p.kbit_per_s.log10())).collect())
}

/// Lowest and highest quality of an ordered curve.
fn range(points: &[(f64, f64)]) -> [f64; 2] {
    [points.first(), points.last()].map(|p| p.map_or(0.0, |p| p.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::close;

    fn points(rates: &[f64], qualities: &[f64]) -> Vec<RatePoint> {
        rates.iter().zip(qualities).map(|(&kbit_per_s, &quality)| RatePoint { kbit_per_s, quality }).collect()
    }

    // PyPI bjontegaard 1.3: bd_rate([56,124,344,900], [77,89,94,97.2], [48,101,280,760], [76.2,89.5,94.6,97.5],
    // method='pchip' and 'cubic').
    #[test]
    fn four_points_are_those_of_bjontegaard() {
        let mut anchor = points(&[56., 124., 344., 900.], &[77., 89., 94., 97.2]);
        let test = points(&[48., 101., 280., 760.], &[76.2, 89.5, 94.6, 97.5]);
        let piecewise = bd_rate(&anchor, &test, Interpolation::Piecewise).unwrap();
        close(piecewise.percent, -21.400_532_189_451, 1e-9);
        close(piecewise.overlap, 20.2 / 21.3, 1e-12);
        close(bd_rate(&anchor, &test, Interpolation::Cubic).unwrap().percent, -17.614_458_167_426, 1e-8);
        // The order of points does not matter.
        anchor.swap(0, 2);
        assert_eq!(bd_rate(&anchor, &test, Interpolation::Piecewise).unwrap(), piecewise);
    }

    // The same of bd_rate([40,80,150,300,610], [31.02,33.9,36.11,38.7,41.2], [55,90,210,420], [31.5,33.2,36.9,39.3],
    // require_matching_points=False).
    #[test]
    fn unequal_numbers_of_points_are_those_of_bjontegaard() {
        let anchor = points(&[40., 80., 150., 300., 610.], &[31.02, 33.9, 36.11, 38.7, 41.2]);
        let test = points(&[55., 90., 210., 420.], &[31.5, 33.2, 36.9, 39.3]);
        let percent = |interpolation| bd_rate(&anchor, &test, interpolation).unwrap().percent;
        close(percent(Interpolation::Piecewise), 22.537_978_326_232, 1e-9);
        close(percent(Interpolation::Cubic), 22.241_810_257_571, 1e-8);
    }

    // Half the rate at every quality is -50 % however the curve is drawn.
    #[test]
    fn half_the_rate_is_minus_fifty() {
        let anchor = points(&[10., 30., 70., 400.], &[0.2, 0.5, 0.9, 0.95]);
        let test = points(&[5., 15., 35., 200.], &[0.2, 0.5, 0.9, 0.95]);
        for interpolation in [Interpolation::Piecewise, Interpolation::Cubic] {
            close(bd_rate(&anchor, &test, interpolation).unwrap().percent, -50.0, 1e-9);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let good = points(&[10., 20., 30., 40.], &[1., 2., 3., 4.]);
        let fault = |test: &[RatePoint]| bd_rate(&good, test, Interpolation::Piecewise).unwrap_err();
        assert_eq!(fault(&good[..3]), BdRateError::TooFew { curve: "test", count: 3 });
        let falling = fault(&points(&[10., 20., 30., 40.], &[1., 2.5, 2.25, 4.]));
        assert_eq!(
            falling.to_string(),
            "the test's quality does not rise from 20 to 30 kbit/s (2.5000 to 2.2500)"
        );
        assert!(matches!(
            fault(&points(&[10., 10., 30., 40.], &[1., 2., 3., 4.])),
            BdRateError::NotRising { .. }
        ));
        assert!(matches!(
            fault(&points(&[10., 20., 30., 40.], &[5., 6., 7., 8.])),
            BdRateError::NoOverlap { .. }
        ));
        for bad in [(0.0, 2.5), (f64::NAN, 2.5), (20.0, f64::INFINITY)] {
            let mut test = good.clone();
            test[1] = RatePoint { kbit_per_s: bad.0, quality: bad.1 };
            assert!(matches!(fault(&test), BdRateError::Unusable { curve: "test", .. }));
        }
    }
}
