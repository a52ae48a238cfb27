//! A set of 3D Gaussians, stored raw, and the one place where they are activated.

use glam::{Quat, Vec3, Vec4};

use crate::SplatError;

/// The highest spherical-harmonics degree that is read, stored and rendered.
pub const MAX_SH_DEGREE: u8 = 3;

/// Number of harmonic coefficients per colour channel at `degree`: (degree + 1)².
pub const fn sh_coefficients(degree: u8) -> usize {
    (degree as usize + 1) * (degree as usize + 1)
}

/// N Gaussians as a structure of arrays, before activation, as 3D Gaussian Splatting (Kerbl et al. 2023)
/// optimises and stores them.
///
/// All arrays have length N, but for `sh`, which has N × (degree + 1)² × 3.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaussians {
    /// Centres, metres.
    pub positions: Vec<Vec3>,
    /// Local-to-world rotations, xyzw; of any length but zero, normalised at activation.
    pub rotations: Vec<Quat>,
    /// Natural logarithm of the standard deviation along each local axis, in metres.
    pub log_scales: Vec<Vec3>,
    /// Opacity before the logistic function.
    pub opacity_logits: Vec<f32>,
    /// Harmonics degree, 0 to [`MAX_SH_DEGREE`].
    pub sh_degree: u8,
    /// Colour coefficients `[gaussian][coefficient][rgb]` in the order and signs of 3D Gaussian Splatting;
    /// the colour seen from a direction is 0.5 + Σ Yᵢ(direction) · cᵢ, clamped below at 0, display-referred sRGB.
    pub sh: Vec<f32>,
}

/// One Gaussian after activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ActivatedGaussian {
    /// Unit rotation, local to world.
    pub rotation: Quat,
    /// Standard deviations, metres.
    pub scale: Vec3,
    /// 0 to 1.
    pub opacity: f32,
}

/// A loss's gradient on an [`ActivatedGaussian`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ActivatedGradient {
    /// On the components x, y, z, w of the rotation, as they enter the rotation matrix.
    pub rotation: Vec4,
    /// On the standard deviations.
    pub scale: Vec3,
    /// On the opacity.
    pub opacity: f32,
}

impl Gaussians {
    /// An empty set with room for `capacity` Gaussians of the given harmonics degree.
    pub fn with_capacity(capacity: usize, sh_degree: u8) -> Self {
        Self {
            positions: Vec::with_capacity(capacity),
            rotations: Vec::with_capacity(capacity),
            log_scales: Vec::with_capacity(capacity),
            opacity_logits: Vec::with_capacity(capacity),
            sh_degree,
            sh: Vec::with_capacity(capacity * sh_coefficients(sh_degree) * 3),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.positions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// The harmonics of Gaussian `index`: (degree + 1)² × 3 values.
    pub fn sh_of(&self, index: usize) -> &[f32] {
        let stride = sh_coefficients(self.sh_degree) * 3;
        &self.sh[index * stride..(index + 1) * stride]
    }

    /// Rotation, scale and opacity of Gaussian `index` after activation: normalise, exp, logistic.
    #[inline(always)]
    pub fn activate(&self, index: usize) -> ActivatedGaussian {
        ActivatedGaussian {
            rotation: self.rotations[index].normalize(),
            scale: self.log_scales[index].exp(),
            opacity: opacity_from_logit(self.opacity_logits[index]),
        }
    }

    /// The derivative of [`Self::activate`]: from a loss's gradient on the activated Gaussian `index` to the one on its
    /// raw rotation (xyzw), log-scale and opacity logit.
    #[inline(always)]
    pub fn activate_backward(
        &self,
        index: usize,
        activated: &ActivatedGaussian,
        gradient: &ActivatedGradient,
    ) -> (Vec4, Vec3, f32) {
        let unit = Vec4::from(activated.rotation);
        let across = gradient.rotation - unit * unit.dot(gradient.rotation);
        (
            across * self.rotations[index].length_recip(),
            gradient.scale * activated.scale,
            gradient.opacity * activated.opacity * (1.0 - activated.opacity),
        )
    }

    /// Checks that the arrays agree in length and hold only values that can be rendered.
    ///
    /// # Errors
    /// [`SplatError::Shape`] if lengths disagree or the degree is out of range, [`SplatError::Value`] for the first
    /// NaN or infinity, or rotation of length zero. An infinite opacity logit is allowed: it means 0 or 1.
    pub fn validate(&self) -> Result<(), SplatError> {
        self.validate_shape()?;
        match (0..self.len()).find_map(|index| Some((index, self.fault(index)?))) {
            Some((index, fault)) => Err(SplatError::Value { index, fault }),
            None => Ok(()),
        }
    }

    /// What keeps Gaussian `index` from being rendered, if anything does.
    ///
    /// # Panics
    /// If the arrays are too short.
    pub fn fault(&self, index: usize) -> Option<&'static str> {
        let (position, rotation) = (self.positions[index], self.rotations[index]);
        Some(if position.abs().max_element() > MAX_COORDINATE || position.is_nan() {
            "position is not finite, or farther than 10¹² m"
        } else if !rotation.is_finite() || !rotation.length_squared().is_normal() {
            "rotation is not finite or has no length"
        } else if !self.log_scales[index].is_finite() {
            "scale is not finite"
        } else if self.log_scales[index].max_element() > MAX_LOG_SCALE {
            "scale is beyond 10¹⁰ m"
        } else if self.opacity_logits[index].is_nan() {
            "opacity is not a number"
        } else if !self.sh_of(index).iter().all(|c| c.is_finite()) {
            "harmonics are not finite"
        } else {
            return None;
        })
    }

    /// Checks lengths and degree only.
    pub(crate) fn validate_shape(&self) -> Result<(), SplatError> {
        let n = self.len();
        if self.sh_degree > MAX_SH_DEGREE {
            return Err(SplatError::Shape(format!(
                "harmonics degree {} is above {MAX_SH_DEGREE}",
                self.sh_degree
            )));
        }
        for (name, len, want) in [
            ("rotations", self.rotations.len(), n),
            ("log_scales", self.log_scales.len(), n),
            ("opacity_logits", self.opacity_logits.len(), n),
            ("sh", self.sh.len(), n * sh_coefficients(self.sh_degree) * 3),
        ] {
            if len != want {
                return Err(SplatError::Shape(format!("{name} has {len} entries where {want} are needed")));
            }
        }
        Ok(())
    }

    /// The axis-aligned bounds of the centres, or `None` if there are none.
    pub fn bounds(&self) -> Option<(Vec3, Vec3)> {
        let first = *self.positions.first()?;
        Some(self.positions.iter().fold((first, first), |(lo, hi), &p| (lo.min(p), hi.max(p))))
    }
}

/// Beyond this distance from the origin, metres, projecting would leave the range of f32.
const MAX_COORDINATE: f32 = 1e12;

/// Above this log-scale (a standard deviation of about 10¹⁰ m) squares would leave the range of f32.
pub const MAX_LOG_SCALE: f32 = 23.0;

/// The logistic function.
#[inline]
pub fn opacity_from_logit(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
