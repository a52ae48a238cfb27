//! Putting Gaussians where the loss pulls hardest: those that nobody sees, and without a rig new ones, too.

use burn::tensor::{Tensor, TensorData};
use effigy_field::{ATTRIBUTES, LOG_SCALE, OPACITY_LOGIT, POSITION, ROTATION};
use effigy_splat::opacity_from_logit;
use glam::{Quat, Vec3};

use crate::TrainError;
use crate::training::model::read;
use crate::training::trainer::Trainer;
use crate::training::usage::Usage;

/// A Gaussian that in a whole round covered less than this many pixels does nothing.
const IDLE: f32 = 0.5;
/// Each half of a Gaussian that is split is this much smaller along its longest axis, and this many of its standard
/// deviations away from where it was.
const SHRINK: f32 = 0.625;
const PART: f32 = 0.5;

impl Trainer {
    /// Adds what a GPU has summed up by itself so far.
    pub(crate) fn gather_usage(&mut self) -> Result<(), TrainError> {
        for scratch in &mut self.scratch {
            if let Some(gathered) = scratch.take_gathered()? {
                self.usage.add(&gathered.contribution, &gathered.screen_gradient);
            }
        }
        Ok(())
    }

    /// Of how many more Gaussians there are to be after this step; none if no round is due.
    ///
    /// On a rig rounds are those of [`Relocation`](crate::Relocation), and the number stays. Without one they are those
    /// of [`Growth`](crate::Growth) first.
    fn round(&self) -> Option<usize> {
        let due = |every: usize, during: [f32; 2]| {
            every > 0
                && self.steps.is_multiple_of(every)
                && (during[0]..=during[1]).contains(&self.progress())
        };
        let (relocation, growth) = (&self.config.relocation, &self.config.growth);
        if self.model.body.is_none() && due(growth.every, growth.during) {
            let last = (f64::from(growth.during[1]) * self.config.steps as f64) as usize;
            let rounds = 1 + last.saturating_sub(self.steps) / growth.every;
            let n = self.model.len();
            let factor = (self.config.gaussians as f64 / n as f64).max(1.0).powf(1.0 / rounds as f64);
            return Some((n as f64 * (factor - 1.0)).round() as usize);
        }
        due(relocation.every, relocation.during).then_some(0)
    }

    /// When a round is due: takes Gaussians that are idle or transparent, and new ones, and splits with each a Gaussian
    /// whose place on the picture the loss pulls at most.
    pub(crate) fn relocate(&mut self) -> Result<(), TrainError> {
        let Some(more) = self.round() else { return Ok(()) };
        let relocation = self.config.relocation.clone();
        let n = self.model.len();
        let bound = self.model.body.is_some();
        self.gather_usage()?;
        let usage = std::mem::take(&mut self.usage);
        let mut statics = read(self.model.statics.clone())?;
        let opacity = |i: usize| opacity_from_logit(statics[i * ATTRIBUTES + OPACITY_LOGIT]);
        let mut idle: Vec<usize> =
            (0..n).filter(|&i| usage.contribution[i] < IDLE || opacity(i) < relocation.min_opacity).collect();
        let by = |values: &[f32], i: usize, j: usize| values[i].total_cmp(&values[j]).then(i.cmp(&j));
        idle.sort_by(|&i, &j| by(&usage.contribution, i, j));
        // Those that a rig holds may be out of sight for a while.
        if bound {
            idle.truncate((relocation.most * n as f32) as usize);
        }
        let mut wanted: Vec<usize> = (0..n).filter(|&i| usage.contribution[i] >= IDLE).collect();
        wanted.sort_by(|&i, &j| by(&usage.pull, j, i));
        // Those that are wanted must not be among those that go.
        let gone: std::collections::HashSet<usize> = idle.iter().copied().collect();
        wanted.retain(|i| !gone.contains(i));
        let places = idle.into_iter().chain(n..n + more);
        let pairs: Vec<(usize, usize)> = places.zip(wanted).collect();
        let after = pairs.iter().map(|&(to, _)| to + 1).fold(n, usize::max);
        self.usage = Usage::none(after);
        if pairs.is_empty() {
            return Ok(());
        }

        let rest = self.model.sh_rest.dims()[1];
        let mut sh_rest = read(self.model.sh_rest.clone())?;
        statics.resize(after * ATTRIBUTES, 0.0);
        sh_rest.resize(after * rest, 0.0);
        self.model.sizes.resize(after, 0.0);
        let mut touched = Vec::with_capacity(2 * pairs.len());
        for &(to, from) in &pairs {
            let mut row = [0.0; ATTRIBUTES];
            row.copy_from_slice(&statics[from * ATTRIBUTES..][..ATTRIBUTES]);
            let rotation = Quat::from_slice(&row[ROTATION]).normalize();
            let log_scale = Vec3::from_slice(&row[LOG_SCALE]);
            let axis = if log_scale.x >= log_scale.y.max(log_scale.z) {
                0
            } else if log_scale.y >= log_scale.z {
                1
            } else {
                2
            };
            let mut step = Vec3::ZERO;
            step[axis] = log_scale[axis].exp() * PART;
            let step = rotation * step;
            row[LOG_SCALE.start + axis] += SHRINK.ln();
            let offset = Vec3::from_slice(&row[POSITION]);
            for (i, sign) in [(to, 1.0), (from, -1.0)] {
                row[POSITION].copy_from_slice(&(offset + step * sign).to_array());
                statics[i * ATTRIBUTES..][..ATTRIBUTES].copy_from_slice(&row);
                touched.push(i);
            }
            sh_rest.copy_within(from * rest..(from + 1) * rest, to * rest);
            if !bound {
                self.model.sizes[from] = (log_scale.max_element() + SHRINK.ln()).exp();
            }
            self.model.sizes[to] = self.model.sizes[from];
            if let Some(body) = &mut self.model.body {
                let binding = &mut body.surface.binding;
                binding.triangles[to] = binding.triangles[from];
                binding.barycentric[to] = binding.barycentric[from];
            }
        }
        let device = self.device.clone();
        let tensor =
            |values, columns| Tensor::<2>::from_data(TensorData::new(values, [after, columns]), &device);
        self.model.statics = tensor(statics, ATTRIBUTES);
        self.model.sh_rest = tensor(sh_rest, rest);
        for moments in [&mut self.moments.statics, &mut self.moments.sh_rest] {
            for moment in [&mut moments.first, &mut moments.second] {
                let columns = moment.dims()[1];
                let mut values = read(moment.clone())?;
                values.resize(after * columns, 0.0);
                touched.iter().for_each(|&i| values[i * columns..(i + 1) * columns].fill(0.0));
                *moment = tensor(values, columns);
            }
        }
        if let Some(body) = &mut self.model.body
            && let Some(field) = &mut body.field
        {
            field.locate(&body.surface.rig, &body.surface.binding)?;
        }
        Ok(())
    }
}
