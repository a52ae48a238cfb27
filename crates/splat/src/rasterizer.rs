//! The CPU rasteriser: project, sort by depth, bin into tiles, composite front to back.
//!
//! A tile is 16 pixels wide so that one row of it is one AVX-512, two AVX or four SSE registers; the inner loops are
//! plain arrays that the compiler vectorises for whatever the machine has. No fused multiply-add is used, so that wider
//! registers change nothing in the result.

use glam::{Quat, Vec3};
use rayon::prelude::*;

use crate::projection::{MAX_ALPHA, MIN_ALPHA, MIN_TRANSMITTANCE, Projector, Splat};
use crate::radix::sort_by_high_word;
use crate::sh::sh_color;
use crate::{Camera, Filter, Frame, Gaussians, SplatError};

/// Tile width and height, pixels.
const TILE: usize = 16;
const CULLED: u32 = u32::MAX;
/// Tile entries that are held at once (128 MiB), where one row of tiles does not need more by itself.
const BAND_ENTRIES: u64 = 1 << 25;

/// Renders Gaussians on the CPU. Keeps its working memory between frames.
#[derive(Default)]
pub struct Rasterizer {
    shaded: Vec<ShadedSplat>,
    depth_keys: Vec<u32>,
    tiles: Vec<TileBounds>,
    order: Vec<u64>,
    sort_scratch: Vec<u64>,
    tile_counts: Vec<u32>,
    tile_starts: Vec<usize>,
    tile_entries: Vec<u32>,
    times: StageTimes,
}

/// Wall time of each stage of the last frame, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StageTimes {
    /// Projection, culling and colour.
    pub project: f64,
    /// Depth ordering.
    pub sort: f64,
    /// Assignment to tiles.
    pub bin: f64,
    /// Compositing.
    pub rasterize: f64,
}

#[derive(Clone, Copy, Default)]
struct ShadedSplat {
    splat: Splat,
    color: [f32; 3],
}

impl Rasterizer {
    /// A rasteriser with empty working memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Wall time of each stage of the last frame.
    pub fn stage_times(&self) -> StageTimes {
        self.times
    }

    /// Renders `gaussians` into `frame`, which is resized to the camera's picture.
    ///
    /// `frames` is empty, or holds for each Gaussian the rotation of its surface frame (world from rest): harmonics
    /// are evaluated in the rest frame, so that a turned head keeps its highlights where they were fitted.
    ///
    /// The Gaussians' values are taken to be valid (see [`Gaussians::validate`]); what is drawn of one that is not is
    /// not said.
    ///
    /// # Errors
    /// [`SplatError::Camera`] for an unusable camera, [`SplatError::Shape`] if arrays disagree in length.
    pub fn render(
        &mut self,
        gaussians: &Gaussians,
        frames: &[Quat],
        camera: &Camera,
        filter: Filter,
        frame: &mut Frame,
    ) -> Result<(), SplatError> {
        camera.validate()?;
        gaussians.validate_shape()?;
        if !frames.is_empty() && frames.len() != gaussians.len() {
            return Err(SplatError::Shape(format!(
                "{} frame rotations for {} Gaussians",
                frames.len(),
                gaussians.len()
            )));
        }
        let columns = (camera.width as usize).div_ceil(TILE);
        let rows = (camera.height as usize).div_ceil(TILE);
        let mut clock = Clock::start();
        self.project(gaussians, frames, camera, filter, columns, rows);
        self.times.project = clock.lap();
        self.sort();
        self.times.sort = clock.lap();
        self.count(columns, rows);
        self.times.bin = clock.lap();
        frame.reset(camera.width, camera.height);
        self.times.rasterize = clock.lap();
        // Usually one band holds all rows of tiles.
        let mut first = 0;
        while first < rows {
            let end = self.band_end(first, columns, rows);
            self.bin(first, end, columns);
            self.times.bin += clock.lap();
            self.composite(first, end, columns, frame);
            self.times.rasterize += clock.lap();
            first = end;
        }
        Ok(())
    }

    fn project(
        &mut self,
        gaussians: &Gaussians,
        frames: &[Quat],
        camera: &Camera,
        filter: Filter,
        columns: usize,
        rows: usize,
    ) {
        let projector = Projector::new(camera, filter);
        let eye = camera.eye();
        let n = gaussians.len();
        self.shaded.resize(n, ShadedSplat::default());
        self.depth_keys.resize(n, CULLED);
        self.tiles.resize(n, TileBounds::default());
        let arch = pulp::Arch::new();
        const CHUNK: usize = 2048;
        self.shaded
            .par_chunks_mut(CHUNK)
            .zip(self.depth_keys.par_chunks_mut(CHUNK))
            .zip(self.tiles.par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(chunk, ((shaded, keys), tiles))| {
                arch.dispatch(
                    #[inline(always)]
                    || {
                        for (j, ((out, key), tiles)) in shaded.iter_mut().zip(keys).zip(tiles).enumerate() {
                            let i = chunk * CHUNK + j;
                            *key = CULLED;
                            let position = gaussians.positions[i];
                            let Some(splat) = projector.project(position, &gaussians.activate(i)) else {
                                continue;
                            };
                            let mut direction = Vec3::ZERO;
                            if gaussians.sh_degree > 0 {
                                direction = (position - eye).normalize_or_zero();
                                if let Some(frame) = frames.get(i) {
                                    direction = frame.inverse() * direction;
                                }
                            }
                            let color = sh_color(gaussians.sh_degree, gaussians.sh_of(i), direction);
                            *out = ShadedSplat { splat, color: color.into() };
                            *tiles = TileBounds::of(&splat, columns, rows);
                            // The bits of positive floats sort like the floats.
                            *key = splat.depth.to_bits();
                        }
                    },
                );
            });
    }

    fn sort(&mut self) {
        self.order.clear();
        self.order.extend(
            self.depth_keys
                .iter()
                .enumerate()
                .filter(|(_, key)| **key != CULLED)
                .map(|(i, &key)| (u64::from(key) << 32) | i as u64),
        );
        sort_by_high_word(&mut self.order, &mut self.sort_scratch);
    }

    /// Counts the entries of every tile.
    fn count(&mut self, columns: usize, rows: usize) {
        self.tile_counts.clear();
        self.tile_counts.resize(columns * rows, 0);
        for &entry in &self.order {
            for tile in self.tiles[entry as u32 as usize].iter(columns) {
                self.tile_counts[tile] += 1;
            }
        }
    }

    /// The row of tiles before which to stop when starting at `first`, so that the entries fit the budget. One row is
    /// always taken.
    fn band_end(&self, first: usize, columns: usize, rows: usize) -> usize {
        let mut entries = 0u64;
        for row in first..rows {
            entries += self.tile_counts[row * columns..(row + 1) * columns]
                .iter()
                .map(|&c| u64::from(c))
                .sum::<u64>();
            if entries > BAND_ENTRIES && row > first {
                return row;
            }
        }
        rows
    }

    /// Lists the splats of every tile of rows `first..end`, in depth order.
    fn bin(&mut self, first: usize, end: usize, columns: usize) {
        let counts = &self.tile_counts[first * columns..end * columns];
        self.tile_starts.clear();
        let mut sum = 0;
        self.tile_starts.extend(counts.iter().map(|&count| {
            sum += count as usize;
            sum - count as usize
        }));
        self.tile_starts.push(sum);
        self.tile_entries.resize(sum, 0);
        // Filling moves each start to its tile's end, which is the next tile's start: shift back when done.
        for &entry in &self.order {
            let i = entry as u32;
            for tile in self.tiles[i as usize].within(first, end).iter(columns) {
                let slot = &mut self.tile_starts[tile - first * columns];
                self.tile_entries[*slot] = i;
                *slot += 1;
            }
        }
        let tiles = counts.len();
        self.tile_starts.copy_within(0..tiles, 1);
        self.tile_starts[0] = 0;
    }

    /// Composites rows `first..end` of tiles.
    fn composite(&self, first: usize, end: usize, columns: usize, frame: &mut Frame) {
        let width = frame.width as usize;
        let arch = pulp::Arch::new();
        frame
            .color
            .par_chunks_mut(width * TILE)
            .zip(frame.depth.par_chunks_mut(width * TILE))
            .skip(first)
            .take(end - first)
            .enumerate()
            .for_each(|(row, (color, depth))| {
                arch.dispatch(
                    #[inline(always)]
                    || {
                        let mut tile = Tile::default();
                        for column in 0..columns {
                            let t = row * columns + column;
                            let entries = &self.tile_entries[self.tile_starts[t]..self.tile_starts[t + 1]];
                            if entries.is_empty() {
                                continue;
                            }
                            tile.composite(&self.shaded, entries, column * TILE, (first + row) * TILE);
                            tile.store(color, depth, width, column * TILE);
                        }
                    },
                );
            });
    }
}

/// The tiles that hold pixel centres of a splat's box: columns and rows, ends exclusive.
#[derive(Clone, Copy, Default)]
struct TileBounds {
    columns: [u16; 2],
    rows: [u16; 2],
}

impl TileBounds {
    #[inline(always)]
    fn of(splat: &Splat, columns: usize, rows: usize) -> Self {
        let range = |center: f32, extent: f32, count: usize| {
            // The casts saturate; the largest picture has 1,024 tiles a side.
            let first = ((center - extent - 0.5).ceil().max(0.0) as usize) / TILE;
            let last = (center + extent - 0.5).floor();
            let end = if last < 0.0 { first } else { ((last as usize) / TILE + 1).min(count) };
            [first.min(end) as u16, end as u16]
        };
        Self {
            columns: range(splat.center[0], splat.extent[0], columns),
            rows: range(splat.center[1], splat.extent[1], rows),
        }
    }

    /// The part in rows `first..end`.
    #[inline(always)]
    fn within(self, first: usize, end: usize) -> Self {
        let [low, high] = self.rows;
        // Both limits are at most the number of rows, which fits.
        let low = low.max(first as u16);
        Self { rows: [low, high.min(end as u16).max(low)], ..self }
    }

    /// Numbers of the tiles in a picture of `width` columns.
    #[inline(always)]
    fn iter(self, width: usize) -> impl Iterator<Item = usize> {
        let Self { columns, rows } = self;
        (usize::from(rows[0])..usize::from(rows[1]))
            .flat_map(move |y| (usize::from(columns[0])..usize::from(columns[1])).map(move |x| y * width + x))
    }
}

/// One row of a tile.
type Row = [f32; TILE];

#[derive(Default)]
struct Tile {
    transmittance: [Row; TILE],
    red: [Row; TILE],
    green: [Row; TILE],
    blue: [Row; TILE],
    depth: [Row; TILE],
}

impl Tile {
    #[inline(always)]
    fn composite(&mut self, shaded: &[ShadedSplat], entries: &[u32], left: usize, top: usize) {
        *self = Self { transmittance: [[1.0; TILE]; TILE], ..Self::default() };
        let mut row_alive = [true; TILE];
        let mut alive = TILE;
        for &i in entries {
            let ShadedSplat { splat, color } = &shaded[i as usize];
            let cx = splat.center[0] - left as f32 - 0.5;
            let cy = splat.center[1] - top as f32 - 0.5;
            let first = (cy - splat.extent[1]).ceil().max(0.0) as usize;
            let last = (cy + splat.extent[1]).floor().min(TILE as f32 - 1.0);
            if last < 0.0 {
                continue;
            }
            let [a, b, c] = splat.conic;
            let mut dx = [0.0; TILE];
            let mut quadratic = [0.0; TILE];
            for x in 0..TILE {
                dx[x] = x as f32 - cx;
                quadratic[x] = -0.5 * a * dx[x] * dx[x];
            }
            for y in first..=last as usize {
                if !row_alive[y] {
                    continue;
                }
                let dy = y as f32 - cy;
                let constant = -0.5 * c * dy * dy;
                let linear = -b * dy;
                let (tr, red, green, blue, depth) = (
                    &mut self.transmittance[y],
                    &mut self.red[y],
                    &mut self.green[y],
                    &mut self.blue[y],
                    &mut self.depth[y],
                );
                let mut weights = [0.0; TILE];
                for x in 0..TILE {
                    let power = quadratic[x] + linear * dx[x] + constant;
                    let alpha = splat.opacity * exp(power);
                    let alpha = if alpha < MAX_ALPHA { alpha } else { MAX_ALPHA };
                    // A needle's quadratic form can come out negative by rounding far from its centre.
                    let drawn = (alpha >= MIN_ALPHA) & (tr[x] >= MIN_TRANSMITTANCE) & (power <= 0.0);
                    weights[x] = if drawn { tr[x] * alpha } else { 0.0 };
                }
                for x in 0..TILE {
                    red[x] += weights[x] * color[0];
                    green[x] += weights[x] * color[1];
                    blue[x] += weights[x] * color[2];
                    depth[x] += weights[x] * splat.depth;
                    tr[x] -= weights[x];
                }
                // Counted in integers: a maximum of floats would keep the loop from being vectorised.
                let unfinished: u32 = tr.iter().map(|&t| u32::from(t >= MIN_TRANSMITTANCE)).sum();
                if unfinished == 0 {
                    row_alive[y] = false;
                    alive -= 1;
                    if alive == 0 {
                        return;
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn store(&self, color: &mut [[f32; 4]], depth: &mut [f32], width: usize, left: usize) {
        let columns = TILE.min(width - left);
        for (y, (color, depth)) in color.chunks_mut(width).zip(depth.chunks_mut(width)).enumerate() {
            for x in 0..columns {
                let coverage = 1.0 - self.transmittance[y][x];
                color[left + x] = [self.red[y][x], self.green[y][x], self.blue[y][x], coverage];
                depth[left + x] = if coverage > 0.0 { self.depth[y][x] / coverage } else { 0.0 };
            }
        }
    }
}

/// eˣ for x ≤ 0 to about 1 ulp, written so that it vectorises: the integer part goes into the exponent bits, the
/// fraction through a polynomial (Cephes' expf).
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 · 2²³: adding it leaves the rounded value in the low mantissa bits
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.max(-80.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let f = x - n * LN_2_HIGH - n * LN_2_LOW;
    let mut p = 1.987_569_1e-4;
    p = p * f + 1.398_2e-3;
    p = p * f + 8.333_452e-3;
    p = p * f + 4.166_579_6e-2;
    p = p * f + 1.666_666_5e-1;
    p = p * f + 5e-1;
    let fraction = p * f * f + f + 1.0;
    fraction * f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000))
}

struct Clock(std::time::Instant);

impl Clock {
    fn start() -> Self {
        Self(std::time::Instant::now())
    }

    fn lap(&mut self) -> f64 {
        let now = std::time::Instant::now();
        let ms = (now - self.0).as_secs_f64() * 1e3;
        self.0 = now;
        ms
    }
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exp_is_accurate_to_an_ulp_or_two() {
        for i in 0..=20_000 {
            let x = -f64::from(i) * 1e-3;
            let want = f64::from(x as f32).exp();
            let error = (f64::from(exp(x as f32)) - want).abs() / want;
            assert!(error < 2.0 * f64::from(f32::EPSILON), "exp({x}): relative error {error}");
        }
    }
}
