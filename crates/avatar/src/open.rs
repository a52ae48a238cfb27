//! Opening a file of any known kind as an avatar.

use std::io::{ErrorKind, Read};
use std::path::Path;

use effigy_rig::{LoadLimits, Rig};
use flate2::read::MultiGzDecoder;

use crate::archive::{Archive, file_name, is_zip, part};
use crate::asset::{AssetFile, EXTENSION_NAME};
use crate::lam::{self, LamLimits, read_lam};
use crate::splat_file::{
    SplatFileError, SplatOrigin, SplatReadOptions, SplatScene, is_sog_meta, is_spz_within_gzip,
    read_antimatter, read_bundled_sog, read_khr, read_ksplat, read_sog_beside, read_splat,
};
use crate::surface::{SurfaceOptions, sample};
use crate::unread::{has_ending, refuse_by_content, refuse_by_name};
use crate::{Avatar, AvatarError};

/// How to open files that leave something open, and how much they may ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOptions {
    /// Largest file, bytes; if it is packed, also what it unpacks to.
    pub file_bytes: u64,
    /// For splat files.
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
    /// glTF or VRM, whose surface is sampled ([`sample`]) unless it holds splats; a LAM zip ([`read_lam`]); a splat file of any
    /// of the formats of [`crate::splat_file`], of which `.splat` alone is told by its name; or one
    /// of these packed by gzip, or alone of its kind in a zip.
    ///
    /// An avatar without a name of its own gets the file's.
    ///
    /// # Errors
    /// [`AvatarError::Io`] or [`AvatarError::File`], with the path and what is wrong.
    pub fn open(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Self, AvatarError> {
        Ok(Self::open_with_origin(path, options)?.0)
    }

    /// As [`Avatar::open`]; of a splat file also what it was taken for where it does not say itself.
    ///
    /// # Errors
    /// As [`Avatar::open`].
    pub fn open_with_origin(
        path: impl AsRef<Path>,
        options: &OpenOptions,
    ) -> Result<(Self, Option<SplatOrigin>), AvatarError> {
        let path = path.as_ref();
        let bytes = read(path, options.file_bytes)?;
        Self::from_bytes(path, &bytes, options)
    }

    /// As [`Avatar::open_with_origin`], of a file that is in memory already. `path` is for its name, and for what a `.gltf`
    /// has beside it.
    ///
    /// # Errors
    /// [`AvatarError::File`], with the path and what is wrong.
    pub fn from_bytes(
        path: &Path,
        bytes: &[u8],
        options: &OpenOptions,
    ) -> Result<(Self, Option<SplatOrigin>), AvatarError> {
        let (mut avatar, origin) =
            open_bytes(path, bytes, options, MAX_PACKINGS).map_err(|e| e.in_file(path))?;
        if avatar.name.is_empty() {
            avatar.name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        }
        Ok((avatar, origin))
    }
}

/// How often a file may be packed in another, a `.ply.gz` in a zip for example.
const MAX_PACKINGS: u32 = 2;

fn read(path: &Path, limit: u64) -> Result<Vec<u8>, AvatarError> {
    let file = std::fs::File::open(path).map_err(AvatarError::io(path))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(AvatarError::io(path))?;
    if bytes.len() as u64 > limit {
        return Err(AvatarError::Asset(format!("larger than {limit} bytes")).in_file(path));
    }
    Ok(bytes)
}

/// Opens a file that is packed at most `packings` times; `path` is only for its name and for what lies beside it.
fn open_bytes(
    path: &Path,
    bytes: &[u8],
    options: &OpenOptions,
    packings: u32,
) -> Result<(Avatar, Option<SplatOrigin>), AvatarError> {
    refuse_by_content(bytes)?;
    open_known(path, bytes, options, packings).or_else(|fault| {
        refuse_by_name(path)?;
        Err(fault)
    })
}

fn open_known(
    path: &Path,
    bytes: &[u8],
    options: &OpenOptions,
    packings: u32,
) -> Result<(Avatar, Option<SplatOrigin>), AvatarError> {
    if is_zip(bytes) {
        return open_zip(bytes, options, packings);
    }
    if bytes.starts_with(GZIP) && !is_spz_within_gzip(bytes) {
        let packings = packings.checked_sub(1).ok_or_else(packed_too_often)?;
        return open_bytes(&path.with_extension(""), &gunzip(bytes, options.file_bytes)?, options, packings);
    }
    let is_glb = bytes.starts_with(b"glTF");
    if is_glb && let Some(avatar) = AssetFile::parse(bytes, &options.rig)?.avatar(&options.rig)? {
        return Ok((avatar, None));
    }
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes).trim_ascii_start();
    if is_sog_meta(text) {
        let folder = path.parent().unwrap_or(Path::new(""));
        return splats(read_sog_beside(text, folder, &options.splat)?);
    }
    if is_glb || text.starts_with(b"{") {
        if let Some(scene) = read_khr(bytes, path.parent(), &options.rig, &options.splat)? {
            return splats(scene);
        }
        if AssetFile::parse(bytes, &options.rig).is_ok_and(|file| file.has_lost_its_avatar()) {
            tracing::warn!(
                "{}: was a neural avatar, but another program has dropped its Gaussians (the extension \
                 {EXTENSION_NAME}); Gaussians are sampled from the mesh instead",
                path.display()
            );
        }
        let rig = Rig::from_slice(bytes, path.parent(), &options.rig)?;
        return Ok((sample(rig, &options.surface)?, None));
    }
    splats(match read_splat(bytes, &options.splat) {
        // These two have no mark of their own, or hardly one.
        Err(SplatFileError::UnknownFormat) if has_ending(path, &["splat"]) => {
            read_antimatter(bytes, &options.splat)?
        }
        Err(SplatFileError::UnknownFormat) if has_ending(path, &["ksplat"]) => {
            read_ksplat(bytes, &options.splat)?
        }
        Err(SplatFileError::UnknownFormat) => return Err(AvatarError::UnknownFormat),
        other => other?,
    })
}

fn splats(scene: SplatScene) -> Result<(Avatar, Option<SplatOrigin>), AvatarError> {
    let avatar = Avatar { name: String::new(), gaussians: scene.gaussians, filter: scene.filter, body: None };
    avatar.validate()?;
    Ok((avatar, Some(scene.origin)))
}

const GZIP: &[u8] = &[0x1f, 0x8b];

fn gunzip(bytes: &[u8], limit: u64) -> Result<Vec<u8>, AvatarError> {
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(limit.saturating_add(1)).read_to_end(&mut unpacked);
    match read {
        Err(fault) if fault.kind() == ErrorKind::UnexpectedEof => {
            Err(AvatarError::Asset("gzip: the file ends within it".into()))
        }
        Err(fault) => Err(AvatarError::Asset(format!("gzip: {fault}"))),
        Ok(length) if length as u64 > limit => {
            Err(AvatarError::Asset(format!("gzip: unpacks to more than {limit} bytes")))
        }
        Ok(_) => Ok(unpacked),
    }
}

/// Endings of what is opened where it is the only file of these in a zip.
const PACKED: [&str; 7] = ["ply", "spz", "splat", "ksplat", "gz", "glb", "vrm"];

fn open_zip(
    bytes: &[u8],
    options: &OpenOptions,
    packings: u32,
) -> Result<(Avatar, Option<SplatOrigin>), AvatarError> {
    let mut archive = Archive::open(bytes, options.lam.entries, options.file_bytes)?;
    if archive.find(lam::SKIN)?.is_some() {
        return Ok((read_lam(bytes, &options.lam)?, None));
    }
    if let Some(meta) = archive.find("meta.json")?.map(str::to_owned) {
        return splats(read_bundled_sog(&mut archive, &meta, &options.splat)?);
    }
    let found: Vec<String> =
        archive.paths().filter(|path| has_ending(Path::new(path), &PACKED)).map(str::to_owned).collect();
    match found.as_slice() {
        [] => {
            archive.paths().try_for_each(|path| refuse_by_name(Path::new(path)))?;
            Err(AvatarError::Archive(format!("no splat file in it, and no {}: not a LAM avatar", lam::SKIN)))
        }
        [path] => {
            let packings = packings.checked_sub(1).ok_or_else(packed_too_often)?;
            let unpacked = archive.read(path)?;
            // Nothing lies beside it.
            let name = Path::new(file_name(path));
            open_bytes(name, &unpacked, options, packings).map_err(|fault| part(file_name(path), &fault))
        }
        [first, second, ..] => Err(AvatarError::Archive(format!(
            "{} files that could be meant, {first:?} and {second:?} among them: unpack the one that is",
            found.len()
        ))),
    }
}

fn packed_too_often() -> AvatarError {
    AvatarError::Archive(format!("packed more than {MAX_PACKINGS} times, one in the other"))
}
