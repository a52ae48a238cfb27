//! What is trained: static attributes of Gaussians bound to a rig, and the field that moves them.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use effigy_avatar::surface::{SurfaceOptions, sample};
use effigy_avatar::{Avatar, Binding, Body};
use effigy_capture::{Capture, PictureCache};
use effigy_field::module::{FieldModule, FieldSetting};
use effigy_field::{
    ATTRIBUTES, COLOR, LOG_SCALE, LevelSites, OPACITY_LOGIT, POSITION, PlaneLayout, ROTATION, RegionBlend,
    Sites,
};
use effigy_rig::Rig;
use effigy_splat::{Filter, Gaussians, sh_coefficients};
use glam::{Quat, Vec3};

use crate::training::start;
use crate::{TrainConfig, TrainError};

/// The model in training. Tensors live on one device, without a graph.
#[derive(Debug)]
pub struct Model {
    /// The rig and where each Gaussian sits on it; none for a subject that does not move.
    pub body: Option<ModelBody>,
    /// The filter of the splats.
    pub filter: Filter,
    /// Degree of the harmonics.
    pub sh_degree: u8,
    /// Standard deviation that each Gaussian started with, or had when it was split, metres: the length that penalties
    /// and steps are measured in.
    pub sizes: Vec<f32>,
    /// Attributes at rest, N × 14.
    pub statics: Tensor<2>,
    /// Harmonics above degree 0, N × 3·((degree + 1)² − 1).
    pub sh_rest: Tensor<2>,
}

/// The part of a [`Model`] that is bound to a rig.
#[derive(Debug)]
pub struct ModelBody {
    /// The rig, and where each Gaussian sits on it; its own field stays empty.
    pub surface: Body,
    /// The field, if there is one.
    pub field: Option<ModelField>,
}

/// The field of a [`Model`], and where its Gaussians are in it.
#[derive(Debug)]
pub struct ModelField {
    /// What does not change.
    pub setting: FieldSetting,
    /// The trainable arrays.
    pub module: FieldModule,
    /// What each Gaussian reads of each level.
    pub levels: Vec<Arc<LevelSites>>,
    /// The regions of each Gaussian.
    pub regions: Arc<Vec<RegionBlend>>,
}

impl Model {
    /// Where training starts: Gaussians spread evenly over the rig's surface in its materials' colours; without a rig
    /// at the points of the capture, and where its training `pictures` agree on a colour.
    ///
    /// # Errors
    /// [`TrainError`] for a rig that cannot be sampled, and for pictures that cannot be read or show nothing.
    pub fn start(
        capture: &Capture,
        pictures: &PictureCache,
        rig: Option<Rig>,
        config: &TrainConfig,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let avatar = match rig {
            Some(rig) => {
                let options = SurfaceOptions {
                    count: config.gaussians,
                    seed: config.seed,
                    simplify_to: (config.triangles > 0).then_some(config.triangles),
                    ..SurfaceOptions::default()
                };
                sample(rig, &options)?
            }
            None => start::free(capture, pictures, config)?,
        };
        Self::from_avatar(avatar, config, device)
    }

    /// A model that starts at `avatar`, with a field that moves nothing yet.
    ///
    /// # Errors
    /// As [`FieldSetting::new`].
    pub fn from_avatar(avatar: Avatar, config: &TrainConfig, device: &Device) -> Result<Self, TrainError> {
        let g = &avatar.gaussians;
        let n = g.len();
        let mut statics = Vec::with_capacity(n * ATTRIBUTES);
        let (kept, given) = (3 * sh_coefficients(config.sh_degree), 3 * sh_coefficients(g.sh_degree));
        let mut sh_rest = vec![0.0; n * (kept - 3)];
        for i in 0..n {
            let mut row = [0.0; ATTRIBUTES];
            row[POSITION].copy_from_slice(&g.positions[i].to_array());
            row[ROTATION].copy_from_slice(&g.rotations[i].normalize().to_array());
            row[LOG_SCALE].copy_from_slice(&g.log_scales[i].to_array());
            row[OPACITY_LOGIT] = g.opacity_logits[i];
            row[COLOR].copy_from_slice(&g.sh[i * given..][..3]);
            statics.extend(row);
            let both = kept.min(given) - 3;
            sh_rest[i * (kept - 3)..][..both].copy_from_slice(&g.sh[i * given + 3..][..both]);
        }
        let sizes = g.log_scales.iter().map(|s| s.max_element().exp()).collect();
        let tensor = |values, columns| Tensor::from_data(TensorData::new(values, [n, columns]), device);
        let body = match avatar.body {
            Some(surface) => {
                let rig = &surface.rig;
                let field = if config.field.enabled && !rig.morphs.is_empty() {
                    let setting = FieldSetting::new(rig, config.field.config(), device)?;
                    let module = FieldModule::new(&setting, config.seed, &device.clone().autodiff());
                    let mut field =
                        ModelField { setting, module, levels: Vec::new(), regions: Arc::default() };
                    field.locate(rig, &surface.binding)?;
                    Some(field)
                } else {
                    None
                };
                Some(ModelBody { surface: Body { field: None, ..surface }, field })
            }
            None => None,
        };
        Ok(Self {
            body,
            filter: avatar.filter,
            sh_degree: config.sh_degree,
            sizes,
            statics: tensor(statics, ATTRIBUTES),
            sh_rest: tensor(sh_rest, kept - 3),
        })
    }

    /// Number of Gaussians.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The avatar as it stands.
    ///
    /// # Errors
    /// [`TrainError`] if a value is not finite or cannot be read from the device.
    pub fn to_avatar(&self, name: &str) -> Result<Avatar, TrainError> {
        let statics = read(self.statics.clone())?;
        let sh_rest = read(self.sh_rest.clone())?;
        let n = self.len();
        let mut gaussians = Gaussians::with_capacity(n, self.sh_degree);
        let rest = 3 * (sh_coefficients(self.sh_degree) - 1);
        for (i, row) in statics.chunks_exact(ATTRIBUTES).enumerate() {
            gaussians.positions.push(Vec3::from_slice(&row[POSITION]));
            gaussians.rotations.push(Quat::from_slice(&row[ROTATION]));
            gaussians.log_scales.push(Vec3::from_slice(&row[LOG_SCALE]));
            gaussians.opacity_logits.push(row[OPACITY_LOGIT]);
            gaussians.sh.extend(&row[COLOR]);
            gaussians.sh.extend(&sh_rest[i * rest..(i + 1) * rest]);
        }
        let body = match &self.body {
            Some(body) => {
                let field = match &body.field {
                    Some(field) => Some(field.module.to_field(&body.surface.rig, &field.setting)?),
                    None => None,
                };
                Some(Body { field, ..body.surface.clone() })
            }
            None => None,
        };
        let avatar = Avatar { name: name.to_owned(), gaussians, filter: self.filter, body };
        avatar.validate()?;
        Ok(avatar)
    }
}

impl ModelField {
    /// Finds where the Gaussians are in the field, after their binding has changed.
    ///
    /// # Errors
    /// As [`Sites::new`].
    pub fn locate(&mut self, rig: &Rig, binding: &Binding) -> Result<(), TrainError> {
        let layout = PlaneLayout::new(rig, &self.setting.config)?;
        let sites =
            Sites::new(rig, &layout, &self.setting.regions, &binding.triangles, &binding.barycentric)?;
        self.levels = sites.levels.into_iter().map(Arc::new).collect();
        self.regions = Arc::new(sites.regions);
        Ok(())
    }
}

/// The values of a tensor, from whatever device.
pub(crate) fn read<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, TrainError> {
    let data = tensor.try_into_data().map_err(|e| TrainError::Device(e.to_string()))?;
    data.try_to_vec().map_err(|e| TrainError::Device(format!("{e:?}")))
}
