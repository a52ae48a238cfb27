//! Parts of a rig that are mirrored where they stand.

use crate::{Palette, Pose, Rig, joint_palette};

impl Rig {
    /// For each of [`Rig::primitives`], whether it is mirrored on its way from mesh space to the world at rest: most of
    /// the weight of its vertices is on joints whose matrix has a negative determinant. A mesh without a skin has the
    /// matrix of its node.
    ///
    /// The triangles of such a primitive are turned over when it is read (glTF 2.0, 3.7.4), so that in the world they
    /// go counter-clockwise around the outer side, as all others do.
    pub fn mirrored_primitives(&self) -> Vec<bool> {
        let mut palette = Palette::default();
        let signs: Vec<f32> = joint_palette(self, &Pose::rest(self), &mut palette)
            .iter()
            .map(|world_from_mesh| if world_from_mesh.matrix3.determinant() < 0.0 { -1.0 } else { 1.0 })
            .collect();
        let balance = |vertices: &std::ops::Range<u32>| -> f32 {
            let range = (vertices.start as usize).saturating_mul(self.influences)
                ..(vertices.end as usize).saturating_mul(self.influences);
            let joints = self.joint_indices.get(range.clone()).unwrap_or_default();
            let weights = self.joint_weights.get(range).unwrap_or_default();
            let sign = |joint: u16| signs.get(usize::from(joint)).copied().unwrap_or(1.0);
            joints.iter().zip(weights).map(|(&joint, &weight)| weight * sign(joint)).sum()
        };
        self.primitives.iter().map(|primitive| balance(&primitive.vertices) < 0.0).collect()
    }
}
