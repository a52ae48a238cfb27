//! One radix sort: its buffers' bindings and the recording of its passes. The kernels are in `shaders/sort/`.

use bytemuck::{Pod, Zeroable};

use crate::pipelines::{Pipelines, bind};

/// Bits a pass sorts by.
const DIGIT_BITS: u32 = 8;
/// Bits of a depth key after its range has been shifted down.
const DEPTH_KEY_BITS: u32 = 24;
/// Bindings of uniform buffers start at multiples of this on every device.
const UNIFORM_ALIGNMENT: u64 = 256;

/// Twin of `SortPass` in `shaders/sort/layout.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SortPass {
    shift: u32,
    from_depths: u32,
    of_tiles: u32,
    padding: u32,
}

/// Keys and values that are sorted together.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'a> {
    pub keys: &'a wgpu::Buffer,
    pub values: &'a wgpu::Buffer,
}

/// What every pass of a sort shares.
pub(crate) struct SortBuffers<'a> {
    pub state: &'a wgpu::Buffer,
    pub counts: &'a wgpu::Buffer,
    pub dispatches: &'a wgpu::Buffer,
}

/// A recorded-many-times radix sort.
pub(crate) struct Sort {
    passes: Vec<Pass>,
}

struct Pass {
    count: wgpu::BindGroup,
    scan: wgpu::BindGroup,
    scatter: wgpu::BindGroup,
    size: PassSize,
}

/// How many workgroups a pass has.
#[derive(Clone, Copy)]
enum PassSize {
    /// All splats of the view, drawn or not.
    All,
    /// Byte offset into the dispatch buffer.
    Indirect(u64),
}

impl Sort {
    /// Sorts depth keys, with their indices as values; the result is in `pairs[0]`.
    pub(crate) fn of_depths(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        shared: &SortBuffers<'_>,
        depth_keys: &wgpu::Buffer,
        pairs: [Pairs<'_>; 2],
    ) -> Self {
        let passes = DEPTH_KEY_BITS / DIGIT_BITS;
        // An odd number of passes ends where the first one wrote.
        let input = Pairs { keys: depth_keys, values: pairs[1].values };
        let sources = [input, pairs[0], pairs[1]];
        let targets = [pairs[0], pairs[1], pairs[0]];
        Self::new(device, pipelines, shared, passes, &sources, &targets, |pass| {
            let first = pass == 0;
            (
                SortPass { shift: pass * DIGIT_BITS, from_depths: first.into(), of_tiles: 0, padding: 0 },
                if first { PassSize::All } else { PassSize::Indirect(0) },
            )
        })
    }

    /// Sorts tile entries that start in `pairs[0]` by the tile numbers below `tiles`; the result is in the returned
    /// element of `pairs`.
    pub(crate) fn of_tiles(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        shared: &SortBuffers<'_>,
        tiles: u32,
        pairs: [Pairs<'_>; 2],
    ) -> (Self, usize) {
        let bits = u32::BITS - tiles.saturating_sub(1).leading_zeros();
        let passes = bits.div_ceil(DIGIT_BITS);
        let sources = [pairs[0], pairs[1], pairs[0], pairs[1]];
        let targets = [pairs[1], pairs[0], pairs[1], pairs[0]];
        let sort = Self::new(device, pipelines, shared, passes, &sources, &targets, |pass| {
            (
                SortPass { shift: pass * DIGIT_BITS, from_depths: 0, of_tiles: 1, padding: 0 },
                PassSize::Indirect(2 * DISPATCH_STRIDE),
            )
        });
        (sort, passes as usize % 2)
    }

    fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        shared: &SortBuffers<'_>,
        passes: u32,
        sources: &[Pairs<'_>],
        targets: &[Pairs<'_>],
        describe: impl Fn(u32) -> (SortPass, PassSize),
    ) -> Self {
        let uniforms = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("sort passes"),
            size: UNIFORM_ALIGNMENT * u64::from(passes.max(1)),
            usage: wgpu::BufferUsages::UNIFORM,
            mapped_at_creation: true,
        });
        let mut contents = vec![0u8; (UNIFORM_ALIGNMENT * u64::from(passes.max(1))) as usize];
        let passes = (0..passes)
            .map(|pass| {
                let (parameters, size) = describe(pass);
                let offset = UNIFORM_ALIGNMENT * u64::from(pass);
                contents[offset as usize..][..16].copy_from_slice(bytemuck::bytes_of(&parameters));
                let uniform = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                    buffer: &uniforms,
                    offset,
                    size: wgpu::BufferSize::new(16),
                });
                let whole = wgpu::Buffer::as_entire_binding;
                let (source, target) = (sources[pass as usize], targets[pass as usize]);
                Pass {
                    count: bind(
                        device,
                        &pipelines.count_digits,
                        &[uniform.clone(), whole(shared.state), whole(source.keys), whole(shared.counts)],
                    ),
                    scan: bind(
                        device,
                        &pipelines.scan_digits,
                        &[
                            uniform.clone(),
                            whole(shared.state),
                            whole(shared.counts),
                            whole(shared.dispatches),
                        ],
                    ),
                    scatter: bind(
                        device,
                        &pipelines.scatter_pairs,
                        &[
                            uniform,
                            whole(shared.state),
                            whole(shared.counts),
                            whole(source.keys),
                            whole(source.values),
                            whole(target.keys),
                            whole(target.values),
                        ],
                    ),
                    size,
                }
            })
            .collect();
        // A buffer that was mapped at creation can always be written.
        if let Ok(mut mapped) = uniforms.get_mapped_range_mut(..) {
            mapped.copy_from_slice(&contents);
        }
        uniforms.unmap();
        Self { passes }
    }

    /// Records all passes, the first one over `splats` keys if they are depths.
    pub(crate) fn record(
        &self,
        pipelines: &Pipelines,
        dispatches: &wgpu::Buffer,
        splats: u32,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        for step in &self.passes {
            let dispatch = |pass: &mut wgpu::ComputePass<'_>| match step.size {
                PassSize::All => {
                    pass.dispatch_workgroups(splats.div_ceil(pipelines.sort_layout.group), 1, 1);
                }
                PassSize::Indirect(offset) => pass.dispatch_workgroups_indirect(dispatches, offset),
            };
            pass.set_pipeline(&pipelines.count_digits);
            pass.set_bind_group(0, &step.count, &[]);
            dispatch(pass);
            pass.set_pipeline(&pipelines.scan_digits);
            pass.set_bind_group(0, &step.scan, &[]);
            pass.dispatch_workgroups(1, 1, 1);
            pass.set_pipeline(&pipelines.scatter_pairs);
            pass.set_bind_group(0, &step.scatter, &[]);
            dispatch(pass);
        }
    }
}

/// Bytes between the entries of the dispatch buffer (an array of `vec3<u32>`).
pub(crate) const DISPATCH_STRIDE: u64 = 16;
