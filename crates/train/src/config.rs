//! Everything that can be set about training, with presets, as TOML.

use effigy_field::{FieldConfig, PlaneConfig};
use serde::{Deserialize, Serialize};

/// A named set of values for [`TrainConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// 16,384 Gaussians at half resolution: minutes on two cores. To see that a capture works.
    Preview,
    /// 65,536 Gaussians: an avatar to use.
    Standard,
    /// 200,000 Gaussians: the best there is, for a real GPU or a night.
    High,
}

/// How to train. Every value has a default by preset; a file needs to name only what differs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Where unnamed values come from.
    pub preset: Preset,
    /// Seed of everything random.
    pub seed: u64,
    /// Steps of the optimiser.
    pub steps: usize,
    /// Pictures that each step learns from.
    pub views: usize,
    /// Number of Gaussians. On a rig there are as many from the start; without one training grows to it.
    pub gaussians: usize,
    /// The rig is simplified to about this many triangles; 0 keeps it as it is.
    pub triangles: usize,
    /// Degree of the spherical harmonics, 0 to 3.
    pub sh_degree: u8,
    /// How often pictures are halved for the last part of training: 0 is full resolution.
    pub final_level: u32,
    /// Part of training, 0 to 1, that runs at half that resolution first.
    pub half_resolution_until: f32,
    /// The neural field; `enabled = false` trains static Gaussians bound to the rig.
    pub field: FieldSettings,
    /// Weights of the terms of the loss.
    pub loss: LossSettings,
    /// Learning rates on a rig.
    pub rates: Rates,
    /// Learning rates without a rig, where Gaussians start far from where they end.
    pub free_rates: Rates,
    /// Where Gaussians that are not used go.
    pub relocation: Relocation,
    /// How Gaussians without a rig become more.
    pub growth: Growth,
    /// Learn a 3 × 4 affine of colour for every camera but the first.
    pub calibrate_cameras: bool,
    /// Steps between previews.
    pub preview_every: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Steps between lines of the metrics log.
    pub log_every: usize,
}

/// Sizes of the field, as [`FieldConfig`] has them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSettings {
    /// Whether there is one.
    pub enabled: bool,
    /// Part of training, 0 to 1, after which it begins to learn.
    pub from: f32,
    /// Resolution and channels of each level of planes.
    pub planes: Vec<[usize; 2]>,
    /// Resolution and channels of the tri-plane.
    pub triplane: [usize; 2],
    /// Width of the trunk.
    pub hidden: usize,
    /// K.
    pub bases: usize,
    /// R.
    pub regions: usize,
    /// Hidden width of the expression networks.
    pub region_hidden: usize,
}

/// Weights of the loss's terms. Means over the picture, so that they do not depend on its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossSettings {
    /// Mean absolute difference of colour over a random background.
    pub l1: f32,
    /// 1 − SSIM.
    pub dssim: f32,
    /// Mean absolute difference of alpha.
    pub alpha: f32,
    /// Laplacian-pyramid term.
    pub pyramid: f32,
    /// Part of training after which the pyramid term counts.
    pub pyramid_from: f32,
    /// Penalty on standard deviations above `max_scale`.
    pub scale: f32,
    /// In units of the spacing of Gaussians.
    pub max_scale: f32,
    /// Penalty on offsets from the surface above `max_offset`.
    pub offset: f32,
    /// In units of the spacing of Gaussians.
    pub max_offset: f32,
    /// Penalty on the square of the field's residuals.
    pub residual: f32,
    /// The same where no picture says anything: for strong mixtures of the capture's expressions.
    pub unseen: f32,
}

/// Learning rates at the start; at the end they are `last` times that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// Offsets, in units of the spacing of Gaussians.
    pub position: f32,
    /// Quaternion components.
    pub rotation: f32,
    /// Log-scales.
    pub log_scale: f32,
    /// Opacity logits.
    pub opacity: f32,
    /// Constant harmonics.
    pub color: f32,
    /// Harmonics of degree 1 and above.
    pub harmonics: f32,
    /// The field's planes.
    pub planes: f32,
    /// The field's networks.
    pub networks: f32,
    /// Colour calibration of cameras.
    pub calibration: f32,
    /// Rates at the end, relative to the start.
    pub last: f32,
}

/// Moving the least used Gaussians to where the loss pulls hardest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relocation {
    /// Steps between rounds; 0 for none.
    pub every: usize,
    /// Part of training in which it happens, from and to.
    pub during: [f32; 2],
    /// Most of the Gaussians that move in one round, as a part of all.
    pub most: f32,
    /// Gaussians of less opacity than this move.
    pub min_opacity: f32,
}

/// How the number of Gaussians grows where there is no rig that says where they are needed: those whose place on the
/// picture the loss pulls at most are split, and those that do nothing are used for it first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Growth {
    /// The number to start with, as a part of [`TrainConfig::gaussians`]; 1 for no growth.
    pub start: f32,
    /// Steps between rounds; 0 for none.
    pub every: usize,
    /// Part of training in which it happens, from and to. Each round grows by the same factor.
    pub during: [f32; 2],
}

impl TrainConfig {
    /// The values of a preset.
    pub fn preset(preset: Preset) -> Self {
        let standard = Self {
            preset,
            seed: 0,
            steps: 4_500,
            views: 2,
            gaussians: 65_536,
            triangles: 14_000,
            sh_degree: 3,
            final_level: 0,
            half_resolution_until: 0.25,
            field: FieldSettings {
                enabled: true,
                from: 0.02,
                planes: vec![[32, 8], [128, 8]],
                triplane: [64, 4],
                hidden: 64,
                bases: 16,
                regions: 64,
                region_hidden: 32,
            },
            loss: LossSettings {
                l1: 0.8,
                dssim: 0.2,
                alpha: 0.05,
                pyramid: 0.5,
                pyramid_from: 0.5,
                scale: 0.02,
                max_scale: 3.0,
                offset: 0.1,
                max_offset: 1.5,
                residual: 5e-3,
                unseen: 2e-2,
            },
            rates: Rates {
                position: 0.01,
                rotation: 2e-3,
                log_scale: 5e-3,
                opacity: 2e-2,
                color: 5e-3,
                harmonics: 2.5e-3,
                planes: 1e-2,
                networks: 2e-3,
                calibration: 1e-3,
                last: 0.05,
            },
            free_rates: Rates {
                position: 0.1,
                rotation: 1e-2,
                log_scale: 5e-2,
                opacity: 0.2,
                color: 2e-2,
                harmonics: 1e-3,
                planes: 0.0,
                networks: 0.0,
                calibration: 1e-3,
                last: 0.1,
            },
            relocation: Relocation { every: 200, during: [0.05, 0.7], most: 0.02, min_opacity: 0.01 },
            growth: Growth { start: 0.75, every: 50, during: [0.05, 0.6] },
            calibrate_cameras: true,
            preview_every: 200,
            checkpoint_every: 500,
            log_every: 10,
        };
        match preset {
            Preset::Standard => standard,
            Preset::Preview => Self {
                steps: 1_500,
                gaussians: 16_384,
                triangles: 8_000,
                final_level: 1,
                half_resolution_until: 0.3,
                ..standard
            },
            Preset::High => {
                Self { steps: 30_000, gaussians: 200_000, triangles: 40_000, views: 4, ..standard }
            }
        }
    }

    /// Reads a TOML file: the preset that it names, or `preset` if it names none, with its values laid over it.
    ///
    /// # Errors
    /// One line that says which key or value is at fault.
    pub fn from_toml(text: &str, preset: Preset) -> Result<Self, String> {
        let given: toml::Table = text.parse().map_err(|e: toml::de::Error| one_line(&e))?;
        let preset = match given.get("preset") {
            Some(name) => {
                name.clone().try_into().map_err(|e: toml::de::Error| format!("preset: {}", one_line(&e)))?
            }
            None => preset,
        };
        let mut table = toml::Table::try_from(Self::preset(preset)).map_err(|e| e.to_string())?;
        lay_over(&mut table, given);
        let config: Self = table.try_into().map_err(|e: toml::de::Error| one_line(&e))?;
        config.validate()?;
        Ok(config)
    }

    /// With one setting changed, written as `key=value`; the key may lead into a table, as in `loss.dssim=0.3`.
    ///
    /// # Errors
    /// As [`TrainConfig::from_toml`].
    pub fn with(&self, setting: &str) -> Result<Self, String> {
        let given: toml::Table = setting.parse().map_err(|e: toml::de::Error| one_line(&e))?;
        let mut table = toml::Table::try_from(self).map_err(|e| e.to_string())?;
        lay_over(&mut table, given);
        let config: Self = table.try_into().map_err(|e: toml::de::Error| one_line(&e))?;
        config.validate()?;
        Ok(config)
    }

    /// The whole configuration as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).unwrap_or_default()
    }

    /// Checks that values make sense together.
    ///
    /// # Errors
    /// One line naming the first that does not.
    pub fn validate(&self) -> Result<(), String> {
        let count = |what: &str, value: usize, low: usize, high: usize| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(format!("{what} = {value} is not within {low} to {high}"))
            }
        };
        count("steps", self.steps, 1, 100_000_000)?;
        count("views", self.views, 1, 256)?;
        count("gaussians", self.gaussians, 16, 10_000_000)?;
        count("sh_degree", self.sh_degree.into(), 0, 3)?;
        count("final_level", self.final_level as usize, 0, 8)?;
        let mut numbers = vec![
            ("half_resolution_until", self.half_resolution_until, 1.0),
            ("field.from", self.field.from, 1.0),
            ("loss.pyramid_from", self.loss.pyramid_from, 1.0),
            ("relocation.during", self.relocation.during[0], 1.0),
            ("relocation.during", self.relocation.during[1], 1.0),
            ("relocation.most", self.relocation.most, 0.5),
            ("growth.start", self.growth.start, 1.0),
            ("growth.during", self.growth.during[0], 1.0),
            ("growth.during", self.growth.during[1], 1.0),
            ("relocation.min_opacity", self.relocation.min_opacity, 1.0),
        ];
        numbers.extend(self.rates.bounded([
            "rates.position",
            "rates.rotation",
            "rates.log_scale",
            "rates.opacity",
            "rates.color",
            "rates.harmonics",
            "rates.planes",
            "rates.networks",
            "rates.calibration",
            "rates.last",
        ]));
        numbers.extend(self.free_rates.bounded([
            "free_rates.position",
            "free_rates.rotation",
            "free_rates.log_scale",
            "free_rates.opacity",
            "free_rates.color",
            "free_rates.harmonics",
            "free_rates.planes",
            "free_rates.networks",
            "free_rates.calibration",
            "free_rates.last",
        ]));
        let l = &self.loss;
        let terms = [
            ("loss.l1", l.l1),
            ("loss.dssim", l.dssim),
            ("loss.alpha", l.alpha),
            ("loss.pyramid", l.pyramid),
            ("loss.scale", l.scale),
            ("loss.max_scale", l.max_scale),
            ("loss.offset", l.offset),
            ("loss.max_offset", l.max_offset),
            ("loss.residual", l.residual),
            ("loss.unseen", l.unseen),
        ];
        numbers.extend(terms.map(|(name, value)| (name, value, 1e6)));
        match numbers.into_iter().find(|&(_, value, high)| !(0.0..=high).contains(&value)) {
            Some((name, value, high)) => Err(format!("{name} = {value} is not within 0 to {high}")),
            None if self.field.enabled => self.field.config().validate().map_err(|e| e.to_string()),
            None => Ok(()),
        }
    }
}

impl Rates {
    /// Each rate by its name, with its upper bound.
    fn bounded(&self, names: [&'static str; 10]) -> impl Iterator<Item = (&'static str, f32, f32)> {
        let rates = [
            (self.position, 10.0),
            (self.rotation, 10.0),
            (self.log_scale, 10.0),
            (self.opacity, 10.0),
            (self.color, 10.0),
            (self.harmonics, 10.0),
            (self.planes, 10.0),
            (self.networks, 10.0),
            (self.calibration, 10.0),
            (self.last, 1.0),
        ];
        names.into_iter().zip(rates).map(|(name, (rate, most))| (name, rate, most))
    }
}

impl FieldSettings {
    /// The same as the field takes it.
    pub fn config(&self) -> FieldConfig {
        let plane = |&[resolution, channels]: &[usize; 2]| PlaneConfig { resolution, channels };
        FieldConfig {
            planes: self.planes.iter().map(plane).collect(),
            triplane: plane(&self.triplane),
            hidden: self.hidden,
            bases: self.bases,
            regions: self.regions,
            region_hidden: self.region_hidden,
        }
    }
}

/// `over`'s values replace those of `table`, table by table.
fn lay_over(table: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(value)) => lay_over(below, value),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().split_whitespace().collect::<Vec<_>>().join(" ")
}
