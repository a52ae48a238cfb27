//! Gradients of a loss: on a picture, and on the Gaussians that it shows.

use glam::{Vec3, Vec4};

use crate::{Gaussians, SplatError};

/// A loss's gradient on a [`Frame`](crate::Frame).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameGradient {
    /// On premultiplied red, green and blue and on alpha, width × height entries.
    pub color: Vec<[f32; 4]>,
    /// On the expected depth: width × height entries, or empty if the loss does not depend on it. Where nothing is
    /// drawn it does not matter.
    pub depth: Vec<f32>,
}

impl FrameGradient {
    /// Checks lengths only.
    pub(crate) fn validate_shape(&self, pixels: usize) -> Result<(), SplatError> {
        for (name, len, needed) in
            [("color", self.color.len(), true), ("depth", self.depth.len(), !self.depth.is_empty())]
        {
            if needed && len != pixels {
                return Err(SplatError::Gradient(format!(
                    "{name} of the picture has {len} entries where {pixels} are needed"
                )));
            }
        }
        Ok(())
    }
}

/// A loss's gradient on [`Gaussians`], and what training wants to know of each besides. All arrays have one entry a
/// Gaussian, but for `sh`; those of Gaussians that are not on the picture are 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GaussianGradients {
    /// On the centres.
    pub positions: Vec<Vec3>,
    /// On the components x, y, z, w of the rotations as they are stored, before they are normalised.
    pub rotations: Vec<Vec4>,
    /// On the log-scales.
    pub log_scales: Vec<Vec3>,
    /// On the opacities before the logistic function.
    pub opacity_logits: Vec<f32>,
    /// On the harmonics, `[gaussian][coefficient][rgb]`.
    pub sh: Vec<f32>,
    /// Not a gradient: the sum over pixels of the weight with which the Gaussian was blended.
    pub contribution: Vec<f32>,
    /// Length of the gradient on the centre on the picture, per pixel: a large one means that the Gaussian is pulled
    /// about to cover more than it can (the densification criterion of Kerbl et al. 2023).
    pub screen_gradient: Vec<f32>,
}

impl GaussianGradients {
    /// Sets the lengths; allocates only when growing. The contents do not matter.
    pub(crate) fn resize_for(&mut self, gaussians: &Gaussians) {
        let n = gaussians.len();
        self.positions.resize(n, Vec3::ZERO);
        self.rotations.resize(n, Vec4::ZERO);
        self.log_scales.resize(n, Vec3::ZERO);
        self.opacity_logits.resize(n, 0.0);
        self.sh.resize(gaussians.sh.len(), 0.0);
        self.contribution.resize(n, 0.0);
        self.screen_gradient.resize(n, 0.0);
    }
}
