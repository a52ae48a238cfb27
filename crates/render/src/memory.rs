//! The working memory of a view: what a frame's stages hand to each other, up to a number of avatars, splats and tile
//! entries.

use bytemuck::{Pod, Zeroable};

use crate::filled::filled;
use crate::instance::InstanceData;
use crate::pipelines::{Pipelines, bind, bind_at};
use crate::quads::{Quads, Sorted};
use crate::sort::{DISPATCH_STRIDE, Pairs, Sort, SortBuffers};
use crate::uploads::Uploads;
use crate::view::{CameraData, LightData, TILE, View};
use crate::{GpuAvatar, Method, RenderError};

/// Threads of a workgroup that writes tile entries.
pub(crate) const EXPAND_THREADS: u64 = 256;
/// Digits of the sort.
pub(crate) const DIGITS: u64 = 256;
/// A splat takes this many bytes (`Splat` in `shaders/splat/record.wesl`).
pub(crate) const SPLAT_SIZE: u64 = 48;
/// `FrameState` in the same file, rounded up.
pub(crate) const STATE_SIZE: u64 = 32;
/// `Guide` in `shaders/splat/guide.wesl`.
pub(crate) const GUIDE_SIZE: u64 = 16;
/// A view holds at most this many pairs of Gaussian and tile; the farthest Gaussians of a picture that wants more are
/// left out. 16 Mi entries take 256 MiB.
const MAX_ENTRIES: u64 = 16 << 20;
/// And at least this many (8 MiB), which most pictures of one avatar never fill.
const MIN_ENTRIES: u64 = 1 << 19;
/// An [`InstanceData`] at an offset that uniform buffers may be bound at on every device.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct InstanceSlot {
    data: InstanceData,
    padding: [[u32; 6]; 6],
}

/// The projection of an occluder.
const PROJECTION_SIZE: u64 = 16;
const SLOT_SIZE: u64 = size_of::<InstanceSlot>() as u64;
const _: () = assert!(SLOT_SIZE == 256);

impl InstanceSlot {
    pub(crate) fn new(data: InstanceData) -> Self {
        Self { data, padding: Zeroable::zeroed() }
    }
}

/// How much working memory a frame needs.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    /// Splats, drawn or not.
    pub(crate) splats: u64,
    /// Pairs of splat and tile, at most; none where quads are drawn.
    pub(crate) entries: u64,
}

/// What composites.
pub(crate) enum Pictures {
    Tiles(wgpu::BindGroup),
    Quads(Box<Quads>),
}

/// Buffers and bind groups up to a number of avatars, splats and tile entries.
pub(crate) struct Memory {
    pub(crate) room: Needs,
    /// What `room.entries` can be at most on this device.
    pub(crate) most_entries: u64,
    pub(crate) uploads: Uploads,
    pub(crate) instances: wgpu::Buffer,
    pub(crate) splats: wgpu::Buffer,
    /// Splats by tile and depth, or where quads are drawn by depth alone.
    pub(crate) entries: wgpu::Buffer,
    pub(crate) tile_counts: wgpu::Buffer,
    pub(crate) depth_keys: wgpu::Buffer,
    pub(crate) state: wgpu::Buffer,
    pub(crate) dispatches: wgpu::Buffer,
    pub(crate) ranges: wgpu::Buffer,
    /// By 24 bits of depth, and by 16.
    pub(crate) sort_depths: [Sort; 2],
    pub(crate) sum_blocks: wgpu::BindGroup,
    pub(crate) scan_blocks: wgpu::BindGroup,
    pub(crate) expand_tiles: wgpu::BindGroup,
    pub(crate) sort_tiles: Sort,
    pub(crate) find_ranges: wgpu::BindGroup,
    /// Nothing until the pictures are bound.
    pub(crate) pictures: Option<Pictures>,
    order: wgpu::Buffer,
    pub(crate) guides: Option<wgpu::Buffer>,
    /// The avatars that the projection is bound for, in order.
    pub(crate) bound: Vec<u64>,
    pub(crate) project: Vec<wgpu::BindGroup>,
    /// For each avatar, in views with a guide.
    pub(crate) guide: Vec<wgpu::BindGroup>,
}

/// How many splats a view can hold, besides one that is never drawn.
pub(crate) fn most_splats(limits: &wgpu::Limits) -> u64 {
    let bytes = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    // Tile entries are written by a thread a splat.
    let threads = u64::from(limits.max_compute_workgroups_per_dimension) * EXPAND_THREADS;
    (bytes / SPLAT_SIZE).saturating_sub(1).min(threads)
}

impl Memory {
    /// Memory for frames of `view` that need so much of `avatars`.
    pub(crate) fn allocate(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        view: &View,
        needs: Needs,
        avatars: &[&GpuAvatar],
    ) -> Result<Self, RenderError> {
        let limits = device.limits();
        let buffer_limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let most_entries = MAX_ENTRIES.min(buffer_limit / 4);
        // Some slack, so that a camera that moves slowly nearer does not reallocate every frame. One splat more than
        // asked for is never drawn.
        let most_splats = most_splats(&limits);
        if needs.splats > most_splats {
            return Err(RenderError::TooMany {
                what: "Gaussians in one picture",
                count: needs.splats,
                limit: most_splats,
            });
        }
        let all: u64 = avatars.iter().map(|avatar| u64::from(avatar.shared.count)).sum();
        let slack = |count: u64| count + count / 2;
        let room = Needs {
            splats: slack(needs.splats).min(all).min(most_splats).max(1),
            entries: match view.method() {
                Method::Tiles => slack(needs.entries).clamp(MIN_ENTRIES.min(most_entries), most_entries),
                Method::Quads => 0,
            },
        };
        Ok(Self::new(device, pipelines, view, room, most_entries, avatars.len().next_power_of_two()))
    }

    pub(crate) fn has_room(&self, needs: Needs, avatars: usize) -> bool {
        self.room.splats >= needs.splats
            && self.room.entries >= needs.entries.min(self.most_entries)
            && self.instances.size() >= avatars as u64 * SLOT_SIZE
    }

    fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        view: &View,
        room: Needs,
        most_entries: u64,
        avatars: usize,
    ) -> Self {
        let storage = |label, size: u64, more: wgpu::BufferUsages| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size.max(16),
                usage: wgpu::BufferUsages::STORAGE | more,
                mapped_at_creation: false,
            })
        };
        let none = wgpu::BufferUsages::empty();
        let (n, capacity) = (room.splats, room.entries);
        let tiles = view.width.div_ceil(TILE) * view.height.div_ceil(TILE);
        let instances = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("avatars"),
            size: avatars as u64 * SLOT_SIZE,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let uniform = wgpu::BufferUsages::UNIFORM;
        let limits =
            filled(device, "tile limits", bytemuck::cast_slice(&[capacity as u32, 0, 0, 0]), uniform);
        let state =
            storage("frame state", STATE_SIZE, wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::COPY_SRC);
        let dispatches = storage("dispatch sizes", 4 * DISPATCH_STRIDE, wgpu::BufferUsages::INDIRECT);
        let splats = storage("splats", (n + 1) * SPLAT_SIZE, none);
        let tile_counts = storage("tile counts", n * 4, none);
        let depth_keys = storage("depth keys", n * 4, none);
        let runs = n.max(capacity).div_ceil(pipelines.sort_layout.run.into());
        let counts = storage("digit counts", DIGITS * runs * 4, none);
        let block_offsets = storage("tile block offsets", n.div_ceil(256) * 4, none);
        let ranges = storage("tile ranges", u64::from(tiles) * 8, wgpu::BufferUsages::COPY_DST);
        let [keys_a, keys_b, order_a, order_b] =
            ["sorted depths", "sorted depths (2)", "depth order", "depth order (2)"]
                .map(|label| storage(label, n * 4, none));
        let [tile_keys_a, tile_keys_b, tile_values_a, tile_values_b] =
            ["tile keys", "tile keys (2)", "tile entries", "tile entries (2)"]
                .map(|label| storage(label, capacity * 4, none));

        let shared = SortBuffers { state: &state, counts: &counts, dispatches: &dispatches };
        let pairs = [Pairs { keys: &keys_a, values: &order_a }, Pairs { keys: &keys_b, values: &order_b }];
        let sort_depths =
            [24, 16].map(|bits| Sort::of_depths(device, pipelines, &shared, &depth_keys, pairs, bits));
        let tile_pairs = [
            Pairs { keys: &tile_keys_a, values: &tile_values_a },
            Pairs { keys: &tile_keys_b, values: &tile_values_b },
        ];
        let (sort_tiles, result) = Sort::of_tiles(device, pipelines, &shared, tiles, tile_pairs);
        let sorted = tile_pairs[result];

        let whole = wgpu::Buffer::as_entire_binding;
        let camera = &view.camera;
        let guides = view.kind().0.then(|| storage("guides", (n + 1) * GUIDE_SIZE, none));
        Self {
            room,
            most_entries,
            uploads: Uploads::new(
                device,
                (size_of::<CameraData>() + size_of::<LightData>()) as u64
                    + STATE_SIZE
                    + avatars as u64 * SLOT_SIZE
                    + PROJECTION_SIZE,
            ),
            sort_depths,
            sum_blocks: bind_some(
                device,
                &pipelines.sum_blocks,
                &[(1, &state), (2, &order_a), (3, &tile_counts), (4, &block_offsets)],
            ),
            scan_blocks: bind_some(
                device,
                &pipelines.scan_blocks,
                &[(0, &limits), (1, &state), (4, &block_offsets), (5, &dispatches)],
            ),
            expand_tiles: bind(
                device,
                &pipelines.expand_tiles,
                &[
                    camera,
                    &state,
                    &order_a,
                    &splats,
                    &block_offsets,
                    &tile_counts,
                    &tile_keys_a,
                    &tile_values_a,
                ]
                .map(whole),
            ),
            sort_tiles,
            find_ranges: bind(device, &pipelines.find_ranges, &[&state, sorted.keys, &ranges].map(whole)),
            pictures: None,
            entries: if view.method() == Method::Quads { order_a.clone() } else { sorted.values.clone() },
            order: order_a,
            guides,
            instances,
            splats,
            tile_counts,
            depth_keys,
            state,
            dispatches,
            ranges,
            bound: Vec::new(),
            project: Vec::new(),
            guide: Vec::new(),
        }
    }

    /// Binds what composites: tiles and splats, and what `view` writes to and is hidden by.
    pub(crate) fn bind_pictures(&mut self, device: &wgpu::Device, pipelines: &Pipelines, view: &View) {
        if view.method() == Method::Quads {
            let Self { state, order, splats, ranges, .. } = self;
            let sorted = Sorted { state, order, splats, ranges };
            self.pictures = Some(Pictures::Quads(Box::new(Quads::new(device, pipelines, view, &sorted))));
            return;
        }
        let whole = wgpu::Buffer::as_entire_binding;
        let mut resources = vec![
            (0, whole(&view.camera)),
            (1, whole(&self.ranges)),
            (2, whole(&self.entries)),
            (3, whole(&self.splats)),
            (4, wgpu::BindingResource::TextureView(&view.color.view)),
            (5, wgpu::BindingResource::TextureView(&view.depth.view)),
        ];
        if let (Some(guides), Some(guide)) = (&self.guides, &view.guide) {
            resources.push((6, whole(guides)));
            resources.push((7, wgpu::BindingResource::TextureView(&guide.view)));
        }
        if let Some(limit) = view.limit() {
            resources.push((8, wgpu::BindingResource::TextureView(limit)));
        }
        let (guided, occluded) = view.kind();
        let layout = pipelines.rasterize(device, guided, occluded).get_bind_group_layout(0);
        self.pictures = Some(Pictures::Tiles(bind_at(device, &layout, &resources)));
    }

    pub(crate) fn is_bound(&self, avatars: &[&GpuAvatar]) -> bool {
        self.bound.iter().copied().eq(avatars.iter().map(|avatar| avatar.id))
    }

    /// Binds the projection for `avatars`.
    pub(crate) fn bind_avatars(
        &mut self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        [camera, light]: [&wgpu::Buffer; 2],
        avatars: &[&GpuAvatar],
    ) {
        self.bound.clear();
        self.project.clear();
        let whole = wgpu::Buffer::as_entire_binding;
        for (i, avatar) in avatars.iter().enumerate() {
            self.bound.push(avatar.id);
            let slot = self.slot(i);
            self.project.push(bind(
                device,
                &pipelines.project,
                &[
                    whole(camera),
                    slot,
                    whole(&avatar.shared.gaussians),
                    whole(&avatar.shared.appearance),
                    whole(&avatar.vertices),
                    whole(&avatar.residuals),
                    whole(&self.splats),
                    whole(&self.depth_keys),
                    whole(&self.state),
                    whole(&self.tile_counts),
                    whole(light),
                ],
            ));
        }
    }

    fn slot(&self, i: usize) -> wgpu::BindingResource<'_> {
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.instances,
            offset: i as u64 * SLOT_SIZE,
            size: wgpu::BufferSize::new(SLOT_SIZE),
        })
    }

    /// Binds what fills the guide for `avatars`, of which `previous` holds where their Gaussians were.
    pub(crate) fn bind_guides(
        &mut self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatars: &[&GpuAvatar],
        previous: &[(u64, wgpu::Buffer)],
    ) {
        let Some(guides) = &self.guides else { return };
        let whole = wgpu::Buffer::as_entire_binding;
        self.guide = (avatars.iter().enumerate())
            .filter_map(|(i, avatar)| {
                let (_, previous) = previous.iter().find(|(id, _)| *id == avatar.id)?;
                Some(bind(
                    device,
                    pipelines.guide(device),
                    &[
                        self.slot(i),
                        whole(&self.splats),
                        whole(&self.depth_keys),
                        whole(&avatar.shared.importance),
                        whole(previous),
                        whole(guides),
                    ],
                ))
            })
            .collect();
    }
}

/// Binds whole buffers to a kernel that uses only some of its file's bindings.
fn bind_some(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    buffers: &[(u32, &wgpu::Buffer)],
) -> wgpu::BindGroup {
    let resources: Vec<_> = buffers.iter().map(|&(at, buffer)| (at, buffer.as_entire_binding())).collect();
    bind_at(device, &pipeline.get_bind_group_layout(0), &resources)
}
