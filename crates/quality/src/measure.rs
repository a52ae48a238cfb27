//! Which measures there are.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A measure of how near one sequence of pictures is to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// PSNR over red, green and blue, dB: [`SquaredError`](crate::SquaredError).
    PsnrRgb,
    /// PSNR over luma Y' of BT.709, dB.
    PsnrLuma,
    /// SSIM of luma, -1..=1 (Wang et al. 2004: 11×11 Gaussian window, σ = 1.5, only whole windows).
    Ssim,
    /// MS-SSIM of luma, 0..=1 (Wang et al. 2003; 2×2 means, an odd side's last pixels averaged with themselves). With a
    /// side of 160 pixels or less it has fewer than five scales, and compares only with its like.
    MsSsim,
    /// SSIMULACRA2, 100 at best, below 0 for very poor pictures; from 113 pixels a side (Sneyers 2022/23, version 2.1).
    Ssimulacra2,
    /// LDR-FLIP at 67 pixels per degree, mean of the error, 0..=1, lower is better (Andersson et al. 2020).
    Flip,
    /// Mean over the levels of the Laplacian pyramid (Burt and Adelson 1983) of the mean absolute difference of red,
    /// green and blue, where 1 is white: per pixel of the finest level the weighting of Bojanowski et al. 2018. Lower is
    /// better.
    Laplacian,
    /// VMAF v0.6.1, 0..=100, through FFmpeg with libvmaf. Sharpening raises it.
    Vmaf,
    /// VMAF v0.6.1 NEG ("no enhancement gain"), 0..=100, which sharpening hardly raises.
    VmafNeg,
    /// Luma XPSNR, dB, through FFmpeg (Helmrich et al. 2020): PSNR weighted by how visible noise is.
    Xpsnr,
}

impl Measure {
    /// Every measure, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::PsnrRgb,
        Self::PsnrLuma,
        Self::Ssim,
        Self::MsSsim,
        Self::Ssimulacra2,
        Self::Flip,
        Self::Laplacian,
        Self::Vmaf,
        Self::VmafNeg,
        Self::Xpsnr,
    ];

    /// Those that take masks and are shown of pictures that are no sequence.
    pub const OF_STILLS: [Self; 5] = [Self::PsnrRgb, Self::Ssim, Self::MsSsim, Self::Flip, Self::Laplacian];

    /// The heading in reports.
    pub fn label(self) -> &'static str {
        match self {
            Self::PsnrRgb => "PSNR",
            Self::PsnrLuma => "PSNR-Y",
            Self::Ssim => "SSIM",
            Self::MsSsim => "MS-SSIM",
            Self::Ssimulacra2 => "SSIMULACRA2",
            Self::Flip => "FLIP",
            Self::Laplacian => "Laplacian",
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

    /// Whether more is better: of all but FLIP and the Laplacian pyramid's.
    pub fn higher_is_better(self) -> bool {
        !matches!(self, Self::Flip | Self::Laplacian)
    }

    /// The value as reports show it.
    pub fn show(self, value: f64) -> String {
        match self {
            _ if value == f64::INFINITY => "inf".into(),
            Self::Ssim | Self::MsSsim | Self::Flip => format!("{value:.4}"),
            Self::Laplacian => format!("{value:.5}"),
            _ => format!("{value:.2}"),
        }
    }

    /// Whether FFmpeg measures it.
    pub fn is_by_ffmpeg(self) -> bool {
        matches!(self, Self::Vmaf | Self::VmafNeg | Self::Xpsnr)
    }

    /// Whether a mask can choose among pixels: of all but SSIMULACRA2 and those of FFmpeg.
    pub fn takes_masks(self) -> bool {
        !self.is_by_ffmpeg() && self != Self::Ssimulacra2
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}
