//! Small areas of clips with all that a step of training needs to know of them.

use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use rayon::prelude::*;

use super::clip::Clip;
use super::codec::MovedFrom;
use super::motion::{Motion, search};

/// Quantisers that are practised.
const QUANTISERS: (f32, f32) = (16.0, 48.0);
/// How much of an area the avatar has to cover for most areas.
const COVERED: f32 = 0.3;

/// An area of two consecutive frames.
#[derive(Clone, Debug)]
pub struct Lesson {
    /// Lumas of both, 0 to 1, row-major.
    pub frames: [Vec<f32>; 2],
    /// How the second is found in the first.
    pub motion: Motion,
}

/// Areas that lessons are drawn from.
#[derive(Clone, Debug)]
pub struct Lessons {
    /// Width and height, pixels.
    pub side: usize,
    /// The areas.
    pub all: Vec<Lesson>,
}

/// Lessons as tensors that can be differentiated, each B × 1 × H × W but for the quantiser, B × 1 × 1 × 1.
#[derive(Clone, Debug)]
pub struct LessonBatch {
    /// Lumas of the first frames.
    pub first: Tensor<4>,
    /// Lumas of the second.
    pub second: Tensor<4>,
    /// How the second move against the first.
    pub moved: MovedFrom,
    /// How much is looked at each pixel, 0 to 1.
    pub attention: Tensor<4>,
    /// Quantisers.
    pub quantiser: Tensor<4>,
    /// The same, as numbers.
    pub quantisers: Vec<f32>,
}

impl Lessons {
    /// Cuts `count` areas of `side` × `side` pixels, a multiple of 16, out of clips at random, most of them where the avatar
    /// is.
    pub fn new(clips: &[Clip], side: usize, count: usize, seed: u64) -> Self {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut places = Vec::with_capacity(count);
        for index in 0..count {
            let Some(clip) = clips.get(index % clips.len().max(1)) else { break };
            let height = clip.coverage.len() / clip.width;
            let mut place = (0, 0);
            for _ in 0..20 {
                let mut even = |most: usize| 2 * rng.random_range(0..=most.saturating_sub(side) / 2);
                place = (even(clip.width), even(height));
                let covered: f32 = cut(&clip.coverage, clip.width, place, side).iter().sum();
                if covered > COVERED * (side * side) as f32 || index % 10 == 0 {
                    break;
                }
            }
            places.push((clip, place));
        }
        let lesson = |(clip, place): &(&Clip, (usize, usize))| {
            let frames = [0, 1].map(|i| cut(&clip.frames[i], clip.width, *place, side));
            let motion = search(&frames[0], &frames[1], side);
            Lesson { frames, motion }
        };
        Self { side, all: places.par_iter().map(lesson).collect() }
    }

    /// Lessons at random, at random quantisers, with attention on all, on nothing, or on a rectangle with a feather.
    pub fn draw(&self, count: usize, rng: &mut SmallRng, device: &Device) -> LessonBatch {
        let chosen: Vec<&Lesson> =
            (0..count).map(|_| &self.all[rng.random_range(0..self.all.len())]).collect();
        let quantisers =
            (0..count).map(|_| QUANTISERS.0 + (QUANTISERS.1 - QUANTISERS.0) * rng.random::<f32>()).collect();
        let attention = (0..count).flat_map(|_| attention(self.side, rng)).collect();
        self.batch(&chosen, attention, quantisers, device)
    }

    /// The first `count` lessons, each at the same quantiser and with the same attention everywhere.
    pub fn uniform(&self, count: usize, quantiser: f32, attention: f32, device: &Device) -> LessonBatch {
        let chosen: Vec<&Lesson> = self.all.iter().take(count).collect();
        let attention = vec![attention; chosen.len() * self.side * self.side];
        let quantisers = vec![quantiser; chosen.len()];
        self.batch(&chosen, attention, quantisers, device)
    }

    fn batch(
        &self,
        lessons: &[&Lesson],
        attention: Vec<f32>,
        quantisers: Vec<f32>,
        device: &Device,
    ) -> LessonBatch {
        let n = lessons.len();
        let tensor = |values: Vec<f32>, shape: [usize; 4]| {
            Tensor::from_inner(Tensor::<4>::from_data(TensorData::new(values, shape), device))
        };
        let shape = [n, 1, self.side, self.side];
        let frames =
            |i: usize| tensor(lessons.iter().flat_map(|l| l.frames[i].iter().copied()).collect(), shape);
        let motions: Vec<&Motion> = lessons.iter().map(|l| &l.motion).collect();
        LessonBatch {
            first: frames(0),
            second: frames(1),
            moved: MovedFrom::new(&motions, device),
            attention: tensor(attention, shape),
            quantiser: tensor(quantisers.clone(), [n, 1, 1, 1]),
            quantisers,
        }
    }
}

fn cut(values: &[f32], width: usize, (x, y): (usize, usize), side: usize) -> Vec<f32> {
    values.chunks_exact(width).skip(y).take(side).flat_map(|row| row[x..x + side].iter().copied()).collect()
}

fn attention(side: usize, rng: &mut SmallRng) -> Vec<f32> {
    let mut between = |low: f32, high: f32| low + (high - low) * rng.random::<f32>();
    let kind = between(0.0, 1.0);
    if kind < 0.5 {
        return vec![if kind < 0.25 { 0.0 } else { 1.0 }; side * side];
    }
    let extent = side as f32;
    let center = [between(-0.5, 1.5), between(-0.5, 1.5)].map(|c| c * extent);
    let half = [between(0.1, 0.8), between(0.1, 0.8)].map(|h| h * extent);
    let feather = between(12.0, 64.0);
    let at = |i: usize| {
        let place = [(i % side) as f32 + 0.5, (i / side) as f32 + 0.5];
        let beyond = |axis: usize| ((place[axis] - center[axis]).abs() - half[axis]).max(0.0);
        let share = (beyond(0).hypot(beyond(1)) / feather).min(1.0);
        1.0 - share * share * (3.0 - 2.0 * share)
    };
    (0..side * side).map(at).collect()
}
