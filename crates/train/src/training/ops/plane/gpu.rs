//! Reading planes on the GPU, with the kernels of `shaders/plane/`.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use burn::backend::TensorMetadata as _;
use burn::backend::tensor::FloatTensor;
use burn::tensor::{Device, Tensor, TensorData};
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use effigy_field::{LevelSites, RegionBlend};
use effigy_shaders::{Kernel, composed, numbered};

use super::PlaneOps;
use crate::training::gpu::{Gpu, TensorBuffer, contiguous, empty, flush, groups};

const THREADS: usize = 256;
/// Workgroups along x at most; beyond, they go along y.
const MOST_GROUPS: u32 = 1 << 15;

/// The kernels of the field's planes, and the sites that they were last used with.
struct FieldKernels {
    read: Kernel,
    read_backward: Kernel,
    sites: Kept<LevelSites, Arc<SiteBuffers>>,
}

/// Sites on the GPU, both ways: what each place reads, and by which places each texel is read.
struct SiteBuffers {
    texels: wgpu::Buffer,
    weights: wgpu::Buffer,
    starts: wgpu::Buffer,
    readers: wgpu::Buffer,
    reader_weights: wgpu::Buffer,
    /// Twin of `Reading` in `shaders/plane/read.wesl`.
    reading: wgpu::Buffer,
}

/// Something made of each of a few shared things, for as long as these live.
struct Kept<K, V>(Mutex<Vec<(Weak<K>, V)>>);

impl<K, V: Clone> Kept<K, V> {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn get(&self, key: &Arc<K>, suits: impl Fn(&V) -> bool, make: impl FnOnce() -> V) -> V {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(key, _)| key.strong_count() > 0);
        // A weak pointer keeps the address from being used again.
        let found = kept.iter().find(|(k, v)| Weak::as_ptr(k) == Arc::as_ptr(key) && suits(v));
        match found {
            Some((_, value)) => value.clone(),
            None => {
                let value = make();
                kept.push((Arc::downgrade(key), value.clone()));
                value
            }
        }
    }
}

impl FieldKernels {
    fn of(gpu: &Gpu) -> Arc<Self> {
        gpu.kept(|device| Self {
            read: Kernel::new(device, &composed::PLANE_READ, "read_plane"),
            read_backward: Kernel::new(device, &composed::PLANE_READ_BACKWARD, "read_plane_backward"),
            sites: Kept::new(),
        })
    }

    fn sites(&self, gpu: &Gpu, sites: &Arc<LevelSites>, texels: usize, channels: usize) -> Arc<SiteBuffers> {
        self.sites.get(sites, |_| true, || Arc::new(SiteBuffers::new(gpu, sites, texels, channels)))
    }
}

impl SiteBuffers {
    fn new(gpu: &Gpu, sites: &LevelSites, texels: usize, channels: usize) -> Self {
        use wgpu::util::DeviceExt as _;
        let buffer = |label, contents: &[u8], usage| {
            gpu.device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
                label: Some(label),
                contents,
                usage,
            })
        };
        let storage = wgpu::BufferUsages::STORAGE;
        let places = sites.texels.len() / sites.corners.max(1);
        let mut starts = vec![0u32; texels + 1];
        for &texel in &sites.texels {
            starts[texel as usize + 1] += 1;
        }
        for i in 0..texels {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut readers = vec![0u32; sites.texels.len()];
        let mut reader_weights = vec![0.0f32; sites.texels.len()];
        for (k, (&texel, &weight)) in sites.texels.iter().zip(&sites.weights).enumerate() {
            let slot = &mut next[texel as usize];
            readers[*slot as usize] = (k / sites.corners) as u32;
            reader_weights[*slot as usize] = weight;
            *slot += 1;
        }
        let reading = [places, sites.corners, channels, texels].map(|x| x as u32);
        Self {
            texels: buffer("texels read", bytemuck::cast_slice(&sites.texels), storage),
            weights: buffer("weights of texels", bytemuck::cast_slice(&sites.weights), storage),
            starts: buffer("readers of texels begin", bytemuck::cast_slice(&starts), storage),
            readers: buffer("readers of texels", bytemuck::cast_slice(&readers), storage),
            reader_weights: buffer("weights of readers", bytemuck::cast_slice(&reader_weights), storage),
            reading: buffer("reading", bytemuck::cast_slice(&reading), wgpu::BufferUsages::UNIFORM),
        }
    }
}

/// Workgroups for `items`, a thread each.
fn spread(items: usize) -> [u32; 3] {
    let count = groups(items, THREADS).max(1);
    [count.min(MOST_GROUPS), count.div_ceil(MOST_GROUPS), 1]
}

fn run(gpu: &Gpu, kernel: &Kernel, group: &wgpu::BindGroup, items: usize, after: &CubeTensor) {
    flush(after);
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    kernel.dispatch(&mut encoder.begin_compute_pass(&Default::default()), group, spread(items));
    gpu.queue.submit([encoder.finish()]);
}

impl PlaneOps for CubeBackend {
    fn read_plane(table: FloatTensor<Self>, sites: Arc<LevelSites>) -> FloatTensor<Self> {
        let table = contiguous(table);
        let [texels, channels] = table.shape().dims::<2>();
        let places = sites.texels.len() / sites.corners.max(1);
        let out = empty(&table, [places, channels]);
        let gpu = Gpu::of(&table);
        let kernels = FieldKernels::of(&gpu);
        let s = kernels.sites(&gpu, &sites, texels, channels);
        let (t, o) = (TensorBuffer::of(&table), TensorBuffer::of(&out));
        let whole = wgpu::Buffer::as_entire_binding;
        let group = kernels.read.bind(
            &gpu.device,
            &numbered([whole(&s.reading), whole(&s.texels), whole(&s.weights), t.binding(), o.binding()]),
        );
        run(&gpu, &kernels.read, &group, places * channels, &table);
        out
    }

    fn read_plane_backward(
        gradient: FloatTensor<Self>,
        sites: Arc<LevelSites>,
        texels: usize,
    ) -> FloatTensor<Self> {
        let gradient = contiguous(gradient);
        let channels = gradient.shape().dims::<2>()[1];
        let out = empty(&gradient, [texels, channels]);
        let gpu = Gpu::of(&gradient);
        let kernels = FieldKernels::of(&gpu);
        let s = kernels.sites(&gpu, &sites, texels, channels);
        let (g, o) = (TensorBuffer::of(&gradient), TensorBuffer::of(&out));
        let whole = wgpu::Buffer::as_entire_binding;
        let group = kernels.read_backward.bind(
            &gpu.device,
            &numbered([
                whole(&s.reading),
                whole(&s.starts),
                whole(&s.readers),
                whole(&s.reader_weights),
                g.binding(),
                o.binding(),
            ]),
        );
        run(&gpu, &kernels.read_backward, &group, texels * channels, &gradient);
        out
    }
}

static BLENDS: Kept<Vec<RegionBlend>, Tensor<2>> = Kept::new();

/// The weight of each of `count` regions for each Gaussian, N × R.
pub(crate) fn blend_matrix(regions: &Arc<Vec<RegionBlend>>, count: usize, device: &Device) -> Tensor<2> {
    BLENDS.get(
        regions,
        |blend| blend.device() == *device,
        || {
            let mut values = vec![0.0; regions.len() * count];
            for (row, blend) in values.chunks_exact_mut(count).zip(regions.iter()) {
                let [first, second] = blend.regions.map(usize::from);
                let weights = blend.weights();
                row[first] += weights[0];
                row[second] += weights[1];
            }
            Tensor::from_data(TensorData::new(values, [regions.len(), count]), &device.clone().inner())
        },
    )
}
