//! A picture as an encoder takes it: borrowed planes of luma and colour differences.

use crate::{Component, Range, VideoError};

/// How luma and colour differences lie in memory. Samples of more than 8 bits are two bytes, little endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Three planes, 8 bits, colour at half width and half height (both rounded up).
    I420,
    /// Luma, then blue and red differences interleaved, 8 bits, colour halved as in [`Self::I420`]; the third plane is
    /// empty.
    Nv12,
    /// As [`Self::Nv12`] at 10 bits, in the upper bits of each sample.
    P010,
    /// Three planes, 8 bits, colour at full size.
    I444,
    /// As [`Self::I420`] at 10 bits, in the lower bits of each sample.
    I420P10,
    /// As [`Self::I444`] at 10 bits, in the lower bits of each sample.
    I444P10,
}

impl Layout {
    /// All of them.
    pub const ALL: &[Self] = &[Self::I420, Self::Nv12, Self::P010, Self::I444, Self::I420P10, Self::I444P10];

    /// Bits a sample: 8 or 10.
    pub const fn bit_depth(self) -> u32 {
        match self {
            Self::I420 | Self::Nv12 | Self::I444 => 8,
            Self::P010 | Self::I420P10 | Self::I444P10 => 10,
        }
    }

    /// Bytes a sample: 1 or 2.
    pub const fn bytes(self) -> usize {
        if self.bit_depth() > 8 { 2 } else { 1 }
    }

    /// Whether colour has the size of luma.
    pub const fn full_chroma(self) -> bool {
        matches!(self, Self::I444 | Self::I444P10)
    }

    /// Whether both colour differences share a plane.
    const fn interleaved(self) -> bool {
        matches!(self, Self::Nv12 | Self::P010)
    }

    /// The same with three separate planes, and 10 bits in the lower bits of each sample.
    pub const fn planar(self) -> Self {
        match self {
            Self::Nv12 => Self::I420,
            Self::P010 => Self::I420P10,
            other => other,
        }
    }

    /// Bytes a row and rows of each plane, for a picture of `width` × `height`.
    pub const fn planes(self, width: u32, height: u32) -> [(usize, usize); 3] {
        let (w, h, bytes) = (width as usize, height as usize, self.bytes());
        let (cw, ch) = if self.full_chroma() { (w, h) } else { (w.div_ceil(2), h.div_ceil(2)) };
        match self {
            Self::Nv12 | Self::P010 => [(w * bytes, h), (2 * cw * bytes, ch), (0, 0)],
            _ => [(w * bytes, h), (cw * bytes, ch), (cw * bytes, ch)],
        }
    }
}

/// Which weights make luma of red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
}

/// What the numbers in the planes mean. Primaries are BT.709's and the transfer function is sRGB's, as in every frame
/// that the renderer makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColorInfo {
    /// Luma weights.
    pub matrix: Matrix,
    /// Whether codes use all values, or at 8 bits 16 to 235 for luma and 16 to 240 for colour.
    pub full_range: bool,
}

impl ColorInfo {
    /// Code of BT.709 primaries in ITU-T H.273, table 2.
    pub const PRIMARIES: u8 = 1;
    /// Code of the sRGB transfer function in ITU-T H.273, table 3.
    pub const TRANSFER: u8 = 13;

    /// The matrix's code in ITU-T H.273, table 4.
    pub const fn matrix_code(self) -> u8 {
        match self.matrix {
            Matrix::Bt709 => 1,
            Matrix::Bt601 => 6,
        }
    }
}

impl Default for ColorInfo {
    /// BT.709, limited range.
    fn default() -> Self {
        Self { matrix: Matrix::Bt709, full_range: false }
    }
}

/// A picture to encode. Sizes are the visible ones, odd ones included; an encoder that needs more repeats the last
/// column and row itself.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Luma, blue difference, red difference; with [`Layout::Nv12`] and [`Layout::P010`] luma and both differences.
    pub planes: [&'a [u8]; 3],
    /// Bytes from a row to the next, of each plane.
    pub strides: [usize; 3],
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// How samples lie.
    pub layout: Layout,
    /// What they mean.
    pub color: ColorInfo,
}

impl<'a> Picture<'a> {
    /// The colour of `planes`, of the size that is shown.
    pub fn of(planes: &crate::Picture<'a>) -> Self {
        let shape = planes.shape();
        let format = shape.format();
        let [width, height] = shape.shown();
        let second = planes.plane(Component::CbCr).or_else(|| planes.plane(Component::Cb));
        let rows = [planes.plane(Component::Luma), second, planes.plane(Component::Cr)];
        Self {
            planes: rows.map(|rows| rows.map_or(&[][..], |rows| rows.bytes)),
            strides: rows.map(|rows| rows.map_or(0, |rows| rows.stride)),
            width,
            height,
            layout: match format.layout {
                crate::Layout::I420 => Layout::I420,
                crate::Layout::Nv12 => Layout::Nv12,
                crate::Layout::P010 => Layout::P010,
                crate::Layout::I444 => Layout::I444,
            },
            color: ColorInfo {
                matrix: match format.matrix {
                    crate::Matrix::Bt601 => Matrix::Bt601,
                    crate::Matrix::Bt709 => Matrix::Bt709,
                },
                full_range: format.range == Range::Full,
            },
        }
    }
}

impl Picture<'_> {
    /// # Errors
    /// [`VideoError::Picture`] if it is empty or a plane is shorter than its size and stride say.
    pub fn validate(&self) -> Result<(), VideoError> {
        if self.width == 0 || self.height == 0 || self.width > 65_535 || self.height > 65_535 {
            return Err(VideoError::Picture(format!(
                "a picture of {}x{}: 1 to 65535 pixels each way can be encoded",
                self.width, self.height
            )));
        }
        for (index, (row, rows)) in self.layout.planes(self.width, self.height).into_iter().enumerate() {
            let (stride, length) = (self.strides[index], self.planes[index].len());
            let needed = rows.saturating_sub(1).saturating_mul(stride).saturating_add(row);
            if rows > 0 && (stride < row || length < needed) {
                return Err(VideoError::Picture(format!(
                    "plane {index} of a {}x{} picture needs {rows} rows of {row} bytes, and {length} bytes in rows of \
                     {stride} are given",
                    self.width, self.height
                )));
            }
        }
        Ok(())
    }

    /// The codes of luma, blue and red differences, row after row without gaps, whatever the layout; none of planes that
    /// are shorter than their sizes say.
    pub fn samples(&self) -> [Vec<u16>; 3] {
        if self.validate().is_err() {
            return [const { Vec::new() }; 3];
        }
        let (bytes, interleaved) = (self.layout.bytes(), self.layout.interleaved());
        let shift = if self.layout == Layout::P010 { 6 } else { 0 };
        let sizes = self.layout.planes(self.width, self.height);
        [0, 1, 2].map(|component: usize| {
            let index = if interleaved { component.min(1) } else { component };
            let (step, first) = if interleaved && component > 0 { (2, component - 1) } else { (1, 0) };
            let (row, rows) = sizes[index];
            let mut out = Vec::with_capacity(row / (bytes * step) * rows);
            for y in 0..rows {
                let samples = self.row(index, y, row).chunks_exact(bytes).skip(first).step_by(step);
                out.extend(samples.map(|sample| match sample {
                    [low, high] => u16::from_le_bytes([*low, *high]) >> shift,
                    _ => u16::from(sample[0]),
                }));
            }
            out
        })
    }

    /// Row `y` of plane `index`, `bytes` long. The picture has been validated.
    fn row(&self, index: usize, y: usize, bytes: usize) -> &[u8] {
        let start = y * self.strides[index];
        &self.planes[index][start..start + bytes]
    }
}

/// A picture copied to three separate planes without gaps, its size rounded up by repeating the last column and row.
#[derive(Clone, Debug, Default)]
pub struct Planar {
    /// Width with what was added, pixels.
    pub width: usize,
    /// Height with what was added, pixels.
    pub height: usize,
    /// Luma, blue and red differences.
    pub planes: [Vec<u8>; 3],
    /// Bytes a row of each plane.
    pub strides: [usize; 3],
}

impl Planar {
    /// Copies a validated picture, each side rounded up to a multiple of `multiple`.
    pub(crate) fn load(&mut self, picture: &Picture<'_>, multiple: usize) {
        let layout = picture.layout;
        let bytes = layout.bytes();
        self.width = (picture.width as usize).next_multiple_of(multiple);
        self.height = (picture.height as usize).next_multiple_of(multiple);
        let from = layout.planes(picture.width, picture.height);
        let to = layout.planar().planes(self.width as u32, self.height as u32);
        let interleaved = layout.interleaved();
        for (index, (row, rows)) in to.into_iter().enumerate() {
            self.strides[index] = row;
            let plane = &mut self.planes[index];
            plane.clear();
            plane.reserve(row * rows);
            let source = if interleaved { index.min(1) } else { index };
            let (source_row, source_rows) = from[source];
            for y in 0..source_rows {
                let line = picture.row(source, y, source_row);
                if interleaved && index > 0 {
                    let samples = line.chunks_exact(2 * bytes);
                    plane.extend(samples.flat_map(|pair| &pair[(index - 1) * bytes..index * bytes]));
                } else {
                    plane.extend_from_slice(line);
                }
                while plane.len() < (y + 1) * row {
                    plane.extend_from_within(plane.len() - bytes..);
                }
            }
            while plane.len() < row * rows {
                plane.extend_from_within(plane.len() - row..);
            }
            if layout == Layout::P010 {
                for sample in plane.chunks_exact_mut(2) {
                    let value = u16::from_le_bytes([sample[0], sample[1]]) >> 6;
                    sample.copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_pictures_are_padded_and_interleaved_ones_separated() {
        // 3x3 luma 1..9 in rows of 4 bytes, colour 2x2 as pairs.
        let luma = [1, 2, 3, 99, 4, 5, 6, 99, 7, 8, 9];
        let color = [10, 20, 11, 21, 12, 22, 13, 23];
        let picture = Picture {
            planes: [&luma, &color, &[]],
            strides: [4, 4, 0],
            width: 3,
            height: 3,
            layout: Layout::Nv12,
            color: ColorInfo::default(),
        };
        picture.validate().unwrap();
        let mut planar = Planar::default();
        planar.load(&picture, 2);
        assert_eq!((planar.width, planar.height), (4, 4));
        assert_eq!(planar.planes[0], [1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9, 7, 8, 9, 9]);
        assert_eq!(planar.planes[1], [10, 11, 12, 13]);
        assert_eq!(planar.planes[2], [20, 21, 22, 23]);
    }

    #[test]
    fn ten_bits_move_to_the_lower_end() {
        // 1023 << 6, 1 << 6, 512 << 6, 0: P010's upper bits.
        let luma: Vec<u8> = [0xffc0u16, 0x0040, 0x8000, 0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let color: Vec<u8> = [0x4000u16, 0xc000].iter().flat_map(|v| v.to_le_bytes()).collect();
        let picture = Picture {
            planes: [&luma, &color, &[]],
            strides: [4, 4, 0],
            width: 2,
            height: 2,
            layout: Layout::P010,
            color: ColorInfo::default(),
        };
        picture.validate().unwrap();
        let mut planar = Planar::default();
        planar.load(&picture, 2);
        let values = |plane: &[u8]| -> Vec<u16> {
            plane.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect()
        };
        assert_eq!(values(&planar.planes[0]), [1023, 1, 512, 0]);
        assert_eq!(values(&planar.planes[1]), [256]);
        assert_eq!(values(&planar.planes[2]), [768]);
    }

    #[test]
    fn short_planes_are_refused() {
        let plane = [0; 16];
        let picture = |planes, strides, width, height| Picture {
            planes,
            strides,
            width,
            height,
            layout: Layout::I420,
            color: ColorInfo::default(),
        };
        assert!(picture([&plane, &plane[..4], &plane[..4]], [4, 2, 2], 4, 4).validate().is_ok());
        assert!(picture([&plane, &plane[..3], &plane[..4]], [4, 2, 2], 4, 4).validate().is_err());
        assert!(picture([&plane, &plane, &plane], [3, 2, 2], 4, 4).validate().is_err());
        assert!(picture([&plane, &plane, &plane], [usize::MAX, 2, 2], 4, 4).validate().is_err());
        assert!(picture([&plane, &plane, &plane], [4, 2, 2], 0, 4).validate().is_err());
    }
}
