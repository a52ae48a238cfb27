//! Whether anything was learned at all.

use effigy_capture::Split;

use crate::TrainError;
use crate::training::trainer::Trainer;

/// How a model compares with a picture of a single colour, over the same pictures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Mean PSNR of the model, over black, dB.
    pub psnr: f32,
    /// Mean PSNR of the mean colour of all these pictures, dB.
    pub constant: f32,
    /// Whether the pictures were held out.
    pub held_out: bool,
}

/// Pictures that are looked at.
const LOOKED_AT: usize = 8;
/// A model that is no more than this much better than a single colour has learned nothing, dB.
const LEAST: f32 = 1.0;

impl Verdict {
    /// Whether the model shows more than a single colour does.
    pub fn is_learned(&self) -> bool {
        self.psnr > self.constant + LEAST
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { psnr, constant, held_out } = self;
        let which = if *held_out { "held-out" } else { "training" };
        write!(f, "{psnr:.1} dB on {which} pictures, where a single colour comes to {constant:.1} dB")
    }
}

impl Trainer {
    /// Compares the model as it stands with a single colour, over some held-out pictures, or training pictures where
    /// none are held out.
    ///
    /// # Errors
    /// As [`Trainer::render`].
    pub fn verdict(&mut self) -> Result<Verdict, TrainError> {
        let of = |split| self.capture.split(split).map(|(i, _)| i).collect::<Vec<_>>();
        let held = [of(Split::NovelExpression), of(Split::NovelView)].concat();
        let held_out = !held.is_empty();
        let frames = if held_out { held } else { of(Split::Train) };
        let step = frames.len().div_ceil(LOOKED_AT).max(1);
        let level = self.config.final_level;
        let mut pictures = Vec::new();
        for &frame in frames.iter().step_by(step) {
            let mut truth = self.target(frame, level)?.planes;
            truth.truncate(3 * truth.len() / 4);
            let mut ours = self.render(frame, level)?;
            ours.truncate(truth.len());
            pictures.push((truth, ours));
        }
        let pixels = pictures.iter().map(|(truth, _)| truth.len() / 3).sum::<usize>().max(1);
        let mean: [f32; 3] = std::array::from_fn(|c| {
            let planes =
                pictures.iter().flat_map(|(truth, _)| &truth[c * truth.len() / 3..][..truth.len() / 3]);
            (planes.map(|&x| f64::from(x)).sum::<f64>() / pixels as f64) as f32
        });
        let psnr = |against: &dyn Fn(&[f32], usize) -> f32| {
            let scores = pictures.iter().map(|(truth, ours)| {
                let squares = truth.iter().enumerate().map(|(i, &x)| f64::from(against(ours, i) - x).powi(2));
                -10.0 * (squares.sum::<f64>() / truth.len().max(1) as f64).max(1e-12).log10()
            });
            (scores.sum::<f64>() / pictures.len().max(1) as f64) as f32
        };
        Ok(Verdict {
            psnr: psnr(&|ours, i| ours[i].clamp(0.0, 1.0)),
            constant: psnr(&|ours, i| mean[3 * i / ours.len()]),
            held_out,
        })
    }
}
