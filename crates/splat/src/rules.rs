//! The rules by which splats become a picture, where formats state other ones than 3D Gaussian Splatting's program has.

/// How splats are ordered, where they end, and what light they are blended in.
///
/// They are a property of the asset, as the [`Filter`](crate::Filter) is, which carries them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplatRules {
    /// What is drawn before what.
    pub order: SplatOrder,
    /// Where a splat ends: this many standard deviations from its centre on the picture; infinite for splats that end
    /// only where they cannot be seen any more (below [`MIN_ALPHA`](crate::MIN_ALPHA)).
    pub cutoff: f32,
    /// What light the colours are in, and so are blended in.
    pub blending: BlendSpace,
}

/// What splats are ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SplatOrder {
    /// The distance of their centres along the view axis.
    #[default]
    ViewDepth,
    /// The distance of their centres from the eye. It does not change when the camera turns on the spot.
    EyeDistance,
}

/// What the harmonics of Gaussians give, and what is blended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BlendSpace {
    /// Display-referred sRGB.
    #[default]
    Srgb,
    /// Display-referred linear light with the primaries of sRGB. The finished picture is put through the curve of sRGB,
    /// its straight colour and not what is premultiplied.
    Linear,
}

impl SplatRules {
    /// The rules of 3D Gaussian Splatting and of everything that follows it.
    pub const CLASSIC: Self =
        Self { order: SplatOrder::ViewDepth, cutoff: f32::INFINITY, blending: BlendSpace::Srgb };
    /// The rules of the kernel `ellipse` of the glTF extension `KHR_gaussian_splatting`: ordered by distance from the
    /// eye, cut off at 3 standard deviations. (That negative colour of a splat counts as 0 is so by all rules.)
    pub const KHR_ELLIPSE: Self =
        Self { order: SplatOrder::EyeDistance, cutoff: 3.0, blending: BlendSpace::Srgb };

    /// The rules of one picture that shows splats of several: those that all have, else [`SplatRules::CLASSIC`].
    /// Linear colours are then put through the curve of sRGB one by one.
    pub fn common(of: impl IntoIterator<Item = Self>) -> Self {
        let mut of = of.into_iter();
        let first = of.next().unwrap_or(Self::CLASSIC);
        if of.all(|rules| rules == first) { first } else { Self::CLASSIC }
    }
}

impl Default for SplatRules {
    fn default() -> Self {
        Self::CLASSIC
    }
}
