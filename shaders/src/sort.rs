//! The radix sort: its kernels, its buffers' bindings, and the recording of its passes. `sort/layout.wesl` says how it
//! works.

use bytemuck::{Pod, Zeroable};

use crate::{Kernel, Teamwork, composed, filled, numbered};

/// Digits of a pass.
const DIGITS: u64 = 256;
/// Bits a pass sorts by.
const DIGIT_BITS: u32 = 8;
/// Bindings of uniform buffers start at multiples of this on every device.
const UNIFORM_ALIGNMENT: u64 = 256;
/// Bytes between the entries of the dispatch buffer (an array of `vec3<u32>`).
pub const DISPATCH_STRIDE: u64 = 16;

/// Twin of `SortPass` in `sort/layout.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SortPass {
    shift: u32,
    from_depths: u32,
    of_tiles: u32,
    key_bits: u32,
}

/// The kernels of the sort, and how they divide the keys: twins of `sort/layout.wesl`.
pub struct SortKernels {
    count: Kernel,
    scan: Kernel,
    scatter: Kernel,
    /// Keys that are counted together.
    run: u32,
    /// Keys of a workgroup.
    group: u32,
}

impl SortKernels {
    /// Those whose threads work together like this.
    pub fn new(device: &wgpu::Device, teamwork: Teamwork) -> Self {
        let [count, scan, scatter] = match teamwork {
            Teamwork::Shared => [composed::SORT_COUNT, composed::SORT_SCAN, composed::SORT_SCATTER],
            Teamwork::Subgroups => {
                [composed::SORT_COUNT, composed::SORT_SCAN_SUBGROUPS, composed::SORT_SCATTER_SUBGROUPS]
            }
            Teamwork::Serial => {
                [composed::SORT_COUNT_SERIAL, composed::SORT_SCAN_SERIAL, composed::SORT_SCATTER_SERIAL]
            }
        };
        let (run, group) = if teamwork == Teamwork::Serial { (1024, 8192) } else { (2048, 2048) };
        Self {
            count: Kernel::new(device, &count, "count_digits"),
            scan: Kernel::new(device, &scan, "scan_digits"),
            scatter: Kernel::new(device, &scatter, "scatter_pairs"),
            run,
            group,
        }
    }

    /// Bytes of the counts that sorting `keys` keys takes.
    pub fn counts_size(&self, keys: u64) -> u64 {
        4 * DIGITS * keys.div_ceil(self.run.into())
    }
}

/// Keys and values that are sorted together.
#[derive(Clone, Copy)]
pub struct Pairs<'a> {
    /// Keys, `u32`.
    pub keys: &'a wgpu::Buffer,
    /// Values, `u32`.
    pub values: &'a wgpu::Buffer,
}

/// What every pass of a sort shares.
pub struct SortBuffers<'a> {
    /// `FrameState` of `splat/record.wesl`, which says how many keys there are.
    pub state: &'a wgpu::Buffer,
    /// Room for counts ([`SortKernels::counts_size`]).
    pub counts: &'a wgpu::Buffer,
    /// Workgroups of the dispatches that follow, [`DISPATCH_STRIDE`] bytes each: four.
    pub dispatches: &'a wgpu::Buffer,
}

/// A recorded-many-times radix sort.
pub struct Sort {
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
    /// All splats of the picture, drawn or not.
    All,
    /// Byte offset into the dispatch buffer.
    Indirect(u64),
}

impl Sort {
    /// Sorts depth keys, shifted down to `key_bits`, 16 or 24, with their indices as values; the result is in `pairs[0]`.
    pub fn of_depths(
        device: &wgpu::Device,
        kernels: &SortKernels,
        shared: &SortBuffers<'_>,
        depth_keys: &wgpu::Buffer,
        pairs: [Pairs<'_>; 2],
        key_bits: u32,
    ) -> Self {
        let passes = key_bits / DIGIT_BITS;
        // The passes write to and fro, and end in the first. The first pass takes no values.
        let [a, b] = if passes % 2 == 1 { pairs } else { [pairs[1], pairs[0]] };
        let input = Pairs { keys: depth_keys, values: b.values };
        let at = |pass: u32| if pass == 0 { input } else { [b, a][pass as usize % 2] };
        Self::new(device, kernels, shared, passes, &at, |pass| {
            let first = pass == 0;
            (
                SortPass { shift: pass * DIGIT_BITS, from_depths: first.into(), of_tiles: 0, key_bits },
                if first { PassSize::All } else { PassSize::Indirect(0) },
            )
        })
    }

    /// Sorts tile entries that start in `input` by the tile numbers below `tiles`, by way of `pairs`, the first of them
    /// first. Returns where the result is.
    pub fn of_tiles<'a>(
        device: &wgpu::Device,
        kernels: &SortKernels,
        shared: &SortBuffers<'_>,
        tiles: u32,
        input: Pairs<'a>,
        pairs: [Pairs<'a>; 2],
    ) -> (Self, Pairs<'a>) {
        let bits = u32::BITS - tiles.saturating_sub(1).leading_zeros();
        let passes = bits.div_ceil(DIGIT_BITS);
        let at = |pass: u32| if pass == 0 { input } else { pairs[(pass as usize - 1) % 2] };
        let sort = Self::new(device, kernels, shared, passes, &at, |pass| {
            (
                SortPass { shift: pass * DIGIT_BITS, from_depths: 0, of_tiles: 1, key_bits: 0 },
                PassSize::Indirect(2 * DISPATCH_STRIDE),
            )
        });
        (sort, at(passes))
    }

    /// `at` says what each pass reads, and what the next one does.
    fn new<'a>(
        device: &wgpu::Device,
        kernels: &SortKernels,
        shared: &SortBuffers<'_>,
        passes: u32,
        at: &dyn Fn(u32) -> Pairs<'a>,
        describe: impl Fn(u32) -> (SortPass, PassSize),
    ) -> Self {
        let mut contents = vec![0u8; UNIFORM_ALIGNMENT as usize * passes.max(1) as usize];
        for (pass, slot) in (0..passes).zip(contents.chunks_exact_mut(UNIFORM_ALIGNMENT as usize)) {
            slot[..size_of::<SortPass>()].copy_from_slice(bytemuck::bytes_of(&describe(pass).0));
        }
        let uniforms = filled(device, "sort passes", &contents, wgpu::BufferUsages::UNIFORM);
        let whole = wgpu::Buffer::as_entire_binding;
        let passes = (0..passes).map(|pass| {
            let uniform = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &uniforms,
                offset: UNIFORM_ALIGNMENT * u64::from(pass),
                size: wgpu::BufferSize::new(size_of::<SortPass>() as u64),
            });
            let (source, target) = (at(pass), at(pass + 1));
            let (state, counts) = (whole(shared.state), whole(shared.counts));
            Pass {
                count: kernels.count.bind(
                    device,
                    &numbered([uniform.clone(), state.clone(), whole(source.keys), counts.clone()]),
                ),
                scan: kernels.scan.bind(
                    device,
                    &numbered([uniform.clone(), state.clone(), counts.clone(), whole(shared.dispatches)]),
                ),
                scatter: kernels.scatter.bind(
                    device,
                    &numbered([
                        uniform,
                        state,
                        counts,
                        whole(source.keys),
                        whole(source.values),
                        whole(target.keys),
                        whole(target.values),
                    ]),
                ),
                size: describe(pass).1,
            }
        });
        Self { passes: passes.collect() }
    }

    /// Records all passes, the first one over `splats` keys if they are depths.
    pub fn record(
        &self,
        kernels: &SortKernels,
        dispatches: &wgpu::Buffer,
        splats: u32,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        for step in &self.passes {
            let run = |pass: &mut wgpu::ComputePass<'_>, kernel: &Kernel, group| match step.size {
                PassSize::All => kernel.dispatch(pass, group, [splats.div_ceil(kernels.group), 1, 1]),
                PassSize::Indirect(offset) => kernel.dispatch_indirect(pass, group, dispatches, offset),
            };
            run(pass, &kernels.count, &step.count);
            kernels.scan.dispatch(pass, &step.scan, [1, 1, 1]);
            run(pass, &kernels.scatter, &step.scatter);
        }
    }
}
