//! Which measures there are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A measure of how near one sequence of pictures is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// PSNR over red, green and blue, dB: [`SquaredError`](super::SquaredError).
    PsnrRgb,
    /// PSNR over luma Y' of BT.709, dB.
    PsnrLuma,
    /// SSIM of luma, -1..=1 (Wang et al. 2004: 11×11 Gaussian window, σ = 1.5, only whole windows).
    Ssim,
    /// MS-SSIM of luma, 0..=1 (Wang et al. 2003). With a side below 176 pixels it has fewer than five scales, and
    /// compares only with its like.
    MsSsim,
    /// SSIMULACRA2, 100 at best, below 0 for very poor pictures; from 113 pixels a side.
    Ssimulacra2,
    /// LDR-FLIP at 67 pixels per degree, mean of the error, 0..=1, lower is better (Andersson et al. 2020).
    Flip,
    /// VMAF v0.6.1, 0..=100, through FFmpeg with libvmaf. Sharpening raises it.
    Vmaf,
    /// VMAF v0.6.1 NEG ("no enhancement gain"), 0..=100, which sharpening hardly raises.
    VmafNeg,
    /// Luma XPSNR, dB, through FFmpeg (Helmrich et al. 2020): PSNR weighted by how visible noise is.
    Xpsnr,
}

impl Measure {
    /// Every measure, in the order of reports.
    pub const ALL: [Self; 9] = [
        Self::PsnrRgb,
        Self::PsnrLuma,
        Self::Ssim,
        Self::MsSsim,
        Self::Ssimulacra2,
        Self::Flip,
        Self::Vmaf,
        Self::VmafNeg,
        Self::Xpsnr,
    ];

    /// The heading in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::PsnrRgb => "PSNR",
            Self::PsnrLuma => "PSNR-Y",
            Self::Ssim => "SSIM",
            Self::MsSsim => "MS-SSIM",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Flip => "FLIP",
            Self::Vmaf => "VMAF",
            Self::VmafNeg => "VMAF-NEG",
            Self::Xpsnr => "XPSNR",
        }
    }

    /// "dB", or nothing for a score without a unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::PsnrRgb | Self::PsnrLuma | Self::Xpsnr => "dB",
            _ => "",
        }
    }

    /// Whether more is better: of all but FLIP.
    pub fn higher_is_better(self) -> bool {
        self != Self::Flip
    }

    /// The value as reports show it.
    pub fn show(self, value: f64) -> String {
        match self {
            _ if value == f64::INFINITY => "inf".into(),
            Self::Ssim | Self::MsSsim | Self::Flip => format!("{value:.4}"),
            _ => format!("{value:.2}"),
        }
    }

    /// Whether FFmpeg measures it.
    pub fn is_by_ffmpeg(self) -> bool {
        matches!(self, Self::Vmaf | Self::VmafNeg | Self::Xpsnr)
    }

    /// Whether it has a value for each pixel, so that a mask can choose among them.
    pub fn has_map(self) -> bool {
        matches!(self, Self::PsnrRgb | Self::PsnrLuma | Self::Ssim | Self::Flip)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
