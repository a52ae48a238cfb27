//! One cubic polynomial through or near points.

/// A cubic in a variable that runs from -1 to 1 over the points.
pub(super) struct Cubic {
    middle: f64,
    half_width: f64,
    coefficients: [f64; 4],
}

impl Cubic {
    /// The least-squares fit to at least four points with distinct abscissae in rising order; through four exactly.
    pub(super) fn fitted(points: &[(f64, f64)]) -> Self {
        let [low, high] = [points.first(), points.last()].map(|p| p.map_or(0.0, |p| p.0));
        let (middle, half_width) = ((low + high) / 2.0, (high - low) / 2.0);
        // The normal equations, well conditioned over -1..=1, and their right side as fifth column.
        let mut rows = [[0.0; 5]; 4];
        for &(x, y) in points {
            let t = (x - middle) / half_width;
            let powers = [1.0, t, t * t, t * t * t];
            for (row, power) in rows.iter_mut().zip(powers) {
                for (cell, value) in row.iter_mut().zip(powers.into_iter().chain([y])) {
                    *cell += power * value;
                }
            }
        }
        Self { middle, half_width, coefficients: solved(rows) }
    }

    /// The integral from `low` to `high`.
    pub(super) fn integral(&self, low: f64, high: f64) -> f64 {
        let antiderivative = |x: f64| {
            let t = (x - self.middle) / self.half_width;
            let [a, b, c, d] = self.coefficients;
            self.half_width * t * (a + t * (b / 2.0 + t * (c / 3.0 + t * d / 4.0)))
        };
        antiderivative(high) - antiderivative(low)
    }
}

/// Gauss and Jordan's elimination of a positive definite system, which needs no pivoting.
fn solved(mut rows: [[f64; 5]; 4]) -> [f64; 4] {
    for pivot in 0..4 {
        let scale = rows[pivot][pivot];
        let pivot_row = rows[pivot].map(|v| v / scale);
        rows[pivot] = pivot_row;
        for (_, row) in rows.iter_mut().enumerate().filter(|(i, _)| *i != pivot) {
            let factor = row[pivot];
            for (cell, value) in row.iter_mut().zip(pivot_row) {
                *cell -= factor * value;
            }
        }
    }
    rows.map(|row| row[4])
}
