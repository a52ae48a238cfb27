//! Buffer views that are compressed (EXT_meshopt_compression, KHR_meshopt_compression).

use std::borrow::Cow;

use gltf::json::Root;
use gltf::json::buffer::View;
use serde::Deserialize;
use serde_json::Value;

use crate::RigError;
use crate::error::invalid;
use crate::meshopt::{EXTENSIONS, Filter, Mode, decode};

use super::resource::Files;

/// The extension of a buffer view.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Packed {
    buffer: usize,
    #[serde(default)]
    byte_offset: usize,
    byte_length: usize,
    byte_stride: usize,
    count: usize,
    mode: String,
    #[serde(default)]
    filter: Option<String>,
}

/// For each buffer view that is compressed, what is in it; together they take what `files` still allows.
pub(super) fn unpack(
    root: &Root,
    buffers: &[Cow<'_, [u8]>],
    files: &mut Files<'_>,
) -> Result<Vec<Option<Vec<u8>>>, RigError> {
    let mut unpacked = Vec::with_capacity(root.buffer_views.len());
    for (i, view) in root.buffer_views.iter().enumerate() {
        let others = view.extensions.as_ref().map(|e| &e.others);
        let found = EXTENSIONS.into_iter().find_map(|name| Some((name, others?.get(name)?)));
        unpacked.push(match found {
            Some((name, json)) => {
                Some(unpack_view(json, view, buffers, files, &format!("buffer view {i}, {name}"))?)
            }
            None => None,
        });
    }
    Ok(unpacked)
}

fn unpack_view(
    json: &Value,
    view: &View,
    buffers: &[Cow<'_, [u8]>],
    files: &mut Files<'_>,
    place: &str,
) -> Result<Vec<u8>, RigError> {
    let packed = Packed::deserialize(json).map_err(|e| invalid(place, e.to_string()))?;
    let filter = match packed.filter.as_deref() {
        None | Some("NONE") => Filter::None,
        Some("OCTAHEDRAL") => Filter::Octahedral,
        Some("QUATERNION") => Filter::Quaternion,
        Some("EXPONENTIAL") => Filter::Exponential,
        Some("COLOR") => Filter::Color,
        Some(other) => return Err(invalid(place, format!("its filter {other:?} is unknown"))),
    };
    let mode = match (packed.mode.as_str(), filter) {
        ("ATTRIBUTES", filter) => Mode::Attributes(filter),
        ("TRIANGLES", Filter::None) => Mode::Triangles,
        ("INDICES", Filter::None) => Mode::Indices,
        ("TRIANGLES" | "INDICES", _) => return Err(invalid(place, "has a filter over indices")),
        (other, _) => return Err(invalid(place, format!("its mode {other:?} is unknown"))),
    };
    let size = packed.count.checked_mul(packed.byte_stride).map(|size| size as u64);
    if size != Some(view.byte_length.0) {
        return Err(invalid(place, "its count and stride do not make the length of the buffer view"));
    }
    let bytes = buffers.get(packed.buffer).and_then(|buffer| {
        let end = packed.byte_offset.checked_add(packed.byte_length)?;
        buffer.get(packed.byte_offset..end)
    });
    let bytes = bytes.ok_or_else(|| invalid(place, "its compressed data is not in a buffer"))?;
    files.spend(view.byte_length.0)?;
    decode(bytes, mode, packed.count, packed.byte_stride).map_err(|fault| invalid(place, fault))
}
