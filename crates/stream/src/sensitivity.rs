//! How much each channel moves the picture.

use rayon::prelude::*;

use crate::configuration::{MAX_CHANNEL_STEP, step};
use crate::layout::UNIT;
use crate::{Configuration, Layout, StreamError, StreamFrame};

/// Renders a frame of a stream the way the receiver will: the avatar that both ends have, at the usual picture size.
///
/// A renderer may weigh pixels (by a face region, say) by scaling what it returns: errors are then in those units.
pub trait StreamRenderer {
    /// The picture, display-referred, any number of samples from 0 to 1 in any order, the same for every frame.
    ///
    /// # Errors
    /// [`StreamError::Renderer`] with the cause.
    fn picture(&mut self, frame: &StreamFrame) -> Result<Vec<f32>, StreamError>;
}

impl<F: FnMut(&StreamFrame) -> Result<Vec<f32>, StreamError>> StreamRenderer for F {
    fn picture(&mut self, frame: &StreamFrame) -> Result<Vec<f32>, StreamError> {
        self(frame)
    }
}

/// The mean squared picture error that small errors of the channels cause together: the Gauss-Newton matrix
/// `JᵀJ / samples`, C × C for C channels, where J holds the picture's derivatives. Squared picture units (white = 1)
/// per squared unit of the channels.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    pub(crate) channels: usize,
    /// Row-major.
    pub(crate) matrix: Vec<f64>,
}

/// The finite difference by which a channel is moved.
const NUDGE: f64 = 0.08;
/// The error of one quantiser step at the reference quality, root mean square over the picture: 1/255.
pub(crate) const REFERENCE_ERROR: f64 = 1.0 / 255.0;
/// The coarsest step at the reference quality, 2: for what the picture does not show.
const COARSEST: u8 = 34;

impl Sensitivity {
    /// Measures it by finite differences around each of `around` (rest and a few typical poses), and takes the mean.
    /// Renders (C + 1) × `around` pictures.
    ///
    /// # Errors
    /// Those of the renderer, and [`StreamError::Input`] if `around` is empty, does not fit `layout`, or pictures change
    /// size.
    pub fn measure(
        layout: &Layout,
        around: &[StreamFrame],
        renderer: &mut impl StreamRenderer,
    ) -> Result<Self, StreamError> {
        let channels = layout.channel_count();
        let mut matrix = vec![0.0; channels * channels];
        for frame in around {
            let values: Vec<i64> = layout.channels(frame, &[])?.iter().map(|v| v.round() as i64).collect();
            let bounds = layout.channel_bounds();
            let still = renderer.picture(&layout.frame(frame.time, &values))?;
            let mut derivatives = Vec::with_capacity(channels);
            for (channel, &(_, high)) in bounds.iter().enumerate() {
                let mut moved = values.clone();
                let nudge = (NUDGE * UNIT) as i64;
                // Inwards where there is no room outwards.
                let nudge = if moved[channel] + nudge > high { -nudge } else { nudge };
                moved[channel] += nudge;
                let picture = renderer.picture(&layout.frame(frame.time, &moved))?;
                if picture.len() != still.len() || still.is_empty() {
                    return Err(StreamError::Input("the renderer's pictures change size".into()));
                }
                let scale = (UNIT / nudge as f64) as f32;
                let derivative: Vec<f32> = picture.iter().zip(&still).map(|(a, b)| (a - b) * scale).collect();
                derivatives.push(derivative);
            }
            let samples = still.len() as f64 * around.len() as f64;
            matrix.par_chunks_mut(channels).enumerate().for_each(|(i, row)| {
                for (entry, other) in row.iter_mut().zip(&derivatives) {
                    *entry += dot(&derivatives[i], other) / samples;
                }
            });
        }
        Self::new(channels, matrix)
    }

    /// From a matrix that is known, row-major.
    ///
    /// # Errors
    /// [`StreamError::Input`] if it is not C × C, has a negative diagonal or is not finite.
    pub fn new(channels: usize, matrix: Vec<f64>) -> Result<Self, StreamError> {
        let sound = channels > 0
            && channels.checked_mul(channels) == Some(matrix.len())
            && matrix.iter().all(|m| m.is_finite())
            && (0..channels).all(|i| matrix[i * channels + i] >= 0.0);
        if !sound {
            return Err(StreamError::Input("the sensitivity is not a square of finite numbers".into()));
        }
        Ok(Self { channels, matrix })
    }

    /// What the steps of `configuration` imply: every step makes the same error, and none adds to another's.
    pub(crate) fn implied(configuration: &Configuration) -> Self {
        let channels = configuration.layout.channel_count();
        let mut matrix = vec![0.0; channels * channels];
        for (i, &index) in configuration.steps.iter().enumerate() {
            matrix[i * channels + i] = implied(index);
        }
        Self { channels, matrix }
    }

    /// Root mean square picture error per unit of a channel; 0 for a channel that is not there.
    pub fn of(&self, channel: usize) -> f64 {
        self.matrix.get(channel * self.channels + channel).map_or(0.0, |m| m.sqrt())
    }

    /// Sets the steps of `configuration` so that each channel's step makes the same error: 1/255, root mean square over
    /// the picture, at [`REFERENCE_QUALITY`](crate::REFERENCE_QUALITY), and not above 2.
    ///
    /// # Errors
    /// [`StreamError::Input`] if the two have not the same number of channels.
    pub fn set_steps(&self, configuration: &mut Configuration) -> Result<(), StreamError> {
        if configuration.steps.len() != self.channels {
            return Err(StreamError::Input("the sensitivity is of another layout".into()));
        }
        for (channel, index) in configuration.steps.iter_mut().enumerate() {
            let exact = 2.0 * (UNIT * REFERENCE_ERROR / self.of(channel)).log2();
            // Division by 0 gives infinity, which the cast saturates.
            *index = (exact.round().max(0.0) as u8).min(COARSEST);
        }
        Ok(())
    }

    /// With a diagonal that is not below what `steps` imply, so that a channel that the picture does not show still has a
    /// price.
    pub(crate) fn at_least(mut self, steps: &[u8]) -> Self {
        for (i, &index) in steps.iter().enumerate() {
            if let Some(entry) = self.matrix.get_mut(i * self.channels + i) {
                *entry = entry.max(0.7 * implied(index));
            }
        }
        self
    }

    /// The mean squared picture error of an error of the channels, in 1/65536.
    pub(crate) fn error(&self, difference: &[f64]) -> f64 {
        let rows = self.matrix.chunks_exact(self.channels).zip(difference);
        let sum: f64 = rows
            .filter(|(_, d)| **d != 0.0)
            .map(|(row, d)| d * row.iter().zip(difference).map(|(m, e)| m * e).sum::<f64>())
            .sum();
        (sum / (UNIT * UNIT)).max(0.0)
    }
}

fn implied(index: u8) -> f64 {
    (REFERENCE_ERROR * UNIT / step(4 * index.min(MAX_CHANNEL_STEP)) as f64).powi(2)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let of = |(a, b): (&[f32], &[f32])| f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>());
    a.chunks(4096).zip(b.chunks(4096)).map(of).sum()
}
