//! The outermost layer of a glTF file: the chunks of a GLB, the version, and the extensions that it cannot do without.

use serde_json::Value;

use crate::error::{shown, within};
use crate::{LoadLimits, RigError};

/// The two parts of a GLB file (glTF 2.0, 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GlbChunks<'a> {
    /// The JSON text, without a byte order mark.
    pub json: &'a [u8],
    /// The binary chunk; empty where there is none.
    pub binary: &'a [u8],
}

const JSON_CHUNK: u32 = 0x4E4F_534A;
const BINARY_CHUNK: u32 = 0x004E_4942;

/// Extensions that may be required: they change nothing that is read here, or are read here.
const SUPPORTED: &[&str] = &[
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
    "EXT_meshopt_compression",
    "KHR_animation_pointer",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "KHR_xmp_json_ld",
    "EXT_texture_webp",
];
const SUPPORTED_PREFIXES: &[&str] =
    &["KHR_materials_", "KHR_gaussian_splatting", "KHR_spz_", "VRMC_", "EFFIGY_"];
/// Where this is required, the file has no other base colour.
const UNSUPPORTED: &str = "KHR_materials_pbrSpecularGlossiness";
/// What takes an extension out of a file `in.glb`.
const REMEDIES: &[(&str, &str)] = &[
    ("KHR_draco_mesh_compression", "unpack it with: npx @gltf-transform/cli copy in.glb out.glb"),
    (
        "KHR_texture_basisu",
        "unpack it with: npx @gltf-transform/cli ktxdecompress in.glb out.glb (which needs ktx of KTX-Software)",
    ),
    (UNSUPPORTED, "convert it with: npx @gltf-transform/cli metalrough in.glb out.glb"),
];

fn fault(fault: impl ToString) -> RigError {
    RigError::Format { format: "glTF", fault: shown(&fault.to_string()) }
}

/// Splits a GLB file into its chunks; a file that is JSON itself is the JSON part, without a binary one.
///
/// # Errors
/// [`RigError::Format`] for bytes that are neither, another container version than 2, chunks that are cut short, and no
/// JSON chunk; [`RigError::Limit`] over `limits.bytes` or `limits.json_bytes`.
pub fn split_glb<'a>(bytes: &'a [u8], limits: &LoadLimits) -> Result<GlbChunks<'a>, RigError> {
    within("the file", bytes.len() as u64, limits.bytes)?;
    let GlbChunks { json, binary } =
        if bytes.starts_with(b"glTF") { chunks(bytes)? } else { GlbChunks { json: bytes, binary: &[] } };
    within("the JSON part", json_size(json, limits.json_bytes), limits.json_bytes)?;
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(fault("neither a GLB header nor JSON"));
    }
    Ok(GlbChunks { json, binary })
}

/// Bytes of `json` as [`LoadLimits::json_bytes`] counts them; somewhere above `limit` where they are more.
fn json_size(json: &[u8], limit: u64) -> u64 {
    /// A number of small objects takes many times its text in memory, a long text twice.
    const COUNTED_OF_A_TEXT: u64 = 1024;
    if json.len() as u64 <= limit {
        return json.len() as u64;
    }
    let (mut size, mut in_text, mut escaped) = (0, None, false);
    for &byte in json {
        match &mut in_text {
            None => {
                size += 1;
                in_text = (byte == b'"').then_some(0);
            }
            Some(_) if byte == b'"' && !escaped => {
                size += 1;
                in_text = None;
            }
            Some(length) => {
                escaped = byte == b'\\' && !escaped;
                size += u64::from(*length < COUNTED_OF_A_TEXT);
                *length += 1;
            }
        }
        if size > limit {
            // What follows is not needed, and the whole says more than a part.
            return json.len() as u64;
        }
    }
    size
}

fn chunks(bytes: &[u8]) -> Result<GlbChunks<'_>, RigError> {
    let word = |at: usize| {
        let bytes = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes))
    };
    let short = || fault("the GLB header is cut short");
    let version = word(4).ok_or_else(short)?;
    if version != 2 {
        return Err(fault(format!("GLB version {version} instead of 2")));
    }
    let length = word(8).ok_or_else(short)? as usize;
    let whole =
        bytes.get(..length).ok_or_else(|| fault(format!("truncated: {} of {length} bytes", bytes.len())))?;
    let (mut json, mut binary, mut at) = (None, None, 12);
    while at < whole.len() {
        let (Some(size), Some(kind)) = (word(at), word(at + 4)) else {
            return Err(fault("a chunk header is cut short"));
        };
        let start = at + 8;
        let data = start.checked_add(size as usize).and_then(|end| whole.get(start..end));
        let data = data.ok_or_else(|| fault(format!("a chunk of {size} bytes reaches past the end")))?;
        match kind {
            JSON_CHUNK if json.is_none() => json = Some(data),
            BINARY_CHUNK if binary.is_none() => binary = Some(data),
            // Unknown chunks are to be ignored (glTF 2.0, 4.4.3.1).
            _ => {}
        }
        at = start + data.len();
    }
    let json = json.ok_or_else(|| fault("the GLB has no JSON chunk"))?;
    Ok(GlbChunks { json, binary: binary.unwrap_or_default() })
}

/// Checks what a reader must check of a glTF `document`, its JSON, before anything else in it: `asset.version` is 2.x,
/// `asset.minVersion` is at most 2.0, and every one of `extensionsRequired` is supported.
///
/// # Errors
/// [`RigError::Format`] for a version that is absent, malformed or another one, [`RigError::Unsupported`] with the
/// first extension that is not supported.
pub fn check_asset(document: &Value) -> Result<(), RigError> {
    let asset = document.get("asset").ok_or_else(|| fault("there is no asset version"))?;
    let text = |key: &str| match asset.get(key) {
        None => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(|| fault(format!("asset.{key} is not a text"))),
    };
    let version = text("version")?.ok_or_else(|| fault("there is no asset version"))?;
    let required = match document.get("extensionsRequired") {
        None => &[],
        Some(Value::Array(names)) => names.as_slice(),
        Some(_) => return Err(fault("extensionsRequired is not a list")),
    };
    let required: Option<Vec<&str>> = required.iter().map(Value::as_str).collect();
    let required = required.ok_or_else(|| fault("extensionsRequired holds more than names"))?;
    check_versions_and_extensions(version, text("minVersion")?, required)
}

/// As [`check_asset`], of a document that is parsed already.
pub(crate) fn check_versions_and_extensions<'a>(
    version: &str,
    min_version: Option<&str>,
    required: impl IntoIterator<Item = &'a str>,
) -> Result<(), RigError> {
    if !matches!(parse_version(version), Some((2, _))) {
        return Err(fault(format!("version {version:?} instead of 2.0")));
    }
    if let Some(least) = min_version
        && parse_version(least).is_none_or(|v| v > (2, 0))
    {
        return Err(fault(format!("it needs a reader of version {least:?}, and this one reads 2.0")));
    }
    for name in required {
        let known = SUPPORTED.contains(&name) || SUPPORTED_PREFIXES.iter().any(|p| name.starts_with(p));
        if !known || name == UNSUPPORTED {
            let remedy = REMEDIES.iter().find(|(extension, _)| *extension == name);
            let remedy = remedy.map_or("export it without", |(_, remedy)| remedy);
            return Err(RigError::Unsupported(format!(
                "the file needs the glTF extension {}, which is not supported; {remedy}",
                shown(name)
            )));
        }
    }
    Ok(())
}

/// Major and minor of `2.0`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit()).then(|| part.parse().ok())?;
    let (major, minor) = text.split_once('.')?;
    Some((digits(major)?, digits(minor)?))
}
