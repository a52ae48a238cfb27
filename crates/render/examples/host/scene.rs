//! The host's scene: boxes in the light of a sun, with a shadow map and a depth buffer.

use bytemuck::{Pod, Zeroable};
use effigy_render::{DepthTarget, PosedMesh};
use glam::camera::rh::proj::directx::orthographic;
use glam::camera::rh::view::look_at_mat4;
use glam::{Mat4, Vec3, Vec4};

const DEPTH: wgpu::TextureFormat = wgpu::TextureFormat::Depth32Float;
/// What draws avatars into the shadow map.
const AVATAR_FROM_SUN: &str = "avatar_from_sun";
/// Width and height of the shadow map, texels.
const SHADOWS: u32 = 2048;
const SKY: wgpu::Color = wgpu::Color { r: 0.30, g: 0.42, b: 0.60, a: 1.0 };

/// The host's depth buffer and how it compares, as the compositor wants to know it.
pub(crate) const DEPTH_TARGET: DepthTarget =
    DepthTarget { format: DEPTH, compare: wgpu::CompareFunction::LessEqual };

/// A box along the axes. One that is not opaque is drawn last.
struct Block {
    center: Vec3,
    half: Vec3,
    /// Linear light, and opacity.
    color: [f32; 4],
}

/// Twin of `Corner` in `scene.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Corner {
    position: Vec3,
    normal: Vec3,
    color: [f32; 4],
}

/// Twin of `Light` in `scene.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Light {
    clip_from_world: Mat4,
    sun_from_world: Mat4,
    sun_from_avatar: Mat4,
    towards_sun: Vec4,
}

pub(crate) struct Scene {
    corners: wgpu::Buffer,
    /// How many corners are of opaque boxes, and how many there are.
    opaque: u32,
    all: u32,
    light: wgpu::Buffer,
    light_group: wgpu::BindGroup,
    shadows: wgpu::TextureView,
    shadows_group: wgpu::BindGroup,
    depth: wgpu::TextureView,
    pipelines: Pipelines,
    towards_sun: Vec3,
    sun_from_world: Mat4,
}

struct Pipelines {
    depth: wgpu::RenderPipeline,
    box_shadow: wgpu::RenderPipeline,
    avatar_shadow: wgpu::RenderPipeline,
    lit: wgpu::RenderPipeline,
    glass: wgpu::RenderPipeline,
}

impl Scene {
    /// A scene around somebody whose bounds are `low` and `high`.
    pub(crate) fn new(
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        format: wgpu::TextureFormat,
        size: [u32; 2],
        (low, high): (Vec3, Vec3),
    ) -> Self {
        let (middle, height) = (0.5 * (low + high), (high - low).max_element());
        let blocks = blocks(middle.with_y(low.y), height);
        let is_opaque = |block: &&Block| block.color[3] >= 1.0;
        let mut corners: Vec<Corner> = blocks.iter().filter(is_opaque).flat_map(faces).collect();
        let opaque = corners.len() as u32;
        corners.extend(blocks.iter().filter(|block| !is_opaque(block)).flat_map(faces));
        let buffer = |size: usize, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("scene"),
                size: size as u64,
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let vertices = buffer(size_of_val(&corners[..]), wgpu::BufferUsages::VERTEX);
        queue.write_buffer(&vertices, 0, bytemuck::cast_slice(&corners));
        let light = buffer(size_of::<Light>(), wgpu::BufferUsages::UNIFORM);
        let shadows = depth_texture(device, [SHADOWS; 2]);
        let nearer = device.create_sampler(&wgpu::SamplerDescriptor {
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            compare: Some(wgpu::CompareFunction::LessEqual),
            ..Default::default()
        });
        let pipelines = Pipelines::new(device, format);
        let group = |pipeline: &wgpu::RenderPipeline, index, entries: &[wgpu::BindGroupEntry<'_>]| {
            let layout = &pipeline.get_bind_group_layout(index);
            device.create_bind_group(&wgpu::BindGroupDescriptor { label: Some("scene"), layout, entries })
        };
        let bound = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let towards_sun = Vec3::new(0.6, 0.9, 0.5).normalize();
        // Shadows are thrown within this distance.
        let reach = 2.5 * height;
        Self {
            corners: vertices,
            opaque,
            all: corners.len() as u32,
            light_group: group(&pipelines.lit, 0, &[bound(0, light.as_entire_binding())]),
            shadows_group: group(
                &pipelines.lit,
                1,
                &[
                    bound(0, wgpu::BindingResource::TextureView(&shadows)),
                    bound(1, wgpu::BindingResource::Sampler(&nearer)),
                ],
            ),
            light,
            shadows,
            depth: depth_texture(device, size),
            pipelines,
            towards_sun,
            sun_from_world: orthographic(-reach, reach, -reach, reach, 0.0, 4.0 * reach)
                * look_at_mat4(middle + 2.0 * reach * towards_sun, middle, Vec3::Y),
        }
    }

    pub(crate) fn resize(&mut self, device: &wgpu::Device, size: [u32; 2]) {
        self.depth = depth_texture(device, size);
    }

    pub(crate) fn depth(&self) -> &wgpu::TextureView {
        &self.depth
    }

    /// Sets what the passes of the next submission are drawn with.
    pub(crate) fn set_transforms(&self, queue: &wgpu::Queue, clip_from_world: Mat4, world_from_avatar: Mat4) {
        let light = Light {
            clip_from_world,
            sun_from_world: self.sun_from_world,
            sun_from_avatar: self.sun_from_world * world_from_avatar,
            towards_sun: self.towards_sun.extend(0.0),
        };
        queue.write_buffer(&self.light, 0, bytemuck::bytes_of(&light));
    }

    /// Fills the depth buffer.
    pub(crate) fn draw_depth(&self, encoder: &mut wgpu::CommandEncoder) {
        let mut pass = depth_pass(encoder, &self.depth);
        self.draw_boxes(&mut pass, &self.pipelines.depth, 0..self.opaque);
    }

    /// A pass into the shadow map that has drawn the boxes, set to draw [`PosedMesh`]es.
    pub(crate) fn begin_shadows(&self, encoder: &mut wgpu::CommandEncoder) -> wgpu::RenderPass<'static> {
        let mut pass = depth_pass(encoder, &self.shadows);
        self.draw_boxes(&mut pass, &self.pipelines.box_shadow, 0..self.opaque);
        pass.set_pipeline(&self.pipelines.avatar_shadow);
        pass
    }

    /// A pass with the depth buffer that has drawn what is opaque.
    pub(crate) fn begin(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        target: &wgpu::TextureView,
    ) -> wgpu::RenderPass<'static> {
        let mut pass = encoder
            .begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("scene"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: target,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations { load: wgpu::LoadOp::Clear(SKY), store: wgpu::StoreOp::Store },
                })],
                depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                    view: &self.depth,
                    depth_ops: Some(wgpu::Operations {
                        load: wgpu::LoadOp::Load,
                        store: wgpu::StoreOp::Store,
                    }),
                    stencil_ops: None,
                }),
                ..Default::default()
            })
            .forget_lifetime();
        pass.set_bind_group(1, &self.shadows_group, &[]);
        self.draw_boxes(&mut pass, &self.pipelines.lit, 0..self.opaque);
        pass
    }

    /// Draws what light shines through.
    pub(crate) fn draw_glass(&self, pass: &mut wgpu::RenderPass<'_>) {
        pass.set_bind_group(1, &self.shadows_group, &[]);
        self.draw_boxes(pass, &self.pipelines.glass, self.opaque..self.all);
    }

    fn draw_boxes(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        pipeline: &wgpu::RenderPipeline,
        corners: std::ops::Range<u32>,
    ) {
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.light_group, &[]);
        pass.set_vertex_buffer(0, self.corners.slice(..));
        pass.draw(corners, 0..1);
    }
}

impl Pipelines {
    fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let module = device.create_shader_module(wgpu::include_wgsl!("scene.wgsl"));
        let group = |entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries })
        };
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
            ty,
            count: None,
        };
        let light = group(&[entry(
            0,
            wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
        )]);
        let shadows = group(&[
            entry(
                0,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Depth,
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
            entry(1, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Comparison)),
        ]);
        let layout = |groups: &[Option<&wgpu::BindGroupLayout>]| {
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("scene"),
                bind_group_layouts: groups,
                immediate_size: 0,
            })
        };
        let unlit_layout = layout(&[Some(&light)]);
        let lit_layout = layout(&[Some(&light), Some(&shadows)]);
        let corner = wgpu::VertexBufferLayout {
            array_stride: size_of::<Corner>() as u64,
            step_mode: wgpu::VertexStepMode::Vertex,
            attributes: &wgpu::vertex_attr_array![0 => Float32x3, 1 => Float32x3, 2 => Float32x4],
        };
        // Keeps surfaces out of their own shadow.
        let away = wgpu::DepthBiasState { constant: 2, slope_scale: 4.0, clamp: 0.0 };
        let exact = wgpu::DepthBiasState::default();
        let pipeline = |vertex, buffer: &wgpu::VertexBufferLayout<'_>, blend: Option<_>, bias| {
            let color = blend.map(|blend| {
                [Some(wgpu::ColorTargetState {
                    format,
                    blend: Some(blend),
                    write_mask: wgpu::ColorWrites::ALL,
                })]
            });
            device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some("scene"),
                layout: Some(if color.is_some() { &lit_layout } else { &unlit_layout }),
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some(vertex),
                    compilation_options: Default::default(),
                    buffers: &[Some(buffer.clone())],
                },
                primitive: wgpu::PrimitiveState {
                    // An avatar's mesh may have holes.
                    cull_mode: (vertex != AVATAR_FROM_SUN).then_some(wgpu::Face::Back),
                    ..Default::default()
                },
                depth_stencil: Some(wgpu::DepthStencilState {
                    format: DEPTH,
                    depth_write_enabled: Some(color.is_none()),
                    depth_compare: Some(DEPTH_TARGET.compare),
                    stencil: Default::default(),
                    bias,
                }),
                multisample: Default::default(),
                fragment: color.as_ref().map(|targets| wgpu::FragmentState {
                    module: &module,
                    entry_point: Some("lit"),
                    compilation_options: Default::default(),
                    targets,
                }),
                multiview_mask: None,
                cache: None,
            })
        };
        Self {
            depth: pipeline("box_in_view", &corner, None, exact),
            box_shadow: pipeline("box_from_sun", &corner, None, away),
            avatar_shadow: pipeline(AVATAR_FROM_SUN, &PosedMesh::LAYOUT, None, away),
            lit: pipeline("box_in_view", &corner, Some(wgpu::BlendState::REPLACE), exact),
            glass: pipeline("box_in_view", &corner, Some(wgpu::BlendState::ALPHA_BLENDING), exact),
        }
    }
}

fn depth_pass(encoder: &mut wgpu::CommandEncoder, depth: &wgpu::TextureView) -> wgpu::RenderPass<'static> {
    encoder
        .begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("depth"),
            depth_stencil_attachment: Some(wgpu::RenderPassDepthStencilAttachment {
                view: depth,
                depth_ops: Some(wgpu::Operations {
                    load: wgpu::LoadOp::Clear(1.0),
                    store: wgpu::StoreOp::Store,
                }),
                stencil_ops: None,
            }),
            ..Default::default()
        })
        .forget_lifetime()
}

fn depth_texture(device: &wgpu::Device, [width, height]: [u32; 2]) -> wgpu::TextureView {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("depth"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: DEPTH,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::TEXTURE_BINDING,
        view_formats: &[],
    });
    texture.create_view(&Default::default())
}

/// A pedestal with its top at `foot`, the ground, and things before and behind whoever stands there.
fn blocks(foot: Vec3, height: f32) -> [Block; 5] {
    let block = |center: [f32; 3], half: [f32; 3], color| Block {
        center: foot + height * Vec3::from(center),
        half: height * Vec3::from(half),
        color,
    };
    [
        block([0.0, -0.6, 0.0], [50.0, 0.1, 50.0], [0.45, 0.42, 0.36, 1.0]),
        block([0.0, -0.25, 0.0], [0.45, 0.25, 0.35], [0.55, 0.55, 0.55, 1.0]),
        block([0.4, 0.0, 0.6], [0.12, 0.5, 0.12], [0.55, 0.10, 0.06, 1.0]),
        block([-0.8, -0.1, -0.8], [0.4, 0.4, 0.4], [0.08, 0.18, 0.50, 1.0]),
        block([-0.4, 0.35, 0.05], [0.35, 0.3, 0.01], [0.10, 0.50, 0.20, 0.5]),
    ]
}

/// Two triangles for each of the six faces.
fn faces(block: &Block) -> Vec<Corner> {
    let mut corners = Vec::with_capacity(36);
    for (normal, right, up) in
        [(Vec3::X, Vec3::Y, Vec3::Z), (Vec3::Y, Vec3::Z, Vec3::X), (Vec3::Z, Vec3::X, Vec3::Y)]
    {
        for (normal, right) in [(normal, right), (-normal, -right)] {
            for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)] {
                let position = block.center + block.half * (normal + x * right + y * up);
                corners.push(Corner { position, normal, color: block.color });
            }
        }
    }
    corners
}
