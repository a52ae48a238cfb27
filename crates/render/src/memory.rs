//! The working memory of a view: what a frame's stages hand to each other, up to a number of avatars, splats and tile
//! entries.

use bytemuck::{Pod, Zeroable};
use effigy_shaders::{BLOCK_THREADS, CameraData, Room, SPLAT_SIZE, STATE_SIZE, TileLists, numbered, storage};
use effigy_splat::Light;

use crate::instance::InstanceData;
use crate::pipelines::Pipelines;
use crate::quads::Quads;
use crate::target::Target;
use crate::uploads::Uploads;
use crate::{GpuAvatar, Method, RenderError};

/// `Guide` in `shaders/splat/guide.wesl`.
pub(crate) const GUIDE_SIZE: u64 = 16;
/// A view holds at most this many pairs of Gaussian and tile; the farthest Gaussians of a picture that wants more are
/// left out. 16 Mi entries take 256 MiB.
const MAX_ENTRIES: u64 = 16 << 20;
/// And at least this many (8 MiB), which most pictures of one avatar never fill.
const MIN_ENTRIES: u64 = 1 << 19;
/// Twin of `Light` in `shaders/splat/light.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct LightData {
    ambient: [f32; 4],
    key: [f32; 4],
    direction: [f32; 4],
}

impl LightData {
    pub(crate) fn new(light: &Light) -> Self {
        Self {
            ambient: light.ambient.extend(0.0).to_array(),
            key: light.key.extend(0.0).to_array(),
            direction: light.direction.normalize().extend(0.0).to_array(),
        }
    }
}

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
    /// Depths are sorted by 24 bits, or by 16.
    pub(crate) lists: TileLists,
    /// Nothing until the pictures are bound.
    pub(crate) pictures: Option<Pictures>,
    guides: Option<wgpu::Buffer>,
    /// Whether it is for quads.
    by_quads: bool,
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
    let threads = u64::from(limits.max_compute_workgroups_per_dimension) * BLOCK_THREADS;
    (bytes / SPLAT_SIZE).saturating_sub(1).min(threads)
}

impl Memory {
    /// Memory for frames of `target` that need so much of `avatars`.
    pub(crate) fn allocate(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        target: &Target,
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
            entries: match target.method() {
                Method::Tiles => slack(needs.entries).clamp(MIN_ENTRIES.min(most_entries), most_entries),
                Method::Quads => 0,
            },
        };
        Ok(Self::new(device, pipelines, target, room, most_entries, avatars.len().next_power_of_two()))
    }

    pub(crate) fn has_room(&self, needs: Needs, avatars: usize) -> bool {
        self.room.splats >= needs.splats
            && self.room.entries >= needs.entries.min(self.most_entries)
            && self.instances.size() >= avatars as u64 * SLOT_SIZE
    }

    fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        target: &Target,
        room: Needs,
        most_entries: u64,
        avatars: usize,
    ) -> Self {
        let none = wgpu::BufferUsages::empty();
        let instances = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("avatars"),
            size: avatars as u64 * SLOT_SIZE,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let [columns, rows] = target.tiles();
        let lists = TileLists::new(
            device,
            &pipelines.lists,
            &target.camera,
            Room { splats: room.splats, entries: room.entries, tiles: columns * rows },
            &[24, 16],
            false,
        );
        let guides = target.kind().0.then(|| storage(device, "guides", (room.splats + 1) * GUIDE_SIZE, none));
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
            instances,
            lists,
            pictures: None,
            guides,
            by_quads: target.method() == Method::Quads,
            bound: Vec::new(),
            project: Vec::new(),
            guide: Vec::new(),
        }
    }

    /// Splats by tile and depth, or where quads are drawn by depth alone.
    pub(crate) fn entries(&self) -> &wgpu::Buffer {
        if self.by_quads { &self.lists.order } else { &self.lists.entries }
    }

    /// Binds what composites: tiles and splats, and what `target` is written to and hidden by.
    pub(crate) fn bind_pictures(&mut self, device: &wgpu::Device, pipelines: &Pipelines, target: &Target) {
        if self.by_quads {
            let quads = Quads::new(device, pipelines, target, &self.lists);
            self.pictures = Some(Pictures::Quads(Box::new(quads)));
            return;
        }
        let whole = wgpu::Buffer::as_entire_binding;
        let mut resources = vec![
            (0, whole(&target.camera)),
            (1, whole(&self.lists.ranges)),
            (2, whole(&self.lists.entries)),
            (3, whole(&self.lists.splats)),
            (4, wgpu::BindingResource::TextureView(&target.color.view)),
            (5, wgpu::BindingResource::TextureView(&target.depth.view)),
        ];
        if let (Some(guides), Some(guide)) = (&self.guides, &target.guide) {
            resources.push((6, whole(guides)));
            resources.push((7, wgpu::BindingResource::TextureView(&guide.view)));
        }
        if let Some(limit) = target.limit() {
            resources.push((8, wgpu::BindingResource::TextureView(limit)));
        }
        let (guided, occluded) = target.kind();
        let kernel = pipelines.rasterize(device, guided, occluded);
        self.pictures = Some(Pictures::Tiles(kernel.bind(device, &resources)));
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
            self.project.push(pipelines.project.bind(
                device,
                &numbered([
                    whole(camera),
                    slot,
                    whole(&avatar.shared.gaussians),
                    whole(&avatar.shared.appearance),
                    whole(&avatar.vertices),
                    whole(&avatar.residuals),
                    whole(&self.lists.splats),
                    whole(&self.lists.depth_keys),
                    whole(&self.lists.state),
                    whole(&self.lists.tile_counts),
                    whole(light),
                ]),
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
                Some(pipelines.guide(device).bind(
                    device,
                    &numbered([
                        self.slot(i),
                        whole(&self.lists.splats),
                        whole(&self.lists.depth_keys),
                        whole(&avatar.shared.importance),
                        whole(previous),
                        whole(guides),
                    ]),
                ))
            })
            .collect();
    }
}
