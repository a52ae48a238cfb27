//! Pictures of materials, filtered to the size of a surface sample.

use effigy_rig::Image;
use glam::{Vec2, Vec4};
use image::{ImageReader, Limits};

use crate::AvatarError;

const WORD_STEPS: f32 = 65535.0;

/// A picture as a pyramid of halved sizes, RGBA, 0 to 1. Takes about 7 bytes for each pixel.
pub(super) struct Texture {
    levels: Vec<Level>,
    /// What each byte of the full picture means.
    value_of_byte: [f32; 256],
}

struct Level {
    width: usize,
    height: usize,
    texels: Texels,
}

enum Texels {
    /// As decoded, four bytes each: the full picture.
    Bytes(Vec<u8>),
    /// In steps of 1/65535, linear: the halved ones.
    Words(Vec<[u16; 4]>),
}

/// What the numbers of a picture mean.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Meaning {
    /// sRGB colour, made linear; alpha as it is.
    Color,
    /// Vectors and factors, as they are.
    Data,
}

impl Texture {
    /// Decodes a picture, taking its pixels off `pixels_left`.
    pub(super) fn decode(
        picture: &Image,
        meaning: Meaning,
        pixels_left: &mut u64,
    ) -> Result<Self, AvatarError> {
        let fail =
            |e: &dyn std::fmt::Display| AvatarError::Surface(format!("picture {:?}: {e}", picture.name));
        let reader = || {
            ImageReader::new(std::io::Cursor::new(&picture.bytes[..]))
                .with_guessed_format()
                .map_err(|e| fail(&e))
        };
        let (width, height) = reader()?.into_dimensions().map_err(|e| fail(&e))?;
        let pixels = u64::from(width) * u64::from(height);
        *pixels_left = pixels_left.checked_sub(pixels).filter(|_| pixels > 0).ok_or_else(|| {
            fail(&format!("{width}x{height} pixels, of which {pixels_left} are left to all pictures"))
        })?;
        let mut limits = Limits::default();
        // Up to 16 bits for each of four channels, twice, and what decoders need whatever the size.
        limits.max_alloc = Some(pixels.saturating_mul(16).saturating_add(16 << 20));
        let mut decoder = reader()?;
        decoder.limits(limits);
        let bytes = decoder.decode().map_err(|e| fail(&e))?.into_rgba8().into_raw();
        let value_of_byte = std::array::from_fn(|v| {
            let v = v as f32 / 255.0;
            if meaning == Meaning::Color { linear_from_srgb(v) } else { v }
        });
        let full = Level { width: width as usize, height: height as usize, texels: Texels::Bytes(bytes) };
        let mut texture = Self { levels: vec![full], value_of_byte };
        while let Some(level) = texture.levels.last().filter(|l| l.width > 1 || l.height > 1) {
            let half = texture.halved(level);
            texture.levels.push(half);
        }
        Ok(texture)
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
        let at = |l: f32| self.levels.get(l as usize).map_or(Vec4::ONE, |l| self.bilinear(l, uv));
        if blend == 0.0 { at(lower) } else { at(lower).lerp(at((lower + 1.0).min(top)), blend) }
    }

    fn halved(&self, level: &Level) -> Level {
        let (width, height) = (level.width.div_ceil(2), level.height.div_ceil(2));
        let mut texels = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                // The last column or row of an odd size counts twice.
                let (x0, y0) = (2 * x, 2 * y);
                let (x1, y1) = ((x0 + 1).min(level.width - 1), (y0 + 1).min(level.height - 1));
                let corners = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)];
                let sum: Vec4 = corners.iter().map(|&(x, y)| self.texel(level, x, y)).sum();
                texels.push((sum * 0.25).to_array().map(|c| (c * WORD_STEPS).round() as u16));
            }
        }
        Level { width, height, texels: Texels::Words(texels) }
    }

    fn texel(&self, level: &Level, x: usize, y: usize) -> Vec4 {
        let at = y * level.width + x;
        match &level.texels {
            Texels::Bytes(bytes) => {
                let [r, g, b, a] = [0, 1, 2, 3].map(|channel| bytes[4 * at + channel]);
                let [r, g, b] = [r, g, b].map(|c| self.value_of_byte[usize::from(c)]);
                Vec4::new(r, g, b, f32::from(a) / 255.0)
            }
            Texels::Words(words) => Vec4::from_array(words[at].map(|c| f32::from(c) / WORD_STEPS)),
        }
    }

    fn bilinear(&self, level: &Level, uv: Vec2) -> Vec4 {
        let wrap = |t: f32, n: usize| {
            let x = (t - t.floor()) * n as f32 - 0.5;
            let low = x.floor();
            let index = |i: f32| (i as i64).rem_euclid(n as i64) as usize;
            (index(low), index(low + 1.0), x - low)
        };
        if !uv.is_finite() {
            return Vec4::ONE;
        }
        let (x0, x1, fx) = wrap(uv.x, level.width);
        let (y0, y1, fy) = wrap(uv.y, level.height);
        let row = |y| self.texel(level, x0, y).lerp(self.texel(level, x1, y), fx);
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

    fn picture(width: u32, height: u32, color: impl Fn(u32, u32) -> [u8; 4]) -> Image {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbaImage::from_fn(width, height, |x, y| image::Rgba(color(x, y)))
            .write_to(&mut png, image::ImageFormat::Png)
            .unwrap();
        Image { name: "made".into(), mime: "image/png".into(), bytes: png.into_inner() }
    }

    #[test]
    fn one_texel_is_itself_and_many_are_their_linear_mean() {
        let checker = picture(4, 4, |x, y| if (x + y) % 2 == 0 { [255; 4] } else { [0, 0, 0, 255] });
        let t = Texture::decode(&checker, Meaning::Color, &mut 100).unwrap();
        assert_eq!(t.sample(Vec2::new(0.125, 0.125), 1.0).x, 1.0);
        assert_eq!(t.sample(Vec2::new(0.375, 0.125), 1.0).x, 0.0);
        assert!((t.sample(Vec2::new(0.25, 0.125), 1.0).x - 0.5).abs() < 1e-6);
        for texels in [4.0, 16.0, 1e6] {
            // Halved pictures have steps of 1/65535.
            assert!((t.sample(Vec2::new(0.1, 0.9), texels).x - 0.5).abs() < 1e-5);
        }
    }

    #[test]
    fn halved_colours_are_linear_and_halved_data_and_alpha_are_plain() {
        let half = picture(2, 1, |x, _| [188, 100, 0, 51].map(|c| if x == 0 { c } else { 0 }));
        let mean = |meaning| Texture::decode(&half, meaning, &mut 2).unwrap().sample(Vec2::ZERO, 4.0);
        // 188 of 255 is 50.29 % linear, 100 is 12.74 %; 51 of 255 is a fifth.
        let want = Vec4::new(0.25145, 0.0637, 0.0, 0.1);
        assert!(mean(Meaning::Color).abs_diff_eq(want, 1e-4), "{}", mean(Meaning::Color));
        let want = Vec4::new(94.0 / 255.0, 50.0 / 255.0, 0.0, 0.1);
        assert!(mean(Meaning::Data).abs_diff_eq(want, 1e-5), "{}", mean(Meaning::Data));
    }

    #[test]
    fn srgb_matches_known_values() {
        // Middle grey: 18 % linear is 118 of 255.
        assert_eq!((srgb_from_linear(0.18) * 255.0).round(), 118.0);
        assert!((linear_from_srgb(188.0 / 255.0) - 0.503).abs() < 1e-3);
    }

    #[test]
    fn pictures_above_the_limit_together_are_refused() {
        let square = picture(20, 20, |_, _| [0; 4]);
        let mut left = 799;
        assert!(Texture::decode(&square, Meaning::Color, &mut left).is_ok());
        assert_eq!(left, 399);
        let said = Texture::decode(&square, Meaning::Color, &mut left).err().unwrap().to_string();
        assert!(said.contains("20x20") && said.contains("399"), "{said}");
    }
}
