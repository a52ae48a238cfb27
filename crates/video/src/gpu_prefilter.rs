//! What [`crate::PreFilter`] does, on the GPU: between a view and its planes.

use bytemuck::{Pod, Zeroable};
use effigy_render::{RenderError, scoped, wgpu};
use effigy_shaders::{Kernel, bind, composed, layout, numbered};
use wgpu::util::DeviceExt;

use crate::VideoError;
use crate::bindings::{filtered, filtered_picture, storage, texture};
use crate::format::PlanesError;
use crate::gpu_focus::GpuFocus;
use crate::memo::Memo;
use crate::prefilter::{FilterOptions, LARGEST_SIGMA, LEVELS, gaussians};

/// Pixels of a workgroup: width and height.
const WORKGROUP: [u32; 2] = [16, 8];

/// Blurs pictures outside of the face. [`crate::PreFilter`] says what comes out; half floats, which pictures are stored in
/// between the passes and after, round it.
pub struct GpuPreFilter {
    device: wgpu::Device,
    layout: wgpu::BindGroupLayout,
    /// Along rows, then along columns.
    kernels: [Kernel; 2],
    options: FilterOptions,
    sigma: f32,
    strength: wgpu::Buffer,
    weights: wgpu::Buffer,
    /// By size.
    pictures: Memo<[u32; 2], Pictures>,
}

/// Memory for pictures of one size.
struct Pictures {
    rows: wgpu::TextureView,
    filtered: wgpu::TextureView,
    /// By what is read, and what was followed in it.
    groups: Memo<(wgpu::TextureView, wgpu::Buffer), [wgpu::BindGroup; 2]>,
}

/// Twin of `Strength` in `shaders/output/prefilter.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct StrengthData {
    sigma: f32,
    feather: f32,
    largest_level: f32,
    largest_sigma: f32,
}

impl GpuPreFilter {
    /// Builds the kernels; WebGPU's default limits are enough. Until [`Self::set_quality`] nothing is filtered.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options without a meaning, [`VideoError::Planes`] if the device refuses the kernels.
    pub fn new(device: &wgpu::Device, options: FilterOptions) -> Result<Self, VideoError> {
        options.validate()?;
        let made = scoped(device, "building the filter before encoding", || {
            let read = storage(true);
            let layout = layout(device, "filter", &[read, read, read, texture(), filtered()]);
            let names = ["filter_rows", "filter_columns"];
            let kernels = Kernel::sharing(device, &composed::PREFILTER, &layout, names);
            let buffer = |label, contents: &[u8], usage| {
                let usage = wgpu::BufferUsages::STORAGE | usage;
                device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: Some(label),
                    contents,
                    usage,
                })
            };
            let strength = StrengthData::new(&options, 0.0);
            let strength = buffer("strength", bytemuck::bytes_of(&strength), wgpu::BufferUsages::COPY_DST);
            let weights = bytemuck::cast_slice::<_, u8>(&gaussians()).to_vec();
            let weights = buffer("Gaussians", &weights, wgpu::BufferUsages::empty());
            Ok((layout, kernels, strength, weights))
        });
        let (layout, kernels, strength, weights) = made.map_err(PlanesError::from)?;
        let device = device.clone();
        Ok(Self { device, layout, kernels, options, sigma: 0.0, strength, weights, pictures: Memo::new() })
    }

    /// What it does.
    pub fn options(&self) -> &FilterOptions {
        &self.options
    }

    /// Filters for an encoder at this quality (H.264's quantiser): all frames that are submitted from now on.
    pub fn set_quality(&mut self, queue: &wgpu::Queue, quality: f32) {
        let sigma = self.options.sigma(quality);
        if sigma != self.sigma {
            self.sigma = sigma;
            queue.write_buffer(
                &self.strength,
                0,
                bytemuck::bytes_of(&StrengthData::new(&self.options, sigma)),
            );
        }
    }

    /// Records the filtering of `color`, in which `focus` has followed what is looked at, and gives what to convert to planes:
    /// `color` itself where there is nothing to do. Allocates only when one of them is another than the time before.
    ///
    /// # Errors
    /// [`PlanesError::Texture`] if `focus` has followed a picture of another size, or none; [`PlanesError::Render`] for
    /// a texture that cannot be read or is another device's, and if the device is out of memory.
    pub fn record<'a>(
        &'a mut self,
        encoder: &mut wgpu::CommandEncoder,
        color: &'a wgpu::TextureView,
        focus: &GpuFocus,
    ) -> Result<&'a wgpu::TextureView, PlanesError> {
        let size = [color.texture().width(), color.texture().height()];
        let region = focus.region_of(size)?;
        if !(self.sigma > 0.0) {
            return Ok(color);
        }
        let pictures = self.pictures.of(size, || Pictures::new(&self.device, size))?;
        let groups = pictures.groups.of((color.clone(), region.clone()), || {
            scoped(&self.device, "binding a picture to its filter", || {
                let group = |from: &wgpu::TextureView, to: &wgpu::TextureView| {
                    let resources = [
                        self.strength.as_entire_binding(),
                        self.weights.as_entire_binding(),
                        region.as_entire_binding(),
                        wgpu::BindingResource::TextureView(from),
                        wgpu::BindingResource::TextureView(to),
                    ];
                    bind(&self.device, &self.layout, &numbered(resources))
                };
                Ok([group(color, &pictures.rows), group(&pictures.rows, &pictures.filtered)])
            })
        })?;
        let workgroups = [0, 1].map(|i| size[i].div_ceil(WORKGROUP[i]));
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for (kernel, group) in self.kernels.iter().zip(groups) {
            kernel.dispatch(&mut pass, group, [workgroups[0], workgroups[1], 1]);
        }
        Ok(&pictures.filtered)
    }
}

impl StrengthData {
    fn new(options: &FilterOptions, sigma: f32) -> Self {
        let largest_level = (LEVELS - 1) as f32;
        Self { sigma, feather: options.feather, largest_level, largest_sigma: LARGEST_SIGMA }
    }
}

impl Pictures {
    fn new(device: &wgpu::Device, size: [u32; 2]) -> Result<Self, RenderError> {
        scoped(device, "making room for filtered pictures", || {
            let view = |label| filtered_picture(device, label, size);
            Ok(Self { rows: view("rows filtered"), filtered: view("filtered"), groups: Memo::new() })
        })
    }
}
