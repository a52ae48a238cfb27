//! Materials, reduced to what colours Gaussians.

use glam::{Mat2, Vec2};
use gltf::json::extensions::texture::TextureTransform;
use gltf::json::material::AlphaMode as JsonAlphaMode;
use gltf::json::validation::Checked;
use gltf::json::{Root, Texture};

use crate::error::invalid;
use crate::{AlphaMode, Material, RigError};

use super::left_out::LeftOut;

/// `images` holds, for each picture of the file, its place in the rig, unless it could not be read.
pub(super) fn materials(root: &Root, images: &[Option<usize>]) -> Result<Vec<Material>, RigError> {
    let mut unread = LeftOut::default();
    for (i, _) in root.textures.iter().enumerate().filter(|(_, t)| sources(t).next().is_none()) {
        unread.add(|| format!("texture {i}"));
    }
    unread.warn("textures have no picture in PNG, JPEG or WebP and are left out");
    root.materials
        .iter()
        .enumerate()
        .map(|(i, m)| {
            let place = format!("material {i}");
            let pbr = &m.pbr_metallic_roughness;
            let image = |texture: usize| image_of(root, texture, images, &place);
            let cutoff = m.alpha_cutoff.map_or(0.5, |c| c.0);
            let material = Material {
                name: m.name.clone().unwrap_or_default(),
                base_color: pbr.base_color_factor.0,
                base_color_image: match &pbr.base_color_texture {
                    Some(info) => image(info.index.value())?,
                    None => None,
                },
                normal_image: match &m.normal_texture {
                    Some(info) => image(info.index.value())?.map(|image| (image, info.scale)),
                    None => None,
                },
                metallic_roughness_image: match &pbr.metallic_roughness_texture {
                    Some(info) => image(info.index.value())?,
                    None => None,
                },
                metallic: pbr.metallic_factor.0,
                roughness: pbr.roughness_factor.0,
                alpha: match m.alpha_mode {
                    Checked::Valid(JsonAlphaMode::Mask) => AlphaMode::Mask(cutoff),
                    Checked::Valid(JsonAlphaMode::Blend) => AlphaMode::Blend,
                    _ => AlphaMode::Opaque,
                },
                double_sided: m.double_sided,
            };
            let numbers =
                [material.metallic, material.roughness, cutoff, material.normal_image.map_or(1.0, |n| n.1)];
            if !material.base_color.iter().chain(&numbers).all(|v| v.is_finite()) {
                return Err(invalid(place, "a factor is not finite"));
            }
            Ok(material)
        })
        .collect()
}

/// The picture of a texture; `None` where it has only formats that are not read here, or its picture could not be read.
fn image_of(
    root: &Root,
    texture: usize,
    images: &[Option<usize>],
    place: &str,
) -> Result<Option<usize>, RigError> {
    let missing = |what: &str| invalid(place, format!("refers to a {what} that is not there"));
    let texture = root.textures.get(texture).ok_or_else(|| missing("texture"))?;
    for source in sources(texture) {
        match images.get(source) {
            None => return Err(missing("picture")),
            Some(None) => {}
            Some(&place) => return Ok(place),
        }
    }
    Ok(None)
}

/// The file's pictures for a texture, of the formats that are read here, best first.
fn sources(texture: &Texture) -> impl Iterator<Item = usize> {
    let webp = texture.extensions.as_ref().and_then(|e| e.others.get("EXT_texture_webp"));
    let webp = webp.and_then(|w| w.get("source")?.as_u64());
    // How the parser marks a texture without a source.
    let plain = Some(texture.source.value()).filter(|&source| source != u32::MAX as usize);
    webp.map(|source| usize::try_from(source).unwrap_or(usize::MAX)).into_iter().chain(plain)
}

/// Which texture coordinates a material's base colour uses, and how they are transformed (KHR_texture_transform); the
/// transform is applied when the mesh is read, and shared by the material's other textures.
#[derive(Clone, Copy)]
pub(super) struct UvMapping {
    pub(super) set: u32,
    offset: Vec2,
    linear: Mat2,
}

impl UvMapping {
    pub(super) fn new(root: &Root, material: Option<usize>) -> Result<Self, RigError> {
        let plain = Self { set: 0, offset: Vec2::ZERO, linear: Mat2::IDENTITY };
        let Some(index) = material else { return Ok(plain) };
        let material = root
            .materials
            .get(index)
            .ok_or_else(|| invalid("a primitive", format!("there is no material {index}")))?;
        let Some(info) = &material.pbr_metallic_roughness.base_color_texture else { return Ok(plain) };
        let transform = info.extensions.as_ref().and_then(|e| e.texture_transform.as_ref());
        let Some(TextureTransform { offset, rotation, scale, tex_coord, .. }) = transform else {
            return Ok(Self { set: info.tex_coord, ..plain });
        };
        // Counter-clockwise where v runs downwards, as renderers agree; the extension's listing has the other sign.
        let (sin, cos) = rotation.0.sin_cos();
        let linear = Mat2::from_cols(Vec2::new(cos, -sin) * scale.0[0], Vec2::new(sin, cos) * scale.0[1]);
        let mapping = Self { set: tex_coord.unwrap_or(info.tex_coord), offset: Vec2::from(offset.0), linear };
        if !(mapping.offset.is_finite() && linear.is_finite()) {
            return Err(invalid(format!("material {index}"), "its texture transform is not finite"));
        }
        Ok(mapping)
    }

    pub(super) fn apply(&self, uv: Vec2) -> Vec2 {
        self.offset + self.linear * uv
    }
}
