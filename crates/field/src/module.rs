//! The field as a trainable Burn module. It computes what [`Field`] computes, on any of Burn's devices.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use effigy_rig::Rig;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::{ATTRIBUTES, COLOR, Field, FieldConfig, FieldError, FieldWeights, LOG_SCALE, OPACITY_LOGIT};
use crate::{POSITION, PlaneLayout, ROTATION, Regions, Sites};

/// The trainable arrays of a field. Sizes as in [`FieldWeights`], with the regions' arrays in three dimensions and
/// **without** relevance and gains, which [`FieldModule::to_field`] multiplies in.
#[derive(Module, Debug)]
pub struct FieldModule {
    /// Feature tables, texels × channels; the last is the tri-plane's.
    pub planes: Vec<Param<Tensor<2>>>,
    /// Trunk, first layer.
    pub trunk_1: Param<Tensor<2>>,
    /// Its biases.
    pub trunk_1_bias: Param<Tensor<1>>,
    /// Trunk, second layer.
    pub trunk_2: Param<Tensor<2>>,
    /// Its biases.
    pub trunk_2_bias: Param<Tensor<1>>,
    /// Heads, hidden × (K × attributes).
    pub heads: Param<Tensor<2>>,
    /// Their biases.
    pub heads_bias: Param<Tensor<1>>,
    /// Expression networks, R × E × hidden.
    pub regions_1: Param<Tensor<3>>,
    /// Their biases, R × hidden.
    pub regions_1_bias: Param<Tensor<2>>,
    /// Expression networks, R × hidden × K.
    pub regions_2: Param<Tensor<3>>,
    /// Expression networks, R × E × K.
    pub regions_skip: Param<Tensor<3>>,
}

/// What a [`FieldModule`] is trained for: fixed during training.
#[derive(Clone, Debug)]
pub struct FieldSetting {
    /// Sizes.
    pub config: FieldConfig,
    /// The regions of the rig.
    pub regions: Regions,
    /// Number of controls, E.
    pub controls: usize,
    /// Texels of each level.
    pub texels: Vec<usize>,
    /// Relevance of controls, R × E × 1.
    relevance: Tensor<3>,
    /// How much a head's output of one is worth in each attribute, 1 × (K × attributes).
    gains: Tensor<2>,
}

/// [`Sites`] on a device.
#[derive(Clone, Debug)]
pub struct SiteTensors {
    /// For each level: rows, N·corners; weights, N·corners × 1; corners.
    levels: Vec<(Tensor<1, Int>, Tensor<2>, usize)>,
    count: usize,
}

/// What a head's output of one is worth: what an expression may well change in each attribute.
fn gains(bases: usize) -> Vec<f32> {
    let mut one = [0.0; ATTRIBUTES];
    one[POSITION].fill(2e-3);
    one[ROTATION].fill(0.1);
    one[LOG_SCALE].fill(0.2);
    one[OPACITY_LOGIT] = 1.0;
    one[COLOR].fill(0.3);
    one.repeat(bases)
}

impl SiteTensors {
    /// Puts `sites` on `device`.
    pub fn new(sites: &Sites, device: &Device) -> Self {
        let levels = sites
            .levels
            .iter()
            .map(|level| {
                let n = level.texels.len();
                let rows: Vec<i32> = level.texels.iter().map(|&t| t as i32).collect();
                (
                    Tensor::from_data(TensorData::new(rows, [n]), device),
                    Tensor::from_data(TensorData::new(level.weights.clone(), [n, 1]), device),
                    level.corners,
                )
            })
            .collect();
        Self { levels, count: sites.len() }
    }
}

impl FieldSetting {
    /// The setting of a field of sizes `config` over `rig`.
    ///
    /// # Errors
    /// As [`PlaneLayout::new`] and [`Regions::new`].
    pub fn new(rig: &Rig, config: FieldConfig, device: &Device) -> Result<Self, FieldError> {
        let texels = PlaneLayout::new(rig, &config)?.texels();
        let regions = Regions::new(rig, config.regions)?;
        let controls = rig.morphs.len();
        let relevance = TensorData::new(regions.relevance.clone(), [config.regions, controls, 1]);
        let gains = TensorData::new(gains(config.bases), [1, config.head_width()]);
        Ok(Self {
            relevance: Tensor::from_data(relevance, device),
            gains: Tensor::from_data(gains, device),
            config,
            regions,
            controls,
            texels,
        })
    }
}

/// Draws what training starts from. It is drawn on the host, so that it is the same on every device.
struct Start<'a> {
    rng: SmallRng,
    device: &'a Device,
}

impl Start<'_> {
    /// Normal numbers of the given deviation (Box and Muller 1958).
    fn normal<const D: usize>(&mut self, deviation: f64, shape: [usize; D]) -> Param<Tensor<D>> {
        let count: usize = shape.iter().product();
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            let radius = (-2.0 * (1.0 - self.rng.random::<f64>()).ln()).sqrt() * deviation;
            let (sin, cos) = (self.rng.random::<f64>() * std::f64::consts::TAU).sin_cos();
            values.extend([(radius * cos) as f32, (radius * sin) as f32]);
        }
        values.truncate(count);
        self.parameter(values, shape)
    }

    fn zeros<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        self.parameter(vec![0.0; shape.iter().product()], shape)
    }

    fn parameter<const D: usize>(&self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), self.device))
    }
}

impl FieldModule {
    /// A field that moves nothing yet: everything is random by `seed`, but for the heads, which are zero.
    pub fn new(setting: &FieldSetting, seed: u64, device: &Device) -> Self {
        let config = &setting.config;
        let FieldConfig { hidden, bases, regions, region_hidden, .. } = *config;
        let mut start = Start { rng: SmallRng::seed_from_u64(seed), device };
        // Coarse planes carry the field at first; fine ones start quiet, so that it starts smooth.
        let planes = config.planes.iter().chain([&config.triplane]).zip(&setting.texels);
        let planes = planes
            .map(|(plane, &texels)| {
                start.normal(32.0 / plane.resolution.max(32) as f64, [texels, plane.channels])
            })
            .collect();
        let (features, e) = (config.features(), setting.controls);
        Self {
            planes,
            trunk_1: start.normal((2.0 / features as f64).sqrt(), [features, hidden]),
            trunk_1_bias: start.normal(0.1, [hidden]),
            trunk_2: start.normal((2.0 / hidden as f64).sqrt(), [hidden, hidden]),
            trunk_2_bias: start.zeros([hidden]),
            heads: start.zeros([hidden, config.head_width()]),
            heads_bias: start.zeros([config.head_width()]),
            regions_1: start.normal(0.5, [regions, e, region_hidden]),
            regions_1_bias: start.normal(0.1, [regions, region_hidden]),
            regions_2: start.normal(0.5 / (region_hidden as f64).sqrt(), [regions, region_hidden, bases]),
            regions_skip: start.normal(0.5, [regions, e, bases]),
        }
    }

    /// The features that the trunk reads: N × features.
    pub fn features(&self, sites: &SiteTensors) -> Tensor<2> {
        let levels = self
            .planes
            .iter()
            .zip(&sites.levels)
            .map(|(table, (rows, weights, corners))| {
                let table = table.val();
                let channels = table.dims()[1];
                let read = table.select(0, rows.clone()) * weights.clone();
                read.reshape([sites.count, *corners, channels]).sum_dim(1).reshape([sites.count, channels])
            })
            .collect();
        Tensor::cat(levels, 1)
    }

    /// The residual bases at those sites: N × (K × attributes).
    pub fn bases(&self, setting: &FieldSetting, features: Tensor<2>) -> Tensor<2> {
        let layer = |x: Tensor<2>, w: &Param<Tensor<2>>, b: &Param<Tensor<1>>| {
            x.matmul(w.val()) + b.val().unsqueeze()
        };
        let h = activation::relu(layer(features, &self.trunk_1, &self.trunk_1_bias));
        let h = activation::relu(layer(h, &self.trunk_2, &self.trunk_2_bias));
        let (heads, bias) = self.scaled_heads(setting);
        h.matmul(heads) + bias.unsqueeze()
    }

    /// The heads and their biases in units of the attributes: the gains go into the small matrix, not into the large
    /// result.
    pub fn scaled_heads(&self, setting: &FieldSetting) -> (Tensor<2>, Tensor<1>) {
        (
            self.heads.val() * setting.gains.clone(),
            self.heads_bias.val() * setting.gains.clone().squeeze_dim(0),
        )
    }

    /// The coefficients of `controls` (V × E) in all regions: R × V × K.
    pub fn coefficients(&self, setting: &FieldSetting, controls: Tensor<2>) -> Tensor<3> {
        let controls: Tensor<3> = controls.unsqueeze();
        let [_, views, e] = controls.dims();
        let controls = controls.expand([setting.config.regions, views, e]);
        let bias: Tensor<3> = self.regions_1_bias.val().unsqueeze_dim(1);
        let first = self.regions_1.val() * setting.relevance.clone();
        let hidden = activation::relu(controls.clone().matmul(first) + bias.clone()) - activation::relu(bias);
        hidden.matmul(self.regions_2.val())
            + controls.matmul(self.regions_skip.val() * setting.relevance.clone())
    }

    /// The field for the runtime.
    ///
    /// # Errors
    /// [`FieldError::Weights`] if a weight is not finite or cannot be read from the device.
    pub fn to_field(&self, rig: &Rig, setting: &FieldSetting) -> Result<Field, FieldError> {
        let planes = self.planes.iter().map(|p| values(p.val())).collect::<Result<_, _>>()?;
        let relevance = &setting.relevance;
        let (heads, heads_bias) = self.scaled_heads(setting);
        let weights = FieldWeights {
            planes,
            trunk_1: values(self.trunk_1.val())?,
            trunk_1_bias: values(self.trunk_1_bias.val())?,
            trunk_2: values(self.trunk_2.val())?,
            trunk_2_bias: values(self.trunk_2_bias.val())?,
            heads: values(heads)?,
            heads_bias: values(heads_bias)?,
            regions_1: values(self.regions_1.val() * relevance.clone())?,
            regions_1_bias: values(self.regions_1_bias.val())?,
            regions_2: values(self.regions_2.val())?,
            regions_skip: values(self.regions_skip.val() * relevance.clone())?,
        };
        Field::new(rig, setting.config.clone(), setting.regions.clone(), weights)
    }
}

fn values<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, FieldError> {
    tensor
        .try_into_data()
        .map_err(|e| FieldError::Weights(format!("cannot be read from the device: {e}")))?
        .try_to_vec::<f32>()
        .map_err(|e| FieldError::Weights(format!("are of another type: {e:?}")))
}
