//! Kinds of file that people have and that are not read, each with the way from there.

use std::path::Path;

use crate::AvatarError;

struct Kind {
    name: &'static str,
    advice: &'static str,
    /// What its files begin with.
    starts: &'static [&'static [u8]],
    /// What its files' names end in.
    endings: &'static [&'static str],
}

const KINDS: [Kind; 7] = [
    Kind {
        name: "USD (.usdz, .usd, .usda, .usdc)",
        advice: "export the splats as PLY, SPZ or SOG, or the rig as glTF",
        starts: &[b"PXR-USDC", b"#usda"],
        endings: &["usdz", "usd", "usda", "usdc"],
    },
    Kind {
        name: "RAD, the format of Spark's levels of detail",
        advice: "open the PLY, SPZ or SOG that it was made from",
        starts: &[b"RAD0"],
        endings: &["rad"],
    },
    Kind {
        name: "LCC of XGRIDS",
        advice: "convert it first, splat-transform scene.lcc scene.ply",
        starts: &[],
        endings: &["lcc", "lcc2"],
    },
    Kind {
        name: "FBX",
        advice: "export the rig as glTF (.glb), from Blender for example",
        starts: &[b"Kaydara FBX Binary"],
        endings: &["fbx"],
    },
    Kind {
        name: "a Blender file",
        advice: "export the rig as glTF (.glb)",
        starts: &[b"BLENDER"],
        endings: &["blend"],
    },
    Kind {
        name: "a checkpoint of a trainer",
        advice: "let the trainer export its splats as PLY",
        starts: &[],
        endings: &["pt", "pth", "ckpt", "pkl", "npy", "npz"],
    },
    Kind {
        name: "a web page",
        advice: "open the splat file that it shows; SuperSplat exports PLY and SOG",
        starts: &[b"<!doctype html", b"<!DOCTYPE html", b"<html"],
        endings: &["html", "htm"],
    },
];

/// Refuses a file that begins as those of a kind do that is known and not read.
///
/// # Errors
/// [`AvatarError::Unread`].
pub(crate) fn refuse_by_content(bytes: &[u8]) -> Result<(), AvatarError> {
    refuse(|kind| kind.starts.iter().any(|start| bytes.starts_with(start)))
}

/// Refuses a file whose name ends as those of a kind do that is known and not read. A name may be wrong: this is for what
/// could not be read by its content.
///
/// # Errors
/// [`AvatarError::Unread`].
pub(crate) fn refuse_by_name(path: &Path) -> Result<(), AvatarError> {
    refuse(|kind| has_ending(path, kind.endings))
}

fn refuse(is: impl Fn(&Kind) -> bool) -> Result<(), AvatarError> {
    match KINDS.iter().find(|kind| is(kind)) {
        Some(&Kind { name, advice, .. }) => Err(AvatarError::Unread { name, advice }),
        None => Ok(()),
    }
}

/// Whether a path ends in a dot and one of `endings`, whatever their case.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().is_some_and(|found| endings.iter().any(|ending| found.eq_ignore_ascii_case(ending)))
}
