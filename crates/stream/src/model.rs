//! The odds of levels: which contexts there are, and how a channel's levels are written in them.

use crate::range_coder::{Bit, Coder};
use crate::trained::TRAINED;

/// Activity classes of a channel: eight by what it did lately, and one for access points.
const ACTIVITIES: usize = 9;
const CODED: usize = 0;
const LAST: usize = CODED + ACTIVITIES * 5 * 3;
const ZERO: usize = LAST + 8 * 3 * 3;
const OVER_ONE: usize = ZERO + 2 * 5 * 3 * 5;
const SIGN: usize = OVER_ONE + 3 * 3 * 2;
const LARGE: usize = SIGN + 3 * 3 * 3;
/// How many odds there are.
const ODDS: usize = LARGE + 3 * LARGE_PREFIXES;
const _: () = assert!(TRAINED.len() == ODDS);
const LARGE_PREFIXES: usize = 30;

/// How much the trained odds weigh against what is seen, in bits.
const TRAINED_WEIGHT: u8 = 12;

/// What has been learnt since the last access point.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) odds: Vec<Bit>,
    /// 0 to 7 for each channel: how much it moved lately.
    activity: Vec<u8>,
}

/// Where in a packet a channel's levels stand.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) channel: usize,
    /// Whether the packet is an access point.
    pub(crate) intra: bool,
    /// The levels of the channel that foretells this one, and whether a share of it was taken away.
    pub(crate) parent: Option<(&'a [i32], bool)>,
    /// Whether the channels before this one in the packet were coded, the latest in the lowest bit.
    pub(crate) recent: u32,
}

impl Model {
    pub(crate) fn new(channels: usize) -> Self {
        let odds = TRAINED.iter().map(|&zero| Bit::new(zero, TRAINED_WEIGHT)).collect();
        Self { odds, activity: vec![0; channels] }
    }

    /// Forgets all, as an access point does.
    pub(crate) fn reset(&mut self) {
        for (odds, &zero) in self.odds.iter_mut().zip(TRAINED.iter()) {
            *odds = Bit::new(zero, TRAINED_WEIGHT);
        }
        self.activity.fill(0);
    }

    /// Writes the levels of one channel, or reads them into `levels`. Returns whether any is not 0.
    pub(crate) fn channel<C: Coder>(&mut self, coder: &mut C, place: Place<'_>, levels: &mut [i32]) -> bool {
        let Place { channel, intra, parent, recent } = place;
        let odds = self.odds.as_mut_slice();
        let mut bit = |coder: &mut C, index: usize, bit: bool| match odds.get_mut(index) {
            Some(odds) => coder.bit(odds, bit),
            None => coder.even_bit(bit),
        };
        let activity = self.activity.get(channel).copied().unwrap_or(0);
        let class = if intra { 0 } else { 1 + usize::from(activity >= 3) };
        let activity = if intra { ACTIVITIES - 1 } else { usize::from(activity) };
        // 0 without a parent, then 1 or 2 by whether the parent has it, or 3 or 4 if a share was taken away.
        let of_parent = |has: &dyn Fn(&[i32]) -> bool| match parent {
            None => 0,
            Some((levels, shared)) => 1 + usize::from(has(levels)) + 2 * usize::from(shared),
        };
        let length = |levels: &[i32]| levels.iter().rposition(|&l| l != 0).map_or(0, |last| last + 1);

        let parent_coded = of_parent(&|p| p.iter().any(|&l| l != 0));
        let neighbours = (recent & 15).count_ones().min(2) as usize;
        let coded = length(levels) > 0;
        if !bit(coder, CODED + (activity * 5 + parent_coded) * 3 + neighbours, coded) {
            levels.fill(0);
            return false;
        }

        // How many levels there are up to the last that is not 0.
        let wanted = length(levels);
        let mut count = 1;
        while count < levels.len() {
            let longer = match parent {
                None => 0,
                Some((p, _)) => 1 + usize::from(length(p) > count),
            };
            let index = LAST + ((count - 1).min(7) * 3 + class) * 3 + longer;
            if !bit(coder, index, wanted > count) {
                break;
            }
            count += 1;
        }

        let mut next = 0i32;
        for k in (0..levels.len()).rev() {
            if k >= count {
                levels[k] = 0;
                continue;
            }
            let level = levels[k];
            let near = next.unsigned_abs().min(2) as usize;
            if k + 1 < count {
                let same = of_parent(&|p| p.get(k).is_some_and(|&l| l != 0));
                let index = ZERO + ((usize::from(intra) * 5 + k.min(4)) * 3 + near) * 5 + same;
                if !bit(coder, index, level != 0) {
                    levels[k] = 0;
                    next = 0;
                    continue;
                }
            }
            let kind = if intra && k == 0 { 0 } else { 1 + usize::from(k > 1) };
            let mut magnitude = 1;
            if bit(
                coder,
                OVER_ONE + (kind * 3 + near) * 2 + usize::from(class == 2),
                level.unsigned_abs() > 1,
            ) {
                let start =
                    LARGE + LARGE_PREFIXES * if intra && k == 0 { 0 } else { 1 + usize::from(class == 2) };
                let more = level.unsigned_abs().saturating_sub(2);
                // The odds are borrowed for each bit, so the code is spelt out here.
                magnitude = 2 + golomb(coder, &mut bit, start, more);
            }
            let kind = if intra && k == 0 { 0 } else { 1 + usize::from(k > 0) };
            let theirs = match parent {
                Some((p, false)) => sign_class(p.get(k).copied().unwrap_or(0)),
                Some((_, true)) if kind == 0 => 1,
                _ => 0,
            };
            let negative = bit(coder, SIGN + (kind * 3 + theirs) * 3 + sign_class(next), level < 0);
            let magnitude = magnitude.min(i32::MAX as u32) as i32;
            levels[k] = if negative { -magnitude } else { magnitude };
            next = levels[k];
        }
        true
    }

    /// Takes note of what a channel's levels were.
    pub(crate) fn note(&mut self, channel: usize, intra: bool, levels: &[i32]) {
        let Some(activity) = self.activity.get_mut(channel) else { return };
        let moved = levels.iter().skip(usize::from(intra)).filter(|&&l| l != 0).count().min(7) as u8;
        let stands = intra && levels.first().is_some_and(|&l| l != 0);
        *activity =
            if intra { (2 * moved + u8::from(stands)).min(7) } else { ((*activity + 2 * moved) / 2).min(7) };
    }
}

fn sign_class(level: i32) -> usize {
    match level {
        0 => 0,
        1.. => 1,
        _ => 2,
    }
}

/// [`Coder::golomb`] through `bit`.
fn golomb<C: Coder>(
    coder: &mut C,
    bit: &mut impl FnMut(&mut C, usize, bool) -> bool,
    start: usize,
    value: u32,
) -> u32 {
    let wanted = value.saturating_add(1).ilog2();
    let mut length = 0;
    while (length as usize) < LARGE_PREFIXES - 1 {
        if !bit(coder, start + length as usize, length < wanted) {
            break;
        }
        length += 1;
    }
    let low = coder.even_bits(value.saturating_add(1) & ((1 << length) - 1), length);
    ((1 << length) | low) - 1
}

#[cfg(test)]
mod tests {
    use effigy_tests::SplitMix64;

    use super::*;
    use crate::range_coder::{RangeDecoder, RangeEncoder, Weigher};

    #[test]
    fn levels_come_back_and_cost_what_was_weighed() {
        let mut random = SplitMix64(5);
        for n in [1usize, 2, 7, 10, 32] {
            let channels = 6;
            let groups: Vec<Vec<Vec<i32>>> = (0..40)
                .map(|_| {
                    (0..channels)
                        .map(|_| {
                            (0..n)
                                .map(|_| match random.below(12) {
                                    0 => random.below(400_000) as i32 - 200_000,
                                    1..4 => random.below(7) as i32 - 3,
                                    _ => 0,
                                })
                                .collect()
                        })
                        .collect()
                })
                .collect();
            fn place<'a>(g: usize, c: usize, before: &'a [Vec<i32>], recent: u32) -> Place<'a> {
                let parent = (!c.is_multiple_of(3)).then(|| (before[c - 1].as_slice(), c % 3 == 2));
                Place { channel: c, intra: g.is_multiple_of(6), parent, recent }
            }
            let mut model = Model::new(channels);
            let mut encoder = RangeEncoder::new();
            let mut weigher = Weigher::default();
            for (g, group) in groups.iter().enumerate() {
                let mut recent = 0;
                for c in 0..channels {
                    let place = place(g, c, group, recent);
                    model.clone().channel(&mut weigher, place, &mut group[c].clone());
                    let coded = model.channel(&mut encoder, place, &mut group[c].clone());
                    model.note(c, g.is_multiple_of(6), &group[c]);
                    recent = recent << 1 | u32::from(coded);
                }
            }
            let bytes = encoder.finish();
            // The weigher looks at the odds before each channel, which the coder betters within it.
            let bits = 8.0 * bytes.len() as f32;
            assert!((0.9 * bits..1.15 * bits).contains(&weigher.cost), "{} of {bits}", weigher.cost);
            let mut model = Model::new(channels);
            let mut decoder = RangeDecoder::new(&bytes);
            for (g, group) in groups.iter().enumerate() {
                let mut recent = 0;
                let mut read: Vec<Vec<i32>> = Vec::new();
                for c in 0..channels {
                    let mut levels = vec![0; n];
                    let coded = model.channel(&mut decoder, place(g, c, &read, recent), &mut levels);
                    model.note(c, g.is_multiple_of(6), &levels);
                    recent = recent << 1 | u32::from(coded);
                    read.push(levels);
                }
                assert_eq!(&read, group);
            }
            assert!(decoder.is_at_end());
        }
    }
}
