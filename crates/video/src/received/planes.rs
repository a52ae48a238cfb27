//! Planes in memory, as pictures to be measured.

use effigy_quality::{Codes, Matrix, Picture, Sampling};

use crate::VideoError;
use crate::encoder;

/// What a player shows of `planes`, before an encoder or after a decoder: colour differences of half size lie where
/// H.264 and HEVC have them by default, and are interpolated as [`effigy_quality::Y4mReader`] does.
///
/// # Errors
/// [`VideoError::Picture`] for planes that are shorter than their sizes say.
pub fn picture_of_planes(planes: &encoder::Picture<'_>) -> Result<Picture, VideoError> {
    planes.validate()?;
    let codes = Codes {
        planes: planes.samples().map(|plane| plane.into_iter().map(f32::from).collect()),
        width: planes.width as usize,
        height: planes.height as usize,
        sampling: match planes.layout.full_chroma() {
            true => [Sampling::Full, Sampling::Full],
            false => [Sampling::Cosited, Sampling::Centred],
        },
        matrix: match planes.color.matrix {
            encoder::Matrix::Bt601 => Matrix::Bt601,
            encoder::Matrix::Bt709 => Matrix::Bt709,
        },
        full_range: planes.color.full_range,
        bit_depth: planes.layout.bit_depth(),
    };
    codes.picture().map_err(|error| VideoError::Picture(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::{ColorInfo, Layout};

    // The codes of `y4m`'s tests, whose colours come from numpy and from ITU-R BT.709-6 by hand.
    #[test]
    fn colours_are_those_of_the_same_codes_in_a_file() {
        let picture = |planes, strides, (width, height), layout| encoder::Picture {
            planes,
            strides,
            width,
            height,
            layout,
            color: ColorInfo::default(),
        };
        let luma = [100; 8];
        let (blue, red) = ([90, 170], [160, 110]);
        let halved = picture([&luma, &blue, &red], [4, 2, 2], (4, 2), Layout::I420);
        let found = picture_of_planes(&halved).unwrap();
        assert_eq!(found.rgb()[..12], [155, 89, 18, 110, 94, 102, 66, 98, 187, 59, 99, 199]);
        let interleaved = [90, 160, 170, 110];
        let interleaved = picture([&luma, &interleaved, &[]], [4, 4, 0], (4, 2), Layout::Nv12);
        assert_eq!(picture_of_planes(&interleaved).unwrap(), found);
        // White, black and red at ten bits.
        let wide = |codes: [u16; 3]| codes.map(u16::to_le_bytes).concat();
        let [y, b, r] = [[940, 64, 252], [512, 512, 408], [512, 512, 960]].map(wide);
        let full = picture([&y, &b, &r], [6; 3], (3, 1), Layout::I444P10);
        assert_eq!(*picture_of_planes(&full).unwrap().rgb(), [255, 255, 255, 0, 0, 0, 255, 1, 0]);
        assert!(picture_of_planes(&picture([&luma, &blue, &[]], [4, 2, 2], (4, 2), Layout::I420)).is_err());
    }
}
