//! Writes a capture without masks: the bundled head between patterned walls, with a COLMAP model.
//!
//! `cargo run --release -p effigy-train --example room -- FOLDER`
//!
//! 40 pictures of 256 x 256 pixels from all around the head. COLMAP's points lie a few millimetres off the surfaces.

#[path = "../tests/colmap/mod.rs"]
mod colmap;

use std::path::Path;

use effigy_avatar::{Avatar, AvatarPoser, PosedGaussians};
use effigy_rig::Pose;
use effigy_splat::{Camera, Frame, Rasterizer};
use glam::Vec3;
use image::{Rgb, RgbImage};

type Fault = Box<dyn std::error::Error>;

const SIZE: u32 = 256;
const VIEWS: usize = 40;
/// From the middle to the walls, metres.
const ROOM: Vec3 = Vec3::new(1.6, 1.2, 1.7);
/// Samples of a pixel of the walls, each way.
const SAMPLES: u32 = 4;
/// Points that COLMAP finds in each picture, and how far they are off.
const POINTS: usize = 60;
const OFF: f32 = 0.006;

fn main() -> Result<(), Fault> {
    let folder = std::env::args().nth(1).ok_or("name the folder to write")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder.join("images"))?;
    let avatar = Avatar::from_glb(include_bytes!("../../../assets/head.glb"))?;
    let rig = &avatar.body.as_ref().ok_or("the head has no rig")?.rig;
    let (mut posed, mut frame) = (PosedGaussians::default(), Frame::default());
    AvatarPoser::new(&avatar)?.pose(&avatar, &Pose::rest(rig), &mut posed)?;
    let mut rasterizer = Rasterizer::new();
    let mut model = colmap::Model::default();
    for view in 0..VIEWS {
        let camera = camera(view);
        rasterizer.render(&posed.gaussians, &posed.frames, &camera, avatar.filter, &mut frame)?;
        let picture = RgbImage::from_fn(SIZE, SIZE, |x, y| {
            let [r, g, b, a] = frame.color[(y * SIZE + x) as usize];
            let color = Vec3::new(r, g, b) + (1.0 - a) * behind(&camera, x, y);
            Rgb(color.to_array().map(|c| (255.0 * c + 0.5) as u8))
        });
        let name = format!("{view:02}.png");
        picture.save(folder.join("images").join(&name))?;
        model.image(&name, &camera);
        for i in 0..POINTS {
            let number = (view * POINTS + i) as f32;
            let of = |step: f32| (number * step).fract();
            let [x, y] = [of(0.618_034), of(0.754_877_7)].map(|part| (SIZE as f32 * part) as u32);
            let ray = ray(&camera, x as f32 + 0.5, y as f32 + 0.5);
            let at = (y * SIZE + x) as usize;
            // On an outline COLMAP finds nothing.
            let point = match frame.color[at][3] {
                a if a > 0.98 => camera.eye() + ray / -axial(&camera, ray) * frame.depth[at],
                a if a < 0.02 => wall(camera.eye(), ray).0,
                _ => continue,
            };
            let off = 2.0 * Vec3::new(of(0.819_172_5), of(0.671_043_6), of(0.549_700_5)) - 1.0;
            model.point(point + OFF * off, picture.get_pixel(x, y).0);
        }
    }
    model.write(folder, &camera(0));
    println!("{}: {VIEWS} pictures", folder.display());
    Ok(())
}

fn camera(view: usize) -> Camera {
    let (around, up) = (view as f32 * 2.399_963_2, 0.25 * (1.7 * view as f32).sin());
    let eye = 0.75 * Vec3::new(up.cos() * around.sin(), up.sin(), up.cos() * around.cos());
    Camera::look_at(eye, Vec3::ZERO, Vec3::Y, 0.82, SIZE, SIZE)
}

/// The direction of the ray through a place of the picture.
fn ray(camera: &Camera, x: f32, y: f32) -> Vec3 {
    let slope = Vec3::new((x - camera.cx) / camera.fx, (camera.cy - y) / camera.fy, -1.0);
    camera.camera_from_world.inverse().transform_vector3(slope).normalize()
}

/// How far one metre along `ray` is along the camera's z axis.
fn axial(camera: &Camera, ray: Vec3) -> f32 {
    camera.camera_from_world.transform_vector3(ray).z
}

/// The walls in a pixel.
fn behind(camera: &Camera, x: u32, y: u32) -> Vec3 {
    let place = |at: u32, k: u32| at as f32 + (k as f32 + 0.5) / SAMPLES as f32;
    let of = |k: u32| wall(camera.eye(), ray(camera, place(x, k % SAMPLES), place(y, k / SAMPLES))).1;
    (0..SAMPLES * SAMPLES).map(of).sum::<Vec3>() / (SAMPLES * SAMPLES) as f32
}

/// Where a ray meets a wall, and the wall's colour there.
fn wall(eye: Vec3, ray: Vec3) -> (Vec3, Vec3) {
    let ways = Vec3::from_array(std::array::from_fn(|k| (ROOM[k].copysign(ray[k]) - eye[k]) / ray[k]));
    let axis = (0..3).min_by(|&i, &j| ways[i].total_cmp(&ways[j])).unwrap_or(0);
    let p = eye + ray * ways[axis];
    let side = 2 * axis as u32 + u32::from(p[axis] > 0.0);
    let (u, v) = (p[(axis + 1) % 3], p[(axis + 2) % 3]);
    let channel = |c: u32| {
        // Halved with every octave: from blotches of half a metre to grains of two centimetres.
        let octaves = (0..5).map(|o| {
            0.5_f32.powi(o) * noise(2.0 * 2.0_f32.powi(o) * u, 2.0 * 2.0_f32.powi(o) * v, 31 * side + 7 * c)
        });
        0.1 + 0.8 * octaves.sum::<f32>() / 1.9375
    };
    (p, Vec3::new(channel(0), channel(1), channel(2)))
}

/// Value noise from 0 to 1 with cells of one by one.
fn noise(u: f32, v: f32, seed: u32) -> f32 {
    let (column, row) = (u.floor(), v.floor());
    let corner = |i: f32, j: f32| {
        let mut h = seed.wrapping_mul(0x9E37_79B9)
            ^ ((column + i) as i32 as u32).wrapping_mul(0x85EB_CA6B)
            ^ ((row + j) as i32 as u32).wrapping_mul(0xC2B2_AE35);
        h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
        h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
        (h ^ (h >> 15)) as f32 / u32::MAX as f32
    };
    let smooth = |t: f32| t * t * (3.0 - 2.0 * t);
    let (s, t) = (smooth(u - column), smooth(v - row));
    let mix = |a: f32, b: f32, t: f32| a + (b - a) * t;
    mix(mix(corner(0.0, 0.0), corner(1.0, 0.0), s), mix(corner(0.0, 1.0), corner(1.0, 1.0), s), t)
}
