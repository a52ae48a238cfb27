//! What turns decompressed elements into those of the buffer view.

use super::Filter;

impl Filter {
    /// An error unless the filter works on elements of `stride` bytes.
    pub(super) fn check(self, stride: usize) -> Result<(), &'static str> {
        let fits = match self {
            Self::None | Self::Exponential => true,
            Self::Octahedral | Self::Color => matches!(stride, 4 | 8),
            Self::Quaternion => stride == 8,
        };
        if fits { Ok(()) } else { Err("its filter does not work on elements of that stride") }
    }

    /// Filters whole elements of a stride that [`Self::check`] has let pass, in place.
    pub(super) fn apply(self, bytes: &mut [u8], stride: usize) {
        match self {
            Self::None => {}
            Self::Octahedral => in_words(bytes, stride, octahedral),
            Self::Color => in_words(bytes, stride, color),
            Self::Quaternion => in_words(bytes, stride, |words, _| quaternion(words)),
            Self::Exponential => {
                for word in bytes.as_chunks_mut::<4>().0 {
                    let value = i32::from_le_bytes(*word);
                    // Powers of two down to the least subnormal float; the product rounds once.
                    let scaled = f64::from(value << 8 >> 8) * f64::from(value >> 24).exp2();
                    *word = (scaled as f32).to_le_bytes();
                }
            }
        }
    }
}

/// Replaces each element of four components, of one byte or two, by what `filter` makes of them; it is also told the
/// number of bits of a component.
fn in_words(bytes: &mut [u8], stride: usize, filter: impl Fn([i32; 4], u32) -> [i32; 4]) {
    if stride == 4 {
        for element in bytes.as_chunks_mut::<4>().0 {
            *element = filter(element.map(|c| i32::from(c as i8)), 8).map(|c| c as u8);
        }
    } else {
        for element in bytes.as_chunks_mut::<8>().0 {
            let words =
                std::array::from_fn(|k| i32::from(i16::from_le_bytes([element[2 * k], element[2 * k + 1]])));
            for (slot, word) in element.as_chunks_mut::<2>().0.iter_mut().zip(filter(words, 16)) {
                *slot = (word as u16).to_le_bytes();
            }
        }
    }
}

fn octahedral([x, y, one, w]: [i32; 4], bits: u32) -> [i32; 4] {
    let (one, most) = (one as f32, ((1 << (bits - 1)) - 1) as f32);
    let (x, y) = (x as f32 / one, y as f32 / one);
    let z = 1.0 - x.abs() - y.abs();
    // The lower half is folded outwards.
    let fold = z.min(0.0);
    let (x, y) = (x - fold.copysign(x), y - fold.copysign(y));
    let scale = most / (x * x + y * y + z * z).sqrt();
    [(x * scale).round() as i32, (y * scale).round() as i32, (z * scale).round() as i32, w]
}

fn quaternion([x, y, z, last]: [i32; 4]) -> [i32; 4] {
    let scale = std::f32::consts::FRAC_1_SQRT_2 / (last | 3) as f32;
    let [x, y, z] = [x, y, z].map(|c| c as f32 * scale);
    let w = (1.0 - x * x - y * y - z * z).max(0.0).sqrt();
    let largest = (last & 3) as usize;
    let mut out = [0; 4];
    for (k, c) in [w, x, y, z].into_iter().enumerate() {
        out[(largest + k) % 4] = (c * 32767.0).round() as i32;
    }
    out
}

fn color([y, co, cg, alpha]: [i32; 4], bits: u32) -> [i32; 4] {
    // Luma and alpha have no sign.
    let unsigned = |v: i32| v & ((1 << bits) - 1);
    let (y, alpha) = (unsigned(y), unsigned(alpha));
    // The highest bit of alpha tells how many bits each component has.
    let full = (1u32 << (32 - (alpha as u32).leading_zeros())) as i32 - 1;
    let low = alpha & (full >> 1);
    let scale = ((1 << bits) - 1) as f32 / full as f32;
    [y + co - cg, y + cg, y - co - cg, low << 1 | low & 1].map(|c| (c as f32 * scale).round() as i32)
}
