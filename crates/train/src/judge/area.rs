//! The parts of a frame that are judged apart.

use super::JudgeError;
use super::picture::{Map, check_count};

/// A named part of the frame: all of it, or weighted by a mask.
///
/// A metric that looks at a neighbourhood (SSIM, MS-SSIM, FLIP, the Laplacian pyramid) is computed on the whole
/// pictures and its map averaged with the weights, so that no edge is made where the mask ends; pixels just outside
/// therefore count a little.
#[derive(Clone, Debug)]
pub struct Area {
    name: String,
    weights: Option<Map>,
}

impl Area {
    /// The whole frame, named `whole`.
    pub fn whole() -> Self {
        Self { name: "whole".into(), weights: None }
    }

    /// A part of a frame of `width` × `height`: one weight in 0..=1 per pixel.
    ///
    /// # Errors
    /// [`JudgeError::PixelCount`] for a wrong number of weights, [`JudgeError::Weight`] for one outside 0..=1.
    pub fn masked(
        name: impl Into<String>,
        width: usize,
        height: usize,
        weights: Vec<f32>,
    ) -> Result<Self, JudgeError> {
        check_count("a mask", width, height, weights.len())?;
        let name = name.into();
        if let Some(i) = weights.iter().position(|w| !(0.0..=1.0).contains(w)) {
            return Err(JudgeError::Weight { area: name, x: i % width, y: i / width });
        }
        Ok(Self { name, weights: Some(Map { width, height, values: weights }) })
    }

    /// The area's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The area's share of the frame: its mean weight, 0..=1.
    pub fn share(&self) -> f64 {
        self.weights.as_ref().map_or(1.0, |w| w.mean(None, 0).unwrap_or(0.0))
    }

    /// The weights, if they fit a frame of this size.
    pub(super) fn weights_for(&self, width: usize, height: usize) -> Result<Option<&Map>, JudgeError> {
        match &self.weights {
            Some(w) if (w.width, w.height) != (width, height) => Err(JudgeError::Size {
                what: format!("the mask of area {}", self.name),
                width: w.width,
                height: w.height,
                expected_width: width,
                expected_height: height,
            }),
            weights => Ok(weights.as_ref()),
        }
    }
}
