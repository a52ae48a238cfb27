//! The ground: a grid, and the shadow that the avatar's mesh throws on it from straight above.

use bytemuck::{Pod, Zeroable};
use effigy_avatar::Extent;
use effigy_render::{PosedMesh, RenderError};
use effigy_shaders::{bind, composed, uniform};
use effigy_splat::Camera;
use glam::Mat4;
use wgpu::BindingResource::{Sampler, TextureView};

use super::covering::Covering;
use super::pipeline::{Recipe, module, smooth};
use crate::graphics::Graphics;
use crate::look::Look;

/// The side of the shadow's map, pixels.
const SIDE: u32 = 128;
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::R8Unorm;
/// The map is this much wider than the avatar.
const ROOM: f32 = 1.7;
/// How dark the shadow is at most.
const DARKEST: f32 = 0.62;

/// Twin of `Ground` in `shaders/view/ground.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct GroundData {
    world_from_camera: Mat4,
    slopes: [f32; 2],
    height: f32,
    cell: f32,
    middle: [f32; 2],
    half: f32,
    dark: f32,
    ink: [f32; 4],
    target: [f32; 2],
    far: f32,
    padding: f32,
}

/// Twin of `Map` in `shaders/view/shadow.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct MapData {
    world_from_avatar: Mat4,
    middle: [f32; 2],
    half: f32,
    height: f32,
    step: [f32; 2],
    reach: f32,
    padding: f32,
}

/// Pipelines and textures.
pub(crate) struct Ground {
    draw: wgpu::RenderPipeline,
    cast: wgpu::RenderPipeline,
    blur: wgpu::RenderPipeline,
    data: wgpu::Buffer,
    /// For casting, and for blurring across and down.
    maps: [wgpu::Buffer; 3],
    textures: [wgpu::TextureView; 2],
    group: wgpu::BindGroup,
    cast_group: wgpu::BindGroup,
    blur_groups: [wgpu::BindGroup; 2],
    /// The revision that the shadow is of.
    shadow_of: Option<u64>,
}

impl Ground {
    pub(crate) fn new(graphics: &Graphics) -> Result<Self, RenderError> {
        let device = graphics.device();
        let ground = module(device, &composed::VIEW_GROUND)?;
        let shadow = module(device, &composed::VIEW_SHADOW)?;
        let whole = Recipe {
            label: "ground",
            module: &ground,
            layout: None,
            vertex: "cover",
            buffers: &[],
            topology: wgpu::PrimitiveTopology::TriangleList,
            fragment: "draw",
            format: graphics.format,
            blend: wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING,
        };
        let draw = whole.make(device);
        let blur = Recipe {
            label: "blur",
            module: &shadow,
            fragment: "blur",
            format: FORMAT,
            blend: wgpu::BlendState::REPLACE,
            ..whole
        }
        .make(device);
        // The darkest of what lies over each other.
        let most = wgpu::BlendComponent {
            src_factor: wgpu::BlendFactor::One,
            dst_factor: wgpu::BlendFactor::One,
            operation: wgpu::BlendOperation::Max,
        };
        let cast = Recipe {
            label: "shadow",
            module: &shadow,
            vertex: "from_above",
            buffers: &[Some(PosedMesh::LAYOUT)],
            fragment: "darken",
            format: FORMAT,
            blend: wgpu::BlendState { color: most, alpha: most },
            ..whole
        }
        .make(device);
        let sampler = smooth(device);
        let textures = ["shadow", "shadow (2)"].map(|label| {
            let texture = device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width: SIDE, height: SIDE, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: FORMAT,
                usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
                view_formats: &[],
            });
            texture.create_view(&Default::default())
        });
        let data = uniform(device, "ground", size_of::<GroundData>());
        let maps =
            ["cast", "blur across", "blur down"].map(|label| uniform(device, label, size_of::<MapData>()));
        let group = bind(
            device,
            &draw.get_bind_group_layout(0),
            &[(0, data.as_entire_binding()), (1, TextureView(&textures[0])), (2, Sampler(&sampler))],
        );
        let cast_group = bind(device, &cast.get_bind_group_layout(0), &[(0, maps[0].as_entire_binding())]);
        let blur_groups = [0, 1].map(|i| {
            bind(
                device,
                &blur.get_bind_group_layout(0),
                &[
                    (0, maps[1 + i].as_entire_binding()),
                    (1, TextureView(&textures[i])),
                    (2, Sampler(&sampler)),
                ],
            )
        });
        Ok(Self { draw, cast, blur, data, maps, textures, group, cast_group, blur_groups, shadow_of: None })
    }

    /// What draws the ground under an avatar that fills `extent`, seen by `camera`, which looks at `target`; the shadow is
    /// cast anew if it is of another `revision`.
    #[expect(clippy::too_many_arguments, reason = "all of them say what is to be seen")]
    pub(crate) fn drawing(
        &mut self,
        graphics: &Graphics,
        look: &Look,
        camera: &Camera,
        target: [f32; 3],
        extent: &Extent,
        mesh: Option<PosedMesh<'_>>,
        revision: u64,
        dark_ink: bool,
    ) -> Covering {
        let half = ROOM * extent.half().x.max(extent.half().z).max(0.05);
        let middle = [extent.center().x, extent.center().z];
        let height = extent.low.y;
        if let Some(mesh) = mesh.filter(|_| look.shadow && self.shadow_of != Some(revision)) {
            self.cast(graphics, mesh, middle, half, height);
            self.shadow_of = Some(revision);
        }
        let cast = look.shadow && self.shadow_of == Some(revision);
        let level = if dark_ink { 0.0 } else { 0.82 };
        let data = GroundData {
            world_from_camera: Mat4::from(camera.camera_from_world.inverse()),
            slopes: [0.5 * camera.width as f32 / camera.fx, 0.5 * camera.height as f32 / camera.fy],
            height,
            // A tenth of a metre, or of what is ten times as large.
            cell: 0.1 * 10_f32.powf((half / 2.5).log10().floor().max(-1.0) + 1.0) * 0.5,
            middle,
            half,
            dark: if cast { DARKEST } else { 0.0 },
            ink: [level, level, level, if look.grid { 0.5 } else { 0.0 }],
            target: [target[0], target[2]],
            far: 14.0 * half,
            padding: 0.0,
        };
        graphics.queue().write_buffer(&self.data, 0, bytemuck::bytes_of(&data));
        Covering { pipeline: self.draw.clone(), group: self.group.clone() }
    }

    fn cast(&self, graphics: &Graphics, mesh: PosedMesh<'_>, middle: [f32; 2], half: f32, height: f32) {
        let map = |step| MapData {
            world_from_avatar: mesh.world_from_avatar,
            middle,
            half,
            height,
            step,
            reach: 0.35 * half,
            padding: 0.0,
        };
        let pixel = 1.0 / SIDE as f32;
        for (buffer, step) in self.maps.iter().zip([[0.0; 2], [pixel, 0.0], [0.0, pixel]]) {
            graphics.queue().write_buffer(buffer, 0, bytemuck::bytes_of(&map(step)));
        }
        let mut encoder = graphics.device().create_command_encoder(&Default::default());
        let begin = |encoder: &mut wgpu::CommandEncoder, view: &wgpu::TextureView| {
            encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("shadow"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::TRANSPARENT),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                })
                .forget_lifetime()
        };
        let mut pass = begin(&mut encoder, &self.textures[0]);
        pass.set_pipeline(&self.cast);
        pass.set_bind_group(0, &self.cast_group, &[]);
        pass.set_vertex_buffer(0, mesh.vertices.slice(..));
        pass.set_index_buffer(mesh.indices.slice(..), PosedMesh::INDICES);
        pass.draw_indexed(0..mesh.index_count, 0, 0..1);
        drop(pass);
        for (group, to) in self.blur_groups.iter().zip([1, 0]) {
            let mut pass = begin(&mut encoder, &self.textures[to]);
            pass.set_pipeline(&self.blur);
            pass.set_bind_group(0, group, &[]);
            pass.draw(0..3, 0..1);
        }
        graphics.queue().submit([encoder.finish()]);
    }
}
