//! A pair of pictures that tests share; other programs made their expected values from the same integers.

use crate::picture::Picture;

/// 200 × 184 pixels of stripes and tiles, and the same with a fixed pattern of noise of up to ±11.
///
/// In Python: `v = (x*(5+c) + y*(3+2*c) + x*y//(7+c)) % 256`, kept where `(x//16 + y//16) % 2` and elsewhere replaced by
/// `(v//3 + 60*c + 20) % 256`; the noise is `(x*7919 + y*104729 + c*1299709) % 23 - 11`, clipped to 0..=255.
pub(crate) fn pair() -> (Picture, Picture) {
    let (width, height) = (200_i64, 184_i64);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for y in 0..height {
        for x in 0..width {
            for c in 0..3 {
                let mut v = (x * (5 + c) + y * (3 + 2 * c) + x * y / (7 + c)) % 256;
                if (x / 16 + y / 16) % 2 == 0 {
                    v = (v / 3 + 60 * c + 20) % 256;
                }
                let noise = (x * 7919 + y * 104_729 + c * 1_299_709) % 23 - 11;
                a.push(v as u8);
                b.push((v + noise).clamp(0, 255) as u8);
            }
        }
    }
    (Picture::new(200, 184, a).unwrap(), Picture::new(200, 184, b).unwrap())
}

#[track_caller]
pub(crate) fn close(value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{value} is not {expected} within {tolerance}");
}
