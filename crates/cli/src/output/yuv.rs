//! RGB to 8-bit 4:2:0 planes: BT.709, limited range, chroma sited at the left as H.264 assumes.

use effigy_splat::Frame;
use openh264::formats::YUVSource;

/// Three planes of even size; a picture of odd size is padded by its last column and row.
#[derive(Default)]
pub(super) struct Planes {
    width: usize,
    height: usize,
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
    /// Blue and red colour differences at full resolution.
    differences: Vec<[f32; 2]>,
}

/// ITU-R BT.709-6, item 3.2: luma coefficients.
const KR: f32 = 0.2126;
const KB: f32 = 0.0722;

impl Planes {
    /// Converts `frame` over `background`.
    pub(super) fn convert(&mut self, frame: &Frame, background: [f32; 3]) {
        let (w, h) = (frame.width as usize, frame.height as usize);
        (self.width, self.height) = (w.next_multiple_of(2), h.next_multiple_of(2));
        let count = self.width * self.height;
        self.y.resize(count, 0);
        self.differences.resize(count, [0.0; 2]);
        self.u.resize(count / 4, 0);
        self.v.resize(count / 4, 0);
        for y in 0..self.height {
            for x in 0..self.width {
                let [r, g, b, a] = frame.color[y.min(h - 1) * w + x.min(w - 1)];
                let over = |c: f32, under: f32| (c + (1.0 - a) * under).clamp(0.0, 1.0);
                let (r, g, b) = (over(r, background[0]), over(g, background[1]), over(b, background[2]));
                let luma = KR * r + (1.0 - KR - KB) * g + KB * b;
                let at = y * self.width + x;
                self.y[at] = (16.0 + 219.0 * luma).round() as u8;
                self.differences[at] = [(b - luma) / (2.0 * (1.0 - KB)), (r - luma) / (2.0 * (1.0 - KR))];
            }
        }
        for y in 0..self.height / 2 {
            for x in 0..self.width / 2 {
                // Left siting: a 1-2-1 kernel around the even column, the mean of the two rows.
                let left = (2 * x).saturating_sub(1);
                let mut sum = [0.0; 2];
                for row in [2 * y, 2 * y + 1] {
                    for (column, weight) in [(left, 0.125), (2 * x, 0.25), (2 * x + 1, 0.125)] {
                        let d = self.differences[row * self.width + column];
                        sum = [sum[0] + weight * d[0], sum[1] + weight * d[1]];
                    }
                }
                let code = |d: f32| (128.0 + 224.0 * d).round() as u8;
                let at = y * (self.width / 2) + x;
                (self.u[at], self.v[at]) = (code(sum[0]), code(sum[1]));
            }
        }
    }
}

impl YUVSource for Planes {
    fn dimensions(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        (self.width, self.width / 2, self.width / 2)
    }

    fn y(&self) -> &[u8] {
        &self.y
    }

    fn u(&self) -> &[u8] {
        &self.u
    }

    fn v(&self) -> &[u8] {
        &self.v
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primaries_get_the_codes_of_the_standard() {
        // BT.709 limited range, from the standard's definition: white 235/128/128, black 16/128/128, red 63/102/240,
        // green 173/42/26, blue 32/240/118.
        for (rgb, want) in [
            ([1.0, 1.0, 1.0], (235, 128, 128)),
            ([0.0, 0.0, 0.0], (16, 128, 128)),
            ([1.0, 0.0, 0.0], (63, 102, 240)),
            ([0.0, 1.0, 0.0], (173, 42, 26)),
            ([0.0, 0.0, 1.0], (32, 240, 118)),
        ] {
            let frame = Frame {
                width: 3,
                height: 1,
                color: vec![[rgb[0], rgb[1], rgb[2], 1.0]; 3],
                depth: vec![0.0; 3],
            };
            let mut planes = Planes::default();
            planes.convert(&frame, [0.5; 3]);
            assert_eq!(planes.dimensions(), (4, 2));
            assert!(planes.y.iter().all(|&y| y == want.0), "{rgb:?}: {:?}", planes.y);
            assert!(planes.u.iter().all(|&u| u == want.1), "{rgb:?}: {:?}", planes.u);
            assert!(planes.v.iter().all(|&v| v == want.2), "{rgb:?}: {:?}", planes.v);
        }
    }
}
