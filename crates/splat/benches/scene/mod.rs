//! A scene for benchmarks: Gaussians lying on an ellipsoid that fills the picture, of harmonics degree 1, as an avatar's
//! do.

use effigy_splat::{Camera, Gaussians};
use glam::{Quat, Vec3};

/// `count` Gaussians spread evenly (a Fibonacci lattice), each as large as its share of the surface.
pub(crate) fn ellipsoid(count: usize) -> Gaussians {
    let mut g = Gaussians::with_capacity(count, 1);
    let axes = Vec3::new(0.75, 1.0, 0.85);
    let spacing = (4.0 * std::f32::consts::PI * 0.75 / count as f32).sqrt();
    let golden = std::f32::consts::PI * (3.0 - 5f32.sqrt());
    for i in 0..count {
        let y = 1.0 - 2.0 * (i as f32 + 0.5) / count as f32;
        let (r, a) = ((1.0 - y * y).sqrt(), golden * (i % 100_000) as f32);
        let p = Vec3::new(r * a.cos(), y, r * a.sin()) * axes;
        let normal = (p / (axes * axes)).normalize();
        g.positions.push(p);
        g.rotations.push(Quat::from_rotation_arc(Vec3::Z, normal));
        g.log_scales.push((Vec3::new(0.7, 0.7, 0.07) * spacing).map(f32::ln));
        g.opacity_logits.push(3.0);
        let wave = Vec3::new((9.0 * p.x).sin(), (8.0 * p.y).sin(), (10.0 * p.z).sin());
        g.sh.extend((1.6 * wave).to_array());
        g.sh.extend([0.03, -0.02, 0.01, 0.02, 0.02, -0.03, 0.01, -0.01, 0.02]);
    }
    g
}

/// From the front, the ellipsoid filling most of the height.
pub(crate) fn camera(size: u32) -> Camera {
    Camera::look_at(Vec3::new(0.8, 0.4, 2.9), Vec3::ZERO, Vec3::Y, 0.8, size, size)
}

/// What is measured: Gaussians and picture sizes.
pub(crate) const CASES: [(usize, u32); 6] =
    [(20_000, 512), (20_000, 1024), (65_536, 512), (65_536, 1024), (200_000, 512), (200_000, 1024)];
