//! Every metric of one pair of pictures, over every area.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Area, JudgeError, LaplacianBands, Map, Pair, Picture, Structure, flip_map, psnr};

/// A metric of [`Scores`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// See [`psnr`].
    Psnr,
    /// See [`Structure`].
    Ssim,
    /// See [`Structure`].
    MsSsim,
    /// Mean of [`flip_map`].
    Flip,
    /// See [`LaplacianBands`].
    Laplacian,
}

impl Metric {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 5] = [Self::Psnr, Self::Ssim, Self::MsSsim, Self::Flip, Self::Laplacian];

    /// The name that tables show, with the unit where there is one.
    pub fn label(self) -> &'static str {
        match self {
            Self::Psnr => "PSNR dB",
            Self::Ssim => "SSIM",
            Self::MsSsim => "MS-SSIM",
            Self::Flip => "FLIP",
            Self::Laplacian => "Laplacian",
        }
    }

    /// Whether more is better.
    pub fn higher_is_better(self) -> bool {
        matches!(self, Self::Psnr | Self::Ssim | Self::MsSsim)
    }

    /// This metric's value in `scores`.
    pub fn of(self, scores: &Scores) -> Option<f64> {
        match self {
            Self::Psnr => Some(scores.psnr),
            Self::Ssim => scores.ssim,
            Self::MsSsim => scores.ms_ssim,
            Self::Flip => Some(scores.flip),
            Self::Laplacian => Some(scores.laplacian),
        }
    }

    /// A value as tables show it.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Psnr => format!("{value:.2}"),
            Self::Ssim | Self::MsSsim | Self::Flip => format!("{value:.4}"),
            Self::Laplacian => format!("{value:.5}"),
        }
    }
}

/// The scores of one frame over one area.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// dB; infinite for identical pictures, which JSON, having no infinity, shows as `null`.
    #[serde(with = "null_is_infinity")]
    pub psnr: f64,
    /// -1..=1; `None` where no 11×11 window has its centre in the area.
    pub ssim: Option<f64>,
    /// 0..=1; `None` where some scale has no window centred in the area.
    pub ms_ssim: Option<f64>,
    /// 0..=1, lower is better.
    pub flip: f64,
    /// Display-referred, lower is better.
    pub laplacian: f64,
}

/// One area of one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaScores {
    /// The area's name.
    pub area: String,
    /// Its share of the frame, 0..=1.
    pub share: f64,
    /// Its scores; `None` where the area is empty.
    pub scores: Option<Scores>,
}

/// One frame's scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameScores {
    /// The split that the frame is of.
    pub split: String,
    /// The frame's name, unique in its split.
    pub name: String,
    /// One entry per area.
    pub areas: Vec<AreaScores>,
}

/// What [`compare`] found.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// One entry per area, in the order given.
    pub areas: Vec<AreaScores>,
    /// The FLIP error of each pixel, which pages show.
    pub flip: Map,
}

impl Comparison {
    /// The scores as those of a frame.
    pub fn frame(&self, split: impl Into<String>, name: impl Into<String>) -> FrameScores {
        FrameScores { split: split.into(), name: name.into(), areas: self.areas.clone() }
    }
}

/// Judges `ours` against `truth` by every metric over every area.
///
/// # Errors
/// [`JudgeError::Size`] when the sizes of pictures and areas differ, [`JudgeError::Flip`] for pictures too large for it.
pub fn compare(truth: Picture<'_>, ours: Picture<'_>, areas: &[Area]) -> Result<Comparison, JudgeError> {
    let pair = Pair::new(truth, ours)?;
    for area in areas {
        pair.weights(area)?;
    }
    let flip = flip_map(&pair)?;
    let structure = Structure::of(&pair);
    let bands = LaplacianBands::of(&pair);
    let judge = |area: &Area| -> Result<AreaScores, JudgeError> {
        let found = (psnr(&pair, area)?, flip.mean(pair.weights(area)?, 0), bands.score(area)?);
        let scores = match found {
            (Some(psnr), Some(flip), Some(laplacian)) => Some(Scores {
                psnr,
                ssim: structure.ssim(area)?,
                ms_ssim: structure.ms_ssim(area)?,
                flip,
                laplacian,
            }),
            _ => None,
        };
        Ok(AreaScores { area: area.name().into(), share: area.share(), scores })
    };
    let areas = areas.iter().map(judge).collect::<Result<_, _>>()?;
    Ok(Comparison { areas, flip })
}

/// Serde of a number that may be infinite.
pub(super) mod null_is_infinity {
    use super::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::deserialize(from)?.unwrap_or(f64::INFINITY))
    }
}
