//! An avatar from any textured rig without training: Gaussians spread over its surface, coloured by its materials
//! under a fixed studio light. It is also where training starts.

mod border;
mod bvh;
mod eliminate;
mod light;
mod material;
mod occlusion;
mod place;
mod sample;
mod texture;

use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig};
use effigy_splat::{Filter, Gaussians, SH_C0};
use glam::{Mat3, Quat, Vec3};
use rayon::prelude::*;

use crate::Anchor;
use crate::{Avatar, AvatarError, Binding, Body};
use border::Borders;
use material::Palette;
use occlusion::Occlusion;
use place::{Sheet, rebind, spread};
use sample::{Place, Sample};

/// How to sample a surface.
#[derive(Clone, Debug, PartialEq)]
pub struct SurfaceOptions {
    /// How many Gaussians. There are fewer only if almost all of the surface is transparent.
    pub count: usize,
    /// Seed of everything random. The same seed, rig and build give the same avatar.
    pub seed: u64,
    /// Bind to the rig simplified to about this many triangles. Samples still lie on the full surface, in its colours.
    /// Needs this crate's feature `meshopt`.
    pub simplify_to: Option<usize>,
    /// Most pixels of all pictures that are in use together, the same one counted once, or twice if it serves as colour
    /// and as something else. Each takes about 7 bytes while sampling.
    pub max_picture_pixels: u64,
}

impl Default for SurfaceOptions {
    /// 65,536 Gaussians on the rig as it is, seed 0, pictures as large together as eight of 4096².
    fn default() -> Self {
        Self { count: 1 << 16, seed: 0, simplify_to: None, max_picture_pixels: 1 << 27 }
    }
}

/// The most samples that [`sample`] makes.
pub const MAX_SAMPLES: usize = 1 << 24;

/// Standard deviation along the surface, in units of the distance between samples: just wide enough to leave no holes.
const TANGENTIAL: f32 = 0.8;
/// Gaussians beside an open border keep at least this far off it, in units of the distance between samples, are as
/// wide towards it as [`BORDER_SIGMAS`] allow, and stretched along it by [`BORDER_STRETCH`], so that it has no teeth.
const BORDER_GAP: f32 = 0.4;
const BORDER_SIGMAS: f32 = 1.2;
const BORDER_STRETCH: f32 = 1.25;
/// Standard deviation across the surface, relative to that along it.
const NORMAL: f32 = 0.1;
/// Opacity of an opaque sample.
const OPACITY: f32 = 0.985;
/// What has less alpha than this is not sampled.
const MIN_ALPHA: f32 = 0.02;

/// Spreads Gaussians over the surface of `rig` at rest and binds them to it.
///
/// Each lies flat on the surface, with its local z along the normal, and ends at open borders. They keep their distance
/// as a Poisson disk set does; density is even within a primitive, higher where opening the jaw or shutting the lids
/// stretches it, and higher on eyes, teeth and lashes (told by their material's name), which are small and matter most.
/// Colour is base colour times the fixed studio light and the ambient occlusion at rest or, where that is brighter,
/// with the jaw open or the lids shut, so that what comes to light then does not stay dark. Harmonics have degree 0;
/// the filter is the Mip filter.
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
    let palette = Palette::decode(&rig, options.max_picture_pixels)?;
    let poses = telling_poses(&rig, &rest)?;
    let mirrored = rig.mirrored_primitives();
    let place_of = |sample: &Sample| Place::of(&rig, &rest, sample, mirrored[sample.primitive]);
    let visible = |sample: &Sample| palette.look_at(sample, &place_of(sample)).alpha >= MIN_ALPHA;
    let samples = spread(&Sheet { rig: &rig, poses: &poses }, options, visible)?;
    let occlusion = Occlusion::new(&rig, &poses);
    let borders = Borders::new(&rig, &rest.positions);
    let colored: Vec<Colored> = samples
        .par_iter()
        .enumerate()
        .map(|(i, sample)| {
            let mut colored =
                color(&rig, &palette, &occlusion, sample, &place_of(sample), i as u64 ^ options.seed);
            colored.end_at(&borders, sample);
            colored
        })
        .collect();
    // What borrows the rig ends here: it is part of the avatar.
    drop((palette, occlusion));

    #[cfg(feature = "meshopt")]
    let simplified = options.simplify_to.map(|target| crate::simplify(&rig, target));
    #[cfg(not(feature = "meshopt"))]
    let simplified = match options.simplify_to {
        Some(_) => return Err(AvatarError::Surface("this build cannot simplify rigs".into())),
        None => None::<Rig>,
    };
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
        let corners = bound_rig.triangles.get(triangle as usize);
        let Some(anchor) = corners.and_then(|t| Anchor::on(&bound_rest, t, weights)) else { continue };
        let into_rest = anchor.rotation.inverse();
        let [x, y] = colored.sigmas.map(|sigma| sigma / anchor.scale);
        let z = TANGENTIAL * NORMAL * sample.spacing / anchor.scale;
        let opacity = OPACITY * colored.alpha;
        gaussians.positions.push(into_rest * ((colored.position - anchor.position) / anchor.scale));
        gaussians.rotations.push(into_rest * colored.rotation);
        gaussians.log_scales.push(Vec3::new(x, y, z).max(Vec3::splat(1e-12)).map(f32::ln));
        gaussians.opacity_logits.push((opacity / (1.0 - opacity)).ln());
        gaussians.sh.extend(colored.srgb.to_array().map(|c| (c - 0.5) / SH_C0));
        binding.triangles.push(triangle);
        binding.barycentric.push(weights);
    }
    if gaussians.is_empty() {
        return Err(AvatarError::Surface("the surface is transparent everywhere".into()));
    }
    let body = Some(Body { rig: bound_rig, binding, field: None });
    let avatar = Avatar { name: String::new(), gaussians, filter: Filter::MIP, body };
    avatar.validate()?;
    Ok(avatar)
}

fn pose_with(rig: &Rig, mode: FrameMode, pose: &Pose) -> Result<PosedVertices, AvatarError> {
    let mut vertices = PosedVertices::default();
    Poser::new(rig, mode)?.pose(rig, pose, &mut vertices)?;
    Ok(vertices)
}

/// The poses that tell how far the surface parts and stretches: rest, the jaw open, the lids shut.
fn telling_poses(rig: &Rig, rest: &PosedVertices) -> Result<Vec<Vec<Vec3>>, AvatarError> {
    let mut poses = vec![rest.positions.clone()];
    for names in [&["jawOpen"][..], &["eyeBlinkLeft", "eyeBlinkRight"]] {
        let morphs: Vec<usize> = names.iter().filter_map(|name| rig.morph(name)).collect();
        if morphs.is_empty() {
            continue;
        }
        let mut pose = Pose::rest(rig);
        for morph in morphs {
            pose.morph_weights[morph] = 1.0;
        }
        poses.push(pose_with(rig, FrameMode::Skin, &pose)?.positions);
    }
    Ok(poses)
}

/// A sample as it will be seen, in the world at rest.
struct Colored {
    position: Vec3,
    /// Local z is the normal.
    rotation: Quat,
    /// Standard deviations along local x and y, metres.
    sigmas: [f32; 2],
    srgb: Vec3,
    alpha: f32,
}

fn color(
    rig: &Rig,
    palette: &Palette,
    occlusion: &Occlusion,
    sample: &Sample,
    place: &Place,
    salt: u64,
) -> Colored {
    let looks = palette.look_at(sample, place);
    let lit = light::shade(&light::Surface {
        normal: looks.normal,
        albedo: looks.albedo,
        roughness: looks.roughness,
        metallic: looks.metallic,
        openness: occlusion.openness(rig, sample, place.normal, salt),
    });
    Colored {
        position: place.position,
        rotation: Quat::from_rotation_arc(Vec3::Z, place.normal),
        sigmas: [TANGENTIAL * sample.spacing; 2],
        srgb: lit.map(texture::srgb_from_linear),
        // What was visible as a candidate may be a little less so in its final size.
        alpha: looks.alpha.max(MIN_ALPHA),
    }
}

impl Colored {
    /// Keeps the Gaussian from reaching over an open border of the surface.
    fn end_at(&mut self, borders: &Borders, sample: &Sample) {
        let normal = self.rotation * Vec3::Z;
        let reach = BORDER_SIGMAS * self.sigmas[0];
        let near = |point| borders.near(sample.primitive, point, normal, reach);
        let Some(border) = near(self.position) else { return };
        let gap = BORDER_GAP * sample.spacing;
        let moved = self.position + border.inward * (gap - border.distance).max(0.0);
        // In a strip narrower than that it stays where it is.
        let fits = near(moved).is_none_or(|other| other.distance > 0.9 * gap);
        let distance = if fits {
            self.position = moved;
            border.distance.max(gap)
        } else {
            border.distance.max(0.5 * gap)
        };
        self.rotation = Quat::from_mat3(&Mat3::from_cols(border.along, normal.cross(border.along), normal));
        self.sigmas = [BORDER_STRETCH * self.sigmas[0], self.sigmas[1].min(distance / BORDER_SIGMAS)];
    }
}
