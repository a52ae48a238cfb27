//! An avatar from any textured rig without training: Gaussians spread over its surface, coloured by its materials
//! under a fixed studio light. It is also where training starts.

mod bvh;
mod light;
mod material;
mod place;
mod texture;

use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig};
use effigy_splat::{Filter, Gaussians};
use glam::{Mat3, Quat, Vec3};
use rayon::prelude::*;

use crate::avatar::Anchor;
use crate::{Avatar, AvatarError, Binding, Body, simplify};
use bvh::Bvh;
use material::Palette;
use place::{Sample, rebind, spread};

/// How to sample a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceOptions {
    /// About how many Gaussians; those that would be invisible are left out.
    pub count: usize,
    /// Seed of everything random. The same seed, rig and build give the same avatar.
    pub seed: u64,
    /// Bind to the rig simplified to about this many triangles. Samples still lie on the full surface, in its colours.
    pub simplify_to: Option<usize>,
    /// Most pixels of one picture.
    pub max_picture_pixels: u64,
}

impl Default for SurfaceOptions {
    /// 65,536 Gaussians on the rig as it is, seed 0, pictures up to 8192².
    fn default() -> Self {
        Self { count: 1 << 16, seed: 0, simplify_to: None, max_picture_pixels: 1 << 26 }
    }
}

/// The most samples that [`sample`] makes.
pub const MAX_SAMPLES: usize = 1 << 24;

/// Standard deviation along the surface, in units of the distance between samples: wide enough to leave no holes.
const TANGENTIAL: f32 = 0.8;
/// Standard deviation across the surface, relative to that along it.
const NORMAL: f32 = 0.1;
/// Opacity of an opaque sample.
const OPACITY: f32 = 0.96;
/// Samples with less alpha than this are left out.
const MIN_ALPHA: f32 = 0.02;
/// Occlusion rays per sample, and how far they look, in units of the diagonal of the rig's bounds.
const RAYS: u32 = 32;
const REACH: f32 = 0.05;
/// 1 / (2 √π): the harmonic of degree 0.
const SH_0: f32 = 0.282_094_8;

/// Spreads Gaussians over the surface of `rig` at rest and binds them to it.
///
/// Each lies flat on the surface, with its local z along the normal. Density is even within a primitive and higher
/// on eyes, teeth and lashes (told by their material's name), which are small and matter most. Colour is base colour
/// times the fixed studio light and the ambient occlusion at rest or, where that is brighter, with the jaw open, so
/// that teeth do not stay dark when the mouth opens. Harmonics have degree 0; the filter is the Mip filter.
///
/// # Errors
/// [`AvatarError::Surface`] for a rig without any surface, a picture that cannot be decoded or is too large, and a
/// count of 0 or above [`MAX_SAMPLES`]; [`AvatarError::Rig`] if the rig contradicts itself.
pub fn sample(rig: Rig, options: &SurfaceOptions) -> Result<Avatar, AvatarError> {
    if options.count == 0 || options.count > MAX_SAMPLES {
        return Err(AvatarError::Surface(format!(
            "{} Gaussians are asked for; 1 to {MAX_SAMPLES} can be made",
            options.count
        )));
    }
    let rest = pose_with(&rig, FrameMode::Surface, &Pose::rest(&rig))?;
    let samples = spread(&rig, &rest.positions, options)?;
    let palette = Palette::decode(&rig, options.max_picture_pixels)?;
    let occlusion = Occlusion::new(&rig, &rest)?;
    let colored: Vec<Colored> = samples
        .par_iter()
        .enumerate()
        .map(|(i, sample)| color(&rig, &rest, &palette, &occlusion, sample, i as u64 ^ options.seed))
        .collect();

    let simplified = options.simplify_to.map(|target| simplify(&rig, target));
    let (bound_rig, bound_rest, places) = match simplified.filter(|s| s.triangles.len() < rig.triangles.len())
    {
        Some(small) => {
            let small_rest = pose_with(&small, FrameMode::Surface, &Pose::rest(&small))?;
            let places = rebind(&rig, &rest.positions, &samples, &small, &small_rest.positions);
            (small, small_rest, places)
        }
        None => {
            let places = samples.iter().map(|s| (s.triangle, s.weights)).collect();
            (rig, rest, places)
        }
    };

    let mut gaussians = Gaussians::with_capacity(samples.len(), 0);
    let mut binding = Binding { triangles: Vec::new(), barycentric: Vec::new(), frame: FrameMode::Surface };
    for ((sample, colored), (triangle, weights)) in samples.iter().zip(&colored).zip(places) {
        if colored.alpha < MIN_ALPHA {
            continue;
        }
        let corners = bound_rig.triangles.get(triangle as usize);
        let Some(anchor) = corners.and_then(|t| Anchor::on(&bound_rest, t, weights)) else { continue };
        let into_rest = anchor.rotation.inverse();
        let along = TANGENTIAL * sample.spacing / anchor.scale;
        let opacity = OPACITY * colored.alpha;
        gaussians.positions.push(into_rest * ((colored.position - anchor.position) / anchor.scale));
        gaussians.rotations.push(into_rest * Quat::from_rotation_arc(Vec3::Z, colored.normal));
        gaussians
            .log_scales
            .push(Vec3::new(along, along, along * NORMAL).max(Vec3::splat(1e-12)).map(f32::ln));
        gaussians.opacity_logits.push((opacity / (1.0 - opacity)).ln());
        gaussians.sh.extend(colored.srgb.to_array().map(|c| (c - 0.5) / SH_0));
        binding.triangles.push(triangle);
        binding.barycentric.push(weights);
    }
    if gaussians.is_empty() {
        return Err(AvatarError::Surface("the surface is transparent everywhere".into()));
    }
    let body = Some(Body { rig: bound_rig, binding });
    let avatar = Avatar { name: String::new(), gaussians, filter: Filter::MIP, body };
    avatar.validate()?;
    Ok(avatar)
}

fn pose_with(rig: &Rig, mode: FrameMode, pose: &Pose) -> Result<PosedVertices, AvatarError> {
    let mut vertices = PosedVertices::default();
    Poser::new(rig, mode)?.pose(rig, pose, &mut vertices)?;
    Ok(vertices)
}

/// A sample's looks and place in the world at rest.
struct Colored {
    position: Vec3,
    normal: Vec3,
    srgb: Vec3,
    alpha: f32,
}

fn color(
    rig: &Rig,
    rest: &PosedVertices,
    palette: &Palette,
    occlusion: &Occlusion,
    sample: &Sample,
    salt: u64,
) -> Colored {
    let triangle = rig.triangles[sample.triangle as usize];
    let weights = sample.weights.to_array();
    let corners = triangle.map(|v| rest.positions[v as usize]);
    let position = corners[0] * weights[0] + corners[1] * weights[1] + corners[2] * weights[2];
    let face = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize_or(Vec3::Z);
    // The rig's normals are in mesh space: carry them along with the faces around them.
    let mesh_corners = triangle.map(|v| rig.positions[v as usize]);
    let mesh_face =
        (mesh_corners[1] - mesh_corners[0]).cross(mesh_corners[2] - mesh_corners[0]).normalize_or(Vec3::Z);
    let to_world = Quat::from_rotation_arc(mesh_face, face);
    let world_from_mesh = frame_rotation(&mesh_corners, &corners).unwrap_or(Mat3::from_quat(to_world));
    let blended: Vec3 = triangle.iter().zip(weights).map(|(&v, w)| rig.normals[v as usize] * w).sum();
    let smooth = (world_from_mesh * blended).normalize_or(face);

    let material = rig.primitives[sample.primitive].material;
    let uvs = triangle.map(|v| rig.uvs[v as usize]);
    let uv = uvs[0] * weights[0] + uvs[1] * weights[1] + uvs[2] * weights[2];
    let looks = palette.look(material, uv, &uvs, &corners, smooth, sample.spacing);
    let openness = occlusion.openness(rig, sample, smooth, salt);
    let lit = light::shade(&light::Surface {
        normal: looks.normal,
        albedo: looks.albedo,
        roughness: looks.roughness,
        metallic: looks.metallic,
        openness,
    });
    Colored { position, normal: smooth, srgb: lit.map(texture::srgb_from_linear), alpha: looks.alpha }
}

/// The rotation that takes a triangle to where it is posed.
fn frame_rotation(from: &[Vec3; 3], to: &[Vec3; 3]) -> Option<Mat3> {
    let frame = |t: &[Vec3; 3]| {
        let x = (t[1] - t[0]).try_normalize()?;
        let z = x.cross(t[2] - t[0]).try_normalize()?;
        Some(Mat3::from_cols(x, z.cross(x), z))
    };
    Some(frame(to)? * frame(from)?.transpose())
}

/// The opaque surface, at rest and with the jaw open.
struct Occlusion {
    poses: Vec<(Vec<Vec3>, Bvh)>,
    reach: f32,
}

impl Occlusion {
    fn new(rig: &Rig, rest: &PosedVertices) -> Result<Self, AvatarError> {
        let mut poses = vec![rest.positions.clone()];
        if let Some(jaw) = rig.morph("jawOpen") {
            let mut pose = Pose::rest(rig);
            pose.morph_weights[jaw] = 1.0;
            poses.push(pose_with(rig, FrameMode::Skin, &pose)?.positions);
        }
        let bounds = place::bounds(&rest.positions);
        let solid: Vec<u32> = (0..rig.primitives.len())
            .filter(|&p| material::is_solid(rig, p))
            .flat_map(|p| rig.primitives[p].triangles.clone())
            .collect();
        let hierarchy = |positions: &[Vec3]| {
            let corners = |&t: &u32| rig.triangles[t as usize].map(|v| positions[v as usize]);
            Bvh::new(solid.iter().map(corners).collect())
        };
        let poses = poses
            .into_iter()
            .map(|positions| {
                let bvh = hierarchy(&positions);
                (positions, bvh)
            })
            .collect();
        Ok(Self { poses, reach: REACH * (bounds.1 - bounds.0).length() })
    }

    /// How much of the hemisphere over a sample is open, 0 to 1, in the pose that shows it best. What is hit farther
    /// away darkens less.
    fn openness(&self, rig: &Rig, sample: &Sample, smooth: Vec3, salt: u64) -> f32 {
        let triangle = rig.triangles[sample.triangle as usize];
        let mut best = 0.0_f32;
        for (index, (positions, bvh)) in self.poses.iter().enumerate() {
            // Only what is shut in at rest is worth a second look.
            if index > 0 && best > 0.6 {
                break;
            }
            let corners = triangle.map(|v| positions[v as usize]);
            let w = sample.weights;
            let at = corners[0] * w.x + corners[1] * w.y + corners[2] * w.z;
            let face = (corners[1] - corners[0]).cross(corners[2] - corners[0]).normalize_or(smooth);
            let normal = if index == 0 && smooth.dot(face) > 0.0 { smooth } else { face };
            let origin = at + face * (1e-3 * self.reach + 1e-2 * sample.spacing);
            let (x, y) = normal.any_orthonormal_pair();
            let turn = place::unit_random(salt, 17) * std::f32::consts::TAU;
            let mut open = 0.0;
            for ray in 0..RAYS {
                // Cosine-distributed, on a spiral.
                let r2 = (ray as f32 + 0.5) / RAYS as f32;
                let angle = turn + ray as f32 * 2.399_963;
                let (sin, cos) = angle.sin_cos();
                let direction = (x * cos + y * sin) * r2.sqrt() + normal * (1.0 - r2).sqrt();
                open += match bvh.hit(origin, direction, self.reach) {
                    Some(distance) => (distance / self.reach).powi(2),
                    None => 1.0,
                };
            }
            best = best.max(open / RAYS as f32);
        }
        best
    }
}
