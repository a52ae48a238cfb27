//! A piecewise cubic that keeps monotone data monotone.

/// The piecewise cubic Hermite interpolant of Fritsch and Butland ("A method for constructing local monotone piecewise
/// cubic interpolants", 1984), with three-point slopes at the ends kept from overshooting, as MATLAB's and SciPy's
/// `pchip`.
pub(super) struct Hermite {
    /// Abscissa, ordinate and slope of each point, abscissae strictly rising.
    knots: Vec<(f64, f64, f64)>,
}

impl Hermite {
    /// Through at least three points whose abscissae strictly rise.
    pub(super) fn through(points: &[(f64, f64)]) -> Self {
        let widths: Vec<f64> = points.windows(2).map(|p| p[1].0 - p[0].0).collect();
        let secants: Vec<f64> = points.windows(2).zip(&widths).map(|(p, h)| (p[1].1 - p[0].1) / h).collect();
        let last = widths.len().saturating_sub(1);
        let slope = |i: usize| {
            if i == 0 {
                return end_slope([widths[0], widths[1]], [secants[0], secants[1]]);
            }
            if i > last {
                return end_slope([widths[last], widths[last - 1]], [secants[last], secants[last - 1]]);
            }
            let (h, k) = ([widths[i - 1], widths[i]], [secants[i - 1], secants[i]]);
            if k[0] * k[1] <= 0.0 {
                return 0.0;
            }
            let weights = [2.0 * h[1] + h[0], h[1] + 2.0 * h[0]];
            (weights[0] + weights[1]) / (weights[0] / k[0] + weights[1] / k[1])
        };
        let knots = points.iter().enumerate().map(|(i, &(x, y))| (x, y, slope(i))).collect();
        Self { knots }
    }

    /// The integral from `low` to `high`, both within the points.
    pub(super) fn integral(&self, low: f64, high: f64) -> f64 {
        let mut sum = 0.0;
        for pair in self.knots.windows(2) {
            let (from, to) = (pair[0].0.max(low), pair[1].0.min(high));
            if from < to {
                // Simpson's rule is exact for a cubic.
                let value = |x| between(pair[0], pair[1], x);
                sum += (to - from) / 6.0 * (value(from) + 4.0 * value((from + to) / 2.0) + value(to));
            }
        }
        sum
    }
}

fn between(a: (f64, f64, f64), b: (f64, f64, f64), x: f64) -> f64 {
    let width = b.0 - a.0;
    let t = (x - a.0) / width;
    let s = 1.0 - t;
    a.1 * s * s * (1.0 + 2.0 * t) + b.1 * t * t * (3.0 - 2.0 * t) + width * t * s * (a.2 * s - b.2 * t)
}

/// The slope at an end, from the two intervals next to it, nearest first.
fn end_slope(widths: [f64; 2], secants: [f64; 2]) -> f64 {
    let ([h, g], [k, l]) = (widths, secants);
    let slope = ((2.0 * h + g) * k - h * l) / (h + g);
    if slope * k <= 0.0 {
        0.0
    } else if k * l < 0.0 && slope.abs() > 3.0 * k.abs() {
        3.0 * k
    } else {
        slope
    }
}
