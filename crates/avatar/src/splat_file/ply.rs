//! The PLY of 3D Gaussian Splatting (Kerbl et al. 2023).
//!
//! One row of element `vertex` per Gaussian: `x y z`; `f_dc_0..2`, the harmonics of degree 0; `f_rest_*`, the others,
//! first all of red, then of green, then of blue; `opacity`, a logit; `scale_0..2`, natural logarithms; and
//! `rot_0..3`, a quaternion with its real part first.

use effigy_splat::{Filter, Gaussians, MAX_SH_DEGREE, SH_C0, sh_coefficients};
use glam::{Quat, Vec3};

use super::clean::clean;
use super::ply_body::PlyFile;
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
/// Harmonics of degree 0 to 3 are read; of degree 4 the first three. Other elements and properties are ignored.
/// The filter is [`Filter::CLASSIC`].
///
/// # Errors
/// [`SplatFileError`] if the file is truncated, lacks a property, is over a limit, or holds nothing that can be drawn.
pub fn read_ply(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    decode(&PlyFile::parse(bytes, &options.limits)?, options)
}

/// Reads the Gaussians of a PLY that is not compressed.
pub(super) fn decode(file: &PlyFile<'_>, options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    let table = file
        .table("vertex")
        .ok_or_else(|| SplatFileError::PlyLayout("there is no element \"vertex\"".into()))?;
    let rest = RestColumns::of(table.element.rest_count()?)?;
    let mut names: Vec<String> = REQUIRED.iter().map(|name| (*name).to_owned()).collect();
    names.extend((0..rest.kept()).flat_map(|k| (0..3).map(move |channel| rest.name(k, channel))));
    let columns = table.columns("vertex", &names)?;
    let count = options.limits.check(table.element.count, rest.degree, 0)?;

    let mut gaussians = Gaussians::with_capacity(count, rest.degree);
    let mut row = vec![0.0_f32; columns.len()];
    table.rows(&columns, |_, values| {
        for (value, &found) in row.iter_mut().zip(values) {
            *value = found as f32;
        }
        let &[x, y, z, red, green, blue, opacity, s0, s1, s2, w, i, j, k, ref harmonics @ ..] =
            row.as_slice()
        else {
            return Ok(());
        };
        gaussians.positions.push(Vec3::new(x, y, z));
        gaussians.rotations.push(Quat::from_xyzw(i, j, k, w));
        gaussians.log_scales.push(Vec3::new(s0, s1, s2));
        gaussians.opacity_logits.push(opacity);
        gaussians.sh.extend(match options.ply_color {
            PlyColor::Harmonic => [red, green, blue],
            PlyColor::Rgb => [red, green, blue].map(harmonic_from_rgb),
        });
        gaussians.sh.extend_from_slice(harmonics);
        Ok(())
    })?;
    options.ply_up.turn(&mut gaussians);
    clean(&mut gaussians)?;
    Ok(SplatScene { gaussians, filter: Filter::CLASSIC })
}

/// The coefficient of degree 0 that gives a colour of `value` by itself.
fn harmonic_from_rgb(value: f32) -> f32 {
    ((f64::from(value) - 0.5) / f64::from(SH_C0)) as f32
}

const REQUIRED: [&str; 14] = [
    "x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0",
    "rot_1", "rot_2", "rot_3",
];

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
