//! Pairs of consecutive rendered frames to learn from.

use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_rig::{Pose, Track, TrackPlayer, Wrap};
use effigy_splat::{Camera, Frame, Rasterizer};
use glam::Vec3;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::TrainError;

/// Rec. ITU-R BT.709.
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];
/// Seconds between frames.
const INTERVAL: f64 = 1.0 / 30.0;
const VERTICAL_FOV: f32 = 0.42;

/// Two consecutive frames of an avatar that speaks and turns, over a background that stands still.
#[derive(Clone, Debug)]
pub struct Clip {
    /// Columns.
    pub width: usize,
    /// Luma of both frames, 0 to 1, row-major from the top left.
    pub frames: [Vec<f32>; 2],
    /// Alpha of the second.
    pub coverage: Vec<f32>,
}

impl Clip {
    /// Renders `count` pairs of `side` × `side` pixels: at random times of `track`, from random sides and distances, turning
    /// by up to 25 degrees a second, over flat, shaded and grainy backgrounds.
    ///
    /// # Errors
    /// [`TrainError::Avatar`], [`TrainError::Rig`] or [`TrainError::Splat`] for an avatar that cannot be posed or drawn.
    pub fn render(
        avatar: &Avatar,
        track: &Track,
        side: u32,
        count: usize,
        seed: u64,
    ) -> Result<Vec<Self>, TrainError> {
        let Some(body) = &avatar.body else {
            return Err(TrainError::Config("an avatar to learn from has a rig that a track can move".into()));
        };
        let player = TrackPlayer::new(track, &body.rig)?;
        let mut pose = Pose::rest(&body.rig);
        let mut poser = AvatarPoser::new(avatar)?;
        let mut posed = PosedGaussians::default();
        let (low, high) = avatar.bounds()?.unwrap_or((Vec3::splat(-0.5), Vec3::splat(0.5)));
        let height = high.y - low.y;
        let target = 0.5 * (low + high) + Vec3::new(0.0, 0.12 * height, 0.0);
        let mut rng = SmallRng::seed_from_u64(seed);
        let (mut rasterizer, mut frame) = (Rasterizer::new(), Frame::default());
        let mut clips = Vec::with_capacity(count);
        for _ in 0..count {
            let mut between = |low: f32, high: f32| low + (high - low) * rng.random::<f32>();
            let start = track.duration() * f64::from(between(0.0, 1.0));
            let (yaw, pitch) = (between(-0.7, 0.7), between(-0.2, 0.25));
            let (turn, nod) = (between(-0.43, 0.43), between(-0.1, 0.1));
            let distance = height * between(1.6, 3.2);
            let background = Background::new(&mut rng);
            let mut frames = [Vec::new(), Vec::new()];
            for (index, luma) in frames.iter_mut().enumerate() {
                let t = index as f32 * INTERVAL as f32;
                pose.reset(&body.rig);
                player.apply(start + f64::from(t), Wrap::Loop, &mut pose);
                poser.pose(avatar, &pose, &mut posed)?;
                let (yaw, pitch) = (yaw + turn * t, pitch + nod * t);
                let direction = Vec3::new(yaw.sin() * pitch.cos(), pitch.sin(), yaw.cos() * pitch.cos());
                let camera =
                    Camera::look_at(target + distance * direction, target, Vec3::Y, VERTICAL_FOV, side, side);
                rasterizer.render(&posed.gaussians, &posed.frames, &camera, avatar.filter, &mut frame)?;
                luma.extend(frame.color.iter().enumerate().map(|(i, c)| {
                    let behind = background.at(i as u32 % side, i as u32 / side, side);
                    let color: f32 = (0..3).map(|k| LUMA[k] * c[k]).sum();
                    (color + (1.0 - c[3]) * behind).clamp(0.0, 1.0)
                }));
            }
            let coverage = frame.color.iter().map(|c| c[3]).collect();
            clips.push(Self { width: side as usize, frames, coverage });
        }
        Ok(clips)
    }
}

/// Luma behind an avatar: flat, or with a slope and grain of several sizes.
struct Background {
    level: f32,
    slope: [f32; 2],
    grain: f32,
    seed: u32,
}

impl Background {
    fn new(rng: &mut SmallRng) -> Self {
        let plain = rng.random::<f32>() < 0.5;
        let scale = if plain { 0.0 } else { 1.0 };
        let slope = [(); 2].map(|()| scale * 0.4 * (rng.random::<f32>() - 0.5));
        Self {
            level: 0.05 + 0.75 * rng.random::<f32>(),
            slope,
            grain: scale * 0.25 * rng.random::<f32>(),
            seed: rng.random(),
        }
    }

    fn at(&self, x: u32, y: u32, side: u32) -> f32 {
        let place = [x, y].map(|v| v as f32 / side as f32 - 0.5);
        let mut luma = self.level + self.slope[0] * place[0] + self.slope[1] * place[1];
        if self.grain > 0.0 {
            luma += self.grain
                * [3_u32, 8, 20, 50].iter().map(|cell| 0.25 * self.noise(x, y, *cell)).sum::<f32>();
        }
        luma.clamp(0.0, 1.0)
    }

    /// Value noise of −1 to 1 between points `cell` pixels apart.
    fn noise(&self, x: u32, y: u32, cell: u32) -> f32 {
        let value = |x: u32, y: u32| {
            let mut h = self.seed ^ x.wrapping_mul(0x9e37_79b9) ^ y.wrapping_mul(0x85eb_ca6b) ^ (cell << 24);
            h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
            h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
            (h >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let (i, j) = (x / cell, y / cell);
        let smooth = |v: u32| {
            let t = (v % cell) as f32 / cell as f32;
            t * t * (3.0 - 2.0 * t)
        };
        let (u, v) = (smooth(x), smooth(y));
        let row = |j| value(i, j) * (1.0 - u) + value(i + 1, j) * u;
        row(j) * (1.0 - v) + row(j + 1) * v
    }
}
