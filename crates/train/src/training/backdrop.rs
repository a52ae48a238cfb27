//! What lies behind the pictures that a model learns from.

use effigy_capture::{Capture, PictureCache, Split};

use crate::TrainError;
use crate::training::sampling::Sampler;

/// What is seen where the subject is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backdrop {
    /// The pictures say where the subject is: another colour with every draw, so that the model learns it, too.
    Random,
    /// Pictures are opaque throughout, and there is a rig, which holds nothing but the subject: as if all that they show
    /// were the subject. (Over black, and without the term of alpha, such a rig comes out worse.)
    Covered,
    /// Pictures are opaque throughout: what they show around the subject is learned like the subject itself, and what
    /// nothing covers is black, as in every picture of the finished avatar.
    Black,
}

/// So many pictures are looked at.
const LOOKED_AT: usize = 32;
/// Of a picture that says where the subject is more than this part is less than half opaque. (A lens that was
/// straightened may leave corners of which nothing is known.)
const CUT_OUT: f32 = 0.005;

impl Backdrop {
    /// What suits the training pictures of `capture`, which are looked at halved `level` times, with or without a rig.
    ///
    /// # Errors
    /// [`TrainError::Picture`] for a picture that cannot be read.
    pub(crate) fn of(
        capture: &Capture,
        pictures: &PictureCache,
        level: u32,
        rigged: bool,
    ) -> Result<Self, TrainError> {
        let frames: Vec<_> = capture.split(Split::Train).collect();
        if frames.iter().any(|(_, frame)| frame.mask.is_some()) {
            return Ok(Self::Random);
        }
        let step = frames.len().div_ceil(LOOKED_AT).max(1);
        for &(i, _) in frames.iter().step_by(step) {
            let picture = pictures.get(i, level)?;
            let clear = picture.rgba.iter().filter(|pixel| pixel[3] < 128).count();
            if clear as f32 > CUT_OUT * picture.rgba.len() as f32 {
                return Ok(Self::Random);
            }
        }
        Ok(if rigged { Self::Covered } else { Self::Black })
    }

    /// The colour of draw number `draw`.
    pub(crate) fn color(self, sampler: &Sampler, draw: u64) -> [f32; 3] {
        match self {
            Self::Random | Self::Covered => sampler.background(draw),
            Self::Black => [0.0; 3],
        }
    }
}
