//! What [`crate::Focus`] does, on the GPU: the rectangle around what is looked at, without bringing anything back.

use bytemuck::{Pod, Zeroable};
use effigy_render::{RenderError, scoped, wgpu};
use effigy_shaders::{Kernel, bind, composed, layout, numbered};
use wgpu::util::DeviceExt;

use crate::VideoError;
use crate::bindings::{storage, texture};
use crate::encoder::QualityMap;
use crate::focus::{Edges, FocusOptions};
use crate::format::PlanesError;
use crate::memo::Memo;

/// Rows and columns of pixels to a workgroup that counts.
const WORKGROUP: u32 = 16;
const _: () = assert!(WORKGROUP == QualityMap::BLOCK);

/// Follows on one device what is looked at in the frames of one view. [`crate::Focus`] says what comes out; it stays in GPU memory,
/// where [`crate::GpuPreFilter`] reads it.
pub struct GpuFocus {
    device: wgpu::Device,
    layout: wgpu::BindGroupLayout,
    /// In the order in which they run.
    kernels: [Kernel; 4],
    options: FocusOptions,
    /// By size.
    picture: Memo<[u32; 2], Followed>,
}

/// Memory for pictures of one size.
struct Followed {
    settings: wgpu::Buffer,
    region: wgpu::Buffer,
    counts: wgpu::Buffer,
    /// By what is read.
    group: Memo<wgpu::TextureView, wgpu::BindGroup>,
}

/// Twin of `Settings` in `shaders/output/focus.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SettingsData {
    size: [u32; 2],
    threshold: f32,
    subject: f32,
    slack: f32,
    follow: f32,
    least_pixels: u32,
    padding: u32,
}

/// Twin of `Followed` in `shaders/output/followed.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct FollowedData {
    edges: Edges,
    found: u32,
    share: f32,
    change: u32,
    padding: u32,
}

/// What was followed in one frame, brought back.
pub(crate) struct RegionRef<'a> {
    followed: FollowedData,
    blocks: &'a [u8],
}

impl GpuFocus {
    /// Builds the kernels; WebGPU's default limits are enough.
    ///
    /// # Errors
    /// [`VideoError::Settings`] for options that are not finite or below 0, [`VideoError::Planes`] if the device refuses
    /// the kernels.
    pub fn new(device: &wgpu::Device, options: FocusOptions) -> Result<Self, VideoError> {
        options.validate()?;
        let (layout, kernels) = scoped(device, "building what follows a face", || {
            let kinds = [storage(true), texture(), storage(false), storage(false)];
            let layout = layout(device, "focus", &kinds);
            let names = ["count_looked_at", "follow_edges", "count_subject", "smooth_share"];
            let kernels = Kernel::sharing(device, &composed::FOCUS, &layout, names);
            Ok((layout, kernels))
        })
        .map_err(PlanesError::from)?;
        Ok(Self { device: device.clone(), layout, kernels, options, picture: Memo::new() })
    }

    /// How it follows.
    pub fn options(&self) -> FocusOptions {
        self.options
    }

    /// Records that the next frame's importance is followed: `guide` is a view's ([`effigy_render::View::guide`]), whose third
    /// component it is. A picture of another size starts anew. Allocates only then, and when `guide` is another texture than
    /// the time before.
    ///
    /// # Errors
    /// [`PlanesError::Render`] for a texture that cannot be read or is another device's, and if the device is out of memory.
    pub fn record(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        guide: &wgpu::TextureView,
    ) -> Result<(), PlanesError> {
        let size = [guide.texture().width(), guide.texture().height()];
        let picture = self.picture.of(size, || Followed::new(&self.device, &self.options, size))?;
        let group = picture.bind(&self.device, &self.layout, guide)?;
        let [columns, rows] = size.map(|side| side.div_ceil(WORKGROUP));
        let workgroups =
            [(columns, rows), (1, 1), (columns, size[1].div_ceil(4).div_ceil(WORKGROUP)), (1, 1)];
        let mut pass = encoder.begin_compute_pass(&Default::default());
        for (kernel, (columns, rows)) in self.kernels.iter().zip(workgroups) {
            kernel.dispatch(&mut pass, group, [columns, rows, 1]);
        }
        Ok(())
    }

    /// The rectangle and the importance of blocks, as [`RegionRef`] reads them; usages `STORAGE` and `COPY_SRC`.
    pub(crate) fn region(&self) -> Option<&wgpu::Buffer> {
        self.picture.last().map(|(_, picture)| &picture.region)
    }

    /// The same of a picture of this size.
    ///
    /// # Errors
    /// [`PlanesError::Texture`] if none, or one of another size, was recorded last.
    pub(crate) fn region_of(&self, size: [u32; 2]) -> Result<&wgpu::Buffer, PlanesError> {
        match self.picture.last() {
            Some((of, picture)) if *of == size => Ok(&picture.region),
            other => {
                let wanted = other.map_or([0; 2], |(of, _)| *of);
                Err(PlanesError::Texture { found: size, wanted })
            }
        }
    }
}

/// Bytes of the region of a picture.
pub(crate) fn region_size([width, height]: [u32; 2]) -> u64 {
    let [columns, rows] = [width, height].map(|side| u64::from(side.div_ceil(QualityMap::BLOCK)));
    let blocks = columns * rows;
    // Sizes of WGSL's structures are multiples of their largest vector's.
    (size_of::<FollowedData>() as u64 + 4 * blocks).next_multiple_of(16)
}

impl Followed {
    fn new(device: &wgpu::Device, options: &FocusOptions, size: [u32; 2]) -> Result<Self, RenderError> {
        let settings = SettingsData {
            size,
            threshold: options.threshold,
            subject: options.subject,
            slack: options.slack,
            follow: options.follow,
            least_pixels: options.least_pixels.max(1),
            padding: 0,
        };
        scoped(device, "making room to follow a face", || {
            let zero = |label, size| {
                device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some(label),
                    size,
                    usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
                    mapped_at_creation: false,
                })
            };
            Ok(Self {
                settings: device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                    label: Some("how a face is followed"),
                    contents: bytemuck::bytes_of(&settings),
                    usage: wgpu::BufferUsages::STORAGE,
                }),
                region: zero("face", region_size(size)),
                counts: zero("rows and columns looked at", 4 * (u64::from(size[0]) + u64::from(size[1]) + 2)),
                group: Memo::new(),
            })
        })
    }

    fn bind(
        &mut self,
        device: &wgpu::Device,
        layout: &wgpu::BindGroupLayout,
        guide: &wgpu::TextureView,
    ) -> Result<&wgpu::BindGroup, RenderError> {
        let group = self.group.of(guide.clone(), || {
            scoped(device, "binding a guide", || {
                let resources = [
                    self.settings.as_entire_binding(),
                    wgpu::BindingResource::TextureView(guide),
                    self.region.as_entire_binding(),
                    self.counts.as_entire_binding(),
                ];
                Ok(bind(device, layout, &numbered(resources)))
            })
        })?;
        Ok(group)
    }
}

impl<'a> RegionRef<'a> {
    /// Of bytes as [`GpuFocus::region`] has them; `None` if they are not as many as a picture of this size has.
    pub(crate) fn new(size: [u32; 2], bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.get(..usize::try_from(region_size(size)).ok()?)?;
        let (followed, blocks) = bytes.split_at_checked(size_of::<FollowedData>())?;
        Some(Self { followed: bytemuck::try_pod_read_unaligned(followed).ok()?, blocks })
    }

    /// The rectangle, if there ever was one.
    pub(crate) fn edges(&self) -> Option<Edges> {
        (self.followed.found == 1).then_some(self.followed.edges)
    }

    /// As [`crate::Focus::share`].
    pub(crate) fn share(&self) -> f32 {
        self.followed.share
    }

    /// Whether no pixel of a block, counted row after row, is above 0.
    pub(crate) fn is_empty(&self, block: usize) -> bool {
        let most = self.blocks.get(4 * block..).and_then(|bytes| bytes.first_chunk());
        !most.is_some_and(|bytes| f32::from_le_bytes(*bytes) > 0.0)
    }
}
