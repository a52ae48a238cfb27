//! The normals of the surface that Gaussians lie on, for light.

use effigy_rig::rest_normals;
use glam::{Quat, Vec3};

use crate::Avatar;

/// The unit normal of each Gaussian in its rest frame, N entries; of an avatar without a body its shortest axis, of which
/// either side may be the outer one. Zero where the rig has no normal.
///
/// The avatar is taken to be valid ([`Avatar::validate`]).
pub fn normals(avatar: &Avatar) -> Vec<Vec3> {
    let g = &avatar.gaussians;
    let Some(body) = &avatar.body else {
        return g.rotations.iter().zip(&g.log_scales).map(|(&turn, &scale)| shortest(turn, scale)).collect();
    };
    let vertices = rest_normals(&body.rig);
    (body.binding.triangles.iter().zip(&body.binding.barycentric))
        .map(|(&triangle, b)| {
            let [p, q, r] = body.rig.triangles[triangle as usize].map(|v| vertices[v as usize]);
            (p * b.x + q * b.y + r * b.z).normalize_or_zero()
        })
        .collect()
}

fn shortest(rotation: Quat, log_scale: Vec3) -> Vec3 {
    let axis = if log_scale.x <= log_scale.y && log_scale.x <= log_scale.z {
        Vec3::X
    } else if log_scale.y <= log_scale.z {
        Vec3::Y
    } else {
        Vec3::Z
    };
    (rotation.normalize() * axis).normalize_or_zero()
}
