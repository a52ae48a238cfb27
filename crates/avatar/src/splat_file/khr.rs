//! Splats in glTF: the extension `KHR_gaussian_splatting` (ratified by Khronos), and SPZ inside of it.
//!
//! A primitive of points has the attributes `POSITION`, `KHR_gaussian_splatting:ROTATION` (xyzw), `:SCALE` (linear),
//! `:OPACITY` (0 to 1) and `:SH_DEGREE_l_COEF_n` (red, green, blue; the order and signs of 3D Gaussian Splatting), each
//! of floats or of integers as its accessor says. The nodes that carry it place it. Where the harmonics are missing,
//! `COLOR_0` is the colour, as it is for programs that show points. Companion extensions of several names hold an SPZ
//! file in a buffer view instead of attributes; its axes are glTF's.
//!
//! Drawn by rules of its own: [`SplatRules::KHR_ELLIPSE`].

use std::collections::BTreeMap;
use std::path::Path;

use effigy_rig::{LoadLimits, RawPrimitive, RigError, split_glb, visit_primitives};
use effigy_splat::{
    BlendSpace, Filter, Gaussians, MAX_SH_DEGREE, SH_C0, SplatRules, sh_coefficients, srgb_from_linear,
};
use glam::{Quat, Vec3};
use serde_json::Value;

use super::color::logit;
use super::place::place;
use super::scene::{Found, Told, finish};
use super::{SplatFileError, SplatReadOptions, SplatScene, UpAxis, read_spz};

/// Name of the extension.
pub(super) const EXTENSION: &str = "KHR_gaussian_splatting";
/// In the `extras` of a primitive, and in the comments of a PLY: which filter the splats were trained with.
pub(super) const RENDER_MODE: &str = "SplatRenderMode";
/// A scale below this is none, and no rounding of none either.
const LEAST_SCALE: f32 = -1e-3;
/// Extensions are looked for only in files that hold one of these texts.
const MARKS: [&[u8]; 2] = [b"KHR_gaussian_splatting", b"KHR_spz_"];

/// Reads the splats of a glTF file, binary or JSON; `None` of one that has none. Files that it refers to are looked for
/// in `base_dir`, as [`effigy_rig::Rig::from_slice`] does.
///
/// All primitives of splats that the default scene shows are read as one, placed by their nodes with animations at
/// rest; meshes beside them are left out. An unknown kernel is read as the ellipse and an unknown colour space as sRGB,
/// with a warning. So are scales as logarithms where some are negative, as the review draft of
/// 2025 had them. Where primitives differ in their colour space, those of linear light become sRGB splat by splat.
///
/// # Errors
/// [`SplatFileError`] if the file is malformed, lacks an attribute, is over a limit, or holds nothing that can be drawn.
pub fn read_khr(
    bytes: &[u8],
    base_dir: Option<&Path>,
    gltf_limits: &LoadLimits,
    options: &SplatReadOptions,
) -> Result<Option<SplatScene>, SplatFileError> {
    let json = split_glb(bytes, gltf_limits)?.json;
    if !MARKS.iter().any(|mark| json.windows(mark.len()).any(|text| text == *mark)) {
        return Ok(None);
    }
    let mut parts: Vec<Part> = Vec::new();
    let (mut count, mut others, mut unknown) = (0_u64, 0_u64, BTreeMap::new());
    visit_primitives(bytes, base_dir, gltf_limits, |primitive| -> Result<(), SplatFileError> {
        let extension = primitive.extensions().find(|(name, _)| *name == EXTENSION).map(|(_, value)| value);
        let rules = rules(extension, &mut unknown);
        let mut part = match (spz_view(primitive, extension), extension) {
            (Some(view), _) => {
                let bytes = primitive.buffer_view(view)?;
                read_companion(bytes, options).map_err(|e| at(primitive, &e))?
            }
            (None, Some(_)) => read_attributes(primitive, rules.blending, options, count, &mut unknown)?,
            (None, None) => {
                others += 1;
                return Ok(());
            }
        };
        count = count.saturating_add(part.gaussians.len() as u64);
        options.limits.check(count, MAX_SH_DEGREE, 0)?;
        let noted = primitive.extras();
        let filter = match noted.as_ref().and_then(|extras| extras.get(RENDER_MODE)?.as_str()) {
            Some("mip") => Told::new(Filter::MIP, "as the file says"),
            Some(_) => Told::new(Filter::CLASSIC, "as the file says"),
            None => part.filter,
        };
        part.filter = Told { value: Filter { rules, ..filter.value }, by: filter.by };
        place(&mut part.gaussians, &primitive.world_from_mesh);
        parts.push(part);
        Ok(())
    })?;
    if parts.is_empty() {
        return Ok(None);
    }
    for (what, primitives) in unknown {
        tracing::warn!("{what} (primitives: {primitives})");
    }
    if others > 0 {
        tracing::warn!("{others} primitives that are no splats are left out");
    }
    let (gaussians, filter) = together(parts);
    let axes = Told::new(UpAxis::YUp.into(), "as glTF has it");
    finish(Found { format: EXTENSION, gaussians, axes, filter }, options).map(Some)
}

/// The splats of one primitive.
struct Part {
    gaussians: Gaussians,
    filter: Told<Filter>,
}

/// The splats of an SPZ file, whose axes are glTF's unless it says otherwise.
fn read_companion(bytes: &[u8], options: &SplatReadOptions) -> Result<Part, SplatFileError> {
    // What was asked for is of the whole file, and comes at its end.
    let options = SplatReadOptions { up: None, mip: None, ..*options };
    let SplatScene { gaussians, filter, origin } = read_spz(bytes, &options)?;
    Ok(Part { gaussians, filter: Told::new(filter, origin.filter_by) })
}

fn at(primitive: &RawPrimitive<'_>, fault: &SplatFileError) -> SplatFileError {
    SplatFileError::Khr(format!("{}: {fault}", primitive.place))
}

/// The buffer view of an SPZ file, under whichever name it was drafted.
fn spz_view(primitive: &RawPrimitive<'_>, extension: Option<&Value>) -> Option<usize> {
    let within = extension.and_then(|e| e.get("extensions")).and_then(Value::as_object);
    let within = within.into_iter().flatten().map(|(name, value)| (name.as_str(), value));
    let mut companions = within.chain(primitive.extensions()).filter(|(name, _)| name.contains("spz"));
    companions.find_map(|(_, value)| usize::try_from(value.get("bufferView")?.as_u64()?).ok())
}

/// What the extension says of drawing. What is not known of it is counted in `unknown`.
fn rules(extension: Option<&Value>, unknown: &mut BTreeMap<String, usize>) -> SplatRules {
    let text = |key: &str| extension.and_then(|e| e.get(key)).and_then(Value::as_str);
    for (key, known) in
        [("kernel", "ellipse"), ("projection", "perspective"), ("sortingMethod", "cameraDistance")]
    {
        if let Some(other) = text(key).filter(|&value| value != known) {
            *unknown
                .entry(format!("the {key} {other:.40?} is not known; drawn as {known:?}"))
                .or_default() += 1;
        }
    }
    let blending = match text("colorSpace") {
        Some("lin_rec709_display") => BlendSpace::Linear,
        Some("srgb_rec709_display") | None => BlendSpace::Srgb,
        Some(other) => {
            let what = format!("the colour space {other:.40?} is not known; taken for sRGB");
            *unknown.entry(what).or_default() += 1;
            BlendSpace::Srgb
        }
    };
    SplatRules { blending, ..SplatRules::KHR_ELLIPSE }
}

/// The splats of a primitive in its own space, when `before` others have been read already. What is odd about it is
/// counted in `unknown`.
fn read_attributes(
    primitive: &RawPrimitive<'_>,
    space: BlendSpace,
    options: &SplatReadOptions,
    before: u64,
    unknown: &mut BTreeMap<String, usize>,
) -> Result<Part, SplatFileError> {
    let fail = |what: String| SplatFileError::Khr(format!("{}: {what}", primitive.place));
    if !primitive.is_points() {
        return Err(fail("splats must be a primitive of points".into()));
    }
    let name = |suffix: &str| format!("{EXTENSION}:{suffix}");
    let required = |name: &str, components| -> Result<Vec<f32>, SplatFileError> {
        primitive.floats(name, components)?.ok_or_else(|| fail(format!("lacks the attribute {name}")))
    };
    let count = primitive.count("POSITION")?.ok_or_else(|| fail("lacks the attribute POSITION".into()))?;
    let degree = sh_degree(primitive)?;
    // Checked before any of it is held.
    options.limits.check(before.saturating_add(count as u64), degree.unwrap_or(0), 0)?;
    let length = |name: &str, values: Vec<f32>, components: usize| match values.len() == count * components {
        true => Ok(values),
        false => Err(fail(format!("{name} is not of {count} elements"))),
    };

    let mut gaussians = Gaussians::with_capacity(count, degree.unwrap_or(0));
    let positions = required("POSITION", 3)?;
    gaussians.positions.extend(positions.as_chunks().0.iter().map(|p| Vec3::from_array(*p)));
    let rotations = length("ROTATION", required(&name("ROTATION"), 4)?, 4)?;
    gaussians.rotations.extend(rotations.as_chunks().0.iter().map(|q| Quat::from_array(*q)));
    let scales = length("SCALE", required(&name("SCALE"), 3)?, 3)?;
    let logarithms = scales.iter().any(|&scale| scale < LEAST_SCALE);
    if logarithms {
        let what =
            "scales are negative, which as lengths they cannot be: read as logarithms, as a draft had them";
        *unknown.entry(what.into()).or_default() += 1;
    }
    gaussians.log_scales.extend(scales.as_chunks().0.iter().map(|&scale| match logarithms {
        true => Vec3::from_array(scale),
        false => Vec3::from_array(scale.map(|s| f64::from(s).abs().ln() as f32)),
    }));

    let color = match primitive.components("COLOR_0")? {
        Some(components @ (3 | 4)) => {
            let color = primitive.floats("COLOR_0", components)?.unwrap_or_default();
            Some((components, length("COLOR_0", color, components)?))
        }
        _ => None,
    };
    let opacities = match (primitive.floats(&name("OPACITY"), 1)?, &color) {
        (Some(opacities), _) => length("OPACITY", opacities, 1)?,
        (None, Some((4, color))) => color.iter().skip(3).step_by(4).copied().collect(),
        (None, _) => return Err(fail(format!("lacks the attribute {}", name("OPACITY")))),
    };
    gaussians.opacity_logits.extend(opacities.iter().map(|&opacity| logit(opacity.into())));

    match (degree, color) {
        (Some(degree), _) => {
            let coefficients = sh_coefficients(degree);
            gaussians.sh.resize(count * coefficients * 3, 0.0);
            for (k, attribute) in harmonics().take(coefficients).enumerate() {
                let values = length(&attribute, required(&attribute, 3)?, 3)?;
                let rows = gaussians.sh.chunks_exact_mut(3 * coefficients);
                for (row, value) in rows.zip(values.chunks_exact(3)) {
                    if let Some(slot) = row.get_mut(3 * k..3 * k + 3) {
                        slot.copy_from_slice(value);
                    }
                }
            }
        }
        // COLOR_0 is linear light whatever the splats' own space is.
        (None, Some((components, color))) => {
            gaussians.sh.extend(color.chunks_exact(components).flat_map(|c| {
                let color = Vec3::from_slice(c).max(Vec3::ZERO);
                let color = if space == BlendSpace::Srgb { srgb_from_linear(color) } else { color };
                ((color - 0.5) / SH_C0).to_array()
            }))
        }
        (None, None) => return Err(fail(format!("lacks the attribute {}", name("SH_DEGREE_0_COEF_0")))),
    }
    Ok(Part { gaussians, filter: Told::new(Filter::CLASSIC, "the format does not say") })
}

/// Names of the attributes of harmonics, in the order of [`Gaussians::sh`].
pub(super) fn harmonics() -> impl Iterator<Item = String> {
    (0..=MAX_SH_DEGREE).flat_map(|l| (0..=2 * l).map(move |n| format!("{EXTENSION}:SH_DEGREE_{l}_COEF_{n}")))
}

/// The highest degree of which all harmonics are there, and all below.
fn sh_degree(primitive: &RawPrimitive<'_>) -> Result<Option<u8>, RigError> {
    let mut there = 0;
    for name in harmonics() {
        if primitive.count(&name)?.is_none() {
            break;
        }
        there += 1;
    }
    let degree = (0..=MAX_SH_DEGREE).rev().find(|&degree| sh_coefficients(degree) <= there);
    if degree.is_some_and(|degree| there > sh_coefficients(degree)) {
        tracing::warn!("{}: a degree of harmonics that is not complete is left out", primitive.place);
    }
    Ok(degree)
}

/// All parts as one set, under a filter with rules that fit all.
fn together(mut parts: Vec<Part>) -> (Gaussians, Told<Filter>) {
    let rules = SplatRules::common(parts.iter().map(|part| part.filter.value.rules));
    // They can only differ in their colour space.
    let rules = if rules == SplatRules::CLASSIC { SplatRules::KHR_ELLIPSE } else { rules };
    let mips = parts.iter().filter(|part| part.filter.value.compensate).count();
    if mips > 0 && mips < parts.len() {
        tracing::warn!("primitives differ in their filter; all are drawn by the classic one");
        parts.iter_mut().for_each(|part| part.filter = Told::new(Filter::CLASSIC, "primitives differ"));
    }
    let by = parts.last_mut().map(|part| std::mem::take(&mut part.filter.by)).unwrap_or_default();
    let filter = parts.last().map_or(Filter::CLASSIC, |part| part.filter.value);
    let filter = Told::new(Filter { rules, ..filter }, by);
    let degree = parts.iter().map(|part| part.gaussians.sh_degree).max().unwrap_or(0);
    let count = parts.iter().map(|part| part.gaussians.len()).sum();
    let mut all = Gaussians::with_capacity(count, degree);
    let mut converted = 0;
    for Part { gaussians: part, filter: its } in parts {
        all.positions.extend(&part.positions);
        all.rotations.extend(&part.rotations);
        all.log_scales.extend(&part.log_scales);
        all.opacity_logits.extend(&part.opacity_logits);
        let encoded = its.value.rules.blending != rules.blending;
        converted += if encoded { part.len() } else { 0 };
        for i in 0..part.len() {
            let start = all.sh.len();
            all.sh.extend_from_slice(part.sh_of(i));
            if encoded {
                encode(&mut all.sh[start..]);
            }
            all.sh.resize(start + 3 * sh_coefficients(degree), 0.0);
        }
    }
    if converted > 0 {
        tracing::warn!(
            "primitives differ in their colour space: {converted} splats of linear light become sRGB"
        );
    }
    (all, filter)
}

/// Harmonics of linear light as such of sRGB: the constant one exactly, the others by the slope of the curve there.
fn encode(sh: &mut [f32]) {
    for channel in 0..3 {
        let mut values = sh.iter_mut().skip(channel).step_by(3);
        let Some(constant) = values.next() else { return };
        let light = (0.5 + SH_C0 * *constant).max(0.0);
        let shown = srgb_from_linear(Vec3::splat(light)).x;
        *constant = (shown - 0.5) / SH_C0;
        let slope = if light <= 0.003_130_8 { 12.92 } else { 1.055 / 2.4 * light.powf(1.0 / 2.4 - 1.0) };
        values.for_each(|value| *value *= slope);
    }
}
