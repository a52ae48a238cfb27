//! The conversion of a frame to planes on the GPU.

use bytemuck::{Pod, Zeroable};
use effigy_render::{RenderError, scoped, wgpu};
use effigy_shaders::{Kernel, composed, numbered};
use wgpu::util::DeviceExt;

use crate::format::{Alpha, Association, Component, Layout, PlanesError, Range, Shape};
use crate::memo::Memo;
use crate::planes::{FAINTEST, difference_scales};

/// Samples of luma that a workgroup makes: width and height.
const WORKGROUP: [u32; 2] = [64, 16];

/// Makes planes of rendered frames on one device. [`crate::Planes::convert`] says what comes out; single precision may round
/// a code to the other side of a half.
pub struct Converter {
    device: wgpu::Device,
    kernel: Kernel,
}

/// Planes of one shape in GPU memory, filled anew for every frame.
pub struct PlanesBuffer {
    shape: Shape,
    buffer: wgpu::Buffer,
    data: wgpu::Buffer,
    /// By what is converted.
    group: Memo<wgpu::TextureView, wgpu::BindGroup>,
}

/// Twin of `Shape` in `shaders/output/shape.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ShapeData {
    picture: [u32; 2],
    coded: [u32; 2],
    background: [f32; 3],
    alpha_column: u32,
    luma: [f32; 3],
    samples: u32,
    difference: [f32; 2],
    alpha: u32,
    faintest: f32,
    codes: [f32; 4],
    largest: f32,
    full_range: u32,
    chroma_stride: u32,
    luma_stride: u32,
    cb: u32,
    cr: u32,
    alpha_plane: u32,
    has_alpha_plane: u32,
}

impl Converter {
    /// Builds the kernel; WebGPU's default limits are enough.
    ///
    /// # Errors
    /// [`PlanesError::Render`] if the device refuses it.
    pub fn new(device: &wgpu::Device) -> Result<Self, PlanesError> {
        let kernel = scoped(device, "building the conversion to planes", || {
            Ok(Kernel::new(device, &composed::PLANES, "make_planes"))
        })?;
        Ok(Self { device: device.clone(), kernel })
    }

    /// Memory for planes of `shape`, all zero.
    ///
    /// # Errors
    /// [`PlanesError::Render`] for more than the device allows in one buffer, or if it is out of memory or lost.
    pub fn planes(&self, shape: &Shape) -> Result<PlanesBuffer, PlanesError> {
        self.planes_and(shape, 0)
    }

    /// The same with room for `rest` bytes, a multiple of 4, after the planes: what else a [`crate::Ring`] brings back with
    /// them.
    pub(crate) fn planes_and(&self, shape: &Shape, rest: u64) -> Result<PlanesBuffer, PlanesError> {
        let limits = self.device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let size = shape.size() as u64 + rest;
        if size > limit {
            return Err(RenderError::TooLarge { what: "a picture in planes", bytes: size, limit }.into());
        }
        let (buffer, data) = scoped(&self.device, "making room for planes", || {
            let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("planes"),
                size,
                usage: wgpu::BufferUsages::STORAGE
                    | wgpu::BufferUsages::COPY_SRC
                    | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let data = self.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some("shape of planes"),
                contents: bytemuck::bytes_of(&ShapeData::new(shape)),
                usage: wgpu::BufferUsages::UNIFORM,
            });
            Ok((buffer, data))
        })?;
        Ok(PlanesBuffer { shape: *shape, buffer, data, group: Memo::new() })
    }

    /// Records the conversion of `color`, premultiplied and display-referred as [`effigy_render::View::color`] is, into
    /// `planes`. Allocates only when `color` is another texture than the time before.
    ///
    /// # Errors
    /// [`PlanesError::Texture`] for a texture that is not of the planes' size, [`PlanesError::Render`] for one that cannot be
    /// read or is another device's.
    pub fn record(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        color: &wgpu::TextureView,
        planes: &mut PlanesBuffer,
    ) -> Result<(), PlanesError> {
        let (found, wanted) = ([color.texture().width(), color.texture().height()], planes.shape.picture());
        if found != wanted {
            return Err(PlanesError::Texture { found, wanted });
        }
        let group = planes.group.of(color.clone(), || {
            scoped(&self.device, "binding a picture to its planes", || {
                let resources = [
                    planes.data.as_entire_binding(),
                    wgpu::BindingResource::TextureView(color),
                    planes.buffer.as_entire_binding(),
                ];
                Ok(self.kernel.bind(&self.device, &numbered(resources)))
            })
        })?;
        let [width, height] = planes.shape.coded();
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let size = [width.div_ceil(WORKGROUP[0]), height.div_ceil(WORKGROUP[1]), 1];
        self.kernel.dispatch(&mut pass, group, size);
        Ok(())
    }
}

impl PlanesBuffer {
    /// What it holds.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The planes as [`Shape::span`] has them; usages `STORAGE`, `COPY_SRC` and `COPY_DST`.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

impl ShapeData {
    fn new(shape: &Shape) -> Self {
        let format = shape.format();
        let words = |bytes: usize| (bytes / 4) as u32;
        let span = |component| shape.span(component);
        let first = span(Component::Cb).or(span(Component::CbCr));
        let (alpha, background) = match shape.alpha() {
            Alpha::Over(background) => (0, background),
            Alpha::Plane(Association::Premultiplied) | Alpha::SideBySide(Association::Premultiplied) => {
                (1, [0.0; 3])
            }
            Alpha::Plane(Association::Straight) | Alpha::SideBySide(Association::Straight) => (2, [0.0; 3]),
        };
        let single = |value: f64| value as f32;
        Self {
            picture: shape.picture(),
            coded: shape.coded(),
            background,
            alpha_column: shape.alpha_column().unwrap_or(u32::MAX),
            luma: format.luma_weights().map(single),
            samples: match format.layout {
                Layout::I420 => 0,
                Layout::Nv12 => 1,
                Layout::P010 => 2,
                Layout::I444 => 3,
            },
            difference: difference_scales(format).map(single),
            alpha,
            faintest: single(FAINTEST),
            codes: format.codes().map(single),
            largest: single(format.largest()),
            full_range: u32::from(format.range == Range::Full),
            chroma_stride: first.map_or(0, |span| words(span.stride)),
            luma_stride: span(Component::Luma).map_or(0, |span| words(span.stride)),
            cb: first.map_or(0, |span| words(span.offset)),
            cr: span(Component::Cr).map_or(0, |span| words(span.offset)),
            alpha_plane: span(Component::Alpha).map_or(0, |span| words(span.offset)),
            has_alpha_plane: u32::from(span(Component::Alpha).is_some()),
        }
    }
}
