//! The avatar: Gaussians and the rig surface that carries them.

use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig};
use effigy_splat::{Filter, Gaussians};
use glam::{Quat, Vec3};
use rayon::prelude::*;

use crate::AvatarError;

/// Gaussians, and the rig that moves them if there is one.
#[derive(Clone, Debug, PartialEq)]
pub struct Avatar {
    /// Name for people, possibly empty.
    pub name: String,
    /// N Gaussians. Without a body they are in world space; with one, each position is an offset from its anchor on
    /// the surface, and position, rotation and scale are in the rest frame, which is world space in
    /// [`Pose::rest`].
    pub gaussians: Gaussians,
    /// The anti-aliasing filter the Gaussians were made for.
    pub filter: Filter,
    /// The rig and how the Gaussians are bound to it.
    pub body: Option<Body>,
}

/// A rig and the binding of Gaussians to its surface.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// The rig.
    pub rig: Rig,
    /// Where on it each Gaussian sits.
    pub binding: Binding,
}

/// Where each of N Gaussians sits on the rig: a triangle, and weights of its vertices.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Index into [`Rig::triangles`], N entries.
    pub triangles: Vec<u32>,
    /// Weights of the triangle's three vertices, N entries; not negative, with a sum of 1.
    pub barycentric: Vec<Vec3>,
    /// How vertex frames are found when the rig is posed.
    pub frame: FrameMode,
}

/// The Gaussians of an avatar in one pose, in world space.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PosedGaussians {
    /// The Gaussians, N entries.
    pub gaussians: Gaussians,
    /// Rotation from each Gaussian's rest frame to world space, N entries. Harmonics of degree 1 and more are in the
    /// rest frame: evaluate them with the view direction turned by the inverse of this.
    pub frames: Vec<Quat>,
}

/// How far a barycentric weight may leave 0 to 1, and the sum of three may be from 1.
const BARYCENTRIC_TOLERANCE: f32 = 1e-3;

impl Avatar {
    /// Checks that lengths agree, values are finite, triangles exist and barycentric weights sum to 1 ± 0.001.
    ///
    /// # Errors
    /// [`AvatarError::Splat`], [`AvatarError::Binding`] or [`AvatarError::Rig`], naming the first fault.
    pub fn validate(&self) -> Result<(), AvatarError> {
        self.gaussians.validate()?;
        if !(self.filter.variance.is_finite() && self.filter.variance >= 0.0) {
            return Err(AvatarError::Asset(format!(
                "filter variance {} is not usable",
                self.filter.variance
            )));
        }
        let Some(body) = &self.body else { return Ok(()) };
        let fail = |what: String| Err(AvatarError::Binding(what));
        let n = self.gaussians.len();
        let Binding { triangles, barycentric, .. } = &body.binding;
        if triangles.len() != n || barycentric.len() != n {
            return fail(format!(
                "{} triangles and {} barycentric weights for {n} Gaussians",
                triangles.len(),
                barycentric.len()
            ));
        }
        let triangle_count = body.rig.triangles.len();
        if let Some(i) = triangles.iter().position(|&t| t as usize >= triangle_count) {
            return fail(format!(
                "Gaussian {i} sits on triangle {}, and the rig has {triangle_count}",
                triangles[i]
            ));
        }
        let usable = |b: &Vec3| {
            b.is_finite()
                && (b.element_sum() - 1.0).abs() <= BARYCENTRIC_TOLERANCE
                && b.min_element() >= -BARYCENTRIC_TOLERANCE
        };
        if let Some(i) = barycentric.iter().position(|b| !usable(b)) {
            return fail(format!("barycentric weights {} of Gaussian {i} do not sum to 1", barycentric[i]));
        }
        Ok(body.rig.validate()?)
    }

    /// Axis-aligned bounds of the Gaussians' centres at rest, in world space, metres; `None` without Gaussians.
    ///
    /// # Errors
    /// As [`Avatar::posed_at_rest`].
    pub fn bounds(&self) -> Result<Option<(Vec3, Vec3)>, AvatarError> {
        if self.body.is_none() {
            return Ok(self.gaussians.bounds());
        }
        Ok(self.posed_at_rest()?.gaussians.bounds())
    }

    /// The Gaussians in world space, with the rig in its rest pose.
    ///
    /// # Errors
    /// As [`Avatar::pose_gaussians`], and those of posing the rig.
    pub fn posed_at_rest(&self) -> Result<PosedGaussians, AvatarError> {
        let mut vertices = PosedVertices::default();
        if let Some(body) = &self.body {
            Poser::new(&body.rig, body.binding.frame)?.pose(
                &body.rig,
                &Pose::rest(&body.rig),
                &mut vertices,
            )?;
        }
        let mut posed = PosedGaussians::default();
        self.pose_gaussians(&vertices, &mut posed)?;
        Ok(posed)
    }

    /// Carries the Gaussians to world space on posed vertices: in an anchor frame of position Σ bᵢ pᵢ, rotation R (the
    /// normalised, sign-aligned blend of the vertex rotations) and scale s = Σ bᵢ sᵢ, a Gaussian's centre is
    /// anchor + s·R·offset, its rotation R·rotation and its log-scale log_scale + ln s.
    ///
    /// `vertices` are the rig's, posed with the binding's frame mode; they are ignored for an avatar without a body.
    /// `out` is reused without allocating when it already holds N Gaussians of the same degree, and then its
    /// opacities and harmonics, which posing does not change, are **left as they are**: use one output per avatar.
    ///
    /// # Errors
    /// [`AvatarError::Binding`] if `vertices` or the binding do not fit the rig; `out` is of no use then.
    pub fn pose_gaussians(
        &self,
        vertices: &PosedVertices,
        out: &mut PosedGaussians,
    ) -> Result<(), AvatarError> {
        let rest = &self.gaussians;
        let n = rest.len();
        if let Some(body) = &self.body {
            let count = body.rig.vertex_count();
            let lengths = [vertices.positions.len(), vertices.rotations.len(), vertices.scales.len()];
            if lengths.iter().any(|&l| l != count) {
                return Err(AvatarError::Binding(format!(
                    "{} posed vertices for a rig of {count}",
                    vertices.positions.len()
                )));
            }
            if body.binding.triangles.len() != n || body.binding.barycentric.len() != n {
                return Err(AvatarError::Binding(format!("the binding is not of {n} Gaussians")));
            }
        }
        if [rest.rotations.len(), rest.log_scales.len(), rest.opacity_logits.len()] != [n; 3] {
            return Err(AvatarError::Binding("the Gaussians' arrays disagree in length".into()));
        }

        let posed = &mut out.gaussians;
        if posed.opacity_logits.len() != n
            || posed.sh.len() != rest.sh.len()
            || posed.sh_degree != rest.sh_degree
        {
            posed.opacity_logits.clone_from(&rest.opacity_logits);
            posed.sh.clone_from(&rest.sh);
            posed.sh_degree = rest.sh_degree;
        }
        let Some(body) = &self.body else {
            posed.positions.clone_from(&rest.positions);
            posed.rotations.clone_from(&rest.rotations);
            posed.log_scales.clone_from(&rest.log_scales);
            out.frames.clear();
            out.frames.resize(n, Quat::IDENTITY);
            return Ok(());
        };
        posed.positions.resize(n, Vec3::ZERO);
        posed.rotations.resize(n, Quat::IDENTITY);
        posed.log_scales.resize(n, Vec3::ZERO);
        out.frames.resize(n, Quat::IDENTITY);

        let place = |i: usize| -> Option<Anchor> {
            let triangle = body.rig.triangles.get(body.binding.triangles[i] as usize)?;
            Anchor::on(vertices, triangle, body.binding.barycentric[i])
        };
        let sound = posed
            .positions
            .par_iter_mut()
            .zip(posed.rotations.par_iter_mut())
            .zip(posed.log_scales.par_iter_mut())
            .zip(out.frames.par_iter_mut())
            .enumerate()
            .with_min_len(2048)
            .map(|(i, (((position, rotation), log_scale), frame))| {
                let Some(anchor) = place(i) else { return false };
                *position = anchor.position + anchor.rotation * (rest.positions[i] * anchor.scale);
                *rotation = anchor.rotation * rest.rotations[i];
                *log_scale = rest.log_scales[i] + anchor.scale.ln();
                *frame = anchor.rotation;
                true
            })
            .reduce(|| true, |a, b| a && b);
        if sound { Ok(()) } else { Err(AvatarError::Binding("a triangle or vertex is out of range".into())) }
    }
}

/// The frame of a point of the posed surface: `world_from_rest`, as far as one rotation and scale can say it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub(crate) position: Vec3,
    pub(crate) rotation: Quat,
    pub(crate) scale: f32,
}

impl Anchor {
    /// The frame at `weights` on `triangle`, or `None` if a vertex is out of range.
    #[inline]
    pub(crate) fn on(vertices: &PosedVertices, triangle: &[u32; 3], weights: Vec3) -> Option<Self> {
        let weights = weights.to_array();
        let first = *vertices.rotations.get(triangle[0] as usize)?;
        let (mut position, mut scale) = (Vec3::ZERO, 0.0);
        let mut blend = glam::Vec4::ZERO;
        for (&v, weight) in triangle.iter().zip(weights) {
            let v = v as usize;
            let rotation = *vertices.rotations.get(v)?;
            let sign = if first.dot(rotation) < 0.0 { -1.0 } else { 1.0 };
            blend += glam::Vec4::from(rotation) * (sign * weight);
            position += *vertices.positions.get(v)? * weight;
            scale += *vertices.scales.get(v)? * weight;
        }
        // Vertex rotations of one triangle never cancel in practice; if they do, the first is as good as any.
        let rotation = blend.try_normalize().map_or(first, Quat::from_vec4);
        // A rig squashed flat must not give −∞ scales.
        Some(Self { position, rotation, scale: scale.max(f32::MIN_POSITIVE) })
    }
}
