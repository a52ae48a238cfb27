//! Pictures of materials, filtered to the size of a surface sample.

use effigy_rig::Image;
use glam::{Vec2, Vec4};
use image::{ImageReader, Limits};

use crate::AvatarError;

/// A picture as a pyramid of halved sizes, RGBA, 0 to 1.
pub(super) struct Texture {
    levels: Vec<Level>,
}

struct Level {
    width: usize,
    height: usize,
    texels: Vec<[f32; 4]>,
}

/// What the numbers of a picture mean.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Meaning {
    /// sRGB colour, made linear; alpha as it is.
    Color,
    /// Vectors and factors, as they are.
    Data,
}

impl Texture {
    /// Decodes a picture of at most `max_pixels`.
    pub(super) fn decode(picture: &Image, meaning: Meaning, max_pixels: u64) -> Result<Self, AvatarError> {
        let fail =
            |e: &dyn std::fmt::Display| AvatarError::Surface(format!("picture {:?}: {e}", picture.name));
        let mut limits = Limits::default();
        limits.max_alloc = Some(max_pixels.saturating_mul(16));
        let reader = || {
            ImageReader::new(std::io::Cursor::new(&picture.bytes[..]))
                .with_guessed_format()
                .map_err(|e| fail(&e))
        };
        let (width, height) = reader()?.into_dimensions().map_err(|e| fail(&e))?;
        if u64::from(width) * u64::from(height) > max_pixels || width == 0 || height == 0 {
            return Err(fail(&format!("{width}x{height} pixels are more than {max_pixels}")));
        }
        let mut decoder = reader()?;
        decoder.limits(limits);
        let pixels = decoder.decode().map_err(|e| fail(&e))?.to_rgba8();
        let table: Vec<f32> = (0..256)
            .map(|v| v as f32 / 255.0)
            .map(|v| if meaning == Meaning::Color { linear_from_srgb(v) } else { v })
            .collect();
        let texels = pixels
            .pixels()
            .map(|p| {
                let [r, g, b] = [p[0], p[1], p[2]].map(|c| table[usize::from(c)]);
                [r, g, b, f32::from(p[3]) / 255.0]
            })
            .collect();
        let mut levels = vec![Level { width: width as usize, height: height as usize, texels }];
        while let Some(level) = levels.last().filter(|l| l.width > 1 || l.height > 1) {
            let half = level.halved();
            levels.push(half);
        }
        Ok(Self { levels })
    }

    /// Pixels of the full picture.
    pub(super) fn pixel_count(&self) -> f32 {
        self.levels.first().map_or(1.0, |l| (l.width * l.height) as f32)
    }

    /// The mean over about `texels` pixels around `uv`: trilinear, repeating at the edges.
    pub(super) fn sample(&self, uv: Vec2, texels: f32) -> Vec4 {
        let top = self.levels.len().saturating_sub(1) as f32;
        let level = (0.5 * texels.max(1.0).log2()).clamp(0.0, top);
        let (lower, blend) = (level.floor(), level.fract());
        let at = |l: f32| self.levels.get(l as usize).map_or(Vec4::ONE, |l| l.bilinear(uv));
        if blend == 0.0 { at(lower) } else { at(lower).lerp(at((lower + 1.0).min(top)), blend) }
    }
}

impl Level {
    fn halved(&self) -> Self {
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let mut texels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                // The last column or row of an odd size counts twice.
                let (x0, y0) = (2 * x, 2 * y);
                let (x1, y1) = ((x0 + 1).min(self.width - 1), (y0 + 1).min(self.height - 1));
                let sum = self.texel(x0, y0) + self.texel(x1, y0) + self.texel(x0, y1) + self.texel(x1, y1);
                texels.push((sum * 0.25).to_array());
            }
        }
        Self { width, height, texels }
    }

    fn texel(&self, x: usize, y: usize) -> Vec4 {
        Vec4::from_array(self.texels[y * self.width + x])
    }

    fn bilinear(&self, uv: Vec2) -> Vec4 {
        let wrap = |t: f32, n: usize| {
            let x = (t - t.floor()) * n as f32 - 0.5;
            let low = x.floor();
            let index = |i: f32| (i as i64).rem_euclid(n as i64) as usize;
            (index(low), index(low + 1.0), x - low)
        };
        if !uv.is_finite() {
            return Vec4::ONE;
        }
        let (x0, x1, fx) = wrap(uv.x, self.width);
        let (y0, y1, fy) = wrap(uv.y, self.height);
        let row = |y| self.texel(x0, y).lerp(self.texel(x1, y), fx);
        row(y0).lerp(row(y1), fy)
    }
}

/// IEC 61966-2-1.
pub(super) fn linear_from_srgb(v: f32) -> f32 {
    if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
}

/// IEC 61966-2-1; what is outside 0 to 1 is clamped.
pub(super) fn srgb_from_linear(v: f32) -> f32 {
    let v = v.clamp(0.0, 1.0);
    if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checker() -> Texture {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbaImage::from_fn(4, 4, |x, y| {
            image::Rgba(if (x + y) % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] })
        })
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
        let picture = Image { name: "checker".into(), mime: "image/png".into(), bytes: png.into_inner() };
        Texture::decode(&picture, Meaning::Color, 100).unwrap()
    }

    #[test]
    fn one_texel_is_itself_and_many_are_their_linear_mean() {
        let t = checker();
        assert_eq!(t.sample(Vec2::new(0.125, 0.125), 1.0).x, 1.0);
        assert_eq!(t.sample(Vec2::new(0.375, 0.125), 1.0).x, 0.0);
        assert!((t.sample(Vec2::new(0.25, 0.125), 1.0).x - 0.5).abs() < 1e-6);
        for texels in [4.0, 16.0, 1e6] {
            assert!((t.sample(Vec2::new(0.1, 0.9), texels).x - 0.5).abs() < 1e-6);
        }
    }

    #[test]
    fn srgb_matches_known_values() {
        // Middle grey: 18 % linear is 118 of 255.
        assert_eq!((srgb_from_linear(0.18) * 255.0).round(), 118.0);
        assert!((linear_from_srgb(188.0 / 255.0) - 0.503).abs() < 1e-3);
    }

    #[test]
    fn a_picture_above_the_limit_is_refused() {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbaImage::new(20, 20).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let picture = Image { name: "big".into(), mime: "image/png".into(), bytes: png.into_inner() };
        assert!(Texture::decode(&picture, Meaning::Color, 399).is_err());
    }
}
