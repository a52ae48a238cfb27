//! Opening a file of any known kind as an avatar.

use std::io::Read;
use std::path::Path;

use effigy_rig::{LoadLimits, Rig};

use crate::asset::AssetFile;
use crate::lam::{LamLimits, read_lam};
use crate::splat_file::{SplatFileError, SplatReadOptions, read_splat};
use crate::surface::{SurfaceOptions, sample};
use crate::{Avatar, AvatarError};

/// How to open files that leave something open, and how much they may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOptions {
    /// Largest file, bytes.
    pub file_bytes: u64,
    /// For PLY and SPZ.
    pub splat: SplatReadOptions,
    /// For glTF.
    pub rig: LoadLimits,
    /// For LAM zips.
    pub lam: LamLimits,
    /// For a glTF without Gaussians, whose surface is sampled.
    pub surface: SurfaceOptions,
}

impl Default for OpenOptions {
    /// Files up to 2 GiB, and the defaults of each kind.
    fn default() -> Self {
        Self {
            file_bytes: 2 << 30,
            splat: SplatReadOptions::default(),
            rig: LoadLimits::default(),
            lam: LamLimits::default(),
            surface: SurfaceOptions::default(),
        }
    }
}

impl Avatar {
    /// Opens `path`, whose kind is told by its content: a `.glb` with the extension `EFFIGY_neural_avatar`; any other
    /// glTF or VRM, whose surface is sampled ([`sample`]); a LAM zip ([`read_lam`]); or a splat file ([`read_splat`]).
    ///
    /// An avatar without a name of its own gets the file's.
    ///
    /// # Errors
    /// [`AvatarError::Io`] or [`AvatarError::File`], with the path and what is wrong.
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, AvatarError> {
        let path = path.as_ref();
        let bytes = read(path, options.file_bytes)?;
        let mut avatar = open_bytes(path, &bytes, options).map_err(|e| e.in_file(path))?;
        if avatar.name.is_empty() {
            avatar.name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        }
        Ok(avatar)
    }
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, AvatarError> {
    let file = std::fs::File::open(path).map_err(AvatarError::io(path))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(AvatarError::io(path))?;
    if bytes.len() as u64 > limit {
        return Err(AvatarError::Asset(format!("larger than {limit} bytes")).in_file(path));
    }
    Ok(bytes)
}

fn open_bytes(path: &Path, bytes: &[u8], options: &OpenOptions) -> Result<Avatar, AvatarError> {
    // An empty zip consists of its end record alone.
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return read_lam(bytes, &options.lam);
    }
    if bytes.starts_with(b"glTF")
        && let Some(avatar) = AssetFile::parse(bytes, &options.rig)?.avatar(&options.rig)?
    {
        return Ok(avatar);
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    if bytes.starts_with(b"glTF") || text.starts_with(b"{") {
        return sample(Rig::from_slice(bytes, path.parent(), &options.rig)?, &options.surface);
    }
    let scene = read_splat(bytes, &options.splat).map_err(|e| match e {
        SplatFileError::UnknownFormat => AvatarError::UnknownFormat,
        other => other.into(),
    })?;
    let avatar = Avatar { name: String::new(), gaussians: scene.gaussians, filter: scene.filter, body: None };
    avatar.validate()?;
    Ok(avatar)
}
