//! Avatars of the LAM system ("LAM: Large Avatar Model for One-shot Animatable Gaussian Head", He et al., SIGGRAPH
//! 2025), as its web player takes them: a zip of one folder with `skin.glb` (the rig) and `offset.ply` (the Gaussians).

use effigy_rig::{FrameMode, LoadLimits, Palette, Pose, Rig, joint_palette};
use effigy_splat::Gaussians;
use glam::Vec3;

use crate::archive::{Archive, part};
use crate::splat_file::{PlyColor, SplatLimits, SplatReadOptions, UpAxis, read_splat};
use crate::{Avatar, AvatarError, Binding, Body};

/// The file by which a LAM zip is known.
pub(crate) const SKIN: &str = "skin.glb";

/// How much a LAM zip may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct LamLimits {
    /// Entries in the archive.
    pub entries: usize,
    /// Bytes that all entries unpack to, as declared, and that those read really do.
    pub unpacked_bytes: u64,
    /// For the rig inside.
    pub rig: LoadLimits,
    /// For the Gaussians inside.
    pub splat: SplatLimits,
}

impl Default for LamLimits {
    /// 1,024 entries, 512 MiB, and the defaults of the parts.
    fn default() -> Self {
        Self {
            entries: 1024,
            unpacked_bytes: 512 << 20,
            rig: LoadLimits::default(),
            splat: SplatLimits::default(),
        }
    }
}

/// Reads a LAM zip. Gaussian i belongs to vertex i, and its centre is
/// head joint · (vertex + offset + Σ weight · morph delta); the whole mesh follows the joint called "head", as in the
/// system's own player. A rig without one keeps its skin.
///
/// Everything happens in memory: no entry is ever written to disk.
///
/// # Errors
/// [`AvatarError::Archive`] for a zip that is malformed, above `limits`, has entries outside its folder or lacks one
/// of the two files; otherwise what is wrong with these.
pub fn read_lam(bytes: &[u8], limits: &LamLimits) -> Result<Avatar, AvatarError> {
    let mut archive = Archive::open(bytes, limits.entries, limits.unpacked_bytes)?;
    let path_of = |archive: &Archive<'_>, file: &str| {
        let absent = || AvatarError::Archive(format!("no {file}: not a LAM avatar"));
        archive.find(file)?.map(str::to_owned).ok_or_else(absent)
    };
    let skin_path = path_of(&archive, SKIN)?;
    let skin = archive.read(&skin_path)?;
    let offsets_path = path_of(&archive, "offset.ply")?;
    let offsets = archive.read(&offsets_path)?;
    let mut rig = Rig::from_slice(&skin, None, &limits.rig).map_err(|e| part("skin.glb", &e))?;
    let options = SplatReadOptions {
        ply_color: PlyColor::Rgb,
        up: Some(UpAxis::YUp),
        limits: limits.splat,
        ..SplatReadOptions::default()
    };
    let scene = read_splat(&offsets, &options).map_err(|e| part("offset.ply", &e))?;
    if scene.gaussians.len() != rig.vertex_count() {
        return Err(AvatarError::Archive(format!(
            "offset.ply has {} Gaussians and skin.glb {} vertices; there must be one for each",
            scene.gaussians.len(),
            rig.vertex_count()
        )));
    }
    let mut gaussians = scene.gaussians;
    follow_head(&mut rig, &mut gaussians);
    let binding = bind_to_vertices(&rig, &mut gaussians)?;
    let avatar = Avatar {
        name: skin_path.rsplit('/').nth(1).unwrap_or_default().to_owned(),
        gaussians,
        filter: scene.filter,
        body: Some(Body { rig, binding, field: None }),
    };
    avatar.validate()?;
    Ok(avatar)
}

/// Makes every vertex follow the joint called "head" alone, if there is one, and turns offsets from mesh space to the
/// world at rest.
fn follow_head(rig: &mut Rig, gaussians: &mut Gaussians) {
    let node = rig.head_node();
    let head = node.and_then(|node| rig.joints.iter().position(|j| j.node == node));
    let Some(head) = head.and_then(|h| u16::try_from(h).ok()) else {
        tracing::warn!("no joint is called \"head\"; the skin is kept as it is");
        return;
    };
    rig.influences = 1;
    rig.joint_indices = vec![head; rig.vertex_count()];
    rig.joint_weights = vec![1.0; rig.vertex_count()];
    let mut palette = Palette::default();
    joint_palette(rig, &Pose::rest(rig), &mut palette);
    for primitive in rig.primitives.iter_mut().filter(|p| !p.skinned) {
        // It no longer follows its node: nor is it turned over by it.
        let node = palette.world_from_node.get(primitive.node).copied().unwrap_or_default();
        let triangles = primitive.triangles.start as usize..primitive.triangles.end as usize;
        if node.matrix3.determinant() < 0.0 {
            rig.triangles.get_mut(triangles).into_iter().flatten().for_each(|t| t.swap(1, 2));
        }
        primitive.skinned = true;
    }
    let world_from_mesh = palette.world_from_mesh.get(usize::from(head)).copied().unwrap_or_default();
    let (scale, rotation, _) = world_from_mesh.to_scale_rotation_translation();
    let growth = scale.element_product().abs().cbrt();
    // Identity but for rounding in files of the system itself.
    if growth > 0.0 && growth.is_finite() && rotation.is_finite() {
        gaussians.positions.iter_mut().for_each(|p| *p = world_from_mesh.transform_vector3(*p));
        gaussians.rotations.iter_mut().for_each(|r| *r = rotation * *r);
        gaussians.log_scales.iter_mut().for_each(|s| *s += growth.ln());
    }
}

/// A fraction of a second of comparisons.
const MAX_LOOSE_PAIRS: usize = 1 << 26;

/// Binds Gaussian i to a corner of a triangle at vertex i. A vertex without a triangle is replaced by the nearest
/// that has one, and its Gaussian's offset grows by the distance, which is the same where both follow one joint.
fn bind_to_vertices(rig: &Rig, gaussians: &mut Gaussians) -> Result<Binding, AvatarError> {
    let mut corner_of: Vec<Option<(u32, u8)>> = vec![None; rig.vertex_count()];
    for (t, triangle) in rig.triangles.iter().enumerate() {
        for (corner, &v) in triangle.iter().enumerate() {
            if let Some(slot) = corner_of.get_mut(v as usize) {
                slot.get_or_insert((t as u32, corner as u8));
            }
        }
    }
    let bound: Vec<usize> = (0..corner_of.len()).filter(|&v| corner_of[v].is_some()).collect();
    // The search below compares every pair; real avatars have a handful of loose vertices at most.
    if (corner_of.len() - bound.len()).saturating_mul(bound.len()) > MAX_LOOSE_PAIRS {
        return Err(AvatarError::Archive("skin.glb: most vertices are in no triangle".into()));
    }
    let mut binding = Binding { triangles: Vec::new(), barycentric: Vec::new(), frame: FrameMode::Skin };
    for v in 0..corner_of.len() {
        let at = rig.positions[v];
        let (triangle, corner) = match corner_of[v] {
            Some(corner) => corner,
            None => {
                let distance = |&&other: &&usize| rig.positions[other].distance_squared(at);
                let nearest = bound.iter().min_by(|a, b| distance(a).total_cmp(&distance(b)));
                let Some((&nearest, corner)) = nearest.and_then(|n| Some((n, corner_of[*n]?))) else {
                    return Err(AvatarError::Archive("skin.glb: no triangles".into()));
                };
                gaussians.positions[v] += at - rig.positions[nearest];
                corner
            }
        };
        binding.triangles.push(triangle);
        binding.barycentric.push(Vec3::AXES[usize::from(corner.min(2))]);
    }
    Ok(binding)
}
