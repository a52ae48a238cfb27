//! The screen-space filter of a splat: how it is kept from aliasing.

use crate::SplatRules;

/// Adds an isotropic variance to every projected Gaussian so that none is smaller than a pixel; and the rules that come
/// with the Gaussians.
///
/// It is a property of the asset: Gaussians optimised under one filter look wrong under the other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    /// Variance added on both screen axes, in square pixels.
    pub variance: f32,
    /// Whether opacity is scaled by sqrt(det Σ / det(Σ + variance·I)), which keeps the energy of small Gaussians
    /// (the 2D Mip filter of Yu et al., "Mip-Splatting", CVPR 2024). Without it small Gaussians grow brighter than
    /// they should be, as the original 3D Gaussian Splatting has them.
    pub compensate: bool,
    /// What else the asset's pictures are made by.
    pub rules: SplatRules,
}

impl Filter {
    /// The filter of the original 3D Gaussian Splatting: 0.3 square pixels, opacity unchanged.
    pub const CLASSIC: Self = Self { variance: 0.3, compensate: false, rules: SplatRules::CLASSIC };
    /// The Mip filter with the variance that common trainers use in their anti-aliased mode.
    pub const MIP: Self = Self { variance: 0.3, compensate: true, rules: SplatRules::CLASSIC };
}
