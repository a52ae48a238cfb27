//! The neural field on the GPU: its bases, and the sum over them for the current expression.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::{Pod, Zeroable};
use effigy_avatar::{Avatar, Body};
use effigy_field::{ATTRIBUTES, BakedField};
use effigy_rig::Pose;
use half::f16;
use wgpu::util::{BufferInitDescriptor, DeviceExt};

use crate::avatar::Upload;
use crate::pipelines::{Pipelines, bind};
use crate::uploads::Uploads;
use crate::{RenderError, Stage, StageTimer};

/// GPU structures of `shaders/field/decode.wesl`.
mod gpu_data {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct Moved {
        pub(super) gaussian: u32,
        pub(super) regions: u32,
        pub(super) weight: f32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct Attributes {
        pub(super) offset: [f32; 3],
        pub(super) opacity_logit: f32,
        pub(super) rotation: [f32; 4],
        pub(super) log_scale: [f32; 3],
        pub(super) padding: f32,
        pub(super) color: [f32; 3],
        pub(super) padding_2: f32,
    }
}

/// Threads a workgroup.
const THREADS: usize = 64;
/// Words of one basis of one Gaussian, two half floats each.
const WORDS: usize = ATTRIBUTES / 2;

/// The field of one avatar on one device, for one expression.
pub(crate) struct Decode {
    bind_group: wgpu::BindGroup,
    coefficient_buffer: wgpu::Buffer,
    dispatch: [u32; 2],
    uploads: Uploads,
    controls: Vec<f32>,
    /// R × K coefficients of the current expression, and its number; 0 before the first.
    coefficients: Vec<f32>,
    expression: u64,
    /// Number of the expression that the Gaussians on the GPU were last seen to have. Only a submission that is done
    /// sets it.
    decoded: Arc<AtomicU64>,
}

impl Decode {
    /// Bakes the field of `avatar`, if it has one that moves anything, and uploads it. It will write to `targets`: the
    /// Gaussians and the harmonics.
    pub(crate) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatar: &Avatar,
        targets: [&wgpu::Buffer; 2],
        upload: &Upload<'_>,
    ) -> Result<Option<Self>, RenderError> {
        let Some(body) = &avatar.body else { return Ok(None) };
        let baked = body.bake().map_err(|error| RenderError::Avatar(error.to_string()))?;
        let (Some(baked), Some(field)) = (baked, &body.field) else { return Ok(None) };
        if baked.gaussians.is_empty() {
            return Ok(None);
        }
        let sh_width = avatar.gaussians.sh.len() / avatar.gaussians.len().max(1);
        let moved = baked.gaussians.len();
        let size = device.create_buffer_init(&BufferInitDescriptor {
            label: Some("decode size"),
            contents: bytemuck::cast_slice(&[moved as u32, baked.bases as u32, sh_width as u32, 0]),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let rows = upload("the field's Gaussians", bytemuck::cast_slice(&moved_rows(&baked)))?;
        let statics = static_attributes(avatar, &baked, sh_width);
        let statics = upload("the static attributes", bytemuck::cast_slice(&statics))?;
        let bases = upload("the field's bases", bytemuck::cast_slice(&interleaved(&baked)))?;
        let coefficient_count = field.config.regions * field.config.bases;
        let coefficient_buffer = upload("the expression coefficients", &vec![0; coefficient_count * 4])?;
        let [gaussians, harmonics] = targets;
        let bind_group = bind(
            device,
            &pipelines.decode,
            &[&size, &rows, &statics, &bases, &coefficient_buffer, gaussians, harmonics]
                .map(wgpu::Buffer::as_entire_binding),
        );
        let groups = moved.div_ceil(THREADS) as u32;
        let across = groups.min(device.limits().max_compute_workgroups_per_dimension).max(1);
        Ok(Some(Self {
            bind_group,
            coefficient_buffer,
            dispatch: [across, groups.div_ceil(across)],
            uploads: Uploads::new(device, coefficient_count as u64 * 4),
            controls: Vec::new(),
            coefficients: vec![0.0; coefficient_count],
            expression: 0,
            decoded: Arc::new(AtomicU64::new(0)),
        }))
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
        self.expression += 1;
        Ok(())
    }

    /// Records the upload and the kernel, unless the GPU is known to hold this expression. Says whether it did.
    pub(crate) fn record(
        &self,
        pipelines: &Pipelines,
        encoder: &mut wgpu::CommandEncoder,
        timer: Option<&StageTimer>,
    ) -> Result<bool, RenderError> {
        if self.decoded.load(Ordering::Acquire) == self.expression {
            return Ok(false);
        }
        let coefficients = bytemuck::cast_slice(&self.coefficients);
        self.uploads.record(encoder, &[(coefficients, &self.coefficient_buffer)])?;
        let mut pass = Stage::Decode.begin(encoder, timer);
        pass.set_pipeline(&pipelines.decode);
        pass.set_bind_group(0, &self.bind_group, &[]);
        pass.dispatch_workgroups(self.dispatch[0], self.dispatch[1], 1);
        drop(pass);
        let (expression, decoded) = (self.expression, self.decoded.clone());
        encoder.on_submitted_work_done(move || decoded.store(expression, Ordering::Release));
        Ok(true)
    }
}

fn moved_rows(baked: &BakedField) -> Vec<gpu_data::Moved> {
    baked
        .gaussians
        .iter()
        .zip(&baked.regions)
        .map(|(&gaussian, blend)| gpu_data::Moved {
            gaussian,
            regions: u32::from(blend.regions[0]) | u32::from(blend.regions[1]) << 16,
            weight: blend.weight,
        })
        .collect()
}

fn static_attributes(avatar: &Avatar, baked: &BakedField, sh_width: usize) -> Vec<gpu_data::Attributes> {
    let g = &avatar.gaussians;
    baked
        .gaussians
        .iter()
        .map(|&i| {
            let i = i as usize;
            gpu_data::Attributes {
                offset: g.positions[i].into(),
                // Kept finite: what a GPU makes of infinities is its own affair.
                opacity_logit: g.opacity_logits[i].clamp(-1e6, 1e6),
                rotation: g.rotations[i].normalize().into(),
                log_scale: g.log_scales[i].into(),
                padding: 0.0,
                color: std::array::from_fn(|c| g.sh[i * sh_width + c]),
                padding_2: 0.0,
            }
        })
        .collect()
}

/// The bases in the order in which workgroups read them: K × 7 words for each, and of each word one for each thread.
fn interleaved(baked: &BakedField) -> Vec<u32> {
    let words = baked.bases * WORDS;
    let groups = baked.gaussians.len().div_ceil(THREADS);
    let mut out = vec![0; groups * words * THREADS];
    for (row, halves) in baked.residuals.chunks_exact(2 * words).enumerate() {
        let first = row / THREADS * words * THREADS + row % THREADS;
        for (w, pair) in halves.chunks_exact(2).enumerate() {
            let bits = |half: f16| u32::from(half.to_bits());
            out[first + w * THREADS] = bits(pair[0]) | bits(pair[1]) << 16;
        }
    }
    out
}
