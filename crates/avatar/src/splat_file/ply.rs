//! The PLY of 3D Gaussian Splatting (Kerbl et al. 2023).
//!
//! One row of element `vertex` per Gaussian: `x y z`; `f_dc_0..2`, the harmonics of degree 0; `f_rest_*`, the others,
//! first all of red, then of green, then of blue; `opacity`, a logit; `scale_0..2`, natural logarithms; and
//! `rot_0..3`, a quaternion with its real part first.

use effigy_splat::{Filter, Gaussians, MAX_SH_DEGREE, sh_coefficients};
use glam::{Quat, Vec3};

use super::color::{harmonic_from_rgb, logit};
use super::orientation::UpAxis;
use super::ply_body::PlyFile;
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatReadOptions, SplatScene};

/// What `f_dc_0` to `f_dc_2` of a PLY mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PlyColor {
    /// Coefficients of the harmonic of degree 0, as in 3D Gaussian Splatting.
    #[default]
    Harmonic,
    /// Red, green and blue from 0 to 1, as the avatars of LAM have them.
    Rgb,
}

/// Reads a 3D Gaussian Splatting PLY: ASCII or binary of either byte order, properties of any type in any order.
///
/// Harmonics of degree 0 to 3 are read; of degree 4 the first three. Instead of the harmonics of degree 0 there may be
/// `red`, `green` and `blue`: bytes, 16-bit integers, or numbers from 0 to 1. Without `scale_2` (2D Gaussian splatting)
/// the Gaussians are flat. Other elements and properties are ignored.
///
/// The filter is [`Filter::MIP`] if the last comment that speaks of it says so, `SplatRenderMode: mip` or
/// `antialiased 1`. A property `filter_3D` (Mip-Splatting) is worked into scale and opacity, and the filter is that of
/// the paper, of 0.1 square pixels. Otherwise it is [`Filter::CLASSIC`].
///
/// # Errors
/// [`SplatFileError`] if the file is truncated, lacks a property, is over a limit, or holds nothing that can be drawn.
/// [`SplatFileError::Bound`] if the Gaussians belong to the triangles of a mesh.
pub fn read_ply(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    decode(&PlyFile::parse(bytes, &options.limits)?, options)
}

/// Why the axes of a PLY are what they are.
pub(super) const PLY_AXES: &str = "as 3D Gaussian Splatting writes PLY";

/// Reads the Gaussians of a PLY that is not compressed.
pub(super) fn decode(file: &PlyFile<'_>, options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let table = file
        .table("vertex")
        .ok_or_else(|| SplatFileError::PlyLayout("there is no element \"vertex\"".into()))?;
    let has = |name: &str| table.element.scalar_index(name).is_some();
    if let Some(property) = BINDINGS.into_iter().find(|name| has(name)) {
        return Err(SplatFileError::Bound { property });
    }
    let rest = RestColumns::of(table.element.rest_count()?)?;
    let plain_colors = !HARMONICS.into_iter().any(has) && PLAIN_COLORS.into_iter().all(has);
    let flat = has("scale_0") && has("scale_1") && !has("scale_2");
    let smoothed = has("filter_3D");

    let mut names: Vec<String> = ["x", "y", "z"].map(String::from).to_vec();
    names.extend(if plain_colors { PLAIN_COLORS } else { HARMONICS }.map(String::from));
    names.extend(["opacity", "scale_0", "scale_1"].map(String::from));
    names.extend((!flat).then(|| "scale_2".into()));
    names.extend(["rot_0", "rot_1", "rot_2", "rot_3"].map(String::from));
    names.extend((0..rest.kept()).flat_map(|k| (0..3).map(move |channel| rest.name(k, channel))));
    names.extend(smoothed.then(|| "filter_3D".into()));
    let columns = table.columns("vertex", &names)?;
    let white = if plain_colors { PLAIN_COLORS.map(|name| table.element.white(name)) } else { [1.0; 3] };
    let count = options.limits.check(table.element.count, rest.degree, 0)?;

    let mut gaussians = Gaussians::with_capacity(count, rest.degree);
    table.rows(&columns, |_, values| {
        let mut values = values.iter().map(|&v| v as f32);
        // As many as there are names, each in its place.
        let mut next = || values.next().unwrap_or(f32::NAN);
        gaussians.positions.push(Vec3::new(next(), next(), next()));
        let color = [next(), next(), next()];
        let mut opacity = next();
        let mut log_scale = Vec3::new(next(), next(), if flat { f32::NEG_INFINITY } else { next() });
        let (w, x, y, z) = (next(), next(), next(), next());
        gaussians.rotations.push(Quat::from_xyzw(x, y, z, w));
        gaussians.sh.extend(match options.ply_color {
            _ if plain_colors => {
                let [red, green, blue] = color;
                [red / white[0], green / white[1], blue / white[2]].map(harmonic_from_rgb)
            }
            PlyColor::Harmonic => color,
            PlyColor::Rgb => color.map(harmonic_from_rgb),
        });
        gaussians.sh.extend((0..3 * rest.kept()).map(|_| next()));
        if smoothed {
            smooth(&mut log_scale, &mut opacity, next());
        }
        gaussians.log_scales.push(log_scale);
        gaussians.opacity_logits.push(opacity);
        Ok(())
    })?;
    let filter = if smoothed {
        Told::new(MIP_SPLATTING, "the file has Mip-Splatting's property filter_3D")
    } else {
        file.filter()
    };
    let axes = Told::new(UpAxis::YDown.into(), PLY_AXES);
    finish(Found { format: "PLY", gaussians, axes, filter }, options)
}

/// The screen-space filter of Mip-Splatting ("Mip-Splatting: Alias-free 3D Gaussian Splatting", Yu et al., CVPR 2024),
/// whose trainer alone writes `filter_3D`.
const MIP_SPLATTING: Filter = Filter { variance: 0.1, ..Filter::MIP };

/// Works Mip-Splatting's 3D filter in: a Gaussian is convolved with one whose standard deviation along every axis is
/// `deviation`, and its opacity scaled by √(det Σ / det(Σ + deviation²·I)), as equation 9 of the paper has it.
fn smooth(log_scale: &mut Vec3, opacity_logit: &mut f32, deviation: f32) {
    if deviation == 0.0 {
        return;
    }
    let before = log_scale.as_dvec3();
    let after = before.map(|s| 0.5 * ((2.0 * s).exp() + f64::from(deviation).powi(2)).ln());
    let opacity = (1.0 + (-f64::from(*opacity_logit)).exp()).recip() * (before - after).element_sum().exp();
    *log_scale = after.as_vec3();
    *opacity_logit = logit(opacity);
}

const HARMONICS: [&str; 3] = ["f_dc_0", "f_dc_1", "f_dc_2"];
const PLAIN_COLORS: [&str; 3] = ["red", "green", "blue"];
/// Where GaussianAvatars and those that follow it write the triangle of a FLAME mesh that a Gaussian is posed by.
const BINDINGS: [&str; 2] = ["binding_0", "binding"];

/// Which harmonic is in which property `f_rest_*`.
#[derive(Clone, Copy)]
pub(super) struct RestColumns {
    /// How many there are for each colour channel.
    per_channel: usize,
    /// Highest degree that is read.
    pub(super) degree: u8,
}

impl RestColumns {
    /// The layout if there are `count` of these properties.
    pub(super) fn of(count: usize) -> Result<Self, SplatFileError> {
        match (0..=MAX_SH_DEGREE + 1).find(|&degree| 3 * (sh_coefficients(degree) - 1) == count) {
            Some(degree) => {
                if degree > MAX_SH_DEGREE {
                    tracing::warn!("harmonics of degree {degree} are left out");
                }
                Ok(Self { per_channel: count / 3, degree: degree.min(MAX_SH_DEGREE) })
            }
            None => Err(SplatFileError::PlyLayout(format!(
                "there are {count} properties f_rest_*; harmonics of degree 0 to 4 have 0, 9, 24, 45 or 72"
            ))),
        }
    }

    /// How many harmonics after the first are read.
    pub(super) fn kept(self) -> usize {
        sh_coefficients(self.degree) - 1
    }

    /// Name of the property of a colour channel of harmonic `k` + 1.
    pub(super) fn name(self, k: usize, channel: usize) -> String {
        format!("f_rest_{}", channel * self.per_channel + k)
    }
}
