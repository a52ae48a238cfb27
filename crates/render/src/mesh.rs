//! The mesh under an avatar, for a host's own passes.

use effigy_shaders::filled;
use glam::Mat4;

use crate::RenderError;

/// Size of `PosedVertex` in `shaders/pose/skin.wesl`.
pub(crate) const POSED_VERTEX_SIZE: u64 = 32;

/// The surface of an avatar's rig as the GPU has posed it ([`crate::GpuAvatar::mesh`]): a stand-in for the person where
/// triangles are wanted, as in shadow maps or for contact.
///
/// The vertices are in the pose of the last frame of this avatar that [`crate::Renderer::record`] has recorded: passes
/// that draw them come after it in the same encoder, or in a later submission. Before the first frame they are all at the
/// origin. They are in the avatar's space, so a host draws them with clip_from_world · `world_from_avatar`.
#[derive(Clone, Copy, Debug)]
pub struct PosedMesh<'a> {
    /// Vertices in [`PosedMesh::LAYOUT`].
    pub vertices: &'a wgpu::Buffer,
    /// A triangle list in [`PosedMesh::INDICES`], counter-clockwise from the front.
    pub indices: &'a wgpu::Buffer,
    /// How many indices there are, three a triangle.
    pub index_count: u32,
    /// The avatar's placement as it is now.
    pub world_from_avatar: Mat4,
}

impl PosedMesh<'_> {
    /// Positions at shader location 0: `vec3<f32>`, metres.
    pub const LAYOUT: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
        array_stride: POSED_VERTEX_SIZE,
        step_mode: wgpu::VertexStepMode::Vertex,
        attributes: &wgpu::vertex_attr_array![0 => Float32x3],
    };
    /// How indices are stored.
    pub const INDICES: wgpu::IndexFormat = wgpu::IndexFormat::Uint32;
}

/// Triangles as indices, and how many indices they are.
pub(crate) fn index_buffer(
    device: &wgpu::Device,
    triangles: &[[u32; 3]],
) -> Result<(wgpu::Buffer, u32), RenderError> {
    let contents: &[u8] = bytemuck::cast_slice(triangles);
    let (bytes, limit) = (contents.len() as u64, device.limits().max_buffer_size);
    if bytes > limit {
        return Err(RenderError::TooLarge { what: "the triangles", bytes, limit });
    }
    let too_many = |_| RenderError::TooMany {
        what: "triangles",
        count: triangles.len() as u64,
        limit: u64::from(u32::MAX / 3),
    };
    let count = u32::try_from(3 * triangles.len() as u64).map_err(too_many)?;
    Ok((filled(device, "triangles", contents, wgpu::BufferUsages::INDEX), count))
}
