//! Where a rig is on a picture: what stands in for masks that a capture does not have.

use effigy_splat::Camera;
use glam::{Vec2, Vec3};

use crate::loss::Target;

/// Samples across a pixel, each way.
const SAMPLES: usize = 2;

/// The part of each pixel that triangles cover, 0 to 1. Triangles that reach behind the near plane are left out.
fn coverage(positions: &[Vec3], triangles: &[[u32; 3]], camera: &Camera) -> Vec<f32> {
    let (width, height) = (camera.width as usize, camera.height as usize);
    let columns = width * SAMPLES;
    let mut hit = vec![false; columns * height * SAMPLES];
    let projected: Vec<Option<Vec2>> = positions
        .iter()
        .map(|&position| {
            let p = camera.camera_from_world.transform_point3(position);
            let depth = -p.z;
            let at = Vec2::new(camera.cx + camera.fx * p.x / depth, camera.cy - camera.fy * p.y / depth);
            (depth > camera.near).then_some(at * SAMPLES as f32).filter(|at| at.is_finite())
        })
        .collect();
    for triangle in triangles {
        let [Some(a), Some(b), Some(c)] = triangle.map(|v| projected[v as usize]) else { continue };
        let area = (b - a).perp_dot(c - a);
        if area == 0.0 {
            continue;
        }
        let (low, high) = (a.min(b).min(c), a.max(b).max(c));
        // Sample k lies at k + 0.5.
        let span = |low: f32, high: f32, most: usize| {
            let first = (low - 0.5).ceil().clamp(0.0, most as f32) as usize;
            first..((high - 0.5).floor() + 1.0).clamp(0.0, most as f32) as usize
        };
        for y in span(low.y, high.y, height * SAMPLES) {
            for x in span(low.x, high.x, columns) {
                let p = Vec2::new(x as f32 + 0.5, y as f32 + 0.5);
                let inside =
                    [(a, b), (b, c), (c, a)].iter().all(|&(s, e)| (e - s).perp_dot(p - s) / area >= 0.0);
                hit[y * columns + x] |= inside;
            }
        }
    }
    let mut out = vec![0.0; width * height];
    for (i, _) in hit.iter().enumerate().filter(|(_, hit)| **hit) {
        let (x, y) = (i % columns / SAMPLES, i / columns / SAMPLES);
        out[y * width + x] += 1.0 / (SAMPLES * SAMPLES) as f32;
    }
    out
}

/// Cuts a picture out along the outline of the mesh as `camera` sees it.
pub(crate) fn cut_out(target: &mut Target, positions: &[Vec3], triangles: &[[u32; 3]], camera: &Camera) {
    let coverage = coverage(positions, triangles, camera);
    let pixels = coverage.len();
    for plane in target.planes.chunks_exact_mut(pixels.max(1)) {
        plane.iter_mut().zip(&coverage).for_each(|(value, part)| *value *= part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_covers_what_it_should() {
        // From 2 away with a focal length of 8 pixels, half a unit is 2 pixels; the centre is (4, 3).
        let camera = Camera {
            fx: 8.0,
            fy: 8.0,
            cx: 4.0,
            cy: 3.0,
            ..Camera::look_at(Vec3::new(0.0, 0.0, 2.0), Vec3::ZERO, Vec3::Y, 1.0, 8, 6)
        };
        let corner = |x: f32, y: f32| Vec3::new(x, y, 0.0);
        // To the right and above: columns 4 to 5 and a half, rows 1 to 2. Either side of a triangle counts.
        let positions = [corner(0.0, 0.0), corner(0.625, 0.0), corner(0.625, 0.5), corner(0.0, 0.5)];
        let behind = [Vec3::new(0.0, 0.0, 3.0), Vec3::new(1.0, 0.0, 3.0), Vec3::new(0.0, 1.0, 3.0)];
        let all: Vec<Vec3> = positions.into_iter().chain(behind).collect();
        let found = coverage(&all, &[[0, 1, 2], [0, 3, 2], [4, 5, 6]], &camera);
        for y in 0..6 {
            for x in 0..8 {
                let across = [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 0.0][x];
                let expected = if (1..3).contains(&y) { across } else { 0.0 };
                assert_eq!(found[y * 8 + x], expected, "{x} {y}");
            }
        }
        let mut target = Target { width: 8, planes: vec![0.5; 4 * 48] };
        cut_out(&mut target, &all, &[[0, 1, 2], [0, 2, 3]], &camera);
        assert_eq!(target.planes[48 + 8 + 6], 0.25);
        assert_eq!(target.planes[3 * 48], 0.0);
    }
}
