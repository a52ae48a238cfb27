//! The avatar as other Gaussians than its own, for shadings that need them.

use std::sync::Arc;

use effigy_avatar::{Avatar, Part};
use effigy_render::GpuAvatar;
use effigy_splat::SH_C0;
use glam::Vec3;

use super::overlay::part_color;
use super::shade::LAYER_OPACITY;
use crate::look::Shading;

/// How much smaller ellipsoids are drawn, so that each is seen.
const ELLIPSOID: f32 = 0.55;

/// The avatar as other Gaussians than its own.
pub(crate) struct Variant {
    pub(super) shading: Shading,
    pub(super) of: Arc<Avatar>,
    pub(super) gpu: GpuAvatar,
    /// The revision it is in the pose of.
    pub(super) posed: u64,
}

/// Whether `shading` shows other Gaussians than the avatar's own.
pub(crate) fn is_needed(shading: Shading) -> bool {
    matches!(shading, Shading::Ellipsoids | Shading::Regions | Shading::Layers)
}

/// The avatar with the Gaussians that `shading` shows.
pub(crate) fn variant(avatar: &Avatar, parts: &[Part], shading: Shading) -> Avatar {
    let mut out = avatar.clone();
    let gaussians = &mut out.gaussians;
    match shading {
        Shading::Regions => {
            gaussians.sh_degree = 0;
            let color =
                |part: &Part| constant(Vec3::from_array(part_color(*part).map(|c| f32::from(c) / 255.0)));
            gaussians.sh = parts.iter().flat_map(color).collect();
        }
        Shading::Ellipsoids => {
            let width = gaussians.sh.len() / gaussians.opacity_logits.len().max(1);
            let colors: Vec<f32> = gaussians
                .sh
                .chunks_exact(width.max(1))
                .enumerate()
                .flat_map(|(i, sh)| {
                    // Neighbours of one colour would be one: each is a little lighter or darker.
                    let shade = 0.8 + 0.4 * (i as u32).wrapping_mul(2_654_435_769) as f32 / u32::MAX as f32;
                    let color = Vec3::splat(0.5) + SH_C0 * Vec3::from_slice(sh);
                    constant((shade * color).clamp(Vec3::ZERO, Vec3::ONE))
                })
                .collect();
            (gaussians.sh, gaussians.sh_degree) = (colors, 0);
            gaussians.opacity_logits.fill(7.0);
            gaussians.log_scales.iter_mut().for_each(|scale| *scale += ELLIPSOID.ln());
        }
        Shading::Layers => {
            let logit = (LAYER_OPACITY / (1.0 - LAYER_OPACITY)).ln();
            gaussians.opacity_logits.fill(logit);
        }
        _ => {}
    }
    if shading != Shading::Layers {
        return out;
    }
    // A field changes how opaque Gaussians are.
    if let Some(body) = &mut out.body {
        body.field = None;
    }
    out
}

/// The harmonics of one colour from all sides.
fn constant(color: Vec3) -> [f32; 3] {
    ((color - 0.5) / SH_C0).to_array()
}
