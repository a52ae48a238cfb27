//! The adaptive binary range coder.
//!
//! The same code describes what is written and what is read ([`Coder`]): a bit is passed in and the bit that counts
//! comes back, which is the one passed in when writing and the one in the stream when reading.

/// A probability that learns: of a 0, in 1/65536, and how many bits it has seen (capped).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bit {
    /// Probability of a 0, times 65536.
    pub(crate) zero: u16,
    /// Weight of what is known already, in bits seen.
    pub(crate) seen: u8,
}

/// Probabilities stay this far from 0 and 1, in 1/65536.
const EDGE: u16 = 64;
/// Above this many bits the past fades exponentially.
const MEMORY: u8 = 60;

impl Bit {
    pub(crate) const fn new(zero: u16, seen: u8) -> Self {
        Self { zero, seen }
    }

    /// Even odds, learning fast.
    pub(crate) const EVEN: Self = Self::new(32768, 0);

    fn learn(&mut self, bit: bool) {
        // 1 / (seen + 1.5) is the step of the Krichevsky-Trofimov estimate.
        let rate = 131_072 / (2 * i64::from(self.seen) + 3);
        let target = if bit { 0 } else { 65536 };
        let zero = i64::from(self.zero) + (((target - i64::from(self.zero)) * rate) >> 16);
        self.zero = zero.clamp(i64::from(EDGE), 65536 - i64::from(EDGE)) as u16;
        self.seen = (self.seen + 1).min(MEMORY);
    }
}

/// Writes, reads, or weighs bits.
pub(crate) trait Coder {
    /// One bit with adaptive odds.
    fn bit(&mut self, odds: &mut Bit, bit: bool) -> bool;
    /// One bit at even odds.
    fn even_bit(&mut self, bit: bool) -> bool;

    /// `count` bits at even odds, the most significant first. `count` is at most 32.
    fn even_bits(&mut self, value: u32, count: u32) -> u32 {
        (0..count).rev().fold(0, |out, i| (out << 1) | u32::from(self.even_bit((value >> i) & 1 != 0)))
    }

    /// An unsigned number in Exp-Golomb code of order 0, whose unary prefix has adaptive odds; at most
    /// `2^prefixes.len() - 2` is written or read.
    fn golomb(&mut self, prefixes: &mut [Bit], value: u32) -> u32 {
        let wanted = (value.saturating_add(1)).ilog2();
        let mut length = 0;
        // The longest code needs no end mark.
        let longest = (prefixes.len() as u32).saturating_sub(1).min(31);
        for odds in prefixes.iter_mut().take(longest as usize) {
            if !self.bit(odds, length < wanted) {
                break;
            }
            length += 1;
        }
        let low = self.even_bits(value.saturating_add(1) & ((1 << length) - 1), length);
        ((1u32 << length) | low) - 1
    }
}

/// Writes bits to memory.
#[derive(Clone, Debug)]
pub(crate) struct RangeEncoder {
    low: u64,
    range: u32,
    bytes: Vec<u8>,
}

impl RangeEncoder {
    pub(crate) fn new() -> Self {
        Self { low: 0, range: u32::MAX, bytes: Vec::new() }
    }

    fn carry(&mut self) {
        if self.low > u64::from(u32::MAX) {
            self.low &= u64::from(u32::MAX);
            for byte in self.bytes.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }

    fn narrow(&mut self, bound: u32, bit: bool) {
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
            self.carry();
        } else {
            self.range = bound;
        }
        while self.range < 1 << 24 {
            self.bytes.push((self.low >> 24) as u8);
            self.low = (self.low << 8) & u64::from(u32::MAX);
            self.range <<= 8;
        }
    }

    /// The shortest bytes that decode to what was written, where zeros follow the last byte for ever.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let top = self.low + u64::from(self.range) - 1;
        for kept in 0..=4u32 {
            let mask = u64::from(u32::MAX) >> (8 * kept).min(32);
            let mask = if kept == 4 { 0 } else { mask };
            let rounded = (self.low + mask) & !mask;
            if rounded <= top {
                self.low = rounded;
                break;
            }
        }
        self.carry();
        self.bytes.extend((self.low as u32).to_be_bytes());
        while self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes
    }
}

impl Coder for RangeEncoder {
    fn bit(&mut self, odds: &mut Bit, bit: bool) -> bool {
        self.narrow((self.range >> 16) * u32::from(odds.zero), bit);
        odds.learn(bit);
        bit
    }

    fn even_bit(&mut self, bit: bool) -> bool {
        self.narrow(self.range >> 1, bit);
        bit
    }
}

/// Reads bits. Any bytes are a valid stream: what they mean is for the caller to judge.
#[derive(Clone, Debug)]
pub(crate) struct RangeDecoder<'a> {
    code: u32,
    range: u32,
    bytes: &'a [u8],
}

impl<'a> RangeDecoder<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { code: 0, range: u32::MAX, bytes };
        for _ in 0..4 {
            decoder.code = (decoder.code << 8) | decoder.next();
        }
        decoder
    }

    fn next(&mut self) -> u32 {
        match self.bytes.split_first() {
            Some((&first, rest)) => {
                self.bytes = rest;
                u32::from(first)
            }
            None => 0,
        }
    }

    fn narrow(&mut self, bound: u32) -> bool {
        let bit = self.code >= bound;
        if bit {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        while self.range < 1 << 24 {
            self.code = (self.code << 8) | self.next();
            self.range <<= 8;
        }
        bit
    }

    /// Whether every byte was needed.
    pub(crate) fn is_at_end(&self) -> bool {
        self.bytes.is_empty()
    }
}

impl Coder for RangeDecoder<'_> {
    fn bit(&mut self, odds: &mut Bit, _: bool) -> bool {
        let bit = self.narrow((self.range >> 16) * u32::from(odds.zero));
        odds.learn(bit);
        bit
    }

    fn even_bit(&mut self, _: bool) -> bool {
        self.narrow(self.range >> 1)
    }
}

/// Adds up what bits would cost, and leaves the odds as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weigher {
    /// Bits.
    pub(crate) cost: f32,
}

impl Coder for Weigher {
    fn bit(&mut self, odds: &mut Bit, bit: bool) -> bool {
        let zero = f32::from(odds.zero) / 65536.0;
        self.cost -= if bit { 1.0 - zero } else { zero }.log2();
        bit
    }

    fn even_bit(&mut self, bit: bool) -> bool {
        self.cost += 1.0;
        bit
    }
}

#[cfg(test)]
mod tests {
    use effigy_tests::SplitMix64;

    use super::*;

    #[test]
    fn random_bits_come_back() {
        let mut random = SplitMix64(1);
        for length in 0..300 {
            let bits: Vec<(usize, bool)> = (0..length * 7)
                .map(|_| {
                    let context = random.below(5);
                    (context, random.below(100) < [1, 20, 50, 90, 99][context])
                })
                .collect();
            let fresh = || ([Bit::EVEN; 5], [Bit::EVEN; 12]);
            let (mut odds, mut prefixes) = fresh();
            let mut encoder = RangeEncoder::new();
            for (i, &(context, bit)) in bits.iter().enumerate() {
                encoder.bit(&mut odds[context], bit);
                if i % 3 == 0 {
                    encoder.even_bits(i as u32, 16);
                    encoder.golomb(&mut prefixes, i as u32 / 2);
                }
            }
            let bytes = encoder.finish();
            let (mut odds, mut prefixes) = fresh();
            let mut decoder = RangeDecoder::new(&bytes);
            for (i, &(context, bit)) in bits.iter().enumerate() {
                assert_eq!(decoder.bit(&mut odds[context], false), bit);
                if i % 3 == 0 {
                    assert_eq!(decoder.even_bits(0, 16), i as u32);
                    assert_eq!(decoder.golomb(&mut prefixes, 0), i as u32 / 2);
                }
            }
            assert!(decoder.is_at_end());
        }
    }

    #[test]
    fn carries_travel_through_any_number_of_bytes() {
        // A 1 at the highest odds of 0 keeps `low` just under the top, so that a later one carries.
        for tail in 0..2000 {
            let mut encoder = RangeEncoder::new();
            let bits = (0..tail).map(|i| i % 97 != 5);
            for bit in bits.clone() {
                encoder.bit(&mut Bit::new(EDGE, 0), bit);
            }
            let bytes = encoder.finish();
            let mut decoder = RangeDecoder::new(&bytes);
            assert!(bits.clone().all(|bit| decoder.bit(&mut Bit::new(EDGE, 0), false) == bit), "{tail}");
        }
    }

    #[test]
    fn the_length_is_within_2_percent_of_the_entropy() {
        let mut random = SplitMix64(2);
        for percent in [2, 5, 10, 30, 50, 80, 97] {
            let count = 200_000;
            let mut encoder = RangeEncoder::new();
            let mut odds = Bit::new(32768, 0);
            let mut ones = 0;
            for _ in 0..count {
                let bit = random.below(100) < percent;
                ones += u32::from(bit);
                encoder.bit(&mut odds, bit);
            }
            let p = f64::from(ones) / f64::from(count);
            let entropy = f64::from(count) * -(p * p.log2() + (1.0 - p) * (1.0 - p).log2());
            let length = 8.0 * encoder.finish().len() as f64;
            // An estimate that forgets after 60 bits costs about 1/120 nat a bit over the entropy.
            let forgetting = f64::from(count) * std::f64::consts::LOG2_E / 240.0;
            assert!(length > 0.999 * entropy, "{percent} %: {length} of {entropy}");
            assert!(length < 1.02 * entropy + forgetting, "{percent} %: {length} of {entropy}");
        }
    }

    #[test]
    fn the_coder_itself_adds_less_than_a_thousandth() {
        // With odds that are known and held, nothing but the arithmetic is measured.
        let mut random = SplitMix64(3);
        for zero in [100u16, 3000, 20000, 32768, 50000, 65000] {
            let mut encoder = RangeEncoder::new();
            let mut entropy = 0.0;
            for _ in 0..100_000 {
                let bit = random.below(65536) >= usize::from(zero);
                let p = f64::from(zero) / 65536.0;
                entropy -= if bit { 1.0 - p } else { p }.log2();
                encoder.bit(&mut Bit::new(zero, 0), bit);
            }
            let length = 8.0 * encoder.finish().len() as f64;
            assert!((entropy - 8.0..1.001 * entropy + 16.0).contains(&length), "{zero}: {length} {entropy}");
        }
    }

    #[test]
    fn odds_learn_as_the_specification_says() {
        // From a few lines of Python.
        let after = |zero, seen, bits: &[bool]| {
            let mut odds = Bit::new(zero, seen);
            bits.iter().for_each(|&bit| odds.learn(bit));
            (odds.zero, odds.seen)
        };
        assert_eq!(after(32768, 0, &[false]), (54613, 1));
        assert_eq!(after(32768, 0, &[true, false, true]), (23405, 3));
        assert_eq!(after(40000, 12, &[true; 100]), (3506, 60));
        assert_eq!(after(40000, 12, &[false; 400]), (65472, 60));
    }

    #[test]
    fn nothing_takes_no_bytes() {
        assert!(RangeEncoder::new().finish().is_empty());
        let mut encoder = RangeEncoder::new();
        for _ in 0..20 {
            encoder.bit(&mut Bit::new(60000, 0), false);
        }
        assert!(encoder.finish().is_empty());
    }
}
