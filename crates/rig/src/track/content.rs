//! What kind of track a file is, told by its content.

use std::borrow::Cow;
use std::path::Path;

use crate::error::within;
use crate::load::load_with_extensions;
use crate::{LoadLimits, RigError};

use super::{Track, TrackLimits};
use super::{face_cap, gltf_weights, ifacialmocap, json, table, vrm_animation};

const READ: &str = "what is read: Live Link Face CSV, other CSV with ARKit names (MediaPipe), JSON of MediaPipe, \
                    ARKit, Audio2Face and LAM, Face Cap and iFacialMocap text, glTF with animated morphs, VRMA";

/// Motion that is of other things, by how its files begin.
const OTHERS: [(&[u8], &str); 6] = [
    (b"HIERARCHY", "BVH, motion of a body"),
    (b"Kaydara FBX", "FBX"),
    (b"; FBX", "FBX"),
    (b"Vocaloid Motion Data", "VMD, motion of MikuMikuDance"),
    (b"#!usda", "USD"),
    (b"PXR-USDC", "USD"),
];

pub(super) fn read(bytes: &[u8], base_dir: Option<&Path>, limits: &TrackLimits) -> Result<Track, RigError> {
    within("the file", bytes.len() as u64, limits.bytes)?;
    if bytes.starts_with(b"glTF") {
        return gltf(bytes, base_dir, limits);
    }
    let start = bytes.trim_ascii_start();
    if let Some((_, kind)) = OTHERS.into_iter().find(|(magic, _)| start.starts_with(magic)) {
        return Err(RigError::Unsupported(format!("not a track but {kind}; {READ}")));
    }
    let text = text(bytes);
    let text = text.trim_start();
    if text.starts_with(['{', '[']) {
        return match json::read(text, limits)? {
            json::Content::Track(track) => Ok(track),
            json::Content::Gltf => gltf(text.as_bytes(), base_dir, limits),
            json::Content::Unknown => Err(unknown("JSON without controls over time")),
        };
    }
    if face_cap::is_it(text) {
        return face_cap::read(text, limits);
    }
    if ifacialmocap::is_it(text) {
        return ifacialmocap::read(text, limits);
    }
    table::read(text, limits)?.ok_or_else(|| unknown("no layout that is known"))
}

fn unknown(what: &str) -> RigError {
    RigError::Unsupported(format!("not a track: {what}; {READ}"))
}

/// Text in UTF-8 or, as spreadsheets save it too, UTF-16, without its mark.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|b| unit(*b)).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn gltf(bytes: &[u8], base_dir: Option<&Path>, limits: &TrackLimits) -> Result<Track, RigError> {
    let load_limits = LoadLimits { bytes: limits.bytes, ..LoadLimits::default() };
    let (rig, extensions) = load_with_extensions(bytes, base_dir, &load_limits)?;
    match extensions.get(vrm_animation::EXTENSION) {
        Some(extension) => vrm_animation::read(&rig, extension, &extensions, limits),
        None => gltf_weights::read(&rig, limits),
    }
}
