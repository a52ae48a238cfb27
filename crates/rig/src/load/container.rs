//! The outermost layer: binary chunks, JSON, required extensions.

use gltf::json::Root;

use crate::error::within;
use crate::{LoadLimits, RigError};

/// A file taken apart.
pub(super) struct Parts<'a> {
    pub(super) root: Root,
    pub(super) bin: Option<&'a [u8]>,
}

/// Extensions that may be required: they change nothing that is read here, or are read here.
const SUPPORTED: &[&str] = &[
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "KHR_xmp_json_ld",
    "EXT_texture_webp",
];
const SUPPORTED_PREFIXES: &[&str] = &["KHR_materials_", "KHR_gaussian_splatting", "VRMC_", "EFFIGY_"];

fn fault(fault: impl ToString) -> RigError {
    RigError::Format { format: "glTF", fault: fault.to_string() }
}

/// Splits a GLB into its chunks, or takes `bytes` as the JSON itself, and parses that.
pub(super) fn parse<'a>(bytes: &'a [u8], limits: &LoadLimits) -> Result<Parts<'a>, RigError> {
    let (json, bin) = if bytes.starts_with(b"glTF") { chunks(bytes)? } else { (bytes, None) };
    within("the JSON part", json.len() as u64, limits.json_bytes)?;
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    if !json.trim_ascii_start().starts_with(b"{") {
        return Err(fault("neither a GLB header nor JSON"));
    }
    let root: Root = gltf::json::deserialize::from_slice(json).map_err(fault)?;
    if !root.asset.version.starts_with("2.") {
        return Err(fault(format!("version {:?} instead of 2.0", root.asset.version)));
    }
    for name in &root.extensions_required {
        let known =
            SUPPORTED.contains(&name.as_str()) || SUPPORTED_PREFIXES.iter().any(|p| name.starts_with(p));
        if !known {
            return Err(RigError::Unsupported(format!(
                "the file needs the glTF extension {name}, which is not supported; export it without"
            )));
        }
    }
    Ok(Parts { root, bin })
}

fn chunks(bytes: &[u8]) -> Result<(&[u8], Option<&[u8]>), RigError> {
    let word = |at: usize| {
        let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(bytes) as usize)
    };
    let short = || fault("the GLB header is cut short");
    let version = word(4).ok_or_else(short)?;
    if version != 2 {
        return Err(fault(format!("GLB version {version} instead of 2")));
    }
    let length = word(8).ok_or_else(short)?;
    let whole =
        bytes.get(..length).ok_or_else(|| fault(format!("truncated: {} of {length} bytes", bytes.len())))?;
    let (mut json, mut bin, mut at) = (None, None, 12);
    while at < whole.len() {
        let (Some(size), Some(kind)) = (word(at), word(at + 4)) else {
            return Err(fault("a chunk header is cut short"));
        };
        let start = at + 8;
        let data = start.checked_add(size).and_then(|end| whole.get(start..end));
        let data = data.ok_or_else(|| fault(format!("a chunk of {size} bytes reaches past the end")))?;
        match kind {
            0x4E4F_534A if json.is_none() => json = Some(data),
            0x004E_4942 if bin.is_none() => bin = Some(data),
            // Unknown chunks are to be ignored (glTF 2.0, 4.4.3.1).
            _ => {}
        }
        at = start + size;
    }
    Ok((json.ok_or_else(|| fault("the GLB has no JSON chunk"))?, bin))
}
