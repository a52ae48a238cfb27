//! The neural field on the GPU: its bases, and the sum over them for the current expression.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::{Pod, Zeroable};
use effigy_avatar::Body;
use effigy_field::{ATTRIBUTES, BakedField};
use effigy_rig::Pose;
use effigy_shaders::numbered;
use half::f16;

use crate::RenderError;
use crate::pipelines::Pipelines;
use crate::storage::Storage;
use crate::uploads::Uploads;

/// Twin of `Moved` in `shaders/field/decode.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
struct Moved {
    regions: u32,
    weight: f32,
}

/// Threads a workgroup.
const THREADS: u32 = 64;
/// Words of one basis of one Gaussian, two half floats each.
const WORDS: usize = ATTRIBUTES / 2;

/// The baked field of one avatar on one device, the same for all its instances.
pub(crate) struct Bases {
    rows: wgpu::Buffer,
    bases: wgpu::Buffer,
    count: u32,
    /// K.
    per_gaussian: u32,
    /// R × K.
    coefficients: usize,
    /// Places of the Gaussians that move in the order of detail, ascending.
    places: Vec<u32>,
}

/// The field of one instance, for one expression.
pub(crate) struct Decode {
    bind_group: wgpu::BindGroup,
    size_buffer: wgpu::Buffer,
    coefficient_buffer: wgpu::Buffer,
    across: u32,
    uploads: Uploads,
    controls: Vec<f32>,
    /// R × K coefficients of the current expression, and its number; 0 before the first.
    coefficients: Vec<f32>,
    expression: u32,
    /// The expression that the GPU was last seen to hold, and how many rows of it; see [`held`]. Only a submission that
    /// is done sets it.
    decoded: Arc<AtomicU64>,
}

impl Bases {
    /// Bakes the field of `body`, if it has one that moves anything, and uploads it in the order of detail, in which
    /// `place_of` gives each Gaussian's place.
    pub(crate) fn new(
        body: &Body,
        place_of: &[u32],
        storage: &Storage<'_>,
    ) -> Result<Option<Self>, RenderError> {
        let baked = body.bake().map_err(|error| RenderError::Avatar(error.to_string()))?;
        let (Some(baked), Some(field)) = (baked, &body.field) else { return Ok(None) };
        if baked.gaussians.is_empty() {
            return Ok(None);
        }
        let mut order: Vec<usize> = (0..baked.gaussians.len()).collect();
        order.sort_by_key(|&row| place_of[baked.gaussians[row] as usize]);
        let rows: Vec<Moved> = order
            .iter()
            .map(|&row| {
                let blend = &baked.regions[row];
                let regions = u32::from(blend.regions[0]) | u32::from(blend.regions[1]) << 16;
                Moved { regions, weight: blend.weight }
            })
            .collect();
        Ok(Some(Self {
            rows: storage.hold("the field's Gaussians", bytemuck::cast_slice(&rows))?,
            bases: storage.hold("the field's bases", bytemuck::cast_slice(&interleaved(&baked, &order)))?,
            count: order.len() as u32,
            per_gaussian: baked.bases as u32,
            coefficients: field.config.regions * field.config.bases,
            places: order.iter().map(|&row| place_of[baked.gaussians[row] as usize]).collect(),
        }))
    }

    /// The rows' places in the order of detail, ascending.
    pub(crate) fn places(&self) -> &[u32] {
        &self.places
    }

    /// K.
    pub(crate) fn per_gaussian(&self) -> u32 {
        self.per_gaussian
    }

    /// How many rows belong to the first `gaussians` Gaussians.
    pub(crate) fn rows_of(&self, gaussians: u32) -> u32 {
        self.places.partition_point(|&place| place < gaussians) as u32
    }
}

impl Decode {
    /// For one instance: residuals (M × 14) come with it.
    pub(crate) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        bases: &Bases,
        residuals: &wgpu::Buffer,
    ) -> Self {
        let buffer = |label, size: usize, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: size as u64,
                usage: usage | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })
        };
        let coefficient_buffer =
            buffer("the expression coefficients", bases.coefficients * 4, wgpu::BufferUsages::STORAGE);
        let size_buffer = buffer("decode size", 16, wgpu::BufferUsages::UNIFORM);
        let bind_group = pipelines.decode.bind(
            device,
            &numbered(
                [&size_buffer, &bases.rows, &bases.bases, &coefficient_buffer, residuals]
                    .map(wgpu::Buffer::as_entire_binding),
            ),
        );
        let groups = bases.count.div_ceil(THREADS);
        Self {
            bind_group,
            size_buffer,
            coefficient_buffer,
            across: groups.min(device.limits().max_compute_workgroups_per_dimension).max(1),
            uploads: Uploads::new(device, 16 + bases.coefficients as u64 * 4),
            controls: Vec::new(),
            coefficients: vec![0.0; bases.coefficients],
            expression: 0,
            decoded: Arc::default(),
        }
    }

    /// Whether no expression has been set yet.
    pub(crate) fn is_fresh(&self) -> bool {
        self.expression == 0
    }

    /// Evaluates the coefficients for another expression. `pose` fits the rig of `body`, which this was made for.
    pub(crate) fn set_pose(&mut self, body: &Body, pose: &Pose) -> Result<(), RenderError> {
        let Some(field) = &body.field else { return Ok(()) };
        body.controls(pose, &mut self.controls);
        field
            .coefficients(&self.controls, &mut self.coefficients)
            .map_err(|error| RenderError::Avatar(error.to_string()))?;
        self.expression = self.expression.wrapping_add(1).max(1);
        Ok(())
    }

    /// Records the upload for the first `gaussians` Gaussians, unless the GPU is known to hold this expression of them.
    /// Says whether it did, and [`Self::dispatch`] has to follow.
    pub(crate) fn upload(
        &self,
        bases: &Bases,
        gaussians: u32,
        encoder: &mut wgpu::CommandEncoder,
    ) -> Result<bool, RenderError> {
        let rows = bases.rows_of(gaussians);
        let known = self.decoded.load(Ordering::Acquire);
        if rows == 0 || (held(self.expression, rows)..=held(self.expression, u32::MAX)).contains(&known) {
            return Ok(false);
        }
        let coefficients = bytemuck::cast_slice(&self.coefficients);
        let size = [rows, bases.per_gaussian, 0, 0];
        self.uploads.record(
            encoder,
            &[(bytemuck::cast_slice(&size), &self.size_buffer), (coefficients, &self.coefficient_buffer)],
        )?;
        Ok(true)
    }

    /// Records that the GPU holds the residuals of the first `gaussians` Gaussians from here on.
    pub(crate) fn note(&self, bases: &Bases, gaussians: u32, encoder: &wgpu::CommandEncoder) {
        let (now, decoded) = (held(self.expression, bases.rows_of(gaussians)), self.decoded.clone());
        encoder.on_submitted_work_done(move || decoded.store(now, Ordering::Release));
    }

    /// Records the kernel for the first `gaussians` Gaussians.
    pub(crate) fn dispatch(
        &self,
        pipelines: &Pipelines,
        bases: &Bases,
        gaussians: u32,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        let groups = bases.rows_of(gaussians).div_ceil(THREADS);
        let across = groups.min(self.across);
        let size = [across, groups.div_ceil(across.max(1)), 1];
        pipelines.decode.dispatch(pass, &self.bind_group, size);
    }
}

/// An expression and how many rows of it, as one number.
fn held(expression: u32, rows: u32) -> u64 {
    u64::from(expression) << 32 | u64::from(rows)
}

/// The bases in the order in which workgroups read them: K × 7 words for each, and of each word one for each thread.
fn interleaved(baked: &BakedField, order: &[usize]) -> Vec<u32> {
    let words = baked.bases * WORDS;
    let threads = THREADS as usize;
    let groups = order.len().div_ceil(threads);
    let mut out = vec![0; groups * words * threads];
    for (row, &from) in order.iter().enumerate() {
        let halves = &baked.residuals[from * 2 * words..][..2 * words];
        let first = row / threads * words * threads + row % threads;
        for (w, pair) in halves.chunks_exact(2).enumerate() {
            let bits = |half: f16| u32::from(half.to_bits());
            out[first + w * threads] = bits(pair[0]) | bits(pair[1]) << 16;
        }
    }
    out
}
