//! One decoded picture.

use std::io::BufReader;
use std::path::Path;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader, Limits};
use rayon::prelude::*;

use crate::error::{CaptureError, within};
use crate::files::open;
use crate::frame::CaptureFrame;
use crate::limits::CaptureLimits;
use crate::reading::Reading;

/// What a picture's header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// Width and height of what lies in the file.
    pub(crate) size: (u32, u32),
    orientation: Orientation,
}

impl Header {
    /// Width and height when turned by a quarter, where the header says that it should be.
    pub(crate) fn turned(&self) -> Option<(u32, u32)> {
        use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
        matches!(self.orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
            .then_some((self.size.1, self.size.0))
    }
}

/// A picture in memory: 8-bit sRGB with straight alpha, rows from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `width` × `height` pixels.
    pub rgba: Vec<[u8; 4]>,
}

impl Picture {
    /// The picture of a frame as its camera sees it, from a PNG, JPEG or WebP, whatever its name says. With a mask, its
    /// coverage takes the place of the picture's alpha: the mask's own alpha where that is not opaque throughout, its
    /// brightness otherwise; a mask of another size is resized. What a lens has bent is straightened by bilinear
    /// interpolation; where the lens has seen nothing, the picture is transparent.
    ///
    /// # Errors
    /// [`CaptureError`] with the name of the file that cannot be read or decoded, is over the limits, or has another
    /// size than when the capture was opened.
    pub fn of(frame: &CaptureFrame, limits: &CaptureLimits) -> Result<Self, CaptureError> {
        Self::read(&frame.picture, frame.mask.as_deref(), &frame.reading, limits)
    }

    /// As [`Picture::of`].
    pub(crate) fn read(
        path: &Path,
        mask: Option<&Path>,
        reading: &Reading,
        limits: &CaptureLimits,
    ) -> Result<Self, CaptureError> {
        let (mut picture, orientation) = decode(path, limits)?;
        if reading.turned {
            picture.apply_orientation(orientation);
        }
        let rgba = picture.into_rgba8();
        let (width, height) = rgba.dimensions();
        if (width, height) != reading.size {
            let (w, h) = reading.size;
            return Err(CaptureError::format(path, format!("is {width}x{height}, its camera {w}x{h}")));
        }
        let mut rgba: Vec<[u8; 4]> =
            rgba.as_raw().chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect();
        if let Some(path) = mask {
            let (mut mask, _) = decode(path, limits)?;
            let size = |mask: &DynamicImage| (mask.width(), mask.height());
            if !alike(size(&mask), reading.size) && reading.turned {
                mask.apply_orientation(orientation);
            }
            if !alike(size(&mask), reading.size) {
                let (w, h) = size(&mask);
                return Err(CaptureError::format(
                    path,
                    format!("the mask is {w}x{h}, its picture {width}x{height}"),
                ));
            }
            if size(&mask) != reading.size {
                mask = mask.resize_exact(width, height, FilterType::Triangle);
            }
            for (pixel, coverage) in rgba.iter_mut().zip(coverage(&mask)) {
                pixel[3] = coverage;
            }
        }
        Ok(match &reading.undistortion {
            None => Self { width, height, rgba },
            Some(undistortion) => Self {
                width: undistortion.to.width,
                height: undistortion.to.height,
                rgba: undistortion.apply(&rgba),
            },
        })
    }

    /// Bytes that the pixels take.
    pub fn bytes(&self) -> u64 {
        self.rgba.len() as u64 * 4
    }

    /// Writes the pixels to `out` as sRGB from 0 to 1, premultiplied by alpha, without allocating where it is large
    /// enough.
    pub fn premultiplied_into(&self, out: &mut Vec<[f32; 4]>) {
        out.resize(self.rgba.len(), [0.0; 4]);
        out.par_iter_mut().with_min_len(1 << 14).zip(&self.rgba).for_each(|(out, &[r, g, b, a])| {
            let alpha = f32::from(a) / 255.0;
            let k = alpha / 255.0;
            *out = [f32::from(r) * k, f32::from(g) * k, f32::from(b) * k, alpha];
        });
    }

    /// The picture at half the size: the mean of two by two pixels, premultiplied by alpha. An odd last row or column
    /// is left out, so that a pixel stays twice as large in both directions; a picture one pixel wide or high stays
    /// as it is. [`CaptureFrame::camera_at`](crate::CaptureFrame::camera_at) is the camera to it.
    pub fn halved(&self) -> Self {
        if self.width < 2 || self.height < 2 {
            return self.clone();
        }
        let (width, height) = (self.width / 2, self.height / 2);
        let row = self.width as usize;
        let mut rgba = Vec::with_capacity(width as usize * height as usize);
        for rows in self.rgba.chunks_exact(2 * row).take(height as usize) {
            let (top, bottom) = rows.split_at(row);
            rgba.extend(
                top.chunks_exact(2).zip(bottom.chunks_exact(2)).map(|(a, b)| mean([a[0], a[1], b[0], b[1]])),
            );
        }
        Self { width, height, rgba }
    }
}

/// The mean of four pixels with straight alpha, rounded.
fn mean(pixels: [[u8; 4]; 4]) -> [u8; 4] {
    let alpha: u32 = pixels.iter().map(|p| u32::from(p[3])).sum();
    if alpha == 0 {
        return [0; 4];
    }
    let channel = |c: usize| {
        let sum: u32 = pixels.iter().map(|p| u32::from(p[c]) * u32::from(p[3])).sum();
        ((sum + alpha / 2) / alpha) as u8
    };
    [channel(0), channel(1), channel(2), ((alpha + 2) / 4) as u8]
}

/// What the header of a picture says.
pub(crate) fn header(path: &Path, limits: &CaptureLimits) -> Result<Header, CaptureError> {
    let undecodable = |error: image::ImageError| CaptureError::format(path, decoding_fault(&error));
    let mut decoder = reader(path, limits)?.into_decoder().map_err(undecodable)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    Ok(Header { size: decoder.dimensions(), orientation })
}

/// Whether two pictures may be of one, made smaller or larger: the same shape but for rounding.
pub(crate) fn alike(a: (u32, u32), b: (u32, u32)) -> bool {
    let (aw, ah, bw, bh) = (f64::from(a.0), f64::from(a.1), f64::from(b.0), f64::from(b.1));
    // From the other's sides to this one's, by either of them.
    let by = |scale: f64| (bw * scale - aw).abs() <= 1.0 && (bh * scale - ah).abs() <= 1.0;
    a == b || by(aw / bw) || by(ah / bh)
}

fn reader(
    path: &Path,
    limits: &CaptureLimits,
) -> Result<ImageReader<BufReader<std::fs::File>>, CaptureError> {
    let io = |error| CaptureError::io(path, error);
    let file = open(path)?;
    within(path, "bytes", file.metadata().map_err(io)?.len(), limits.picture_bytes)?;
    let mut reader = ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(io)?;
    if reader.format().is_none() {
        return Err(CaptureError::format(path, "not a PNG, JPEG or WebP picture"));
    }
    let mut bounds = Limits::default();
    // 16 bits in four channels, twice: decoders keep what they read beside what they give.
    bounds.max_alloc = Some(limits.picture_pixels.saturating_mul(16).saturating_add(1 << 20));
    let side = u32::try_from(limits.picture_pixels).unwrap_or(u32::MAX);
    (bounds.max_image_width, bounds.max_image_height) = (Some(side), Some(side));
    reader.limits(bounds);
    Ok(reader)
}

/// A picture as it lies in its file, and how it should be turned.
fn decode(path: &Path, limits: &CaptureLimits) -> Result<(DynamicImage, Orientation), CaptureError> {
    let Header { size: (width, height), orientation } = header(path, limits)?;
    within(path, "pixels", u64::from(width) * u64::from(height), limits.picture_pixels)?;
    let decoded = reader(path, limits)?.decode();
    let picture = decoded.map_err(|error| CaptureError::format(path, decoding_fault(&error)))?;
    Ok((picture, orientation))
}

fn decoding_fault(error: &image::ImageError) -> String {
    format!("cannot be decoded: {error}")
}

/// The coverage in a mask, pixel after pixel.
fn coverage(mask: &DynamicImage) -> Vec<u8> {
    if mask.color().has_alpha() {
        let alpha: Vec<u8> = mask.to_rgba8().pixels().map(|p| p.0[3]).collect();
        if alpha.iter().any(|&a| a != u8::MAX) {
            return alpha;
        }
    }
    mask.to_luma8().into_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halving_averages_what_light_arrives() {
        // One opaque pixel of four: a quarter of the coverage, the colour of that pixel alone.
        let picture = Picture {
            width: 3,
            height: 3,
            rgba: vec![
                [200, 100, 0, 255],
                [9, 9, 9, 0],
                [1, 1, 1, 255],
                [7, 7, 7, 0],
                [0, 0, 0, 0],
                [1, 1, 1, 255],
                [1, 1, 1, 255],
                [1, 1, 1, 255],
                [1, 1, 1, 255],
            ],
        };
        let half = picture.halved();
        assert_eq!((half.width, half.height, half.rgba), (1, 1, vec![[200, 100, 0, 64]]));
        // 100 at alpha 1 and 200 at alpha 0.2 (51): (100·255·2 + 200·51·2) / (255·2 + 51·2) = 116.67.
        let two = |a: [u8; 4], b: [u8; 4]| Picture { width: 2, height: 2, rgba: vec![a, b, a, b] };
        let half = two([100, 0, 255, 255], [200, 0, 255, 51]).halved();
        assert_eq!(half.rgba, vec![[117, 0, 255, 153]]);
        assert_eq!(half.halved(), half);
    }

    #[test]
    fn premultiplied_values_are_of_one() {
        let picture = Picture { width: 2, height: 1, rgba: vec![[255, 51, 0, 255], [255, 255, 102, 51]] };
        let mut out = vec![[9.0; 4]; 5];
        picture.premultiplied_into(&mut out);
        let expected = [[1.0, 0.2, 0.0, 1.0], [0.2, 0.2, 0.08, 0.2]];
        assert_eq!(out.len(), 2);
        for (a, b) in out.iter().flatten().zip(expected.iter().flatten()) {
            assert!((a - b).abs() < 1e-6, "{out:?}");
        }
    }

    #[test]
    fn pictures_made_smaller_are_alike() {
        for (a, b) in
            [((100, 80), (100, 80)), ((50, 40), (100, 80)), ((125, 93), (1001, 750)), ((200, 160), (100, 80))]
        {
            assert!(alike(a, b), "{a:?} {b:?}");
        }
        for (a, b) in
            [((50, 80), (100, 80)), ((80, 100), (100, 80)), ((96, 80), (100, 80)), ((640, 360), (640, 480))]
        {
            assert!(!alike(a, b), "{a:?} {b:?}");
        }
    }
}
