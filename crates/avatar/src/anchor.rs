//! The places of Gaussians on a posed surface.

use effigy_rig::PosedVertices;
use glam::{Quat, Vec3};
use rayon::prelude::*;

use crate::{AvatarError, Body};

/// The frame of a point of the posed surface: `world_from_rest`, as far as one rotation and scale can say it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// Metres.
    pub position: Vec3,
    /// Rotation since rest.
    pub rotation: Quat,
    /// Growth since rest, as a length ratio; positive.
    pub scale: f32,
}

impl Body {
    /// The anchor of each Gaussian on vertices of the rig, posed with the binding's frame mode: N entries into `out`,
    /// which is reused without allocating when it has held N before.
    ///
    /// # Errors
    /// [`AvatarError::Binding`] if `vertices` or the binding do not fit the rig; `out` is of no use then.
    pub fn anchors(&self, vertices: &PosedVertices, out: &mut Vec<Anchor>) -> Result<(), AvatarError> {
        self.check(vertices)?;
        let nowhere = Anchor { position: Vec3::ZERO, rotation: Quat::IDENTITY, scale: 1.0 };
        out.resize(self.binding.triangles.len(), nowhere);
        let sound = out
            .par_iter_mut()
            .enumerate()
            .with_min_len(2048)
            .map(|(i, out)| match self.anchor(vertices, i) {
                Some(anchor) => {
                    *out = anchor;
                    true
                }
                None => false,
            })
            .reduce(|| true, |a, b| a && b);
        if sound { Ok(()) } else { Err(Anchor::out_of_range()) }
    }

    /// Whether `vertices` are of this rig, and the binding is of one length.
    pub(crate) fn check(&self, vertices: &PosedVertices) -> Result<(), AvatarError> {
        let count = self.rig.vertex_count();
        let lengths = [vertices.positions.len(), vertices.rotations.len(), vertices.scales.len()];
        if lengths.iter().any(|&l| l != count) {
            return Err(AvatarError::Binding(format!(
                "{} posed vertices for a rig of {count}",
                vertices.positions.len()
            )));
        }
        if self.binding.triangles.len() != self.binding.barycentric.len() {
            return Err(AvatarError::Binding("triangles and barycentric weights disagree in length".into()));
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn anchor(&self, vertices: &PosedVertices, gaussian: usize) -> Option<Anchor> {
        let triangle = self.rig.triangles.get(self.binding.triangles[gaussian] as usize)?;
        Anchor::on(vertices, triangle, self.binding.barycentric[gaussian])
    }
}

impl Anchor {
    pub(crate) fn out_of_range() -> AvatarError {
        AvatarError::Binding("a triangle or vertex is out of range".into())
    }

    /// The frame at `weights` on `triangle`, or `None` if a vertex is out of range.
    #[inline]
    pub(crate) fn on(vertices: &PosedVertices, triangle: &[u32; 3], weights: Vec3) -> Option<Self> {
        let weights = weights.to_array();
        let first = *vertices.rotations.get(triangle[0] as usize)?;
        let (mut position, mut scale) = (Vec3::ZERO, 0.0);
        let mut blend = glam::Vec4::ZERO;
        for (&v, weight) in triangle.iter().zip(weights) {
            let v = v as usize;
            let rotation = *vertices.rotations.get(v)?;
            let sign = if first.dot(rotation) < 0.0 { -1.0 } else { 1.0 };
            blend += glam::Vec4::from(rotation) * (sign * weight);
            position += *vertices.positions.get(v)? * weight;
            scale += *vertices.scales.get(v)? * weight;
        }
        // Vertex rotations of one triangle never cancel in practice; if they do, the first is as good as any.
        let rotation = blend.try_normalize().map_or(first, Quat::from_vec4);
        // A rig squashed flat must not give −∞ scales.
        Some(Self { position, rotation, scale: scale.max(f32::MIN_POSITIVE) })
    }
}
