//! The kernels: one compute pipeline each, from the WGSL that the build composes out of `shaders/`.

use std::sync::OnceLock;

use crate::quads::QuadPipelines;

/// A composed WGSL file by the name that the build script gave it.
macro_rules! wgsl {
    ($name:literal) => {
        include_str!(concat!(env!("OUT_DIR"), "/", $name, ".wgsl"))
    };
}

pub(crate) use wgsl;

pub(crate) const COMPOSITE_WGSL: &str = wgsl!("composite");

/// All compute kernels of the frame.
pub(crate) struct Pipelines {
    pub pose_vertices: wgpu::ComputePipeline,
    pub vertex_frames: wgpu::ComputePipeline,
    pub decode: wgpu::ComputePipeline,
    pub project: wgpu::ComputePipeline,
    pub count_digits: wgpu::ComputePipeline,
    pub scan_digits: wgpu::ComputePipeline,
    pub scatter_pairs: wgpu::ComputePipeline,
    pub sum_blocks: wgpu::ComputePipeline,
    pub scan_blocks: wgpu::ComputePipeline,
    pub expand_tiles: wgpu::ComputePipeline,
    pub find_ranges: wgpu::ComputePipeline,
    pub sort_layout: SortLayout,
    pub full_precision: bool,
    /// By whether they fill the guide and whether a host's depth hides what is behind: built when first asked for.
    rasterize: [[OnceLock<wgpu::ComputePipeline>; 2]; 2],
    /// By whether a host's depth hides what is behind.
    quads: [OnceLock<QuadPipelines>; 2],
    guide: OnceLock<wgpu::ComputePipeline>,
    /// By whether a host's depth hides what is behind.
    pick: [OnceLock<wgpu::ComputePipeline>; 2],
    /// By whether the host's depth has several samples a pixel.
    host_depth: [OnceLock<wgpu::ComputePipeline>; 2],
}

/// How the sort divides its keys. Twin of `shaders/sort/layout.wesl`.
#[derive(Clone, Copy)]
pub(crate) struct SortLayout {
    /// Keys that are counted together.
    pub run: u32,
    /// Keys of a workgroup.
    pub group: u32,
}

/// How the threads of a workgroup sort and count together. The result is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Teamwork {
    /// Through workgroup memory: on every device.
    Shared,
    /// By subgroup operations.
    Subgroups,
    /// Not at all, a thread a run of keys: for a processor that imitates a GPU, where threads that share their work cost
    /// more than the work.
    Serial,
}

impl Teamwork {
    /// What suits `device`.
    pub(crate) fn of(device: &wgpu::Device) -> Self {
        let info = device.adapter_info();
        if info.device_type == wgpu::DeviceType::Cpu {
            Self::Serial
        } else if device.features().contains(wgpu::Features::SUBGROUP)
            // Of a driver that may choose the size, nothing says that a workgroup's subgroups are full.
            && info.subgroup_min_size == info.subgroup_max_size
            && (4..=128).contains(&info.subgroup_min_size)
        {
            Self::Subgroups
        } else {
            Self::Shared
        }
    }
}

impl Pipelines {
    pub(crate) fn new(device: &wgpu::Device, full_precision: bool, teamwork: Teamwork) -> Self {
        let build = |source: &str, entry: &str| build(device, source, entry);
        let [count, scan, scatter, offsets, expand] = match teamwork {
            Teamwork::Shared => [
                wgsl!("sort_count"),
                wgsl!("sort_scan"),
                wgsl!("sort_scatter"),
                wgsl!("bin_offsets"),
                wgsl!("bin_expand"),
            ],
            Teamwork::Subgroups => [
                wgsl!("sort_count"),
                wgsl!("sort_scan_subgroups"),
                wgsl!("sort_scatter_subgroups"),
                wgsl!("bin_offsets_subgroups"),
                wgsl!("bin_expand_subgroups"),
            ],
            Teamwork::Serial => [
                wgsl!("sort_count_serial"),
                wgsl!("sort_scan_serial"),
                wgsl!("sort_scatter_serial"),
                wgsl!("bin_offsets_serial"),
                wgsl!("bin_expand"),
            ],
        };
        let sort_layout = match teamwork {
            Teamwork::Serial => SortLayout { run: 1024, group: 8192 },
            _ => SortLayout { run: 2048, group: 2048 },
        };
        let project = if full_precision { wgsl!("project_f32") } else { wgsl!("project") };
        let out = Self {
            pose_vertices: build(wgsl!("pose_vertices"), "pose_vertices"),
            vertex_frames: build(wgsl!("vertex_frames"), "vertex_frames"),
            decode: build(wgsl!("decode"), "decode"),
            project: build(project, "project_gaussians"),
            count_digits: build(count, "count_digits"),
            scan_digits: build(scan, "scan_digits"),
            scatter_pairs: build(scatter, "scatter_pairs"),
            sum_blocks: build(offsets, "sum_blocks"),
            scan_blocks: build(offsets, "scan_blocks"),
            expand_tiles: build(expand, "expand_tiles"),
            find_ranges: build(wgsl!("bin_ranges"), "find_ranges"),
            sort_layout,
            full_precision,
            rasterize: Default::default(),
            quads: Default::default(),
            guide: OnceLock::new(),
            pick: Default::default(),
            host_depth: Default::default(),
        };
        // The others are built when they are asked for.
        out.rasterize(device, false, false);
        out
    }

    /// Composites tiles: with the guide besides colour and depth, and hiding what is behind a host's depth.
    pub(crate) fn rasterize(
        &self,
        device: &wgpu::Device,
        guided: bool,
        occluded: bool,
    ) -> &wgpu::ComputePipeline {
        self.rasterize[usize::from(guided)][usize::from(occluded)].get_or_init(|| {
            let source = match (self.full_precision, guided, occluded) {
                (false, false, false) => wgsl!("rasterize"),
                (false, false, true) => wgsl!("rasterize_occluded"),
                (false, true, false) => wgsl!("rasterize_guides"),
                (false, true, true) => wgsl!("rasterize_occluded_guides"),
                (true, false, false) => wgsl!("rasterize_f32"),
                (true, false, true) => wgsl!("rasterize_occluded_f32"),
                (true, true, false) => wgsl!("rasterize_guides_f32"),
                (true, true, true) => wgsl!("rasterize_occluded_guides_f32"),
            };
            build(device, source, "rasterize")
        })
    }

    /// Composites by drawing quads.
    pub(crate) fn quads(&self, device: &wgpu::Device, occluded: bool) -> &QuadPipelines {
        self.quads[usize::from(occluded)].get_or_init(|| QuadPipelines::new(device, occluded))
    }

    /// Tells of each splat how far it has moved and how much a viewer looks there.
    pub(crate) fn guide(&self, device: &wgpu::Device) -> &wgpu::ComputePipeline {
        self.guide.get_or_init(|| build(device, wgsl!("guide"), "guide_splats"))
    }

    /// Tells what is seen at a pixel.
    pub(crate) fn pick(&self, device: &wgpu::Device, occluded: bool) -> &wgpu::ComputePipeline {
        self.pick[usize::from(occluded)].get_or_init(|| {
            build(device, if occluded { wgsl!("pick_occluded") } else { wgsl!("pick") }, "pick")
        })
    }

    /// Turns a host's depth buffer into distances.
    pub(crate) fn host_depth(&self, device: &wgpu::Device, multisampled: bool) -> &wgpu::ComputePipeline {
        self.host_depth[usize::from(multisampled)].get_or_init(|| {
            let source = if multisampled { wgsl!("host_depth_multisampled") } else { wgsl!("host_depth") };
            build(device, source, "read_host_depth")
        })
    }
}

pub(crate) fn build(device: &wgpu::Device, source: &str, entry: &str) -> wgpu::ComputePipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(entry),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: None,
        module: &module,
        entry_point: Some(entry),
        compilation_options: wgpu::PipelineCompilationOptions {
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    })
}

/// Binds whole buffers, in the order of the kernel's bindings.
pub(crate) fn bind(
    device: &wgpu::Device,
    pipeline: &wgpu::ComputePipeline,
    resources: &[wgpu::BindingResource<'_>],
) -> wgpu::BindGroup {
    let resources: Vec<_> = (0..).zip(resources.iter().cloned()).collect();
    bind_at(device, &pipeline.get_bind_group_layout(0), &resources)
}

/// Binds resources at the bindings that they are named with.
pub(crate) fn bind_at(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    resources: &[(u32, wgpu::BindingResource<'_>)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = resources
        .iter()
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding: *binding, resource: resource.clone() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

#[cfg(test)]
mod tests {
    /// Every composed file parses and validates, with no capability beyond core WebGPU but where its name says so.
    #[test]
    fn every_shader_compiles() {
        for (name, source) in include!(concat!(env!("OUT_DIR"), "/kernels.rs")) {
            let module = naga::front::wgsl::parse_str(source)
                .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
            naga::valid::Validator::new(
                naga::valid::ValidationFlags::all(),
                // `unpack2x16float` is core WebGPU, though not every OpenGL has it.
                naga::valid::Capabilities::default()
                    | naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32
                    | if name.ends_with("_subgroups") {
                        naga::valid::Capabilities::SUBGROUP
                    } else {
                        naga::valid::Capabilities::empty()
                    },
            )
            .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
            .subgroup_operations(naga::valid::SubgroupOperationSet::all())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
            for entry in &module.entry_points {
                let [x, y, z] = entry.workgroup_size;
                assert!(x * y * z <= 256, "{name}: {} threads", x * y * z);
            }
            let variables = || module.global_variables.iter().map(|(_, variable)| variable);
            let buffers =
                variables().filter(|v| matches!(v.space, naga::AddressSpace::Storage { .. })).count();
            assert!(buffers <= 8, "{name}: {buffers} storage buffers, WebGPU promises 8");
            let is_written = |ty: naga::Handle<naga::Type>| {
                let inner = &module.types[ty].inner;
                matches!(inner, naga::TypeInner::Image { class: naga::ImageClass::Storage { .. }, .. })
            };
            let textures = variables().filter(|v| is_written(v.ty)).count();
            assert!(textures <= 4, "{name}: {textures} storage textures, WebGPU promises 4");
        }
    }
}
