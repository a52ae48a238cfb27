//! Posing on the CPU: morphs, linear-blend skinning, surface frames.

use glam::{Affine3A, Quat, Vec3};

use crate::pose::blend;
use crate::{FrameMode, Palette, Pose, Rig, RigError, SurfaceFrames, joint_palette};

/// A posed mesh in world space, V entries in each array.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PosedVertices {
    /// Metres.
    pub positions: Vec<Vec3>,
    /// Rotation of the surface at each vertex since rest.
    pub rotations: Vec<Quat>,
    /// Growth of the surface at each vertex since rest, as a length ratio in 0.25 to 4.
    pub scales: Vec<f32>,
}

/// Poses one rig again and again without allocating.
#[derive(Clone, Debug)]
pub struct Poser {
    frames: SurfaceFrames,
    palette: Palette,
    morphed: Vec<Vec3>,
}

impl Poser {
    /// Prepares to pose `rig`.
    ///
    /// # Errors
    /// Whatever [`Rig::validate`] finds.
    pub fn new(rig: &Rig, mode: FrameMode) -> Result<Self, RigError> {
        Ok(Self {
            frames: SurfaceFrames::new(rig, mode)?,
            palette: Palette::default(),
            morphed: Vec::with_capacity(rig.positions.len()),
        })
    }

    /// The frames' fixed part.
    pub fn frames(&self) -> &SurfaceFrames {
        &self.frames
    }

    /// World transforms of the last pose.
    pub fn palette(&self) -> &Palette {
        &self.palette
    }

    /// Writes `rig` in `pose` to `posed`: morphs in mesh space, then linear-blend skinning (glTF 2.0, 3.7.3), then
    /// frames. `rig` is the rig this was made for, unchanged. No allocation once `posed` has held this rig before.
    ///
    /// # Errors
    /// [`RigError::Mismatch`] if the rig or the pose has other sizes than the rig this was made for.
    pub fn pose(&mut self, rig: &Rig, pose: &Pose, posed: &mut PosedVertices) -> Result<(), RigError> {
        let vertices = rig.positions.len();
        if self.frames.rest_area.len() != vertices || rig.joint_indices.len() != vertices * rig.influences {
            return Err(RigError::Mismatch("the poser was made for another rig".into()));
        }
        if !pose.fits(rig) {
            return Err(RigError::Mismatch(format!(
                "the pose has {} morphs and {} nodes, the rig {} and {}",
                pose.morph_weights.len(),
                pose.nodes.len(),
                rig.morphs.len(),
                rig.nodes.len()
            )));
        }
        let joints = joint_palette(rig, pose, &mut self.palette);
        apply_morphs(rig, pose, &mut self.morphed);
        posed.positions.resize(vertices, Vec3::ZERO);
        posed.rotations.resize(vertices, Quat::IDENTITY);
        posed.scales.resize(vertices, 1.0);
        skin(rig, joints, &self.morphed, &mut posed.positions);
        self.frames.write(rig, joints, &posed.positions, &mut posed.rotations, &mut posed.scales);
        Ok(())
    }
}

/// Mesh-space positions after morphs, into `out`; morphs of weight 0 cost nothing.
pub(crate) fn apply_morphs(rig: &Rig, pose: &Pose, out: &mut Vec<Vec3>) {
    out.clear();
    out.extend_from_slice(&rig.positions);
    for (morph, &weight) in rig.morphs.iter().zip(&pose.morph_weights) {
        if weight != 0.0 {
            for (&v, &delta) in morph.indices.iter().zip(&morph.deltas) {
                out[v as usize] += delta * weight;
            }
        }
    }
}

/// World-space positions from mesh-space ones.
pub(crate) fn skin(rig: &Rig, palette: &[Affine3A], morphed: &[Vec3], out: &mut [Vec3]) {
    let n = rig.influences;
    for (v, (position, out)) in morphed.iter().zip(out).enumerate() {
        let influences = v * n..(v + 1) * n;
        let m = blend(palette, &rig.joint_indices[influences.clone()], &rig.joint_weights[influences]);
        *out = m.transform_point3(*position);
    }
}
