//! The fixed studio light that a sampled surface is coloured in, in linear light.
//!
//! Gaussians of degree 0 have one colour for all directions, so highlights are those that a viewer in front sees.

use glam::Vec3;

/// What is lit.
pub(super) struct Surface {
    /// Unit normal in world space.
    pub(super) normal: Vec3,
    /// Linear base colour.
    pub(super) albedo: Vec3,
    pub(super) roughness: f32,
    pub(super) metallic: f32,
    /// How much of the surroundings the point sees, 0 to 1.
    pub(super) openness: f32,
}

struct Lamp {
    toward: Vec3,
    color: Vec3,
    /// How far behind its horizon it still reaches: the size of a soft light.
    wrap: f32,
}

const SKY: Vec3 = Vec3::new(0.46, 0.48, 0.52);
const GROUND: Vec3 = Vec3::new(0.26, 0.23, 0.21);
const KEY: Lamp =
    Lamp { toward: Vec3::new(0.42, 0.52, 0.745), color: Vec3::new(0.74, 0.71, 0.67), wrap: 0.25 };
const FILL: Lamp =
    Lamp { toward: Vec3::new(-0.74, 0.1, 0.665), color: Vec3::new(0.13, 0.14, 0.16), wrap: 0.5 };
const RIM: Lamp =
    Lamp { toward: Vec3::new(-0.53, 0.45, -0.72), color: Vec3::new(0.3, 0.32, 0.36), wrap: 0.1 };

/// Reflectance of skin, teeth, wet eyes and most else at normal incidence.
const DIELECTRIC: f32 = 0.04;

/// Highlights are toned down: they do not move with the viewer, and strong ones that stand still look like paint.
const GLOSS: f32 = 0.4;

/// Linear colour of `surface`.
pub(super) fn shade(surface: &Surface) -> Vec3 {
    let n = surface.normal;
    let ambient = GROUND.lerp(SKY, 0.5 + 0.5 * n.y) * surface.openness;
    let mut diffuse = ambient;
    let mut specular = Vec3::ZERO;
    let roughness = surface.roughness.clamp(0.0, 1.0);
    // Blinn-Phong exponent of a GGX roughness (α = roughness²), bounded so that a glint spans a few samples.
    let exponent = (2.0 / roughness.powi(4).max(1e-4) - 2.0).clamp(1.0, 300.0);
    let base = Vec3::splat(DIELECTRIC).lerp(surface.albedo, surface.metallic);
    for lamp in [KEY, FILL, RIM] {
        let cosine = n.dot(lamp.toward);
        let wrapped = ((cosine + lamp.wrap) / (1.0 + lamp.wrap)).max(0.0);
        // Lamps are large: a crevice sees part of one.
        let light = lamp.color * surface.openness.sqrt();
        diffuse += light * wrapped;
        let half = (lamp.toward + Vec3::Z).normalize_or_zero();
        let lobe = GLOSS * (exponent + 8.0) / 8.0 * n.dot(half).max(0.0).powf(exponent);
        specular += light * base * lobe * cosine.max(0.0) * surface.openness;
    }
    surface.albedo * (1.0 - surface.metallic) * diffuse
        + specular
        // What a metal mirrors, seen as the mean of the surroundings.
        + base * ambient * surface.metallic
}
