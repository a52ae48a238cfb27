//! The rig over the avatar: lines of its mesh, and the places that Gaussians sit at.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use effigy_avatar::{Avatar, Body, Part};
use effigy_render::{PosedMesh, RenderError, View};
use effigy_shaders::{bind, composed, filled, uniform};
use effigy_splat::Camera;
use glam::{Mat4, Vec4};
use wgpu::BindingResource::TextureView;

use super::pipeline::{Recipe, module};
use crate::graphics::Graphics;

/// Half the width of a point, pixels.
const POINT: f32 = 1.6;

/// Twin of `Overlay` in `shaders/view/overlay.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct OverlayData {
    clip_from_avatar: Mat4,
    point: [f32; 2],
    slack: f32,
    behind: f32,
    ink: [f32; 4],
}

/// Twin of `Anchor` in the same file.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct AnchorData {
    triangle: [u32; 3],
    color: u32,
    weights: [f32; 3],
    padding: f32,
}

/// Pipelines, and what is drawn of one avatar.
pub(crate) struct Overlays {
    lines: wgpu::RenderPipeline,
    points: wgpu::RenderPipeline,
    line_data: wgpu::Buffer,
    point_data: wgpu::Buffer,
    of: Option<Of>,
}

/// What is drawn of an avatar: its edges and its anchors.
struct Of {
    avatar: Arc<Avatar>,
    edges: wgpu::Buffer,
    edge_indices: u32,
    anchors: wgpu::Buffer,
    anchor_count: u32,
}

/// Draws one of them in the interface's own pass.
pub(crate) enum Drawing {
    Lines {
        pipeline: wgpu::RenderPipeline,
        group: wgpu::BindGroup,
        vertices: wgpu::Buffer,
        edges: wgpu::Buffer,
        count: u32,
    },
    Points {
        pipeline: wgpu::RenderPipeline,
        group: wgpu::BindGroup,
        count: u32,
    },
}

impl Drawing {
    pub(crate) fn draw(&self, pass: &mut wgpu::RenderPass<'_>) {
        match self {
            Self::Lines { pipeline, group, vertices, edges, count } => {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.set_vertex_buffer(0, vertices.slice(..));
                pass.set_index_buffer(edges.slice(..), wgpu::IndexFormat::Uint32);
                pass.draw_indexed(0..*count, 0, 0..1);
            }
            Self::Points { pipeline, group, count } => {
                pass.set_pipeline(pipeline);
                pass.set_bind_group(0, group, &[]);
                pass.draw(0..6, 0..*count);
            }
        }
    }
}

/// The colour that stands for a part of the person, sRGB.
pub(crate) fn part_color(part: Part) -> [u8; 3] {
    match part {
        Part::Eyes => [66, 196, 220],
        Part::Mouth => [226, 74, 92],
        Part::Face => [240, 178, 66],
        Part::Hair => [150, 104, 210],
        _ => [104, 150, 96],
    }
}

impl Overlays {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let device = graphics.device();
        let module = module(device, &composed::VIEW_OVERLAY)?;
        let points = Recipe {
            label: "anchors",
            module: &module,
            layout: None,
            vertex: "point",
            buffers: &[],
            topology: wgpu::PrimitiveTopology::TriangleList,
            fragment: "draw",
            format: graphics.format,
            blend: wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING,
        };
        let lines = Recipe {
            label: "mesh",
            vertex: "line",
            buffers: &[Some(PosedMesh::LAYOUT)],
            topology: wgpu::PrimitiveTopology::LineList,
            ..points
        };
        Ok(Self {
            lines: lines.make(device),
            points: points.make(device),
            line_data: uniform(device, "lines", size_of::<OverlayData>()),
            point_data: uniform(device, "points", size_of::<OverlayData>()),
            of: None,
        })
    }

    /// Makes sure that what is drawn is of `avatar`.
    fn prepare(&mut self, graphics: &Graphics, avatar: &Arc<Avatar>, body: &Body, parts: &[Part]) {
        if self.of.as_ref().is_some_and(|of| Arc::ptr_eq(&of.avatar, avatar)) {
            return;
        }
        let edges = edges(&body.rig.triangles);
        let corners = body.binding.triangles.iter().map(|&t| body.rig.triangles.get(t as usize));
        let anchors: Vec<AnchorData> = corners
            .zip(&body.binding.barycentric)
            .zip(parts)
            .filter_map(|((triangle, weights), &part)| {
                let [r, g, b] = part_color(part);
                Some(AnchorData {
                    triangle: *triangle?,
                    color: u32::from_le_bytes([r, g, b, 255]),
                    weights: weights.to_array(),
                    padding: 0.0,
                })
            })
            .collect();
        let device = graphics.device();
        self.of = Some(Of {
            avatar: avatar.clone(),
            edge_indices: 2 * edges.len() as u32,
            edges: filled(device, "edges", bytemuck::cast_slice(&edges), wgpu::BufferUsages::INDEX),
            anchor_count: anchors.len() as u32,
            anchors: filled(device, "anchors", bytemuck::cast_slice(&anchors), wgpu::BufferUsages::STORAGE),
        });
    }

    /// What draws the mesh and the anchors over `view`, as far as they are wanted.
    #[expect(clippy::too_many_arguments, reason = "all of them say what is to be seen")]
    pub(crate) fn drawings(
        &mut self,
        graphics: &Graphics,
        avatar: &Arc<Avatar>,
        parts: &[Part],
        mesh: PosedMesh<'_>,
        camera: &Camera,
        view: &View,
        [wireframe, anchors]: [bool; 2],
    ) -> Vec<Drawing> {
        let Some(body) = avatar.body.as_ref().filter(|_| wireframe || anchors) else { return Vec::new() };
        self.prepare(graphics, avatar, body, parts);
        let Some(of) = &self.of else { return Vec::new() };
        let (device, queue) = (graphics.device(), graphics.queue());
        let size = [camera.width as f32, camera.height as f32];
        let data = |ink: Vec4| OverlayData {
            clip_from_avatar: clip_from_camera(camera)
                * Mat4::from(camera.camera_from_world)
                * mesh.world_from_avatar,
            point: size.map(|side| 2.0 * POINT / side),
            slack: 0.012,
            behind: 0.06,
            ink: ink.to_array(),
        };
        let depth = || (1, TextureView(view.depth()));
        let mut drawings = Vec::new();
        if wireframe {
            queue.write_buffer(
                &self.line_data,
                0,
                bytemuck::bytes_of(&data(Vec4::new(0.55, 0.85, 1.0, 0.42))),
            );
            let group = bind(
                device,
                &self.lines.get_bind_group_layout(0),
                &[(0, self.line_data.as_entire_binding()), depth()],
            );
            drawings.push(Drawing::Lines {
                pipeline: self.lines.clone(),
                group,
                vertices: mesh.vertices.clone(),
                edges: of.edges.clone(),
                count: of.edge_indices,
            });
        }
        if anchors {
            queue.write_buffer(&self.point_data, 0, bytemuck::bytes_of(&data(Vec4::ONE)));
            let group = bind(
                device,
                &self.points.get_bind_group_layout(0),
                &[
                    (0, self.point_data.as_entire_binding()),
                    depth(),
                    (2, mesh.vertices.as_entire_binding()),
                    (3, of.anchors.as_entire_binding()),
                ],
            );
            drawings.push(Drawing::Points { pipeline: self.points.clone(), group, count: of.anchor_count });
        }
        drawings
    }
}

/// Each edge once.
fn edges(triangles: &[[u32; 3]]) -> Vec<[u32; 2]> {
    let mut edges: Vec<[u32; 2]> = triangles
        .iter()
        .flat_map(|&[a, b, c]| [[a, b], [b, c], [c, a]])
        .map(|[a, b]| [a.min(b), a.max(b)])
        .collect();
    edges.sort_unstable();
    edges.dedup();
    edges
}

/// The projection of a camera whose principal point is in the middle: w is the distance, depth is reversed without a far
/// plane.
pub(crate) fn clip_from_camera(camera: &Camera) -> Mat4 {
    Mat4::from_cols(
        Vec4::X * (2.0 * camera.fx / camera.width as f32),
        Vec4::Y * (2.0 * camera.fy / camera.height as f32),
        Vec4::new(0.0, 0.0, 0.0, -1.0),
        Vec4::new(0.0, 0.0, camera.near, 0.0),
    )
}

#[cfg(test)]
mod tests {
    use glam::Vec3;

    use super::*;

    #[test]
    fn edges_are_drawn_once() {
        // Two triangles that share a side.
        assert_eq!(edges(&[[0, 1, 2], [2, 1, 3]]), [[0, 1], [0, 2], [1, 2], [1, 3], [2, 3]]);
    }

    #[test]
    fn lines_lie_where_the_renderer_draws() {
        let camera = Camera::look_at(Vec3::new(0.4, 1.0, 2.0), Vec3::Y, Vec3::Y, 0.6, 640, 480);
        let point = Vec3::new(0.1, 0.9, -0.2);
        let clip = clip_from_camera(&camera) * Mat4::from(camera.camera_from_world) * point.extend(1.0);
        // The camera's own definition.
        let p = camera.camera_from_world.transform_point3(point);
        let pixel = [camera.cx - camera.fx * p.x / p.z, camera.cy + camera.fy * p.y / p.z];
        let drawn = [320.0 * (1.0 + clip.x / clip.w), 240.0 * (1.0 - clip.y / clip.w)];
        assert!((drawn[0] - pixel[0]).abs() < 1e-2 && (drawn[1] - pixel[1]).abs() < 1e-2);
        assert!((clip.w + p.z).abs() < 1e-5);
    }
}
