//! The avatar: Gaussians and the rig surface that carries them.

use effigy_field::{COLOR, Field, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION};
use effigy_rig::{FrameMode, Pose, PosedVertices, Poser, Rig};
use effigy_splat::{Filter, Gaussians, sh_coefficients};
use glam::{Quat, Vec3};
use rayon::prelude::*;

use crate::poser::Residuals;
use crate::{Anchor, AvatarError};

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
    /// What changes the Gaussians with the expression; without it they follow the surface and nothing else.
    pub field: Option<Field>,
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
    /// [`AvatarError::Splat`], [`AvatarError::Binding`], [`AvatarError::Rig`] or [`AvatarError::Field`], naming the first
    /// fault.
    pub fn validate(&self) -> Result<(), AvatarError> {
        self.gaussians.validate()?;
        if !(self.filter.variance.is_finite() && self.filter.variance >= 0.0) {
            return Err(AvatarError::Asset(format!(
                "filter variance {} is not usable",
                self.filter.variance
            )));
        }
        if !(self.filter.rules.cutoff > 0.0) {
            return Err(AvatarError::Asset(format!(
                "a cut-off at {} standard deviations is not usable",
                self.filter.rules.cutoff
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
        body.rig.validate()?;
        if let Some(field) = &body.field {
            field.fits(&body.rig)?;
        }
        Ok(())
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

    /// The Gaussians in world space, with the rig in its rest pose, in which a field changes nothing.
    ///
    /// # Errors
    /// [`AvatarError::Binding`] or [`AvatarError::Rig`] if the binding or the rig does not hold together.
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
        self.place(&vertices, None, &mut posed)?;
        Ok(posed)
    }

    /// Carries the Gaussians to world space on vertices of the rig, posed with the binding's frame mode, as
    /// [`AvatarPoser::pose`](crate::AvatarPoser::pose) says.
    ///
    /// # Errors
    /// [`AvatarError::Binding`] if `vertices` or the binding do not fit the rig; `out` is of no use then.
    pub(crate) fn place(
        &self,
        vertices: &PosedVertices,
        residuals: Option<&Residuals>,
        out: &mut PosedGaussians,
    ) -> Result<(), AvatarError> {
        let rest = &self.gaussians;
        let n = rest.len();
        if let Some(body) = &self.body {
            body.check(vertices)?;
            if body.binding.triangles.len() != n {
                return Err(AvatarError::Binding(format!("the binding is not of {n} Gaussians")));
            }
        }
        let sh_width = 3 * sh_coefficients(rest.sh_degree);
        if [rest.rotations.len(), rest.log_scales.len(), rest.opacity_logits.len()] != [n; 3]
            || Some(rest.sh.len()) != n.checked_mul(sh_width)
        {
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

        let sound = posed
            .positions
            .par_iter_mut()
            .zip(posed.rotations.par_iter_mut())
            .zip(posed.log_scales.par_iter_mut())
            .zip(posed.opacity_logits.par_iter_mut())
            .zip(posed.sh.par_chunks_exact_mut(sh_width))
            .zip(out.frames.par_iter_mut())
            .enumerate()
            .with_min_len(2048)
            .map(|(i, (((((position, rotation), log_scale), opacity_logit), sh), frame))| {
                let Some(anchor) = body.anchor(vertices, i) else { return false };
                let (mut offset, mut turn) = (rest.positions[i], rest.rotations[i]);
                *log_scale = rest.log_scales[i] + anchor.scale.ln();
                if let Some(residual) = residuals.and_then(|r| r.of(i)) {
                    offset += Vec3::from_slice(&residual[POSITION]);
                    turn = turn.normalize() + Quat::from_slice(&residual[ROTATION]);
                    *log_scale += Vec3::from_slice(&residual[LOG_SCALE]);
                    *opacity_logit = rest.opacity_logits[i] + residual[OPACITY_LOGIT];
                    for (c, (sh, x)) in sh.iter_mut().zip(&residual[COLOR]).enumerate() {
                        *sh = rest.sh[i * sh_width + c] + x;
                    }
                }
                *position = anchor.position + anchor.rotation * (offset * anchor.scale);
                *rotation = anchor.rotation * turn;
                *frame = anchor.rotation;
                true
            })
            .reduce(|| true, |a, b| a && b);
        if sound { Ok(()) } else { Err(Anchor::out_of_range()) }
    }
}
