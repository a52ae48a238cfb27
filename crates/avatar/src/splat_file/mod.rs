//! Files of 3D Gaussians: 3D Gaussian Splatting PLY, PlayCanvas compressed PLY, and Niantic SPZ.
//!
//! [`read_splat`] tells them apart by content. Whatever the file's own axes, what is read is right-handed with +Y up,
//! and has passed [`Gaussians::validate`]. [`write_ply`] exports the first of them.

mod clean;
mod compressed_ply;
mod error;
mod limits;
mod orientation;
mod ply;
mod ply_body;
mod ply_header;
mod ply_write;
mod spz;

use effigy_splat::{Filter, Gaussians};

pub use compressed_ply::read_compressed_ply;
pub use error::SplatFileError;
pub use limits::SplatLimits;
pub use orientation::UpAxis;
pub use ply::{PlyColor, read_ply};
pub use ply_write::write_ply;
pub use spz::read_spz;

use ply_body::PlyFile;

/// What a splat file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct SplatScene {
    /// The Gaussians, +Y up.
    pub gaussians: Gaussians,
    /// The filter that they were optimised under, as far as the file says.
    pub filter: Filter,
}

/// How to read a splat file, where the file itself does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SplatReadOptions {
    /// What `f_dc_0` to `f_dc_2` of an uncompressed PLY mean.
    pub ply_color: PlyColor,
    /// Which way is up in a PLY, compressed or not.
    pub ply_up: UpAxis,
    /// How much a file may ask for.
    pub limits: SplatLimits,
}

/// Reads a splat file of any of the formats of this module, told apart by content.
///
/// # Errors
/// [`SplatFileError`] names what is wrong with the file and where.
pub fn read_splat(bytes: &[u8], options: &SplatReadOptions) -> Result<SplatScene, SplatFileError> {
    if bytes.starts_with(b"ply\n") || bytes.starts_with(b"ply\r\n") {
        let file = PlyFile::parse(bytes, &options.limits)?;
        if compressed_ply::is_compressed(&file) {
            compressed_ply::decode(&file, options)
        } else {
            ply::decode(&file, options)
        }
    } else if spz::is_spz(bytes) {
        read_spz(bytes, &options.limits)
    } else {
        Err(SplatFileError::UnknownFormat)
    }
}
