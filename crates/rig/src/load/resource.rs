//! Bytes that the JSON refers to: buffers and pictures, embedded or beside the file.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use gltf::json::Root;

use crate::error::{invalid, within};
use crate::{Image, RigError};

use super::accessor::Accessors;

/// Where URIs lead, and how many bytes may still come from there.
pub(super) struct Files<'a> {
    base_dir: Option<&'a Path>,
    limit: u64,
    used: u64,
}

impl<'a> Files<'a> {
    pub(super) fn new(base_dir: Option<&'a Path>, limit: u64) -> Self {
        Self { base_dir, limit, used: 0 }
    }

    fn spend(&mut self, bytes: u64) -> Result<(), RigError> {
        self.used = self.used.saturating_add(bytes);
        within("what the file holds and refers to, in bytes,", self.used, self.limit)
    }

    /// The bytes behind `uri`, and their type where it says so.
    fn read(&mut self, uri: &str) -> Result<(Vec<u8>, Option<String>), RigError> {
        if let Some(data) = uri.strip_prefix("data:") {
            let (kind, body) =
                data.split_once(',').ok_or_else(|| invalid("a data URI", "has no comma before its data"))?;
            let mime = kind.split(';').next().filter(|m| !m.is_empty()).map(str::to_owned);
            self.spend(body.len() as u64)?;
            let bytes = if kind.ends_with(";base64") {
                let config =
                    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
                GeneralPurpose::new(&base64::alphabet::STANDARD, config)
                    .decode(body)
                    .map_err(|e| invalid("a data URI", e.to_string()))?
            } else {
                percent_decoded(body)
            };
            return Ok((bytes, mime));
        }
        let path = self.resolve(uri)?;
        let mut read = || -> Result<Vec<u8>, RigError> {
            let metadata = std::fs::metadata(&path)?;
            if !metadata.is_file() {
                return Err(invalid("the path", "is not a file"));
            }
            self.spend(metadata.len())?;
            Ok(std::fs::read(&path)?)
        };
        Ok((read().map_err(|fault| fault.in_file(&path))?, None))
    }

    fn resolve(&self, uri: &str) -> Result<PathBuf, RigError> {
        let refuse = |why: &str| invalid(format!("the URI {uri:.100?}"), why);
        if uri.contains(':') {
            return Err(refuse("is an address or drive; only files beside this one are read"));
        }
        let name = String::from_utf8(percent_decoded(uri)).map_err(|_| refuse("is not UTF-8"))?;
        let path = Path::new(&name);
        let inside = path.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        if name.is_empty() || name.contains(['\\', ':', '\0']) || !inside {
            return Err(refuse("leads outside the file's folder"));
        }
        if name.chars().any(char::is_control) {
            return Err(refuse("holds a control character"));
        }
        let base =
            self.base_dir.ok_or_else(|| refuse("refers to a file, but there is no folder to look in"))?;
        Ok(base.join(path))
    }
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        let decoded = hex.filter(|_| byte == b'%').and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(decoded.unwrap_or(byte));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    out
}

/// All buffers, each cut to the length it declares. A buffer without data stays empty, so that files whose buffers are
/// only fallbacks fail where one is used.
pub(super) fn buffers<'a>(
    root: &Root,
    bin: &'a [u8],
    files: &mut Files<'_>,
) -> Result<Vec<Cow<'a, [u8]>>, RigError> {
    let mut buffers = Vec::new();
    for (i, buffer) in root.buffers.iter().enumerate() {
        let data = match &buffer.uri {
            Some(uri) => Cow::Owned(files.read(uri)?.0),
            None if i == 0 && !bin.is_empty() => Cow::Borrowed(bin),
            None => {
                buffers.push(Cow::Borrowed([].as_slice()));
                continue;
            }
        };
        let length = usize::try_from(buffer.byte_length.0).unwrap_or(usize::MAX);
        if data.len() < length {
            return Err(invalid(
                format!("buffer {i}"),
                format!("declares {length} bytes, but there are {}", data.len()),
            ));
        }
        buffers.push(match data {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[..length]),
            Cow::Owned(mut bytes) => {
                bytes.truncate(length);
                Cow::Owned(bytes)
            }
        });
    }
    Ok(buffers)
}

/// All pictures, still encoded.
pub(super) fn images(
    root: &Root,
    accessors: &Accessors<'_>,
    files: &mut Files<'_>,
) -> Result<Vec<Image>, RigError> {
    let mut images = Vec::new();
    for (i, image) in root.images.iter().enumerate() {
        let (bytes, mime) = match (&image.uri, image.buffer_view) {
            (Some(uri), _) => files.read(uri)?,
            (None, Some(view)) => {
                let bytes = accessors.view(view.value(), &format!("image {i}"))?;
                files.spend(bytes.len() as u64)?;
                (bytes.to_vec(), None)
            }
            (None, None) => return Err(invalid(format!("image {i}"), "has neither a URI nor a buffer view")),
        };
        let declared = image.mime_type.as_ref().map(|m| m.0.clone()).or(mime);
        let mime = match bytes.as_slice() {
            [0x89, b'P', b'N', b'G', ..] => "image/png".to_owned(),
            [0xff, 0xd8, 0xff, ..] => "image/jpeg".to_owned(),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "image/webp".to_owned(),
            _ => declared.unwrap_or_else(|| "application/octet-stream".to_owned()),
        };
        images.push(Image { name: image.name.clone().unwrap_or_default(), mime, bytes });
    }
    Ok(images)
}
