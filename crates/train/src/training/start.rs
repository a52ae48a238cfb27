//! Where Gaussians start that no rig holds: at the points that came with the capture, and where its pictures agree.

use effigy_avatar::Avatar;
use effigy_capture::{Capture, PictureCache, Split};
use effigy_splat::{Camera, Filter, Gaussians, SH_C0};
use glam::{Affine3A, Quat, Vec3};
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};
use rayon::prelude::*;
use rstar::RTree;

use crate::{TrainConfig, TrainError};

/// Opacity at the start: little, so that light reaches what lies behind.
const OPACITY: f32 = 0.2;
/// The width of a Gaussian is the root mean square of the distances to this many neighbours (Kerbl et al. 2023).
const NEIGHBORS: usize = 3;
/// No Gaussian is wider than this part of its distance from the nearest camera.
const WIDEST: f32 = 0.1;

/// A place to start from, and its colour, sRGB from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seed {
    position: Vec3,
    color: [f32; 3],
}

/// Round Gaussians at the capture's points, at most [`Growth::start`](crate::Growth::start) of those that training may
/// come to, evenly chosen. Where there are fewer points, the rest starts where the training pictures agree on a colour.
///
/// # Errors
/// [`TrainError::Picture`] if a picture cannot be read.
pub(crate) fn free(
    capture: &Capture,
    pictures: &PictureCache,
    config: &TrainConfig,
) -> Result<Avatar, TrainError> {
    let count = ((config.gaussians as f32 * config.growth.start) as usize).clamp(1, config.gaussians);
    let given = capture.points.len();
    let kept = given.min(count);
    let points = (0..kept).map(|i| &capture.points[i * given / kept]);
    let mut seeds: Vec<Seed> =
        points.map(|p| Seed { position: p.position, color: p.color.map(|c| f32::from(c) / 255.0) }).collect();
    if let Some(missing) = count.checked_sub(seeds.len()).filter(|&missing| missing > 0) {
        seeds.extend(Stereo::new(capture, pictures)?.seeds(missing, config.seed));
    }
    if seeds.is_empty() {
        return Err(TrainError::Capture("no picture shows anything to start from".into()));
    }
    let eyes = capture.split(Split::Train).map(|(_, frame)| frame.camera.eye().to_array()).collect();
    let widths = widths(&seeds, eyes);
    let mut gaussians = Gaussians::with_capacity(seeds.len(), 0);
    for (seed, width) in seeds.iter().zip(widths) {
        gaussians.positions.push(seed.position);
        gaussians.rotations.push(Quat::IDENTITY);
        gaussians.log_scales.push(Vec3::splat(width.ln()));
        gaussians.opacity_logits.push((OPACITY / (1.0 - OPACITY)).ln());
        gaussians.sh.extend(seed.color.map(|c| (c - 0.5) / SH_C0));
    }
    Ok(Avatar { name: String::new(), gaussians, filter: Filter::MIP, body: None })
}

/// How wide each Gaussian starts: as its nearest neighbours are away.
fn widths(seeds: &[Seed], eyes: Vec<[f32; 3]>) -> Vec<f32> {
    let tree = RTree::bulk_load(seeds.iter().map(|s| s.position.to_array()).collect());
    let eyes = RTree::bulk_load(eyes);
    let width = |seed: &Seed| {
        let at = seed.position.to_array();
        // The first is the seed itself.
        let near = tree.nearest_neighbor_iter_with_distance_2(&at).skip(1).take(NEIGHBORS);
        let (sum, count) = near.fold((0.0, 0), |(sum, n), (_, square)| (sum + square, n + 1));
        let eye = eyes.nearest_neighbor_iter_with_distance_2(&at).next();
        let most = eye.map_or(f32::INFINITY, |(_, square)| WIDEST * square.sqrt());
        let width = if count > 0 { (sum / count as f32).sqrt() } else { most };
        // Points may lie on each other, and in a camera.
        if width.min(most).is_finite() { width.min(most).max(1e-6) } else { 1.0 }
    };
    seeds.par_iter().map(width).collect()
}

/// At most this many pictures are compared, of at most so many pixels across.
const MOST_VIEWS: usize = 64;
const ACROSS: u32 = 160;
/// Each picture is compared with so many others, those taken from nearest by.
const OTHERS: usize = 10;
/// Depths that are tried of each pixel, evenly by one over depth: from `NEAREST` to `FARTHEST` times the distance of
/// what the cameras look at; and then around the best of them.
const DEPTHS: usize = 48;
const REFINED: usize = 8;
const NEAREST: f32 = 0.35;
const FARTHEST: f32 = 30.0;
/// Of depths that agree about as well, the farther one: what hovers before a camera is in the way.
const NEARNESS: f32 = 0.004;
/// Pixels around the one in question that have to agree, too, in pixels.
const PATCH: [[f32; 2]; 5] = [[0.0, 0.0], [1.5, 0.0], [-1.5, 0.0], [0.0, 1.5], [0.0, -1.5]];
/// A pixel that is darker or more transparent than this is taken for nothing at all, as a black background is.
const NOTHING: f32 = 0.03;
/// Pixels that are tried until one shows something.
const TRIES: usize = 16;

/// Depth by comparing small pictures, pixel by pixel: rough, but enough to start from.
struct Stereo {
    views: Vec<View>,
}

/// A training picture made small.
struct View {
    camera: Camera,
    world_from_camera: Affine3A,
    /// Premultiplied.
    pixels: Vec<[f32; 4]>,
    /// Depth of what the cameras look at.
    distance: f32,
    /// Numbers of the views to compare with.
    others: Vec<usize>,
}

impl View {
    /// The point at `depth` that is seen at a place of the picture.
    fn unproject(&self, x: f32, y: f32, depth: f32) -> Vec3 {
        let c = &self.camera;
        let slope = Vec3::new((x - c.cx) / c.fx, (c.cy - y) / c.fy, -1.0);
        self.world_from_camera.transform_point3(slope * depth)
    }

    /// The colour at a place of the picture, between pixels; none outside.
    fn at(&self, x: f32, y: f32) -> Option<[f32; 4]> {
        let (width, height) = (self.camera.width as usize, self.camera.height as usize);
        let (x, y) = (x - 0.5, y - 0.5);
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        let (column, row) = (x as usize, y as usize);
        if column + 1 >= width || row + 1 >= height {
            return None;
        }
        let (u, v) = (x.fract(), y.fract());
        let pixel = |column: usize, row: usize| self.pixels[row * width + column];
        let (a, b) = (pixel(column, row), pixel(column + 1, row));
        let (c, d) = (pixel(column, row + 1), pixel(column + 1, row + 1));
        Some(std::array::from_fn(|k| {
            (a[k] * (1.0 - u) + b[k] * u) * (1.0 - v) + (c[k] * (1.0 - u) + d[k] * u) * v
        }))
    }

    /// The colour where a point is seen.
    fn of(&self, point: Vec3) -> Option<[f32; 4]> {
        let c = &self.camera;
        let p = c.camera_from_world.transform_point3(point);
        let depth = -p.z;
        if !(depth > c.near) {
            return None;
        }
        self.at(c.cx + c.fx * p.x / depth, c.cy - c.fy * p.y / depth)
    }
}

impl Stereo {
    fn new(capture: &Capture, pictures: &PictureCache) -> Result<Self, TrainError> {
        let frames: Vec<usize> = capture.split(Split::Train).map(|(i, _)| i).collect();
        let step = frames.len().div_ceil(MOST_VIEWS).max(1);
        let chosen: Vec<usize> = frames.into_iter().step_by(step).collect();
        let eyes: Vec<Vec3> = chosen.iter().map(|&i| capture.frames[i].camera.eye()).collect();
        let middle = eyes.iter().sum::<Vec3>() / eyes.len().max(1) as f32;
        let spread = eyes.iter().map(|eye| eye.distance(middle)).sum::<f32>() / eyes.len().max(1) as f32;
        let spread = if spread > 0.0 { spread } else { 1.0 };
        let center = capture.looked_at().filter(|c| c.is_finite());
        let view = |(place, &frame): (usize, &usize)| {
            let full = &capture.frames[frame].camera;
            let level = (0..32).find(|level| full.width.max(full.height) >> level <= ACROSS).unwrap_or(0);
            let picture = pictures.get(frame, level)?;
            let mut pixels = Vec::new();
            picture.premultiplied_into(&mut pixels);
            let camera = capture.frames[frame].camera_at(level);
            let depth = center.map_or(0.0, |c| -camera.camera_from_world.transform_point3(c).z);
            let mut others: Vec<usize> = (0..eyes.len()).filter(|&other| other != place).collect();
            let away = |other: usize| eyes[other].distance_squared(eyes[place]);
            others.sort_by(|&a, &b| away(a).total_cmp(&away(b)));
            others.truncate(OTHERS);
            Ok(View {
                camera,
                world_from_camera: camera.camera_from_world.inverse(),
                pixels,
                // Cameras that look outwards, or in one direction, see what is a few steps away from them.
                distance: if depth > 0.2 * spread { depth } else { 3.0 * spread },
                others,
            })
        };
        let views = chosen.par_iter().enumerate().map(view).collect::<Result<_, TrainError>>()?;
        Ok(Self { views })
    }

    /// Points on rays through pixels chosen at random.
    fn seeds(&self, count: usize, seed: u64) -> Vec<Seed> {
        let of = |i: usize| {
            let number = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let mut rng = SmallRng::seed_from_u64(seed ^ number);
            self.seed(&mut rng)
        };
        (0..count).into_par_iter().filter_map(of).collect()
    }

    fn seed(&self, rng: &mut SmallRng) -> Option<Seed> {
        for _ in 0..TRIES {
            let view = self.views.get(rng.random_range(0..self.views.len().max(1)))?;
            let x = rng.random_range(0.0..1.0) * view.camera.width as f32;
            let y = rng.random_range(0.0..1.0) * view.camera.height as f32;
            let Some(color) = view.at(x, y) else { continue };
            if color[..3].iter().all(|&c| c < NOTHING) || color[3] < NOTHING {
                continue;
            }
            let position = view.unproject(x, y, self.depth(view, x, y, rng));
            let straight = |c: f32| (c / color[3]).min(1.0);
            return Some(Seed { position, color: [color[0], color[1], color[2]].map(straight) });
        }
        None
    }

    /// The depth at which other pictures show most nearly what is seen here.
    fn depth(&self, view: &View, x: f32, y: f32, rng: &mut SmallRng) -> f32 {
        let (near, far) = (1.0 / NEAREST, 1.0 / FARTHEST);
        let step = (near - far) / DEPTHS as f32;
        let shift: f32 = rng.random();
        let patch: Vec<([f32; 2], [f32; 4])> =
            PATCH.iter().filter_map(|[dx, dy]| Some(([x + dx, y + dy], view.at(x + dx, y + dy)?))).collect();
        let cost = |nearness: f32| {
            let depth = view.distance / nearness;
            self.disagreement(view, &patch, depth).map(|d| d + NEARNESS * nearness)
        };
        let better = |best: &mut (f32, f32), nearness: f32| {
            if let Some(cost) = cost(nearness).filter(|&c| c < best.0) {
                *best = (cost, nearness);
            }
        };
        // Where nothing can be compared, chance decides.
        let mut best = (f32::INFINITY, far + rng.random::<f32>() * (near - far));
        (0..DEPTHS).for_each(|i| better(&mut best, far + (i as f32 + shift) * step));
        let middle = best.1;
        for i in 0..REFINED {
            let nearness = middle + ((i as f32 + 0.5) / REFINED as f32 - 0.5) * 2.0 * step;
            better(&mut best, nearness.max(0.5 * far));
        }
        view.distance / best.1
    }

    /// The mean difference of a patch of `view` at `depth` from the better half of the pictures that see it; none
    /// where fewer than two do.
    fn disagreement(&self, view: &View, patch: &[([f32; 2], [f32; 4])], depth: f32) -> Option<f32> {
        let mut differences = [f32::INFINITY; OTHERS];
        let mut seen = 0;
        let points: [Vec3; PATCH.len()] = std::array::from_fn(|k| {
            patch.get(k).map_or(Vec3::ZERO, |&([x, y], _)| view.unproject(x, y, depth))
        });
        for &other in &view.others {
            let (mut sum, mut count) = (0.0, 0);
            for (&point, (_, color)) in points.iter().zip(patch) {
                if let Some(there) = self.views[other].of(point) {
                    sum += (0..4).map(|k| (there[k] - color[k]).abs()).sum::<f32>();
                    count += 1;
                }
            }
            if count > 0 {
                differences[seen] = sum / count as f32;
                seen += 1;
            }
        }
        if seen < 2 {
            return None;
        }
        differences[..seen].sort_by(f32::total_cmp);
        let half = seen.div_ceil(2).max(2);
        Some(differences[..half].iter().sum::<f32>() / half as f32)
    }
}
