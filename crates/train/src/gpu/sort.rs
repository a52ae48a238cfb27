//! One radix sort: its buffers' bindings and the recording of its passes. The kernels are in `shaders/sort/`.

use bytemuck::{Pod, Zeroable};

use super::kernels::{Kernel, bind, wgsl};

/// Keys a workgroup handles.
pub(crate) const BLOCK: u64 = 2048;
/// Digits of a pass.
pub(crate) const DIGITS: u64 = 256;
/// Bits a pass sorts by.
const DIGIT_BITS: u32 = 8;
/// Bits of a depth key after its range has been shifted down.
const DEPTH_KEY_BITS: u32 = 24;
/// Bindings of uniform buffers start at multiples of this on every device.
const UNIFORM_ALIGNMENT: u64 = 256;
/// Bytes between the entries of the dispatch buffer (an array of `vec3<u32>`).
pub(crate) const DISPATCH_STRIDE: u64 = 16;

/// Twin of `SortPass` in `shaders/sort/layout.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SortPass {
    shift: u32,
    from_depths: u32,
    of_tiles: u32,
    key_bits: u32,
}

pub(crate) struct SortKernels {
    count: Kernel,
    scan: Kernel,
    scatter: Kernel,
}

impl SortKernels {
    pub(crate) fn new(device: &wgpu::Device) -> Self {
        Self {
            count: Kernel::new(device, wgsl!("sort_count"), "count_digits"),
            scan: Kernel::new(device, wgsl!("sort_scan"), "scan_digits"),
            scatter: Kernel::new(device, wgsl!("sort_scatter"), "scatter_pairs"),
        }
    }
}

/// Keys and values that are sorted together.
#[derive(Clone, Copy)]
pub(crate) struct Pairs<'a> {
    pub(crate) keys: &'a wgpu::Buffer,
    pub(crate) values: &'a wgpu::Buffer,
}

/// What every pass of a sort shares.
pub(crate) struct SortBuffers<'a> {
    pub(crate) state: &'a wgpu::Buffer,
    pub(crate) counts: &'a wgpu::Buffer,
    pub(crate) dispatches: &'a wgpu::Buffer,
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
    Known(u32),
    /// Byte offset into the dispatch buffer.
    Indirect(u64),
}

impl Sort {
    /// Sorts `count` depth keys, with their indices as values; the result is in `pairs[0]`.
    pub(crate) fn of_depths(
        device: &wgpu::Device,
        kernels: &SortKernels,
        shared: &SortBuffers<'_>,
        depth_keys: &wgpu::Buffer,
        count: u32,
        pairs: [Pairs<'_>; 2],
    ) -> Self {
        // An odd number of passes ends where the first one wrote. The first takes no values.
        let input = Pairs { keys: depth_keys, values: pairs[1].values };
        let sources = [input, pairs[0], pairs[1]];
        let targets = [pairs[0], pairs[1], pairs[0]];
        let steps = (0..DEPTH_KEY_BITS / DIGIT_BITS).map(|pass| {
            let first = pass == 0;
            let parameters = SortPass {
                shift: pass * DIGIT_BITS,
                from_depths: first.into(),
                of_tiles: 0,
                key_bits: DEPTH_KEY_BITS,
            };
            let size =
                if first { PassSize::Known(count.div_ceil(BLOCK as u32)) } else { PassSize::Indirect(0) };
            (parameters, size, sources[pass as usize], targets[pass as usize])
        });
        Self::new(device, kernels, shared, steps)
    }

    /// Sorts tile entries that start in `input` by the tile numbers below `tiles`, by way of `pairs`. Returns where
    /// the result is.
    pub(crate) fn of_tiles<'a>(
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
        let steps = (0..passes).map(|pass| {
            let parameters = SortPass { shift: pass * DIGIT_BITS, from_depths: 0, of_tiles: 1, key_bits: 0 };
            (parameters, PassSize::Indirect(2 * DISPATCH_STRIDE), at(pass), at(pass + 1))
        });
        (Self::new(device, kernels, shared, steps), at(passes))
    }

    fn new<'a>(
        device: &wgpu::Device,
        kernels: &SortKernels,
        shared: &SortBuffers<'_>,
        steps: impl Iterator<Item = (SortPass, PassSize, Pairs<'a>, Pairs<'a>)>,
    ) -> Self {
        let steps: Vec<_> = steps.collect();
        let mut contents = vec![0u8; UNIFORM_ALIGNMENT as usize * steps.len().max(1)];
        for (slot, (parameters, ..)) in contents.chunks_exact_mut(UNIFORM_ALIGNMENT as usize).zip(&steps) {
            slot[..size_of::<SortPass>()].copy_from_slice(bytemuck::bytes_of(parameters));
        }
        use wgpu::util::DeviceExt as _;
        let uniforms = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("sort passes"),
            contents: &contents,
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let whole = wgpu::Buffer::as_entire_binding;
        let passes = steps
            .into_iter()
            .enumerate()
            .map(|(pass, (_, size, source, target))| {
                let uniform = || {
                    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &uniforms,
                        offset: UNIFORM_ALIGNMENT * pass as u64,
                        size: wgpu::BufferSize::new(size_of::<SortPass>() as u64),
                    })
                };
                let (state, counts) = (whole(shared.state), whole(shared.counts));
                Pass {
                    count: kernels
                        .count
                        .bind(device, &bind([uniform(), state.clone(), whole(source.keys), counts.clone()])),
                    scan: kernels.scan.bind(
                        device,
                        &bind([uniform(), state.clone(), counts.clone(), whole(shared.dispatches)]),
                    ),
                    scatter: kernels.scatter.bind(
                        device,
                        &bind([
                            uniform(),
                            state,
                            counts,
                            whole(source.keys),
                            whole(source.values),
                            whole(target.keys),
                            whole(target.values),
                        ]),
                    ),
                    size,
                }
            })
            .collect();
        Self { passes }
    }

    /// Records all passes.
    pub(crate) fn record(
        &self,
        kernels: &SortKernels,
        dispatches: &wgpu::Buffer,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        for step in &self.passes {
            for (kernel, group) in [
                (&kernels.count, &step.count),
                (&kernels.scan, &step.scan),
                (&kernels.scatter, &step.scatter),
            ] {
                match step.size {
                    _ if std::ptr::eq(kernel, &kernels.scan) => kernel.dispatch(pass, group, [1, 1, 1]),
                    PassSize::Known(groups) => kernel.dispatch(pass, group, [groups, 1, 1]),
                    PassSize::Indirect(offset) => kernel.dispatch_indirect(pass, group, dispatches, offset),
                }
            }
        }
    }
}
