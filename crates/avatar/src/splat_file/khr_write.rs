//! Writing splats as glTF with the extension `KHR_gaussian_splatting`.

use effigy_splat::{
    BlendSpace, Filter, Gaussians, SH_C0, linear_from_srgb, opacity_from_logit, sh_coefficients,
};
use glam::{Quat, Vec3};
use serde_json::{Map, json};

use crate::AvatarError;
use crate::glb::{BufferBuilder, ElementType, F32, U16, ViewUse, vector};

use super::khr::{EXTENSION, RENDER_MODE, harmonics};

/// Writes Gaussians as a `.glb` of one primitive of points that carries the extension, all of floats, with `COLOR_0` for
/// programs that show the points. Nothing is compressed.
///
/// What [`read_khr`](super::read_khr) gives back differs by the rounding of logarithms alone. The extension knows of no
/// anti-aliasing: that of the Mip filter is noted in the primitive's `extras`, as `SplatRenderMode`, and other filters
/// are not kept.
///
/// # Errors
/// [`AvatarError::Splat`] if they do not pass [`Gaussians::validate`]; [`AvatarError::Asset`] if there are none, or
/// more than the 4 GiB of a `.glb` hold.
pub fn write_khr(gaussians: &Gaussians, filter: Filter, name: &str) -> Result<Vec<u8>, AvatarError> {
    let g = gaussians;
    g.validate()?;
    let Some((low, high)) = g.bounds() else {
        return Err(AvatarError::Asset("a file without splats cannot be written".into()));
    };
    let linear = filter.rules.blending == BlendSpace::Linear;
    let mut buffer = BufferBuilder::default();
    let mut attributes = Map::new();
    let mut put = |name: &str, bytes: &[u8], kind: ElementType| {
        let accessor = buffer.accessor(bytes, ViewUse::Vertices, kind, g.len());
        attributes.insert(name.into(), json!(accessor));
        accessor
    };
    let vectors = ElementType::new(F32, "VEC3");
    let positions = put("POSITION", bytemuck::cast_slice(&g.positions), vectors);
    put("COLOR_0", &fallback_colors(g, linear), ElementType::normalized(U16, "VEC4"));
    let rotations: Vec<Quat> = g.rotations.iter().map(|q| q.as_dquat().normalize().as_quat()).collect();
    put("KHR_gaussian_splatting:ROTATION", bytemuck::cast_slice(&rotations), ElementType::new(F32, "VEC4"));
    let scales: Vec<Vec3> = g.log_scales.iter().map(|s| s.as_dvec3().exp().as_vec3()).collect();
    put("KHR_gaussian_splatting:SCALE", bytemuck::cast_slice(&scales), vectors);
    let opacities: Vec<f32> = g.opacity_logits.iter().map(|&logit| opacity_from_logit(logit)).collect();
    put("KHR_gaussian_splatting:OPACITY", bytemuck::cast_slice(&opacities), ElementType::new(F32, "SCALAR"));
    let coefficients = sh_coefficients(g.sh_degree);
    for (k, name) in harmonics().take(coefficients).enumerate() {
        let values: Vec<f32> =
            g.sh.chunks_exact(3).skip(k).step_by(coefficients).flatten().copied().collect();
        put(&name, bytemuck::cast_slice(&values), vectors);
    }
    buffer.accessors[positions]["min"] = vector(&low.to_array());
    buffer.accessors[positions]["max"] = vector(&high.to_array());
    let mut primitive = json!({
        "attributes": attributes,
        "mode": 0,
        "extensions": {
            EXTENSION: {
                "kernel": "ellipse",
                "colorSpace": if linear { "lin_rec709_display" } else { "srgb_rec709_display" },
                "projection": "perspective",
                "sortingMethod": "cameraDistance"
            }
        }
    });
    if filter.compensate {
        primitive["extras"] = json!({ RENDER_MODE: "mip" });
    }
    let mut node = json!({ "mesh": 0 });
    if !name.is_empty() {
        node["name"] = json!(name);
    }
    buffer.into_glb(json!({
        "asset": { "version": "2.0", "generator": concat!("effigy ", env!("CARGO_PKG_VERSION")) },
        "extensionsUsed": [EXTENSION],
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [node],
        "meshes": [{ "primitives": [primitive] }]
    }))
}

/// The constant colour as linear light, and opacity, 16 bits each.
fn fallback_colors(g: &Gaussians, linear: bool) -> Vec<u8> {
    let unorm = |x: f32| ((x.clamp(0.0, 1.0) * 65_535.0).round() as u16).to_le_bytes();
    let coefficients = sh_coefficients(g.sh_degree);
    let constant = g.sh.chunks_exact(3 * coefficients);
    let colors = constant.zip(&g.opacity_logits).flat_map(|(sh, &logit)| {
        let color = (0.5 + SH_C0 * Vec3::from_slice(sh)).clamp(Vec3::ZERO, Vec3::ONE);
        let color = if linear { color } else { linear_from_srgb(color) };
        color.extend(opacity_from_logit(logit)).to_array()
    });
    colors.flat_map(unorm).collect()
}
