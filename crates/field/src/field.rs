//! The field's weights, and its evaluation without any framework.

use effigy_rig::Rig;
use effigy_splat::with_widest_registers;
use glam::Vec3;
use half::f16;
use rayon::prelude::*;

use crate::config::MAX_WIDTH;
use crate::{BakedField, FieldConfig, FieldError, PlaneLayout, RegionBlend, Regions, Sites};

/// A trained field over the surface of one rig.
///
/// For Gaussian g and controls e (the rig's morph weights), in the notation of the model,
/// `residual_g(e) = Σ_k w_{r(g),k}(e) · B_k(trunk(features(x_g)))`: [`Field::bake`] evaluates the right factor once,
/// [`Field::coefficients`] the left one per frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Sizes.
    pub config: FieldConfig,
    /// The regions of the rig.
    pub regions: Regions,
    /// Everything that is trained.
    pub weights: FieldWeights,
    /// E, the number of controls.
    controls: usize,
}

/// The trained arrays of a [`Field`]. Matrices are row-major with one row for each input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldWeights {
    /// Feature tables, texels × channels; the last is the tri-plane's.
    pub planes: Vec<Vec<f32>>,
    /// Trunk, first layer: features × hidden.
    pub trunk_1: Vec<f32>,
    /// Its biases.
    pub trunk_1_bias: Vec<f32>,
    /// Trunk, second layer: hidden × hidden.
    pub trunk_2: Vec<f32>,
    /// Its biases.
    pub trunk_2_bias: Vec<f32>,
    /// The K linear heads side by side: hidden × (K × attributes).
    pub heads: Vec<f32>,
    /// Their biases.
    pub heads_bias: Vec<f32>,
    /// Expression networks, controls to hidden: R × E × hidden; relevance is multiplied in.
    pub regions_1: Vec<f32>,
    /// Their biases, R × hidden.
    pub regions_1_bias: Vec<f32>,
    /// Expression networks, hidden to coefficients: R × hidden × K.
    pub regions_2: Vec<f32>,
    /// Expression networks, controls straight to coefficients: R × E × K; relevance is multiplied in.
    pub regions_skip: Vec<f32>,
}

impl FieldWeights {
    /// The arrays in a fixed order, with the names they have in a file.
    pub fn arrays(&self) -> Vec<(String, &Vec<f32>)> {
        let planes = self.planes.iter().enumerate().map(|(i, p)| (format!("planes{i}"), p));
        planes
            .chain(
                [
                    ("trunk1", &self.trunk_1),
                    ("trunk1Bias", &self.trunk_1_bias),
                    ("trunk2", &self.trunk_2),
                    ("trunk2Bias", &self.trunk_2_bias),
                    ("heads", &self.heads),
                    ("headsBias", &self.heads_bias),
                    ("regions1", &self.regions_1),
                    ("regions1Bias", &self.regions_1_bias),
                    ("regions2", &self.regions_2),
                    ("regionsSkip", &self.regions_skip),
                ]
                .map(|(name, array)| (name.to_string(), array)),
            )
            .collect()
    }

    /// As [`FieldWeights::arrays`], to write to.
    pub fn arrays_mut(&mut self) -> Vec<(String, &mut Vec<f32>)> {
        let planes = self.planes.iter_mut().enumerate().map(|(i, p)| (format!("planes{i}"), p));
        planes
            .chain(
                [
                    ("trunk1", &mut self.trunk_1),
                    ("trunk1Bias", &mut self.trunk_1_bias),
                    ("trunk2", &mut self.trunk_2),
                    ("trunk2Bias", &mut self.trunk_2_bias),
                    ("heads", &mut self.heads),
                    ("headsBias", &mut self.heads_bias),
                    ("regions1", &mut self.regions_1),
                    ("regions1Bias", &mut self.regions_1_bias),
                    ("regions2", &mut self.regions_2),
                    ("regionsSkip", &mut self.regions_skip),
                ]
                .map(|(name, array)| (name.to_string(), array)),
            )
            .collect()
    }

    /// The lengths of [`FieldWeights::arrays`] that `config` wants over planes of `texels`, with `controls` controls,
    /// in their order; what no memory could hold is [`usize::MAX`].
    pub fn lengths(config: &FieldConfig, texels: &[usize], controls: usize) -> Vec<(String, usize)> {
        let product = |factors: &[usize]| factors.iter().copied().fold(1, usize::saturating_mul);
        let channels = config.planes.iter().chain([&config.triplane]).map(|p| p.channels);
        let (h, r, rh, k) = (config.hidden, config.regions, config.region_hidden, config.bases);
        let planes = texels.iter().zip(channels).map(|(&texels, channels)| product(&[texels, channels]));
        let others = [
            product(&[config.features(), h]),
            h,
            product(&[h, h]),
            h,
            product(&[h, config.head_width()]),
            config.head_width(),
            product(&[r, controls, rh]),
            product(&[r, rh]),
            product(&[r, rh, k]),
            product(&[r, controls, k]),
        ];
        // Names are a matter of `arrays` alone.
        let names = Self { planes: vec![Vec::new(); texels.len()], ..Self::default() };
        names.arrays().into_iter().map(|(name, _)| name).zip(planes.chain(others)).collect()
    }

    /// Zeros of the lengths that `config` wants over planes of `texels`, with `controls` controls.
    pub fn zeros(config: &FieldConfig, texels: &[usize], controls: usize) -> Self {
        let channels = config.planes.iter().chain([&config.triplane]).map(|p| p.channels);
        let (h, r, rh, k) = (config.hidden, config.regions, config.region_hidden, config.bases);
        Self {
            planes: texels
                .iter()
                .zip(channels)
                .map(|(texels, channels)| vec![0.0; texels * channels])
                .collect(),
            trunk_1: vec![0.0; config.features() * h],
            trunk_1_bias: vec![0.0; h],
            trunk_2: vec![0.0; h * h],
            trunk_2_bias: vec![0.0; h],
            heads: vec![0.0; h * config.head_width()],
            heads_bias: vec![0.0; config.head_width()],
            regions_1: vec![0.0; r * controls * rh],
            regions_1_bias: vec![0.0; r * rh],
            regions_2: vec![0.0; r * rh * k],
            regions_skip: vec![0.0; r * controls * k],
        }
    }
}

/// Gaussians a thread evaluates at a time.
const CHUNK: usize = 256;
/// What a baked field may take at most; 65,536 Gaussians and 16 bases take 28 MiB.
const MAX_BAKED_BYTES: usize = 1 << 30;

impl Field {
    /// A field of the given weights over `rig`.
    ///
    /// # Errors
    /// [`FieldError`] for sizes that cannot be used, arrays of other lengths than they ask for, or values that are not
    /// finite.
    pub fn new(
        rig: &Rig,
        config: FieldConfig,
        regions: Regions,
        weights: FieldWeights,
    ) -> Result<Self, FieldError> {
        let field = Self { config, regions, weights, controls: rig.morphs.len() };
        field.fits(rig)?;
        Ok(field)
    }

    /// Checks that this field lies over `rig`: sizes that can be used, arrays of the lengths they ask for, finite values.
    ///
    /// # Errors
    /// As [`Field::new`].
    pub fn fits(&self, rig: &Rig) -> Result<(), FieldError> {
        let layout = PlaneLayout::new(rig, &self.config)?;
        let fail = |what: String| Err(FieldError::Weights(what));
        if self.controls != rig.morphs.len() {
            return fail(format!("for {} controls where the rig has {}", self.controls, rig.morphs.len()));
        }
        let Regions { centers, relevance } = &self.regions;
        let wanted = self.config.regions;
        if centers.len() != wanted || relevance.len() != wanted.saturating_mul(self.controls) {
            return fail(format!(
                "{} region centres and {} relevances where {wanted} and {} are needed",
                centers.len(),
                relevance.len(),
                wanted.saturating_mul(self.controls)
            ));
        }
        if !centers.iter().flatten().chain(relevance).all(|x| x.is_finite()) {
            return fail("a region's centre or relevance is not finite".into());
        }
        let texels = layout.texels();
        if self.weights.planes.len() != texels.len() {
            return fail(format!("{} planes where {} are needed", self.weights.planes.len(), texels.len()));
        }
        let lengths = FieldWeights::lengths(&self.config, &texels, self.controls);
        for ((name, array), (_, wanted)) in self.weights.arrays().into_iter().zip(lengths) {
            if array.len() != wanted {
                return fail(format!("{name} has {} values where {wanted} are needed", array.len()));
            }
            if !array.iter().all(|x| x.is_finite()) {
                return fail(format!("{name} holds a value that is not finite"));
            }
        }
        Ok(())
    }

    /// Checks that the arrays still have the lengths of the sizes: both are public and may have been changed.
    fn check_lengths(&self) -> Result<(), FieldError> {
        self.config.validate()?;
        let mut texels = Vec::with_capacity(self.weights.planes.len());
        for (table, plane) in
            self.weights.planes.iter().zip(self.config.planes.iter().chain([&self.config.triplane]))
        {
            texels.push(table.len() / plane.channels);
        }
        let lengths = FieldWeights::lengths(&self.config, &texels, self.controls);
        let arrays = self.weights.arrays();
        if arrays.len() != lengths.len()
            || self.weights.planes.len() != self.config.planes.len() + 1
            || arrays.iter().zip(&lengths).any(|((_, array), (_, wanted))| array.len() != *wanted)
        {
            return Err(FieldError::Weights("an array has been changed in length".into()));
        }
        Ok(())
    }

    /// E, the number of controls.
    pub fn controls(&self) -> usize {
        self.controls
    }

    /// Where points of `rig` sit in this field.
    ///
    /// # Errors
    /// As [`Sites::new`].
    pub fn sites(&self, rig: &Rig, triangles: &[u32], barycentric: &[Vec3]) -> Result<Sites, FieldError> {
        Sites::new(rig, &PlaneLayout::new(rig, &self.config)?, &self.regions, triangles, barycentric)
    }

    /// The coefficients w of all regions for `controls` (E morph weights, less those at rest): R × K into `out`. They
    /// are zero at rest by construction, so that the static attributes alone say what the neutral face looks like.
    ///
    /// # Errors
    /// [`FieldError::Weights`] if `controls` is not of length E, or the arrays no longer have their lengths.
    pub fn coefficients(&self, controls: &[f32], out: &mut Vec<f32>) -> Result<(), FieldError> {
        if controls.len() != self.controls {
            return Err(FieldError::Weights(format!(
                "{} controls where {} are needed",
                controls.len(),
                self.controls
            )));
        }
        let (e, h, k) = (self.controls, self.config.region_hidden, self.config.bases);
        let (w, r) = (&self.weights, self.config.regions);
        let found = [w.regions_1.len(), w.regions_1_bias.len(), w.regions_2.len(), w.regions_skip.len()];
        if k == 0 || h > MAX_WIDTH || found != [r * e * h, r * h, r * h * k, r * e * k] {
            return Err(FieldError::Weights("an array has been changed in length".into()));
        }
        out.clear();
        out.resize(r * k, 0.0);
        // On the stack: this runs once a frame, without allocating.
        let mut hidden = [0.0; MAX_WIDTH];
        let hidden = &mut hidden[..h];
        for (r, out) in out.chunks_exact_mut(k).enumerate() {
            let bias = &w.regions_1_bias[r * h..(r + 1) * h];
            hidden.copy_from_slice(bias);
            for (c, &control) in controls.iter().enumerate() {
                if control != 0.0 {
                    add_scaled(hidden, &w.regions_1[(r * e + c) * h..][..h], control);
                    add_scaled(out, &w.regions_skip[(r * e + c) * k..][..k], control);
                }
            }
            for (j, (&hidden, &at_rest)) in hidden.iter().zip(bias).enumerate() {
                let change = hidden.max(0.0) - at_rest.max(0.0);
                if change != 0.0 {
                    add_scaled(out, &w.regions_2[(r * h + j) * k..][..k], change);
                }
            }
        }
        Ok(())
    }

    /// Evaluates the field at `sites`: N × K × attributes residual bases, in full precision.
    ///
    /// # Errors
    /// [`FieldError::Surface`] if the sites are not of this field's levels.
    pub fn bases(&self, sites: &Sites) -> Result<Vec<f32>, FieldError> {
        self.check_sites(sites)?;
        let width = self.config.head_width();
        let mut out = vec![0.0; sites.len() * width];
        out.par_chunks_mut(CHUNK * width)
            .enumerate()
            .for_each(|(chunk, out)| self.evaluate(sites, chunk * CHUNK, out));
        Ok(out)
    }

    /// The field at `sites` for the renderer: half floats, and only of Gaussians that it moves noticeably.
    ///
    /// # Errors
    /// As [`Field::bases`], and [`FieldError::Config`] if the result would take more than 1 GiB.
    pub fn bake(&self, sites: &Sites) -> Result<BakedField, FieldError> {
        self.check_sites(sites)?;
        let width = self.config.head_width();
        let bytes = sites.len().saturating_mul(width).saturating_mul(size_of::<f16>());
        if bytes > MAX_BAKED_BYTES {
            return Err(FieldError::Config(format!(
                "{} bases for {} Gaussians take {bytes} bytes, above the {MAX_BAKED_BYTES} that are allowed",
                self.config.bases,
                sites.len()
            )));
        }
        let parts: Vec<BakedField> = (0..sites.len().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let first = chunk * CHUNK;
                let count = CHUNK.min(sites.len() - first);
                let mut bases = vec![0.0; count * width];
                self.evaluate(sites, first, &mut bases);
                BakedField::new(self.config.bases, first, &bases, &sites.regions[first..first + count])
            })
            .collect();
        Ok(BakedField::concat(self.config.bases, &parts))
    }

    fn check_sites(&self, sites: &Sites) -> Result<(), FieldError> {
        self.check_lengths()?;
        let channels = self.config.planes.iter().chain([&self.config.triplane]).map(|p| p.channels);
        let fits = sites.levels.len() == self.weights.planes.len()
            && sites.levels.iter().zip(&self.weights.planes).zip(channels).all(
                |((level, table), channels)| {
                    let rows = table.len() / channels;
                    sites.len().checked_mul(level.corners) == Some(level.texels.len())
                        && level.weights.len() == level.texels.len()
                        && level.texels.iter().all(|&t| (t as usize) < rows)
                },
            );
        let known = |blend: &RegionBlend| blend.regions.iter().all(|&r| usize::from(r) < self.config.regions);
        if !fits || !sites.regions.iter().all(known) {
            return Err(FieldError::Surface("these sites were found for another field".into()));
        }
        Ok(())
    }

    /// The residual bases of the sites from `first` on into `out`; lengths have been checked.
    fn evaluate(&self, sites: &Sites, first: usize, out: &mut [f32]) {
        let w = &self.weights;
        let (features, hidden, width) =
            (self.config.features(), self.config.hidden, self.config.head_width());
        let mut x = vec![0.0; features];
        let (mut h1, mut h2) = (vec![0.0; hidden], vec![0.0; hidden]);
        with_widest_registers(
            pulp::Arch::new(),
            #[inline(always)]
            || {
                for (j, out) in out.chunks_exact_mut(width).enumerate() {
                    let g = first + j;
                    x.fill(0.0);
                    let mut rest = &mut x[..];
                    let planes = self.config.planes.iter().chain([&self.config.triplane]);
                    for ((level, table), plane) in sites.levels.iter().zip(&w.planes).zip(planes) {
                        let corners = g * level.corners..(g + 1) * level.corners;
                        let (x, behind) = rest.split_at_mut(plane.channels);
                        for (&texel, &weight) in
                            level.texels[corners.clone()].iter().zip(&level.weights[corners])
                        {
                            add_scaled(
                                x,
                                &table[texel as usize * plane.channels..][..plane.channels],
                                weight,
                            );
                        }
                        rest = behind;
                    }
                    layer(&x, &w.trunk_1, &w.trunk_1_bias, &mut h1);
                    h1.iter_mut().for_each(|h| *h = h.max(0.0));
                    layer(&h1, &w.trunk_2, &w.trunk_2_bias, &mut h2);
                    h2.iter_mut().for_each(|h| *h = h.max(0.0));
                    layer(&h2, &w.heads, &w.heads_bias, out);
                }
            },
        );
    }

    /// The field with every weight rounded to the nearest half float, as a file holds it; what is too large becomes the
    /// largest.
    #[must_use]
    pub fn rounded(mut self) -> Self {
        for (_, array) in self.weights.arrays_mut() {
            array.iter_mut().for_each(|x| {
                *x = f16::from_f32(x.clamp(f16::MIN.to_f32(), f16::MAX.to_f32())).to_f32();
            });
        }
        self
    }
}

/// out = bias + x · matrix.
#[inline(always)]
fn layer(x: &[f32], matrix: &[f32], bias: &[f32], out: &mut [f32]) {
    out.copy_from_slice(bias);
    for (row, &x) in matrix.chunks_exact(out.len()).zip(x) {
        // Half of the units behind a rectifier are zero.
        if x != 0.0 {
            add_scaled(out, row, x);
        }
    }
}

#[inline(always)]
fn add_scaled(sum: &mut [f32], row: &[f32], factor: f32) {
    for (sum, x) in sum.iter_mut().zip(row) {
        *sum += x * factor;
    }
}
