//! The avatar file: a GLB with the extension `EFFIGY_neural_avatar`, specified in `schema/EFFIGY_neural_avatar.md`.

mod animation;
mod encoding;
mod field;
mod mesh;

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use effigy_rig::{Expression, FrameMode, GlbChunks, LoadLimits, Override, Rig, check_asset, split_glb};
use effigy_splat::{BlendSpace, Filter, Gaussians, MAX_SH_DEGREE, SplatOrder, SplatRules};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::glb::{BufferBuilder, ViewUse};
use crate::splat_file::{SplatFileError, write_khr, write_ply};
use crate::whole_file::write_whole;
use crate::{Avatar, AvatarError, Binding, Body};
use field::FieldObject;

/// Name of the glTF extension.
pub const EXTENSION_NAME: &str = "EFFIGY_neural_avatar";

/// In `asset.extras` of what is written here.
const TRACE: &str = "effigyNeuralAvatar";

/// The highest version of the extension that is read, and the one that is written for an avatar with a field.
pub const ASSET_VERSION: u32 = 2;
/// What is written without a field, so that older readers can read it. Versions differ in nothing else.
const VERSION_WITHOUT_FIELD: u32 = 1;

/// The extension object. Numbers beside a name are indices of buffer views.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Extension {
    version: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    count: usize,
    filter: FilterObject,
    sh_degree: u8,
    positions: usize,
    rotations: usize,
    log_scales: usize,
    opacity_logits: usize,
    sh: usize,
    /// Harmonics above degree 0; then `sh` holds only the constant ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sh_rest: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    binding: Option<BindingObject>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<FieldObject>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    expressions: Vec<ExpressionObject>,
    /// Nodes by the names of VRM 1.0's bones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    humanoid: BTreeMap<String, usize>,
}

#[derive(Serialize, Deserialize)]
struct FilterObject {
    variance: f32,
    compensate: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    order: OrderName,
    /// Absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cutoff: Option<f32>,
    #[serde(default, skip_serializing_if = "is_default")]
    blending: BlendingName,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OrderName {
    #[default]
    ViewDepth,
    EyeDistance,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum BlendingName {
    #[default]
    Srgb,
    Linear,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<Filter> for FilterObject {
    fn from(Filter { variance, compensate, rules }: Filter) -> Self {
        Self {
            variance,
            compensate,
            order: match rules.order {
                SplatOrder::ViewDepth => OrderName::ViewDepth,
                SplatOrder::EyeDistance => OrderName::EyeDistance,
            },
            cutoff: rules.cutoff.is_finite().then_some(rules.cutoff),
            blending: match rules.blending {
                BlendSpace::Srgb => BlendingName::Srgb,
                BlendSpace::Linear => BlendingName::Linear,
            },
        }
    }
}

impl From<&FilterObject> for Filter {
    fn from(object: &FilterObject) -> Self {
        let rules = SplatRules {
            order: match object.order {
                OrderName::ViewDepth => SplatOrder::ViewDepth,
                OrderName::EyeDistance => SplatOrder::EyeDistance,
            },
            cutoff: object.cutoff.unwrap_or(f32::INFINITY),
            blending: match object.blending {
                BlendingName::Srgb => BlendSpace::Srgb,
                BlendingName::Linear => BlendSpace::Linear,
            },
        };
        Self { variance: object.variance, compensate: object.compensate, rules }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BindingObject {
    frame: FrameName,
    vertex_count: usize,
    triangle_count: usize,
    triangles: usize,
    barycentric: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FrameName {
    Surface,
    Skin,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExpressionObject {
    name: String,
    #[serde(default)]
    binary: bool,
    binds: Vec<(String, f32)>,
    #[serde(default, skip_serializing_if = "is_none")]
    override_blink: OverrideName,
    #[serde(default, skip_serializing_if = "is_none")]
    override_look_at: OverrideName,
    #[serde(default, skip_serializing_if = "is_none")]
    override_mouth: OverrideName,
}

#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum OverrideName {
    #[default]
    None,
    Block,
    Blend,
}

fn is_none(name: &OverrideName) -> bool {
    *name == OverrideName::None
}

impl From<Override> for OverrideName {
    fn from(value: Override) -> Self {
        match value {
            Override::None => Self::None,
            Override::Block => Self::Block,
            Override::Blend => Self::Blend,
        }
    }
}

impl From<OverrideName> for Override {
    fn from(name: OverrideName) -> Self {
        match name {
            OverrideName::None => Self::None,
            OverrideName::Block => Self::Block,
            OverrideName::Blend => Self::Blend,
        }
    }
}

impl Avatar {
    /// The avatar as a `.glb` file: plain glTF 2.0 of the rig, with the Gaussians in the extension. The same avatar
    /// gives the same bytes, and so does the avatar read back from them.
    ///
    /// Values are rounded as the format has it: rotations and weights to 16 bits, log-scales to 1/1024, opacities
    /// colours and the field's weights to half floats; with a field, offsets to half floats and harmonics above degree 0 to 8 bits. What a rig's meshes do not show is not kept: unused joints and pictures' original
    /// WebP encoding (they become PNG).
    ///
    /// # Errors
    /// Those of [`Avatar::validate`], and [`AvatarError::Asset`] for a rig that glTF cannot hold.
    pub fn to_glb(&self) -> Result<Vec<u8>, AvatarError> {
        self.validate()?;
        let mut buffer = BufferBuilder::default();
        let mut document = json!({
            "asset": {
                "version": "2.0",
                "generator": concat!("effigy ", env!("CARGO_PKG_VERSION")),
                // Programs that drop the extension keep this.
                "extras": { TRACE: true },
            },
            "extensionsUsed": [EXTENSION_NAME]
        });
        let mut counts = (0, 0);
        if let Some(body) = &self.body {
            let meshes = mesh::meshes(&body.rig)?;
            counts = mesh::written_counts(&meshes);
            if let Some(copyright) = &body.rig.copyright {
                document["asset"]["copyright"] = json!(copyright);
            }
            mesh::write(&body.rig, &meshes, &mut buffer, &mut document)?;
            let animations = animation::write(&body.rig, &meshes, &mut buffer)?;
            if !animations.is_empty() {
                document["animations"] = Value::Array(animations);
            }
        }
        if self.gaussians.is_empty() {
            return Err(AvatarError::Asset("an avatar without Gaussians cannot be written".into()));
        }
        let field = self.body.as_ref().and_then(|body| body.field.as_ref());
        let degree = self.gaussians.sh_degree;
        let compact = field.is_some() && degree > 0;
        let [positions, rotations, log_scales, opacity_logits, sh] =
            encoding::encode_gaussians(&self.gaussians, field.is_some(), compact)
                .map(|bytes| buffer.view(&bytes, ViewUse::Data));
        let sh_rest = compact.then(|| {
            let (_, rest) = encoding::split_harmonics(&self.gaussians);
            buffer.view(&encoding::encode_rest(&rest, encoding::rest_values(degree)), ViewUse::Data)
        });
        let extension = Extension {
            version: if field.is_some() { ASSET_VERSION } else { VERSION_WITHOUT_FIELD },
            name: self.name.clone(),
            count: self.gaussians.len(),
            filter: self.filter.into(),
            sh_degree: self.gaussians.sh_degree,
            positions,
            rotations,
            log_scales,
            opacity_logits,
            sh,
            sh_rest,
            binding: self.body.as_ref().map(|body| BindingObject {
                frame: match body.binding.frame {
                    FrameMode::Surface => FrameName::Surface,
                    FrameMode::Skin => FrameName::Skin,
                },
                vertex_count: counts.0,
                triangle_count: counts.1,
                triangles: buffer.view(&encoding::encode_indices(&body.binding.triangles), ViewUse::Data),
                barycentric: buffer
                    .view(&encoding::encode_barycentric(&body.binding.barycentric), ViewUse::Data),
            }),
            field: field.map(|field| FieldObject::write(field, &mut buffer)),
            expressions: self.body.iter().flat_map(|body| expression_objects(&body.rig)).collect(),
            humanoid: self.body.as_ref().map(|body| body.rig.humanoid.clone()).unwrap_or_default(),
        };
        let value = serde_json::to_value(extension)
            .map_err(|e| AvatarError::Asset(format!("extension cannot be written: {e}")))?;
        document["extensions"] = json!({ EXTENSION_NAME: value });
        buffer.into_glb(document)
    }

    /// Writes the avatar to `path` as [`Avatar::to_glb`] has it. The file appears whole or not at all.
    ///
    /// # Errors
    /// [`AvatarError::Io`], and those of [`Avatar::to_glb`], with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), AvatarError> {
        let path = path.as_ref();
        let bytes = self.to_glb().map_err(|e| e.in_file(path))?;
        write_whole(path, |to| to.write_all(&bytes)).map_err(AvatarError::io(path))
    }

    /// Writes the Gaussians at rest to `path` as other programs read them ([`write_ply`]). The file appears whole or not at
    /// all.
    ///
    /// # Errors
    /// [`AvatarError::Io`], and those of [`Avatar::posed_at_rest`].
    pub fn save_ply(&self, path: impl AsRef<Path>) -> Result<(), AvatarError> {
        let path = path.as_ref();
        let gaussians = self.posed_at_rest()?.gaussians;
        write_whole(path, |to| {
            write_ply(&gaussians, self.filter, to).map_err(|error| match error {
                SplatFileError::Write(error) => error,
                other => std::io::Error::other(other),
            })
        })
        .map_err(AvatarError::io(path))
    }

    /// Writes the Gaussians at rest to `path`, a `.glb` with `KHR_gaussian_splatting`, as other programs read them
    /// ([`write_khr`]). The file appears whole or not at all.
    ///
    /// # Errors
    /// [`AvatarError::Io`], and those of [`Avatar::posed_at_rest`] and [`write_khr`], with the path.
    pub fn save_khr(&self, path: impl AsRef<Path>) -> Result<(), AvatarError> {
        let path = path.as_ref();
        let write = || write_khr(&self.posed_at_rest()?.gaussians, self.filter, &self.name);
        let bytes = write().map_err(|e| e.in_file(path))?;
        write_whole(path, |to| to.write_all(&bytes)).map_err(AvatarError::io(path))
    }

    /// Reads a `.glb` file with the extension, within the default [`LoadLimits`].
    ///
    /// # Errors
    /// As [`Avatar::from_glb_within`].
    pub fn from_glb(bytes: &[u8]) -> Result<Self, AvatarError> {
        Self::from_glb_within(bytes, &LoadLimits::default())
    }

    /// Reads a `.glb` file with the extension.
    ///
    /// # Errors
    /// [`AvatarError::Asset`] for a container or extension that is malformed, of a later version or at odds with its
    /// own counts, [`AvatarError::Rig`] for its mesh, and those of [`Avatar::validate`].
    pub fn from_glb_within(bytes: &[u8], limits: &LoadLimits) -> Result<Self, AvatarError> {
        match AssetFile::parse(bytes, limits)?.avatar(limits)? {
            Some(avatar) => Ok(avatar),
            None => Err(AvatarError::Asset(format!("glb: no extension {EXTENSION_NAME}"))),
        }
    }
}

/// A glTF file of which the parts that concern this crate have been read.
pub(crate) struct AssetFile<'a> {
    bytes: &'a [u8],
    binary: &'a [u8],
    document: Document<'a>,
}

impl<'a> AssetFile<'a> {
    /// # Errors
    /// [`AvatarError::Rig`] or [`AvatarError::Asset`] for a file that is no glTF 2.0 or needs extensions that are not
    /// supported.
    pub(crate) fn parse(bytes: &'a [u8], limits: &LoadLimits) -> Result<Self, AvatarError> {
        let GlbChunks { json, binary } = split_glb(bytes, limits)?;
        let document: Document<'_> = serde_json::from_slice(json)
            .map_err(|e| AvatarError::Asset(format!("glb: JSON: {}", shown(&e))))?;
        check_asset(&json!({
            "asset": document.asset,
            "extensionsRequired": document.extensions_required,
        }))?;
        Ok(Self { bytes, binary, document })
    }

    /// Whether the file was an avatar before some other program dropped the extension.
    pub(crate) fn has_lost_its_avatar(&self) -> bool {
        let asset = &self.document.asset;
        let ours = |generator: &String| generator.starts_with("effigy ");
        let traced = asset.extras.as_ref().and_then(|extras| extras.get(TRACE)).is_some();
        self.document.extensions.avatar.is_none() && (traced || asset.generator.as_ref().is_some_and(ours))
    }

    /// The avatar in the file; `None` if it has not got the extension.
    ///
    /// # Errors
    /// As [`Avatar::from_glb_within`].
    pub(crate) fn avatar(&self, limits: &LoadLimits) -> Result<Option<Avatar>, AvatarError> {
        let Some(text) = self.document.extensions.avatar.map(RawValue::get) else { return Ok(None) };
        let fail = |e: serde_json::Error| AvatarError::Asset(format!("{EXTENSION_NAME}: {}", shown(&e)));
        // Looked at before the rest, which a later version may lay out in another way.
        let Version { version } = serde_json::from_str(text).map_err(fail)?;
        if version == 0 || version > u64::from(ASSET_VERSION) {
            return Err(AvatarError::Asset(format!(
                "{EXTENSION_NAME} version {version} is not known; this program reads up to version {ASSET_VERSION}"
            )));
        }
        let extension: Extension = serde_json::from_str(text).map_err(fail)?;
        if version < u64::from(ASSET_VERSION) && extension.field.is_some() {
            return Err(AvatarError::Asset(format!("{EXTENSION_NAME}: a field in version {version}")));
        }
        let views = Views { list: &self.document.buffer_views, binary: self.binary };
        let gaussians = read_gaussians(&extension, &views)?;
        let body = match &extension.binding {
            None if extension.field.is_some() => {
                return Err(AvatarError::Asset(format!("{EXTENSION_NAME}: a field without a binding")));
            }
            None => None,
            Some(binding) => Some(read_body(&extension, binding, &views, self.bytes, limits)?),
        };
        let filter = Filter::from(&extension.filter);
        let avatar = Avatar { name: extension.name, gaussians, filter, body };
        avatar.validate()?;
        Ok(Some(avatar))
    }
}

/// What the parser says, which may quote the file, on one line.
fn shown(fault: &serde_json::Error) -> String {
    let said = fault.to_string();
    let visible = said.chars().map(|c| if c.is_control() { ' ' } else { c });
    visible.take(200).collect()
}

/// The parts of the glTF document that are read here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    asset: AssetObject,
    #[serde(default)]
    extensions_required: Vec<String>,
    #[serde(default)]
    buffer_views: Vec<View>,
    #[serde(default, borrow)]
    extensions: Extensions<'a>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssetObject {
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_version: Option<String>,
    #[serde(default, skip_serializing)]
    generator: Option<String>,
    #[serde(default, skip_serializing)]
    extras: Option<Value>,
}

#[derive(Deserialize, Default)]
struct Extensions<'a> {
    /// As text, which takes no more memory than the file.
    #[serde(rename = "EFFIGY_neural_avatar", borrow)]
    avatar: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct View {
    buffer: usize,
    #[serde(default)]
    byte_offset: usize,
    byte_length: usize,
}

struct Views<'a> {
    list: &'a [View],
    binary: &'a [u8],
}

impl<'a> Views<'a> {
    /// The bytes of buffer view `index`, which must hold `count` elements of `size` bytes.
    fn bytes(&self, what: &str, index: usize, count: usize, size: usize) -> Result<&'a [u8], AvatarError> {
        let fail = |fault: String| AvatarError::Asset(format!("{EXTENSION_NAME}: {what}: {fault}"));
        let view = self.list.get(index).ok_or_else(|| fail(format!("no buffer view {index}")))?;
        if view.buffer != 0 {
            return Err(fail(format!("buffer {} is not the file's own", view.buffer)));
        }
        let bytes = view
            .byte_offset
            .checked_add(view.byte_length)
            .and_then(|end| self.binary.get(view.byte_offset..end))
            .ok_or_else(|| fail("the buffer view ends behind the file".into()))?;
        if count.checked_mul(size) != Some(bytes.len()) {
            return Err(fail(format!("{} bytes for {count} entries of {size}", bytes.len())));
        }
        Ok(bytes)
    }
}

fn read_gaussians(extension: &Extension, views: &Views<'_>) -> Result<Gaussians, AvatarError> {
    if extension.count == 0 {
        return Err(AvatarError::Asset(format!("{EXTENSION_NAME}: there are no Gaussians")));
    }
    let degree = extension.sh_degree;
    if degree > MAX_SH_DEGREE {
        return Err(AvatarError::Asset(format!(
            "{EXTENSION_NAME}: harmonics degree {degree} is above {MAX_SH_DEGREE}"
        )));
    }
    let view = |what, index, size| views.bytes(what, index, extension.count, size);
    let positions = match extension.field {
        Some(_) => encoding::decode_offsets(view("positions", extension.positions, 6)?),
        None => encoding::decode_vectors(view("positions", extension.positions, 12)?),
    };
    let sh = match extension.sh_rest {
        Some(rest) if degree > 0 => {
            let values = encoding::rest_values(degree);
            let rest = encoding::decode_rest(view("shRest", rest, 1 + values)?, values);
            let constant = encoding::decode_halves(view("sh", extension.sh, encoding::sh_bytes(0))?);
            encoding::join_harmonics(&constant, &rest, values)
        }
        Some(_) => {
            return Err(AvatarError::Asset(format!("{EXTENSION_NAME}: shRest for harmonics of degree 0")));
        }
        None => encoding::decode_halves(view("sh", extension.sh, encoding::sh_bytes(degree))?),
    };
    Ok(Gaussians {
        positions,
        rotations: encoding::decode_rotations(view("rotations", extension.rotations, 8)?),
        log_scales: encoding::decode_log_scales(view("logScales", extension.log_scales, 6)?),
        opacity_logits: encoding::decode_halves(view("opacityLogits", extension.opacity_logits, 2)?),
        sh_degree: degree,
        sh,
    })
}

fn read_body(
    extension: &Extension,
    binding: &BindingObject,
    views: &Views<'_>,
    glb: &[u8],
    limits: &LoadLimits,
) -> Result<Body, AvatarError> {
    let fail = |fault: String| Err(AvatarError::Asset(format!("{EXTENSION_NAME}: {fault}")));
    let triangles = views.bytes("binding.triangles", binding.triangles, extension.count, 4)?;
    let barycentric = views.bytes("binding.barycentric", binding.barycentric, extension.count, 4)?;
    let triangles = encoding::decode_indices(triangles);
    let Some(barycentric) = encoding::decode_barycentric(barycentric) else {
        return fail("binding.barycentric: two weights exceed 1 together".into());
    };
    let mut rig = Rig::from_slice(glb, None, limits)?;
    let found = (rig.vertex_count(), rig.triangles.len());
    if found != (binding.vertex_count, binding.triangle_count) {
        return fail(format!(
            "bound to a mesh of {} vertices and {} triangles, the file's has {} and {}",
            binding.vertex_count, binding.triangle_count, found.0, found.1
        ));
    }
    let morphs: HashMap<&str, usize> =
        rig.morphs.iter().enumerate().map(|(index, morph)| (morph.name.as_str(), index)).collect();
    let mut expressions = Vec::new();
    for expression in &extension.expressions {
        let mut binds = Vec::new();
        for (morph, weight) in &expression.binds {
            match morphs.get(morph.as_str()).copied() {
                Some(index) if weight.is_finite() => binds.push((index, *weight)),
                Some(_) => return fail(format!("expression {:?} has a weight without end", expression.name)),
                None => return fail(format!("expression {:?} moves no morph {morph:?}", expression.name)),
            }
        }
        let overrides = [expression.override_blink, expression.override_look_at, expression.override_mouth];
        expressions.push(Expression {
            name: expression.name.clone(),
            binds,
            binary: expression.binary,
            overrides: overrides.map(Override::from),
        });
    }
    rig.expressions = expressions;
    if let Some((bone, node)) = extension.humanoid.iter().find(|(_, node)| **node >= rig.nodes.len()) {
        return fail(format!("the bone {bone:.64?} is node {node} of {}", rig.nodes.len()));
    }
    rig.humanoid.clone_from(&extension.humanoid);
    let frame = match binding.frame {
        FrameName::Surface => FrameMode::Surface,
        FrameName::Skin => FrameMode::Skin,
    };
    let field = extension.field.as_ref().map(|field| field.read(&rig, views)).transpose()?;
    Ok(Body { rig, binding: Binding { triangles, barycentric, frame }, field })
}

fn expression_objects(rig: &Rig) -> Vec<ExpressionObject> {
    let bind = |&(morph, weight): &(usize, f32)| Some((rig.morphs.get(morph)?.name.clone(), weight));
    rig.expressions
        .iter()
        .map(|e| ExpressionObject {
            name: e.name.clone(),
            binary: e.binary,
            binds: e.binds.iter().filter_map(bind).collect(),
            override_blink: e.overrides[0].into(),
            override_look_at: e.overrides[1].into(),
            override_mouth: e.overrides[2].into(),
        })
        .collect()
}
