//! Normals of the surface at rest.

use glam::{Mat3, Vec3};

use crate::pose::{blend, normal_matrix};
use crate::{Palette, Pose, Rig, joint_palette};

/// Unit normals of the rig's vertices in [`Pose::rest`], V entries in world space; zero where the file's normal or the
/// skin leaves none.
///
/// The frames of [`crate::PosedVertices`] turn them into those of a pose.
pub fn rest_normals(rig: &Rig) -> Vec<Vec3> {
    let mut palette = Palette::default();
    joint_palette(rig, &Pose::rest(rig), &mut palette);
    let influences = rig.influences;
    (rig.normals.iter().enumerate())
        .map(|(v, &normal)| {
            let range = v * influences..(v + 1) * influences;
            let skin =
                blend(&palette.world_from_mesh, &rig.joint_indices[range.clone()], &rig.joint_weights[range]);
            (normal_matrix(Mat3::from(skin.matrix3)) * normal).normalize_or_zero()
        })
        .collect()
}
