//! Posing an avatar again and again: the rig, the field, and the Gaussians on them.

use effigy_field::{ATTRIBUTES, BakedField};
use effigy_rig::{Pose, PosedVertices, Poser};
use web_time::Instant;

use crate::{Avatar, AvatarError, Body, PosedGaussians};

/// Poses one avatar without allocating once it has been posed.
#[derive(Clone, Debug)]
pub struct AvatarPoser {
    count: usize,
    body: Option<BodyPoser>,
    times: PoserTimes,
}

/// Wall time of the parts of the last pose, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PoserTimes {
    /// Morphs, skinning, surface frames, and carrying the Gaussians to world space.
    pub pose: f64,
    /// Expression coefficients and the sum over the field's bases; 0 without a field.
    pub decode: f64,
}

#[derive(Clone, Debug)]
struct BodyPoser {
    poser: Poser,
    vertices: PosedVertices,
    field: Option<FieldPoser>,
}

/// A field that has been evaluated, and the working memory of its sums.
#[derive(Clone, Debug)]
struct FieldPoser {
    baked: BakedField,
    residuals: Residuals,
    controls: Vec<f32>,
    coefficients: Vec<f32>,
}

/// What a field adds to the Gaussians that it moves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Residuals {
    /// For each of the N Gaussians its row, or [`u32::MAX`].
    rows: Vec<u32>,
    /// M rows.
    values: Vec<[f32; ATTRIBUTES]>,
}

impl Residuals {
    pub(crate) fn of(&self, gaussian: usize) -> Option<&[f32; ATTRIBUTES]> {
        self.values.get(*self.rows.get(gaussian)? as usize)
    }
}

impl Body {
    /// Evaluates the field at the binding's points, if there is a field. This is the costly part of loading.
    ///
    /// # Errors
    /// [`AvatarError::Field`] if the field does not lie over the rig.
    pub fn bake(&self) -> Result<Option<BakedField>, AvatarError> {
        let Some(field) = &self.field else { return Ok(None) };
        field.fits(&self.rig)?;
        let sites = field.sites(&self.rig, &self.binding.triangles, &self.binding.barycentric)?;
        Ok(Some(field.bake(&sites)?))
    }

    /// What the field's networks read in `pose`: the morph weights, less those at rest. E values into `out`.
    pub fn controls(&self, pose: &Pose, out: &mut Vec<f32>) {
        out.clear();
        out.extend(
            pose.morph_weights.iter().zip(&self.rig.morphs).map(|(w, morph)| w - morph.default_weight),
        );
    }
}

impl AvatarPoser {
    /// Prepares to pose `avatar`: bakes its field.
    ///
    /// # Errors
    /// Those of [`Avatar::validate`] for the rig, the field and the binding.
    pub fn new(avatar: &Avatar) -> Result<Self, AvatarError> {
        let count = avatar.gaussians.len();
        let body = match &avatar.body {
            None => None,
            Some(body) => {
                let field = body.bake()?.map(|baked| {
                    let mut rows = vec![u32::MAX; count];
                    for (row, &gaussian) in baked.gaussians.iter().enumerate() {
                        if let Some(slot) = rows.get_mut(gaussian as usize) {
                            *slot = row as u32;
                        }
                    }
                    FieldPoser {
                        baked,
                        residuals: Residuals { rows, values: Vec::new() },
                        controls: Vec::new(),
                        coefficients: Vec::new(),
                    }
                });
                let poser = Poser::new(&body.rig, body.binding.frame)?;
                Some(BodyPoser { poser, vertices: PosedVertices::default(), field })
            }
        };
        Ok(Self { count, body, times: PoserTimes::default() })
    }

    /// Carries the Gaussians of `avatar`, the one this was made for, to world space in `pose`, which an avatar without a
    /// body ignores.
    ///
    /// The field's residuals are added to the static attributes first: to the offset, to the components of the unit
    /// quaternion, to log-scales, opacity logit and the constant harmonics; there are none at rest. Then, in an anchor
    /// frame of position Σ bᵢ pᵢ, rotation R (the normalised, sign-aligned blend of the vertex rotations) and scale
    /// s = Σ bᵢ sᵢ, a Gaussian's centre is anchor + s·R·offset, its rotation R·rotation and its log-scale
    /// log_scale + ln s.
    ///
    /// `out` is reused without allocating when it already holds N Gaussians of the same degree, and then opacities and
    /// harmonics that posing does not change are **left as they are**: use one output per avatar.
    ///
    /// # Errors
    /// [`AvatarError::Binding`], [`AvatarError::Rig`] or [`AvatarError::Field`] if the avatar or the pose is another one
    /// than this was made for; `out` is of no use then.
    pub fn pose(
        &mut self,
        avatar: &Avatar,
        pose: &Pose,
        out: &mut PosedGaussians,
    ) -> Result<(), AvatarError> {
        let mut clock = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            1e3 * (now - std::mem::replace(&mut clock, now)).as_secs_f64()
        };
        let fail = || AvatarError::Binding("the poser was made for another avatar".into());
        if avatar.gaussians.len() != self.count {
            return Err(fail());
        }
        self.times = PoserTimes::default();
        match (&mut self.body, &avatar.body) {
            (None, None) => avatar.place(&PosedVertices::default(), None, out)?,
            (Some(state), Some(body)) => {
                state.poser.pose(&body.rig, pose, &mut state.vertices)?;
                self.times.pose = lap();
                let residuals = match (&mut state.field, &body.field) {
                    (None, None) => None,
                    (Some(state), Some(field)) => {
                        body.controls(pose, &mut state.controls);
                        field.coefficients(&state.controls, &mut state.coefficients)?;
                        state.baked.residuals(&state.coefficients, &mut state.residuals.values);
                        self.times.decode = lap();
                        Some(&state.residuals)
                    }
                    _ => return Err(fail()),
                };
                avatar.place(&state.vertices, residuals, out)?;
            }
            _ => return Err(fail()),
        }
        self.times.pose += lap();
        Ok(())
    }

    /// The rig's vertices in the last pose; `None` without a body.
    pub fn vertices(&self) -> Option<&PosedVertices> {
        self.body.as_ref().map(|body| &body.vertices)
    }

    /// Wall time of the last pose.
    pub fn times(&self) -> PoserTimes {
        self.times
    }
}
