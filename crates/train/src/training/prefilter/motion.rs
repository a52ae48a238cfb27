//! How one frame moves to the next, block by block, as an encoder finds it.

/// Side of a block, pixels.
const BLOCK: usize = 16;
/// How far is searched, pixels.
const REACH: i32 = 6;

/// Where each pixel of a picture is found in the one before: a bilinear read of four of its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Motion {
    /// The four pixels' places, row-major; W · H entries.
    pub places: Vec<[u32; 4]>,
    /// Their weights, with a sum of 1.
    pub weights: Vec<[f32; 4]>,
    /// For each block of 16 × 16, row by row: how far right and down it is found, quarters of a pixel.
    pub vectors: Vec<[i32; 2]>,
}

/// Finds the motion of `to` against `from`, both of `width` pixels a row: for each block of 16 × 16 pixels the displacement
/// with the least sum of absolute differences, of whole pixels up to 6 first, then around the best of halves and of
/// quarters, each preferred if shorter. Beyond the edges the last pixel repeats.
pub fn search(from: &[f32], to: &[f32], width: usize) -> Motion {
    let height = to.len() / width.max(1);
    let mut motion = Motion {
        places: vec![[0; 4]; to.len()],
        weights: vec![[0.0; 4]; to.len()],
        vectors: Vec::with_capacity(width.div_ceil(BLOCK) * height.div_ceil(BLOCK)),
    };
    let plane = Plane { values: from, width, height };
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            let block = [left, top, (left + BLOCK).min(width), (top + BLOCK).min(height)];
            let vector = best(&plane, to, block);
            for y in top..block[3] {
                for x in left..block[2] {
                    let (places, weights) = plane.corners(x, y, vector);
                    motion.places[y * width + x] = places;
                    motion.weights[y * width + x] = weights;
                }
            }
            motion.vectors.push(vector);
        }
    }
    motion
}

struct Plane<'a> {
    values: &'a [f32],
    width: usize,
    height: usize,
}

impl Plane<'_> {
    fn corners(&self, x: usize, y: usize, vector: [i32; 2]) -> ([u32; 4], [f32; 4]) {
        let split = |at: usize, by: i32, count: usize| {
            let at = 4 * at as i32 + by;
            let (whole, part) = (at.div_euclid(4), at.rem_euclid(4) as f32 / 4.0);
            let clamp = |i: i32| i.clamp(0, count as i32 - 1) as usize;
            (clamp(whole), clamp(whole + 1), part)
        };
        let (left, right, u) = split(x, vector[0], self.width);
        let (top, bottom, v) = split(y, vector[1], self.height);
        let place = |x: usize, y: usize| (y * self.width + x) as u32;
        let places = [place(left, top), place(right, top), place(left, bottom), place(right, bottom)];
        (places, [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v])
    }

    fn cost(&self, to: &[f32], [left, top, right, bottom]: [usize; 4], vector: [i32; 2], most: f32) -> f32 {
        let mut sum = 0.0;
        for y in top..bottom {
            for x in left..right {
                let (places, weights) = self.corners(x, y, vector);
                let found: f32 = places.iter().zip(weights).map(|(p, w)| w * self.values[*p as usize]).sum();
                sum += (to[y * self.width + x] - found).abs();
            }
            if sum >= most {
                return f32::INFINITY;
            }
        }
        sum
    }
}

fn best(plane: &Plane<'_>, to: &[f32], block: [usize; 4]) -> [i32; 2] {
    let mut best = [0, 0];
    // What a vector costs, of a picture from 0 to 1.
    let length = |v: [i32; 2]| 0.002 * (v[0].abs() + v[1].abs()) as f32;
    let mut least = plane.cost(to, block, best, f32::INFINITY);
    for (step, reach) in [(4, REACH), (2, 1), (1, 1)] {
        let around = best;
        for dy in -reach..=reach {
            for dx in -reach..=reach {
                let vector = [around[0] + step * dx, around[1] + step * dy];
                let extra = length(vector);
                let cost = plane.cost(to, block, vector, least - extra) + extra;
                if cost < least {
                    (best, least) = (vector, cost);
                }
            }
        }
    }
    best
}
