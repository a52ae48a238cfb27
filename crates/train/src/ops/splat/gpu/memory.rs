//! The buffers of one view on a GPU, and how many tile entries they have room for.

use std::sync::mpsc::{Receiver, channel};

use bytemuck::{Pod, Zeroable};

use super::{SplatKernels, TILE};
use crate::TrainError;
use crate::gpu::{BLOCK, DIGITS, DISPATCH_STRIDE, Gpu, Pairs, Sort, SortBuffers, bind};
use crate::ops::splat::{GatheredUsage, SplatView};

/// Bytes of a splat (`Splat` in `shaders/splat/record.wesl`).
const SPLAT_SIZE: u64 = 48;
/// `FrameState` of the same file, rounded up.
pub(super) const STATE_SIZE: u64 = 32;
/// Values that are summed of each entry (`SUMS` in `shaders/splat/sums.wesl`).
const SUMS: u64 = 11;
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

/// Twin of `Camera` in `shaders/splat/camera.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct CameraData {
    rows: [[f32; 4]; 3],
    eye: [f32; 3],
    near: f32,
    focal: [f32; 2],
    principal: [f32; 2],
    size: [f32; 2],
    slope_min: [f32; 2],
    slope_max: [f32; 2],
    variance: f32,
    compensate: u32,
    gaussians: u32,
    sh_degree: u32,
    tiles: [u32; 2],
    cutoff: f32,
    by_distance: u32,
    linear: u32,
    padding: u32,
}

impl CameraData {
    fn of(view: &SplatView) -> Self {
        let camera = &view.camera;
        let m = camera.camera_from_world;
        let (r, t) = (m.matrix3.transpose(), m.translation);
        let row = |r: glam::Vec3A, t: f32| [r.x, r.y, r.z, t];
        let (slope_min, slope_max) = camera.slope_bounds();
        let size = Size::of(view);
        Self {
            rows: [row(r.x_axis, t.x), row(r.y_axis, t.y), row(r.z_axis, t.z)],
            eye: camera.eye().into(),
            near: camera.near,
            focal: [camera.fx, camera.fy],
            principal: [camera.cx, camera.cy],
            size: [camera.width as f32, camera.height as f32],
            slope_min,
            slope_max,
            variance: view.filter.variance,
            compensate: view.filter.compensate.into(),
            gaussians: size.gaussians as u32,
            sh_degree: view.sh_degree.into(),
            tiles: size.tiles,
            // There is a derivative of the classic rules only.
            cutoff: f32::MAX,
            by_distance: 0,
            linear: 0,
            padding: 0,
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
    pub(super) splats: wgpu::Buffer,
    pub(super) tile_counts: wgpu::Buffer,
    pub(super) depth_keys: wgpu::Buffer,
    pub(super) state: wgpu::Buffer,
    pub(super) initial_state: wgpu::Buffer,
    pub(super) dispatches: wgpu::Buffer,
    pub(super) ranges: wgpu::Buffer,
    /// Numbers of entries, by tile and depth.
    pub(super) entries: wgpu::Buffer,
    /// The Gaussian of each entry.
    pub(super) owners: wgpu::Buffer,
    /// What each entry contributes to its Gaussian's gradient.
    pub(super) sums: wgpu::Buffer,
    pub(super) sort_depths: Sort,
    pub(super) sum_blocks: wgpu::BindGroup,
    pub(super) scan_blocks: wgpu::BindGroup,
    pub(super) expand_tiles: wgpu::BindGroup,
    pub(super) sort_tiles: Sort,
    pub(super) find_ranges: wgpu::BindGroup,
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

fn storage(device: &wgpu::Device, label: &str, size: u64, more: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size: size.max(16),
        usage: wgpu::BufferUsages::STORAGE | more,
        mapped_at_creation: false,
    })
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
        gpu.queue.write_buffer(&self.camera, 0, bytemuck::bytes_of(&CameraData::of(view)));
        gpu.queue.write_buffer(&self.anchors, 0, bytemuck::cast_slice(&anchors));
    }

    /// Records that the number of entries be read back, unless one is on its way already.
    pub(super) fn record_count(&mut self, encoder: &mut wgpu::CommandEncoder) {
        if matches!(self.count.state, Counting::Idle) {
            encoder.copy_buffer_to_buffer(&self.bindings.state, 0, &self.count.staging, 0, 16);
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
        use wgpu::util::DeviceExt as _;
        let device = &gpu.device;
        let constant = |label, contents: &[u32], usage| {
            let contents = bytemuck::cast_slice(contents);
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(label),
                contents,
                usage,
            })
        };
        let n = size.gaussians.max(1) as u64;
        let [columns, rows] = size.tiles;
        let (to, from) = (wgpu::BufferUsages::COPY_DST, wgpu::BufferUsages::COPY_SRC);
        let state = storage(device, "frame state", STATE_SIZE, to | from);
        let initial_state = constant("initial frame state", &[u32::MAX, 0, 0, 0, n as u32, 0, 0, 0], from);
        let limits = constant("tile limits", &[capacity as u32, 0, 0, 0], wgpu::BufferUsages::UNIFORM);
        let dispatches = storage(device, "dispatch sizes", 4 * DISPATCH_STRIDE, wgpu::BufferUsages::INDIRECT);
        // One more than there are Gaussians, which is never written and never drawn.
        let splats = storage(device, "splats", (n + 1) * SPLAT_SIZE, NONE);
        let tile_counts = storage(device, "tile counts", n * 4, NONE);
        let depth_keys = storage(device, "depth keys", n * 4, NONE);
        let blocks = n.div_ceil(BLOCK).max(capacity.div_ceil(BLOCK));
        let counts = storage(device, "digit counts", DIGITS * blocks * 4, NONE);
        let block_offsets = storage(device, "tile block offsets", n.div_ceil(256) * 4, NONE);
        let ranges = storage(device, "tile ranges", u64::from(columns * rows) * 8, to);
        let [depths_a, depths_b, order_a, order_b] =
            ["sorted depths", "sorted depths (2)", "depth order", "depth order (2)"]
                .map(|label| storage(device, label, n * 4, NONE));
        let [tiles_a, tiles_b, entries_a, entries_b, owners] =
            ["tile keys", "tile keys (2)", "tile entries", "tile entries (2)", "owners of entries"]
                .map(|label| storage(device, label, capacity * 4, NONE));
        let numbers: Vec<u32> = (0..capacity as u32).collect();
        let numbers = constant("numbers of entries", &numbers, wgpu::BufferUsages::STORAGE);
        let sums = storage(device, "sums of entries", capacity * SUMS * 4, NONE);

        let shared = SortBuffers { state: &state, counts: &counts, dispatches: &dispatches };
        let sort_depths = Sort::of_depths(
            device,
            &kernels.sort,
            &shared,
            &depth_keys,
            size.gaussians as u32,
            [Pairs { keys: &depths_a, values: &order_a }, Pairs { keys: &depths_b, values: &order_b }],
        );
        let (sort_tiles, sorted) = Sort::of_tiles(
            device,
            &kernels.sort,
            &shared,
            columns * rows,
            Pairs { keys: &tiles_a, values: &numbers },
            [Pairs { keys: &tiles_b, values: &entries_b }, Pairs { keys: &tiles_a, values: &entries_a }],
        );
        let entries = sorted.values.clone();
        let whole = wgpu::Buffer::as_entire_binding;
        let order = &order_a;
        Self {
            capacity,
            most,
            sum_blocks: kernels.sum_blocks.bind(
                device,
                &[
                    (1, whole(&state)),
                    (2, whole(order)),
                    (3, whole(&tile_counts)),
                    (4, whole(&block_offsets)),
                ],
            ),
            scan_blocks: kernels.scan_blocks.bind(
                device,
                &[
                    (0, whole(&limits)),
                    (1, whole(&state)),
                    (4, whole(&block_offsets)),
                    (5, whole(&dispatches)),
                ],
            ),
            expand_tiles: kernels.expand_tiles.bind(
                device,
                &bind(
                    [camera, &state, order, &splats, &block_offsets, &tile_counts, &tiles_a, &owners]
                        .map(whole),
                ),
            ),
            find_ranges: kernels.find_ranges.bind(device, &bind([&state, sorted.keys, &ranges].map(whole))),
            gather: kernels.gather.bind(
                device,
                &bind(
                    [&state, order, &splats, &block_offsets, &sums, gathered, usage, &tile_counts].map(whole),
                ),
            ),
            sort_depths,
            sort_tiles,
            splats,
            tile_counts,
            depth_keys,
            state,
            initial_state,
            dispatches,
            ranges,
            entries,
            owners,
            sums,
        }
    }
}
