//! Products of small matrices that stay in the cache, for networks evaluated in chunks.
//!
//! All matrices are row-major; columns of results are multiples of [`COLUMNS`], padded with zeros by the caller.

/// Columns of a block of results: two AVX-512 registers.
pub(super) const COLUMNS: usize = 32;
/// Rows of a block of results.
const ROWS: usize = 4;

/// c += a · b, with `a` of m × k, `b` of k × n and `c` of m × n.
#[inline(always)]
pub(super) fn multiply_add(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
    let m = c.len() / n;
    let mut first = 0;
    while first + ROWS <= m {
        for column in (0..n).step_by(COLUMNS) {
            block::<ROWS>(&a[first * k..(first + ROWS) * k], b, &mut c[first * n..], k, n, column);
        }
        first += ROWS;
    }
    while first < m {
        for column in (0..n).step_by(COLUMNS) {
            block::<1>(&a[first * k..(first + 1) * k], b, &mut c[first * n..], k, n, column);
        }
        first += 1;
    }
}

#[inline(always)]
fn block<const R: usize>(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize, column: usize) {
    let mut sums = [[0.0_f32; COLUMNS]; R];
    for p in 0..k {
        let Some(row) = b[p * n + column..].first_chunk::<COLUMNS>() else { return };
        for r in 0..R {
            let factor = a[r * k + p];
            for j in 0..COLUMNS {
                sums[r][j] += factor * row[j];
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        let Some(out) = c[r * n + column..].first_chunk_mut::<COLUMNS>() else { return };
        for j in 0..COLUMNS {
            out[j] += sums[j];
        }
    }
}

/// The transpose of `a` (rows × columns) into `out`, with rows of `out` padded to `stride`.
#[inline(always)]
pub(super) fn transpose(a: &[f32], columns: usize, out: &mut [f32], stride: usize) {
    for (i, row) in a.chunks_exact(columns).enumerate() {
        for (j, &x) in row.iter().enumerate() {
            out[j * stride + i] = x;
        }
    }
}

/// `n` rounded up to whole blocks.
pub(super) fn padded(n: usize) -> usize {
    n.next_multiple_of(COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_are_those_of_the_definition() {
        let value = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
        for (m, k, n) in [(1, 1, 32), (4, 24, 64), (7, 5, 96), (64, 64, 224)] {
            let a: Vec<f32> = (0..m * k).map(value).collect();
            let b: Vec<f32> = (0..k * n).map(|i| value(i + 17)).collect();
            let mut c: Vec<f32> = (0..m * n).map(|i| value(i + 5)).collect();
            let want: Vec<f64> = (0..m * n)
                .map(|i| {
                    let (r, s) = (i / n, i % n);
                    f64::from(c[i])
                        + (0..k).map(|p| f64::from(a[r * k + p]) * f64::from(b[p * n + s])).sum::<f64>()
                })
                .collect();
            multiply_add(&a, &b, &mut c, k, n);
            for (got, want) in c.iter().zip(&want) {
                assert!((f64::from(*got) - want).abs() < 1e-4, "{m}x{k}x{n}: {got} for {want}");
            }
        }
    }
}
