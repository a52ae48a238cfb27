//! One radix sort: its buffers' bindings and the recording of its passes. The kernels are in `shaders/sort/`.

use bytemuck::{Pod, Zeroable};

use crate::pipelines::{Pipelines, bind};

/// Bits a pass sorts by.
const DIGIT_BITS: u32 = 8;
/// Bindings of uniform buffers start at multiples of this on every device.
const UNIFORM_ALIGNMENT: u64 = 256;

/// Twin of `SortPass` in `shaders/sort/layout.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct SortPass {
    shift: u32,
    from_depths: u32,
    of_tiles: u32,
    key_bits: u32,
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
    /// Sorts depth keys, shifted down to `key_bits`, 16 or 24, with their indices as values; the result is in `pairs[0]`.
    pub(crate) fn of_depths(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        shared: &SortBuffers<'_>,
        depth_keys: &wgpu::Buffer,
        pairs: [Pairs<'_>; 2],
        key_bits: u32,
    ) -> Self {
        let passes = key_bits / DIGIT_BITS;
        // The passes write to and fro, and end in the first.
        let [a, b] = if passes % 2 == 1 { pairs } else { [pairs[1], pairs[0]] };
        let input = Pairs { keys: depth_keys, values: b.values };
        let (sources, targets) = ([input, a, b], [a, b, a]);
        Self::new(device, pipelines, shared, passes, &sources, &targets, |pass| {
            let first = pass == 0;
            (
                SortPass { shift: pass * DIGIT_BITS, from_depths: first.into(), of_tiles: 0, key_bits },
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
                SortPass { shift: pass * DIGIT_BITS, from_depths: 0, of_tiles: 1, key_bits: 0 },
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use effigy_avatar::Avatar;
    use effigy_splat::{Camera, Filter, Frame, Gaussians, sh_coefficients};
    use glam::{Quat, Vec3};

    use crate::pipelines::Teamwork;
    use crate::{AdapterChoice, Gpu, Precision, Renderer, read_frame};

    /// Gaussians all over a box, many at depths that others have too.
    fn cloud(count: u32) -> Gaussians {
        let mut g = Gaussians::with_capacity(count as usize, 0);
        let part = |i: u32, k: f32| (i as f32 * k).fract();
        for i in 0..count {
            let depth =
                (part(i, 0.618_034) * 40.0).floor() / 40.0 + if i % 3 == 0 { part(i, 0.31) } else { 0.0 };
            g.positions.push(Vec3::new(part(i, 0.754_878) - 0.5, part(i, 0.569_84) - 0.5, -0.5 * depth));
            g.rotations.push(Quat::from_rotation_z(i as f32));
            g.log_scales.push(Vec3::new(0.004, 0.012, 0.006).map(f32::ln));
            g.opacity_logits.push(4.0 * part(i, 0.221) - 1.0);
            g.sh.extend((0..3 * sh_coefficients(0)).map(|c| 3.0 * part(i + c as u32, 0.417) - 1.5));
        }
        g
    }

    /// 20,000 Gaussians, so that every kernel has several workgroups, in the order of depth that each family finds: the
    /// same picture to the last bit.
    #[test]
    fn every_way_to_work_together_gives_the_same_picture() {
        let gpu = pollster::block_on(Gpu::open(&AdapterChoice::Best)).expect("an adapter");
        let has_subgroups = gpu.device.features().contains(wgpu::Features::SUBGROUP);
        let avatar =
            Avatar { name: String::new(), gaussians: cloud(20_000), filter: Filter::MIP, body: None };
        let avatar = Arc::new(avatar);
        let camera = Camera::look_at(Vec3::new(0.1, 0.2, 1.6), Vec3::ZERO, Vec3::Y, 0.5, 200, 140);
        for precision in [Precision::Full, Precision::Half] {
            let picture = |teamwork| {
                let renderer =
                    Renderer::with_teamwork(&gpu.device, &gpu.queue, precision, teamwork).expect("kernels");
                let avatar = renderer.upload(&avatar).expect("an avatar");
                let mut view = renderer.create_view(200, 140).expect("a view");
                let mut encoder = gpu.device.create_command_encoder(&Default::default());
                renderer.record(&mut encoder, &[&avatar], &camera, &mut view).expect("a frame");
                gpu.queue.submit([encoder.finish()]);
                let mut frame = Frame::default();
                read_frame(&gpu.device, &gpu.queue, &view, &mut frame).expect("a picture");
                gpu.check().expect("no GPU errors");
                frame
            };
            let shared = picture(Teamwork::Shared);
            assert!(
                shared.color.iter().filter(|p| p[3] > 0.9).count() > 5_000,
                "much of the picture is covered"
            );
            assert_eq!(picture(Teamwork::Serial), shared);
            if has_subgroups {
                assert_eq!(picture(Teamwork::Subgroups), shared);
            } else {
                println!("{} has no subgroups", gpu.adapter.get_info().name);
            }
        }
    }
}
