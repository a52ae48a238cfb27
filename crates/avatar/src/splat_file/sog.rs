//! SOG, the splats of PlayCanvas as lossless WebP pictures: a pixel a Gaussian, row by row, and a `meta.json` that says
//! what they mean. The two versions that there are, bundled in a zip (`.sog`) or beside each other in a folder.
//!
//! - `means`: two pictures, low and high byte of 16 bits each for x, y, z, from the least to the greatest of
//!   sign(x) · ln(1 + |x|);
//! - `quats`: the three components that are not the largest, from -√½ to √½, and in alpha 252 + the number of the largest
//!   of w, x, y, z;
//! - `scales`: natural logarithms, by a codebook of 256, or (version 1) from least to greatest;
//! - `sh0`: the harmonics of degree 0, likewise, and in alpha the opacity (in version 1 its logit, from least to
//!   greatest);
//! - `shN`: a picture of centroids, 64 in a row with a pixel a harmonic, by a codebook or from least to greatest, and one
//!   that says which of them each Gaussian has, in 16 bits.
//!
//! The axes are those of the PLY it was made from. After the specification at
//! <https://developer.playcanvas.com/user-manual/gaussian-splatting/formats/sog/> and PlayCanvas splat-transform.

use std::f64::consts::FRAC_1_SQRT_2;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Component, Path};

use effigy_splat::{Filter, Gaussians, MAX_SH_DEGREE, sh_coefficients};
use glam::{Quat, Vec3};
use image::{ImageFormat, ImageReader};
use serde::Deserialize;

use crate::AvatarError;
use crate::archive::{Archive, file_name};

use super::color::logit_from_byte;
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatReadOptions, SplatScene, UpAxis};

/// Centroids in a row of their picture.
const CENTROIDS: usize = 64;

#[derive(Deserialize)]
struct Meta {
    version: Option<u32>,
    count: Option<u64>,
    #[serde(default)]
    antialias: bool,
    /// What splat-transform writes in place of that: `antialiased`.
    model: Option<String>,
    means: Means,
    scales: Values,
    quats: Files,
    sh0: Values,
    #[serde(rename = "shN")]
    sh_n: Option<ShN>,
}

#[derive(Deserialize)]
struct Means {
    shape: Option<Vec<u64>>,
    mins: Vec<f64>,
    maxs: Vec<f64>,
    files: Vec<String>,
}

#[derive(Deserialize)]
struct Values {
    #[serde(default)]
    mins: Vec<f32>,
    #[serde(default)]
    maxs: Vec<f32>,
    #[serde(default)]
    codebook: Vec<f32>,
    files: Vec<String>,
}

#[derive(Deserialize)]
struct Files {
    files: Vec<String>,
}

#[derive(Deserialize)]
struct ShN {
    count: Option<usize>,
    bands: Option<u8>,
    mins: Option<f32>,
    maxs: Option<f32>,
    #[serde(default)]
    codebook: Vec<f32>,
    files: Vec<String>,
}

/// Reads a SOG that is bundled in a zip; `meta` is the path of its `meta.json` there.
///
/// # Errors
/// As [`read_sog`], and [`AvatarError::Archive`].
pub(crate) fn read_bundled_sog(
    archive: &mut Archive<'_>,
    meta: &str,
    options: &SplatReadOptions,
) -> Result<SplatScene, AvatarError> {
    let folder = meta.strip_suffix(file_name(meta)).unwrap_or_default();
    let text = archive.read(meta)?;
    let mut fetch = |name: &str| archive.read(&format!("{folder}{name}")).map_err(|e| fault(e.to_string()));
    Ok(read_sog(&text, &mut fetch, options)?)
}

/// Reads a SOG whose pictures lie beside its `meta.json` in `folder`.
///
/// # Errors
/// As [`read_sog`]; a picture that lies elsewhere counts as missing.
pub(crate) fn read_sog_beside(
    meta: &[u8],
    folder: &Path,
    options: &SplatReadOptions,
) -> Result<SplatScene, SplatFileError> {
    let limit = options.limits.max_unpacked_bytes;
    let fetch = |name: &str| {
        let fail = |what: &dyn std::fmt::Display| fault(format!("{name:.60}: {what}"));
        let mut components = Path::new(name).components();
        let one = matches!((components.next(), components.next()), (Some(Component::Normal(_)), None));
        if !one || name.contains(['\\', ':', '\0']) {
            return Err(fail(&"is not the name of a file in the folder"));
        }
        let file = File::open(folder.join(name)).map_err(|e| fail(&e))?;
        if !file.metadata().map_err(|e| fail(&e))?.is_file() {
            return Err(fail(&"is not a file"));
        }
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| fail(&e))?;
        if bytes.len() as u64 > limit {
            return Err(fail(&format!("is larger than {limit} bytes")));
        }
        Ok(bytes)
    };
    read_sog(meta, fetch, options)
}

/// Whether `bytes` are the `meta.json` of a SOG.
pub(crate) fn is_sog_meta(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Mark {
        #[serde(rename = "means")]
        _means: Files,
        #[serde(rename = "quats")]
        _quats: Files,
    }
    bytes.trim_ascii_start().starts_with(b"{") && serde_json::from_slice::<Mark>(bytes).is_ok()
}

/// Reads a SOG of either version, whose `meta.json` is `meta`. `fetch` gives the bytes of the picture of a name, which
/// the file chose: it is for `fetch` to see that the name leads nowhere else. The filter is [`Filter::MIP`] if the file
/// says that it was trained with anti-aliasing, else [`Filter::CLASSIC`].
///
/// # Errors
/// [`SplatFileError`] for a `meta.json` that does not say what is needed, a picture that is missing, malformed or too
/// small, what is over a limit, and what `fetch` gives.
pub fn read_sog(
    meta: &[u8],
    mut fetch: impl FnMut(&str) -> Result<Vec<u8>, SplatFileError>,
    options: &SplatReadOptions,
) -> Result<SplatScene, SplatFileError> {
    let limits = &options.limits;
    if meta.len() > limits.max_header_bytes {
        return Err(SplatFileError::Limit {
            what: "bytes of meta.json",
            found: meta.len() as u64,
            limit: limits.max_header_bytes as u64,
        });
    }
    let meta: Meta = serde_json::from_slice(meta).map_err(|e| fault(format!("meta.json: {e}")))?;
    let first = match meta.version {
        None | Some(1) => true,
        Some(2) => false,
        Some(other) => return Err(fault(format!("version {other} is not known; 1 and 2 are"))),
    };
    let count = meta.count.or_else(|| meta.means.shape.as_ref()?.first().copied());
    let count = count.ok_or_else(|| fault("meta.json does not say how many Gaussians there are".into()))?;
    // Before it is known whether there are harmonics, as if there were.
    let count = limits.check(count, MAX_SH_DEGREE, 4 * 4 * count)?;
    let mut picture = |files: &[String], index: usize, what: &str, least: usize| {
        let name =
            files.get(index).ok_or_else(|| fault(format!("meta.json names no picture {index} of {what}")))?;
        Picture::decode(&fetch(name)?, name, least, limits.max_unpacked_bytes)
    };

    let low = picture(&meta.means.files, 0, "means", count)?;
    let high = picture(&meta.means.files, 1, "means", count)?;
    let (mins, maxs) = (three(&meta.means.mins, "means.mins")?, three(&meta.means.maxs, "means.maxs")?);
    let mut gaussians = Gaussians::with_capacity(count, 0);
    gaussians.positions.extend(low.pixels().zip(high.pixels()).take(count).map(|(low, high)| {
        Vec3::from_array([0, 1, 2].map(|k| {
            let part = f64::from(u16::from_le_bytes([low[k], high[k]])) / 65_535.0;
            let log = mins[k] + (maxs[k] - mins[k]) * part;
            (log.signum() * log.abs().exp_m1()) as f32
        }))
    }));
    let quats = picture(&meta.quats.files, 0, "quats", count)?;
    gaussians.rotations.extend(quats.pixels().take(count).map(rotation));

    let scales = picture(&meta.scales.files, 0, "scales", count)?;
    let curve = Curve::of(&meta.scales, 3, first, "scales")?;
    gaussians.log_scales.extend(
        scales.pixels().take(count).map(|p| Vec3::from_array([0, 1, 2].map(|k| curve.value(k, p[k])))),
    );
    let colors = picture(&meta.sh0.files, 0, "sh0", count)?;
    let curve = Curve::of(&meta.sh0, if first { 4 } else { 3 }, first, "sh0")?;
    gaussians.opacity_logits.extend(colors.pixels().take(count).map(|p| match first {
        true => curve.value(3, p[3]),
        false => logit_from_byte(p[3]),
    }));
    let rest = match &meta.sh_n {
        None => None,
        Some(sh_n) => {
            let centroids = picture(&sh_n.files, 0, "shN", 0)?;
            let labels = picture(&sh_n.files, 1, "shN", count)?;
            Rest::new(sh_n, centroids, labels, first)?
        }
    };
    gaussians.sh_degree = rest.as_ref().map_or(0, |rest| rest.degree);
    for (i, p) in colors.pixels().take(count).enumerate() {
        gaussians.sh.extend([0, 1, 2].map(|k| curve.value(k, p[k])));
        if let Some(rest) = &rest {
            rest.extend(i, &mut gaussians.sh);
        }
    }
    let axes = Told::new(UpAxis::YDown.into(), "as is the custom");
    let filter = match meta.antialias || meta.model.as_deref() == Some("antialiased") {
        true => Told::new(Filter::MIP, "as the file says"),
        false => Told::new(Filter::CLASSIC, "the file does not say otherwise"),
    };
    finish(Found { format: "SOG", gaussians, axes, filter }, options)
}

fn fault(what: String) -> SplatFileError {
    // What is quoted from JSON or names may hold anything.
    SplatFileError::Sog(what.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect())
}

fn three(values: &[f64], what: &str) -> Result<[f64; 3], SplatFileError> {
    values.first_chunk().copied().ok_or_else(|| fault(format!("meta.json: {what} has fewer than 3 numbers")))
}

/// Red, green, blue and alpha, a byte each, row by row.
struct Picture {
    width: usize,
    height: usize,
    rgba: Vec<u8>,
}

impl Picture {
    fn decode(bytes: &[u8], name: &str, least: usize, limit: u64) -> Result<Self, SplatFileError> {
        let fail = |what: &dyn std::fmt::Display| fault(format!("{name:.60}: {what}"));
        let mut reader = ImageReader::with_format(Cursor::new(bytes), ImageFormat::WebP);
        let mut limits = image::Limits::default();
        limits.max_alloc = Some(limit);
        reader.limits(limits);
        let picture = reader.decode().map_err(|e| fail(&e))?.into_rgba8();
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        if width * height < least {
            return Err(fail(&format!("{width}x{height} pixels are fewer than {least} Gaussians")));
        }
        Ok(Self { width, height, rgba: picture.into_raw() })
    }

    fn pixels(&self) -> impl Iterator<Item = &[u8; 4]> {
        self.rgba.as_chunks().0.iter()
    }

    fn pixel(&self, x: usize, y: usize) -> Option<&[u8; 4]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        self.rgba.as_chunks().0.get(y * self.width + x)
    }
}

/// What the bytes of a picture mean.
enum Curve<'a> {
    Codebook(&'a [f32; 256]),
    /// For each channel, or one for all.
    Range(&'a [f32], &'a [f32]),
}

impl<'a> Curve<'a> {
    fn of(values: &'a Values, channels: usize, first: bool, what: &str) -> Result<Self, SplatFileError> {
        if first {
            if values.mins.len() < channels || values.maxs.len() < channels {
                return Err(fault(format!("meta.json: {what} has bounds of fewer than {channels} channels")));
            }
            return Ok(Self::Range(&values.mins, &values.maxs));
        }
        Self::codebook(&values.codebook, what)
    }

    fn codebook(values: &'a [f32], what: &str) -> Result<Self, SplatFileError> {
        let found = values.len();
        let codebook = values.first_chunk();
        codebook
            .map(Self::Codebook)
            .ok_or_else(|| fault(format!("meta.json: {what} has a codebook of {found}")))
    }

    fn value(&self, channel: usize, byte: u8) -> f32 {
        match self {
            Self::Codebook(values) => values[usize::from(byte)],
            Self::Range(mins, maxs) => {
                let bound = |of: &[f32]| of.get(channel).or(of.first()).copied().unwrap_or(f32::NAN);
                let (least, greatest) = (bound(mins), bound(maxs));
                least + (greatest - least) * (f32::from(byte) / 255.0)
            }
        }
    }
}

/// Harmonics above degree 0.
struct Rest {
    degree: u8,
    /// Of one centroid after another, red, green and blue innermost.
    centroids: Vec<f32>,
    labels: Picture,
}

impl Rest {
    /// `None` if they are of degree 0.
    fn new(
        sh_n: &ShN,
        centroids: Picture,
        labels: Picture,
        first: bool,
    ) -> Result<Option<Self>, SplatFileError> {
        let width = centroids.width;
        let of_width = (1..=MAX_SH_DEGREE).find(|&degree| width == CENTROIDS * (sh_coefficients(degree) - 1));
        let degree = match sh_n.bands {
            Some(0) => return Ok(None),
            // What is written need not be what is drawn, but there is no way to tell the one from the other.
            Some(bands) if of_width != Some(bands) => {
                return Err(fault(format!("centroids of {bands} bands in a picture {width} pixels wide")));
            }
            _ => of_width.ok_or_else(|| fault(format!("centroids in a picture {width} pixels wide")))?,
        };
        let bounds = (sh_n.mins.map(|v| [v]), sh_n.maxs.map(|v| [v]));
        let curve = match (&bounds, first) {
            ((Some(mins), Some(maxs)), true) => Curve::Range(mins, maxs),
            (_, true) => return Err(fault("meta.json: shN has no bounds".into())),
            (_, false) => Curve::codebook(&sh_n.codebook, "shN")?,
        };
        let each = sh_coefficients(degree) - 1;
        let there = CENTROIDS * centroids.height;
        let count = sh_n.count.unwrap_or(there).min(there);
        let mut values = Vec::with_capacity(count * each * 3);
        for centroid in 0..count {
            for k in 0..each {
                let pixel = centroids.pixel(centroid % CENTROIDS * each + k, centroid / CENTROIDS);
                let pixel = pixel.copied().unwrap_or_default();
                values.extend([0, 1, 2].map(|channel| curve.value(channel, pixel[channel])));
            }
        }
        Ok(Some(Self { degree, centroids: values, labels }))
    }

    /// Appends those of Gaussian `i`; none where its label leads nowhere.
    fn extend(&self, i: usize, sh: &mut Vec<f32>) {
        let width = 3 * (sh_coefficients(self.degree) - 1);
        let label = self.labels.rgba.as_chunks::<4>().0.get(i);
        let label = label.map_or(0, |&[low, high, ..]| usize::from(u16::from_le_bytes([low, high])));
        match self.centroids.get(label * width..(label + 1) * width) {
            Some(values) => sh.extend_from_slice(values),
            None => sh.extend(std::iter::repeat_n(0.0, width)),
        }
    }
}

/// From three components and the number of the fourth. Where that is none, no rotation at all, as in other readers.
fn rotation(&[a, b, c, tag]: &[u8; 4]) -> Quat {
    let Some(largest) = tag.checked_sub(252).map(usize::from) else { return Quat::IDENTITY };
    let rest = [a, b, c].map(|v| (f64::from(v) / 255.0 * 2.0 - 1.0) * FRAC_1_SQRT_2);
    let last = (1.0 - rest.iter().map(|v| v * v).sum::<f64>()).max(0.0).sqrt();
    let mut rest = rest.into_iter();
    let [w, x, y, z] =
        [0, 1, 2, 3].map(|k| if k == largest { last as f32 } else { rest.next().unwrap_or(0.0) as f32 });
    Quat::from_xyzw(x, y, z, w)
}
