//! A rendered picture in memory.

/// A picture: premultiplied colour, coverage and depth, row-major from the top left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Frame {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Premultiplied display-referred sRGB and alpha, width × height entries.
    pub color: Vec<[f32; 4]>,
    /// Expected depth along the view axis in metres, weighted by coverage; 0 where nothing is drawn.
    pub depth: Vec<f32>,
}

impl Frame {
    /// Sets the size and clears to transparent; allocates only when growing.
    pub fn reset(&mut self, width: u32, height: u32) {
        let n = width as usize * height as usize;
        (self.width, self.height) = (width, height);
        self.color.clear();
        self.color.resize(n, [0.0; 4]);
        self.depth.clear();
        self.depth.resize(n, 0.0);
    }

    /// 8-bit RGBA with straight alpha, as PNG wants it.
    pub fn to_straight_rgba8(&self) -> Vec<u8> {
        self.color
            .iter()
            .flat_map(|&[r, g, b, a]| {
                let inv = if a > 0.0 { 1.0 / a } else { 0.0 };
                [quantise(r * inv), quantise(g * inv), quantise(b * inv), quantise(a)]
            })
            .collect()
    }

    /// 8-bit RGBA, opaque, over a display-referred background colour.
    pub fn over_rgba8(&self, background: [f32; 3]) -> Vec<u8> {
        self.color
            .iter()
            .flat_map(|&[r, g, b, a]| {
                let t = 1.0 - a;
                [
                    quantise(r + t * background[0]),
                    quantise(g + t * background[1]),
                    quantise(b + t * background[2]),
                    255,
                ]
            })
            .collect()
    }
}

fn quantise(value: f32) -> u8 {
    // The cast saturates and sends NaN to 0.
    (value * 255.0 + 0.5) as u8
}
