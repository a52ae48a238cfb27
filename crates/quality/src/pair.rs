//! Two pictures, and everything that one of them measures against the other.

use std::sync::OnceLock;

use crate::error::QualityError;
use crate::flip::flip_map;
use crate::laplacian::LaplacianBands;
use crate::mask::Mask;
use crate::measure::Measure;
use crate::picture::Picture;
use crate::plane::Plane;
use crate::psnr::SquaredError;
use crate::ssim::Structure;
use crate::ssimulacra2::ssimulacra2;

/// A true picture and another of the same size. What measures need of them is made when first asked for, and once for
/// all masks.
#[derive(Debug)]
pub struct Pair {
    reference: Picture,
    test: Picture,
    structure: OnceLock<Option<Structure>>,
    flip: OnceLock<Result<Plane, String>>,
    bands: OnceLock<LaplacianBands>,
}

impl Pair {
    /// Pairs two pictures.
    ///
    /// # Errors
    /// [`QualityError::Size`] when their sizes differ.
    pub fn new(reference: Picture, test: Picture) -> Result<Self, QualityError> {
        let [a, b] = [&reference, &test].map(|p| (p.width(), p.height()));
        if a != b {
            return Err(QualityError::size("the picture", b, a));
        }
        let (structure, flip, bands) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Ok(Self { reference, test, structure, flip, bands })
    }

    /// The true picture.
    pub fn reference(&self) -> &Picture {
        &self.reference
    }

    /// The other.
    pub fn test(&self) -> &Picture {
        &self.test
    }

    /// Width, pixels.
    pub fn width(&self) -> usize {
        self.reference.width()
    }

    /// Height, pixels.
    pub fn height(&self) -> usize {
        self.reference.height()
    }

    /// The squared error, of which sequences gather their PSNR.
    pub(crate) fn squared_error(&self, mask: Option<&Mask>) -> SquaredError {
        SquaredError::of(&self.reference, &self.test, mask)
    }

    /// The LDR-FLIP error of each pixel, 0 (same) to 1.
    ///
    /// # Errors
    /// A line that says why there is none: pictures too large for the filter (about 28 million pixels).
    pub fn flip(&self) -> Result<&Plane, String> {
        self.flip.get_or_init(|| flip_map(&self.reference, &self.test)).as_ref().map_err(Clone::clone)
    }

    /// A measure's value, over a mask of the pictures' size where one is given; `None` where that leaves nothing to
    /// measure.
    ///
    /// # Errors
    /// A line that says why this measure cannot be made.
    pub fn value(&self, measure: Measure, mask: Option<&Mask>) -> Result<Option<f64>, String> {
        if let Some(mask) = mask {
            if !measure.takes_masks() {
                return Err(format!("{measure} has no value for single pixels"));
            }
            if (mask.width(), mask.height()) != (self.width(), self.height()) {
                return Err(format!("a mask of {}x{} does not fit", mask.width(), mask.height()));
            }
        }
        let structure = || {
            let made = self.structure.get_or_init(|| Structure::of(&self.reference, &self.test));
            made.as_ref().ok_or_else(|| format!("{measure} needs at least 11x11 pixels"))
        };
        match measure {
            Measure::PsnrRgb => Ok(self.squared_error(mask).psnr_rgb()),
            Measure::PsnrLuma => Ok(self.squared_error(mask).psnr_luma()),
            Measure::Ssim => Ok(structure()?.ssim(mask)),
            Measure::MsSsim => Ok(structure()?.ms_ssim(mask)),
            Measure::Ssimulacra2 => ssimulacra2(&self.reference, &self.test).map(Some),
            Measure::Flip => {
                let flip = self.flip()?;
                Ok(mask.map_or_else(|| flip.mean(), |m| flip.weighted_mean(m.weights(), 0)))
            }
            Measure::Laplacian => {
                let bands = self.bands.get_or_init(|| LaplacianBands::of(&self.reference, &self.test));
                Ok(bands.score(mask))
            }
            Measure::Vmaf | Measure::VmafNeg | Measure::Xpsnr => {
                Err(format!("{measure} is of sequences, and measured by ffmpeg"))
            }
        }
    }
}
