//! The derivative of rendering.
//!
//! Compositing is gone through front to back once more. A pixel's loss enters as a linear functional of what was
//! summed there, Σ wᵢ·vᵢ with the blend weights wᵢ = Tᵢ·αᵢ and vᵢ = colourᵢ·g + g_alpha + g_depth·(depthᵢ − depth)/alpha,
//! so that all that need be known of the splats behind is R = Σ over them of wⱼ·vⱼ, which is the pixel's total less what
//! was passed: dL/dαᵢ = Tᵢ·vᵢ − R/(1 − αᵢ).
//!
//! Every tile keeps its sums for each of its splats to itself; they are added up a splat at a time, in the order of
//! tiles, so that the result does not depend on the number of threads.

use glam::{Quat, Vec2, Vec3, Vec4};
use rayon::prelude::*;

use crate::clock::Clock;
use crate::footprint::{Footprint, Row, Rows, TILE, finished};
use crate::projection::{MAX_ALPHA, Projector};
use crate::projection_backward::SplatGradient;
use crate::rasterizer::{CHUNK, CULLED, Rendered, ShadedSplat};
use crate::sh::{rest_direction, rest_direction_backward, sh_color_backward};
use crate::splat_sums::{BackwardMemory, SplatSums};
use crate::widest::with_widest_registers;
use crate::{Camera, Filter, Frame, FrameGradient, GaussianGradients, Gaussians, Rasterizer, SplatError};

// Sums of dL/dpower times 1, dx, dx², dy, dx·dy, dy².
const POWER: usize = 0;
const POWER_X: usize = 1;
const POWER_XX: usize = 2;
const POWER_Y: usize = 3;
const POWER_XY: usize = 4;
const POWER_YY: usize = 5;
/// Three sums of weight · dL/dcolour.
const COLOR: usize = 6;
/// Sum of weight · dL/d(depth · alpha).
const DEPTH: usize = 9;
/// Sum of weights.
const WEIGHT: usize = 10;

impl Rasterizer {
    /// From a loss's gradient on the picture to its gradient on the Gaussians.
    ///
    /// To be called after [`Self::render`] of the same arguments, of which `frame` is the result: the splats are kept
    /// from there. `out` is resized and overwritten; it may be used again and again without allocating.
    ///
    /// What is not continuous has no part in it: the order by depth, where a contribution falls below
    /// [`MIN_ALPHA`](crate::MIN_ALPHA), and where a pixel is finished. What was clamped (alpha at [`MAX_ALPHA`],
    /// colours at 0, slopes far off the picture) passes nothing on.
    ///
    /// # Errors
    /// [`SplatError::Gradient`] if camera, filter, number of Gaussians, harmonics degree or the presence of `frames`
    /// differ from what was rendered last, or if `frame` or `picture_gradient` is not of the camera's size. Other
    /// values that changed in between are not noticed. [`SplatError::Shape`] if arrays disagree in length.
    #[allow(clippy::too_many_arguments)] // those of `render`, its result, and what the derivative needs
    pub fn backward(
        &mut self,
        gaussians: &Gaussians,
        frames: &[Quat],
        camera: &Camera,
        filter: Filter,
        frame: &Frame,
        picture_gradient: &FrameGradient,
        out: &mut GaussianGradients,
    ) -> Result<(), SplatError> {
        gaussians.validate_shape()?;
        let asked = Rendered::of(gaussians, frames, camera, filter)?;
        if self.rendered != Some(asked) {
            return Err(SplatError::Gradient("not what was rendered last".into()));
        }
        let pixels = camera.width as usize * camera.height as usize;
        if (frame.width, frame.height) != (camera.width, camera.height)
            || frame.color.len() != pixels
            || frame.depth.len() != pixels
        {
            return Err(SplatError::Gradient("the frame is not of the camera's size".into()));
        }
        picture_gradient.validate_shape(pixels)?;
        let mut clock = Clock::start();
        out.resize_for(gaussians);
        self.backward.sums.clear();
        self.backward.sums.resize(gaussians.len(), SplatSums::default());
        let mut first = 0;
        while first < self.tiles.rows {
            let end = self.tiles.band_end(first, self.backward.entry_budget);
            self.tiles.bin(first..end, &self.order);
            self.link();
            self.composite_backward(frame, picture_gradient);
            self.gather();
            first = end;
        }
        self.times.rasterize_backward = clock.lap();
        self.project_backward(gaussians, frames, camera, filter, out);
        self.times.project_backward = clock.lap();
        Ok(())
    }

    /// Finds the entries of every splat in the band.
    fn link(&mut self) {
        let (tiles, memory) = (&self.tiles, &mut self.backward);
        let band = tiles.band();
        let first_tile = band.start * tiles.columns;
        memory.cursors.clear();
        memory.cursors.extend_from_slice(tiles.starts());
        memory.first_link.resize(tiles.bounds.len(), 0);
        memory.links.clear();
        for &entry in &self.order {
            let i = entry as u32 as usize;
            memory.first_link[i] = memory.links.len();
            for tile in tiles.bounds[i].within(&band).iter(tiles.columns) {
                let cursor = &mut memory.cursors[tile - first_tile];
                memory.links.push(*cursor);
                *cursor += 1;
            }
        }
    }

    /// Fills the sums of every entry of the band.
    fn composite_backward(&mut self, frame: &Frame, gradient: &FrameGradient) {
        let (tiles, shaded) = (&self.tiles, &self.shaded);
        let first_row = tiles.band().start;
        let starts = tiles.starts();
        self.backward.entry_sums.resize(starts[starts.len() - 1], SplatSums::default());
        let mut rest = self.backward.entry_sums.as_mut_slice();
        let mut jobs = Vec::with_capacity(starts.len() - 1);
        for tile in 0..starts.len() - 1 {
            let sums;
            (sums, rest) = rest.split_at_mut(starts[tile + 1] - starts[tile]);
            if !sums.is_empty() {
                jobs.push((tile, sums));
            }
        }
        let arch = pulp::Arch::new();
        jobs.par_iter_mut().for_each(|(tile, sums)| {
            with_widest_registers(
                arch,
                #[inline(always)]
                || {
                    let left = *tile % tiles.columns * TILE;
                    let top = (first_row + *tile / tiles.columns) * TILE;
                    let mut pixels = TileGradient::load(frame, gradient, left, top);
                    pixels.backward(shaded, tiles.entries(*tile), left, top, sums);
                },
            );
        });
    }

    /// Adds the sums of every splat's entries to the splat's.
    fn gather(&mut self) {
        let (tiles, keys) = (&self.tiles, &self.depth_keys);
        let BackwardMemory { entry_sums, first_link, links, sums, .. } = &mut self.backward;
        let band = tiles.band();
        sums.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sums)| {
            for (j, sum) in sums.iter_mut().enumerate() {
                let i = chunk * CHUNK + j;
                if keys[i] == CULLED {
                    continue;
                }
                let first = first_link[i];
                let count = tiles.bounds[i].within(&band).count();
                for &entry in &links[first..first + count] {
                    for (a, b) in sum.0.iter_mut().zip(entry_sums[entry].0) {
                        *a += b;
                    }
                }
            }
        });
    }

    /// From the splats' sums to the Gaussians.
    fn project_backward(
        &self,
        gaussians: &Gaussians,
        frames: &[Quat],
        camera: &Camera,
        filter: Filter,
        out: &mut GaussianGradients,
    ) {
        let projector = Projector::new(camera, filter);
        let eye = camera.eye();
        let degree = gaussians.sh_degree;
        let stride = crate::sh_coefficients(degree) * 3;
        let arch = pulp::Arch::new();
        out.positions
            .par_chunks_mut(CHUNK)
            .zip(out.rotations.par_chunks_mut(CHUNK))
            .zip(out.log_scales.par_chunks_mut(CHUNK))
            .zip(out.opacity_logits.par_chunks_mut(CHUNK))
            .zip(out.sh.par_chunks_mut(CHUNK * stride))
            .zip(out.contribution.par_chunks_mut(CHUNK))
            .zip(out.screen_gradient.par_chunks_mut(CHUNK))
            .enumerate()
            .for_each(
                |(chunk, ((((((positions, rotations), log_scales), logits), sh), weights), screen))| {
                    with_widest_registers(
                        arch,
                        #[inline(always)]
                        || {
                            for j in 0..positions.len() {
                                let i = chunk * CHUNK + j;
                                let sh = &mut sh[j * stride..(j + 1) * stride];
                                if self.depth_keys[i] == CULLED {
                                    positions[j] = Vec3::ZERO;
                                    rotations[j] = Vec4::ZERO;
                                    log_scales[j] = Vec3::ZERO;
                                    logits[j] = 0.0;
                                    sh.fill(0.0);
                                    weights[j] = 0.0;
                                    screen[j] = 0.0;
                                    continue;
                                }
                                let ShadedSplat { splat, color } = &self.shaded[i];
                                let SplatSums(s) = &self.backward.sums[i];
                                let [xx, xy, yy] = splat.conic;
                                let gradient = SplatGradient {
                                    center: [
                                        xx * s[POWER_X] + xy * s[POWER_Y],
                                        yy * s[POWER_Y] + xy * s[POWER_X],
                                    ],
                                    conic: [-0.5 * s[POWER_XX], -s[POWER_XY], -0.5 * s[POWER_YY]],
                                    opacity: s[POWER] / splat.opacity,
                                    depth: s[DEPTH],
                                };
                                let position = gaussians.positions[i];
                                let activated = gaussians.activate(i);
                                let (mut d_position, d_activated) =
                                    projector.project_backward(position, &activated, splat, &gradient);
                                let from_eye = position - eye;
                                let rotation = frames.get(i);
                                let direction =
                                    if degree > 0 { rest_direction(from_eye, rotation) } else { Vec3::ZERO };
                                let d_color = Vec3::new(s[COLOR], s[COLOR + 1], s[COLOR + 2]);
                                let coefficients = gaussians.sh_of(i);
                                let d_direction = sh_color_backward(
                                    degree,
                                    coefficients,
                                    direction,
                                    Vec3::from(*color),
                                    d_color,
                                    sh,
                                );
                                if degree > 0 {
                                    d_position += rest_direction_backward(from_eye, rotation, d_direction);
                                }
                                positions[j] = d_position;
                                (rotations[j], log_scales[j], logits[j]) =
                                    gaussians.activate_backward(i, &activated, &d_activated);
                                weights[j] = s[WEIGHT];
                                screen[j] = Vec2::from(gradient.center).length();
                            }
                        },
                    );
                },
            );
    }
}

/// The pixels of a tile as they are gone through. Pixels outside of the picture have nothing left to cover.
struct TileGradient {
    transmittance: [Row; TILE],
    /// What the splats not yet passed contribute to the loss.
    rest: [Row; TILE],
    /// Gradients on premultiplied colour, alpha and depth · alpha.
    red: [Row; TILE],
    green: [Row; TILE],
    blue: [Row; TILE],
    alpha: [Row; TILE],
    depth: [Row; TILE],
    /// The expected depth.
    expected: [Row; TILE],
    rows: usize,
}

impl TileGradient {
    #[inline(always)]
    fn load(frame: &Frame, gradient: &FrameGradient, left: usize, top: usize) -> Self {
        let width = frame.width as usize;
        let columns = TILE.min(width - left);
        let zero = [[0.0; TILE]; TILE];
        let mut tile = Self {
            transmittance: zero,
            rest: zero,
            red: zero,
            green: zero,
            blue: zero,
            alpha: zero,
            depth: zero,
            expected: zero,
            rows: TILE.min(frame.height as usize - top),
        };
        for y in 0..tile.rows {
            let start = (top + y) * width + left;
            let colors = &frame.color[start..start + columns];
            let gradients = &gradient.color[start..start + columns];
            for (x, (&[red, green, blue, alpha], g)) in colors.iter().zip(gradients).enumerate() {
                tile.transmittance[y][x] = 1.0;
                // The depth's part in the total is Σ wᵢ·(depthᵢ − depth) = 0.
                tile.rest[y][x] = red * g[0] + green * g[1] + blue * g[2] + alpha * g[3];
                tile.red[y][x] = g[0];
                tile.green[y][x] = g[1];
                tile.blue[y][x] = g[2];
                tile.alpha[y][x] = g[3];
            }
            if !gradient.depth.is_empty() {
                let depths = &frame.depth[start..start + columns];
                let gradients = &gradient.depth[start..start + columns];
                for x in 0..columns {
                    let coverage = colors[x][3];
                    tile.expected[y][x] = depths[x];
                    tile.depth[y][x] = if coverage > 0.0 { gradients[x] / coverage } else { 0.0 };
                }
            }
        }
        tile
    }

    #[inline(always)]
    fn backward(
        &mut self,
        shaded: &[ShadedSplat],
        entries: &[u32],
        left: usize,
        top: usize,
        sums: &mut [SplatSums],
    ) {
        let mut alive = Rows::first(self.rows);
        for (&i, sums) in entries.iter().zip(sums.iter_mut()) {
            *sums = SplatSums::default();
            if alive.is_empty() {
                continue;
            }
            let ShadedSplat { splat, color } = &shaded[i as usize];
            let footprint = Footprint::of(splat, left, top);
            // dL/dpower times 1, dy and dy², by column.
            let (mut power, mut power_y, mut power_yy) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
            let (mut red, mut green, mut blue) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
            let (mut depth, mut weights) = ([0.0; TILE], [0.0; TILE]);
            for y in footprint.rows.and(alive) {
                let (tr, rest) = (&mut self.transmittance[y], &mut self.rest[y]);
                let (g_red, g_green, g_blue) = (&self.red[y], &self.green[y], &self.blue[y]);
                let (g_alpha, g_depth, expected) = (&self.alpha[y], &self.depth[y], &self.expected[y]);
                let alphas = footprint.alphas(y, tr);
                let dy = footprint.dy(y);
                for x in 0..TILE {
                    let alpha = alphas[x];
                    let weight = tr[x] * alpha;
                    let value = color[0] * g_red[x]
                        + color[1] * g_green[x]
                        + color[2] * g_blue[x]
                        + g_alpha[x]
                        + g_depth[x] * (splat.depth - expected[x]);
                    rest[x] -= weight * value;
                    let d_alpha = tr[x] * value - rest[x] / (1.0 - alpha);
                    let d_power = if alpha < MAX_ALPHA { d_alpha * alpha } else { 0.0 };
                    power[x] += d_power;
                    power_y[x] += d_power * dy;
                    power_yy[x] += d_power * (dy * dy);
                    red[x] += weight * g_red[x];
                    green[x] += weight * g_green[x];
                    blue[x] += weight * g_blue[x];
                    depth[x] += weight * g_depth[x];
                    weights[x] += weight;
                    tr[x] -= weight;
                }
                if finished(tr) {
                    alive.remove(y);
                }
            }
            let dx = &footprint.dx;
            let (mut power_x, mut power_xx, mut power_xy) = ([0.0; TILE], [0.0; TILE], [0.0; TILE]);
            for x in 0..TILE {
                power_x[x] = power[x] * dx[x];
                power_xx[x] = power_x[x] * dx[x];
                power_xy[x] = power_y[x] * dx[x];
            }
            sums.0[POWER] = sum(power);
            sums.0[POWER_X] = sum(power_x);
            sums.0[POWER_XX] = sum(power_xx);
            sums.0[POWER_Y] = sum(power_y);
            sums.0[POWER_XY] = sum(power_xy);
            sums.0[POWER_YY] = sum(power_yy);
            sums.0[COLOR] = sum(red);
            sums.0[COLOR + 1] = sum(green);
            sums.0[COLOR + 2] = sum(blue);
            sums.0[DEPTH] = sum(depth);
            sums.0[WEIGHT] = sum(weights);
        }
    }
}

/// Pairwise, so that it vectorises without changing its order from machine to machine.
#[inline(always)]
fn sum(mut row: Row) -> f32 {
    let mut half = TILE / 2;
    while half > 0 {
        for x in 0..half {
            row[x] += row[x + half];
        }
        half /= 2;
    }
    row[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_change_nothing() {
        // Some of these reach over all rows of tiles, others lie within one.
        let mut g = Gaussians::with_capacity(200, 1);
        for i in 0..200 {
            let t = i as f32;
            g.positions.push(Vec3::new((3.0 * t).sin(), (5.0 * t).cos(), 0.3 * (7.0 * t).sin()));
            g.rotations.push(Quat::from_xyzw((2.0 * t).sin(), t.cos(), 0.3, 1.0));
            g.log_scales.push(Vec3::new((11.0 * t).sin(), t.cos(), (13.0 * t).cos()) - 2.5);
            g.opacity_logits.push((17.0 * t).sin());
            g.sh.extend((0..12).map(|k| (19.0 * t + k as f32).sin()));
        }
        let camera = Camera::look_at(Vec3::new(0.4, 0.2, 3.0), Vec3::ZERO, Vec3::Y, 0.8, 90, 101);
        let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
        rasterizer.render(&g, &[], &camera, Filter::MIP, &mut frame).expect("a frame");
        let gradient = FrameGradient { color: frame.color.clone(), depth: frame.depth.clone() };
        let mut gradients = |entry_budget: u64| {
            rasterizer.backward.entry_budget = entry_budget;
            let mut out = GaussianGradients::default();
            rasterizer
                .backward(&g, &[], &camera, Filter::MIP, &frame, &gradient, &mut out)
                .expect("gradients");
            (out, rasterizer.tiles.band())
        };
        let (whole, band) = gradients(1 << 22);
        assert_eq!(band, 0..7);
        for (budget, last) in [(1, 6..7), (1 << 22, 0..7)] {
            let (out, band) = gradients(budget);
            assert_eq!(band, last);
            assert_eq!(out, whole);
        }
    }
}
