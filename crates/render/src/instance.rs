//! One person in a scene: an avatar in a pose, at a place, in as much detail as is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytemuck::{Pod, Zeroable};
use effigy_avatar::Body;
use effigy_rig::{Palette, Pose, joint_palette};
use effigy_shaders::{TILE, numbered, rows, storage};
use effigy_splat::{BlendSpace, Camera};
use glam::{Affine3A, Mat4, Quat, Vec3};

use crate::avatar::{Shared, SharedRig};
use crate::decode::Decode;
use crate::mesh::POSED_VERTEX_SIZE;
use crate::pipelines::{POSE_THREADS, Pipelines};
use crate::uploads::Uploads;
use crate::{PosedMesh, RenderError};

/// Attributes that the field adds to, floats a row.
const RESIDUAL_SIZE: u64 = 4 * effigy_field::ATTRIBUTES as u64;

/// Where an avatar stands in the world: turned, then scaled, then moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// World from avatar.
    pub rotation: Quat,
    /// The same in all directions; 1 is life size.
    pub scale: f32,
    /// Metres.
    pub translation: Vec3,
}

impl Default for Placement {
    fn default() -> Self {
        Self { rotation: Quat::IDENTITY, scale: 1.0, translation: Vec3::ZERO }
    }
}

/// How many of an avatar's Gaussians are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detail {
    /// All of them.
    Full,
    /// As many as can be told apart at the avatar's size on the picture, times the view's quality
    /// ([`crate::View::set_quality`]).
    Auto,
    /// This part of them, 0 to 1, but at least 256 where there are as many; not a number counts as 0.
    Fraction(f32),
}

/// One avatar on one device: in a pose, at a place. What it shares with others of the same avatar is held once.
pub struct GpuAvatar {
    /// Tells views which avatars they hold bindings for.
    pub(crate) id: u64,
    pub(crate) shared: Arc<Shared>,
    pub(crate) vertices: wgpu::Buffer,
    pub(crate) residuals: wgpu::Buffer,
    placement: Placement,
    detail: Detail,
    decode: Option<Decode>,
    body: Option<PosedBody>,
    /// A sphere around the avatar in its pose, in its own space.
    center: Vec3,
    radius: f32,
}

struct PosedBody {
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
}

/// Twin of `Instance` in `shaders/splat/instance.wesl`.
#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(crate) struct InstanceData {
    rows: [[f32; 4]; 3],
    rotation: [f32; 4],
    scale: f32,
    first: u32,
    count: u32,
    fading: f32,
    log_growth: f32,
    variance: f32,
    compensate: u32,
    end: f32,
    linear: u32,
    padding: [u32; 3],
}

/// What of an avatar is drawn: the first Gaussians in the order of detail, the last of them the more faintly the later
/// they come, so that none appears or goes at once as detail changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    /// How many are drawn.
    pub(crate) drawn: u32,
    /// Where they have faded away, which may be beyond the last one.
    end: f32,
}

/// This part of the Gaussians before the end of a [`Share`] fades.
const FADING: f32 = 0.1;
/// With [`Detail::Auto`], Gaussians are left out until the standard deviations of the others are this wide on the
/// picture, pixels: below that the filter of the splats is what is seen of them.
const AUTO_SIGMA: f32 = 0.35;
/// Never fewer than this many, where there are as many.
const FEWEST: f32 = 256.0;

impl GpuAvatar {
    pub(crate) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        shared: Arc<Shared>,
    ) -> Result<Self, RenderError> {
        let none = wgpu::BufferUsages::empty();
        let vertex_count = shared.rig.as_ref().map_or(0, |rig| u64::from(rig.vertices));
        // Hosts draw the mesh into their shadow maps.
        let vertices =
            storage(device, "posed vertices", vertex_count * POSED_VERTEX_SIZE, wgpu::BufferUsages::VERTEX);
        let rows = shared.bases.as_ref().map_or(0, |bases| bases.places().len() as u64);
        let residuals = storage(device, "residuals", rows * RESIDUAL_SIZE, none);
        let decode = shared.bases.as_ref().map(|bases| Decode::new(device, pipelines, bases, &residuals));
        let body = match (&shared.rig, &shared.avatar.body) {
            (Some(rig), Some(body)) => Some(PosedBody::new(device, pipelines, rig, body, &vertices)),
            _ => None,
        };
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let (low, high) = shared.bounds;
        let mut out = Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            vertices,
            residuals,
            placement: Placement::default(),
            detail: Detail::Full,
            decode,
            body,
            center: 0.5 * (low + high),
            radius: 0.5 * (high - low).length(),
            shared,
        };
        if let Some(rest) = out.asset().map(|body| Pose::rest(&body.rig)) {
            out.set_pose(&rest)?;
        }
        Ok(out)
    }

    fn asset(&self) -> Option<&Body> {
        self.shared.avatar.body.as_ref()
    }

    /// The avatar that this is one of.
    pub fn avatar(&self) -> &Arc<effigy_avatar::Avatar> {
        &self.shared.avatar
    }

    /// Sets the pose that the next recorded frame shows. An avatar without a rig has none and ignores it.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] if the pose is not one of this avatar's rig.
    pub fn set_pose(&mut self, pose: &Pose) -> Result<(), RenderError> {
        let (Some(body), Some(asset), Some(rig)) =
            (&mut self.body, &self.shared.avatar.body, &self.shared.rig)
        else {
            return Ok(());
        };
        if !pose.fits(&asset.rig) {
            return Err(RenderError::Avatar("the pose was made for another rig".into()));
        }
        let joints = joint_palette(&asset.rig, pose, &mut body.palette);
        body.rows.clear();
        for m in joints {
            body.rows.extend(rows(m));
        }
        if let Some(decode) =
            self.decode.as_mut().filter(|d| d.is_fresh() || pose.morph_weights != body.pose_weights)
        {
            decode.set_pose(asset, pose)?;
        }
        if body.rows != body.pose_rows || pose.morph_weights != body.pose_weights {
            body.pose_rows.clone_from(&body.rows);
            body.pose_weights.clone_from(&pose.morph_weights);
            body.pose += 1;
            (self.center, self.radius) = posed_bounds(rig.used_joints.iter().map(|&j| joints[j]), rig.bounds);
        }
        Ok(())
    }

    /// Sets where the avatar stands from the next recorded frame on. Nothing has to be computed again for it.
    ///
    /// # Errors
    /// [`RenderError::Avatar`] for a placement that is not finite, a rotation of length 0, or a scale that is not above 0.
    pub fn set_placement(&mut self, placement: Placement) -> Result<(), RenderError> {
        let Placement { rotation, scale, translation } = placement;
        let turns = rotation.length_squared() > 1e-12 && rotation.is_finite();
        if !(turns && scale > 0.0 && scale.is_finite() && translation.is_finite()) {
            return Err(RenderError::Avatar(format!(
                "a placement with rotation {rotation}, scale {scale} and translation {translation} is none"
            )));
        }
        self.placement = Placement { rotation: rotation.normalize(), ..placement };
        Ok(())
    }

    /// Where the avatar stands.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Sets how many Gaussians are drawn from the next recorded frame on.
    pub fn set_detail(&mut self, detail: Detail) {
        self.detail = detail;
    }

    /// A sphere in the world that the avatar, in its pose and place, is within: centre and radius, metres.
    pub fn bounding_sphere(&self) -> (Vec3, f32) {
        let Placement { rotation, scale, translation } = self.placement;
        (translation + scale * (rotation * self.center), scale * self.radius)
    }

    /// Weights of the rig's morphs in the current pose; none without a rig.
    pub(crate) fn morph_weights(&self) -> &[f32] {
        self.body.as_ref().map_or(&[], |body| &body.pose_weights)
    }

    /// The width of the median Gaussian in the world, standard deviations in metres.
    pub(crate) fn median_size(&self) -> f32 {
        self.shared.sizes.median * self.placement.scale
    }

    /// The rig's surface in its pose, for a host's shadow maps; none without a rig.
    pub fn mesh(&self) -> Option<PosedMesh<'_>> {
        let rig = self.shared.rig.as_ref()?;
        let Placement { rotation, scale, translation } = self.placement;
        Some(PosedMesh {
            vertices: &self.vertices,
            indices: &rig.triangles,
            index_count: rig.index_count,
            world_from_avatar: Mat4::from_scale_rotation_translation(
                Vec3::splat(scale),
                rotation,
                translation,
            ),
        })
    }

    /// What `camera` gets to see at `quality`.
    pub(crate) fn share(&self, camera: &Camera, quality: f32) -> Share {
        let all = self.shared.count as f32;
        let part = match self.detail {
            Detail::Full => 1.0,
            Detail::Fraction(part) => part,
            Detail::Auto => {
                let (center, radius) = self.bounding_sphere();
                let nearest = ((camera.eye() - center).length() - radius).max(camera.near);
                let sigma = self.median_size() * camera.fx.max(camera.fy) / nearest;
                let part = sigma / AUTO_SIGMA;
                part * part * quality
            }
        };
        // Not a number is nothing.
        let wanted = (all * part.clamp(0.0, 1.0)).max(FEWEST).min(all);
        let end = wanted / (1.0 - FADING);
        Share { drawn: (end.ceil() as u32).min(self.shared.count), end }
    }

    /// As the projection needs it: the splats of `share` from number `first` of the view on.
    pub(crate) fn data(&self, first: u32, share: Share) -> InstanceData {
        let Placement { rotation, scale, translation } = self.placement;
        let world = Affine3A::from_scale_rotation_translation(Vec3::splat(scale), rotation, translation);
        let (all, Share { drawn, end }) = (self.shared.count as f32, share);
        let fading = (1.0 - FADING) * end;
        // How many they count for: those that fade, up to the last one, by how much is left of them.
        let faint = (all.min(end) - fading).max(0.0);
        let kept = all.min(fading) + faint * (1.0 - 0.5 * faint / (end - fading).max(1e-3));
        InstanceData {
            rows: rows(&world),
            rotation: rotation.to_array(),
            scale,
            first,
            count: drawn,
            fading,
            log_growth: self.shared.growth.of(kept.round() as usize).ln(),
            variance: self.shared.filter.variance,
            compensate: self.shared.filter.compensate.into(),
            end,
            linear: (self.shared.filter.rules.blending == BlendSpace::Linear).into(),
            padding: [0; 3],
        }
    }

    /// Records the upload of the pose; nothing if the GPU is known to hold it. Says whether it did, and the kernels have to
    /// follow ([`Self::dispatch_pose`]).
    pub(crate) fn upload_pose(&self, encoder: &mut wgpu::CommandEncoder) -> Result<bool, RenderError> {
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
        Ok(true)
    }

    /// Records the kernels that pose the vertices.
    pub(crate) fn dispatch_pose(&self, pipelines: &Pipelines, pass: &mut wgpu::ComputePass<'_>) {
        let Some(body) = &self.body else { return };
        let size = [body.workgroups, 1, 1];
        pipelines.pose_vertices.dispatch(pass, &body.bind_vertices, size);
        pipelines.vertex_frames.dispatch(pass, &body.bind_frames, size);
    }

    /// Records that the GPU holds the pose from here on.
    pub(crate) fn note_pose(&self, encoder: &wgpu::CommandEncoder) {
        if let Some(body) = &self.body {
            let (pose, posed) = (body.pose, body.posed.clone());
            encoder.on_submitted_work_done(move || posed.store(pose, Ordering::Release));
        }
    }

    /// Records the upload of the expression's coefficients; nothing without a field, or if the GPU is known to hold the
    /// residuals of the first `drawn` Gaussians. Says whether it did, and the kernel has to follow
    /// ([`Self::dispatch_decode`]).
    pub(crate) fn upload_decode(
        &self,
        drawn: u32,
        encoder: &mut wgpu::CommandEncoder,
    ) -> Result<bool, RenderError> {
        match (&self.decode, &self.shared.bases) {
            (Some(decode), Some(bases)) => decode.upload(bases, drawn, encoder),
            _ => Ok(false),
        }
    }

    /// Records the sum over the field's bases for the first `drawn` Gaussians.
    pub(crate) fn dispatch_decode(
        &self,
        pipelines: &Pipelines,
        drawn: u32,
        pass: &mut wgpu::ComputePass<'_>,
    ) {
        if let (Some(decode), Some(bases)) = (&self.decode, &self.shared.bases) {
            decode.dispatch(pipelines, bases, drawn, pass);
        }
    }

    /// Records that the GPU holds the residuals of the first `drawn` Gaussians from here on.
    pub(crate) fn note_decode(&self, drawn: u32, encoder: &wgpu::CommandEncoder) {
        if let (Some(decode), Some(bases)) = (&self.decode, &self.shared.bases) {
            decode.note(bases, drawn, encoder);
        }
    }

    /// About how many pairs of Gaussian and tile `camera` can see at most of `drawn` Gaussians, found without looking at
    /// the GPU: every Gaussian as if it stood at the avatar's nearest point.
    pub(crate) fn tile_entries_estimate(&self, camera: &Camera, drawn: u32) -> u64 {
        let (center, radius) = self.bounding_sphere();
        let nearest = ((camera.eye() - center).length() - radius).max(camera.near);
        let tiles = u64::from(camera.width.div_ceil(TILE)) * u64::from(camera.height.div_ceil(TILE));
        let slope = (camera.width as f32 / camera.fx).max(camera.height as f32 / camera.fy);
        let focal = camera.fx.max(camera.fy) * (1.0 + slope * slope);
        // opacity · exp(−q/2) = 1/255 at q = 2 ln 255 where opacity is 1.
        let reach = 2.0 * 255f32.ln();
        let grown = if self.body.is_some() { POSE_GROWTH } else { 1.0 };
        let grown = grown * self.placement.scale * self.shared.growth.of(drawn as usize);
        let mut bound = 0;
        // The largest are the likeliest to be among those that are drawn.
        let mut left = u64::from(drawn);
        for (bin, &count) in self.shared.sizes.by_log_scale.iter().enumerate().rev() {
            let sigma = (bin as f32 - 20.0).exp2() * grown * focal / nearest;
            let radius = (reach * (sigma * sigma + self.shared.filter.variance)).sqrt();
            let across = f64::from((2.0 * radius / TILE as f32).floor() + 2.0);
            let count = u64::from(count).min(left);
            left -= count;
            bound += count * ((across * across) as u64).min(tiles);
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

impl PosedBody {
    fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        shared: &SharedRig,
        body: &Body,
        vertices: &wgpu::Buffer,
    ) -> Self {
        let rig = &body.rig;
        let storage = |label, size: usize| storage(device, label, size as u64, wgpu::BufferUsages::COPY_DST);
        let weights = storage("morph weights", rig.morphs.len() * 4);
        let palette_buffer = storage("joint palette", rig.joints.len() * 48);
        let posed = storage("posed positions", shared.vertices as usize * 16);
        let whole = wgpu::Buffer::as_entire_binding;
        let SharedRig { size, rest, morph_ids, morph_deltas, skin, rest_frames, ring, .. } = shared;
        Self {
            bind_vertices: pipelines.pose_vertices.bind(
                device,
                &numbered(
                    [size, rest, morph_ids, morph_deltas, &weights, skin, &palette_buffer, &posed].map(whole),
                ),
            ),
            bind_frames: pipelines.vertex_frames.bind(
                device,
                &numbered([size, rest_frames, ring, skin, &palette_buffer, &posed, vertices].map(whole)),
            ),
            weights,
            palette_buffer,
            workgroups: shared.vertices.div_ceil(POSE_THREADS),
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
        }
    }
}
