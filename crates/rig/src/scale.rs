//! How long a unit of mesh space is in the world.

use crate::{Palette, Pose, Rig, joint_palette};

/// For each vertex how many metres of the world at rest a unit of its mesh space is, V entries: meshes in centimetres,
/// say, are scaled by their node or by the inverse bind matrices. By the joint that carries the vertex most; 1 where
/// none does.
pub fn metres_per_unit(rig: &Rig) -> Vec<f32> {
    let mut palette = Palette::default();
    let scales: Vec<f32> = joint_palette(rig, &Pose::rest(rig), &mut palette)
        .iter()
        .map(|world_from_mesh| world_from_mesh.matrix3.determinant().abs().cbrt())
        .collect();
    (0..rig.vertex_count())
        .map(|v| {
            let begin = v.saturating_mul(rig.influences);
            let range = begin..begin.saturating_add(rig.influences);
            let joints = rig.joint_indices.get(range.clone()).unwrap_or_default();
            let weights = rig.joint_weights.get(range).unwrap_or_default();
            let most = joints.iter().zip(weights).max_by(|a, b| a.1.total_cmp(b.1));
            let scale = most.and_then(|(&joint, _)| scales.get(usize::from(joint)).copied());
            scale.filter(|s| s.is_finite() && *s > 0.0).unwrap_or(1.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use glam::{Affine3A, Quat, Vec3};

    use super::metres_per_unit;
    use crate::{Joint, Node, Rig};

    #[test]
    fn nodes_and_bind_matrices_count() {
        let node = |scale: f32, parent| Node {
            name: String::new(),
            parent,
            translation: Vec3::ONE,
            rotation: Quat::from_rotation_x(0.7),
            scale: Vec3::splat(scale),
        };
        let rig = Rig {
            positions: vec![Vec3::ZERO; 3],
            nodes: vec![node(0.1, None), node(0.1, Some(0))],
            joints: vec![
                Joint { node: 1, node_from_mesh: Affine3A::IDENTITY },
                Joint { node: 0, node_from_mesh: Affine3A::from_scale(Vec3::splat(10.0)) },
            ],
            influences: 2,
            joint_indices: vec![0, 1, 1, 0, 0, 0],
            joint_weights: vec![0.6, 0.4, 0.9, 0.1, 0.0, 1.0],
            ..Rig::default()
        };
        for (found, want) in metres_per_unit(&rig).iter().zip([0.01, 1.0, 0.01]) {
            assert!((found - want).abs() < 1e-5, "{found}");
        }
        assert_eq!(metres_per_unit(&Rig { positions: vec![Vec3::ZERO], ..Rig::default() }), [1.0]);
    }
}
