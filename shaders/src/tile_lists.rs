//! What each tile of a picture is made of: splats sorted by depth, then handed to the tiles that they touch. The kernels
//! are in `sort/` and `bin/`.

use crate::{
    DISPATCH_STRIDE, Kernel, Pairs, Sort, SortBuffers, SortKernels, Teamwork, composed, filled, numbered,
    storage,
};

/// Bytes of a splat (`Splat` in `splat/record.wesl`).
pub const SPLAT_SIZE: u64 = 48;
/// `FrameState` of the same file, rounded up.
pub const STATE_SIZE: u64 = 32;
/// Splats that a workgroup counts and writes the entries of.
pub const BLOCK_THREADS: u64 = 256;

/// The kernels that make the lists.
pub struct TileKernels {
    sort: SortKernels,
    sum_blocks: Kernel,
    scan_blocks: Kernel,
    expand_tiles: Kernel,
    find_ranges: Kernel,
}

impl TileKernels {
    /// Those whose threads work together like this.
    pub fn new(device: &wgpu::Device, teamwork: Teamwork) -> Self {
        let [offsets, expand] = match teamwork {
            Teamwork::Shared => [composed::BIN_OFFSETS, composed::BIN_EXPAND],
            Teamwork::Subgroups => [composed::BIN_OFFSETS_SUBGROUPS, composed::BIN_EXPAND_SUBGROUPS],
            Teamwork::Serial => [composed::BIN_OFFSETS_SERIAL, composed::BIN_EXPAND],
        };
        Self {
            sort: SortKernels::new(device, teamwork),
            sum_blocks: Kernel::new(device, &offsets, "sum_blocks"),
            scan_blocks: Kernel::new(device, &offsets, "scan_blocks"),
            expand_tiles: Kernel::new(device, &expand, "expand_tiles"),
            find_ranges: Kernel::new(device, &composed::BIN_RANGES, "find_ranges"),
        }
    }

    /// Bytes of the digit counts of sorting `keys` keys.
    pub fn counts_size(&self, keys: u64) -> u64 {
        self.sort.counts_size(keys)
    }
}

/// How much the lists hold.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Splats, drawn or not.
    pub splats: u64,
    /// Pairs of splat and tile.
    pub entries: u64,
    /// Tiles of the picture.
    pub tiles: u32,
}

/// Buffers and bind groups from projected splats to the lists of tiles.
pub struct TileLists {
    /// What the projection writes: splats, one more than there is room for, which is never written and never drawn.
    pub splats: wgpu::Buffer,
    /// How many tiles each touches.
    pub tile_counts: wgpu::Buffer,
    /// Its depth as a number to sort by.
    pub depth_keys: wgpu::Buffer,
    /// `FrameState` of `splat/record.wesl`.
    pub state: wgpu::Buffer,
    /// Splats by depth, the nearest first.
    pub order: wgpu::Buffer,
    /// Of each splat in that order, in blocks, where its entries begin.
    pub block_offsets: wgpu::Buffer,
    /// The splat of each entry, in the order in which entries are made.
    pub owners: wgpu::Buffer,
    /// By tile and depth: splats, or where entries are numbered their numbers.
    pub entries: wgpu::Buffer,
    /// The first of each tile's entries and the one after its last. To be cleared before each frame.
    pub ranges: wgpu::Buffer,
    /// Workgroups of what follows, [`DISPATCH_STRIDE`] bytes each: for sorting and for expanding what is drawn, for sorting
    /// entries, and for the entries' ranges.
    pub dispatches: wgpu::Buffer,
    /// As many as there are ways to sort by depth.
    sort_depths: Vec<Sort>,
    sum_blocks: wgpu::BindGroup,
    scan_blocks: wgpu::BindGroup,
    expand_tiles: wgpu::BindGroup,
    sort_tiles: Sort,
    find_ranges: wgpu::BindGroup,
}

impl TileLists {
    /// Lists for splats that are seen by `camera` ([`crate::CameraData`]). Depths can be sorted by each of `depth_bits`, 16
    /// or 24. Entries are splats, or `number_entries` has them numbered as they are made.
    pub fn new(
        device: &wgpu::Device,
        kernels: &TileKernels,
        camera: &wgpu::Buffer,
        room: Room,
        depth_bits: &[u32],
        number_entries: bool,
    ) -> Self {
        let Room { splats: n, entries: capacity, tiles } = room;
        let none = wgpu::BufferUsages::empty();
        let (to, from) = (wgpu::BufferUsages::COPY_DST, wgpu::BufferUsages::COPY_SRC);
        let words = |label, count: u64| storage(device, label, 4 * count, none);
        let limits = [capacity as u32, 0, 0, 0];
        let uniform = wgpu::BufferUsages::UNIFORM;
        let limits = filled(device, "tile limits", bytemuck::cast_slice(&limits), uniform);
        let state = storage(device, "frame state", STATE_SIZE, to | from);
        let dispatches = storage(device, "dispatch sizes", 4 * DISPATCH_STRIDE, wgpu::BufferUsages::INDIRECT);
        let splats = storage(device, "splats", (n + 1) * SPLAT_SIZE, none);
        let [tile_counts, depth_keys] = ["tile counts", "depth keys"].map(|label| words(label, n));
        let counts = storage(device, "digit counts", kernels.sort.counts_size(n.max(capacity)), none);
        let block_offsets = words("tile block offsets", n.div_ceil(BLOCK_THREADS));
        let ranges = storage(device, "tile ranges", u64::from(tiles) * 8, to);
        let [depths_a, depths_b, order_a, order_b] =
            ["sorted depths", "sorted depths (2)", "depth order", "depth order (2)"]
                .map(|label| words(label, n));
        let [tiles_a, tiles_b, owners, entries_b] =
            ["tile keys", "tile keys (2)", "tile entries", "tile entries (2)"]
                .map(|label| words(label, capacity));

        let shared = SortBuffers { state: &state, counts: &counts, dispatches: &dispatches };
        let pairs =
            [Pairs { keys: &depths_a, values: &order_a }, Pairs { keys: &depths_b, values: &order_b }];
        let sort_depths = (depth_bits.iter())
            .map(|&bits| Sort::of_depths(device, &kernels.sort, &shared, &depth_keys, pairs, bits))
            .collect();
        // Owners are what is sorted, or stay as they are made.
        let numbers = number_entries.then(|| {
            let numbers: Vec<u32> = (0..capacity as u32).collect();
            let contents = bytemuck::cast_slice(&numbers);
            let numbers = filled(device, "numbers of entries", contents, wgpu::BufferUsages::STORAGE);
            (numbers, words("numbers of entries by tile", capacity))
        });
        let (made, entries_a) = numbers.as_ref().map_or((&owners, &owners), |(numbers, a)| (numbers, a));
        let (sort_tiles, sorted) = Sort::of_tiles(
            device,
            &kernels.sort,
            &shared,
            tiles,
            Pairs { keys: &tiles_a, values: made },
            [Pairs { keys: &tiles_b, values: &entries_b }, Pairs { keys: &tiles_a, values: entries_a }],
        );
        let whole = wgpu::Buffer::as_entire_binding;
        Self {
            sum_blocks: kernels.sum_blocks.bind(
                device,
                &[
                    (1, whole(&state)),
                    (2, whole(&order_a)),
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
                &numbered(
                    [camera, &state, &order_a, &splats, &block_offsets, &tile_counts, &tiles_a, &owners]
                        .map(whole),
                ),
            ),
            find_ranges: kernels
                .find_ranges
                .bind(device, &numbered([&state, sorted.keys, &ranges].map(whole))),
            entries: sorted.values.clone(),
            sort_depths,
            sort_tiles,
            splats,
            tile_counts,
            depth_keys,
            state,
            order: order_a,
            block_offsets,
            owners,
            ranges,
            dispatches,
        }
    }

    /// Records the sorting of `splats` splats by depth, the `way`-th of those that were asked for.
    pub fn record_sort(
        &self,
        kernels: &TileKernels,
        way: usize,
        splats: u32,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        self.sort_depths[way].record(&kernels.sort, &self.dispatches, splats, pass);
    }

    /// Records what makes the lists of what is sorted.
    pub fn record(&self, kernels: &TileKernels, pass: &mut wgpu::ComputePass<'_>) {
        let sizes = &self.dispatches;
        kernels.sum_blocks.dispatch_indirect(pass, &self.sum_blocks, sizes, DISPATCH_STRIDE);
        kernels.scan_blocks.dispatch(pass, &self.scan_blocks, [1, 1, 1]);
        kernels.expand_tiles.dispatch_indirect(pass, &self.expand_tiles, sizes, DISPATCH_STRIDE);
        self.sort_tiles.record(&kernels.sort, sizes, 0, pass);
        kernels.find_ranges.dispatch_indirect(pass, &self.find_ranges, sizes, 3 * DISPATCH_STRIDE);
    }
}
