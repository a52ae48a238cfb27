//! Bytes that the JSON refers to: buffers and pictures, embedded or beside the file.

use std::borrow::Cow;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use gltf::json::Root;
use gltf::json::buffer::Buffer;

use crate::error::{invalid, within};
use crate::meshopt;
use crate::{Image, RigError};

use super::accessor::Accessors;
use super::left_out::LeftOut;

/// Where URIs lead, and how many bytes may still come from there.
pub(super) struct Files<'a> {
    base_dir: Option<&'a Path>,
    folders_up: u32,
    limit: u64,
    used: u64,
}

impl<'a> Files<'a> {
    pub(super) fn new(base_dir: Option<&'a Path>, folders_up: u32, limit: u64) -> Self {
        Self { base_dir, folders_up, limit, used: 0 }
    }

    /// Takes `bytes` off what may still be read or unpacked.
    pub(super) fn spend(&mut self, bytes: u64) -> Result<(), RigError> {
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

    /// The file that `uri` names: beside the one that refers to it, below it, or as many folders up as the limits allow.
    fn resolve(&self, uri: &str) -> Result<PathBuf, RigError> {
        let refuse = |why: &str| invalid(format!("the URI {uri:.100?}"), why);
        if uri.contains(':') {
            return Err(refuse("is an address or drive; only files near this one are read"));
        }
        let name = String::from_utf8(percent_decoded(uri)).map_err(|_| refuse("is not UTF-8"))?;
        if name.chars().any(char::is_control) {
            return Err(refuse("holds a control character"));
        }
        // Written on Windows.
        let name = name.replace('\\', "/");
        let (mut up, mut down) = (0u32, PathBuf::new());
        for component in Path::new(&name).components() {
            match component {
                Component::Normal(part) => down.push(part),
                Component::CurDir => {}
                Component::ParentDir if down.pop() => {}
                Component::ParentDir => up = up.saturating_add(1),
                Component::RootDir | Component::Prefix(_) => up = u32::MAX,
            }
        }
        if up > self.folders_up || name.contains(':') {
            return Err(refuse("leads too far out of the file's folder"));
        }
        if down.as_os_str().is_empty() {
            return Err(refuse("names no file"));
        }
        let base =
            self.base_dir.ok_or_else(|| refuse("refers to a file, but there is no folder to look in"))?;
        Ok((0..up).map(|_| Path::new("..")).fold(base.to_owned(), |path, up| path.join(up)).join(down))
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

/// Whether a buffer only stands in for compressed data, for programs that cannot read that.
fn is_fallback(buffer: &Buffer) -> bool {
    let others = buffer.extensions.as_ref().map(|e| &e.others);
    let marked = |name| others?.get(name)?.get("fallback")?.as_bool();
    meshopt::EXTENSIONS.into_iter().any(|name| marked(name) == Some(true))
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
        if is_fallback(buffer) {
            buffers.push(Cow::Borrowed([].as_slice()));
            continue;
        }
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

/// The pictures of a file, still encoded.
pub(super) struct Pictures {
    pub(super) images: Vec<Image>,
    /// For each picture of the file, its place among [`Self::images`]; `None` where it cannot be read.
    pub(super) places: Vec<Option<usize>>,
}

/// Pictures in files of their own that cannot be read are left out, with a warning.
pub(super) fn images(
    root: &Root,
    accessors: &Accessors<'_>,
    files: &mut Files<'_>,
) -> Result<Pictures, RigError> {
    let mut pictures = Pictures { images: Vec::new(), places: Vec::new() };
    let mut missing = LeftOut::default();
    for (i, image) in root.images.iter().enumerate() {
        let (bytes, mime) = match (&image.uri, image.buffer_view) {
            (Some(uri), _) => match files.read(uri) {
                Ok(read) => read,
                Err(fault @ RigError::Limit { .. }) => return Err(fault),
                Err(fault) => {
                    missing.add(|| fault.to_string());
                    pictures.places.push(None);
                    continue;
                }
            },
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
        pictures.places.push(Some(pictures.images.len()));
        pictures.images.push(Image { name: image.name.clone().unwrap_or_default(), mime, bytes });
    }
    missing.warn("pictures are left out, and their materials have their plain colours");
    Ok(pictures)
}
