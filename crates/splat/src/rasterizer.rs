//! The CPU rasteriser: project, sort by depth, bin into tiles, composite front to back.

use glam::{Quat, Vec3};
use rayon::prelude::*;

use crate::clock::Clock;
use crate::footprint::{Footprint, Row, Rows, TILE, finished};
use crate::projection::{Projector, Splat};
use crate::radix::sort_by_high_word;
use crate::sh::{rest_direction, sh_color};
use crate::splat_sums::BackwardMemory;
use crate::srgb::srgb_from_linear;
use crate::tiles::{TileBounds, Tiles};
use crate::widest::with_widest_registers;
use crate::{BlendSpace, Camera, Filter, Frame, Gaussians, Lit, SplatError, SplatOrder, SplatRules};

pub(crate) const CULLED: u32 = u32::MAX;
/// Tile entries that are held at once (128 MiB), where one row of tiles does not need more by itself.
const BAND_ENTRIES: u64 = 1 << 25;
/// Gaussians that one task takes.
pub(crate) const CHUNK: usize = 2048;

/// Renders Gaussians on the CPU. Keeps its working memory between frames.
#[derive(Default)]
pub struct Rasterizer {
    pub(crate) shaded: Vec<ShadedSplat>,
    pub(crate) depth_keys: Vec<u32>,
    pub(crate) tiles: Tiles,
    pub(crate) order: Vec<u64>,
    sort_scratch: Vec<u64>,
    pub(crate) rendered: Option<Rendered>,
    pub(crate) backward: BackwardMemory,
    pub(crate) times: StageTimes,
}

/// Of what the working memory holds the splats.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Rendered {
    pub(crate) count: usize,
    pub(crate) sh_degree: u8,
    pub(crate) with_frames: bool,
    pub(crate) camera: Camera,
    pub(crate) filter: Filter,
}

impl Rendered {
    /// Refuses `frames` of another length than `gaussians`.
    pub(crate) fn of(
        gaussians: &Gaussians,
        frames: &[Quat],
        camera: &Camera,
        filter: Filter,
    ) -> Result<Self, SplatError> {
        let count = gaussians.len();
        if !frames.is_empty() && frames.len() != count {
            return Err(SplatError::Shape(format!("{} frame rotations for {count} Gaussians", frames.len())));
        }
        let (sh_degree, with_frames) = (gaussians.sh_degree, !frames.is_empty());
        Ok(Self { count, sh_degree, with_frames, camera: *camera, filter })
    }
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
    /// The derivative of compositing, of the last call of [`Rasterizer::backward`].
    pub rasterize_backward: f64,
    /// The derivative of projection and colour, of the last call of [`Rasterizer::backward`].
    pub project_backward: f64,
}

#[derive(Clone, Copy, Default)]
pub(crate) struct ShadedSplat {
    pub(crate) splat: Splat,
    pub(crate) color: [f32; 3],
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
    /// There is a derivative only of what is drawn by [`SplatRules::CLASSIC`].
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
        let rendered = Rendered::of(gaussians, frames, camera, filter)?;
        self.draw(gaussians, frames, None, camera, filter, frame)?;
        self.rendered = (filter.rules == SplatRules::CLASSIC).then_some(rendered);
        Ok(())
    }

    /// As [`Rasterizer::render`], in another light than the captured one. There is no derivative of it.
    ///
    /// # Errors
    /// As [`Rasterizer::render`], and [`SplatError::Light`].
    pub fn render_lit(
        &mut self,
        gaussians: &Gaussians,
        frames: &[Quat],
        lit: &Lit<'_>,
        camera: &Camera,
        filter: Filter,
        frame: &mut Frame,
    ) -> Result<(), SplatError> {
        lit.light.validate()?;
        if lit.normals.len() != gaussians.len() {
            let (normals, count) = (lit.normals.len(), gaussians.len());
            return Err(SplatError::Shape(format!("{normals} normals for {count} Gaussians")));
        }
        Rendered::of(gaussians, frames, camera, filter)?;
        self.draw(gaussians, frames, Some(lit), camera, filter, frame)
    }

    fn draw(
        &mut self,
        gaussians: &Gaussians,
        frames: &[Quat],
        lit: Option<&Lit<'_>>,
        camera: &Camera,
        filter: Filter,
        frame: &mut Frame,
    ) -> Result<(), SplatError> {
        camera.validate()?;
        gaussians.validate_shape()?;
        let mut clock = Clock::start();
        self.rendered = None;
        self.tiles.reset(camera.width, camera.height, gaussians.len());
        self.project(gaussians, frames, lit, camera, filter);
        self.times.project = clock.lap();
        self.sort();
        self.times.sort = clock.lap();
        self.tiles.count(&self.order);
        self.times.bin = clock.lap();
        frame.reset(camera.width, camera.height);
        self.times.rasterize = clock.lap();
        // Usually one band holds all rows of tiles.
        let mut first = 0;
        while first < self.tiles.rows {
            let end = self.tiles.band_end(first, BAND_ENTRIES);
            self.tiles.bin(first..end, &self.order);
            self.times.bin += clock.lap();
            self.composite(filter.rules.blending, frame);
            self.times.rasterize += clock.lap();
            first = end;
        }
        Ok(())
    }

    fn project(
        &mut self,
        gaussians: &Gaussians,
        frames: &[Quat],
        lit: Option<&Lit<'_>>,
        camera: &Camera,
        filter: Filter,
    ) {
        let projector = Projector::new(camera, filter);
        let eye = camera.eye();
        let SplatRules { order, blending, .. } = filter.rules;
        let (columns, rows) = (self.tiles.columns, self.tiles.rows);
        let n = gaussians.len();
        self.shaded.resize(n, ShadedSplat::default());
        self.depth_keys.resize(n, CULLED);
        let arch = pulp::Arch::new();
        self.shaded
            .par_chunks_mut(CHUNK)
            .zip(self.depth_keys.par_chunks_mut(CHUNK))
            .zip(self.tiles.bounds.par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(|(chunk, ((shaded, keys), tiles))| {
                with_widest_registers(
                    arch,
                    #[inline(always)]
                    || {
                        for (j, ((out, key), tiles)) in
                            shaded.iter_mut().zip(keys.iter_mut()).zip(tiles.iter_mut()).enumerate()
                        {
                            let i = chunk * CHUNK + j;
                            *key = CULLED;
                            let position = gaussians.positions[i];
                            let Some(splat) = projector.project(position, &gaussians.activate(i)) else {
                                continue;
                            };
                            let direction = match gaussians.sh_degree {
                                0 => Vec3::ZERO,
                                _ => rest_direction(position - eye, frames.get(i)),
                            };
                            let mut color = sh_color(gaussians.sh_degree, gaussians.sh_of(i), direction);
                            if let Some(lit) = lit {
                                color = lit.shade(i, color, frames.get(i), position - eye, blending);
                            }
                            *out = ShadedSplat { splat, color: color.into() };
                            *tiles = TileBounds::of(&splat, columns, rows);
                            let distance = match order {
                                SplatOrder::ViewDepth => splat.depth,
                                SplatOrder::EyeDistance => (position - eye).length(),
                            };
                            // The bits of positive floats sort like the floats.
                            *key = distance.to_bits();
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

    /// Composites the band of tiles that is listed.
    fn composite(&self, blending: BlendSpace, frame: &mut Frame) {
        let width = frame.width as usize;
        let (band, columns) = (self.tiles.band(), self.tiles.columns);
        let arch = pulp::Arch::new();
        frame
            .color
            .par_chunks_mut(width * TILE)
            .zip(frame.depth.par_chunks_mut(width * TILE))
            .skip(band.start)
            .take(band.len())
            .enumerate()
            .for_each(|(row, (color, depth))| {
                with_widest_registers(
                    arch,
                    #[inline(always)]
                    || {
                        let mut tile = Tile::default();
                        for column in 0..columns {
                            let entries = self.tiles.entries(row * columns + column);
                            if entries.is_empty() {
                                continue;
                            }
                            tile.composite(&self.shaded, entries, column * TILE, (band.start + row) * TILE);
                            if blending == BlendSpace::Linear {
                                tile.encode();
                            }
                            tile.store(color, depth, width, column * TILE);
                        }
                    },
                );
            });
    }
}

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
        let mut alive = Rows::first(TILE);
        for &i in entries {
            let ShadedSplat { splat, color } = &shaded[i as usize];
            let footprint = Footprint::of(splat, left, top);
            for y in footprint.rows.and(alive) {
                let (tr, red, green, blue, depth) = (
                    &mut self.transmittance[y],
                    &mut self.red[y],
                    &mut self.green[y],
                    &mut self.blue[y],
                    &mut self.depth[y],
                );
                let alphas = footprint.alphas(y, tr);
                for x in 0..TILE {
                    let weight = tr[x] * alphas[x];
                    red[x] += weight * color[0];
                    green[x] += weight * color[1];
                    blue[x] += weight * color[2];
                    depth[x] += weight * splat.depth;
                    tr[x] -= weight;
                }
                if finished(tr) {
                    alive.remove(y);
                    if alive.is_empty() {
                        return;
                    }
                }
            }
        }
    }

    /// Puts the straight colour of every pixel through the curve of sRGB.
    fn encode(&mut self) {
        for y in 0..TILE {
            for x in 0..TILE {
                let coverage = 1.0 - self.transmittance[y][x];
                if coverage > 0.0 {
                    let light = Vec3::new(self.red[y][x], self.green[y][x], self.blue[y][x]) / coverage;
                    [self.red[y][x], self.green[y][x], self.blue[y][x]] =
                        (coverage * srgb_from_linear(light)).to_array();
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
