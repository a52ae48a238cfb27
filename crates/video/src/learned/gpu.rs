//! The learned filter on the GPU: between a view and its planes.

use bytemuck::{Pod, Zeroable};
use effigy_render::{RenderError, scoped, wgpu};
use effigy_shaders::{Kernel, bind, composed, layout, numbered};
use wgpu::util::DeviceExt;

use super::filter::LearnedOptions;
use super::network::{CELL, HIDDEN, LayerWeights, LearnedNetwork, TAPS};
use crate::VideoError;
use crate::bindings::{filtered, filtered_picture, storage, texture, uniform};
use crate::format::PlanesError;
use crate::gpu_focus::GpuFocus;
use crate::memo::Memo;

/// Cells of a workgroup: width and height.
const WORKGROUP: [u32; 2] = [16, 8];
/// The kernels, in the order in which they run.
const KERNELS: [&str; 4] = ["read_lumas", "first_layer", "second_layer", "last_layer"];
/// Vectors of a cell between layers.
const HIDDEN_VECTORS: u64 = (HIDDEN / 4) as u64;
const VECTOR_BYTES: u64 = 16;
/// Matrices of the layers and their biases, as `Layers` in `shaders/output/learned.wesl` has them.
const LAYER_NUMBERS: usize = 16 * (27 + 81 + 72) + 4 * 8;

/// Changes pictures as [`crate::LearnedFilter`] says; half floats, which filtered pictures are stored in, round what comes
/// out.
pub struct GpuLearnedFilter {
    device: wgpu::Device,
    network: LearnedNetwork,
    options: LearnedOptions,
    layout: wgpu::BindGroupLayout,
    kernels: [Kernel; 4],
    quality: f32,
    layers: wgpu::Buffer,
    /// By size.
    pictures: Memo<[u32; 2], Pictures>,
}

/// Memory for pictures of one size.
struct Pictures {
    settings: wgpu::Buffer,
    lumas: wgpu::Buffer,
    hidden: [wgpu::Buffer; 2],
    filtered: wgpu::TextureView,
    /// By what is read, and what was followed in it.
    group: Memo<(wgpu::TextureView, wgpu::Buffer), wgpu::BindGroup>,
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
    outside: f32,
    // The size of a structure with a `vec3` is a multiple of 16.
    padding: [f32; 3],
}

impl GpuLearnedFilter {
    /// Builds the kernels; WebGPU's default limits are enough. Filters for a quantiser of 26 until [`Self::set_quality`] says
    /// otherwise. Of the options' focus nothing is used: [`GpuFocus`] has its own.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning, [`VideoError::Planes`] if the device refuses the kernels.
    pub fn new(
        device: &wgpu::Device,
        network: LearnedNetwork,
        options: LearnedOptions,
    ) -> Result<Self, VideoError> {
        options.check()?;
        let quality = 26.0;
        let made = scoped(device, "building the learned filter", || {
            let (read, write) = (storage(true), storage(false));
            let kinds = [uniform(), read, read, texture(), filtered(), write, write, write];
            let layout = layout(device, "learned filter", &kinds);
            let kernels = Kernel::sharing(device, &composed::LEARNED, &layout, KERNELS);
            let layers = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("layers"),
                contents: bytemuck::cast_slice(&arranged(&network.at(quality))),
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            });
            Ok((layout, kernels, layers))
        });
        let (layout, kernels, layers) = made.map_err(PlanesError::from)?;
        let device = device.clone();
        Ok(Self { device, network, options, layout, kernels, quality, layers, pictures: Memo::new() })
    }

    /// What it does.
    pub fn options(&self) -> &LearnedOptions {
        &self.options
    }

    /// Filters for an encoder at this quality (H.264's quantiser): all frames that are submitted from now on.
    pub fn set_quality(&mut self, queue: &wgpu::Queue, quality: f32) {
        if quality != self.quality {
            self.quality = quality;
            let layers = arranged(&self.network.at(quality));
            queue.write_buffer(&self.layers, 0, bytemuck::cast_slice(&layers));
        }
    }

    /// Records the filtering of `color`, in which `focus` has followed what is looked at, and gives what to convert to planes:
    /// `color` itself at a strength of 0. Allocates only when one of them is another than the time before.
    ///
    /// # Errors
    /// [`PlanesError::Texture`] if `focus` has followed a picture of another size, or none; [`PlanesError::Render`] for
    /// a texture that cannot be read or is another device's, for more pixels than the device allows, and if the device is out
    /// of memory.
    pub fn record<'a>(
        &'a mut self,
        encoder: &mut wgpu::CommandEncoder,
        color: &'a wgpu::TextureView,
        focus: &GpuFocus,
    ) -> Result<&'a wgpu::TextureView, PlanesError> {
        let size = [color.texture().width(), color.texture().height()];
        let region = focus.region_of(size)?;
        if self.options.strength == 0.0 {
            return Ok(color);
        }
        let pictures = self.pictures.of(size, || Pictures::new(&self.device, size, &self.options))?;
        let group = pictures.group.of((color.clone(), region.clone()), || {
            scoped(&self.device, "binding a picture to its filter", || {
                let resources = [
                    self.layers.as_entire_binding(),
                    pictures.settings.as_entire_binding(),
                    region.as_entire_binding(),
                    wgpu::BindingResource::TextureView(color),
                    wgpu::BindingResource::TextureView(&pictures.filtered),
                    pictures.lumas.as_entire_binding(),
                    pictures.hidden[0].as_entire_binding(),
                    pictures.hidden[1].as_entire_binding(),
                ];
                Ok(bind(&self.device, &self.layout, &numbered(resources)))
            })
        })?;
        let workgroups = [0, 1].map(|i| size[i].div_ceil(2).div_ceil(WORKGROUP[i]));
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for kernel in &self.kernels {
            kernel.dispatch(&mut pass, group, [workgroups[0], workgroups[1], 1]);
        }
        Ok(&pictures.filtered)
    }
}

impl Pictures {
    fn new(device: &wgpu::Device, size: [u32; 2], options: &LearnedOptions) -> Result<Self, RenderError> {
        let cells = size.map(|side| side.div_ceil(2));
        let count = u64::from(cells[0]) * u64::from(cells[1]);
        let limits = device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let bytes = count * HIDDEN_VECTORS * VECTOR_BYTES;
        if bytes > limit {
            return Err(RenderError::TooLarge { what: "a picture to be filtered", bytes, limit });
        }
        let (background, over) = options.background();
        let settings = SettingsData {
            background,
            over: f32::from(u8::from(over)),
            cells,
            feather: options.feather,
            strength: options.strength,
            outside: options.outside,
            padding: [0.0; 3],
        };
        scoped(device, "making room for filtered pictures", || {
            let room = |vectors: u64| {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("layer"),
                    size: count * vectors * VECTOR_BYTES,
                    usage: wgpu::BufferUsages::STORAGE,
                    mapped_at_creation: false,
                })
            };
            let settings = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("filter settings"),
                contents: bytemuck::bytes_of(&settings),
                usage: wgpu::BufferUsages::STORAGE,
            });
            Ok(Self {
                settings,
                lumas: room(1),
                hidden: [room(HIDDEN_VECTORS), room(HIDDEN_VECTORS)],
                filtered: filtered_picture(device, "filtered", size),
                group: Memo::new(),
            })
        })
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
