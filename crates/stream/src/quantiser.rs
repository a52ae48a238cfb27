//! The encoder's choice of levels: what rendered error is worth its bits.

use crate::layout::UNIT;
use crate::model::Place;
use crate::range_coder::Weigher;
use crate::sensitivity::REFERENCE_ERROR;
use crate::state::State;
use crate::transform::forward;
use crate::{REFERENCE_QUALITY, Sensitivity};

/// Squared error, in that of a step, that one bit is worth.
const WORTH: f64 = 0.12;
/// A level is rounded up from 1 less this fraction on, before its bits are weighed.
const ROUND_UP: f64 = 0.4;
/// How far a channel makes good what those before it left: not wholly, as those after it can do so too.
const MAKE_GOOD: f64 = 0.7;
/// The greatest level that is written.
const MAX_LEVEL: f64 = (1 << 29) as f64;

/// Chooses the levels of a packet. `frames` holds the channels of each of its frames, in 1/65536; `state` has been
/// prepared. Channels × N levels, channel after channel.
pub(crate) fn choose(
    state: &State,
    sensitivity: &Sensitivity,
    intra: bool,
    quality: u8,
    frames: &[Vec<f64>],
) -> Vec<i32> {
    let (n, channels) = (frames.len(), state.last.len());
    let octaves = (f64::from(quality) - f64::from(REFERENCE_QUALITY)) / 8.0;
    let bit_worth = WORTH * (REFERENCE_ERROR * octaves.exp2() * UNIT).powi(2);
    let mut model = state.model.clone();
    let mut levels: Vec<i32> = vec![0; channels * n];
    let mut coefficients: Vec<i64> = Vec::with_capacity(channels * n);
    // What is left of each coefficient so far, channel after channel.
    let mut errors: Vec<f64> = Vec::with_capacity(channels * n);
    let mut recent = 0u32;
    let (mut differences, mut wanted) = (Vec::new(), Vec::new());
    for channel in 0..channels {
        let row = sensitivity.matrix.get(channel * channels..(channel + 1) * channels).unwrap_or_default();
        let weight = row.get(channel).copied().unwrap_or(0.0);
        let size = state.step(channel, quality) as f64;
        differences.clear();
        let last = state.last[channel] as f64;
        differences.extend(frames.iter().map(|f| f[channel] - last));
        forward(&differences, intra, &mut wanted);

        let foretold: Vec<i64> = (0..n).map(|k| state.foretold(&coefficients, channel, n, k)).collect();
        // An error of this channel can make good what those before it left.
        let target: Vec<f64> = (0..n)
            .map(|k| {
                let of_others: f64 = row[..channel]
                    .iter()
                    .enumerate()
                    .filter(|(_, m)| **m != 0.0)
                    .map(|(other, m)| m * errors[other * n + k])
                    .sum();
                let shift =
                    if weight > 0.0 { MAKE_GOOD * (of_others / weight).clamp(-size, size) } else { 0.0 };
                wanted[k] - foretold[k] as f64 + shift
            })
            .collect();

        let (before, own) = levels.split_at_mut(channel * n);
        let own = &mut own[..n];
        let parent = state.configuration.parents[channel]
            .and_then(|p| Some((before.get(p.channel * n..(p.channel + 1) * n)?, p.gain != 0)));
        let place = Place { channel, intra, parent, recent };
        let mut price = |levels: &mut [i32]| {
            let mut weigher = Weigher::default();
            model.channel(&mut weigher, place, levels);
            let missed = |(level, target): (&i32, &f64)| (target - f64::from(*level) * size).powi(2);
            let missed: f64 = levels.iter().zip(&target).map(missed).sum();
            weight * missed + bit_worth * f64::from(weigher.cost)
        };
        for (level, target) in own.iter_mut().zip(&target) {
            let whole = (target.abs() / size + 1.0 - ROUND_UP).floor().min(MAX_LEVEL);
            *level = (whole * target.signum()) as i32;
        }
        if own.iter().any(|&l| l != 0) {
            let mut best = price(own);
            for _ in 0..2 {
                let mut changed = false;
                for k in (0..n).rev() {
                    let kept = own[k];
                    if kept == 0 {
                        continue;
                    }
                    own[k] = kept - kept.signum();
                    let now = price(own);
                    if now < best {
                        best = now;
                        changed = true;
                    } else {
                        own[k] = kept;
                    }
                }
                if !changed {
                    break;
                }
            }
            let kept = own.to_vec();
            own.fill(0);
            if best < price(own) {
                own.copy_from_slice(&kept);
            }
        }
        for (k, &level) in own.iter().enumerate() {
            let coefficient = i64::from(level) * size as i64 + foretold[k];
            coefficients.push(coefficient);
            errors.push(wanted[k] - coefficient as f64);
        }
        recent = recent << 1 | u32::from(own.iter().any(|&l| l != 0));
    }
    levels
}
