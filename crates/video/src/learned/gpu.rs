//! The learned filter on frames in GPU memory.

use bytemuck::{Pod, Zeroable};
use effigy_render::{RenderError, scoped, wgpu};
use wgpu::util::DeviceExt;

use super::filter::LearnedOptions;
use super::network::{CELL, HIDDEN, LayerWeights, LearnedNetwork, TAPS};
use crate::VideoError;
use crate::format::PlanesError;

/// Cells that a workgroup makes: width and height.
const WORKGROUP: [u32; 2] = [16, 8];
/// The kernels, in the order in which they run.
const KERNELS: [&str; 4] = ["read_lumas", "first_layer", "second_layer", "last_layer"];
/// What a filtered picture is stored as.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// Vectors between layers, a cell.
const HIDDEN_VECTORS: u64 = (HIDDEN / 4) as u64;
const VECTOR_BYTES: u64 = 16;
/// Matrices of the layers and their biases, as `Layers` in `shaders/output/learned.wesl` has them, numbers.
const LAYER_NUMBERS: usize = 16 * (27 + 81 + 72) + 4 * 8;

/// Runs a [`LearnedNetwork`] on one device. [`crate::LearnedFilter`] says what comes out, but for the followed rectangle,
/// which the host's buffer holds; what comes out is stored in half floats.
pub struct GpuLearnedFilter {
    device: wgpu::Device,
    network: LearnedNetwork,
    layout: wgpu::BindGroupLayout,
    pipelines: Vec<wgpu::ComputePipeline>,
}

/// Room for filtered pictures of one size.
pub struct LearnedPicture {
    options: LearnedOptions,
    size: [u32; 2],
    quality: f32,
    layers: wgpu::Buffer,
    settings: wgpu::Buffer,
    lumas: wgpu::Buffer,
    hidden: [wgpu::Buffer; 2],
    filtered: wgpu::TextureView,
    /// What the last picture was made of.
    source: Option<(wgpu::TextureView, wgpu::Buffer, wgpu::BindGroup)>,
}

/// Twin of `Settings` in `shaders/output/learned.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SettingsData {
    background: [f32; 3],
    over: f32,
    cells: [u32; 2],
    feather: f32,
    strength: f32,
}

impl GpuLearnedFilter {
    /// Builds the kernels; WebGPU's default limits are enough.
    ///
    /// # Errors
    /// [`PlanesError::Render`] if the device refuses them.
    pub fn new(device: &wgpu::Device, network: LearnedNetwork) -> Result<Self, PlanesError> {
        let (layout, pipelines) = scoped(device, "building the learned filter", || {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some("learned filter"),
                source: wgpu::ShaderSource::Wgsl(
                    include_str!(concat!(env!("OUT_DIR"), "/learned.wgsl")).into(),
                ),
            });
            let entry = |binding: u32, ty: wgpu::BindingType| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty,
                count: None,
            };
            let buffer =
                |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
            let read = buffer(wgpu::BufferBindingType::Storage { read_only: true });
            let write = buffer(wgpu::BufferBindingType::Storage { read_only: false });
            let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("learned filter"),
                entries: &[
                    entry(0, buffer(wgpu::BufferBindingType::Uniform)),
                    entry(1, read),
                    entry(2, read),
                    entry(
                        3,
                        wgpu::BindingType::Texture {
                            sample_type: wgpu::TextureSampleType::Float { filterable: false },
                            view_dimension: wgpu::TextureViewDimension::D2,
                            multisampled: false,
                        },
                    ),
                    entry(
                        4,
                        wgpu::BindingType::StorageTexture {
                            access: wgpu::StorageTextureAccess::WriteOnly,
                            format: FORMAT,
                            view_dimension: wgpu::TextureViewDimension::D2,
                        },
                    ),
                    entry(5, write),
                    entry(6, write),
                    entry(7, write),
                ],
            });
            let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("learned filter"),
                bind_group_layouts: &[Some(&layout)],
                ..Default::default()
            });
            let pipelines = KERNELS.map(|kernel| {
                device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                    label: Some(kernel),
                    layout: Some(&pipeline_layout),
                    module: &module,
                    entry_point: Some(kernel),
                    compilation_options: Default::default(),
                    cache: None,
                })
            });
            Ok((layout, pipelines.to_vec()))
        })?;
        Ok(Self { device: device.clone(), network, layout, pipelines })
    }

    /// Room for pictures of this size, filtered for this quality (H.264's quantiser). The options' focus is not looked at.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning, [`VideoError::Picture`] for a picture without pixels or larger
    /// than the device allows, or if it is out of memory or lost.
    pub fn picture(
        &self,
        width: u32,
        height: u32,
        options: &LearnedOptions,
        quality: f32,
    ) -> Result<LearnedPicture, VideoError> {
        options.check()?;
        let limits = self.device.limits();
        let largest = limits.max_texture_dimension_2d;
        if width == 0 || height == 0 || width > largest || height > largest {
            return Err(VideoError::Picture(format!(
                "a picture of {width}x{height} pixels cannot be filtered: the device has 1 to {largest} a side"
            )));
        }
        let cells = [width.div_ceil(2), height.div_ceil(2)];
        let count = u64::from(cells[0]) * u64::from(cells[1]);
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let failed = |error: RenderError| VideoError::Picture(error.to_string());
        let bytes = count * HIDDEN_VECTORS * VECTOR_BYTES;
        if bytes > limit {
            return Err(failed(RenderError::TooLarge { what: "a picture to be filtered", bytes, limit }));
        }
        let (background, over) = options.background();
        let settings = SettingsData {
            background,
            over: f32::from(u8::from(over)),
            cells,
            feather: options.feather,
            strength: options.strength,
        };
        let device = &self.device;
        scoped(device, "making room for a filtered picture", || {
            let buffer = |label, size, usage| {
                let mapped_at_creation = false;
                device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation })
            };
            let room = |vectors: u64| {
                buffer(Some("layer"), count * vectors * VECTOR_BYTES, wgpu::BufferUsages::STORAGE)
            };
            let given = |label, contents: &[u8], usage| {
                device.create_buffer_init(&wgpu::util::BufferInitDescriptor { label, contents, usage })
            };
            let layers = bytemuck::cast_slice::<f32, u8>(&arranged(&self.network.at(quality))).to_vec();
            let filtered = device.create_texture(&wgpu::TextureDescriptor {
                label: Some("filtered picture"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format: FORMAT,
                usage: wgpu::TextureUsages::STORAGE_BINDING
                    | wgpu::TextureUsages::TEXTURE_BINDING
                    | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            });
            Ok(LearnedPicture {
                options: *options,
                size: [width, height],
                quality,
                layers: given(
                    Some("layers"),
                    &layers,
                    wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                ),
                settings: given(
                    Some("filter settings"),
                    bytemuck::bytes_of(&settings),
                    wgpu::BufferUsages::STORAGE,
                ),
                lumas: room(1),
                hidden: [room(HIDDEN_VECTORS), room(HIDDEN_VECTORS)],
                filtered: filtered.create_view(&Default::default()),
                source: None,
            })
        })
        .map_err(failed)
    }

    /// Has the pictures submitted from now on be filtered for this quality.
    pub fn set_quality(&self, queue: &wgpu::Queue, picture: &mut LearnedPicture, quality: f32) {
        if picture.quality != quality {
            picture.quality = quality;
            let layers = arranged(&self.network.at(quality));
            queue.write_buffer(&picture.layers, 0, bytemuck::cast_slice(&layers));
        }
    }

    /// Records the filtering of `color`, premultiplied and display-referred as [`effigy_render::View::color`] is.
    /// `followed` begins with the rectangle that is looked at, as `Followed` in `shaders/output/followed.wesl` has it, and has
    /// usage `STORAGE`. Allocates only when either is another than the time before.
    ///
    /// # Errors
    /// [`PlanesError::Texture`] for a texture that is not of the picture's size, [`PlanesError::Render`] for what cannot be
    /// read or is another device's.
    pub fn record<'a>(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        color: &wgpu::TextureView,
        followed: &wgpu::Buffer,
        picture: &'a mut LearnedPicture,
    ) -> Result<&'a wgpu::TextureView, PlanesError> {
        if picture.source.as_ref().is_none_or(|(view, from, _)| view != color || from != followed) {
            let (found, wanted) = ([color.texture().width(), color.texture().height()], picture.size);
            if found != wanted {
                return Err(PlanesError::Texture { found, wanted });
            }
            picture.source = None;
            let group = scoped(&self.device, "binding a picture to its filter", || {
                let texture = wgpu::BindingResource::TextureView;
                let resources = [
                    picture.layers.as_entire_binding(),
                    picture.settings.as_entire_binding(),
                    followed.as_entire_binding(),
                    texture(color),
                    texture(&picture.filtered),
                    picture.lumas.as_entire_binding(),
                    picture.hidden[0].as_entire_binding(),
                    picture.hidden[1].as_entire_binding(),
                ];
                let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
                    .zip(resources)
                    .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
                    .collect();
                Ok(self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: Some("learned filter"),
                    layout: &self.layout,
                    entries: &entries,
                }))
            })?;
            picture.source = Some((color.clone(), followed.clone(), group));
        }
        if let Some((.., group)) = &picture.source {
            let groups = [0, 1].map(|i| picture.size[i].div_ceil(2).div_ceil(WORKGROUP[i]));
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_bind_group(0, group, &[]);
            for pipeline in &self.pipelines {
                pass.set_pipeline(pipeline);
                pass.dispatch_workgroups(groups[0], groups[1], 1);
            }
        }
        Ok(&picture.filtered)
    }
}

impl LearnedPicture {
    /// The filtered picture, half floats; what was recorded last leaves it there.
    pub fn filtered(&self) -> &wgpu::TextureView {
        &self.filtered
    }

    /// How it is filtered.
    pub fn options(&self) -> &LearnedOptions {
        &self.options
    }

    /// The quality that it is filtered for.
    pub fn quality(&self) -> f32 {
        self.quality
    }
}

/// The layers as the kernels read them.
fn arranged(layers: &[LayerWeights; 3]) -> Vec<f32> {
    let mut out = Vec::with_capacity(LAYER_NUMBERS);
    for layer in layers {
        for tap in 0..TAPS {
            for from in (0..layer.inputs).step_by(CELL) {
                for to in (0..layer.biases.len()).step_by(CELL) {
                    // By columns: one for each input.
                    for (input, output) in (0..CELL * CELL).map(|i| (from + i / CELL, to + i % CELL)) {
                        out.push(layer.weights[(output * layer.inputs + input) * TAPS + tap]);
                    }
                }
            }
        }
    }
    out.extend(layers.iter().flat_map(|layer| &layer.biases));
    out
}
