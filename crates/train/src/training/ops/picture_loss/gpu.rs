//! The picture loss on the GPU, with the kernels of `shaders/loss/`.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::backend::Cube;
use burn::backend::tensor::FloatTensor;
use burn::tensor::Tensor;
use burn_cubecl::CubeBackend;
use burn_cubecl::tensor::CubeTensor;
use bytemuck::{Pod, Zeroable};
use effigy_shaders::{Kernel, composed, numbered};

use super::{Comparison, DeviceFound, Found, PictureLossOps};
use crate::training::gpu::{Gpu, TensorBuffer, contiguous, empty, flush, groups};
use crate::training::loss::{PictureLossWeights, Target, pyramid_levels};
use crate::training::ops::PLANES;

const THREADS: usize = 256;
/// Workgroups of a kernel at most; beyond, each goes over several parts.
const MOST_GROUPS: u32 = 1024;
/// Bindings of uniform buffers start at multiples of this on every device.
const UNIFORM_ALIGNMENT: u64 = 256;
/// Planes of the pictures' products, and of the structural term's derivatives.
const PRODUCTS: u32 = 15;
const SLOPES: u32 = 9;

/// The kernels of the picture loss, and their working memory.
struct LossKernels {
    compare: Kernel,
    blur_across: Kernel,
    blur_down: Kernel,
    ssim: Kernel,
    reduce: Kernel,
    band: Kernel,
    band_backward: Kernel,
    level_backward: Kernel,
    combine: Kernel,
    total: Kernel,
    /// Of the size of picture that was compared last. What comparisons leave is in tensors, so they can share it.
    memory: Mutex<Option<Memory>>,
}

/// Twin of `Comparison` in `shaders/loss/comparison.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct ComparisonData {
    background: [f32; 3],
    width: u32,
    height: u32,
    l1: f32,
    dssim: f32,
    alpha: f32,
    pyramid: u32,
    padding: [u32; 3],
}

/// Twin of `Level` in `shaders/loss/pyramid.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct LevelData {
    fine: [u32; 2],
    coarse: [u32; 2],
    fine_at: u32,
    coarse_at: u32,
    sums_at: u32,
    weight: f32,
    last: u32,
    padding: u32,
}

struct Memory {
    size: [usize; 2],
    uniforms: wgpu::Buffer,
    wanted: wgpu::Buffer,
    products: wgpu::Buffer,
    levels: wgpu::Buffer,
    pyramid_slopes: wgpu::Buffer,
    partial_sums: wgpu::Buffer,
    blur: [Blur; 2],
    ssim: wgpu::BindGroup,
    pyramid: Vec<PyramidLevel>,
    /// The structural term's derivatives, blurred.
    ssim_slopes: wgpu::Buffer,
}

/// Both directions of blurring one set of planes.
struct Blur {
    across: wgpu::BindGroup,
    down: wgpu::BindGroup,
}

struct PyramidLevel {
    data: LevelData,
    reduce: wgpu::BindGroup,
    band: wgpu::BindGroup,
    band_backward: wgpu::BindGroup,
    level_backward: wgpu::BindGroup,
}

impl LossKernels {
    fn of(gpu: &Gpu) -> Arc<Self> {
        gpu.kept(Self::new)
    }

    fn new(device: &wgpu::Device) -> Self {
        let kernel = |source, entry| Kernel::new(device, source, entry);
        Self {
            compare: kernel(&composed::LOSS_COMPARE, "compare"),
            blur_across: kernel(&composed::LOSS_BLUR, "blur_across"),
            blur_down: kernel(&composed::LOSS_BLUR, "blur_down"),
            ssim: kernel(&composed::LOSS_SSIM, "ssim"),
            reduce: kernel(&composed::LOSS_PYRAMID, "reduce"),
            band: kernel(&composed::LOSS_PYRAMID, "band"),
            band_backward: kernel(&composed::LOSS_PYRAMID, "band_backward"),
            level_backward: kernel(&composed::LOSS_PYRAMID, "level_backward"),
            combine: kernel(&composed::LOSS_COMBINE, "combine"),
            total: kernel(&composed::LOSS_TOTAL, "total"),
            memory: Mutex::new(None),
        }
    }
}

/// Workgroups for `items`, each of which may be gone over by any thread.
fn strided(items: usize) -> u32 {
    groups(items, THREADS).clamp(1, MOST_GROUPS)
}

/// One of several structures in a uniform buffer.
fn slot(uniforms: &wgpu::Buffer, index: usize, size: usize) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer: uniforms,
        offset: UNIFORM_ALIGNMENT * index as u64,
        size: wgpu::BufferSize::new(size as u64),
    })
}

/// What the whole comparison is bound to.
fn settings(uniforms: &wgpu::Buffer) -> wgpu::BindingResource<'_> {
    slot(uniforms, 0, size_of::<ComparisonData>())
}

impl Memory {
    fn new(gpu: &Gpu, kernels: &LossKernels, [width, height]: [usize; 2]) -> Self {
        let device = &gpu.device;
        let pixels = width * height;
        let buffer = |label, values: u64, more| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: values.max(4) * 4,
                usage: more,
                mapped_at_creation: false,
            })
        };
        let storage = wgpu::BufferUsages::STORAGE;
        let written = wgpu::BufferUsages::COPY_DST;
        let planes = |label, count: u32| buffer(label, u64::from(count) * pixels as u64, storage);
        let products = planes("products of pictures", PRODUCTS);
        let half_blurred = planes("pictures half blurred", PRODUCTS);
        let blurred = planes("pictures blurred", PRODUCTS);
        let by_blurred = planes("derivatives of similarity", SLOPES);
        let ssim_slopes = planes("derivatives of similarity, blurred", SLOPES);
        let wanted = buffer("target", 4 * pixels as u64, storage | written);

        let mut data = Vec::new();
        let mut fine = [width, height];
        let mut at = 0;
        let mut sums_at = 2 * strided(pixels);
        let count = pyramid_levels(width, height);
        for level in 0..count {
            let coarse = fine.map(|x| x.div_ceil(2));
            let coarse_at = at + 3 * fine[0] * fine[1];
            data.push(LevelData {
                fine: fine.map(|x| x as u32),
                coarse: coarse.map(|x| x as u32),
                fine_at: at as u32,
                coarse_at: coarse_at as u32,
                sums_at,
                weight: 0.0,
                last: u32::from(level + 1 == count),
                padding: 0,
            });
            sums_at += 3 * strided(fine[0] * fine[1]);
            (fine, at) = (coarse, coarse_at);
        }
        let pyramid_values = (at + 3 * fine[0] * fine[1]) as u64;
        let levels = buffer("pyramid of the difference", pyramid_values, storage);
        let pyramid_slopes = buffer("derivatives of the pyramid", pyramid_values, storage);
        let partial_sums = buffer("sums of the loss", 2 * u64::from(sums_at), storage | written);
        let slots = 1 + data.len() as u64;
        let uniform = wgpu::BufferUsages::UNIFORM | written;
        let uniforms = buffer("comparison", slots * UNIFORM_ALIGNMENT / 4, uniform);
        let settings = || settings(&uniforms);
        let whole = wgpu::Buffer::as_entire_binding;
        let blur = |from: &wgpu::Buffer, to: &wgpu::Buffer| Blur {
            across: kernels
                .blur_across
                .bind(device, &numbered([settings(), whole(from), whole(&half_blurred)])),
            down: kernels.blur_down.bind(device, &numbered([settings(), whole(&half_blurred), whole(to)])),
        };
        let pyramid = data
            .into_iter()
            .enumerate()
            .map(|(i, data)| {
                let level = || (0, slot(&uniforms, 1 + i, size_of::<LevelData>()));
                let (levels, slopes) = ((1, whole(&levels)), (2, whole(&pyramid_slopes)));
                let both = [level(), levels.clone(), slopes.clone()];
                PyramidLevel {
                    data,
                    reduce: kernels.reduce.bind(device, &[level(), levels.clone()]),
                    band: kernels.band.bind(device, &[level(), levels, slopes, (3, whole(&partial_sums))]),
                    band_backward: kernels.band_backward.bind(device, &both),
                    level_backward: kernels.level_backward.bind(device, &both),
                }
            })
            .collect();
        Self {
            size: [width, height],
            blur: [blur(&products, &blurred), blur(&by_blurred, &ssim_slopes)],
            ssim: kernels.ssim.bind(
                device,
                &numbered([settings(), whole(&blurred), whole(&by_blurred), whole(&partial_sums)]),
            ),
            pyramid,
            uniforms,
            wanted,
            products,
            levels,
            pyramid_slopes,
            partial_sums,
            ssim_slopes,
        }
    }

    /// Puts what the comparison depends on where the next submission finds it.
    fn write(&self, gpu: &Gpu, weights: &PictureLossWeights, target: &Target, background: [f32; 3]) {
        let [width, height] = self.size;
        let pixels = (width * height) as f32;
        let per_value = 1.0 / (3.0 * pixels);
        let comparison = ComparisonData {
            background,
            width: width as u32,
            height: height as u32,
            l1: weights.l1 * per_value,
            dssim: weights.dssim * per_value,
            alpha: weights.alpha / pixels,
            pyramid: u32::from(weights.pyramid > 0.0),
            padding: [0; 3],
        };
        gpu.queue.write_buffer(&self.uniforms, 0, bytemuck::bytes_of(&comparison));
        for (i, level) in self.pyramid.iter().enumerate() {
            let [w, h] = level.data.fine;
            let weight = weights.pyramid / 3.0 / (self.pyramid.len() as f32 * (w * h) as f32);
            let data = LevelData { weight, ..level.data };
            let at = UNIFORM_ALIGNMENT * (1 + i as u64);
            gpu.queue.write_buffer(&self.uniforms, at, bytemuck::bytes_of(&data));
        }
        gpu.queue.write_buffer(&self.wanted, 0, bytemuck::cast_slice(&target.planes));
    }

    /// Records all kernels between the first and the last.
    fn record(&self, kernels: &LossKernels, weights: &PictureLossWeights, pass: &mut wgpu::ComputePass<'_>) {
        let pixels = self.size[0] * self.size[1];
        let each = strided(pixels);
        if weights.dssim > 0.0 {
            let [products, slopes] = &self.blur;
            kernels.blur_across.dispatch(pass, &products.across, [each, 1, PRODUCTS]);
            kernels.blur_down.dispatch(pass, &products.down, [each, 1, PRODUCTS]);
            kernels.ssim.dispatch(pass, &self.ssim, [each, 1, 1]);
            kernels.blur_across.dispatch(pass, &slopes.across, [each, 1, SLOPES]);
            kernels.blur_down.dispatch(pass, &slopes.down, [each, 1, SLOPES]);
        }
        if weights.pyramid > 0.0 {
            let count = |[w, h]: [u32; 2]| [strided(w as usize * h as usize), 1, 3];
            for level in &self.pyramid {
                kernels.reduce.dispatch(pass, &level.reduce, count(level.data.coarse));
                kernels.band.dispatch(pass, &level.band, count(level.data.fine));
            }
            for level in self.pyramid.iter().rev() {
                kernels.band_backward.dispatch(pass, &level.band_backward, count(level.data.coarse));
                kernels.level_backward.dispatch(pass, &level.level_backward, count(level.data.fine));
            }
        }
    }
}

/// The loss of `picture`, and what was found besides.
fn evaluate(picture: &CubeTensor, comparison: &Comparison) -> (CubeTensor, DeviceFound) {
    let target = &comparison.target;
    let pixels = target.planes.len() / 4;
    let size = [target.width, pixels / target.width.max(1)];
    let weights = comparison.loss.weights();
    let gpu = Gpu::of(picture);
    let kernels = LossKernels::of(&gpu);
    let (loss, mse) = (empty(picture, [1]), empty(picture, [1]));
    let gradient = empty(picture, [PLANES, pixels]);
    let [p, l, m, g] = [picture, &loss, &mse, &gradient].map(TensorBuffer::of);
    let mut memory = kernels.memory.lock().unwrap_or_else(PoisonError::into_inner);
    if memory.as_ref().is_none_or(|memory| memory.size != size) {
        *memory = None;
    }
    let memory = memory.get_or_insert_with(|| Memory::new(&gpu, &kernels, size));
    let whole = wgpu::Buffer::as_entire_binding;
    let compare = kernels.compare.bind(
        &gpu.device,
        &numbered([
            settings(&memory.uniforms),
            whole(&memory.wanted),
            p.binding(),
            whole(&memory.products),
            whole(&memory.levels),
            whole(&memory.partial_sums),
        ]),
    );
    let combine = kernels.combine.bind(
        &gpu.device,
        &numbered([
            settings(&memory.uniforms),
            whole(&memory.wanted),
            p.binding(),
            whole(&memory.products),
            whole(&memory.ssim_slopes),
            whole(&memory.pyramid_slopes),
            g.binding(),
        ]),
    );
    let total = kernels.total.bind(
        &gpu.device,
        &numbered([settings(&memory.uniforms), whole(&memory.partial_sums), l.binding(), m.binding()]),
    );
    flush(picture);
    memory.write(&gpu, weights, target, comparison.background);
    let mut encoder = gpu.device.create_command_encoder(&Default::default());
    // Terms that do not count leave theirs as they are.
    encoder.clear_buffer(&memory.partial_sums, 0, None);
    {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let each = strided(pixels);
        kernels.compare.dispatch(&mut pass, &compare, [each, 1, 1]);
        memory.record(&kernels, weights, &mut pass);
        kernels.combine.dispatch(&mut pass, &combine, [each, 1, 1]);
        kernels.total.dispatch(&mut pass, &total, [1, 1, 1]);
    }
    gpu.queue.submit([encoder.finish()]);
    (loss, DeviceFound { mse, read: OnceLock::new(), gradient: Some(gradient) })
}

impl PictureLossOps for CubeBackend {
    fn picture_loss(picture: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self> {
        let (loss, found) = evaluate(&contiguous(picture), &comparison);
        *comparison.lock() = Found { on_device: Some(found), ..Found::default() };
        loss
    }

    fn picture_loss_backward(gradient: FloatTensor<Self>, comparison: Arc<Comparison>) -> FloatTensor<Self> {
        let found = comparison.lock().on_device.as_mut().and_then(|found| found.gradient.take());
        let Some(found) = found else { panic!("a backward pass without a forward pass before it") };
        let factor: Tensor<2> = Tensor::<1>::from_primitive::<Cube>(gradient).unsqueeze();
        let product = Tensor::<2>::from_primitive::<Cube>(found) * factor;
        match product.try_into_primitive::<Cube>() {
            Ok(product) => product,
            Err(_) => unreachable!("both factors are on a GPU"),
        }
    }
}
