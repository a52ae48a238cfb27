//! A short film made of numbers: a textured background, and a textured disc that moves before it.

use effigy_video::encoder::{ColorInfo, Layout, Picture};

pub(crate) struct Clip {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) layout: Layout,
    pub(crate) color: ColorInfo,
    /// Each frame's planes one after the other, without gaps.
    pub(crate) frames: Vec<Vec<u8>>,
}

/// A number from 0 to 1 that looks random.
fn noise(x: u32, y: u32, seed: u32) -> f32 {
    let mut h = x.wrapping_mul(0x9e37_79b1) ^ y.wrapping_mul(0x85eb_ca77) ^ seed.wrapping_mul(0xc2b2_ae3d);
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^= h >> 12;
    (h & 0xffff) as f32 / 65_535.0
}

/// Whether a pixel lies in the disc of frame `t`.
pub(crate) fn in_disc(x: u32, y: u32, width: u32, height: u32, t: usize) -> bool {
    let (cx, cy) = (width as f32 * 0.5 + t as f32, height as f32 * 0.5);
    let (dx, dy) = (x as f32 - cx, y as f32 - cy);
    dx * dx + dy * dy < (0.25 * width.min(height) as f32).powi(2)
}

/// Luma and both differences from 0 to 1, limited to what limited range holds.
fn sample(x: u32, y: u32, width: u32, height: u32, t: usize) -> [f32; 3] {
    let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
    let disc = in_disc(x, y, width, height, t);
    let at = if disc { x.wrapping_sub(t as u32) } else { x };
    let texture =
        0.12 * noise(at / 2, y / 2, u32::from(disc)) + 0.1 * (at as f32 * 0.4).sin() * (y as f32 * 0.3).cos();
    let luma = if disc { 0.6 + texture } else { 0.2 + 0.4 * u + texture };
    [luma.clamp(0.1, 0.9), 0.3 + 0.3 * v, if disc { 0.6 } else { 0.45 + 0.1 * u }]
}

impl Clip {
    pub(crate) fn new(width: u32, height: u32, layout: Layout, color: ColorInfo, count: usize) -> Self {
        let scale = if layout.bit_depth() > 8 { 1023.0 } else { 255.0 };
        let push = |bytes: &mut Vec<u8>, value: f32| {
            let value = (value * scale).round() as u16;
            match layout {
                Layout::P010 => bytes.extend((value << 6).to_le_bytes()),
                Layout::I420P10 | Layout::I444P10 => bytes.extend(value.to_le_bytes()),
                _ => bytes.push(value as u8),
            }
        };
        let step = if layout.full_chroma() { 1 } else { 2 };
        let frames = (0..count)
            .map(|t| {
                let mut bytes = Vec::new();
                let pixel = |x, y| sample(x, y, width, height, t);
                for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                    push(&mut bytes, pixel(x, y)[0]);
                }
                let chroma = || {
                    (0..height).step_by(step).flat_map(move |y| (0..width).step_by(step).map(move |x| (x, y)))
                };
                if matches!(layout, Layout::Nv12 | Layout::P010) {
                    for (x, y) in chroma() {
                        push(&mut bytes, pixel(x, y)[1]);
                        push(&mut bytes, pixel(x, y)[2]);
                    }
                } else {
                    for index in [1, 2] {
                        chroma().for_each(|(x, y)| push(&mut bytes, pixel(x, y)[index]));
                    }
                }
                bytes
            })
            .collect();
        Self { width, height, layout, color, frames }
    }

    pub(crate) fn picture(&self, index: usize) -> Picture<'_> {
        let mut rest = self.frames[index].as_slice();
        let mut planes = [[].as_slice(); 3];
        let mut strides = [0; 3];
        for (plane, (row, rows)) in self.layout.planes(self.width, self.height).into_iter().enumerate() {
            (planes[plane], rest) = rest.split_at(row * rows);
            strides[plane] = row;
        }
        assert!(rest.is_empty());
        Picture {
            planes,
            strides,
            width: self.width,
            height: self.height,
            layout: self.layout,
            color: self.color,
        }
    }
}
