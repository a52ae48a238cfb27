//! A stable radix sort of key-and-index pairs.

/// Sorts `entries` by their high 32 bits, stable, least significant digit first. `scratch` is working memory that
/// is kept by the caller; its contents do not matter.
pub(crate) fn sort_by_high_word(entries: &mut Vec<u64>, scratch: &mut Vec<u64>) {
    const DIGIT_BITS: u32 = 11;
    const DIGITS: usize = 1 << DIGIT_BITS;
    scratch.resize(entries.len(), 0);
    for pass in 0..32u32.div_ceil(DIGIT_BITS) {
        let shift = 32 + pass * DIGIT_BITS;
        let digit = |entry: u64| (entry >> shift) as usize & (DIGITS - 1);
        let mut starts = [0u32; DIGITS];
        for &entry in entries.iter() {
            starts[digit(entry)] += 1;
        }
        // All in one bucket: this digit orders nothing.
        if starts.iter().any(|&count| count as usize == entries.len()) {
            continue;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += std::mem::replace(start, sum);
        }
        for &entry in entries.iter() {
            let slot = &mut starts[digit(entry)];
            scratch[*slot as usize] = entry;
            *slot += 1;
        }
        std::mem::swap(entries, scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::sort_by_high_word;

    #[test]
    fn agrees_with_the_standard_library() {
        let mut state = 1u64;
        for n in [0, 1, 2, 100, 5000] {
            for mask in [0xff, 0xffff_ffff, 0xff00_0000] {
                let mut entries: Vec<u64> = (0..n)
                    .map(|i| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        ((state >> 32 & mask) << 32) | i
                    })
                    .collect();
                let mut want = entries.clone();
                want.sort_by_key(|e| e >> 32);
                sort_by_high_word(&mut entries, &mut Vec::new());
                assert_eq!(entries, want);
            }
        }
    }
}
