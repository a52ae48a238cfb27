//! One step of training.

use std::sync::Arc;
use std::time::Instant;

use burn::module::{Module as _, ModuleMapper, Param};
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use effigy_avatar::Anchor;
use effigy_capture::{Capture, Picture, PictureCache, poses};
use effigy_field::module::FieldModule;
use effigy_field::{ATTRIBUTES, COLOR, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION};
use effigy_rig::{Pose, PosedVertices, Poser};
use effigy_splat::Camera;
use glam::{Quat, Vec3};

use crate::training::adam::{self, Moments};
use crate::training::backdrop::Backdrop;
use crate::training::calibration::{Calibration, seen_by};
use crate::training::loss::{PictureLoss, PictureLossWeights, Target};
use crate::training::model::{Model, ModelField, read};
use crate::training::ops::{
    Comparison, ResidualTensors, SplatScratch, SplatView, picture_loss, read_plane, residuals, splat,
};
use crate::training::sampling::Sampler;
use crate::training::usage::Usage;
use crate::{TrainConfig, TrainError};

/// A model, what it learns from, and how far it has come.
pub struct Trainer {
    /// How to train.
    pub config: TrainConfig,
    /// What is trained.
    pub model: Model,
    /// What it learns from.
    pub capture: Arc<Capture>,
    /// Steps that are done.
    pub steps: usize,
    pub(crate) moments: ModelMoments,
    pub(crate) usage: Usage,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) device: Device,
    pictures: Arc<PictureCache>,
    sampler: Sampler,
    backdrop: Backdrop,
    poses: Vec<Pose>,
    poser: Option<Poser>,
    vertices: PosedVertices,
    pub(crate) scratch: Vec<SplatScratch>,
}

/// Moments of everything that is trained.
#[derive(Clone, Debug)]
pub(crate) struct ModelMoments {
    pub(crate) statics: Moments,
    pub(crate) sh_rest: Moments,
    /// In the order in which the module is walked.
    pub(crate) field: Vec<Moments>,
}

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Number of the step, from 1.
    pub step: usize,
    /// The loss, with penalties.
    pub loss: f32,
    /// Mean PSNR of the step's pictures over their backgrounds, dB.
    pub psnr: f32,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// One picture that a step learns from.
struct Lesson {
    frame: usize,
    view: Arc<SplatView>,
    comparison: Arc<Comparison>,
}

impl Trainer {
    /// A trainer of `model` on `capture`, at step 0.
    ///
    /// # Errors
    /// [`TrainError`] if the rig cannot be posed by the capture's controls, or there is nothing to learn from.
    pub fn new(
        config: TrainConfig,
        capture: Arc<Capture>,
        pictures: Arc<PictureCache>,
        model: Model,
        device: &Device,
    ) -> Result<Self, TrainError> {
        config.validate().map_err(TrainError::Config)?;
        let sampler = Sampler::new(&capture, config.seed);
        if sampler.is_empty() {
            return Err(TrainError::Capture("there is no picture of the split `train`".into()));
        }
        let (poses, poser) = match &model.body {
            Some(body) => {
                let rig = &body.surface.rig;
                (poses(&capture, rig)?, Some(Poser::new(rig, body.surface.binding.frame)?))
            }
            None => (Vec::new(), None),
        };
        let backdrop = Backdrop::of(&capture, &pictures, config.final_level, model.body.is_some())?;
        if backdrop == Backdrop::Covered {
            tracing::warn!(
                "no picture has a mask or alpha: the rig's Gaussians learn what is behind its outline, too, which blurs it; \
                 give masks"
            );
        }
        let moments = ModelMoments::zeros(&model, device);
        let usage = Usage::none(model.len());
        let cameras = if config.calibrate_cameras { capture.camera_names.len() } else { 1 };
        let calibration = Calibration::new(cameras, device);
        let vertices = PosedVertices::default();
        let device = device.clone();
        Ok(Self {
            config,
            model,
            capture,
            steps: 0,
            moments,
            usage,
            calibration,
            device,
            pictures,
            sampler,
            backdrop,
            poses,
            poser,
            vertices,
            scratch: Vec::new(),
        })
    }

    /// How far training has come, 0 to 1.
    pub fn progress(&self) -> f32 {
        self.steps as f32 / self.config.steps as f32
    }

    /// How often pictures are halved now.
    pub fn level(&self) -> u32 {
        self.config.final_level + u32::from(self.progress() < self.config.half_resolution_until)
    }

    /// Whether all steps are done.
    pub fn is_done(&self) -> bool {
        self.steps >= self.config.steps
    }

    /// Learns from the next pictures.
    ///
    /// # Errors
    /// [`TrainError::NotFinite`] if the loss is no number any more, before anything is changed by it;
    /// [`TrainError::Picture`] for a picture that cannot be read.
    pub fn step(&mut self) -> Result<StepReport, TrainError> {
        let start = Instant::now();
        let progress = self.progress();
        let loss = Arc::new(PictureLoss::new(self.loss_weights(progress)));
        let first = self.steps as u64 * self.config.views as u64;
        let mut lessons = Vec::with_capacity(self.config.views);
        for draw in first..first + self.config.views as u64 {
            lessons.push(self.lesson(draw, &loss)?);
        }

        let statics = Tensor::from_inner(self.model.statics.clone()).require_grad();
        let sh_rest = Tensor::from_inner(self.model.sh_rest.clone()).require_grad();
        let moved = self.learning_field().map(|field| self.residuals(field, &lessons));
        let affines = self.calibration.as_ref().map(|c| Tensor::from_inner(c.affines.clone()).require_grad());
        let n = self.model.len();
        let mut total: Option<Tensor<1>> = None;
        let mut mse = 0.0;
        for (i, lesson) in lessons.iter().enumerate() {
            let attributes = match &moved {
                Some(moved) => statics.clone() + moved.clone().slice([i * n..(i + 1) * n, 0..ATTRIBUTES]),
                None => statics.clone(),
            };
            let mut picture = splat(attributes, sh_rest.clone(), &lesson.view);
            if let Some(affines) = &affines {
                picture = seen_by(picture, affines, self.capture.frames[lesson.frame].camera_id);
            }
            let loss = picture_loss(picture, &lesson.comparison) / lessons.len() as f32;
            mse += f64::from(lesson.comparison.mse()) / lessons.len() as f64;
            total = Some(match total {
                Some(sum) => sum + loss,
                None => loss,
            });
        }
        let Some(pictures) = total else { return Err(TrainError::Capture("a step without pictures".into())) };
        let mut total = pictures + self.penalties(&statics);
        if let Some(moved) = &moved {
            let rows = moved.dims()[0];
            let seen = lessons.len() * n;
            let part = |range: std::ops::Range<usize>| moved.clone().slice([range, 0..ATTRIBUTES]);
            if self.config.loss.residual > 0.0 {
                total = total + self.mean_square(part(0..seen)) * self.config.loss.residual;
            }
            if rows > seen {
                total = total + self.mean_square(part(seen..rows)) * self.config.loss.unseen;
            }
        }
        let value = read(total.clone().inner())?.first().copied().unwrap_or(f32::NAN);
        let step = self.steps + 1;
        if !value.is_finite() {
            return Err(TrainError::NotFinite(step));
        }
        let mut gradients = total.backward();
        drop(total);
        for lesson in &lessons {
            let scratch = lesson.view.take_scratch();
            self.usage.add(scratch.contribution(), scratch.screen_gradient());
            self.scratch.push(scratch);
        }
        self.update(&statics, &sh_rest, &mut gradients, moved.is_some());
        if let Some(affines) = affines {
            self.update_calibration(&affines, &mut gradients);
        }
        self.steps = step;
        self.relocate()?;
        let seconds = start.elapsed().as_secs_f64();
        Ok(StepReport { step, loss: value, psnr: (-10.0 * mse.log10()) as f32, seconds })
    }

    fn loss_weights(&self, progress: f32) -> PictureLossWeights {
        let l = &self.config.loss;
        let pyramid = if progress >= l.pyramid_from { l.pyramid } else { 0.0 };
        let alpha = match self.backdrop {
            Backdrop::Random | Backdrop::Covered => l.alpha,
            Backdrop::Black => 0.0,
        };
        PictureLossWeights { l1: l.l1, dssim: l.dssim, alpha, pyramid }
    }

    /// The field, once it is its turn.
    fn learning_field(&self) -> Option<&ModelField> {
        let field = self.model.body.as_ref()?.field.as_ref()?;
        (self.progress() >= self.config.field.from).then_some(field)
    }

    fn lesson(&mut self, draw: u64, loss: &Arc<PictureLoss>) -> Result<Lesson, TrainError> {
        let Some(frame) = self.sampler.frame(draw) else {
            return Err(TrainError::Capture("there is nothing to learn from".into()));
        };
        let level = self.level();
        let view = self.view(frame, self.capture.frames[frame].camera_at(level))?;
        let target = Arc::new(self.target(frame, level)?);
        let comparison = Comparison::new(loss.clone(), target, self.backdrop.color(&self.sampler, draw));
        Ok(Lesson { frame, view: Arc::new(view), comparison: Arc::new(comparison) })
    }

    /// The Gaussians' places in a frame, seen by `camera`.
    fn view(&mut self, frame: usize, camera: Camera) -> Result<SplatView, TrainError> {
        let anchors = match (&self.model.body, &mut self.poser) {
            (Some(body), Some(poser)) => {
                let mut anchors = Vec::new();
                poser.pose(&body.surface.rig, &self.poses[frame], &mut self.vertices)?;
                body.surface.anchors(&self.vertices, &mut anchors)?;
                anchors
            }
            _ => {
                vec![Anchor { position: Vec3::ZERO, rotation: Quat::IDENTITY, scale: 1.0 }; self.model.len()]
            }
        };
        let scratch = self.scratch.pop().unwrap_or_default();
        Ok(SplatView::new(camera, self.model.filter, self.model.sh_degree, Arc::new(anchors), scratch))
    }

    /// What is to be learned of a frame's picture, halved `level` times.
    ///
    /// # Errors
    /// As [`Trainer::picture`].
    pub(crate) fn target(&self, frame: usize, level: u32) -> Result<Target, TrainError> {
        Ok(Target::of(self.picture(frame, level)?.as_ref()))
    }

    /// The captured picture of a frame, halved `level` times.
    ///
    /// # Errors
    /// [`TrainError::Picture`].
    pub fn picture(&self, frame: usize, level: u32) -> Result<Arc<Picture>, TrainError> {
        Ok(self.pictures.get(frame, level)?)
    }

    /// The picture of a frame as the model has it now: 5 planes, as [`splat`] gives them.
    ///
    /// # Errors
    /// As [`Trainer::step`].
    pub fn render(&mut self, frame: usize, level: u32) -> Result<Vec<f32>, TrainError> {
        let view = Arc::new(self.view(frame, self.capture.frames[frame].camera_at(level))?);
        let mut attributes = self.model.statics.clone();
        if let Some(field) = self.learning_field() {
            let moved = self.field_residuals(field, vec![self.controls(frame)]);
            attributes = attributes + moved.inner();
        }
        let picture = read(splat(attributes, self.model.sh_rest.clone(), &view))?;
        self.scratch.push(view.take_scratch());
        Ok(picture)
    }

    /// Morph weights of a frame, less those at rest: E.
    fn controls(&self, frame: usize) -> Vec<f32> {
        let Some(body) = &self.model.body else { return vec![0.0] };
        let morphs = &body.surface.rig.morphs;
        self.poses[frame].morph_weights.iter().zip(morphs).map(|(w, m)| w - m.default_weight).collect()
    }

    /// What the field adds in each lesson, and after these in a mixture of expressions that no picture shows:
    /// (V·N or (V + 1)·N) × 14.
    fn residuals(&self, field: &ModelField, lessons: &[Lesson]) -> Tensor<2> {
        let mut rows: Vec<Vec<f32>> = lessons.iter().map(|l| self.controls(l.frame)).collect();
        if self.config.loss.unseen > 0.0
            && let Some(mixture) = self.sampler.mixture(self.steps as u64)
        {
            let [(a, strength_a), (b, strength_b)] = mixture;
            let both = self.controls(a).into_iter().zip(self.controls(b));
            // A control at its limit is no stronger for being asked for twice.
            rows.push(both.map(|(x, y)| (x * strength_a + y * strength_b).clamp(-1.0, 1.0)).collect());
        }
        self.field_residuals(field, rows)
    }

    /// What the field adds for each row of `controls` (V × E): (V·N) × 14.
    fn field_residuals(&self, field: &ModelField, controls: Vec<Vec<f32>>) -> Tensor<2> {
        let shape = [controls.len(), controls.first().map_or(0, Vec::len)];
        let controls = Tensor::<2>::from_data(TensorData::new(controls.concat(), shape), &self.device);
        let ModelField { setting, module, levels, regions } = field;
        let features =
            module.planes.iter().zip(levels).map(|(table, sites)| read_plane(table.val(), sites)).collect();
        let inputs = ResidualTensors {
            features: Tensor::cat(features, 1),
            trunk_1: (module.trunk_1.val(), module.trunk_1_bias.val()),
            trunk_2: (module.trunk_2.val(), module.trunk_2_bias.val()),
            heads: module.scaled_heads(setting),
            coefficients: module.coefficients(setting, Tensor::from_inner(controls)),
        };
        residuals(inputs, regions)
    }

    /// Penalties on Gaussians that are too large or too far from the surface, in units of their size at the start.
    fn penalties(&self, statics: &Tensor<2>) -> Tensor<1> {
        let n = self.model.len();
        let l = &self.config.loss;
        let sizes = TensorData::new(self.model.sizes.clone(), [n, 1]);
        let sizes = Tensor::<2>::from_inner(Tensor::from_data(sizes, &self.device));
        let part = |range: std::ops::Range<usize>| statics.clone().slice([0..n, range]);
        let above = |x: Tensor<2>, limit: f32| burn::tensor::activation::relu(x - limit).mean();
        let scales = above(part(LOG_SCALE).exp() / sizes.clone(), l.max_scale) * l.scale;
        if self.model.body.is_none() {
            return scales;
        }
        scales + above(part(POSITION).abs() / sizes, l.max_offset) * l.offset
    }

    /// The mean square of residuals, each in units of what an expression may well change.
    fn mean_square(&self, moved: Tensor<2>) -> Tensor<1> {
        let mut units = [0.0; ATTRIBUTES];
        units[POSITION].fill(1.0 / 2e-3);
        units[ROTATION].fill(10.0);
        units[LOG_SCALE].fill(5.0);
        units[OPACITY_LOGIT] = 1.0;
        units[COLOR].fill(3.0);
        let units = Tensor::<2>::from_data(TensorData::new(units.to_vec(), [1, ATTRIBUTES]), &self.device);
        let scaled = moved * Tensor::from_inner(units);
        (scaled.clone() * scaled).mean()
    }

    fn update_calibration(&mut self, affines: &Tensor<2>, gradients: &mut Gradients) {
        let rate = self.rates().calibration * self.decay();
        let Some(calibration) = &mut self.calibration else { return };
        // None of a step's pictures may be of another camera than the first.
        let Some(gradient) = affines.grad_remove(gradients) else { return };
        let old = calibration.affines.clone();
        calibration.affines =
            adam::step(old, gradient, &mut calibration.moments, &[rate; 12][..], self.steps + 1);
    }

    /// Colours of each camera but the first: the affine of 3 rows by 4 columns that makes its premultiplied colours of
    /// the avatar's, the last column times alpha. Empty where there is one camera.
    ///
    /// # Errors
    /// [`TrainError::Device`].
    pub fn camera_colors(&self) -> Result<Vec<[f32; 12]>, TrainError> {
        let Some(calibration) = &self.calibration else { return Ok(Vec::new()) };
        let values = read(calibration.affines.clone())?;
        Ok(values.as_chunks::<12>().0.to_vec())
    }

    /// Learning rates at the start.
    fn rates(&self) -> &crate::Rates {
        match self.model.body {
            Some(_) => &self.config.rates,
            None => &self.config.free_rates,
        }
    }

    /// Learning rates now, relative to the start.
    fn decay(&self) -> f32 {
        self.rates().last.max(1e-6).powf(self.progress())
    }

    fn update(&mut self, statics: &Tensor<2>, sh_rest: &Tensor<2>, gradients: &mut Gradients, field: bool) {
        let decay = self.decay();
        let rates = self.rates().clone();
        let step = self.steps + 1;
        if let Some(gradient) = statics.grad_remove(gradients) {
            // On a rig all Gaussians are about as large; a room has small ones nearby and large ones far off.
            let (size, units) = match &self.model.body {
                Some(_) => (self.model.sizes.iter().sum::<f32>() / self.model.len() as f32, None),
                None => (1.0, Some((POSITION.end, &self.model.sizes[..]))),
            };
            let mut row = [0.0; ATTRIBUTES];
            row[POSITION].fill(rates.position * size);
            row[ROTATION].fill(rates.rotation);
            row[LOG_SCALE].fill(rates.log_scale);
            row[OPACITY_LOGIT] = rates.opacity;
            row[COLOR].fill(rates.color);
            row.iter_mut().for_each(|r| *r *= decay);
            let old = std::mem::replace(&mut self.model.statics, Tensor::empty([1, 1], &self.device));
            let rates = adam::Rates { columns: &row, units };
            let statics = adam::step(old, gradient, &mut self.moments.statics, rates, step);
            self.model.statics = with_unit_rotations(statics);
        }
        if self.model.sh_degree > 0
            && let Some(gradient) = sh_rest.grad_remove(gradients)
        {
            let row = vec![rates.harmonics * decay; gradient.dims()[1]];
            let old = std::mem::replace(&mut self.model.sh_rest, Tensor::empty([1, 1], &self.device));
            self.model.sh_rest = adam::step(old, gradient, &mut self.moments.sh_rest, &row[..], step);
        }
        if field && let Some(field) = self.model.body.as_mut().and_then(|b| b.field.as_mut()) {
            let planes = field.module.planes.len();
            let mut update = FieldUpdate {
                gradients,
                moments: &mut self.moments.field,
                next: 0,
                rates: (0..).map(|i| decay * if i < planes { rates.planes } else { rates.networks }),
                step,
            };
            field.module = field.module.clone().map(&mut update);
        }
    }
}

/// Attributes with their quaternions normalised: the field adds to unit quaternions, as files hold them.
fn with_unit_rotations(attributes: Tensor<2>) -> Tensor<2> {
    let rows = 0..attributes.dims()[0];
    let rotations = attributes.clone().slice([rows.clone(), ROTATION]);
    let lengths = (rotations.clone() * rotations.clone()).sum_dim(1).sqrt();
    attributes.slice_assign([rows, ROTATION], rotations / lengths)
}

/// Walks over the field's parameters and takes a step with each.
struct FieldUpdate<'a, R> {
    gradients: &'a mut Gradients,
    moments: &'a mut Vec<Moments>,
    next: usize,
    rates: R,
    step: usize,
}

impl<R: Iterator<Item = f32>> ModuleMapper for FieldUpdate<'_, R> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let rate = self.rates.next().unwrap_or(0.0);
        let index = self.next;
        self.next += 1;
        let (Some(gradient), Some(moments)) =
            (value.grad_remove(self.gradients), self.moments.get_mut(index))
        else {
            return Param::from_mapped_value(id, value, mapper);
        };
        let shape = value.dims();
        let [rows, columns] = flat(shape);
        let value = value.inner().reshape([rows, columns]);
        let gradient = gradient.reshape([rows, columns]);
        let value = adam::step(value, gradient, moments, &vec![rate; columns][..], self.step);
        let value = Tensor::from_inner(value.reshape(shape)).require_grad();
        Param::from_mapped_value(id, value, mapper)
    }
}

/// Any shape as rows × columns.
fn flat<const D: usize>(shape: [usize; D]) -> [usize; 2] {
    let count: usize = shape.iter().product();
    let columns = shape.last().copied().unwrap_or(1).max(1);
    [count / columns, columns]
}

impl ModelMoments {
    pub(crate) fn zeros(model: &Model, device: &Device) -> Self {
        let [n, columns] = model.statics.dims();
        let field = model.body.as_ref().and_then(|b| b.field.as_ref());
        Self {
            statics: Moments::zeros(n, columns, device),
            sh_rest: Moments::zeros(n, model.sh_rest.dims()[1].max(1), device),
            field: field.map_or_else(Vec::new, |f| field_moments(&f.module, device)),
        }
    }
}

fn field_moments(module: &FieldModule, device: &Device) -> Vec<Moments> {
    struct Shapes<'a>(Vec<Moments>, &'a Device);
    impl burn::module::ModuleVisitor for Shapes<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let [rows, columns] = flat(param.val().dims());
            self.0.push(Moments::zeros(rows, columns, self.1));
        }
    }
    let mut shapes = Shapes(Vec::new(), device);
    module.visit(&mut shapes);
    shapes.0
}
