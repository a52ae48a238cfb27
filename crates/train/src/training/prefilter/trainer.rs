//! Steps of training, and the price of bits.

use burn::tensor::{Device, Tensor, TensorData};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::codec::{Codec, Prediction, Transform};
use super::lesson::{LessonBatch, Lessons};
use super::network::Network;
use super::perception::Perception;
use crate::TrainError;
use crate::training::adam::{self, Moments};
use crate::training::model::read;

/// How often a picture coded alone is paid for, against those coded as differences.
const ALONE: f64 = 0.05;

/// What training is like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrefilterSettings {
    /// Steps in all.
    pub steps: usize,
    /// Lessons of a step.
    pub lessons: usize,
    /// The learning rate at first; it falls to a hundredth along half a cosine.
    pub rate: f32,
    /// What a pixel counts that is not looked at; one that is counts 1.
    pub unseen: f32,
    /// The price of bits, of that at which the codec itself buys quality.
    pub price: f32,
    /// What a mean absolute difference of 1 counts against 1 − SSIM.
    pub absolute: f64,
    /// Of random numbers.
    pub seed: u64,
}

impl Default for PrefilterSettings {
    fn default() -> Self {
        Self { steps: 2000, lessons: 8, rate: 3e-3, unseen: 0.15, price: 1.0, absolute: 2.0, seed: 1 }
    }
}

/// What bits are worth at a quantiser: the slope at which the codec trades distance for them without a filter, as
/// exp(a + b · quantiser); and what distance and bits come to there, likewise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prices {
    price: [f64; 2],
    total: [f64; 2],
}

/// Distance and bits a pixel, means over lessons.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PrefilterStep {
    /// Weighted distance from what was meant.
    pub distance: f64,
    /// Estimated bits a pixel of the frames coded as differences.
    pub bits: f64,
    /// What is minimised.
    pub loss: f64,
}

/// The course of a training.
#[derive(Debug)]
pub struct PrefilterTrainer {
    settings: PrefilterSettings,
    lessons: Lessons,
    network: Network,
    moments: Vec<Moments>,
    codecs: [Codec; 2],
    perception: Perception,
    prices: Prices,
    rng: SmallRng,
    device: Device,
    steps: usize,
}

impl Prices {
    /// The price of a bit a pixel in distance.
    pub fn price(&self, quantiser: f32) -> f64 {
        (self.price[0] + self.price[1] * f64::from(quantiser)).exp()
    }

    /// About what distance and paid bits come to without a filter.
    fn total(&self, quantiser: f32) -> f64 {
        (self.total[0] + self.total[1] * f64::from(quantiser)).exp()
    }
}

impl PrefilterTrainer {
    /// Before the first step: a network that changes nothing, and prices found on some of the lessons.
    ///
    /// # Errors
    /// [`TrainError::Config`] without lessons, [`TrainError::Device`] if the device fails.
    pub fn new(settings: PrefilterSettings, lessons: Lessons, device: &Device) -> Result<Self, TrainError> {
        if lessons.all.is_empty() {
            return Err(TrainError::Config("there is nothing for a filter to learn from".into()));
        }
        let network = Network::new(settings.seed, device);
        let moments = network.parameters.iter().map(|p| {
            let [rows, columns] = p.dims();
            Moments::zeros(rows, columns, device)
        });
        let mut trainer = Self {
            settings,
            lessons,
            moments: moments.collect(),
            network,
            codecs: [Transform::Four, Transform::Eight].map(|t| Codec::new(t, device)),
            perception: Perception::new(settings.absolute, device),
            prices: Prices { price: [0.0; 2], total: [0.0; 2] },
            rng: SmallRng::seed_from_u64(settings.seed),
            device: device.clone(),
            steps: 0,
        };
        trainer.prices = trainer.find_prices()?;
        Ok(trainer)
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What bits are worth.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Takes a step.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] if the loss is no number any more, [`TrainError::Device`] if the device fails.
    pub fn step(&mut self) -> Result<PrefilterStep, TrainError> {
        let batch = self.lessons.draw(self.settings.lessons, &mut self.rng, &self.device);
        let codec = &self.codecs[self.rng.random_range(0..self.codecs.len())];
        let network = self.network.tracked();
        let (distance, bits) = self.outcome(codec, &batch, Some(&network));
        let of = |f: &dyn Fn(f32) -> f64| -> Tensor<1> {
            let values: Vec<f32> = batch.quantisers.iter().map(|q| f(*q) as f32).collect();
            let n = values.len();
            Tensor::from_inner(Tensor::from_data(TensorData::new(values, [n]), &self.device))
        };
        let price = f64::from(self.settings.price);
        // In shares of what it is without a filter, so that coarse quantisers do not drown fine ones.
        let loss = distance.clone() / of(&|q| self.prices.total(q))
            + bits.clone() * of(&|q| price * self.prices.price(q) / self.prices.total(q));
        let loss = loss.mean();
        let values = |t: Tensor<1>| read(t.inner());
        let mean = |v: Vec<f32>| v.iter().map(|v| f64::from(*v)).sum::<f64>() / v.len().max(1) as f64;
        let report = PrefilterStep {
            distance: mean(values(distance)?),
            bits: mean(values(bits)?),
            loss: mean(values(loss.clone())?),
        };
        self.steps += 1;
        if !report.loss.is_finite() {
            return Err(TrainError::NotFinite(self.steps));
        }
        let mut gradients = loss.backward();
        let progress = (self.steps as f32 / self.settings.steps.max(1) as f32).min(1.0);
        let fall = 0.01 + 0.99 * 0.5 * (1.0 + (std::f32::consts::PI * progress).cos());
        let parts = self.network.parameters.iter_mut().zip(&network.parameters).zip(&mut self.moments);
        for ((parameter, tracked), moments) in parts {
            let Some(gradient) = tracked.grad_remove(&mut gradients) else { continue };
            let rates = vec![self.settings.rate * fall; parameter.dims()[1]];
            let old = std::mem::replace(parameter, Tensor::empty([1, 1], &self.device));
            *parameter = adam::step(old, gradient, moments, &rates[..], self.steps);
        }
        Ok(report)
    }

    /// What comes of the first `count` lessons at a quantiser, all equally looked at, with the network or without a filter.
    ///
    /// # Errors
    /// [`TrainError::Device`] if the device fails.
    pub fn judge(
        &self,
        transform: Transform,
        count: usize,
        quantiser: f32,
        attention: f32,
        filtered: bool,
    ) -> Result<PrefilterStep, TrainError> {
        let batch = self.lessons.uniform(count, quantiser, attention, &self.device);
        let network = Network {
            parameters: self.network.parameters.iter().map(|p| Tensor::from_inner(p.clone())).collect(),
        };
        let codec = &self.codecs[usize::from(transform == Transform::Eight)];
        let (distance, bits) = self.outcome(codec, &batch, filtered.then_some(&network));
        let mean = |t: Tensor<1>| Ok::<_, TrainError>(f64::from(read(t.mean().inner())?[0]));
        let (distance, bits) = (mean(distance)?, mean(bits)?);
        let price = f64::from(self.settings.price) * self.prices.price(quantiser);
        Ok(PrefilterStep { distance, bits, loss: distance + price * bits })
    }

    /// Distance and bits of each lesson.
    fn outcome(
        &self,
        codec: &Codec,
        batch: &LessonBatch,
        network: Option<&Network>,
    ) -> (Tensor<1>, Tensor<1>) {
        let LessonBatch { first, second, moved, attention, quantiser, .. } = batch;
        let filter = |luma: &Tensor<4>| match network {
            Some(network) => network.filter(luma, attention, quantiser),
            None => luma.clone(),
        };
        let key = codec.code(&filter(first), quantiser, Prediction::Alone);
        let next = codec.code(&filter(second), quantiser, Prediction::Moved(&key.picture, moved));
        let unseen = f64::from(self.settings.unseen);
        let weights = attention.clone() * (1.0 - unseen) + unseen;
        let distance = self.perception.distance(&next.picture, second, &weights);
        (distance, next.bits + key.bits * ALONE)
    }

    /// Measures, without a filter, how distance and bits change with the quantiser.
    fn find_prices(&self) -> Result<Prices, TrainError> {
        let count = self.lessons.all.len().min(32);
        let (mut prices, mut totals) = (Vec::new(), Vec::new());
        for quantiser in [18.0_f32, 24.0, 30.0, 36.0, 42.0, 46.0] {
            let at = |q: f32| self.judge(Transform::Eight, count, q, 1.0, false);
            let (finer, coarser) = (at(quantiser - 2.0)?, at(quantiser + 2.0)?);
            let slope = (coarser.distance - finer.distance) / (finer.bits - coarser.bits).max(1e-9);
            let price = slope.max(1e-9);
            prices.push((f64::from(quantiser), price.ln()));
            let here = at(quantiser)?;
            totals.push((f64::from(quantiser), (here.distance + price * here.bits).max(1e-9).ln()));
        }
        Ok(Prices { price: line(&prices), total: line(&totals) })
    }
}

/// The straight line y = a + b·x through points that has the least squares.
fn line(points: &[(f64, f64)]) -> [f64; 2] {
    let n = points.len().max(1) as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let above: f64 = points.iter().map(|p| (p.0 - x) * (p.1 - y)).sum();
    let below: f64 = points.iter().map(|p| (p.0 - x).powi(2)).sum();
    let slope = if below > 0.0 { above / below } else { 0.0 };
    [y - slope * x, slope]
}
