//! One picture: its textures, and the working memory that a frame of an avatar needs.

use bytemuck::{Pod, Zeroable};
use effigy_splat::{Camera, MAX_PICTURE_SIZE, SplatError};

use crate::pipelines::{Pipelines, bind};
use crate::sort::{DISPATCH_STRIDE, Pairs, Sort, SortBuffers};
use crate::uploads::Uploads;
use crate::{GpuAvatar, RenderError};

/// Tile width and height, pixels.
pub(crate) const TILE: u32 = 16;
/// Digits of the sort.
const DIGITS: u64 = 256;
/// A splat takes this many bytes (`Splat` in `shaders/splat/record.wesl`).
const SPLAT_SIZE: u64 = 48;
/// A view holds at most this many pairs of Gaussian and tile; the farthest Gaussians of a picture that wants more are
/// left out. 16 Mi entries take 256 MiB.
const MAX_ENTRIES: u64 = 16 << 20;
/// And at least this many (8 MiB), which most pictures of one avatar never fill.
const MIN_ENTRIES: u64 = 1 << 19;

/// A picture to render into: premultiplied colour and depth.
pub struct View {
    pub(crate) width: u32,
    pub(crate) height: u32,
    color: wgpu::Texture,
    color_view: wgpu::TextureView,
    depth: wgpu::Texture,
    depth_view: wgpu::TextureView,
    pub(crate) camera: wgpu::Buffer,
    pub(crate) uploads: Uploads,
    pub(crate) bindings: Option<Bindings>,
}

/// Twin of `Camera` in `shaders/splat/camera.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct CameraData {
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
}

impl CameraData {
    pub(crate) fn new(camera: &Camera, avatar: &GpuAvatar) -> Self {
        let m = camera.camera_from_world;
        let (r, t) = (m.matrix3.transpose(), m.translation);
        let row = |r: glam::Vec3A, t: f32| [r.x, r.y, r.z, t];
        let (slope_min, slope_max) = camera.slope_bounds();
        Self {
            rows: [row(r.x_axis, t.x), row(r.y_axis, t.y), row(r.z_axis, t.z)],
            eye: camera.eye().into(),
            near: camera.near,
            focal: [camera.fx, camera.fy],
            principal: [camera.cx, camera.cy],
            size: [camera.width as f32, camera.height as f32],
            slope_min,
            slope_max,
            variance: avatar.filter.variance,
            compensate: avatar.filter.compensate.into(),
            gaussians: avatar.count,
            sh_degree: avatar.sh_degree.into(),
            tiles: [camera.width.div_ceil(TILE), camera.height.div_ceil(TILE)],
        }
    }
}

/// Buffers and bind groups for one avatar in one view, up to a number of tile entries.
pub(crate) struct Bindings {
    avatar: u64,
    capacity: u64,
    /// What `capacity` can be at most on this device.
    most: u64,
    pub state: wgpu::Buffer,
    pub initial_state: wgpu::Buffer,
    pub dispatches: wgpu::Buffer,
    pub ranges: wgpu::Buffer,
    pub project: wgpu::BindGroup,
    pub sort_depths: Sort,
    pub sum_blocks: wgpu::BindGroup,
    pub scan_blocks: wgpu::BindGroup,
    pub expand_tiles: wgpu::BindGroup,
    pub sort_tiles: Sort,
    pub find_ranges: wgpu::BindGroup,
    pub rasterize: wgpu::BindGroup,
}

impl View {
    pub(crate) fn new(
        device: &wgpu::Device,
        width: u32,
        height: u32,
        format: wgpu::TextureFormat,
    ) -> Result<Self, RenderError> {
        let most = device.limits().max_texture_dimension_2d.min(MAX_PICTURE_SIZE);
        if width == 0 || height == 0 || width > most || height > most {
            return Err(
                SplatError::Camera(format!("picture size {width}x{height} is outside 1 to {most}")).into()
            );
        }
        let texture = |label, format| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some(label),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::STORAGE_BINDING
                    | wgpu::TextureUsages::TEXTURE_BINDING
                    | wgpu::TextureUsages::COPY_SRC,
                view_formats: &[],
            })
        };
        let color = texture("avatar colour", format);
        let depth = texture("avatar depth", wgpu::TextureFormat::R32Float);
        Ok(Self {
            width,
            height,
            color_view: color.create_view(&Default::default()),
            depth_view: depth.create_view(&Default::default()),
            color,
            depth,
            camera: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("camera"),
                size: size_of::<CameraData>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            uploads: Uploads::new(device, size_of::<CameraData>() as u64),
            bindings: None,
        })
    }

    /// Width and height, pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Premultiplied display-referred sRGB and coverage.
    pub fn color(&self) -> &wgpu::TextureView {
        &self.color_view
    }

    /// Expected depth along the view axis in metres; 0 where nothing is drawn.
    pub fn depth(&self) -> &wgpu::TextureView {
        &self.depth_view
    }

    /// The texture behind [`View::color`].
    pub fn color_texture(&self) -> &wgpu::Texture {
        &self.color
    }

    /// The texture behind [`View::depth`].
    pub fn depth_texture(&self) -> &wgpu::Texture {
        &self.depth
    }

    /// Whether there is working memory for `avatar` with room for `entries` tile entries, or as many as ever.
    pub(crate) fn fits(&self, avatar: &GpuAvatar, entries: u64) -> bool {
        let bound = self.bindings.as_ref().filter(|b| b.avatar == avatar.id);
        bound.is_some_and(|b| b.capacity >= entries.min(b.most))
    }

    /// Makes working memory for `avatar` with room for `entries` tile entries.
    pub(crate) fn prepare(
        &mut self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatar: &GpuAvatar,
        entries: u64,
    ) -> Result<(), RenderError> {
        let limits = device.limits();
        let buffer_limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let most = MAX_ENTRIES.min(buffer_limit / 4);
        // Some slack, so that a camera that moves slowly nearer does not reallocate every frame.
        let capacity = (entries + entries / 2).clamp(MIN_ENTRIES.min(most), most);
        let n = u64::from(avatar.count).max(1);
        if (n + 1) * SPLAT_SIZE > buffer_limit {
            return Err(RenderError::TooLarge {
                what: "the projected Gaussians",
                bytes: n * SPLAT_SIZE,
                limit: buffer_limit,
            });
        }
        // Let the old memory go before the new is taken.
        self.bindings = None;
        self.bindings = Some(self.bind(device, pipelines, avatar, n, capacity, most));
        Ok(())
    }

    fn bind(
        &self,
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatar: &GpuAvatar,
        n: u64,
        capacity: u64,
        most: u64,
    ) -> Bindings {
        let storage = |label, size: u64, more: wgpu::BufferUsages| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size.max(16),
                usage: wgpu::BufferUsages::STORAGE | more,
                mapped_at_creation: false,
            })
        };
        let none = wgpu::BufferUsages::empty();
        let constant = |label, contents: &[u32], usage| {
            use wgpu::util::DeviceExt;
            device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(label),
                contents: bytemuck::cast_slice(contents),
                usage,
            })
        };
        let tiles = self.width.div_ceil(TILE) * self.height.div_ceil(TILE);
        let state = storage("frame state", 16, wgpu::BufferUsages::COPY_DST);
        let initial_state =
            constant("initial frame state", &[u32::MAX, 0, 0, 0], wgpu::BufferUsages::COPY_SRC);
        let limits = constant("tile limits", &[capacity as u32, 0, 0, 0], wgpu::BufferUsages::UNIFORM);
        let dispatches = storage("dispatch sizes", 4 * DISPATCH_STRIDE, wgpu::BufferUsages::INDIRECT);
        // One more than there are Gaussians, which is never written and never drawn.
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
        let sort_depths = Sort::of_depths(
            device,
            pipelines,
            &shared,
            &depth_keys,
            avatar.count,
            [Pairs { keys: &keys_a, values: &order_a }, Pairs { keys: &keys_b, values: &order_b }],
        );
        let tile_pairs = [
            Pairs { keys: &tile_keys_a, values: &tile_values_a },
            Pairs { keys: &tile_keys_b, values: &tile_values_b },
        ];
        let (sort_tiles, result) = Sort::of_tiles(device, pipelines, &shared, tiles, tile_pairs);
        let sorted = tile_pairs[result];

        let whole = wgpu::Buffer::as_entire_binding;
        let camera = &self.camera;
        Bindings {
            avatar: avatar.id,
            capacity,
            most,
            project: bind(
                device,
                &pipelines.project,
                &[
                    camera,
                    &avatar.gaussians,
                    &avatar.harmonics,
                    &avatar.vertices,
                    &splats,
                    &depth_keys,
                    &state,
                    &tile_counts,
                ]
                .map(whole),
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
            rasterize: bind(
                device,
                &pipelines.rasterize,
                &[
                    whole(camera),
                    whole(&ranges),
                    whole(sorted.values),
                    whole(&splats),
                    wgpu::BindingResource::TextureView(&self.color_view),
                    wgpu::BindingResource::TextureView(&self.depth_view),
                ],
            ),
            state,
            initial_state,
            dispatches,
            ranges,
        }
    }
}

/// Binds whole buffers to a kernel that uses only some of its file's bindings.
fn bind_some(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    buffers: &[(u32, &wgpu::Buffer)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = buffers
        .iter()
        .map(|&(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}
