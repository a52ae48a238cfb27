//! Scenes that are made up, for measuring.

use effigy_avatar::Avatar;
use effigy_splat::{Filter, Gaussians, SH_C0, sh_coefficients};
use glam::{Quat, Vec3};

/// Half axes of the ellipsoid, metres: a head's proportions, life size doubled.
const AXES: Vec3 = Vec3::new(0.15, 0.2, 0.17);
const SH_DEGREE: u8 = 3;
/// One over the golden ratio, for points that spread evenly.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// `count` flat Gaussians all over an ellipsoid, as large as the way to their neighbours, in colours that change from
/// place to place and with the view. The same for the same count.
pub(crate) fn ellipsoid(count: usize) -> Avatar {
    let mut g = Gaussians::with_capacity(count, SH_DEGREE);
    let area = 4.0 * std::f32::consts::PI * AXES.x * AXES.y;
    let spacing = (area / count.max(1) as f32).sqrt();
    for i in 0..count {
        let y = 1.0 - 2.0 * (i as f64 + 0.5) / count as f64;
        let (s, c) = (std::f64::consts::TAU * (i as f64 * GOLDEN).fract()).sin_cos();
        let r = (1.0 - y * y).sqrt();
        let unit = Vec3::new((r * c) as f32, y as f32, (r * s) as f32);
        let vary = |k: f64| (i as f64 * k).fract() as f32;
        let position = unit * AXES;
        g.positions.push(position * (0.98 + 0.04 * vary(0.754_877_666)));
        g.rotations.push(Quat::from_rotation_arc(Vec3::Z, (unit / AXES).normalize()));
        let sides = [vary(0.569_840_290), vary(0.819_172_513), vary(0.671_043_607)].map(|v| 0.6 + v);
        g.log_scales.push(Vec3::new(sides[0], sides[1], 0.2 * sides[2]).map(|side| (spacing * side).ln()));
        let opacity = 0.4 + 0.58 * vary(0.549_700_478);
        g.opacity_logits.push((opacity / (1.0 - opacity)).ln());
        let color = (unit * Vec3::new(9.0, 8.0, 10.0)).map(|x| 0.45 * x.sin());
        g.sh.extend((color / SH_C0).to_array());
        g.sh.extend(
            (1..sh_coefficients(SH_DEGREE))
                .flat_map(|k| [0, 1, 2].map(|c| 0.06 * (vary(0.31 * (3 * k + c) as f64) - 0.5))),
        );
    }
    Avatar { name: format!("{count} Gaussians"), gaussians: g, filter: Filter::CLASSIC, body: None }
}
