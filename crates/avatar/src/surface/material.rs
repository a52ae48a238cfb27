//! What a rig's materials look like at a point.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use effigy_rig::{AlphaMode, Primitive, Rig};
use glam::{Vec2, Vec3, Vec4};

use super::sample::{Place, Sample};
use super::texture::{Meaning, Texture};
use crate::AvatarError;

/// Side of the square that a sample's looks are averaged over, in units of the distance between samples: Gaussians
/// blur what they show once more.
const FOOTPRINT: f32 = 0.5;

/// The pictures that the rig's materials use, decoded.
pub(super) struct Palette<'a> {
    rig: &'a Rig,
    colors: Vec<Option<Arc<Texture>>>,
    vectors: Vec<Option<Arc<Texture>>>,
    /// For each primitive, whether any of its vertices has a colour.
    colored: Vec<bool>,
}

/// A material at a point.
pub(super) struct Looks {
    /// Linear.
    pub(super) albedo: Vec3,
    /// 1 for opaque materials.
    pub(super) alpha: f32,
    /// Unit, in world space.
    pub(super) normal: Vec3,
    pub(super) roughness: f32,
    pub(super) metallic: f32,
}

impl<'a> Palette<'a> {
    /// Decodes what is used, once for each meaning, with at most `max_pixels` altogether. Pictures of the same bytes
    /// are one.
    pub(super) fn decode(rig: &'a Rig, max_pixels: u64) -> Result<Self, AvatarError> {
        let mut pixels_left = max_pixels;
        let mut decoded: HashMap<(&[u8], Meaning), Arc<Texture>> = HashMap::new();
        let mut load = |used: HashSet<usize>, meaning| -> Result<Vec<Option<Arc<Texture>>>, AvatarError> {
            let mut textures = Vec::with_capacity(rig.images.len());
            for (i, image) in rig.images.iter().enumerate() {
                textures.push(match decoded.entry((&image.bytes, meaning)) {
                    _ if !used.contains(&i) => None,
                    Entry::Occupied(known) => Some(known.get().clone()),
                    Entry::Vacant(new) => {
                        let texture = Texture::decode(image, meaning, &mut pixels_left)?;
                        Some(new.insert(Arc::new(texture)).clone())
                    }
                });
            }
            Ok(textures)
        };
        let colors = rig.materials.iter().filter_map(|m| m.base_color_image).collect();
        let vectors = rig
            .materials
            .iter()
            .flat_map(|m| [m.normal_image.map(|(i, _)| i), m.metallic_roughness_image])
            .flatten()
            .collect();
        let has_colors = |p: &Primitive| {
            let range = p.vertices.start as usize..p.vertices.end as usize;
            rig.colors.get(range).is_some_and(|colors| colors.iter().any(|&c| c != Vec4::ONE))
        };
        Ok(Self {
            rig,
            colors: load(colors, Meaning::Color)?,
            vectors: load(vectors, Meaning::Data)?,
            colored: rig.primitives.iter().map(has_colors).collect(),
        })
    }

    /// The material at a sample, averaged over a part of the area it stands for.
    pub(super) fn look_at(&self, sample: &Sample, place: &Place) -> Looks {
        let rig = self.rig;
        let uvs = rig.triangles[sample.triangle as usize].map(|v| rig.uvs[v as usize]);
        let w = sample.weights;
        let uv = uvs[0] * w.x + uvs[1] * w.y + uvs[2] * w.z;
        let material = rig.primitives[sample.primitive].material;
        let color = self.colored[sample.primitive].then(|| {
            let [a, b, c] = rig.triangles[sample.triangle as usize].map(|v| rig.colors[v as usize]);
            a * w.x + b * w.y + c * w.z
        });
        self.look(material, uv, &uvs, place, color, FOOTPRINT * sample.spacing)
    }

    /// The material at `uv` in a triangle with the given coordinates, under the `color` of its vertices, averaged over a
    /// square of side `spacing` metres.
    fn look(
        &self,
        material: Option<usize>,
        uv: Vec2,
        uvs: &[Vec2; 3],
        &Place { corners, normal: smooth, .. }: &Place,
        color: Option<Vec4>,
        spacing: f32,
    ) -> Looks {
        let Some(material) = material.and_then(|m| self.rig.materials.get(m)) else {
            return Looks {
                // White is the default of glTF, which nothing would be told by where there are no colours either.
                albedo: color.map_or(Vec3::splat(0.8), Vec4::truncate),
                alpha: 1.0,
                normal: smooth,
                roughness: 1.0,
                metallic: 0.0,
            };
        };
        let (e1, e2) = (corners[1] - corners[0], corners[2] - corners[0]);
        let (t1, t2) = (uvs[1] - uvs[0], uvs[2] - uvs[0]);
        let uv_area = t1.perp_dot(t2);
        let world_area = e1.cross(e2).length().max(f32::MIN_POSITIVE);
        let uv_per_sample = uv_area.abs() / world_area * spacing * spacing;
        let fetch = |list: &[Option<Arc<Texture>>], index: Option<usize>| {
            let texture = list.get(index?)?.as_ref()?;
            Some(texture.sample(uv, uv_per_sample * texture.pixel_count()))
        };
        let [r, g, b, factor_alpha] = material.base_color;
        let (mut albedo, mut alpha) = (Vec3::new(r, g, b), factor_alpha);
        if let Some(color) = color {
            albedo *= color.truncate();
            alpha *= color.w;
        }
        if let Some(color) = fetch(&self.colors, material.base_color_image) {
            albedo *= color.truncate();
            alpha *= color.w;
        }
        match material.alpha {
            AlphaMode::Opaque => alpha = 1.0,
            // The mean over the sample of what is cut: how far its alpha is above or below the edge.
            AlphaMode::Mask(cutoff) => alpha = (0.5 + (alpha - cutoff) * 2.0).clamp(0.0, 1.0),
            AlphaMode::Blend => {}
        }
        let (mut roughness, mut metallic) = (material.roughness, material.metallic);
        if let Some(texel) = fetch(&self.vectors, material.metallic_roughness_image) {
            roughness *= texel.y;
            metallic *= texel.z;
        }
        let mut normal = smooth;
        if let Some((image, scale)) = material.normal_image
            && let Some(texel) = fetch(&self.vectors, Some(image))
            && let Some((tangent, bitangent)) = tangents(e1, e2, t1, t2, smooth)
        {
            let bump = texel.truncate() * 2.0 - 1.0;
            normal = (tangent * (bump.x * scale) + bitangent * (bump.y * scale) + smooth * bump.z)
                .normalize_or(smooth);
        }
        Looks { albedo: albedo.max(Vec3::ZERO), alpha, normal, roughness, metallic: metallic.clamp(0.0, 1.0) }
    }
}

/// World directions of growing u and falling v (glTF's normal maps have +Y up in the picture), at right angles to
/// `normal`; `None` where the mapping is degenerate.
fn tangents(e1: Vec3, e2: Vec3, t1: Vec2, t2: Vec2, normal: Vec3) -> Option<(Vec3, Vec3)> {
    let determinant = t1.perp_dot(t2);
    let tangent = (e1 * t2.y - e2 * t1.y) * determinant.signum();
    let tangent = (tangent - normal * normal.dot(tangent)).try_normalize()?;
    // Handedness: v grows downwards in the picture, so the bitangent points to falling v.
    let down = (e2 * t1.x - e1 * t2.x) * determinant.signum();
    let bitangent = normal.cross(tangent);
    Some((tangent, if bitangent.dot(down) > 0.0 { -bitangent } else { bitangent }))
}

/// Whether a primitive casts shadows: lashes and glass do not.
pub(super) fn is_solid(rig: &Rig, primitive: usize) -> bool {
    let material = rig.primitives[primitive].material.and_then(|m| rig.materials.get(m));
    material.is_none_or(|m| m.alpha == AlphaMode::Opaque)
}

/// How much denser than the rest of the surface to sample a primitive.
pub(super) fn importance(rig: &Rig, primitive: usize) -> f64 {
    let Some(material) = rig.primitives[primitive].material.and_then(|m| rig.materials.get(m)) else {
        return 1.0;
    };
    let name = material.name.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| name.contains(w));
    if has(&["lash", "brow"]) {
        4.0
    } else if has(&["eye", "iris", "cornea", "sclera"]) {
        6.0
    } else if has(&["teeth", "tooth"]) {
        3.0
    } else {
        1.0
    }
}
