//! Draws the renderer's picture as what it is to be seen as: its colour, its depth and so on.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use effigy_render::{RenderError, View};
use effigy_shaders::{bind, composed, uniform};
use effigy_splat::Camera;
use wgpu::BindingResource::TextureView;

use super::covering::Covering;
use super::pipeline::{Recipe, module, smooth};
use crate::graphics::Graphics;
use crate::look::Shading;

/// Of each layer, in the picture from which layers are counted.
pub(crate) const LAYER_OPACITY: f32 = 0.02;
/// Pixels of motion that are shown at full strength.
const FULL_MOTION: f32 = 4.0;

/// Twin of `Shade` in `shaders/view/shade.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ShadeData {
    near: f32,
    far: f32,
    layer: f32,
    motion: f32,
    focal: [f32; 2],
    padding: [f32; 2],
}

/// A pipeline for each way to see the picture.
pub(crate) struct Shades {
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    pipelines: [(&'static str, wgpu::RenderPipeline); 6],
}

/// A picture, bound to be drawn.
pub(crate) struct Bound {
    data: wgpu::Buffer,
    /// With the depth, and with the guide if there is one.
    depth: wgpu::BindGroup,
    guide: Option<wgpu::BindGroup>,
}

/// The fragment shader that shows it.
fn entry(shading: Shading) -> &'static str {
    match shading {
        Shading::Colour | Shading::Ellipsoids | Shading::Regions => "scaled",
        Shading::Depth => "depth",
        Shading::Normals => "normals",
        Shading::Motion => "motion",
        Shading::Importance => "importance",
        Shading::Layers => "layers",
    }
}

impl Shades {
    pub(crate) fn new(graphics: &Graphics) -> Result<Arc<Self>, RenderError> {
        let device = graphics.device();
        let module = module(device, &composed::VIEW_SHADE)?;
        let texture = |binding, filterable| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty,
            count: None,
        };
        let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("shade"),
            entries: &[
                texture(0, true),
                entry(1, wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering)),
                texture(2, false),
                entry(
                    3,
                    wgpu::BindingType::Buffer {
                        ty: wgpu::BufferBindingType::Uniform,
                        has_dynamic_offset: false,
                        min_binding_size: None,
                    },
                ),
            ],
        });
        let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("shade"),
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let pipelines = ["scaled", "depth", "normals", "motion", "importance", "layers"].map(|fragment| {
            let recipe = Recipe {
                label: fragment,
                module: &module,
                layout: Some(&pipeline_layout),
                vertex: "cover",
                buffers: &[],
                topology: wgpu::PrimitiveTopology::TriangleList,
                fragment,
                format: graphics.format,
                blend: wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING,
            };
            (fragment, recipe.make(device))
        });
        Ok(Arc::new(Self { layout, sampler: smooth(device), pipelines }))
    }

    pub(crate) fn bind(&self, device: &wgpu::Device, view: &View) -> Bound {
        let data = uniform(device, "shade", size_of::<ShadeData>());
        let with = |other| {
            bind(
                device,
                &self.layout,
                &[
                    (0, TextureView(view.color())),
                    (1, wgpu::BindingResource::Sampler(&self.sampler)),
                    (2, TextureView(other)),
                    (3, data.as_entire_binding()),
                ],
            )
        };
        Bound { depth: with(view.depth()), guide: view.guide().map(with), data }
    }

    /// What draws `bound`, a picture of `camera` in which the subject is within `radius` of `distance`.
    pub(crate) fn drawing(
        &self,
        queue: &wgpu::Queue,
        bound: &Bound,
        shading: Shading,
        camera: &Camera,
        (distance, radius): (f32, f32),
    ) -> Option<Covering> {
        let near = (distance - radius).max(camera.near);
        let data = ShadeData {
            near,
            far: (distance + radius).max(near * 1.01),
            layer: LAYER_OPACITY,
            motion: FULL_MOTION,
            focal: [camera.fx, camera.fy],
            padding: [0.0; 2],
        };
        queue.write_buffer(&bound.data, 0, bytemuck::bytes_of(&data));
        let guided = matches!(shading, Shading::Motion | Shading::Importance);
        let group = if guided { bound.guide.clone()? } else { bound.depth.clone() };
        let wanted = entry(shading);
        let (_, pipeline) = self.pipelines.iter().find(|(name, _)| *name == wanted)?;
        Some(Covering { pipeline: pipeline.clone(), group })
    }
}
