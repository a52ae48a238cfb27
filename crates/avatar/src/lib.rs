//! The avatar asset: Gaussians bound to the surface of a rig, in one `.glb` file.
//!
//! An [`Avatar`] comes from its own file format (glTF 2.0 with the extension `EFFIGY_neural_avatar`, described in
//! `schema/`), from other systems' files, or from any textured glTF by sampling its surface. [`Avatar::open`] tells
//! them apart by content. This crate knows how Gaussians follow a rig, and nothing of cameras, pictures or windows.

mod anchor;
mod archive;
mod asset;
mod avatar;
mod detail;
mod error;
mod extent;
mod glb;
mod importance_raster;
pub mod lam;
mod morph;
mod normals;
mod open;
mod parts;
mod poser;
#[cfg(feature = "meshopt")]
mod simplify;
pub mod splat_file;
pub mod surface;
mod unread;
mod whole_file;

pub use anchor::Anchor;
pub use asset::{ASSET_VERSION, EXTENSION_NAME};
pub use avatar::{Avatar, Binding, Body, PosedGaussians};
pub use detail::{PrefixGrowth, detail_order};
pub use error::AvatarError;
pub use extent::{Extent, Extents};
pub use importance_raster::ImportanceRaster;
pub use normals::normals;
pub use open::OpenOptions;
pub use parts::{Part, parts};
pub use poser::{AvatarPoser, PoserTimes};
#[cfg(feature = "meshopt")]
pub use simplify::simplify;
pub use whole_file::write_whole;
