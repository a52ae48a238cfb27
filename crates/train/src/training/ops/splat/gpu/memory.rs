//! The buffers of one view on a GPU, and how many tile entries they have room for.

use std::sync::mpsc::{Receiver, channel};

use bytemuck::{Pod, Zeroable};
use effigy_shaders::{CameraData, Room, TILE, TileLists, filled, numbered, storage};
use effigy_splat::SplatRules;

use super::kernels::SplatKernels;
use crate::TrainError;
use crate::training::gpu::Gpu;
use crate::training::ops::splat::{GatheredUsage, SplatView};

/// Values that are summed of each entry (`SUMS` in `shaders/splat/sums.wesl`).
const SUMS: u64 = 11;
/// Bits of a depth key after its range has been shifted down.
const DEPTH_KEY_BITS: u32 = 24;
/// Room to begin with: this many entries a Gaussian, and no fewer than [`MIN_ENTRIES`].
const ENTRIES_EACH: u64 = 6;
const MIN_ENTRIES: u64 = 1 << 16;
/// Never more than this many entries (1.1 GiB).
const MAX_ENTRIES: u64 = 16 << 20;

/// Sizes that the buffers depend on.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Size {
    pub(super) gaussians: usize,
    /// Columns and rows of tiles.
    pub(super) tiles: [u32; 2],
}

impl Size {
    pub(super) fn of(view: &SplatView) -> Self {
        let camera = &view.camera;
        Self {
            gaussians: view.anchors.len(),
            tiles: [camera.width.div_ceil(TILE), camera.height.div_ceil(TILE)],
        }
    }
}

/// Twin of `Anchor` in `shaders/splat/attributes.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct AnchorData {
    position: [f32; 3],
    scale: f32,
    rotation: [f32; 4],
}

/// Buffers of one view.
pub(super) struct Memory {
    pub(super) size: Size,
    pub(super) camera: wgpu::Buffer,
    pub(super) anchors: wgpu::Buffer,
    /// Sums of each Gaussian.
    pub(super) gathered: wgpu::Buffer,
    usage: wgpu::Buffer,
    bindings: Bindings,
    count: Count,
    /// Whether the room for entries has been seen to suffice.
    settled: bool,
    incomplete: u64,
}

/// What depends on the room for entries.
pub(super) struct Bindings {
    capacity: u64,
    most: u64,
    pub(super) lists: TileLists,
    pub(super) initial_state: wgpu::Buffer,
    /// What each entry contributes to its Gaussian's gradient.
    pub(super) sums: wgpu::Buffer,
    pub(super) gather: wgpu::BindGroup,
}

/// The number of entries of a picture, on its way back.
struct Count {
    staging: wgpu::Buffer,
    state: Counting,
}

enum Counting {
    Idle,
    /// Copied by commands that are yet to be submitted.
    Recorded,
    Mapping(Receiver<Result<(), wgpu::BufferAsyncError>>),
}

const NONE: wgpu::BufferUsages = wgpu::BufferUsages::empty();

impl Memory {
    /// Memory for pictures of `size`; `usage` may be handed on from an earlier one of as many Gaussians.
    pub(super) fn new(gpu: &Gpu, kernels: &SplatKernels, size: Size, usage: Option<wgpu::Buffer>) -> Self {
        let device = &gpu.device;
        let n = size.gaussians.max(1) as u64;
        let limits = device.limits();
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) / (4 * SUMS);
        let most = most.min(MAX_ENTRIES);
        let capacity = (n * ENTRIES_EACH).max(MIN_ENTRIES).min(most);
        let copied = wgpu::BufferUsages::COPY_DST;
        let usage = usage.unwrap_or_else(|| {
            storage(device, "usage of Gaussians", n * 8, copied | wgpu::BufferUsages::COPY_SRC)
        });
        let camera = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("camera"),
            size: size_of::<CameraData>() as u64,
            usage: wgpu::BufferUsages::UNIFORM | copied,
            mapped_at_creation: false,
        });
        let anchors = storage(device, "anchors", n * size_of::<AnchorData>() as u64, copied);
        let gathered = storage(device, "sums of Gaussians", n * SUMS * 4, NONE);
        let count = Count {
            staging: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("count of tile entries"),
                size: 16,
                usage: copied | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            }),
            state: Counting::Idle,
        };
        let bindings = Bindings::new(gpu, kernels, size, capacity, most, &camera, &gathered, &usage);
        Self { size, camera, anchors, gathered, usage, bindings, count, settled: false, incomplete: 0 }
    }

    pub(super) fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    pub(super) fn incomplete_pictures(&self) -> u64 {
        self.incomplete
    }

    /// What was gathered, if it is of that many Gaussians.
    pub(super) fn into_usage(self, gaussians: usize) -> Option<wgpu::Buffer> {
        (self.size.gaussians == gaussians).then_some(self.usage)
    }

    /// Puts the camera and the anchors where the next submission finds them.
    pub(super) fn write(&self, gpu: &Gpu, view: &SplatView) {
        let anchors: Vec<AnchorData> = view
            .anchors
            .iter()
            .map(|a| AnchorData { position: a.position.into(), scale: a.scale, rotation: a.rotation.into() })
            .collect();
        // There is a derivative of the classic rules only.
        let mut camera = CameraData::new(&view.camera, self.size.gaussians as u32, SplatRules::CLASSIC);
        camera.variance = view.filter.variance;
        camera.compensate = view.filter.compensate.into();
        camera.sh_degree = view.sh_degree.into();
        gpu.queue.write_buffer(&self.camera, 0, bytemuck::bytes_of(&camera));
        gpu.queue.write_buffer(&self.anchors, 0, bytemuck::cast_slice(&anchors));
    }

    /// Records that the number of entries be read back, unless one is on its way already.
    pub(super) fn record_count(&mut self, encoder: &mut wgpu::CommandEncoder) {
        if matches!(self.count.state, Counting::Idle) {
            encoder.copy_buffer_to_buffer(&self.bindings.lists.state, 0, &self.count.staging, 0, 16);
            self.count.state = Counting::Recorded;
        }
    }

    /// After the submission. Whether the picture is whole as far as is known: the first of a size is waited for, and
    /// is to be made again with more room if it had too little.
    pub(super) fn settle(&mut self, gpu: &Gpu, kernels: &SplatKernels) -> bool {
        if matches!(self.count.state, Counting::Recorded) {
            let (sender, receiver) = channel();
            self.count.staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
                // The receiver is gone only with the working memory.
                let _ = sender.send(result);
            });
            self.count.state = Counting::Mapping(receiver);
        }
        if self.settled {
            return true;
        }
        let _ = gpu.device.poll(wgpu::PollType::wait_indefinitely());
        let Some(entries) = self.count.take() else {
            // The device is lost: `check` says so.
            return true;
        };
        let Bindings { capacity, most, .. } = self.bindings;
        if entries >= capacity && capacity < most {
            self.resize(gpu, kernels, capacity * 4);
            return false;
        }
        self.incomplete += u64::from(entries >= capacity);
        self.settled = true;
        true
    }

    /// Looks whether an earlier picture came close to the room there is, and makes more.
    pub(super) fn notice_overflow(&mut self, gpu: &Gpu, kernels: &SplatKernels) {
        let _ = gpu.device.poll(wgpu::PollType::Poll);
        let Some(entries) = self.count.take() else { return };
        let Bindings { capacity, most, .. } = self.bindings;
        self.incomplete += u64::from(entries >= capacity);
        if entries * 4 > capacity * 3 && capacity < most {
            self.resize(gpu, kernels, capacity * 2);
        }
    }

    fn resize(&mut self, gpu: &Gpu, kernels: &SplatKernels, capacity: u64) {
        let most = self.bindings.most;
        let (size, camera) = (self.size, &self.camera);
        self.bindings =
            Bindings::new(gpu, kernels, size, capacity.min(most), most, camera, &self.gathered, &self.usage);
    }

    /// What was gathered; it begins at zero again.
    pub(super) fn take_usage(&mut self, gpu: &Gpu) -> Result<GatheredUsage, TrainError> {
        let fail = |what: String| TrainError::Device(format!("reading what Gaussians did: {what}"));
        let size = self.usage.size();
        let staging = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("usage of Gaussians, read"),
            size,
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        encoder.copy_buffer_to_buffer(&self.usage, 0, &staging, 0, size);
        encoder.clear_buffer(&self.usage, 0, None);
        gpu.queue.submit([encoder.finish()]);
        let (sender, receiver) = channel();
        staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            let _ = sender.send(result);
        });
        gpu.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| fail(e.to_string()))?;
        receiver
            .recv()
            .map_err(|_| fail("the driver dropped the request".into()))?
            .map_err(|e| fail(e.to_string()))?;
        let bytes = staging.slice(..).get_mapped_range().map_err(|e| fail(e.to_string()))?.to_vec();
        let pairs = bytes.chunks_exact(8).take(self.size.gaussians);
        let float = |b: &[u8], at: usize| f32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        let (contribution, screen_gradient) = pairs.map(|b| (float(b, 0), float(b, 4))).unzip();
        Ok(GatheredUsage { contribution, screen_gradient })
    }
}

impl Count {
    /// The number of entries of the picture that was counted last, if it has arrived.
    fn take(&mut self) -> Option<u64> {
        let Counting::Mapping(receiver) = &self.state else { return None };
        let arrived = receiver.try_recv().ok()?;
        self.state = Counting::Idle;
        arrived.ok()?;
        let bytes = self.staging.slice(..).get_mapped_range().ok()?.to_vec();
        self.staging.unmap();
        // The last of four counters.
        let last = bytes.last_chunk::<4>()?;
        Some(u64::from(u32::from_le_bytes(*last)))
    }
}

impl Bindings {
    #[allow(clippy::too_many_arguments)] // one constructor for one large thing
    fn new(
        gpu: &Gpu,
        kernels: &SplatKernels,
        size: Size,
        capacity: u64,
        most: u64,
        camera: &wgpu::Buffer,
        gathered: &wgpu::Buffer,
        usage: &wgpu::Buffer,
    ) -> Self {
        let device = &gpu.device;
        let n = size.gaussians.max(1) as u64;
        let [columns, rows] = size.tiles;
        let room = Room { splats: n, entries: capacity, tiles: columns * rows };
        let lists = TileLists::new(device, &kernels.lists, camera, room, &[DEPTH_KEY_BITS], true);
        let from = wgpu::BufferUsages::COPY_SRC;
        let initial_state = [u32::MAX, 0, 0, 0, n as u32, 0, 0, 0];
        let initial_state = filled(device, "initial frame state", bytemuck::cast_slice(&initial_state), from);
        let sums = storage(device, "sums of entries", capacity * SUMS * 4, NONE);
        let whole = wgpu::Buffer::as_entire_binding;
        let TileLists { state, order, splats, block_offsets, tile_counts, .. } = &lists;
        let gather = kernels.gather.bind(
            device,
            &numbered([state, order, splats, block_offsets, &sums, gathered, usage, tile_counts].map(whole)),
        );
        Self { capacity, most, gather, lists, initial_state, sums }
    }
}
