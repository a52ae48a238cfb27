//! The conversion of a frame to planes on the CPU, which defines what the GPU's has to be.

use std::io::{self, Write};

use effigy_splat::Frame;
use rayon::prelude::*;

use crate::format::{Alpha, Association, Component, PlaneFormat, PlanesError, Range, Shape};

/// Less alpha than half a code of 8 bits is none: what straight colour it has cannot be told.
pub(crate) const FAINTEST: f64 = 0.5 / 255.0;

/// A picture in planes, wherever its bytes are.
#[derive(Clone, Copy)]
pub struct Picture<'a> {
    shape: &'a Shape,
    bytes: &'a [u8],
}

/// Rows of one plane.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// From the first row to the end of the plane.
    pub bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Bytes of a row that count.
    pub row: usize,
}

impl<'a> Picture<'a> {
    /// Of bytes that are laid out as `shape` has it; `None` if they are fewer.
    pub fn new(shape: &'a Shape, bytes: &'a [u8]) -> Option<Self> {
        Some(Self { shape, bytes: bytes.get(..shape.size())? })
    }

    /// Its sizes.
    pub fn shape(&self) -> &'a Shape {
        self.shape
    }

    /// All planes as they lie in memory ([`Shape::span`]).
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// A plane; `None` if there is no such plane.
    pub fn plane(&self, component: Component) -> Option<Rows<'a>> {
        let span = self.shape.span(component)?;
        let bytes = self.bytes.get(span.offset..span.offset + span.stride * span.rows)?;
        Some(Rows { bytes, stride: span.stride, row: span.row })
    }

    /// Writes a plane without what is between its rows. A plane that there is not has no bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_plane(&self, component: Component, out: &mut impl Write) -> io::Result<()> {
        let Some(plane) = self.plane(component) else { return Ok(()) };
        if plane.stride == plane.row {
            return out.write_all(plane.bytes);
        }
        plane.iter().try_for_each(|row| out.write_all(row))
    }

    /// Writes luma and colour differences of the coded size without what is between rows: a frame of FFmpeg's `rawvideo`
    /// and of Y4M.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_colour(&self, out: &mut impl Write) -> io::Result<()> {
        [Component::Luma, Component::Cb, Component::Cr, Component::CbCr]
            .into_iter()
            .try_for_each(|component| self.write_plane(component, out))
    }
}

impl<'a> Rows<'a> {
    /// The rows, from the top.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let row = self.row;
        self.bytes.chunks_exact(self.stride).map(move |bytes| &bytes[..row])
    }
}

/// A picture in planes in memory of its own.
#[derive(Clone, Debug, Default)]
pub struct Planes {
    bytes: Vec<u8>,
    shape: Option<Shape>,
}

impl Planes {
    /// Converts `frame`; memory is kept from picture to picture. A colour that is no number counts as 0.
    ///
    /// Sums are done in f64, and a code is the nearest one, halves as Rec. ITU-T H.273 has them.
    ///
    /// # Errors
    /// Those of [`Shape::new`], and [`PlanesError::Frame`] for a frame that lacks colours.
    pub fn convert(
        &mut self,
        frame: &Frame,
        format: PlaneFormat,
        alpha: Alpha,
    ) -> Result<Picture<'_>, PlanesError> {
        let (width, height) = (frame.width, frame.height);
        let shape = Shape::new(width, height, format, alpha)?;
        if frame.color.len() != width as usize * height as usize {
            return Err(PlanesError::Frame { width, height, count: frame.color.len() });
        }
        self.bytes.resize(shape.size(), 0);
        Source { frame, shape, coder: Coder::new(format) }.fill(&mut self.bytes);
        let shape = self.shape.insert(shape);
        Ok(Picture { shape, bytes: &self.bytes })
    }

    /// What was converted last.
    pub fn picture(&self) -> Option<Picture<'_>> {
        Picture::new(self.shape.as_ref()?, &self.bytes)
    }
}

/// Luma and colour differences, and their codes.
struct Coder {
    luma: [f64; 3],
    difference: [f64; 2],
    codes: [f64; 4],
    largest: f64,
    full: bool,
}

/// A pixel as it is to be encoded.
#[derive(Clone, Copy, Default)]
struct Pixel {
    luma: f64,
    /// Of blue and red.
    differences: [f64; 2],
    /// What part it has in the colour differences of its surroundings.
    weight: f64,
    alpha: f64,
}

impl Coder {
    fn new(format: PlaneFormat) -> Self {
        let luma = format.luma_weights();
        Self {
            luma,
            difference: difference_scales(format),
            codes: format.codes(),
            largest: format.largest(),
            full: format.range == Range::Full,
        }
    }

    fn luma_code(&self, luma: f64) -> u16 {
        self.clipped((self.codes[0] * luma + self.codes[1] + 0.5).floor())
    }

    fn difference_code(&self, difference: f64) -> u16 {
        let [.., scale, offset] = self.codes;
        self.clipped(if self.full {
            // Halves are rounded away from none: the standard rounds before it offsets.
            (scale * difference).round() + offset
        } else {
            (scale * difference + offset + 0.5).floor()
        })
    }

    fn alpha_code(&self, alpha: f64) -> u16 {
        self.clipped((self.largest * alpha + 0.5).floor())
    }

    fn clipped(&self, code: f64) -> u16 {
        code.clamp(0.0, self.largest) as u16
    }
}

/// By what B − Y and R − Y become differences from −½ to ½.
pub(crate) fn difference_scales(format: PlaneFormat) -> [f64; 2] {
    let [kr, _, kb] = format.luma_weights();
    [0.5 / (1.0 - kb), 0.5 / (1.0 - kr)]
}

/// From 0 to 1; what is no number is 0.
fn unit(value: f64) -> f64 {
    if value > 0.0 { value.min(1.0) } else { 0.0 }
}

struct Source<'a> {
    frame: &'a Frame,
    shape: Shape,
    coder: Coder,
}

impl Source<'_> {
    /// The pixel at a place, or the nearest of the picture.
    fn pixel(&self, x: usize, y: usize) -> Pixel {
        let [width, height] = self.shape.picture().map(|side| side as usize);
        let color = self.frame.color[y.min(height - 1) * width + x.min(width - 1)];
        let [r, g, b, a] = color.map(f64::from);
        let alpha = unit(a);
        let (rgb, weight) = match self.shape.alpha() {
            Alpha::Over(background) => {
                let [under_r, under_g, under_b] = background.map(|c| (1.0 - alpha) * f64::from(c));
                ([r + under_r, g + under_g, b + under_b], 1.0)
            }
            Alpha::Plane(Association::Premultiplied) | Alpha::SideBySide(Association::Premultiplied) => {
                ([r, g, b], 1.0)
            }
            // What is too faint has neither colour nor part in that of its surroundings.
            _ if alpha < FAINTEST => ([0.0; 3], 0.0),
            _ => ([r, g, b].map(|c| c / alpha), alpha),
        };
        let [r, g, b] = rgb.map(unit);
        let [kr, kg, kb] = self.coder.luma;
        let luma = kr * r + kg * g + kb * b;
        let [blue, red] = self.coder.difference;
        Pixel { luma, differences: [blue * (b - luma), red * (r - luma)], weight, alpha }
    }

    /// Where alpha begins beside the colour.
    fn alpha_column(&self) -> usize {
        self.shape.alpha_column().map_or(usize::MAX, |column| column as usize)
    }

    /// Luma, differences and alpha of all columns of a row, also of those between it and the next, so that all bytes are what
    /// the GPU makes them.
    fn fill_row(&self, y: usize, row: &mut [Pixel]) {
        let column = self.alpha_column();
        for (x, out) in row.iter_mut().enumerate() {
            *out = match x.checked_sub(column) {
                None => self.pixel(x, y),
                // Grey.
                Some(x) => {
                    let alpha = self.pixel(x, y).alpha;
                    Pixel { luma: alpha, differences: [0.0; 2], weight: 1.0, alpha }
                }
            };
        }
    }

    /// Codes of blue and red of column `x` of planes of half size, from two rows of pixels.
    fn halved(&self, rows: [&[Pixel]; 2], x: usize) -> [u16; 2] {
        let (mut sums, mut weights) = ([0.0; 2], 0.0);
        // Where alpha is packed there is no colour, whatever stands left of it.
        if 2 * x < self.alpha_column() {
            for row in rows {
                for (column, part) in [((2 * x).saturating_sub(1), 0.125), (2 * x, 0.25), (2 * x + 1, 0.125)]
                {
                    let pixel = &row[column];
                    let weight = part * pixel.weight;
                    sums = [0, 1].map(|i| sums[i] + weight * pixel.differences[i]);
                    weights += weight;
                }
            }
        }
        sums.map(|sum| self.coder.difference_code(if weights > 0.0 { sum / weights } else { 0.0 }))
    }

    fn fill(&self, bytes: &mut [u8]) {
        let size = |component| self.shape.span(component).map_or(0, |span| span.stride * span.rows);
        let stride = |component| self.shape.span(component).map_or(1, |span| span.stride);
        let subsampled = self.shape.format().is_subsampled();
        let step = if subsampled { 2 } else { 1 };
        let first = if self.shape.span(Component::Cb).is_some() { Component::Cb } else { Component::CbCr };
        let (luma, rest) = bytes.split_at_mut(size(Component::Luma));
        let (blue, rest) = rest.split_at_mut(size(first));
        let (red, alpha) = rest.split_at_mut(size(Component::Cr));
        let mut red = red.chunks_mut(stride(Component::Cr));
        let mut alpha = alpha.chunks_mut(step * stride(Component::Alpha));
        let strips = luma.chunks_mut(step * stride(Component::Luma)).zip(blue.chunks_mut(stride(first)));
        let mut strips: Vec<Strip<'_>> = strips
            .map(|(luma, blue)| Strip {
                luma,
                blue,
                red: red.next().unwrap_or_default(),
                alpha: alpha.next().unwrap_or_default(),
            })
            .collect();
        let columns = stride(Component::Luma) / self.shape.format().sample_size();
        let wide = self.shape.format().sample_size() == 2;
        strips.par_iter_mut().enumerate().for_each_init(
            || vec![Pixel::default(); step * columns],
            |pixels, (y, strip)| {
                for (i, row) in pixels.chunks_exact_mut(columns).enumerate() {
                    self.fill_row(step * y + i, row);
                }
                store(strip.luma, wide, pixels.iter().map(|p| self.coder.luma_code(p.luma)));
                store(strip.alpha, wide, pixels.iter().map(|p| self.coder.alpha_code(p.alpha)));
                let (above, below) = pixels.split_at(columns);
                let differences = |x: usize| {
                    if subsampled {
                        self.halved([above, below], x)
                    } else {
                        above[x].differences.map(|d| self.coder.difference_code(d))
                    }
                };
                let pairs = (0..columns / step).map(differences);
                if first == Component::CbCr {
                    store(strip.blue, wide, pairs.flatten());
                } else {
                    for ((blue, red), codes) in strip.blue.iter_mut().zip(&mut *strip.red).zip(pairs) {
                        [*blue, *red] = codes.map(|code| code as u8);
                    }
                }
            },
        );
    }
}

/// What one row of colour differences belongs to.
struct Strip<'a> {
    luma: &'a mut [u8],
    /// Red's too, if they are interleaved.
    blue: &'a mut [u8],
    red: &'a mut [u8],
    alpha: &'a mut [u8],
}

/// Writes as many of `codes` as there is room for.
fn store(bytes: &mut [u8], wide: bool, codes: impl Iterator<Item = u16>) {
    if wide {
        // Ten bits at the upper end of 16.
        for (sample, code) in bytes.chunks_exact_mut(2).zip(codes) {
            sample.copy_from_slice(&(code << 6).to_le_bytes());
        }
    } else {
        for (sample, code) in bytes.iter_mut().zip(codes) {
            *sample = code as u8;
        }
    }
}
