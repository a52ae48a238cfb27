//! Points of the surface, and where they are at rest.

use effigy_rig::{PosedVertices, Rig};
use glam::{Mat3, Quat, Vec3};

/// A point of the surface.
pub(super) struct Sample {
    pub(super) primitive: usize,
    pub(super) triangle: u32,
    /// Of the triangle's vertices.
    pub(super) weights: Vec3,
    /// Distance to its neighbours at rest, metres: the root of the area it stands for.
    pub(super) spacing: f32,
}

/// Where a sample is in the world at rest.
pub(super) struct Place {
    /// Of its triangle.
    pub(super) corners: [Vec3; 3],
    pub(super) position: Vec3,
    /// Smooth unit normal.
    pub(super) normal: Vec3,
}

impl Place {
    /// `mirrored` says whether the sample's primitive is ([`Rig::mirrored_primitives`]).
    pub(super) fn of(rig: &Rig, rest: &PosedVertices, sample: &Sample, mirrored: bool) -> Self {
        let triangle = rig.triangles[sample.triangle as usize];
        let weights = sample.weights.to_array();
        let corners = triangle.map(|v| rest.positions[v as usize]);
        let position = corners[0] * weights[0] + corners[1] * weights[1] + corners[2] * weights[2];
        let face = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize_or(Vec3::Z);
        // The rig's normals are in mesh space: carry them along with the faces around them. Of a mirrored triangle the
        // mesh has the outer side where the order of its vertices has the inner one.
        let side = if mirrored { -1.0 } else { 1.0 };
        let mesh = triangle.map(|v| rig.positions[v as usize]);
        let mesh_face = side * (mesh[1] - mesh[0]).cross(mesh[2] - mesh[0]).normalize_or(Vec3::Z);
        let to_world = Quat::from_rotation_arc(mesh_face, face);
        let world_from_mesh = frame_change(&mesh, &corners, side).unwrap_or(Mat3::from_quat(to_world));
        let blended: Vec3 = triangle.iter().zip(weights).map(|(&v, w)| rig.normals[v as usize] * w).sum();
        Self { corners, position, normal: (world_from_mesh * blended).normalize_or(face) }
    }
}

/// What takes a triangle's frame to that of where it is posed: a rotation, or with a `side` of −1 a reflection, which
/// takes the one side of the triangle to the other.
fn frame_change(from: &[Vec3; 3], to: &[Vec3; 3], side: f32) -> Option<Mat3> {
    let frame = |t: &[Vec3; 3], side: f32| {
        let x = (t[1] - t[0]).try_normalize()?;
        let z = x.cross(t[2] - t[0]).try_normalize()?;
        Some(Mat3::from_cols(x, z.cross(x), side * z))
    };
    Some(frame(to, 1.0)? * frame(from, side)?.transpose())
}
