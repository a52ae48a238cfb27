//! A ball in a room, both patterned, ray-traced: pictures without masks, of a scene that is known exactly.

#![allow(dead_code, clippy::unwrap_used)] // Each test program uses some of it; what fails fails the test.

use std::path::Path;

use effigy_splat::Camera;
use glam::Vec3;
use image::RgbImage;
use serde_json::json;

use crate::colmap;

/// Pictures are this wide and high.
pub(crate) const SIZE: u32 = 48;
pub(crate) const VIEWS: usize = 32;
const RADIUS: f32 = 0.4;
/// From the middle to the walls.
pub(crate) const ROOM: Vec3 = Vec3::new(2.2, 1.6, 2.0);
/// Samples of a pixel, each way.
const SAMPLES: u32 = 3;

/// What is to be seen around the ball.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Around {
    Walls,
    Nothing,
}

/// The cameras stand around the ball, well inside of the room.
pub(crate) fn camera(i: usize) -> Camera {
    let y = 0.6 * (1.0 - 2.0 * (i as f32 + 0.5) / VIEWS as f32);
    let (s, c) = (i as f32 * 2.399_963_2).sin_cos();
    let eye = 1.3 * Vec3::new((1.0 - y * y).sqrt() * c, y, (1.0 - y * y).sqrt() * s);
    Camera::look_at(eye, Vec3::ZERO, Vec3::Y, 0.9, SIZE, SIZE)
}

/// The ball's colour.
fn ball(p: Vec3) -> Vec3 {
    let n = p / RADIUS;
    0.5 + 0.4 * Vec3::new((5.0 * n.x + n.y).sin(), (4.0 * n.y).sin(), (5.0 * n.z - n.x).sin())
}

/// The colour of the wall across `axis`.
fn wall(p: Vec3, axis: usize) -> Vec3 {
    let (a, b) = (p[(axis + 1) % 3], p[(axis + 2) % 3]);
    let side = 2.0 * axis as f32 + f32::from(p[axis] > 0.0);
    let wave = (3.0 * a + side).sin() * (2.5 * b - side).cos();
    let base = Vec3::new(0.5 + 0.1 * side.sin(), 0.45, 0.5 - 0.1 * side.cos());
    base + wave * Vec3::new(0.25, 0.2, -0.15)
}

/// The nearest surface along a ray: where, in what colour, and whether it is the ball.
pub(crate) fn trace(eye: Vec3, direction: Vec3) -> (Vec3, Vec3, bool) {
    let (b, c) = (eye.dot(direction), eye.length_squared() - RADIUS * RADIUS);
    let square = b * b - c;
    if square > 0.0 && -b - square.sqrt() > 0.0 {
        let p = eye + direction * (-b - square.sqrt());
        return (p, ball(p), true);
    }
    let ways =
        Vec3::from_array(std::array::from_fn(|k| (ROOM[k].copysign(direction[k]) - eye[k]) / direction[k]));
    let axis = (0..3).min_by(|&i, &j| ways[i].total_cmp(&ways[j])).unwrap();
    let p = eye + direction * ways[axis];
    (p, wall(p, axis), false)
}

/// The direction of the ray through a place of the picture.
fn ray(camera: &Camera, x: f32, y: f32) -> Vec3 {
    let slope = Vec3::new((x - camera.cx) / camera.fx, (camera.cy - y) / camera.fy, -1.0);
    camera.camera_from_world.inverse().transform_vector3(slope).normalize()
}

/// The picture of a camera, and for each pixel the part of it that the ball covers.
pub(crate) fn picture(camera: &Camera, around: Around) -> (RgbImage, Vec<f32>) {
    let mut part = Vec::new();
    let mut out = RgbImage::new(SIZE, SIZE);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let (mut sum, mut balls) = (Vec3::ZERO, 0);
        for k in 0..SAMPLES * SAMPLES {
            let place = |at: u32, k: u32| at as f32 + (k as f32 + 0.5) / SAMPLES as f32;
            let direction = ray(camera, place(x, k % SAMPLES), place(y, k / SAMPLES));
            let (_, color, is_ball) = trace(camera.eye(), direction);
            balls += u32::from(is_ball);
            if is_ball || around == Around::Walls {
                sum += color;
            }
        }
        let count = (SAMPLES * SAMPLES) as f32;
        *pixel = image::Rgb((sum / count).to_array().map(|c| (c * 255.0 + 0.5) as u8));
        part.push(balls as f32 / count);
    }
    (out, part)
}

/// Writes the pictures with a COLMAP model: every eighth is held out. Its points lie a little off the surfaces.
pub(crate) fn write_with_points(folder: &Path) {
    let mut model = colmap::Model::default();
    std::fs::create_dir_all(folder.join("images")).unwrap();
    for i in 0..VIEWS {
        let camera = camera(i);
        let name = format!("{i:02}.png");
        picture(&camera, Around::Walls).0.save(folder.join("images").join(&name)).unwrap();
        model.image(&name, &camera);
        for k in 0..20 {
            let number = (i * 20 + k) as f32;
            let place = |step: f32| SIZE as f32 * (number * step).fract();
            let (p, color, _) = trace(camera.eye(), ray(&camera, place(0.618_034), place(0.754_877_7)));
            let off = 1.0 + 0.02 * (number * 1.7).sin();
            model.point(p * off, color.to_array().map(|c| (c * 255.0) as u8));
        }
    }
    model.write(folder, &camera(0));
}

/// Writes the pictures with their cameras alone. With `shuffled`, each camera has another's picture.
pub(crate) fn write_without_points(folder: &Path, around: Around, shuffled: bool) {
    let frames = (0..VIEWS).map(|i| {
        let name = format!("{i:02}.png");
        let shown = camera(if shuffled { (i * 13 + 5) % VIEWS } else { i });
        picture(&shown, around).0.save(folder.join(&name)).unwrap();
        let m = camera(i).camera_from_world.inverse();
        let (x, t) = (m.matrix3, m.translation);
        let row = |k: usize| [x.x_axis[k], x.y_axis[k], x.z_axis[k], t[k]];
        json!({
            "file_path": name,
            "split": if i % 8 == 0 { "novel_view" } else { "train" },
            "transform_matrix": [row(0), row(1), row(2), [0.0, 0.0, 0.0, 1.0]],
        })
    });
    let frames: Vec<_> = frames.collect();
    let (f, c) = (camera(0).fx, SIZE as f32 / 2.0);
    let file = json!({"w": SIZE, "h": SIZE, "fl_x": f, "fl_y": f, "cx": c, "cy": c, "frames": frames});
    std::fs::write(folder.join("transforms.json"), file.to_string()).unwrap();
}
