//! What all instances of an avatar share on a GPU: its Gaussians, its field, its rig at rest.

use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use effigy_avatar::{Avatar, Body, Part, PrefixGrowth, detail_order, normals, parts};
use effigy_rig::{Rig, SurfaceFrames};
use effigy_shaders::filled;
use effigy_splat::{Filter, sh_coefficients};
use glam::{Vec2, Vec3};
use half::f16;

use crate::RenderError;
use crate::decode::Bases;
use crate::mesh::index_buffer;
use crate::pipelines::{POSE_THREADS, PROJECT_THREADS};
use crate::storage::Storage;

/// GPU structures of `shaders/pose/` and `shaders/splat/bound.wesl`.
mod gpu_data {
    use super::{Pod, Zeroable};

    #[repr(C)]
    #[derive(Clone, Copy, Pod, Zeroable)]
    pub(super) struct BoundGaussian {
        pub(super) offset: [f32; 3],
        pub(super) opacity_logit: f32,
        pub(super) rotation: [f32; 4],
        pub(super) log_scale: [f32; 3],
        pub(super) barycentric: u32,
        pub(super) triangle: [u32; 3],
        pub(super) residual: u32,
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

    /// The triangle or the residual of a Gaussian that has none.
    pub(super) const NONE: u32 = u32::MAX;
}

/// The largest opacity logit that goes to the GPU, and the smallest negated.
const MAX_LOGIT: f32 = 80.0;

/// An avatar's data on one device.
pub(crate) struct Shared {
    pub(crate) avatar: Arc<Avatar>,
    pub(crate) gaussians: wgpu::Buffer,
    /// Harmonics and normals.
    pub(crate) appearance: wgpu::Buffer,
    pub(crate) count: u32,
    pub(crate) filter: Filter,
    pub(crate) bases: Option<Bases>,
    pub(crate) rig: Option<SharedRig>,
    pub(crate) sizes: Sizes,
    /// Bounds of the Gaussians at rest.
    pub(crate) bounds: (Vec3, Vec3),
    /// The avatar's Gaussians in the order in which they are stored here: any number of the first is an avatar.
    pub(crate) order: Vec<u32>,
    pub(crate) growth: PrefixGrowth,
    /// The part of the person that each of the avatar's Gaussians belongs to.
    pub(crate) parts: Vec<Part>,
    /// How much a viewer looks at each Gaussian, 0 to 1.
    pub(crate) importance: wgpu::Buffer,
}

/// A rig at rest.
pub(crate) struct SharedRig {
    pub(crate) size: wgpu::Buffer,
    pub(crate) rest: wgpu::Buffer,
    pub(crate) morph_ids: wgpu::Buffer,
    pub(crate) morph_deltas: wgpu::Buffer,
    pub(crate) skin: wgpu::Buffer,
    pub(crate) rest_frames: wgpu::Buffer,
    pub(crate) ring: wgpu::Buffer,
    pub(crate) vertices: u32,
    /// Indices of its triangles, and how many.
    pub(crate) triangles: wgpu::Buffer,
    pub(crate) index_count: u32,
    /// Vertex bounds at rest in mesh space, and the joints that carry any of it.
    pub(crate) bounds: (Vec3, Vec3),
    pub(crate) used_joints: Vec<usize>,
}

/// How large the Gaussians are.
pub(crate) struct Sizes {
    /// Gaussians by the binary logarithm of their largest standard deviation, from 2⁻²⁰ m to 2¹¹ m.
    pub(crate) by_log_scale: [u32; 32],
    /// The median of the geometric means of their two largest standard deviations, metres.
    pub(crate) median: f32,
}

impl Shared {
    /// Uploads `avatar`, its harmonics as half floats unless `full_precision` is asked for.
    pub(crate) fn new(
        device: &wgpu::Device,
        avatar: &Arc<Avatar>,
        full_precision: bool,
    ) -> Result<Self, RenderError> {
        let fail = |error: effigy_avatar::AvatarError| RenderError::Avatar(error.to_string());
        avatar.validate().map_err(fail)?;
        let n = avatar.gaussians.len();
        let most =
            u64::from(device.limits().max_compute_workgroups_per_dimension) * u64::from(PROJECT_THREADS);
        if n as u64 > most {
            return Err(RenderError::TooMany { what: "Gaussians", count: n as u64, limit: most });
        }
        let storage = Storage::new(device);
        let order = detail_order(avatar);
        let mut place_of = vec![0; n];
        order.iter().enumerate().for_each(|(place, &i)| place_of[i as usize] = place as u32);
        let (bases, rig) = match &avatar.body {
            Some(body) => {
                (Bases::new(body, &place_of, &storage)?, Some(SharedRig::new(device, body, &storage)?))
            }
            None => (None, None),
        };
        let rows = bases.as_ref().map_or(&[][..], Bases::places);
        let gaussians =
            storage.hold("the Gaussians", bytemuck::cast_slice(&bound_gaussians(avatar, &order, rows)))?;
        let parts = parts(avatar);
        let importance: Vec<f32> = order.iter().map(|&i| parts[i as usize].importance()).collect();
        let appearance = appearance(avatar, &order, full_precision);
        let appearance = storage.hold("the harmonics", bytemuck::cast_slice(&appearance))?;
        Ok(Self {
            avatar: avatar.clone(),
            gaussians,
            appearance,
            count: n as u32,
            filter: avatar.filter,
            bases,
            rig,
            sizes: Sizes::of(&avatar.gaussians.log_scales),
            bounds: avatar.bounds().map_err(fail)?.unwrap_or((Vec3::ZERO, Vec3::ZERO)),
            growth: PrefixGrowth::new(avatar, &order),
            order,
            parts,
            importance: storage.hold("the importance of Gaussians", bytemuck::cast_slice(&importance))?,
        })
    }
}

impl Sizes {
    fn of(log_scales: &[Vec3]) -> Self {
        let mut by_log_scale = [0; 32];
        let mut wide = Vec::with_capacity(log_scales.len());
        for log_scale in log_scales {
            let bin = (log_scale.max_element() * std::f32::consts::LOG2_E + 20.0).ceil().clamp(0.0, 31.0);
            by_log_scale[bin as usize] += 1;
            wide.push(0.5 * (log_scale.element_sum() - log_scale.min_element()));
        }
        let middle = wide.len() / 2;
        let median =
            if wide.is_empty() { 0.0 } else { *wide.select_nth_unstable_by(middle, f32::total_cmp).1 };
        Self { by_log_scale, median: median.exp() }
    }
}

/// Gaussians in the order of detail. `rows` are the places of those that the field moves, ascending.
fn bound_gaussians(avatar: &Avatar, order: &[u32], rows: &[u32]) -> Vec<gpu_data::BoundGaussian> {
    let g = &avatar.gaussians;
    let mut rows = rows.iter().zip(0..).peekable();
    (order.iter().zip(0..))
        .map(|(&i, place)| {
            let i = i as usize;
            let (mut triangle, mut barycentric) = ([gpu_data::NONE; 3], 0);
            if let Some(body) = &avatar.body {
                triangle = body.rig.triangles[body.binding.triangles[i] as usize];
                let b = body.binding.barycentric[i];
                let unorm = |x: f32| (x.clamp(0.0, 1.0) * 65_535.0).round() as u32;
                barycentric = unorm(b.y) | unorm(b.z) << 16;
            }
            gpu_data::BoundGaussian {
                offset: g.positions[i].into(),
                // Kept finite: what a GPU makes of infinities is its own affair.
                opacity_logit: g.opacity_logits[i].clamp(-MAX_LOGIT, MAX_LOGIT),
                rotation: g.rotations[i].normalize().into(),
                log_scale: g.log_scales[i].into(),
                barycentric,
                triangle,
                residual: rows.next_if(|(row, _)| **row == place).map_or(gpu_data::NONE, |(_, row)| row),
            }
        })
        .collect()
}

/// What `shaders/splat/appearance.wesl` reads: the number of coefficients, and in the order of detail for each a row of harmonics, as floats or as half floats two
/// to a word, and the normal.
fn appearance(avatar: &Avatar, order: &[u32], full_precision: bool) -> Vec<u32> {
    let g = &avatar.gaussians;
    let width = g.sh.len() / g.len().max(1);
    let normals = normals(avatar);
    let half = |x: f32| u32::from(f16::from_f32(x.clamp(-65_504.0, 65_504.0)).to_bits());
    let mut out = Vec::with_capacity(1 + order.len() * (width + 1));
    out.push(sh_coefficients(g.sh_degree) as u32);
    for &i in order {
        let row = &g.sh[i as usize * width..][..width];
        if full_precision {
            out.extend(row.iter().map(|x| x.to_bits()));
        } else {
            let pair = |pair: &[f32]| half(pair[0]) | pair.get(1).map_or(0, |&high| half(high)) << 16;
            out.extend(row.chunks(2).map(pair));
        }
        out.push(octahedral(normals[i as usize]));
    }
    out
}

/// A unit vector in two halves of a word; the twin of `unit_vector` in `shaders/splat/light.wesl`. Zero is the axis z.
fn octahedral(v: Vec3) -> u32 {
    let length = v.abs().element_sum();
    let mut e = if length > 0.0 { v.truncate() / length } else { Vec2::ZERO };
    if v.z < 0.0 {
        let sign = Vec2::new(1f32.copysign(e.x), 1f32.copysign(e.y));
        e = (Vec2::ONE - Vec2::new(e.y, e.x).abs()) * sign;
    }
    let snorm = |x: f32| u32::from((x.clamp(-1.0, 1.0) * 32_767.0).round() as i16 as u16);
    snorm(e.x) | snorm(e.y) << 16
}

impl SharedRig {
    fn new(device: &wgpu::Device, body: &Body, storage: &Storage<'_>) -> Result<Self, RenderError> {
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
        let first = rig.positions.first().copied().unwrap_or(Vec3::ZERO);
        let mut used = vec![false; rig.joints.len()];
        for (&joint, &weight) in rig.joint_indices.iter().zip(&rig.joint_weights) {
            used[usize::from(joint)] |= weight > 0.0;
        }
        let (triangles, index_count) = index_buffer(device, &rig.triangles)?;
        Ok(Self {
            size: filled(
                device,
                "pose size",
                bytemuck::cast_slice(&[count as u32, rig.influences as u32, 0, 0]),
                wgpu::BufferUsages::UNIFORM,
            ),
            rest: storage.hold("the rest vertices", bytemuck::cast_slice(&rest))?,
            morph_ids: storage.hold("the morph indices", bytemuck::cast_slice(&ids))?,
            morph_deltas: storage.hold("the morph displacements", bytemuck::cast_slice(&deltas))?,
            skin: storage.hold("the skin weights", bytemuck::cast_slice(&skin))?,
            rest_frames: storage.hold("the rest frames", bytemuck::cast_slice(&rest_frames))?,
            ring: storage.hold("the vertex rings", bytemuck::cast_slice(&ring))?,
            vertices: count as u32,
            triangles,
            index_count,
            bounds: rig.positions.iter().fold((first, first), |(lo, hi), &p| (lo.min(p), hi.max(p))),
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
