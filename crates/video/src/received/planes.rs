//! Planes in memory, as pictures to be measured.

use super::Matrix;
use super::y4m::{Conversion, Sampling, interpolated};
use crate::encoder;
use crate::quality::{Picture, QualityError};

impl Picture {
    /// What a player shows of `planes`, before an encoder or after a decoder: colour differences of half size lie where
    /// H.264 and HEVC have them by default, and are interpolated as [`super::Y4mReader`] does.
    ///
    /// # Errors
    /// [`QualityError::ByteCount`] for planes that are shorter than their sizes say.
    pub fn of_planes(planes: &encoder::Picture<'_>) -> Result<Self, QualityError> {
        let (width, height) = (planes.width as usize, planes.height as usize);
        let missing = |_| QualityError::ByteCount { width, height, bytes: planes.planes[0].len() };
        planes.validate().map_err(missing)?;
        let matrix = match planes.color.matrix {
            encoder::Matrix::Bt601 => Matrix::Bt601,
            encoder::Matrix::Bt709 => Matrix::Bt709,
        };
        let conversion = Conversion::new(matrix, planes.color.full_range, planes.layout.bit_depth());
        let sampling = match planes.layout.full_chroma() {
            true => [Sampling::Full, Sampling::Full],
            false => [Sampling::Cosited, Sampling::Centred],
        };
        let samples = planes.samples();
        let [luma, blue, red] = samples.each_ref().map(|plane| plane.iter().map(|&code| f32::from(code)));
        let across = sampling[0].samples(width);
        let [blue, red] = [blue, red].map(|plane| {
            let plane: Vec<f32> = plane.collect();
            interpolated(&plane, across, sampling, (width, height))
        });
        let pixels = luma.zip(&blue).zip(&red);
        let rgb = pixels.flat_map(|((y, &b), &r)| conversion.rgb(y, b, r)).collect();
        Self::new(width, height, rgb)
    }
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
        let found = Picture::of_planes(&halved).unwrap();
        assert_eq!(found.rgb()[..12], [155, 89, 18, 110, 94, 102, 66, 98, 187, 59, 99, 199]);
        let interleaved = [90, 160, 170, 110];
        let interleaved = picture([&luma, &interleaved, &[]], [4, 4, 0], (4, 2), Layout::Nv12);
        assert_eq!(Picture::of_planes(&interleaved).unwrap(), found);
        // White, black and red at ten bits.
        let wide = |codes: [u16; 3]| codes.map(u16::to_le_bytes).concat();
        let [y, b, r] = [[940, 64, 252], [512, 512, 408], [512, 512, 960]].map(wide);
        let full = picture([&y, &b, &r], [6; 3], (3, 1), Layout::I444P10);
        assert_eq!(Picture::of_planes(&full).unwrap().rgb(), [255, 255, 255, 0, 0, 0, 255, 1, 0]);
        assert!(Picture::of_planes(&picture([&luma, &blue, &[]], [4, 2, 2], (4, 2), Layout::I420)).is_err());
    }
}
