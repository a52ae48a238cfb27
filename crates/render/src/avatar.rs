//! An avatar on the GPU: its Gaussians, its rig, and the pose it is in.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::{Pod, Zeroable};
use effigy_avatar::Avatar;
use effigy_rig::{Palette, Pose, Rig, SurfaceFrames, joint_palette};
use effigy_splat::{Camera, Filter};
use glam::{Affine3A, Vec3};
use wgpu::util::{BufferInitDescriptor, DeviceExt};

use crate::decode::Decode;
use crate::pipelines::{Pipelines, bind};
use crate::uploads::Uploads;
use crate::view::TILE;
use crate::{RenderError, Stage, StageTimer};

/// GPU structures of `shaders/pose/` and `shaders/splat/project.wesl`.
mod gpu_data {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct BoundGaussian {
        pub(super) offset: [f32; 3],
        pub(super) opacity_logit: f32,
        pub(super) rotation: [f32; 4],
        pub(super) log_scale: [f32; 3],
        pub(super) barycentric: u32,
        pub(super) triangle: [u32; 3],
        pub(super) padding: u32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct RestVertex {
        pub(super) position: [f32; 3],
        pub(super) first_morph: u32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct RestFrame {
        pub(super) inverse_rotation: [f32; 4],
        pub(super) tangent: [f32; 3],
        pub(super) area: f32,
        pub(super) bitangent: [f32; 3],
        pub(super) first_neighbour: u32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct Influence {
        pub(super) joint: u32,
        pub(super) weight: f32,
    }

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct Neighbour {
        pub(super) vertex: u32,
        pub(super) a: f32,
        pub(super) b: f32,
    }

    /// Size of `PosedVertex`.
    pub(super) const POSED_VERTEX_SIZE: u64 = 32;
    pub(super) const UNBOUND: u32 = u32::MAX;
}

/// Threads a workgroup of the pose kernels.
const POSE_THREADS: u32 = 64;
/// Threads a workgroup of the projection.
pub(crate) const PROJECT_THREADS: u32 = 256;

/// An avatar's data on one device, in one pose.
pub struct GpuAvatar {
    /// Tells views that the avatar they hold bindings for is another one.
    pub(crate) id: u64,
    pub(crate) gaussians: wgpu::Buffer,
    pub(crate) harmonics: wgpu::Buffer,
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) count: u32,
    pub(crate) sh_degree: u8,
    pub(crate) filter: Filter,
    reach: Reach,
    body: Option<GpuBody>,
}

struct GpuBody {
    avatar: Arc<Avatar>,
    decode: Option<Decode>,
    weights: wgpu::Buffer,
    palette_buffer: wgpu::Buffer,
    bind_vertices: wgpu::BindGroup,
    bind_frames: wgpu::BindGroup,
    workgroups: u32,
    palette: Palette,
    rows: Vec<[f32; 4]>,
    uploads: Uploads,
    /// Morph weights and joint rows of the current pose, and its number.
    pose_weights: Vec<f32>,
    pose_rows: Vec<[f32; 4]>,
    pose: u64,
    /// Number of the pose that the vertices on the GPU were last seen to be in. Only a submission that is done sets it,
    /// so a frame that was recorded and thrown away is not taken for one that happened.
    posed: Arc<AtomicU64>,
    /// Vertex bounds at rest in mesh space, and the joints that carry any of it.
    bounds: (Vec3, Vec3),
    used_joints: Vec<usize>,
}

/// How large the Gaussians are and where they may be: what bounds the number of tile entries.
struct Reach {
    /// Gaussians by the binary logarithm of their largest standard deviation, from 2⁻²⁰ m to 2¹¹ m.
    by_log_scale: [u32; 32],
    center: Vec3,
    radius: f32,
}

impl GpuAvatar {
    pub(crate) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatar: &Arc<Avatar>,
    ) -> Result<Self, RenderError> {
        avatar.validate().map_err(|error| RenderError::Avatar(error.to_string()))?;
        let n = avatar.gaussians.len();
        let limits = device.limits();
        let most = u64::from(limits.max_compute_workgroups_per_dimension) * u64::from(PROJECT_THREADS);
        if n as u64 > most {
            return Err(RenderError::TooMany { what: "Gaussians", count: n as u64, limit: most });
        }
        let upload = |what: &'static str, bytes: &[u8]| -> Result<wgpu::Buffer, RenderError> {
            let limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
            if bytes.len() as u64 > limit {
                return Err(RenderError::TooLarge { what, bytes: bytes.len() as u64, limit });
            }
            // A binding must not be empty.
            let contents = if bytes.is_empty() { &[0; 64] } else { bytes };
            Ok(device.create_buffer_init(&BufferInitDescriptor {
                label: Some(what),
                contents,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
            }))
        };
        let gaussians = upload("the Gaussians", bytemuck::cast_slice(&bound_gaussians(avatar)))?;
        let harmonics = upload("the harmonics", bytemuck::cast_slice(&avatar.gaussians.sh))?;
        let vertex_count = avatar.body.as_ref().map_or(0, |body| body.rig.vertex_count());
        let vertices =
            upload("the posed vertices", &vec![0; vertex_count * gpu_data::POSED_VERTEX_SIZE as usize])?;
        let body = match &avatar.body {
            Some(_) => {
                let decode = Decode::new(device, pipelines, avatar, [&gaussians, &harmonics], &upload)?;
                Some(GpuBody::new(device, pipelines, avatar, &vertices, decode, &upload)?)
            }
            None => None,
        };
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let (low, high) = avatar
            .bounds()
            .map_err(|error| RenderError::Avatar(error.to_string()))?
            .unwrap_or((Vec3::ZERO, Vec3::ZERO));
        let mut by_log_scale = [0; 32];
        for log_scale in &avatar.gaussians.log_scales {
            let bin = (log_scale.max_element() * std::f32::consts::LOG2_E + 20.0).ceil().clamp(0.0, 31.0);
            by_log_scale[bin as usize] += 1;
        }
        let mut out = Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            gaussians,
            harmonics,
            vertices,
            count: n as u32,
            sh_degree: avatar.gaussians.sh_degree,
            filter: avatar.filter,
            reach: Reach { by_log_scale, center: 0.5 * (low + high), radius: 0.5 * (high - low).length() },
            body,
        };
        if let Some(rig) = out.rig().map(Pose::rest) {
            out.set_pose(&rig)?;
        }
        Ok(out)
    }

    fn rig(&self) -> Option<&Rig> {
        Some(&self.body.as_ref()?.avatar.body.as_ref()?.rig)
    }

    /// Sets the pose that the next recorded frame shows. An avatar without a rig has none and ignores it.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] if the pose is not one of this avatar's rig.
    pub fn set_pose(&mut self, pose: &Pose) -> Result<(), RenderError> {
        let Some(body) = &mut self.body else { return Ok(()) };
        let Some(asset) = &body.avatar.body else { return Ok(()) };
        if !pose.fits(&asset.rig) {
            return Err(RenderError::Avatar("the pose was made for another rig".into()));
        }
        let joints = joint_palette(&asset.rig, pose, &mut body.palette);
        body.rows.clear();
        for m in joints {
            let rows = m.matrix3.transpose();
            for (row, t) in [rows.x_axis, rows.y_axis, rows.z_axis].iter().zip(m.translation.to_array()) {
                body.rows.push([row.x, row.y, row.z, t]);
            }
        }
        if let Some(decode) =
            body.decode.as_mut().filter(|d| d.is_fresh() || pose.morph_weights != body.pose_weights)
        {
            decode.set_pose(asset, pose)?;
        }
        if body.rows != body.pose_rows || pose.morph_weights != body.pose_weights {
            body.pose_rows.clone_from(&body.rows);
            body.pose_weights.clone_from(&pose.morph_weights);
            body.pose += 1;
            let (center, radius) = posed_bounds(body.used_joints.iter().map(|&j| joints[j]), body.bounds);
            (self.reach.center, self.reach.radius) = (center, radius);
        }
        Ok(())
    }

    /// Records the upload of the pose and the pose kernels; nothing if the GPU is known to hold this pose. Says whether
    /// it recorded anything.
    pub(crate) fn record_pose(
        &self,
        pipelines: &Pipelines,
        encoder: &mut wgpu::CommandEncoder,
        timer: Option<&StageTimer>,
    ) -> Result<bool, RenderError> {
        let Some(body) = self.body.as_ref().filter(|b| b.posed.load(Ordering::Acquire) != b.pose) else {
            return Ok(false);
        };
        body.uploads.record(
            encoder,
            &[
                (bytemuck::cast_slice(&body.pose_weights), &body.weights),
                (bytemuck::cast_slice(&body.pose_rows), &body.palette_buffer),
            ],
        )?;
        let mut pass = Stage::Pose.begin(encoder, timer);
        pass.set_pipeline(&pipelines.pose_vertices);
        pass.set_bind_group(0, &body.bind_vertices, &[]);
        pass.dispatch_workgroups(body.workgroups, 1, 1);
        pass.set_pipeline(&pipelines.vertex_frames);
        pass.set_bind_group(0, &body.bind_frames, &[]);
        pass.dispatch_workgroups(body.workgroups, 1, 1);
        drop(pass);
        let (pose, posed) = (body.pose, body.posed.clone());
        encoder.on_submitted_work_done(move || posed.store(pose, Ordering::Release));
        Ok(true)
    }

    /// Records the upload of the expression's coefficients and the sum over the field's bases; nothing without a field,
    /// or if the GPU is known to hold this expression. Says whether it recorded anything.
    pub(crate) fn record_decode(
        &self,
        pipelines: &Pipelines,
        encoder: &mut wgpu::CommandEncoder,
        timer: Option<&StageTimer>,
    ) -> Result<bool, RenderError> {
        match self.body.as_ref().and_then(|body| body.decode.as_ref()) {
            Some(decode) => decode.record(pipelines, encoder, timer),
            None => Ok(false),
        }
    }

    /// About how many pairs of Gaussian and tile `camera` can see at most, found without looking at the GPU: every
    /// Gaussian as if it stood at the avatar's nearest point.
    pub(crate) fn tile_entries_estimate(&self, camera: &Camera) -> u64 {
        let nearest = ((camera.eye() - self.reach.center).length() - self.reach.radius).max(camera.near);
        let tiles = u64::from(camera.width.div_ceil(TILE)) * u64::from(camera.height.div_ceil(TILE));
        let slope = (camera.width as f32 / camera.fx).max(camera.height as f32 / camera.fy);
        let focal = camera.fx.max(camera.fy) * (1.0 + slope * slope);
        // opacity · exp(−q/2) = 1/255 at q = 2 ln 255 where opacity is 1.
        let reach = 2.0 * 255f32.ln();
        let grown = if self.body.is_some() { POSE_GROWTH } else { 1.0 };
        let mut bound = 0;
        for (bin, &count) in self.reach.by_log_scale.iter().enumerate() {
            let sigma = (bin as f32 - 20.0).exp2() * grown * focal / nearest;
            let radius = (reach * (sigma * sigma + self.filter.variance)).sqrt();
            let across = f64::from((2.0 * radius / TILE as f32).floor() + 2.0);
            bound += u64::from(count) * ((across * across) as u64).min(tiles);
        }
        bound
    }
}

/// Surfaces of real expressions grow up to fourfold, but only on the eyelids: what these add comes out of the slack
/// that the rest leaves.
const POSE_GROWTH: f32 = 1.5;

/// A sphere around the bounds `(low, high)` of the mesh as each joint carries them, with room for morphs.
fn posed_bounds(joints: impl Iterator<Item = Affine3A>, (low, high): (Vec3, Vec3)) -> (Vec3, f32) {
    let (middle, half) = (0.5 * (low + high), 0.6 * (high - low).length());
    let mut out: Option<(Vec3, f32)> = None;
    for m in joints {
        let center = m.transform_point3(middle);
        let scale = m.matrix3.x_axis.length().max(m.matrix3.y_axis.length()).max(m.matrix3.z_axis.length());
        let (c, r) = out.unwrap_or((center, 0.0));
        out = Some((c, r.max(center.distance(c) + half * scale)));
    }
    out.unwrap_or((middle, half))
}

fn bound_gaussians(avatar: &Avatar) -> Vec<gpu_data::BoundGaussian> {
    let g = &avatar.gaussians;
    (0..g.len())
        .map(|i| {
            let (mut triangle, mut barycentric) = ([gpu_data::UNBOUND; 3], 0);
            if let Some(body) = &avatar.body {
                triangle = body.rig.triangles[body.binding.triangles[i] as usize];
                let b = body.binding.barycentric[i];
                let unorm = |x: f32| (x.clamp(0.0, 1.0) * 65_535.0).round() as u32;
                barycentric = unorm(b.y) | unorm(b.z) << 16;
            }
            gpu_data::BoundGaussian {
                offset: g.positions[i].into(),
                opacity_logit: g.opacity_logits[i].clamp(-80.0, 80.0),
                rotation: g.rotations[i].normalize().into(),
                log_scale: g.log_scales[i].into(),
                barycentric,
                triangle,
                padding: 0,
            }
        })
        .collect()
}

/// Puts bytes into a storage buffer named for what they are.
pub(crate) type Upload<'a> = dyn Fn(&'static str, &[u8]) -> Result<wgpu::Buffer, RenderError> + 'a;

impl GpuBody {
    fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        avatar: &Arc<Avatar>,
        vertices: &wgpu::Buffer,
        decode: Option<Decode>,
        upload: &Upload<'_>,
    ) -> Result<Self, RenderError> {
        let missing = || RenderError::Avatar("it has no rig".into());
        let body = avatar.body.as_ref().ok_or_else(missing)?;
        let rig = &body.rig;
        let count = rig.vertex_count();
        let most = u64::from(device.limits().max_compute_workgroups_per_dimension) * u64::from(POSE_THREADS);
        if count as u64 > most {
            return Err(RenderError::TooMany { what: "vertices", count: count as u64, limit: most });
        }
        let frames = SurfaceFrames::new(rig, body.binding.frame)
            .map_err(|error| RenderError::Avatar(error.to_string()))?;

        let (rest, ids, deltas) = morphs_by_vertex(rig);
        let mut rest_frames: Vec<_> = (0..count)
            .map(|v| gpu_data::RestFrame {
                inverse_rotation: frames.rest_inverse_rotations[v].into(),
                tangent: frames.rest_tangents[v][0].into(),
                area: frames.rest_area[v],
                bitangent: frames.rest_tangents[v][1].into(),
                first_neighbour: frames.ring_offsets[v],
            })
            .collect();
        // Closes the last vertex's ring.
        rest_frames.push(gpu_data::RestFrame {
            first_neighbour: frames.ring.len() as u32,
            ..gpu_data::RestFrame::zeroed()
        });
        let ring: Vec<_> =
            frames.ring.iter().map(|r| gpu_data::Neighbour { vertex: r.neighbour, a: r.a, b: r.b }).collect();
        let skin: Vec<_> = rig
            .joint_indices
            .iter()
            .zip(&rig.joint_weights)
            .map(|(&joint, &weight)| gpu_data::Influence { joint: joint.into(), weight })
            .collect();

        let size = device.create_buffer_init(&BufferInitDescriptor {
            label: Some("pose size"),
            contents: bytemuck::cast_slice(&[count as u32, rig.influences as u32, 0, 0]),
            usage: wgpu::BufferUsages::UNIFORM,
        });
        let rest = upload("the rest vertices", bytemuck::cast_slice(&rest))?;
        let ids = upload("the morph indices", bytemuck::cast_slice(&ids))?;
        let deltas = upload("the morph displacements", bytemuck::cast_slice(&deltas))?;
        let weights = upload("the morph weights", &vec![0; rig.morphs.len() * 4])?;
        let skin = upload("the skin weights", bytemuck::cast_slice(&skin))?;
        let palette_buffer = upload("the joint palette", &vec![0; rig.joints.len() * 48])?;
        let posed = upload("the posed positions", &vec![0; count * 16])?;
        let rest_frames = upload("the rest frames", bytemuck::cast_slice(&rest_frames))?;
        let ring = upload("the vertex rings", bytemuck::cast_slice(&ring))?;

        let whole = wgpu::Buffer::as_entire_binding;
        let bind_vertices = bind(
            device,
            &pipelines.pose_vertices,
            &[&size, &rest, &ids, &deltas, &weights, &skin, &palette_buffer, &posed].map(whole),
        );
        let bind_frames = bind(
            device,
            &pipelines.vertex_frames,
            &[&size, &rest_frames, &ring, &skin, &palette_buffer, &posed, vertices].map(whole),
        );
        let first = rig.positions.first().copied().unwrap_or(Vec3::ZERO);
        let bounds = rig.positions.iter().fold((first, first), |(lo, hi), &p| (lo.min(p), hi.max(p)));
        let mut used = vec![false; rig.joints.len()];
        for (&joint, &weight) in rig.joint_indices.iter().zip(&rig.joint_weights) {
            used[usize::from(joint)] |= weight > 0.0;
        }
        Ok(Self {
            avatar: avatar.clone(),
            decode,
            weights,
            palette_buffer,
            bind_vertices,
            bind_frames,
            workgroups: (count as u32).div_ceil(POSE_THREADS),
            palette: Palette::default(),
            rows: Vec::new(),
            uploads: Uploads::new(
                device,
                (rig.morphs.len() as u64 * 4).next_multiple_of(wgpu::MAP_ALIGNMENT)
                    + rig.joints.len() as u64 * 48,
            ),
            pose_weights: Vec::new(),
            pose_rows: Vec::new(),
            pose: 0,
            posed: Arc::new(AtomicU64::new(0)),
            bounds,
            used_joints: (0..used.len()).filter(|&j| used[j]).collect(),
        })
    }
}

/// The rig's morphs, turned from displacements by morph into displacements by vertex: rest vertices with their first
/// entry (and one more to close the last), and for each entry its morph and three floats.
fn morphs_by_vertex(rig: &Rig) -> (Vec<gpu_data::RestVertex>, Vec<u32>, Vec<[f32; 3]>) {
    let count = rig.vertex_count();
    let mut starts = vec![0u32; count + 1];
    for &v in rig.morphs.iter().flat_map(|m| &m.indices) {
        starts[v as usize + 1] += 1;
    }
    for v in 0..count {
        starts[v + 1] += starts[v];
    }
    let total = starts[count] as usize;
    let (mut ids, mut deltas) = (vec![0; total], vec![[0.0; 3]; total]);
    let mut next = starts.clone();
    for (m, morph) in rig.morphs.iter().enumerate() {
        for (&v, delta) in morph.indices.iter().zip(&morph.deltas) {
            let slot = &mut next[v as usize];
            ids[*slot as usize] = m as u32;
            deltas[*slot as usize] = delta.to_array();
            *slot += 1;
        }
    }
    let rest = (0..=count)
        .map(|v| gpu_data::RestVertex {
            position: rig.positions.get(v).copied().unwrap_or(Vec3::ZERO).into(),
            first_morph: starts[v],
        })
        .collect();
    (rest, ids, deltas)
}
